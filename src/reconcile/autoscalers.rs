//! Who owns the replicas of a workload: an autoscaler's are its own, and neither drift nor ours to set.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cluster::{Cluster, ClusterError};
use crate::manifest::{Gvk, Object, ObjectId};

use super::view::LiveView;

/// The kinds of autoscalers: Kubernetes' own, and those that come with a CRD.
pub(super) const AUTOSCALERS: [(&str, &str); 2] =
    [("autoscaling/v2", "HorizontalPodAutoscaler"), ("keda.sh/v1alpha1", "ScaledObject")];

/// The workloads whose replicas an autoscaler owns.
pub(super) enum Autoscalers {
    /// As the watches know them.
    Watched(LiveView),
    /// As one list of each kind said.
    Listed(BTreeSet<ObjectId>),
}

impl Autoscalers {
    /// From the watches, or by one list of each kind.
    pub(super) async fn of(cluster: &Cluster, view: Option<&LiveView>) -> Result<Self, ClusterError> {
        if let Some(view) = view {
            return Ok(Self::Watched(view.clone()));
        }
        let kinds = cluster.kinds().await?;
        let mut targets = BTreeSet::new();
        for (version, kind) in AUTOSCALERS {
            if let Some(resource) = kinds.resource(&Gvk::new(version, kind)) {
                targets.extend(cluster.list(resource, "", "").await?.iter().filter_map(target));
            }
        }
        Ok(Self::Listed(targets))
    }

    /// Whether an autoscaler owns the replicas of this workload.
    pub(super) fn own_replicas_of(&self, id: &ObjectId) -> bool {
        match self {
            Self::Watched(view) => view.autoscaler_of(id).is_some(),
            Self::Listed(targets) => targets.contains(id),
        }
    }
}

/// What an autoscaler targets; what a ScaledObject leaves out is KEDA's default.
fn target(autoscaler: &Object) -> Option<ObjectId> {
    let reference = autoscaler.value().pointer("/spec/scaleTargetRef")?;
    let text = |key: &str| reference.get(key).and_then(Value::as_str);
    let version = text("apiVersion").unwrap_or("apps/v1");
    let Gvk { group, kind, .. } = Gvk::new(version, text("kind").unwrap_or("Deployment"));
    Some(ObjectId::new(&group, &kind, autoscaler.namespace(), text("name")?))
}
