//! Secrets: as the server stores them, and as people may see that they differ.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::FieldDrift;
use crate::manifest::{MASK, Object, Redactor, is_secret};

/// What stands in the place of a live secret value that is not the desired one.
pub const CHANGED: &str = "<secret: changed>";

/// The object as the server stores it: a Secret's `stringData` goes into its `data`, base64, and wins there.
///
/// Apply objects in this form: fields of `stringData` are owned as such, so that nobody who changes the value in `data`
/// takes a field from us, and no watch of metadata would see it.
#[must_use]
pub fn as_stored(object: &Object) -> Object {
    let mut object = object.clone();
    // Looking into it, or changing it, would cost memory.
    if object.kind() != "Secret" || !is_secret(object.value()) || object.value().get("stringData").is_none() {
        return object;
    }
    let Value::Object(map) = object.value_mut() else { return object };
    let Some(text) = map.remove("stringData") else { return object };
    let Value::Object(text) = text else { return object };
    let data = map.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if !data.is_object() {
        *data = Value::Object(Map::new());
    }
    if let Value::Object(data) = data {
        for (key, value) in text {
            // What is no text is left for the server to refuse.
            let value = value.as_str().map_or_else(|| value.clone(), |text| Value::from(STANDARD.encode(text)));
            data.insert(key, value);
        }
    }
    object
}

/// Takes secret values out of a difference.
pub(super) fn mask(field: &mut FieldDrift) {
    let path = field.path.to_string();
    let secret = path == ".data"
        || path == ".stringData"
        || path.starts_with(".data.")
        || path.starts_with(".stringData.")
        || path.starts_with(".metadata.annotations.kubectl.kubernetes.io/last-applied-configuration");
    if secret {
        hide(field.desired.as_mut(), MASK);
        hide(field.live.as_mut(), CHANGED);
    }
}

/// Takes what was encrypted out of a difference. Where it stood in what is desired, what is there may be what it was before, which
/// nobody knows any more: it goes, too.
pub(super) fn veil(field: &mut FieldDrift, veil: &Redactor) {
    match (&mut field.desired, &mut field.live) {
        (Some(desired), Some(live)) => {
            veil_beside(live, desired, veil);
            veil.veil(desired);
        }
        (desired, live) => {
            for value in [desired, live].into_iter().flatten() {
                veil.veil(value);
            }
        }
    }
}

/// Veils what is there beside what is desired, which is not veiled yet.
fn veil_beside(live: &mut Value, desired: &Value, veil: &Redactor) {
    let mut shown = desired.clone();
    if !veil.veil(&mut shown) {
        veil.veil(live);
        return;
    }
    match (live, desired) {
        (live, _) if shown == MASK => hide_all(live),
        (Value::Object(live), Value::Object(desired)) => {
            for (key, value) in live {
                match desired.get(key) {
                    Some(desired) => veil_beside(value, desired, veil),
                    None => drop(veil.veil(value)),
                }
            }
        }
        (Value::Array(live), Value::Array(desired)) => {
            for item in live {
                if desired.contains(item) {
                    veil.veil(item);
                } else {
                    hide_all(item);
                }
            }
        }
        (Value::String(live), Value::String(desired)) => {
            let line = |line: &str| {
                if desired.lines().any(|known| known == line) { veil.without_values(line) } else { CHANGED.to_owned() }
            };
            let end = if live.ends_with('\n') { "\n" } else { "" };
            *live = live.lines().map(line).collect::<Vec<_>>().join("\n") + end;
        }
        (live, _) => hide_all(live),
    }
}

fn hide_all(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Array(items) => items.iter_mut().for_each(hide_all),
        Value::Object(map) => map.values_mut().for_each(hide_all),
        other => *other = Value::from(CHANGED),
    }
}

fn hide(value: Option<&mut Value>, mask: &str) {
    match value {
        Some(Value::Object(map)) => map.values_mut().for_each(|value| *value = Value::from(mask)),
        Some(value) => *value = Value::from(mask),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_encrypted_is_in_no_difference() {
        let redactor = Redactor::of_texts(["hunter2".to_owned()].into());
        let shown = |desired: Value, live: Value| {
            let mut field = FieldDrift {
                path: crate::fields::FieldPath::of(&["data", "a"]),
                desired: Some(desired),
                live: Some(live),
                manager: String::new(),
                operation: None,
                subresource: String::new(),
                time: None,
                added: false,
            };
            veil(&mut field, &redactor);
            (field.desired.unwrap(), field.live.unwrap())
        };
        assert_eq!(shown(json!("hunter2"), json!("hunter1")), (json!(MASK), json!(CHANGED)));
        assert_eq!(shown(json!("b"), json!("not hunter2")), (json!("b"), json!("not <secret>")));
        assert_eq!(
            shown(json!("a: 1\nb: hunter2\nc: hunter2 2\n"), json!("a: 1\nb: hunter1\nc: hunter2 2\n")),
            (json!("a: 1\nb: <secret>\nc: <secret> 2\n"), json!("a: 1\n<secret: changed>\nc: <secret> 2\n"))
        );
        assert_eq!(
            shown(
                json!({"a": "hunter2", "b": 1, "c": ["hunter2", "x"]}),
                json!({"a": 5, "b": 2, "c": ["hunter1", "x"], "d": "x"})
            ),
            (
                json!({"a": MASK, "b": 1, "c": [MASK, "x"]}),
                json!({"a": CHANGED, "b": 2, "c": [CHANGED, "x"], "d": "x"})
            )
        );
    }

    #[test]
    fn text_becomes_data() {
        let secret = Object::new(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
            "stringData": {"a": "one"}, "data": {"a": "eA==", "b": "eQ=="}}))
        .unwrap();
        let stored = as_stored(&secret);
        assert_eq!(stored.value()["data"], json!({"a": "b25l", "b": "eQ=="}));
        assert!(stored.value().get("stringData").is_none());
        assert_eq!(as_stored(&stored), stored);
    }
}
