//! The scheduler and the kubelet: a pod gets a node, a moment later its containers run, and those of Jobs have ended.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::cluster::NODE;
use super::world::{KUBELET, World, condition, deleting};
use crate::sandbox::store::{Key, Propagation};

/// Annotation by which a test decides how a pod ends: `fail`, or `run` for one that never does.
const OUTCOME: &str = "evenkeel.dev/test-outcome";

/// The tag of images that are never there: how a rollout that does not come to its end is played.
const MISSING_TAG: &str = ":does-not-exist";

/// What comes after a look at a pod.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Nothing,
    /// Its containers start after a moment.
    Wait,
}

/// Looks at a pod that changed.
pub(super) fn reconcile(world: &mut World<'_>, key: &Key, pod: &Value) -> Next {
    if deleting(pod) {
        // Containers stop at once here.
        world.delete_with(key, Propagation::Background, Some(0));
        return Next::Nothing;
    }
    let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
    if node.is_empty() {
        // Another scheduler's pods are not ours to place.
        if !matches!(pod["spec"]["schedulerName"].as_str(), None | Some("" | "default-scheduler")) {
            return Next::Nothing;
        }
        let now = world.time();
        if !fits(world, pod) {
            world.status(key, "kube-scheduler", |status| {
                condition(
                    status,
                    "PodScheduled",
                    "False",
                    "Unschedulable",
                    "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
                    &now,
                );
            });
            return Next::Nothing;
        }
        world.store.bind(key, NODE, &now);
        return Next::Nothing;
    }
    if pod["status"]["phase"] == "Pending" { Next::Wait } else { Next::Nothing }
}

fn fits(world: &World<'_>, pod: &Value) -> bool {
    let Some(node) = world.store.look("nodes", "", NODE) else { return false };
    pod["spec"]["nodeSelector"]
        .as_object()
        .into_iter()
        .flatten()
        .all(|(key, value)| node["metadata"]["labels"].get(key) == Some(value))
}

/// What becomes of a pod's containers.
fn outcome(pod: &Value) -> &'static str {
    let annotations = &pod["metadata"]["annotations"];
    let of_job = pod["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|r| r["kind"] == "Job");
    match annotations[OUTCOME].as_str() {
        Some("fail") => "Failed",
        Some("run") => "Running",
        _ if of_job || annotations.get("helm.sh/hook").is_some() => "Succeeded",
        _ => "Running",
    }
}

/// Whether the pod waits for an image that is never there.
fn waits_for_an_image(pod: &Value) -> bool {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    containers.filter_map(|c| c["image"].as_str()).any(|image| image.ends_with(MISSING_TAG))
}

/// What a kubelet says of a pod whose image it cannot pull.
fn wait_for_image(world: &mut World<'_>, key: &Key, pod: &Value) {
    let now = world.time();
    let containers: Vec<Value> = pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|container| {
            let image = container["image"].as_str().unwrap_or_default();
            let message = format!("Back-off pulling image \"{image}\": ErrImagePull: not found");
            json!({
                "name": container["name"], "image": image, "imageID": "", "lastState": {}, "ready": false, "restartCount": 0,
                "started": false, "state": {"waiting": {"reason": "ImagePullBackOff", "message": message}},
            })
        })
        .collect();
    world.status(key, KUBELET, |status| {
        status["startTime"] = now.clone().into();
        condition(status, "Initialized", "True", "", "", &now);
        condition(status, "Ready", "False", "ContainersNotReady", "", &now);
        condition(status, "ContainersReady", "False", "ContainersNotReady", "", &now);
        status["containerStatuses"] = containers.into();
    });
}

/// The moment has passed: the containers run, or have ended.
pub(super) fn finish(world: &mut World<'_>, key: &Key) {
    let Some(pod) = world.store.object(key) else { return };
    if pod["status"]["phase"] != "Pending" || deleting(&pod) {
        return;
    }
    if waits_for_an_image(&pod) {
        // Said once: nothing more comes of it.
        if pod["status"]["containerStatuses"].as_array().is_none_or(Vec::is_empty) {
            wait_for_image(world, key, &pod);
        }
        return;
    }
    let phase = outcome(&pod);
    let now = world.time();
    let ip = address(pod["metadata"]["uid"].as_str().unwrap_or_default());
    let statuses = |list: &str| -> Vec<Value> {
        let init = list == "initContainers";
        pod["spec"][list]
            .as_array()
            .into_iter()
            .flatten()
            .map(|container| {
                let name = container["name"].as_str().unwrap_or_default();
                let ended = |reason: &str, code: i32| json!({"terminated": {"exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now}});
                let state = match phase {
                    _ if init => ended("Completed", 0),
                    "Succeeded" => ended("Completed", 0),
                    "Failed" => ended("Error", 1),
                    _ => json!({"running": {"startedAt": now}}),
                };
                json!({
                    "name": name,
                    "image": container["image"],
                    "imageID": "",
                    "lastState": {},
                    "ready": init || phase == "Running",
                    "restartCount": 0,
                    "started": !init && phase == "Running",
                    "state": state,
                })
            })
            .collect()
    };
    let (containers, init) = (statuses("containers"), statuses("initContainers"));
    world.status(key, KUBELET, |status| {
        status["phase"] = phase.into();
        status["hostIP"] = "10.0.0.1".into();
        status["hostIPs"] = json!([{"ip": "10.0.0.1"}]);
        status["podIP"] = ip.clone().into();
        status["podIPs"] = json!([{"ip": ip}]);
        status["startTime"] = now.clone().into();
        let (ready, reason) = match phase {
            "Running" => ("True", ""),
            "Succeeded" => ("False", "PodCompleted"),
            _ => ("False", "PodFailed"),
        };
        condition(status, "PodReadyToStartContainers", "True", "", "", &now);
        condition(status, "Initialized", "True", "", "", &now);
        condition(status, "Ready", ready, reason, "", &now);
        condition(status, "ContainersReady", ready, reason, "", &now);
        status["containerStatuses"] = containers.into();
        if !init.is_empty() {
            status["initContainerStatuses"] = init.into();
        }
    });
}

/// An address of 10.244.0.0/16 made from the UID: the same for the same pod.
fn address(uid: &str) -> String {
    let sum = uid.bytes().fold(17u32, |sum, b| sum.wrapping_mul(31).wrapping_add(u32::from(b)));
    Ipv4Addr::from(10 << 24 | 244 << 16 | (sum % 0xfffd + 2)).to_string()
}
