//! Which workloads have their replicas from a HorizontalPodAutoscaler or from KEDA's ScaledObject, which has one made, and scales
//! by itself to nothing and while it is paused.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::Deserialize;

use super::error::ClusterError;
use super::watch::Sink;
use super::watcher::Shared;
use crate::manifest::{Gvk, ObjectId};

/// An autoscaler, as far as it is looked at.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Autoscaler {
    metadata: Name,
    spec: Spec,
}

#[derive(Debug, Clone, Deserialize)]
struct Name {
    name: String,
    #[serde(default)]
    namespace: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    scale_target_ref: Target,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    // KEDA's defaults; a HorizontalPodAutoscaler always says both.
    #[serde(default = "apps")]
    api_version: String,
    #[serde(default = "deployment")]
    kind: String,
    name: String,
}

fn apps() -> String {
    "apps/v1".to_owned()
}

fn deployment() -> String {
    "Deployment".to_owned()
}

impl Autoscaler {
    fn key(&self) -> String {
        format!("{}/{}", self.metadata.namespace, self.metadata.name)
    }

    fn target(&self) -> ObjectId {
        let target = &self.spec.scale_target_ref;
        let Gvk { group, kind, .. } = Gvk::new(&target.api_version, &target.kind);
        ObjectId::new(&group, &kind, &self.metadata.namespace, &target.name)
    }
}

/// By kind and `namespace/name`, each with its target.
type Known = BTreeMap<(String, String), ObjectId>;

/// The autoscalers of a cluster.
#[derive(Debug, Default)]
pub(super) struct Autoscalers(Known);

impl Autoscalers {
    /// The autoscalers that target an object: their kinds and `namespace/name`.
    pub(super) fn of(&self, id: &ObjectId) -> Vec<(String, String)> {
        self.0.iter().filter(|(_, target)| *target == id).map(|(key, _)| key.clone()).collect()
    }
}

/// Follows those of one kind.
pub(super) struct AutoscalerSink {
    shared: Shared,
    kind: String,
    listed: Known,
}

impl AutoscalerSink {
    pub(super) fn new(shared: Shared, kind: &str) -> Self {
        Self { shared, kind: kind.to_owned(), listed: Known::new() }
    }

    fn key(&self, item: &Autoscaler) -> (String, String) {
        (self.kind.clone(), item.key())
    }

    fn replace(&self, change: impl FnOnce(&mut Known)) {
        let changed = {
            let mut state = self.shared.state();
            let known = &mut state.autoscalers().0;
            let before = known.clone();
            change(known);
            *known != before
        };
        if changed {
            self.shared.autoscalers_changed();
        }
    }
}

impl Sink<Autoscaler> for AutoscalerSink {
    fn relist(&mut self) {
        self.listed.clear();
    }

    fn listed(&mut self, item: Autoscaler) {
        self.listed.insert(self.key(&item), item.target());
    }

    fn complete(&mut self) -> ControlFlow<()> {
        let listed = std::mem::take(&mut self.listed);
        self.replace(|known| {
            known.retain(|(kind, _), _| *kind != self.kind);
            known.extend(listed);
        });
        self.shared.autoscalers_settled(&self.kind);
        ControlFlow::Continue(())
    }

    fn changed(&mut self, item: Autoscaler) -> ControlFlow<()> {
        self.replace(|known| drop(known.insert(self.key(&item), item.target())));
        ControlFlow::Continue(())
    }

    fn deleted(&mut self, item: Autoscaler) -> ControlFlow<()> {
        self.replace(|known| drop(known.remove(&self.key(&item))));
        ControlFlow::Continue(())
    }

    fn resumed(&mut self) {}

    fn lost(&mut self, error: &ClusterError) {
        tracing::warn!(kind = %self.kind, %error, "autoscalers cannot be followed");
        self.shared.autoscalers_settled(&self.kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_target_is_an_object_of_the_same_namespace() {
        let autoscaler: Autoscaler = serde_json::from_value(json!({"metadata": {"name": "a", "namespace": "ns"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend"}}}))
        .unwrap();
        let key = ("HorizontalPodAutoscaler".to_owned(), autoscaler.key());
        let known = Autoscalers(BTreeMap::from([(key, autoscaler.target())]));
        let found = ("HorizontalPodAutoscaler".to_owned(), "ns/a".to_owned());
        assert_eq!(known.of(&"apps/Deployment/ns/backend".parse().unwrap()), [found]);
        assert_eq!(known.of(&"apps/Deployment/other/backend".parse().unwrap()), []);
        let scaled: Autoscaler = serde_json::from_value(json!({"metadata": {"name": "s", "namespace": "ns"},
            "spec": {"scaleTargetRef": {"name": "worker"}}}))
        .unwrap();
        assert_eq!(scaled.target().to_string(), "apps/Deployment/ns/worker", "KEDA's defaults");
    }
}
