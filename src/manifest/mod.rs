//! Kubernetes objects as data: identity, install order, inventory and the masking of secrets. Rendering makes these, plan
//! and apply consume them; nothing here talks to a cluster.

mod identity;
mod ignore;
mod inventory;
mod lifecycle;
mod mask;
mod object;
mod order;
mod parse;
mod redact;

pub use identity::{Gvk, ObjectId};
pub use ignore::{IgnoreRule, Target};
pub use inventory::{Applied, Inventory, InventoryError, Standing, Verdict};
pub use lifecycle::{Held, HookRun, Lifecycle, Progress, RunPhase};
pub use mask::{MASK, is_secret, masked, masked_keyed, secret_mark};
pub use object::{Object, ObjectError};
pub use order::{install_rank, sort_for_install, sort_for_uninstall};
pub use parse::{ended, parse};
pub use redact::Redactor;

/// The field manager of every write that evenkeel makes.
pub const FIELD_MANAGER: &str = "evenkeel";
/// Label: the environment that an object belongs to.
pub const LABEL_ENVIRONMENT: &str = "evenkeel.dev/environment";
/// Label: the release that an object belongs to.
pub const LABEL_RELEASE: &str = "evenkeel.dev/release";
/// Annotation that names the object itself (`group/Kind/namespace/name@environment/release`): a copied label proves nothing.
pub const ANNOTATION_OWNER: &str = "evenkeel.dev/owner";
/// Annotation: how an object is applied: `ifMissing`, `recreate` or `skip`.
pub const ANNOTATION_APPLY: &str = "evenkeel.dev/apply";
/// Annotation: `never` keeps an object that Git no longer holds.
pub const ANNOTATION_PRUNE: &str = "evenkeel.dev/prune";
/// Annotation: what a change by others to this object causes: `correct`, `alert` or `ignore`.
pub const ANNOTATION_ON_DRIFT: &str = "evenkeel.dev/onDrift";

/// Annotation of a hook's object: whose run it is, so that an interrupted pass finds it again.
pub const ANNOTATION_HOOK: &str = "evenkeel.dev/hook";

/// The value of [`ANNOTATION_OWNER`] for an object of a release.
#[must_use]
pub fn owner_of(id: &ObjectId, environment: &str, release: &str) -> String {
    format!("{id}@{environment}/{release}")
}
