//! One Kubernetes object.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Gvk, ObjectId, Redactor};

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

/// A Kubernetes object: a JSON map with at least `apiVersion`, `kind` and `metadata.name` (or `generateName`). Clones share the
/// JSON until one of them is changed: the same object stands in a render, in what is desired, and in a plan.
#[derive(Clone)]
pub struct Object(Arc<Inner>);

struct Inner {
    form: Form,
    /// Knows what must not be shown of it, wherever it stands.
    veil: Option<Arc<Redactor>>,
}

/// How the JSON is held.
enum Form {
    /// To be looked at and changed.
    Whole(Value),
    /// As text, a fifth of the memory, until somebody looks.
    AtRest { text: Arc<[u8]>, head: Arc<Head>, value: OnceLock<Value> },
}

/// What is asked of an object that nobody looks into.
struct Head {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
}

/// Deeper ones stay whole: reading text has a limit of depth, too (serde_json: 128).
const DEEPEST: usize = 100;

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Object").field(self.value()).finish()
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.value() == other.value()
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::whole)
    }
}

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
        Ok(Self::whole(value))
    }

    fn whole(value: Value) -> Self {
        Self(Arc::new(Inner { form: Form::Whole(value), veil: None }))
    }

    /// The same object, of which nothing is shown that `veil` knows: of its release, something was encrypted.
    #[must_use]
    pub fn veiled(mut self, veil: Option<Arc<Redactor>>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.veil = veil;
            return self;
        }
        let form = match &self.0.form {
            Form::Whole(value) => Form::Whole(value.clone()),
            Form::AtRest { text, head, .. } => {
                Form::AtRest { text: Arc::clone(text), head: Arc::clone(head), value: OnceLock::new() }
            }
        };
        Self(Arc::new(Inner { form, veil }))
    }

    /// What knows what must not be shown of it.
    #[must_use]
    pub fn veil(&self) -> Option<&Arc<Redactor>> {
        self.0.veil.as_ref()
    }

    /// The same object in as little memory as can be, for one that is kept and that hardly anybody looks into.
    #[must_use]
    pub fn at_rest(&self) -> Self {
        let (text, head) = match &self.0.form {
            Form::AtRest { text, head, .. } => (Arc::clone(text), Arc::clone(head)),
            Form::Whole(value) if is_deeper(value, DEEPEST) => return self.clone(),
            Form::Whole(value) => {
                let own = |text: &str| text.to_owned();
                let (api_version, kind) = (own(self.api_version()), own(self.kind()));
                let (namespace, name) = (own(self.namespace()), own(self.name()));
                (value.to_string().into_bytes().into(), Arc::new(Head { api_version, kind, namespace, name }))
            }
        };
        let form = Form::AtRest { text, head, value: OnceLock::new() };
        Self(Arc::new(Inner { form, veil: self.0.veil.clone() }))
    }

    /// The JSON as text; maps are sorted.
    #[must_use]
    pub fn json(&self) -> Cow<'_, [u8]> {
        match &self.0.form {
            Form::AtRest { text, .. } => Cow::Borrowed(text),
            Form::Whole(value) => Cow::Owned(value.to_string().into_bytes()),
        }
    }

    /// The JSON.
    #[must_use]
    pub fn value(&self) -> &Value {
        match &self.0.form {
            Form::Whole(value) => value,
            Form::AtRest { text, value, .. } => value.get_or_init(|| read(text)),
        }
    }

    /// The JSON, given up.
    #[must_use]
    pub fn into_value(self) -> Value {
        match Arc::try_unwrap(self.0).map(|inner| inner.form) {
            Ok(Form::Whole(value)) => value,
            Ok(Form::AtRest { text, mut value, .. }) => value.take().unwrap_or_else(|| read(&text)),
            Err(shared) => shared.form.copy(),
        }
    }

    /// The JSON, to change. Type and name must stay.
    pub fn value_mut(&mut self) -> &mut Value {
        if !matches!(Arc::get_mut(&mut self.0), Some(Inner { form: Form::Whole(_), .. })) {
            self.0 = Arc::new(Inner { form: Form::Whole(self.0.form.copy()), veil: self.0.veil.clone() });
        }
        match Arc::get_mut(&mut self.0) {
            Some(Inner { form: Form::Whole(value), .. }) => value,
            _ => unreachable!("made one's own above"),
        }
    }

    fn head(&self) -> Option<&Head> {
        match &self.0.form {
            Form::Whole(_) => None,
            Form::AtRest { head, .. } => Some(head),
        }
    }

    fn text(&self, pointer: &str) -> &str {
        self.value().pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.head().map_or_else(|| self.text("/apiVersion"), |head| &head.api_version)
    }

    /// `Deployment`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.head().map_or_else(|| self.text("/kind"), |head| &head.kind)
    }

    /// Group, version and kind.
    #[must_use]
    pub fn gvk(&self) -> Gvk {
        Gvk::new(self.api_version(), self.kind())
    }

    /// `metadata.name`, empty where the server is to generate one.
    #[must_use]
    pub fn name(&self) -> &str {
        self.head().map_or_else(|| self.text("/metadata/name"), |head| &head.name)
    }

    /// `metadata.namespace`, empty where there is none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.head().map_or_else(|| self.text("/metadata/namespace"), |head| &head.namespace)
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
        let group = self.api_version().split_once('/').map_or("", |(group, _)| group);
        ObjectId::new(group, self.kind(), self.namespace(), self.name())
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
        self.value().get("metadata")?.get("labels")?.get(key)?.as_str()
    }

    /// An annotation's value.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.value().get("metadata")?.get("annotations")?.get(key)?.as_str()
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
        let value = self.value_mut();
        if !value.is_object() {
            *value = Value::Object(Map::new());
        }
        let metadata = &mut value["metadata"];
        if !metadata.is_object() {
            *metadata = Value::Object(Map::new());
        }
        match metadata {
            Value::Object(map) => map,
            _ => unreachable!("made a map above"),
        }
    }
}

impl Form {
    /// The JSON for another owner.
    fn copy(&self) -> Value {
        match self {
            Self::Whole(value) => value.clone(),
            Self::AtRest { text, value, .. } => value.get().cloned().unwrap_or_else(|| read(text)),
        }
    }
}

/// Reads what [`Object::at_rest`] wrote.
fn read(text: &[u8]) -> Value {
    let Ok(value) = serde_json::from_slice(text) else { unreachable!("it was written from JSON of little depth") };
    value
}

fn is_deeper(value: &Value, depth: usize) -> bool {
    match value {
        _ if depth == 0 => true,
        Value::Array(list) => list.iter().any(|item| is_deeper(item, depth - 1)),
        Value::Object(map) => map.values().any(|item| is_deeper(item, depth - 1)),
        _ => false,
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
    fn an_object_at_rest_is_the_same() {
        let value = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"n": 0.1, "big": u64::MAX},
            "metadata": {"name": "a", "namespace": "ns"}});
        let whole = Object::new(value.clone()).unwrap();
        let rests = whole.at_rest();
        assert_eq!((rests.id(), rests.gvk(), rests.json()), (whole.id(), whole.gvk(), whole.json()));
        assert_eq!((&rests, rests.at_rest().value(), rests.clone().into_value()), (&whole, &value, value.clone()));
        let mut changed = rests.clone();
        changed.set_namespace("other");
        assert_eq!((changed.namespace(), rests.namespace()), ("other", "ns"));
        let mut shared = whole.clone();
        shared.value_mut()["spec"] = json!(1);
        assert_eq!(whole.value(), &value, "a clone is changed alone");
    }

    #[test]
    fn what_is_too_deep_to_be_read_stays_as_it_is() {
        let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
        let object =
            Object::new(json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}, "deep": deep})).unwrap();
        assert_eq!(object.at_rest(), object);
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
