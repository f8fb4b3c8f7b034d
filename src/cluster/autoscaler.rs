//! Which workloads have their replicas from a HorizontalPodAutoscaler. KEDA's ScaledObjects make one, so they are seen too.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::Deserialize;

use super::error::ClusterError;
use super::watch::Sink;
use super::watcher::Shared;
use crate::manifest::{Gvk, ObjectId};

/// A HorizontalPodAutoscaler, as far as it is looked at.
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
    #[serde(default)]
    api_version: String,
    kind: String,
    name: String,
}

impl Autoscaler {
    fn key(&self) -> String {
        format!("{}/{}", self.metadata.namespace, self.metadata.name)
    }

    fn target(&self) -> ObjectId {
        let target = &self.spec.scale_target_ref;
        let Gvk { group, kind, .. } = Gvk::new(&target.api_version, &target.kind);
        ObjectId { group, kind, namespace: self.metadata.namespace.clone(), name: target.name.clone() }
    }
}

/// Autoscalers by `namespace/name`, each with its target.
#[derive(Debug, Default)]
pub(super) struct Autoscalers(BTreeMap<String, ObjectId>);

impl Autoscalers {
    /// The autoscaler that targets an object.
    pub(super) fn target(&self, id: &ObjectId) -> Option<&str> {
        self.0.iter().find(|(_, target)| *target == id).map(|(key, _)| key.as_str())
    }
}

/// Follows them.
pub(super) struct AutoscalerSink {
    shared: Shared,
    listed: BTreeMap<String, ObjectId>,
}

impl AutoscalerSink {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared, listed: BTreeMap::new() }
    }

    fn replace(&self, change: impl FnOnce(&mut BTreeMap<String, ObjectId>)) {
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
        self.listed.insert(item.key(), item.target());
    }

    fn complete(&mut self) -> ControlFlow<()> {
        let listed = std::mem::take(&mut self.listed);
        self.replace(|known| *known = listed);
        self.shared.autoscalers_settled();
        ControlFlow::Continue(())
    }

    fn changed(&mut self, item: Autoscaler) -> ControlFlow<()> {
        self.replace(|known| drop(known.insert(item.key(), item.target())));
        ControlFlow::Continue(())
    }

    fn deleted(&mut self, item: Autoscaler) -> ControlFlow<()> {
        self.replace(|known| drop(known.remove(&item.key())));
        ControlFlow::Continue(())
    }

    fn resumed(&mut self) {}

    fn lost(&mut self, error: &ClusterError) {
        tracing::warn!(%error, "autoscalers cannot be followed");
        self.shared.autoscalers_settled();
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
        let known = Autoscalers(BTreeMap::from([(autoscaler.key(), autoscaler.target())]));
        assert_eq!(known.target(&"apps/Deployment/ns/backend".parse().unwrap()), Some("ns/a"));
        assert_eq!(known.target(&"apps/Deployment/other/backend".parse().unwrap()), None);
    }
}
