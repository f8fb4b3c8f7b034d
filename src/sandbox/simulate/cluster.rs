//! What belongs to the cluster as a whole: its node and storage class, namespaces, definitions and disruption budgets.

use serde_json::{Value, json};

use super::world::{CONTROLLER, World, condition, deleting, key as place, ready};
use crate::sandbox::selector::Selector;
use crate::sandbox::store::{CRDS, Key, Propagation, is_true};

/// The finalizer that keeps a definition until its objects are gone.
const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// The one node.
pub(super) const NODE: &str = "sandbox-node";

/// Creates what a cluster has from the start.
pub(super) fn furnish(world: &mut World<'_>) {
    let now = world.time();
    world.create(json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": {
            "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux",
        }},
        "spec": {"podCIDR": "10.244.0.0/16"},
    }));
    let capacity = json!({"cpu": "1k", "memory": "1Ti", "pods": "1M", "ephemeral-storage": "1Ti"});
    world.status(&place("nodes", "", NODE), "kubelet", |status| {
        *status = json!({
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": NODE}],
            "allocatable": capacity, "capacity": capacity, "phase": "Running",
            "nodeInfo": {
                "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "sandbox", "kernelVersion": "sandbox",
                "kubeProxyVersion": "v1.35.4", "kubeletVersion": "v1.35.4", "machineID": "", "operatingSystem": "linux",
                "osImage": "sandbox", "systemUUID": "",
            },
        });
        condition(status, "Ready", "True", "KubeletReady", "the sandbox is ready", &now);
    });
    world.create(json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "evenkeel.dev/sandbox",
    }));
    for (name, value) in [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)] {
        world.create(json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value,
        }));
    }
}

/// Looks at a namespace: a new one is furnished, one in deletion is emptied and then gone.
pub(super) fn namespace(world: &mut World<'_>, key: &Key, namespace: &Value) {
    if !deleting(namespace) {
        for object in [
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": key.name}}),
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {
                    "name": "kube-root-ca.crt",
                    "namespace": key.name,
                    "annotations": {"kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."},
                },
                "data": {"ca.crt": ""},
            }),
        ] {
            let table = if object["kind"] == "ConfigMap" { "configmaps" } else { "serviceaccounts" };
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            if world.store.look(table, &key.name, name).is_none() {
                world.create(object);
            }
        }
        return;
    }
    for inner in world.store.keys_in(&key.name) {
        let gone = world.store.object(&inner).is_none_or(|o| deleting(&o) && &*inner.table != "pods");
        if !gone {
            world.delete_with(&inner, Propagation::Background, Some(0));
        }
    }
    if world.store.keys_in(&key.name).is_empty() {
        world.edit(key, "finalize", CONTROLLER, |namespace| {
            if let Some(finalizers) = namespace["spec"]["finalizers"].as_array_mut() {
                finalizers.retain(|f| f != "kubernetes");
            }
        });
    }
}

/// Looks at a CustomResourceDefinition: a new one is accepted and established, one in deletion takes its objects along.
pub(super) fn definition(world: &mut World<'_>, key: &Key, definition: &Value) {
    if deleting(definition) {
        let spec = &definition["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let table = crate::sandbox::resources::table(&text(&spec["group"]), &text(&spec["names"]["plural"]));
        let objects = world.store.objects(&table, "");
        for object in &objects {
            if !deleting(object) {
                let metadata = &object["metadata"];
                world.delete(&place(&table, &text(&metadata["namespace"]), &text(&metadata["name"])));
            }
        }
        if world.store.objects(&table, "").is_empty() {
            world.edit(key, "", CONTROLLER, |definition| {
                if let Some(finalizers) = definition["metadata"]["finalizers"].as_array_mut() {
                    finalizers.retain(|f| f != CLEANUP);
                }
            });
        }
        return;
    }
    world.store.protect(key, CLEANUP);
    let now = world.time();
    let names = definition["spec"]["names"].clone();
    let stored: Vec<Value> = definition["spec"]["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|v| v["storage"] == true)
        .map(|v| v["name"].clone())
        .collect();
    let established = is_true(definition, "Established");
    world.status(key, "kube-apiserver", |status| {
        status["acceptedNames"] = names;
        let kept = status["storedVersions"].as_array().cloned().unwrap_or_default();
        let mut versions = kept;
        for version in stored {
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        status["storedVersions"] = versions.into();
        condition(status, "NamesAccepted", "True", "NoConflicts", "no conflicts found", &now);
        if !established {
            let message = "the initial names have been accepted";
            condition(status, "Established", "True", "InitialNamesAccepted", message, &now);
        }
    });
}

/// The definition that a custom resource's objects belong to, when one of them is gone.
pub(super) fn definitions_in_deletion(world: &World<'_>) -> Vec<Key> {
    world
        .store
        .objects(CRDS, "")
        .iter()
        .filter(|d| deleting(d))
        .filter_map(|d| d["metadata"]["name"].as_str().map(|name| place(CRDS, "", name)))
        .collect()
}

/// Sets the status of a PodDisruptionBudget from the pods that it selects.
pub(super) fn budget(world: &mut World<'_>, budget: &Value) {
    let text = |field: &str| budget["metadata"][field].as_str().unwrap_or_default().to_owned();
    let key = place("poddisruptionbudgets.policy", &text("namespace"), &text("name"));
    let Some(selector) = Selector::from_label_selector(budget["spec"].get("selector")) else { return };
    let pods: Vec<_> =
        world.store.objects("pods", &key.namespace).into_iter().filter(|p| selector.matches(p)).collect();
    let (expected, healthy) = (pods.len(), pods.iter().filter(|p| ready(p)).count());
    let part = |value: &Value| match value {
        Value::String(percent) => {
            let percent: usize = percent.trim_end_matches('%').parse().unwrap_or(0);
            (expected * percent).div_ceil(100)
        }
        other => other.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
    };
    let desired = match (&budget["spec"]["maxUnavailable"], &budget["spec"]["minAvailable"]) {
        (Value::Null, least) => part(least),
        (most, _) => expected.saturating_sub(part(most)),
    };
    let allowed = healthy.saturating_sub(desired);
    let generation = budget["metadata"]["generation"].clone();
    let now = world.time();
    world.status(&key, CONTROLLER, |status| {
        status["observedGeneration"] = generation.clone();
        status["currentHealthy"] = healthy.into();
        status["desiredHealthy"] = desired.into();
        status["disruptionsAllowed"] = allowed.into();
        status["expectedPods"] = expected.into();
        let (value, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
        condition(status, "DisruptionAllowed", value, reason, "", &now);
        for entry in status["conditions"].as_array_mut().into_iter().flatten() {
            entry["observedGeneration"] = generation.clone();
            if entry.get("message").is_none() {
                entry["message"] = "".into();
            }
        }
    });
}
