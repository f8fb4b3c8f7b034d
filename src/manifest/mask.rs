//! Secret values never leave in any output: this is what an object looks like to a person.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Object;

/// What stands in the place of a secret value.
pub const MASK: &str = "<secret>";

/// Whether an object's data is secret.
#[must_use]
pub fn is_secret(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str) == Some("Secret")
        && object.get("apiVersion").and_then(Value::as_str).is_some_and(|v| !v.contains('/'))
}

/// What stands in the place of a secret value where a change is to be seen: equal values have equal marks. Keyed, because the
/// plain hash of a weak password is soon guessed.
#[must_use]
pub fn secret_mark(key: &[u8], value: &Value) -> String {
    let mut digest = Sha256::new();
    digest.update(b"secret mark");
    digest.update((key.len() as u64).to_le_bytes());
    digest.update(key);
    // Base64 may be wrapped.
    let text: String = match value {
        Value::String(text) => text.split_ascii_whitespace().collect(),
        other => other.to_string(),
    };
    digest.update(text);
    let digest: String = digest.finalize().iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("<secret {digest}>")
}

/// The object with every value of a Secret's `data` and `stringData` replaced by [`MASK`], in its last-applied annotation too, and
/// without what its veil knows.
#[must_use]
pub fn masked(object: &Object) -> Object {
    masked_by(object, &|_| Value::from(MASK))
}

/// The object with every secret value replaced by its [`secret_mark`].
#[must_use]
pub fn masked_keyed(object: &Object, key: &[u8]) -> Object {
    masked_by(object, &|value| Value::from(secret_mark(key, value)))
}

fn masked_by(object: &Object, mark: &dyn Fn(&Value) -> Value) -> Object {
    let mut object = object.clone();
    if is_secret(object.value()) {
        let value = object.value_mut();
        for field in ["data", "stringData"] {
            match value.get_mut(field) {
                Some(Value::Object(map)) => map.values_mut().for_each(|v| *v = mark(v)),
                Some(Value::Null) | None => {}
                Some(other) => *other = Value::from(MASK),
            }
        }
        if let Some(Value::Object(annotations)) = value.pointer_mut("/metadata/annotations")
            && let Some(last) = annotations.get_mut("kubectl.kubernetes.io/last-applied-configuration")
        {
            *last = Value::from(MASK);
        }
    }
    if let Some(veil) = object.veil().cloned() {
        for (field, value) in object.value_mut().as_object_mut().into_iter().flatten() {
            match (field.as_str(), value) {
                ("kind" | "apiVersion", _) => {}
                // What it is called is told everywhere.
                ("metadata", Value::Object(metadata)) => {
                    let named = |field: &str| matches!(field, "name" | "namespace" | "generateName");
                    for (_, value) in metadata.iter_mut().filter(|(field, _)| !named(field)) {
                        veil.veil(value);
                    }
                }
                (_, value) => {
                    veil.veil(value);
                }
            }
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Redactor;
    use serde_json::json;

    #[test]
    fn no_secret_value_survives() {
        let object = Object::new(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "a", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"data\":\"hunter2\"}"}},
            "data": {"password": "hunter2"}, "stringData": {"other": "hunter2"},
        }))
        .unwrap();
        let text = serde_json::to_string(&masked(&object)).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("password"), "{text}");
    }

    #[test]
    fn a_veil_leaves_what_an_object_is() {
        let veil = Redactor::of_texts(["Config".to_owned(), "redis".to_owned()].into());
        let object = |kind: &str, name: &str, label: &str| {
            let value = json!({"apiVersion": "v1", "kind": kind,
                "metadata": {"name": name, "labels": {"redis": label}}, "data": {"Config": label}});
            Object::new(value).unwrap()
        };
        let veiled = object("ConfigMap", "redis-a", "to redis").veiled(Some(veil.into()));
        assert_eq!(masked(&veiled), object("ConfigMap", "redis-a", "to <secret>"));
    }

    #[test]
    fn other_kinds_stay() {
        let object = Object::new(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "b"}}),
        );
        let object = object.unwrap();
        assert_eq!(masked(&object), object);
    }
}
