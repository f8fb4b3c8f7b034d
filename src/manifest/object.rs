//! One Kubernetes object.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Gvk, ObjectId};

/// Why a document is no Kubernetes object. Not retryable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// The document is a list or a scalar.
    #[error("expected an object, found {0}")]
    NotAMap(&'static str),
    /// A required field is missing or no string.
    #[error("missing `{0}`")]
    Missing(&'static str),
}

/// A Kubernetes object: a JSON map with at least `apiVersion`, `kind` and `metadata.name` (or `generateName`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Object(Value);

impl Object {
    /// Takes a JSON map that has a type and a name.
    ///
    /// # Errors
    /// When it is no map, or `apiVersion`, `kind` or `metadata.name` is missing.
    pub fn new(value: Value) -> Result<Self, ObjectError> {
        let kind = match &value {
            Value::Object(_) => None,
            Value::Null => Some("nothing"),
            Value::Array(_) => Some("a list"),
            _ => Some("a scalar"),
        };
        if let Some(kind) = kind {
            return Err(ObjectError::NotAMap(kind));
        }
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).is_some_and(|s| !s.is_empty());
        if !text("/apiVersion") {
            return Err(ObjectError::Missing("apiVersion"));
        }
        if !text("/kind") {
            return Err(ObjectError::Missing("kind"));
        }
        if !text("/metadata/name") && !text("/metadata/generateName") {
            return Err(ObjectError::Missing("metadata.name"));
        }
        Ok(Self(value))
    }

    /// The JSON.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The JSON, given up.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.0
    }

    /// The JSON, to change. Type and name must stay.
    pub fn value_mut(&mut self) -> &mut Value {
        &mut self.0
    }

    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// `Deployment`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// Group, version and kind.
    #[must_use]
    pub fn gvk(&self) -> Gvk {
        Gvk::new(self.api_version(), self.kind())
    }

    /// `metadata.name`, empty where the server is to generate one.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// `metadata.namespace`, empty where there is none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    /// Sets the namespace, or takes it away when `namespace` is empty.
    pub fn set_namespace(&mut self, namespace: &str) {
        let metadata = self.metadata_mut();
        if namespace.is_empty() {
            metadata.remove("namespace");
        } else {
            metadata.insert("namespace".to_owned(), Value::from(namespace));
        }
    }

    /// The identity.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        let Gvk { group, kind, .. } = self.gvk();
        ObjectId { group, kind, namespace: self.namespace().to_owned(), name: self.name().to_owned() }
    }

    /// `metadata.uid`, of a live object.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.text("/metadata/uid")
    }

    /// `metadata.resourceVersion`, of a live object.
    #[must_use]
    pub fn resource_version(&self) -> &str {
        self.text("/metadata/resourceVersion")
    }

    /// A label's value.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("labels")?.get(key)?.as_str()
    }

    /// An annotation's value.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }

    /// Sets a label.
    pub fn set_label(&mut self, key: &str, value: &str) {
        self.set_metadata("labels", key, value);
    }

    /// Sets an annotation.
    pub fn set_annotation(&mut self, key: &str, value: &str) {
        self.set_metadata("annotations", key, value);
    }

    fn set_metadata(&mut self, field: &str, key: &str, value: &str) {
        let entry = self.metadata_mut().entry(field).or_insert_with(|| Value::Object(Map::new()));
        if !entry.is_object() {
            *entry = Value::Object(Map::new());
        }
        if let Value::Object(map) = entry {
            map.insert(key.to_owned(), Value::from(value));
        }
    }

    fn metadata_mut(&mut self) -> &mut Map<String, Value> {
        // `new` has checked that both are maps; a caller that broke that through `value_mut` gets fresh ones.
        if !self.0.is_object() {
            self.0 = Value::Object(Map::new());
        }
        let metadata = &mut self.0["metadata"];
        if !metadata.is_object() {
            *metadata = Value::Object(Map::new());
        }
        match metadata {
            Value::Object(map) => map,
            _ => unreachable!("made a map above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn refuses_what_is_no_object() {
        let error = |value| Object::new(value).unwrap_err().to_string();
        assert_eq!(error(json!([])), "expected an object, found a list");
        assert_eq!(error(json!({"kind": "A"})), "missing `apiVersion`");
        assert_eq!(error(json!({"apiVersion": "v1"})), "missing `kind`");
        assert_eq!(error(json!({"apiVersion": "v1", "kind": "A", "metadata": 3})), "missing `metadata.name`");
    }

    #[test]
    fn labels_are_set_over_anything() {
        let mut object = Object::new(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "labels": null}}),
        )
        .unwrap();
        object.set_label("x", "y");
        object.set_namespace("ns");
        assert_eq!(object.label("x"), Some("y"));
        assert_eq!(object.id().to_string(), "apps/Deployment/ns/a");
    }
}
