//! DaemonSets: one pod on the one node.

use serde_json::{Value, json};

use super::cluster::NODE;
use super::replicas::pod;
use super::world::{CONTROLLER, World, count, deleting, ready, template_hash};
use crate::sandbox::store::Key;

const REVISION: &str = "controller-revision-hash";

/// Looks at a DaemonSet that changed, or whose pod did.
pub(super) fn reconcile(world: &mut World<'_>, key: &Key, set: &Value) {
    let revision = template_hash(&set["spec"]["template"]);
    let labels = world.store.look("nodes", "", NODE).map(|n| n["metadata"]["labels"].clone()).unwrap_or_default();
    let wanted = set["spec"]["template"]["spec"]["nodeSelector"]
        .as_object()
        .into_iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value));
    let pods = world.controlled(set, "pods");
    let current = |pod: &Value| pod["metadata"]["labels"][REVISION] == revision.as_str();
    let rolling = set["spec"]["updateStrategy"]["type"] != "OnDelete";
    for (pod_key, pod) in &pods {
        if !deleting(pod) && (!wanted || (rolling && !current(pod))) {
            world.delete(pod_key);
        }
    }
    if wanted && pods.is_empty() {
        let mut template = set["spec"]["template"].clone();
        if !template["metadata"]["labels"].is_object() {
            template["metadata"]["labels"] = json!({});
        }
        template["metadata"]["labels"][REVISION] = revision.clone().into();
        world.create(pod(set, &template, &format!("{}-", key.name)));
    }
    let pods: Vec<_> = world.controlled(set, "pods").into_iter().filter(|(_, p)| !deleting(p)).collect();
    let live = pods.iter().filter(|(_, p)| ready(p)).count();
    let updated = pods.iter().filter(|(_, p)| current(p)).count();
    let generation = set["metadata"]["generation"].clone();
    world.status(key, CONTROLLER, |status| {
        status["observedGeneration"] = generation;
        status["desiredNumberScheduled"] = usize::from(wanted).into();
        status["currentNumberScheduled"] = pods.len().into();
        status["numberMisscheduled"] = 0.into();
        status["numberReady"] = live.into();
        count(status, "numberAvailable", live);
        count(status, "numberUnavailable", usize::from(wanted).saturating_sub(live));
        count(status, "updatedNumberScheduled", updated);
    });
}
