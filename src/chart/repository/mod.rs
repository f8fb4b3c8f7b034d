//! What chart repositories and registries say, as text that is read here: the index of an HTTP repository, helm's list of
//! repositories, references to charts in OCI registries, Docker's and helm's files of logins, `Chart.lock`. `remote/` fetches
//! and stores these texts; nothing here does.

mod digest;
mod entries;
mod index;
mod lock;
mod logins;
mod reference;

pub use digest::{same_digest, sha256};
pub use entries::{RepositoryEntry, repositories};
pub use index::{ChartVersion, Index, IndexError};
pub use lock::{Lock, hash_dependencies, hash_dependencies_v2};
pub use logins::{Login, Logins};
pub use reference::{Reference, ReferenceError, is_oci, masked};
