//! The fields that a server does not let change once an object is there: what it would say is foretold, field by field, so that a
//! plan says it before anything is written. The table is kube-apiserver's validation of updates (1.35), and a test holds each
//! line of it against the real server. Where the server alone can tell (rules of custom kinds, what a storage class allows),
//! nothing is foretold, and the dry run before every write says it.

use serde_json::Value;

use crate::drift::Quantity;
use crate::fields::{FieldPath, PathElement};
use crate::manifest::Object;

/// A change that the server refuses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blocked {
    /// The field, as people read it.
    pub path: String,
    /// Why it cannot change.
    pub why: &'static str,
}

/// Which fields of a kind stay as they are.
enum Rule {
    /// These; `*` is any item of a list.
    Only(&'static [&'static str]),
    /// Everything below the first but the others.
    AllBut(&'static str, &'static [&'static str]),
}
use Rule::{AllBut, Only};

const FOR_LIFE: &str = "it stays what it was at creation";

/// Group, kind and what stays. Kinds with rules of their own stand in [`special`].
const RULES: &[(&str, &str, Rule)] = &[
    ("apps", "Deployment", Only(&["spec.selector"])),
    ("apps", "DaemonSet", Only(&["spec.selector"])),
    ("apps", "ReplicaSet", Only(&["spec.selector"])),
    (
        "apps",
        "StatefulSet",
        AllBut(
            "spec",
            &[
                "spec.replicas",
                "spec.ordinals",
                "spec.template",
                "spec.updateStrategy",
                "spec.revisionHistoryLimit",
                "spec.persistentVolumeClaimRetentionPolicy",
                "spec.minReadySeconds",
            ],
        ),
    ),
    ("apps", "ControllerRevision", Only(&["data"])),
    (
        "",
        "Pod",
        AllBut(
            "spec",
            &[
                "spec.containers.*.image",
                "spec.initContainers.*.image",
                "spec.activeDeadlineSeconds",
                "spec.tolerations",
                "spec.terminationGracePeriodSeconds",
                "spec.schedulingGates",
            ],
        ),
    ),
    (
        "",
        "PersistentVolume",
        AllBut(
            "spec",
            &[
                "spec.accessModes",
                "spec.capacity",
                "spec.claimRef",
                "spec.mountOptions",
                "spec.nodeAffinity",
                "spec.persistentVolumeReclaimPolicy",
                "spec.storageClassName",
                "spec.volumeAttributesClassName",
            ],
        ),
    ),
    ("", "ResourceQuota", Only(&["spec.scopes"])),
    ("rbac.authorization.k8s.io", "RoleBinding", Only(&["roleRef"])),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", Only(&["roleRef"])),
    ("storage.k8s.io", "StorageClass", Only(&["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"])),
    ("storage.k8s.io", "VolumeAttributesClass", Only(&["driverName", "parameters"])),
    ("storage.k8s.io", "CSIDriver", Only(&["spec.attachRequired", "spec.volumeLifecycleModes"])),
    ("scheduling.k8s.io", "PriorityClass", Only(&["value", "preemptionPolicy"])),
    ("networking.k8s.io", "IngressClass", Only(&["spec.controller"])),
    ("discovery.k8s.io", "EndpointSlice", Only(&["addressType"])),
    ("node.k8s.io", "RuntimeClass", Only(&["handler"])),
    ("resource.k8s.io", "ResourceClaim", Only(&["spec"])),
    ("resource.k8s.io", "ResourceClaimTemplate", Only(&["spec"])),
    ("apiextensions.k8s.io", "CustomResourceDefinition", Only(&["spec.scope", "spec.names.kind"])),
];

/// The changes among `changed` that the server refuses, in their order. `live` is what is there, `desired` what is sent.
#[must_use]
pub fn immutable(desired: &Object, live: &Object, changed: &[FieldPath]) -> Vec<Blocked> {
    let gvk = desired.gvk();
    let rule = RULES.iter().find(|(group, kind, _)| *group == gvk.group && *kind == gvk.kind);
    let mut found: Vec<Blocked> = Vec::new();
    for path in changed {
        let general = rule.is_some_and(|(_, _, rule)| match rule {
            Only(fields) => fields.iter().any(|field| meets(path, field)),
            AllBut(base, but) => meets(path, base) && !but.iter().any(|field| within(path, field)),
        });
        let why = if general { Some(FOR_LIFE) } else { special(&gvk.group, &gvk.kind, desired, live, path) };
        if let Some(why) = why {
            found.push(Blocked { path: path.to_string(), why });
        }
    }
    found
}

/// What depends on the object's own state.
fn special(group: &str, kind: &str, desired: &Object, live: &Object, path: &FieldPath) -> Option<&'static str> {
    match (group, kind) {
        ("", "ConfigMap" | "Secret") => {
            if kind == "Secret" && meets(path, "type") {
                return Some(FOR_LIFE);
            }
            let frozen = live.value().get("immutable") == Some(&Value::Bool(true));
            let content = ["data", "binaryData", "stringData", "immutable"].iter().any(|field| meets(path, field));
            (frozen && content).then_some("the object says `immutable: true`")
        }
        ("", "Service") => service(desired, live, path),
        ("", "PersistentVolumeClaim") => claim(desired, live, path),
        ("batch", "Job") => job(desired, live, path),
        _ => None,
    }
}

fn service(desired: &Object, live: &Object, path: &FieldPath) -> Option<&'static str> {
    let of = |object: &Object, pointer: &str| object.value().pointer(pointer).cloned().unwrap_or_default();
    let text = |object: &Object, pointer: &str| of(object, pointer).as_str().unwrap_or_default().to_owned();
    let kind_of = |object: &Object| Some(text(object, "/spec/type")).filter(|t| !t.is_empty());
    let before = kind_of(live).unwrap_or_else(|| "ClusterIP".to_owned());
    let after = kind_of(desired).unwrap_or_else(|| before.clone());
    if before == "ExternalName" || after == "ExternalName" {
        return None;
    }
    let had = |pointer: &str| !of(live, pointer).is_null();
    // What is no longer asked for keeps what the server gave it.
    let asked = |pointer: &str| !matches!(of(desired, pointer), Value::Null);
    if meets(path, "spec.clusterIP") && asked("/spec/clusterIP") && had("/spec/clusterIP") {
        return Some("an address is given once");
    }
    let first = |object: &Object, list: &str| of(object, list).get(0).cloned();
    for (field, list) in [("spec.clusterIPs", "/spec/clusterIPs"), ("spec.ipFamilies", "/spec/ipFamilies")] {
        if meets(path, field) && asked(list) && had(list) && first(desired, list) != first(live, list) {
            return Some("the first one is given once");
        }
    }
    let balanced = before == "LoadBalancer" && after == "LoadBalancer";
    if meets(path, "spec.loadBalancerClass") && balanced {
        return Some("it stays while the type is LoadBalancer");
    }
    let local = |object: &Object| text(object, "/spec/externalTrafficPolicy") == "Local";
    if meets(path, "spec.healthCheckNodePort") && balanced && local(desired) && local(live) {
        return asked("/spec/healthCheckNodePort").then_some("it stays while traffic is local");
    }
    None
}

fn claim(desired: &Object, live: &Object, path: &FieldPath) -> Option<&'static str> {
    const STORAGE: &str = "/spec/resources/requests/storage";
    if !meets(path, "spec") || within(path, "spec.volumeAttributesClassName") {
        return None;
    }
    if !within(path, "spec.resources.requests.storage") {
        return Some(FOR_LIFE);
    }
    if live.value().pointer("/status/phase").and_then(Value::as_str) != Some("Bound") {
        return Some("only a bound claim can grow");
    }
    let quantity = |object: &Object, pointer: &str| object.value().pointer(pointer).and_then(Quantity::of);
    let wanted = quantity(desired, STORAGE)?;
    let has = quantity(live, "/status/capacity/storage").or_else(|| quantity(live, STORAGE))?;
    (wanted < has).then_some("a claim never shrinks")
}

fn job(desired: &Object, live: &Object, path: &FieldPath) -> Option<&'static str> {
    if meets(path, "spec.template") {
        // A suspended Job that never ran may still be told where to run: the server looks at each field.
        let suspended = live.value().pointer("/spec/suspend") == Some(&Value::Bool(true))
            && live.value().pointer("/status/startTime").is_none();
        let directives = [
            "spec.template.metadata",
            "spec.template.spec.nodeSelector",
            "spec.template.spec.affinity",
            "spec.template.spec.tolerations",
            "spec.template.spec.schedulingGates",
        ];
        let directive = directives.iter().any(|field| within(path, field));
        return (!(suspended && directive)).then_some("a Job's pods are made from what it was created with");
    }
    if meets(path, "spec.completions") {
        // An indexed Job is resized as a whole.
        let indexed = |o: &Object| o.value().pointer("/spec/completionMode").and_then(Value::as_str) == Some("Indexed");
        let count = |name: &str| desired.value().pointer(name).and_then(Value::as_u64);
        let resized = indexed(live)
            && indexed(desired)
            && count("/spec/completions").is_some()
            && count("/spec/completions") == count("/spec/parallelism");
        return (!resized).then_some(FOR_LIFE);
    }
    let fields =
        ["selector", "completionMode", "podFailurePolicy", "successPolicy", "backoffLimitPerIndex", "managedBy"];
    fields.iter().any(|field| meets(path, &format!("spec.{field}"))).then_some(FOR_LIFE)
}

/// Whether a path is a field, stands in it, or holds it.
fn meets(path: &FieldPath, field: &str) -> bool {
    path.0.iter().zip(field.split('.')).all(|(element, name)| is(element, name))
}

/// Whether a path is a field or stands in it.
fn within(path: &FieldPath, field: &str) -> bool {
    path.0.len() >= field.split('.').count() && meets(path, field)
}

fn is(element: &PathElement, name: &str) -> bool {
    match element {
        PathElement::Field(field) => field == name,
        _ => name == "*",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_from_the_root() {
        let path = |names: &[&str]| FieldPath::of(names);
        assert!(meets(&path(&["spec"]), "spec.selector") && !within(&path(&["spec"]), "spec.selector"));
        assert!(within(&path(&["spec", "selector", "matchLabels"]), "spec.selector"));
        assert!(!meets(&path(&["spec", "selectors"]), "spec.selector"));
        let mut image = path(&["spec", "containers"]);
        image.0.push(PathElement::key([("name", Value::from("a"))]));
        image.0.push(PathElement::field("image"));
        assert!(within(&image, "spec.containers.*.image"));
    }
}
