//! Whether a live value is what was asked for: equal, spelled differently, or filled in with defaults.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::Quantity;
use crate::fields::{Format, Schema, TypeId, same};

/// How much a live value may have beyond what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    /// Known defaults alone.
    Defaults,
    /// Anything: the field is ours by the server's word, so whatever is there was filled in for us.
    Anything,
}

/// Whether `live` is `desired`, both of a type.
pub(super) fn equal(schema: &Schema, ty: TypeId, desired: &Value, live: &Value, beyond: Beyond) -> bool {
    let atom = schema.atom(ty);
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => {
            let map = atom.map.as_ref();
            let field = |name: &str| map.and_then(|map| map.fields.get(name));
            let entry =
                |name: &str| field(name).map(|field| field.ty).or_else(|| map?.element).unwrap_or_else(|| schema.any());
            desired.iter().all(|(name, wanted)| match live.get(name) {
                Some(found) => wanted.is_null() || equal(schema, entry(name), wanted, found, beyond),
                None => is_nothing(wanted),
            }) && live.iter().filter(|(name, _)| !desired.contains_key(*name)).all(|(name, found)| {
                beyond == Beyond::Anything
                    || is_nothing(found)
                    || field(name)
                        .is_some_and(|field| field.default.as_ref().is_some_and(|default| same(default, found)))
                    || is_default(name, found, desired)
            })
        }
        (Value::Array(desired), Value::Array(live)) => {
            let element = atom.list.as_ref().map_or_else(|| schema.any(), |list| list.element);
            desired.len() == live.len()
                && desired.iter().zip(live).all(|(wanted, found)| equal(schema, element, wanted, found, beyond))
        }
        _ => same(desired, live) || respelled(atom.format, desired, live) || (is_nothing(desired) && is_nothing(live)),
    }
}

/// Whether two scalars are one value of a format.
fn respelled(format: Format, a: &Value, b: &Value) -> bool {
    match format {
        Format::Plain => false,
        Format::Quantity => matches!((Quantity::of(a), Quantity::of(b)), (Some(a), Some(b)) if a == b),
        Format::IntOrString => {
            let text = |value: &Value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            text(a).is_some() && text(a) == text(b)
        }
        Format::Bytes => {
            let bytes = |value: &Value| {
                let text: String = value.as_str()?.split_ascii_whitespace().collect();
                STANDARD.decode(text).ok()
            };
            bytes(a).is_some() && bytes(a) == bytes(b)
        }
        Format::Time => {
            let time = |value: &Value| value.as_str()?.parse::<jiff::Timestamp>().ok();
            time(a).is_some() && time(a) == time(b)
        }
    }
}

/// Whether a value says no more than its absence: Go leaves such fields out.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_nothing),
    }
}

/// Defaults that kube-apiserver fills in inside values that are one field as a whole, where its schemas do not tell them:
/// seen on 1.35. Elsewhere a default is a field of its own, which nobody asked for and so nobody compares.
fn is_default(name: &str, found: &Value, beside: &Map<String, Value>) -> bool {
    match (name, found) {
        // fieldRef; the claims of a StatefulSet.
        ("apiVersion", Value::String(text)) => text == "v1",
        ("kind", Value::String(text)) => text == "PersistentVolumeClaim",
        ("volumeMode", Value::String(text)) => text == "Filesystem",
        // The claims of a StatefulSet; conditions of a Job's podFailurePolicy.
        ("status", Value::Object(status)) => status.get("phase").is_some_and(|phase| phase == "Pending"),
        ("status", Value::String(text)) => text == "True",
        // resourceFieldRef.
        ("divisor", Value::String(text)) => Quantity::parse(text) == Quantity::parse("0"),
        // Ports of NetworkPolicies and EndpointSlices.
        ("protocol", Value::String(text)) => text == "TCP",
        // Rules of webhooks.
        ("scope", Value::String(text)) => text == "*",
        // Subjects and role references.
        ("apiGroup", Value::String(text)) => text == "rbac.authorization.k8s.io",
        // Projected service account tokens and files.
        ("expirationSeconds", Value::Number(number)) => number.as_i64() == Some(3600),
        ("defaultMode", Value::Number(number)) => number.as_i64() == Some(420),
        // Limits of a LimitRange follow from those given.
        ("default" | "defaultRequest", Value::Object(_)) => {
            ["max", "min", "default"].iter().any(|given| beside.contains_key(*given))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::builtin_schema;
    use serde_json::json;

    fn check(kind: (&str, &str), desired: &Value, live: &Value) -> bool {
        let schema = builtin_schema();
        equal(schema, schema.type_of(kind.0, kind.1).unwrap(), desired, live, Beyond::Defaults)
    }

    #[test]
    fn what_the_server_filled_in_is_no_difference() {
        // Live values as kube-apiserver 1.35 gave them back.
        for (kind, desired, live) in [
            (
                ("networking.k8s.io/v1", "NetworkPolicy"),
                json!({"spec": {"ingress": [{"ports": [{"port": 80}], "from": [{"podSelector": {}}]}]}}),
                json!({"spec": {"ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 80, "protocol": "TCP"}]}]}}),
            ),
            (
                ("rbac.authorization.k8s.io/v1", "RoleBinding"),
                json!({"roleRef": {"kind": "Role", "name": "x"}, "subjects": [{"kind": "User", "name": "u"}]}),
                json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"},
                       "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "u"}]}),
            ),
            (
                ("v1", "LimitRange"),
                json!({"spec": {"limits": [{"type": "Container", "max": {"cpu": "1000m"}}]}}),
                json!({"spec": {"limits": [{"default": {"cpu": "1"}, "defaultRequest": {"cpu": "1"}, "max": {"cpu": "1"}, "type": "Container"}]}}),
            ),
            (
                ("apps/v1", "StatefulSet"),
                json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": {"accessModes": ["ReadWriteOnce"],
                       "resources": {"requests": {"storage": "1024Mi"}}}}]}}),
                json!({"spec": {"volumeClaimTemplates": [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "d"},
                       "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "volumeMode": "Filesystem"},
                       "status": {"phase": "Pending"}}]}}),
            ),
            (
                ("v1", "Pod"),
                json!({"spec": {"volumes": [{"projected": {"sources": [{"serviceAccountToken": {"path": "t"}},
                       {"downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}}]}}),
                json!({"spec": {"volumes": [{"projected": {"sources": [{"serviceAccountToken": {"expirationSeconds": 3600, "path": "t"}},
                       {"downwardAPI": {"items": [{"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}, "path": "a"}]}}]}}]}}),
            ),
        ] {
            assert!(check(kind, &desired, &live), "{kind:?}");
        }
    }

    #[test]
    fn spellings_by_format() {
        let pod = ("v1", "Pod");
        let port = |port: Value| json!({"spec": {"containers": [{"livenessProbe": {"tcpSocket": {"port": port}}}]}});
        assert!(check(pod, &port(json!("80")), &port(json!(80))));
        assert!(!check(pod, &port(json!("80")), &port(json!(81))));
        let limit = |cpu: Value| json!({"spec": {"containers": [{"resources": {"limits": {"cpu": cpu}}}]}});
        assert!(check(pod, &limit(json!(1)), &limit(json!("1"))));
        assert!(check(pod, &limit(json!("1000m")), &limit(json!("1"))));
        assert!(!check(pod, &limit(json!("1001m")), &limit(json!("1"))));
        let secret = |text: &str| json!({"data": {"a": text}});
        assert!(check(("v1", "Secret"), &secret("aGVs\nbG8="), &secret("aGVsbG8=")));
        let label = |value: Value| json!({"metadata": {"labels": {"a": value}}});
        assert!(!check(pod, &label(json!("1000m")), &label(json!("1"))), "labels are text");
    }

    #[test]
    fn an_edit_inside_is_a_difference() {
        let desired = json!({"spec": {"ingress": [{"ports": [{"port": 80}]}]}});
        for live in [
            json!({"spec": {"ingress": [{"ports": [{"port": 81, "protocol": "TCP"}]}]}}),
            json!({"spec": {"ingress": [{"ports": [{"port": 80, "protocol": "UDP"}]}]}}),
            json!({"spec": {"ingress": [{"ports": [{"port": 80}], "from": [{"podSelector": {"matchLabels": {"a": "b"}}}]}]}}),
            json!({"spec": {"ingress": []}}),
        ] {
            assert!(!check(("networking.k8s.io/v1", "NetworkPolicy"), &desired, &live), "{live}");
        }
    }
}
