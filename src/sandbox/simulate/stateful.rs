//! StatefulSets: numbered pods in order, each with its claims, which stay when the pods go.

use std::sync::Arc;

use serde_json::{Value, json};

use super::replicas::pod;
use super::world::{CONTROLLER, World, count, deleting, ready, template_hash};
use crate::sandbox::store::Key;

const REVISION: &str = "controller-revision-hash";

fn ordinal(set: &str, pod: &str) -> Option<usize> {
    pod.strip_prefix(set)?.strip_prefix('-')?.parse().ok()
}

fn revision(pod: &Value) -> &str {
    pod["metadata"]["labels"][REVISION].as_str().unwrap_or_default()
}

/// Looks at a StatefulSet that changed, or whose pods did.
pub(super) fn reconcile(world: &mut World<'_>, key: &Key, set: &Value) {
    let spec = &set["spec"];
    let wanted = usize::try_from(spec["replicas"].as_i64().unwrap_or(1)).unwrap_or(0);
    let first = usize::try_from(spec["ordinals"]["start"].as_i64().unwrap_or(0)).unwrap_or(0);
    let ordered = spec["podManagementPolicy"] != "Parallel";
    let update = format!("{}-{}", key.name, template_hash(&spec["template"]));
    let mut pods: Vec<(usize, Key, Arc<Value>)> = world
        .controlled(set, "pods")
        .into_iter()
        .filter_map(|(pod_key, pod)| Some((ordinal(&key.name, &pod_key.name)?, pod_key, pod)))
        .collect();
    pods.sort_by_key(|(ordinal, _, _)| *ordinal);
    let settled = |pods: &[(usize, Key, Arc<Value>)]| pods.iter().all(|(_, _, pod)| ready(pod) && !deleting(pod));
    let mut complete = true;
    for number in first..first + wanted {
        match pods.iter().find(|(ordinal, _, _)| *ordinal == number) {
            Some((_, _, pod)) => {
                if ordered && (!ready(pod) || deleting(pod)) {
                    complete = false;
                    break;
                }
            }
            None => {
                complete = false;
                start(world, set, number, &update);
                if ordered {
                    break;
                }
            }
        }
    }
    let surplus: Vec<_> =
        pods.iter().filter(|(n, _, p)| (*n >= first + wanted || *n < first) && !deleting(p)).collect();
    if let Some((_, last, _)) = surplus.last() {
        if ordered {
            if complete {
                world.delete(last);
            }
        } else {
            for (_, surplus, _) in &surplus {
                world.delete(surplus);
            }
        }
    } else if complete && settled(&pods) && spec["updateStrategy"]["type"] != "OnDelete" {
        let partition =
            usize::try_from(spec["updateStrategy"]["rollingUpdate"]["partition"].as_i64().unwrap_or(0)).unwrap_or(0);
        if let Some((_, stale, _)) = pods.iter().rev().find(|(n, _, p)| *n >= partition && revision(p) != update) {
            world.delete(stale);
        }
    }
    let pods: Vec<Arc<Value>> =
        world.controlled(set, "pods").into_iter().map(|(_, p)| p).filter(|p| !deleting(p)).collect();
    let live = pods.iter().filter(|p| ready(p)).count();
    let updated = pods.iter().filter(|p| revision(p) == update).count();
    let generation = set["metadata"]["generation"].clone();
    world.status(key, CONTROLLER, |status| {
        let done = updated == wanted && pods.len() == wanted && live == wanted;
        let before = status["currentRevision"].as_str().unwrap_or_default().to_owned();
        let current = if done || before.is_empty() { update.clone() } else { before };
        let of_current = pods.iter().filter(|p| revision(p) == current).count();
        status["observedGeneration"] = generation;
        status["replicas"] = pods.len().into();
        count(status, "readyReplicas", live);
        status["availableReplicas"] = live.into();
        count(status, "currentReplicas", of_current);
        count(status, "updatedReplicas", updated);
        status["currentRevision"] = current.into();
        status["updateRevision"] = update.clone().into();
        status["collisionCount"] = 0.into();
    });
}

fn start(world: &mut World<'_>, set: &Value, number: usize, revision: &str) {
    let name = format!("{}-{number}", set["metadata"]["name"].as_str().unwrap_or_default());
    let mut template = set["spec"]["template"].clone();
    if !template["metadata"]["labels"].is_object() {
        template["metadata"]["labels"] = json!({});
    }
    let labels = &mut template["metadata"]["labels"];
    labels["statefulset.kubernetes.io/pod-name"] = name.clone().into();
    labels["apps.kubernetes.io/pod-index"] = number.to_string().into();
    labels[REVISION] = revision.into();
    template["spec"]["hostname"] = name.clone().into();
    if let Some(service) = set["spec"]["serviceName"].as_str().filter(|s| !s.is_empty()) {
        template["spec"]["subdomain"] = service.into();
    }
    for claim in set["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
        let volume = claim["metadata"]["name"].as_str().unwrap_or_default();
        let claim_name = format!("{volume}-{name}");
        let mut object = claim.clone();
        object["apiVersion"] = "v1".into();
        object["kind"] = "PersistentVolumeClaim".into();
        object["metadata"]["name"] = claim_name.clone().into();
        object["metadata"]["namespace"] = set["metadata"]["namespace"].clone();
        if !object["metadata"]["labels"].is_object() {
            object["metadata"]["labels"] = json!({});
        }
        for (key, value) in set["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten() {
            object["metadata"]["labels"][key] = value.clone();
        }
        // It is there already when the pod was there before.
        world.create(object);
        let volumes = &mut template["spec"]["volumes"];
        if !volumes.is_array() {
            *volumes = json!([]);
        }
        if let Some(list) = volumes.as_array_mut() {
            list.retain(|v| v["name"] != volume);
            list.push(json!({"name": volume, "persistentVolumeClaim": {"claimName": claim_name}}));
        }
    }
    let mut object = pod(set, &template, &name);
    object["metadata"]["generateName"] = format!("{}-", set["metadata"]["name"].as_str().unwrap_or_default()).into();
    world.create(object);
}
