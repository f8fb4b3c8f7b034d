//! ReplicaSets: as many pods as wanted, made from the template.

use serde_json::{Value, json};

use super::controlled_by;
use super::world::{CONTROLLER, World, count, deleting, ready};
use crate::sandbox::store::Key;

/// A pod of a template under an owner. `name` ends with a dash where the server is to complete it.
pub(super) fn pod(owner: &Value, template: &Value, name: &str) -> Value {
    let mut metadata = template["metadata"].clone();
    if !metadata.is_object() {
        metadata = json!({});
    }
    let field = if name.ends_with('-') { "generateName" } else { "name" };
    metadata[field] = name.into();
    metadata["namespace"] = owner["metadata"]["namespace"].clone();
    metadata["ownerReferences"] = controlled_by(owner);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
}

/// Looks at a ReplicaSet that changed, or whose pods did.
pub(super) fn reconcile(world: &mut World<'_>, key: &Key, set: &Value) {
    let wanted = usize::try_from(set["spec"]["replicas"].as_i64().unwrap_or(1)).unwrap_or(0);
    let mut pods = world.controlled(set, "pods");
    pods.retain(|(_, pod)| {
        !deleting(pod) && pod["status"]["phase"] != "Failed" && pod["status"]["phase"] != "Succeeded"
    });
    let name = format!("{}-", key.name);
    for _ in pods.len()..wanted {
        world.create(pod(set, &set["spec"]["template"], &name));
    }
    if pods.len() > wanted {
        // Those that are not ready go first, then the youngest.
        pods.sort_by_key(|(_, pod)| {
            let created = pod["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
            (!ready(pod), std::cmp::Reverse(created))
        });
        pods.sort_by_key(|(_, pod)| ready(pod));
        for (key, _) in pods.drain(..pods.len() - wanted) {
            world.delete(&key);
        }
    }
    let now_owned: Vec<_> =
        world.controlled(set, "pods").into_iter().filter(|(_, pod)| !deleting(pod)).map(|(_, pod)| pod).collect();
    let live = now_owned.iter().filter(|p| ready(p)).count();
    let generation = set["metadata"]["generation"].clone();
    world.status(key, CONTROLLER, |status| {
        status["replicas"] = now_owned.len().into();
        count(status, "fullyLabeledReplicas", now_owned.len());
        count(status, "readyReplicas", live);
        count(status, "availableReplicas", live);
        status["terminatingReplicas"] = 0.into();
        status["observedGeneration"] = generation;
    });
}
