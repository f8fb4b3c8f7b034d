//! One object deleted, when it is proven to be ours: it stands in the inventory, its annotation names itself and the release,
//! and it is the very object that was applied (UID). The server checks UID and version again as it deletes.

use std::time::Duration;

use http::Method;
use serde_json::json;

use super::adopt::Owner;
use super::error::{ApplyError, is_being_deleted};
use super::object::Action;
use crate::cluster::wire::Call;
use crate::cluster::{Cluster, Verb};
use crate::manifest::{Applied, ObjectId};
use crate::plan::Propagation;

/// How often the proof is made again when the object changes meanwhile: the status of a PodDisruptionBudget changes with each pod that
/// goes beside it.
const RACES: u32 = 12;
/// The pause before the next attempt, times the attempts so far.
const PAUSE: Duration = Duration::from_millis(10);

/// Why an object was not deleted, though a plan said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spared {
    /// It does not exist any more.
    Gone,
    /// Its annotation does not name itself and the release.
    NotOurs,
    /// It is another object under the same name.
    Replaced,
    /// The chart asks to keep it.
    Kept,
    /// It is being deleted already.
    BeingDeleted,
}

impl Spared {
    /// For people.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Gone => "it is gone already",
            Self::NotOurs => "its owner annotation does not name this release",
            Self::Replaced => "another object has taken its name",
            Self::Kept => "it asks to be kept",
            Self::BeingDeleted => "it is being deleted already",
        }
    }
}

/// What became of a deletion: [`Action::Deleted`], or [`Action::Skipped`] with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// What happened.
    pub action: Action,
    /// Why nothing was deleted.
    pub spared: Option<Spared>,
    /// The UID of what is still there, and goes once its finalizers are done.
    pub remains: Option<String>,
}

fn spared(reason: Spared) -> Removed {
    Removed { action: Action::Skipped, spared: Some(reason), remains: None }
}

/// Deletes an object of a release's inventory; its dependents follow in the background. Two requests.
///
/// # Errors
/// What the server says. That the object is not provably ours is no error but [`Spared`].
pub async fn delete_object(
    cluster: &Cluster,
    id: &ObjectId,
    applied: &Applied,
    owner: &Owner,
) -> Result<Removed, ApplyError> {
    if applied.keep {
        return Ok(spared(Spared::Kept));
    }
    delete_proven(cluster, id, applied, owner, Propagation::Background).await
}

/// Deletes an object that is proven to be ours, and treats its dependents as told.
pub(super) async fn delete_proven(
    cluster: &Cluster,
    id: &ObjectId,
    applied: &Applied,
    owner: &Owner,
    propagation: Propagation,
) -> Result<Removed, ApplyError> {
    for race in 1_u32.. {
        let resource = match cluster.resource_of(id, &applied.version).await {
            Ok(resource) => resource,
            // The CRD is gone, and its objects with it.
            Err(crate::cluster::ClusterError::UnknownKind { .. }) => return Ok(spared(Spared::Gone)),
            Err(error) => return Err(error.into()),
        };
        let Some(live) = cluster.get_metadata(id, &resource.gvk.version).await? else {
            return Ok(spared(Spared::Gone));
        };
        if !owner.owns(id, &live) {
            return Ok(spared(Spared::NotOurs));
        }
        // An interrupted apply left no UID: the annotation, which only this release writes, has to do.
        if !applied.uid.is_empty() && applied.uid != live.uid() {
            return Ok(spared(Spared::Replaced));
        }
        if is_being_deleted(&live) {
            return Ok(spared(Spared::BeingDeleted));
        }
        let mut call = Call::get(Verb::Delete, resource.path(&id.namespace, &id.name));
        call.method = Method::DELETE;
        call.body = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation.policy(),
            "preconditions": {"uid": live.uid(), "resourceVersion": live.resource_version()},
        })
        .to_string()
        .into_bytes();
        match cluster.write(call).await {
            Ok((_, answer)) => {
                // The object itself where it stays for a while, a Status where it is gone.
                let remains = answer.pointer("/metadata/deletionTimestamp").map(|_| live.uid().to_owned());
                return Ok(Removed { action: Action::Deleted, spared: None, remains });
            }
            Err(error) if error.is_not_found() => return Ok(spared(Spared::Gone)),
            Err(error) if error.is_conflict() && race < RACES => tokio::time::sleep(PAUSE * race).await,
            Err(error) => return Err(error.into()),
        }
    }
    unreachable!("the loop ends by returning")
}
