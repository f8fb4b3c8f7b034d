//! Objects in the form that the client asked for: plain, as metadata alone, or as a table.

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};
use serde_json::{Value, json};

use super::request::Form;
use crate::sandbox::resources::ResourceType;
use crate::sandbox::store::Page;
use crate::sandbox::table;

/// An object without what a typed list does not repeat.
struct Item<'a> {
    object: &'a Value,
    typed: bool,
    api_version: &'a str,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(map) = self.object else { return self.object.serialize(serializer) };
        let mut out = serializer.serialize_map(None)?;
        for (key, value) in map {
            match key.as_str() {
                "apiVersion" | "kind" if self.typed => {}
                "apiVersion" => out.serialize_entry(key, self.api_version)?,
                _ => out.serialize_entry(key, value)?,
            }
        }
        out.end()
    }
}

struct List<'a> {
    kind: &'a str,
    api_version: &'a str,
    metadata: Value,
    items: Vec<Item<'a>>,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("List", 4)?;
        out.serialize_field("kind", self.kind)?;
        out.serialize_field("apiVersion", self.api_version)?;
        out.serialize_field("metadata", &self.metadata)?;
        out.serialize_field("items", &self.items)?;
        out.end()
    }
}

fn bytes(value: &impl Serialize) -> Vec<u8> {
    // Maps of strings and JSON values cannot fail to serialize.
    serde_json::to_vec(value).unwrap_or_default()
}

/// The metadata of an object as an object of its own.
pub(super) fn metadata(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// One object. `include` is `includeObject` of tables.
pub(super) fn one(resource: &ResourceType, object: &Value, form: Form, include: &str, now: jiff::Timestamp) -> Vec<u8> {
    match form {
        Form::Plain => {
            let api_version = resource.api_version();
            // Subresources answer with their own kind.
            if object["kind"] == resource.kind.as_str() && object["apiVersion"] != api_version.as_str() {
                return bytes(&Item { object, typed: false, api_version: &api_version });
            }
            bytes(object)
        }
        Form::Metadata => bytes(&metadata(object)),
        Form::Table => {
            let version = object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
            bytes(&table::of(resource, &[object], json!({"resourceVersion": version}), include, true, now))
        }
    }
}

/// A page of a list.
pub(super) fn list(resource: &ResourceType, page: &Page, form: Form, include: &str, now: jiff::Timestamp) -> Vec<u8> {
    let mut list_metadata = json!({"resourceVersion": page.version.to_string()});
    if !page.token.is_empty() {
        list_metadata["continue"] = page.token.clone().into();
        if let Some(remaining) = page.remaining {
            list_metadata["remainingItemCount"] = remaining.into();
        }
    }
    if resource.custom.is_some() && page.token.is_empty() {
        list_metadata["continue"] = "".into();
    }
    match form {
        Form::Plain => {
            let api_version = resource.api_version();
            let typed = resource.custom.is_none();
            let items = page.items.iter().map(|object| Item { object, typed, api_version: &api_version }).collect();
            bytes(&List { kind: &resource.list_kind, api_version: &api_version, metadata: list_metadata, items })
        }
        Form::Metadata => {
            let items: Vec<Value> = page.items.iter().map(|o| metadata(o)).collect();
            bytes(&json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": list_metadata,
                "items": items,
            }))
        }
        Form::Table => {
            let objects: Vec<&Value> = page.items.iter().map(|o| &**o).collect();
            bytes(&table::of(resource, &objects, list_metadata, include, true, now))
        }
    }
}

/// One line of a watch.
pub(super) fn event(kind: &str, object: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(object.len() + 40);
    line.extend_from_slice(b"{\"type\":\"");
    line.extend_from_slice(kind.as_bytes());
    line.extend_from_slice(b"\",\"object\":");
    line.extend_from_slice(object);
    line.extend_from_slice(b"}\n");
    line
}
