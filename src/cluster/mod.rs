//! The live cluster: client, discovery, watches, inventory, waits (IO: kube).
//!
//! Turns a kubeconfig into answers: which kinds there are ([`Kinds`]), what a release owns ([`Cluster::inventories`]), whether
//! anyone took a field from us ([`Watcher`], metadata only), and whether objects are ready ([`Cluster::wait_ready`]). Called by reconcile
//! and the commands. Never writes: that is `apply/`.

mod approval;
mod autoscaler;
mod connect;
mod discovery;
mod error;
mod finished;
mod followed;
mod history;
mod index;
mod inventories;
mod key;
mod lookup;
mod mark;
mod openapi;
mod read;
mod requests;
mod store;
mod trouble;
mod version;
mod wait;
mod watch;
mod watcher;
pub(crate) mod wire;

pub(crate) use approval::{APPROVAL_KEY, approval_name};
pub use approval::{Approval, LABEL_APPROVAL, StoredApproval};
pub use connect::{Cluster, ConnectOptions, Overrides, SYSTEM_NAMESPACE, namespace_of};
pub use discovery::{Kinds, Resource};
pub use error::{Cause, ClusterError, Refusal};
pub use finished::Finished;
pub use followed::{MAX_FOLLOWED, Standing};
pub use history::{ReadRevision, StoredRevision};
pub use index::{Seen, version_digest};
pub(crate) use key::{KEY_FIELD, KEY_SECRET};
pub use lookup::{Sought, Versions, versions_of};
pub(crate) use mark::{foreign_of, is_ours};
pub use mark::{mark_of, mark_text};
pub(crate) use read::typed;
pub use requests::{Requests, Verb};
pub(crate) use store::{INVENTORY_KEY, encode_inventory, inventory_name, surplus};
pub use store::{LABEL_INVENTORY, StoredInventory};
pub use trouble::Trouble;
pub use version::{Capabilities, ServerVersion};
pub use wait::{NotReady, OnHealth, Patience, Wait};
pub use watcher::{LiveEvent, Watcher};
