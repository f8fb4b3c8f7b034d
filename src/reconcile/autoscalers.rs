//! Who owns the replicas of a workload: an autoscaler's are its own, and neither drift nor ours to set.

use std::collections::{BTreeMap, BTreeSet};

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
    /// As one list of each kind said: by target, their kinds and `namespace/name`.
    Listed(BTreeMap<ObjectId, Vec<(String, String)>>),
}

impl Autoscalers {
    /// From the watches, or by one list of each kind.
    pub(super) async fn of(cluster: &Cluster, view: Option<&LiveView>) -> Result<Self, ClusterError> {
        if let Some(view) = view {
            return Ok(Self::Watched(view.clone()));
        }
        let kinds = cluster.kinds().await?;
        let mut targets: BTreeMap<ObjectId, Vec<(String, String)>> = BTreeMap::new();
        for (version, kind) in AUTOSCALERS {
            if let Some(resource) = kinds.resource(&Gvk::new(version, kind)) {
                for found in cluster.list(resource, "", "").await? {
                    if let Some(target) = target(&found) {
                        targets.entry(target).or_default().push(key(kind, found.namespace(), found.name()));
                    }
                }
            }
        }
        Ok(Self::Listed(targets))
    }

    /// Whether an autoscaler owns the replicas of this workload.
    pub(super) fn own_replicas_of(&self, id: &ObjectId) -> bool {
        match self {
            Self::Watched(view) => !view.autoscalers_of(id).is_empty(),
            Self::Listed(targets) => targets.contains_key(id),
        }
    }

    /// Whether one does that is not among those that go: what Git says of the replicas is meant from then on.
    pub(super) fn will_own_replicas_of(&self, id: &ObjectId, gone: &Gone) -> bool {
        match self {
            Self::Watched(view) => view.autoscalers_of(id).iter().any(|autoscaler| !gone.0.contains(autoscaler)),
            Self::Listed(targets) => targets.get(id).is_some_and(|all| all.iter().any(|one| !gone.0.contains(one))),
        }
    }
}

/// Autoscalers that a plan deletes.
pub(super) struct Gone(BTreeSet<(String, String)>);

impl Gone {
    /// Those among the objects that are deleted, and those that KEDA made for them and takes away, by the name that it gives them.
    pub(super) fn among<'a>(deleted: impl Iterator<Item = &'a ObjectId>) -> Self {
        let mut gone = BTreeSet::new();
        for id in deleted.filter(|id| AUTOSCALERS.iter().any(|(_, kind)| *kind == id.kind)) {
            gone.insert(key(&id.kind, &id.namespace, &id.name));
            if id.kind == AUTOSCALERS[1].1 {
                gone.insert(key(AUTOSCALERS[0].1, &id.namespace, &format!("keda-hpa-{}", id.name)));
            }
        }
        Self(gone)
    }
}

fn key(kind: &str, namespace: &str, name: &str) -> (String, String) {
    (kind.to_owned(), format!("{namespace}/{name}"))
}

/// What an autoscaler targets; what a ScaledObject leaves out is KEDA's default.
fn target(autoscaler: &Object) -> Option<ObjectId> {
    let reference = autoscaler.value().pointer("/spec/scaleTargetRef")?;
    let text = |key: &str| reference.get(key).and_then(Value::as_str);
    let version = text("apiVersion").unwrap_or("apps/v1");
    let Gvk { group, kind, .. } = Gvk::new(version, text("kind").unwrap_or("Deployment"));
    Some(ObjectId::new(&group, &kind, autoscaler.namespace(), text("name")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keda_made_goes_with_what_it_was_made_for() {
        let id = |group: &str, kind: &str, name: &str| ObjectId::new(group, kind, "shop", name);
        let deleted = [
            id("keda.sh", "ScaledObject", "api"),
            id("autoscaling", "HorizontalPodAutoscaler", "ui"),
            id("apps", "Deployment", "old"),
        ];
        let gone = Gone::among(deleted.iter());
        let listed = |kind: &str, name: &str| key(kind, "shop", name);
        let target = |name: &str| id("apps", "Deployment", name);
        let hpa = "HorizontalPodAutoscaler";
        let autoscalers = Autoscalers::Listed(
            [
                (target("api"), vec![listed(hpa, "keda-hpa-api"), listed("ScaledObject", "api")]),
                (target("ui"), vec![listed(hpa, "ui")]),
                (target("worker"), vec![listed(hpa, "ui"), listed(hpa, "worker")]),
            ]
            .into(),
        );
        for (name, now, then) in
            [("api", true, false), ("ui", true, false), ("worker", true, true), ("other", false, false)]
        {
            let id = target(name);
            assert_eq!(autoscalers.own_replicas_of(&id), now, "{name}");
            assert_eq!(autoscalers.will_own_replicas_of(&id, &gone), then, "{name}");
        }
    }
}
