//! Turns what was deployed into the record that Helm keeps of it, and such records back: one revision of a release is one Secret
//! (`sh.helm.release.v1.NAME.vN`), its content base64 over gzip over JSON. What evenkeel writes, `helm list`, `history`, `get`,
//! `rollback`, `upgrade` and `uninstall` read, and the other way round (helm 3 and 4).
//!
//! `reconcile/` makes records, `cluster/` reads them, `apply/` alone writes them. Nothing here knows a cluster or a clock.

mod chart;
mod codec;
mod digest;
mod hook;
mod revision;
mod status;

pub use chart::{chart_json, plain_chart};
pub use codec::{DecodeError, LARGEST, Packed, decode, encode};
pub use digest::digest;
pub use hook::{Event, Hook, Phase, Policy, in_order};
pub use revision::{Info, Revision, labels_of, secret_name, version_of};
pub use status::Status;

/// The type of a Secret that holds a revision.
pub const SECRET_TYPE: &str = "helm.sh/release.v1";
/// The field of its data.
pub const SECRET_FIELD: &str = "release";
/// Label: whose the Secret is; its value is [`OWNER`].
pub const LABEL_OWNER: &str = "owner";
/// The value of [`LABEL_OWNER`].
pub const OWNER: &str = "helm";
/// Label: the release's name.
pub const LABEL_NAME: &str = "name";
/// Label: the revision's status.
pub const LABEL_STATUS: &str = "status";
/// Label: the revision's number.
pub const LABEL_VERSION: &str = "version";
/// Labels that are helm's own: every other one of a Secret is the release's (`helm install --labels`).
pub const SYSTEM_LABELS: &[&str] = &["name", "owner", "status", "version", "createdAt", "modifiedAt"];
/// How many revisions are kept: helm's default.
pub const MAX_HISTORY: usize = 10;
/// Annotation of a revision's Secret: the digest of what was deployed ([`digest()`]), so that an interrupted pass finds its own
/// revision again.
pub const ANNOTATION_DIGEST: &str = "evenkeel.dev/digest";
