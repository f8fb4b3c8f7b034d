//! Secrets: as the server stores them, and as people may see that they differ.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::FieldDrift;
use crate::manifest::{MASK, Object, is_secret};

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
