//! Who owns the replicas of a workload: an autoscaler's are its own, and neither drift nor ours to set.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cluster::{Cluster, ClusterError};
use crate::manifest::{Gvk, Object, ObjectId};
use crate::plan::{Plan, Verb};

use super::view::LiveView;

/// The workloads whose replicas an autoscaler owns.
pub(super) enum Autoscalers {
    /// As the watches know them.
    Watched(LiveView),
    /// As one list said.
    Listed(BTreeSet<ObjectId>),
}

impl Autoscalers {
    /// From the watches, or by one list.
    pub(super) async fn of(cluster: &Cluster, view: Option<&LiveView>) -> Result<Self, ClusterError> {
        if let Some(view) = view {
            return Ok(Self::Watched(view.clone()));
        }
        let kind = Gvk::new("autoscaling/v2", "HorizontalPodAutoscaler");
        let Some(resource) = cluster.kinds().await?.resource(&kind).cloned() else {
            return Ok(Self::Listed(BTreeSet::new()));
        };
        let listed = cluster.list(&resource, "", "").await?;
        Ok(Self::Listed(listed.iter().filter_map(target).collect()))
    }

    /// Whether an autoscaler owns the replicas of this workload.
    pub(super) fn own_replicas_of(&self, id: &ObjectId) -> bool {
        match self {
            Self::Watched(view) => view.autoscaler_of(id).is_some(),
            Self::Listed(targets) => targets.contains(id),
        }
    }

    /// Lets a write of an autoscaled workload say the replicas that it has. Leaving them out would not do: the field would be
    /// taken from nobody and fall back to one. One read for each such write.
    pub(super) async fn keep_replicas(&self, cluster: &Cluster, plan: &mut Plan) -> Result<(), ClusterError> {
        for action in plan.releases.iter_mut().flat_map(|r| &mut r.apply) {
            let there = matches!(action.verb, Verb::Update | Verb::Adopt | Verb::Transfer);
            let Some(object) = action.object.as_mut().filter(|_| there && self.own_replicas_of(&action.id)) else {
                continue;
            };
            let Some(desired) = object.value_mut().pointer_mut("/spec/replicas") else { continue };
            let live = cluster.get(&action.id, &action.version).await?;
            if let Some(replicas) = live.as_ref().and_then(|l| l.value().pointer("/spec/replicas")) {
                *desired = replicas.clone();
            }
        }
        Ok(())
    }
}

/// What an autoscaler targets.
fn target(autoscaler: &Object) -> Option<ObjectId> {
    let reference = autoscaler.value().pointer("/spec/scaleTargetRef")?;
    let text = |key: &str| reference.get(key).and_then(Value::as_str);
    let Gvk { group, kind, .. } = Gvk::new(text("apiVersion").unwrap_or_default(), text("kind")?);
    Some(ObjectId { group, kind, namespace: autoscaler.namespace().to_owned(), name: text("name")?.to_owned() })
}
