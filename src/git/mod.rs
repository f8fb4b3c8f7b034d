//! Turns a repository, remote or local, into trees of files at a revision, and tells when there is a newer one. Called by
//! the daemon (`Follower`), the command line (`Repository::snapshot`, `Folder`, `watch_folder`). It never checks files
//! out, never writes to a user's repository, and knows nothing of environments.
//!
//! A remote is kept as a bare clone in a cache folder. A repository on this machine is read where it is.

mod credentials;
mod error;
mod fetch;
mod flight;
mod folder;
mod identity;
mod follower;
mod repository;
mod revision;
mod snapshot;
mod url;
mod verify;
mod watch;

pub use credentials::Credentials;
pub use error::GitError;
pub use folder::Folder;
pub use follower::{FollowOptions, Followed, Follower};
pub use repository::Repository;
pub use revision::Revision;
pub use snapshot::Snapshot;
pub use url::{is_remote, masked};
pub use watch::{Change, FolderWatch, watch_folder};

/// The largest file that is read from a repository or a working folder, in bytes (limit: file size).
pub const FILE_LIMIT: u64 = 16 * 1024 * 1024;
