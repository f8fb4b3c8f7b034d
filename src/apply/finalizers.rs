//! Custom objects go before what serves them. Their controllers take part in the deletion (finalizers), so the rest of a release,
//! its controllers among it, stays until they are gone: deleted all at once, they would never go.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::error::ApplyError;
use crate::cluster::Cluster;
use crate::manifest::{ObjectId, install_rank};

/// An object that has been going away for so long has nobody left who cares, and holds up nothing any longer.
const ABANDONED: Duration = Duration::from_secs(300);

/// Whether a kind is none of Kubernetes' own that helm knows: it may have a controller in the release.
pub(super) fn is_custom(kind: &str) -> bool {
    install_rank(kind) > install_rank("ValidatingWebhookConfiguration") && kind != "Namespace"
}

/// Waits until a deleted object is gone, for as long as a pass has `patience`: what takes longer is for the next one, which comes when
/// it is gone.
///
/// # Errors
/// [`ApplyError::Finalizing`] when it is not in time: what comes after it has to wait.
pub(super) async fn finalized(
    cluster: &Cluster,
    (id, version, uid): (&ObjectId, &str, &str),
    patience: Duration,
    cancel: &CancellationToken,
) -> Result<(), ApplyError> {
    if cluster.wait_gone(id, version, uid, patience, cancel).await? {
        return Ok(());
    }
    if cancel.is_cancelled() {
        return Err(ApplyError::Interrupted);
    }
    let Some(live) = cluster.get_metadata(id, version).await?.filter(|live| live.uid() == uid) else { return Ok(()) };
    let metadata = |key: &str| live.value().get("metadata").and_then(|m| m.get(key));
    let since = metadata("deletionTimestamp").and_then(Value::as_str).and_then(|t| t.parse::<Timestamp>().ok());
    let names = metadata("finalizers").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let finalizers = names.collect::<Vec<_>>().join(", ");
    if since.is_some_and(|since| Timestamp::now().duration_since(since).unsigned_abs() > ABANDONED) {
        tracing::warn!(id = %id.display(), %finalizers, "it has been going away for too long: the rest of its release goes all the same");
        return Ok(());
    }
    Err(ApplyError::Finalizing { id: id.clone(), finalizers })
}
