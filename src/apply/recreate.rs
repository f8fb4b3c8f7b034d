//! One object deleted and made anew, because a field of it cannot be changed in place. Whether the server takes the new one is
//! asked before the old one goes; a process that ends in between leaves an inventory that names the object, and the next pass
//! makes it.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::adopt::Owner;
use super::delete::{Spared, delete_proven};
use super::error::ApplyError;
use super::object::{Accept, Before, DryRun, Written, apply_object, rehearse};
use crate::cluster::Cluster;
use crate::manifest::{Applied, Object};
use crate::plan::{Action, Propagation};

/// How long an object may take to be gone: its finalizers and, where it is deleted in the foreground, its dependents.
const GONE: Duration = Duration::from_secs(60);
/// The pauses between two looks whether it is gone, growing up to the second.
const LOOK: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// What creating the object would do, asked under another name while the old one holds its own. Addresses and ports that the old
/// one holds are left to the server.
pub(super) async fn try_anew(cluster: &Cluster, object: &Object) -> Result<DryRun, ApplyError> {
    let mut copy = object.clone();
    let name: String = object.name().chars().take(40).collect();
    if let Some(metadata) = copy.value_mut().get_mut("metadata").and_then(Value::as_object_mut) {
        metadata
            .insert("name".to_owned(), Value::from(format!("{}-evenkeel-check", name.trim_end_matches(['-', '.']))));
    }
    let map = copy.value_mut().as_object_mut();
    if let Some(map) = map {
        // There is one default in a cluster.
        map.remove("globalDefault");
        if let Some(spec) = map.get_mut("spec").and_then(Value::as_object_mut).filter(|_| object.kind() == "Service") {
            if spec.get("clusterIP").and_then(Value::as_str) != Some("None") {
                spec.remove("clusterIP");
                spec.remove("clusterIPs");
            }
            spec.remove("healthCheckNodePort");
            for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(port) = port.as_object_mut() {
                    port.remove("nodePort");
                }
            }
        }
    }
    // The old one exists: its metadata is read again before it is deleted.
    Ok(DryRun { exists: true, ..rehearse(cluster, &copy).await? })
}

/// Deletes the object that the plan looked at, waits until it is gone, and creates the new one.
pub(super) async fn recreate(
    cluster: &Cluster,
    action: &Action,
    object: &Object,
    owner: &Owner,
    cancel: &CancellationToken,
) -> Result<Written, ApplyError> {
    let applied = Applied { version: action.version.clone(), uid: action.uid.clone(), ..Applied::default() };
    let propagation = action.propagation.unwrap_or(Propagation::Background);
    let removed = delete_proven(cluster, &action.id, &applied, owner, propagation).await?;
    match removed.spared {
        // What has taken its name is looked at by the next pass.
        Some(Spared::NotOurs | Spared::Replaced | Spared::Kept) => {
            return Err(ApplyError::BeingDeleted(action.id.clone()));
        }
        Some(Spared::Gone | Spared::BeingDeleted) | None => {}
    }
    let deadline = Instant::now() + GONE;
    let mut pause = LOOK.0;
    while let Some(live) = cluster.get_metadata(&action.id, &action.version).await? {
        if live.uid() != action.uid {
            break;
        }
        if Instant::now() >= deadline {
            return Err(ApplyError::BeingDeleted(action.id.clone()));
        }
        tokio::select! {
            () = cancel.cancelled() => return Err(ApplyError::Interrupted),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LOOK.1);
    }
    apply_object(cluster, object, owner, Before::Unknown, Accept::Own).await
}
