//! Deployments: a ReplicaSet for each template, the newest scaled up, then the older ones down.

use std::sync::Arc;

use serde_json::{Value, json};

use super::controlled_by;
use super::world::{CONTROLLER, World, condition, count, template_hash};
use crate::sandbox::store::Key;

const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn plain(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
        labels.remove(HASH);
    }
    template
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn sum(sets: &[(Key, Arc<Value>)], field: &str) -> usize {
    sets.iter().map(|(_, set)| usize::try_from(int(&set["status"][field])).unwrap_or(0)).sum()
}

fn revision(object: &Value) -> i64 {
    object["metadata"]["annotations"][REVISION].as_str().and_then(|r| r.parse().ok()).unwrap_or(0)
}

/// Looks at a Deployment that changed, or whose ReplicaSets did.
pub(super) fn reconcile(world: &mut World<'_>, key: &Key, deployment: &Value) {
    let spec = &deployment["spec"];
    let wanted = int(&spec["replicas"]);
    let paused = spec["paused"] == true;
    let template = plain(&spec["template"]);
    let mut sets = world.controlled(deployment, "replicasets.apps");
    let mut current = sets.iter().position(|(_, set)| plain(&set["spec"]["template"]) == template);
    let newest = sets.iter().map(|(_, set)| revision(set)).max().unwrap_or(0);
    if current.is_none() && !paused {
        let hold_back = spec["strategy"]["type"] == "Recreate" && sum(&sets, "replicas") > 0;
        if hold_back {
            scale_down(world, &sets, None);
        } else if let Some(set) = create(world, deployment, &template, newest + 1) {
            let name = set["metadata"]["name"].as_str().unwrap_or_default();
            sets.push((super::world::key("replicasets.apps", &key.namespace, name), set));
            current = Some(sets.len() - 1);
        }
    }
    if let Some(at) = current {
        let (set_key, set) = sets[at].clone();
        // Going back to an older template makes its ReplicaSet the newest again.
        let number = if revision(&set) < newest { newest + 1 } else { revision(&set) };
        world.edit(&set_key, "", CONTROLLER, |set| {
            set["spec"]["replicas"] = wanted.into();
            let annotations = &mut set["metadata"]["annotations"];
            annotations[REVISION] = number.to_string().into();
            annotations["deployment.kubernetes.io/desired-replicas"] = wanted.to_string().into();
            annotations["deployment.kubernetes.io/max-replicas"] = max_replicas(spec, wanted).to_string().into();
        });
        let available = int(&set["status"]["availableReplicas"]);
        if available >= wanted && int(&set["spec"]["replicas"]) == wanted {
            scale_down(world, &sets, Some(at));
            forget_old(world, &sets, at, spec);
        }
    }
    let sets = world.controlled(deployment, "replicasets.apps");
    let fresh = sets.iter().find(|(_, set)| plain(&set["spec"]["template"]) == template);
    let updated = fresh.map_or(0, |(_, set)| usize::try_from(int(&set["status"]["replicas"])).unwrap_or(0));
    let (replicas, available) = (sum(&sets, "replicas"), sum(&sets, "availableReplicas"));
    let generation = deployment["metadata"]["generation"].clone();
    let name = fresh.map(|(set, _)| set.name.clone()).unwrap_or_default();
    let number = fresh.map(|(_, set)| revision(set));
    let now = world.time();
    let goal = usize::try_from(wanted).unwrap_or(0);
    let done = updated >= goal && available >= goal && replicas == updated;
    world.edit(key, "status", CONTROLLER, |object| {
        if let Some(number) = number {
            if !object["metadata"]["annotations"].is_object() {
                object["metadata"]["annotations"] = json!({});
            }
            object["metadata"]["annotations"][REVISION] = number.to_string().into();
        }
        let status = &mut object["status"];
        if !status.is_object() {
            *status = json!({});
        }
        status["observedGeneration"] = generation;
        count(status, "replicas", replicas);
        count(status, "updatedReplicas", updated);
        count(status, "readyReplicas", sum(&sets, "readyReplicas"));
        count(status, "availableReplicas", available);
        count(status, "unavailableReplicas", goal.max(replicas).saturating_sub(available));
        status["terminatingReplicas"] = 0.into();
        if paused {
            set_condition(status, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", &now);
        } else if done {
            let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
            set_condition(status, "Progressing", "True", "NewReplicaSetAvailable", &message, &now);
        } else {
            let message = format!("ReplicaSet \"{name}\" is progressing.");
            set_condition(status, "Progressing", "True", "ReplicaSetUpdated", &message, &now);
        }
        if available >= goal.saturating_sub(max_unavailable(spec, wanted)) {
            let message = "Deployment has minimum availability.";
            set_condition(status, "Available", "True", "MinimumReplicasAvailable", message, &now);
        } else {
            let message = "Deployment does not have minimum availability.";
            set_condition(status, "Available", "False", "MinimumReplicasUnavailable", message, &now);
        }
    });
}

fn set_condition(status: &mut Value, kind: &str, value: &str, reason: &str, message: &str, now: &str) {
    condition(status, kind, value, reason, message, now);
    for entry in status["conditions"].as_array_mut().into_iter().flatten() {
        if entry.get("lastUpdateTime").is_none() {
            entry["lastUpdateTime"] = now.into();
        }
    }
}

/// A number or a percentage of the replicas.
fn part(value: &Value, of: i64, up: bool) -> i64 {
    match value {
        Value::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            if up { (of * percent + 99) / 100 } else { of * percent / 100 }
        }
        other => int(other),
    }
}

fn max_replicas(spec: &Value, wanted: i64) -> i64 {
    wanted + part(&spec["strategy"]["rollingUpdate"]["maxSurge"], wanted, true)
}

fn max_unavailable(spec: &Value, wanted: i64) -> usize {
    usize::try_from(part(&spec["strategy"]["rollingUpdate"]["maxUnavailable"], wanted, false)).unwrap_or(0)
}

fn create(world: &mut World<'_>, deployment: &Value, template: &Value, revision: i64) -> Option<Arc<Value>> {
    let hash = template_hash(template);
    let metadata = &deployment["metadata"];
    let wanted = int(&deployment["spec"]["replicas"]);
    let mut template = template.clone();
    if !template["metadata"]["labels"].is_object() {
        template["metadata"]["labels"] = json!({});
    }
    template["metadata"]["labels"][HASH] = hash.clone().into();
    let mut selector = deployment["spec"]["selector"].clone();
    if !selector["matchLabels"].is_object() {
        selector["matchLabels"] = json!({});
    }
    selector["matchLabels"][HASH] = hash.clone().into();
    let mut annotations = match &metadata["annotations"] {
        Value::Object(map) => map.clone(),
        _ => serde_json::Map::new(),
    };
    annotations.remove(LAST_APPLIED);
    annotations.insert(REVISION.to_owned(), revision.to_string().into());
    annotations.insert("deployment.kubernetes.io/desired-replicas".to_owned(), wanted.to_string().into());
    let most = max_replicas(&deployment["spec"], wanted);
    annotations.insert("deployment.kubernetes.io/max-replicas".to_owned(), most.to_string().into());
    let name = metadata["name"].as_str().unwrap_or_default();
    world.create(json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{name}-{hash}"),
            "namespace": metadata["namespace"],
            "labels": template["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": controlled_by(deployment),
        },
        "spec": {"replicas": wanted, "selector": selector, "template": template},
    }))
}

fn scale_down(world: &mut World<'_>, sets: &[(Key, Arc<Value>)], except: Option<usize>) {
    for (index, (key, set)) in sets.iter().enumerate() {
        if Some(index) != except && int(&set["spec"]["replicas"]) > 0 {
            world.edit(key, "", CONTROLLER, |set| set["spec"]["replicas"] = 0.into());
        }
    }
}

fn forget_old(world: &mut World<'_>, sets: &[(Key, Arc<Value>)], current: usize, spec: &Value) {
    let limit = usize::try_from(spec["revisionHistoryLimit"].as_i64().unwrap_or(10)).unwrap_or(10);
    let mut old: Vec<_> = sets
        .iter()
        .enumerate()
        .filter(|(index, (_, set))| {
            *index != current && int(&set["spec"]["replicas"]) == 0 && int(&set["status"]["replicas"]) == 0
        })
        .map(|(_, (key, set))| (revision(set), key.clone()))
        .collect();
    old.sort();
    let surplus = old.len().saturating_sub(limit);
    for (_, key) in old.into_iter().take(surplus) {
        world.delete(&key);
    }
}
