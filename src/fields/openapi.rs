//! From OpenAPI documents and structural schemas to a [`Schema`], by the rules of kube-openapi's `schemaconv`.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::schema::{DEDUCED, UNTYPED};
use super::{Atom, Field, Format, List, ListKind, MapType, Scalar, Schema, TypeId};

/// How deep inline schemas may be nested.
const MAX_DEPTH: usize = 100;

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const RAW_EXTENSION: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// A document that gives no schema. Not retryable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// It has neither `definitions` nor `components.schemas`.
    #[error("no OpenAPI document")]
    NotADocument,
    /// A list or map annotation that Kubernetes does not know.
    #[error("{0}: unknown {1} `{2}`")]
    UnknownKind(String, &'static str, String),
    /// A list of kind map without keys.
    #[error("{0}: a list of type map needs x-kubernetes-list-map-keys")]
    NoKeys(String),
    /// Nested deeper than 100 levels.
    #[error("{0}: nested too deeply")]
    TooDeep(String),
}

struct Builder<'s> {
    schema: &'s mut Schema,
    names: HashMap<String, TypeId>,
    /// Atomic or granular copies of named types: `(copy, original, atomic)`, filled in at the end.
    overrides: Vec<(TypeId, TypeId, bool)>,
}

/// All definitions of a server.
pub(super) fn build(definitions: &Map<String, Value>) -> Result<Schema, SchemaError> {
    let mut schema = Schema::default();
    let mut names = HashMap::new();
    // Names first, so that references may point forward.
    for name in definitions.keys() {
        let id = schema.push(Atom::default());
        names.insert(name.clone(), id);
    }
    let mut builder = Builder { schema: &mut schema, names, overrides: Vec::new() };
    for (name, definition) in definitions {
        let atom = match name.as_str() {
            QUANTITY => scalar(Scalar::Untyped, Format::Quantity),
            RAW_EXTENSION => builder.schema.atom(UNTYPED).clone(),
            _ if definition.get("$ref").is_some() => builder.schema.atom(DEDUCED).clone(),
            _ => builder.atom(definition, preserves(definition), name, 0)?,
        };
        if let Some(id) = builder.names.get(name) {
            builder.schema.types[id.0 as usize] = atom;
        }
    }
    builder.finish();
    let names = builder.names;
    for (name, definition) in definitions {
        let Some(id) = names.get(name) else { continue };
        for gvk in definition.get("x-kubernetes-group-version-kind").and_then(Value::as_array).into_iter().flatten() {
            let text = |field: &str| gvk.get(field).and_then(Value::as_str).unwrap_or_default();
            let (group, version, kind) = (text("group"), text("version"), text("kind"));
            if !kind.is_empty() {
                let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
                schema.add_kind(&api_version, kind, *id);
            }
        }
    }
    if let Some(id) = names.get(OBJECT_META) {
        schema.set_object_meta(*id);
    }
    Ok(schema)
}

/// One version of a custom resource.
pub(super) fn add_crd(schema: &mut Schema, structural: &Value) -> Result<TypeId, SchemaError> {
    let mut builder = Builder { schema, names: HashMap::new(), overrides: Vec::new() };
    let preserve = preserves(structural);
    let mut atom = builder.atom(structural, preserve, "openAPIV3Schema", 0)?;
    builder.finish();
    builder.type_meta(&mut atom);
    Ok(schema.push(atom))
}

fn preserves(definition: &Value) -> bool {
    definition.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true))
}

fn scalar(scalar: Scalar, format: Format) -> Atom {
    Atom { scalar: Some(scalar), format, ..Atom::default() }
}

impl Builder<'_> {
    /// Gives the copies of named types what their originals have by now.
    fn finish(&mut self) {
        for (copy, original, atomic) in std::mem::take(&mut self.overrides) {
            let mut atom = self.schema.atom(original).clone();
            if let Some(map) = &mut atom.map {
                map.atomic = atomic;
            } else if let Some(list) = &mut atom.list
                && atomic
            {
                list.kind = ListKind::Atomic;
            }
            self.schema.types[copy.0 as usize] = atom;
        }
    }

    /// Every object, and every embedded one, has these whatever its schema says of them.
    fn type_meta(&mut self, atom: &mut Atom) {
        let Some(map) = &mut atom.map else { return };
        let text = self.schema.push(scalar(Scalar::String, Format::Plain));
        let meta = self.schema.object_meta();
        for (name, ty) in [("apiVersion", text), ("kind", text), ("metadata", meta)] {
            map.fields.insert(name.to_owned(), Field { ty, default: None, required: false });
        }
    }

    fn atom(&mut self, definition: &Value, preserve: bool, name: &str, depth: usize) -> Result<Atom, SchemaError> {
        if depth > MAX_DEPTH {
            return Err(SchemaError::TooDeep(name.to_owned()));
        }
        let preserve = preserve || preserves(definition);
        let mut atom = match definition.get("type").and_then(Value::as_str) {
            Some("object") => Atom { map: Some(self.map(definition, preserve, name, depth)?), ..Atom::default() },
            Some("array") => Atom { list: Some(self.list(definition, preserve, name, depth)?), ..Atom::default() },
            Some("integer" | "number") => scalar(Scalar::Numeric, Format::Plain),
            Some("boolean") => scalar(Scalar::Boolean, Format::Plain),
            Some("string") => match definition.get("format").and_then(Value::as_str) {
                None => scalar(Scalar::String, Format::Plain),
                Some("byte") => scalar(Scalar::String, Format::Bytes),
                Some("date-time") => scalar(Scalar::Untyped, Format::Time),
                Some("int-or-string") => scalar(Scalar::Untyped, Format::IntOrString),
                // A structural schema may name any format; the server takes all but the first two as untyped.
                Some(_) => scalar(Scalar::Untyped, Format::Plain),
            },
            // No type means any.
            _ => Atom {
                scalar: Some(Scalar::Untyped),
                list: Some(self.list(definition, preserve, name, depth)?),
                map: Some(self.map(definition, preserve, name, depth)?),
                format: Format::Plain,
            },
        };
        if definition.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true))
            || definition.get("format").and_then(Value::as_str) == Some("int-or-string")
        {
            atom.format = Format::IntOrString;
        }
        if definition.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true)) {
            self.type_meta(&mut atom);
        }
        Ok(atom)
    }

    fn reference(
        &mut self,
        definition: &Value,
        preserve: bool,
        name: &str,
        depth: usize,
    ) -> Result<TypeId, SchemaError> {
        let target = definition.get("$ref").or_else(|| match definition.get("allOf")?.as_array()?.as_slice() {
            [only] => only.get("$ref"),
            _ => None,
        });
        let Some(target) = target.and_then(Value::as_str) else {
            let atom = self.atom(definition, preserve, name, depth + 1)?;
            return Ok(self.schema.push(atom));
        };
        let target = target.rsplit('/').next().unwrap_or(target);
        let Some(original) = self.names.get(target).copied() else { return Ok(DEDUCED) };
        match map_kind(definition, name)? {
            None => Ok(original),
            Some(atomic) => {
                let copy = self.schema.push(Atom::default());
                self.overrides.push((copy, original, atomic));
                Ok(copy)
            }
        }
    }

    fn map(&mut self, definition: &Value, preserve: bool, name: &str, depth: usize) -> Result<MapType, SchemaError> {
        let required: Vec<&str> = definition
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut fields = BTreeMap::new();
        for (key, member) in definition.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let ty = self.reference(member, preserve, &format!("{name}.{key}"), depth)?;
            let default = member.get("default").cloned();
            fields.insert(key.clone(), Field { ty, default, required: required.contains(&key.as_str()) });
        }
        let element = match definition.get("additionalProperties") {
            None if preserve || fields.is_empty() => Some(DEDUCED),
            None | Some(Value::Bool(false)) => None,
            Some(Value::Bool(true)) => Some(DEDUCED),
            Some(element) => Some(self.reference(element, preserve, &format!("{name}.*"), depth)?),
        };
        Ok(MapType { fields, element, atomic: map_kind(definition, name)?.unwrap_or(false) })
    }

    fn list(&mut self, definition: &Value, preserve: bool, name: &str, depth: usize) -> Result<List, SchemaError> {
        let element = match definition.get("items") {
            Some(items) => self.reference(items, preserve, &format!("{name}[]"), depth)?,
            None => UNTYPED,
        };
        Ok(List { element, kind: list_kind(definition, name)? })
    }
}

/// `x-kubernetes-list-type`, or what the older patch strategy says where there is none.
fn list_kind(definition: &Value, name: &str) -> Result<ListKind, SchemaError> {
    let text = |key: &str| definition.get(key).and_then(Value::as_str);
    match text("x-kubernetes-list-type") {
        Some("atomic") => Ok(ListKind::Atomic),
        Some("set") => Ok(ListKind::Set),
        Some("map") => {
            let keys: Vec<String> = definition
                .get("x-kubernetes-list-map-keys")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|key| key.as_str().map(str::to_owned))
                .collect();
            if keys.is_empty() { Err(SchemaError::NoKeys(name.to_owned())) } else { Ok(ListKind::Map(keys)) }
        }
        Some(other) => Err(SchemaError::UnknownKind(name.to_owned(), "list type", other.to_owned())),
        None => {
            match text("x-kubernetes-patch-strategy") {
                Some("merge" | "merge,retainKeys") => Ok(text("x-kubernetes-patch-merge-key")
                    .map_or(ListKind::Set, |key| ListKind::Map(vec![key.to_owned()]))),
                None | Some("retainKeys") => Ok(ListKind::Atomic),
                Some(other) => Err(SchemaError::UnknownKind(name.to_owned(), "patch strategy", other.to_owned())),
            }
        }
    }
}

/// `x-kubernetes-map-type`: whether atomic; `None` where it says nothing.
fn map_kind(definition: &Value, name: &str) -> Result<Option<bool>, SchemaError> {
    match definition.get("x-kubernetes-map-type").and_then(Value::as_str) {
        None => Ok(None),
        Some("atomic") => Ok(Some(true)),
        Some("granular") => Ok(Some(false)),
        Some(other) => Err(SchemaError::UnknownKind(name.to_owned(), "map type", other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::builtin_schema;
    use serde_json::json;

    fn at<'s>(schema: &'s Schema, mut ty: TypeId, path: &[&str]) -> &'s Atom {
        for step in path {
            let atom = schema.atom(ty);
            ty = match *step {
                "[]" => atom.list.as_ref().unwrap().element,
                field => {
                    let map = atom.map.as_ref().unwrap();
                    map.fields.get(field).map_or_else(|| map.element.unwrap(), |f| f.ty)
                }
            };
        }
        schema.atom(ty)
    }

    #[test]
    fn built_in_kinds_have_the_servers_shapes() {
        let schema = builtin_schema();
        let pod = schema.type_of("v1", "Pod").unwrap();
        let kind = |path: &[&str]| at(schema, pod, path).list.as_ref().unwrap().kind.clone();
        assert_eq!(kind(&["spec", "containers"]), ListKind::Map(vec!["name".into()]));
        assert_eq!(
            kind(&["spec", "containers", "[]", "ports"]),
            ListKind::Map(vec!["containerPort".into(), "protocol".into()])
        );
        assert_eq!(kind(&["spec", "tolerations"]), ListKind::Atomic);
        assert_eq!(kind(&["metadata", "finalizers"]), ListKind::Set);
        assert!(at(schema, pod, &["spec", "nodeSelector"]).map.as_ref().unwrap().atomic);
        assert!(!at(schema, pod, &["metadata", "labels"]).map.as_ref().unwrap().atomic);
        assert_eq!(
            at(schema, pod, &["spec", "containers", "[]", "resources", "limits", "cpu"]).format,
            Format::Quantity
        );
        let port = &["spec", "containers", "[]", "livenessProbe", "httpGet", "port"];
        assert_eq!(at(schema, pod, port).format, Format::IntOrString);
        let secret = schema.type_of("v1", "Secret").unwrap();
        assert_eq!(at(schema, secret, &["data", "x"]).format, Format::Bytes);
        let protocol =
            &at(schema, pod, &["spec", "containers", "[]", "ports", "[]"]).map.as_ref().unwrap().fields["protocol"];
        assert_eq!(protocol.default, Some(json!("TCP")));
    }

    #[test]
    fn custom_resources() {
        let mut schema = builtin_schema().clone();
        let structural = json!({"type": "object", "properties": {
            "spec": {"type": "object", "properties": {
                "size": {"type": "integer"},
                "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
                "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
                          "items": {"type": "object", "properties": {"id": {"type": "string"}}}},
            }},
        }});
        schema.add_crd("example.com", "v1", "Widget", Some(&structural)).unwrap();
        let widget = schema.type_of("example.com/v1", "Widget").unwrap();
        assert_eq!(
            at(&schema, widget, &["spec", "parts"]).list.as_ref().unwrap().kind,
            ListKind::Map(vec!["id".into()])
        );
        assert_eq!(at(&schema, widget, &["spec", "port"]).format, Format::IntOrString);
        assert_eq!(at(&schema, widget, &["spec", "any"]).map.as_ref().unwrap().element, Some(DEDUCED));
        assert_eq!(at(&schema, widget, &["metadata", "finalizers"]).list.as_ref().unwrap().kind, ListKind::Set);

        let bad = json!({"type": "object", "properties": {"a": {"type": "array", "x-kubernetes-list-type": "map"}}});
        let error = schema.add_crd("example.com", "v1", "Bad", Some(&bad)).unwrap_err();
        assert_eq!(error.to_string(), "openAPIV3Schema.a: a list of type map needs x-kubernetes-list-map-keys");
        schema.add_crd("example.com", "v1", "Free", None).unwrap();
        schema.remove_kind("example.com/v1", "Widget");
        assert!(schema.type_of("example.com/v1", "Widget").is_none());
    }

    #[test]
    fn no_document_is_an_error_and_depth_has_an_end() {
        assert_eq!(Schema::from_openapi(&json!(3)).unwrap_err(), SchemaError::NotADocument);
        let mut deep = json!({"type": "string"});
        for _ in 0..300 {
            deep = json!({"type": "array", "items": deep});
        }
        assert!(matches!(Schema::from_openapi(&json!({"a": deep})), Err(SchemaError::TooDeep(_))));
    }
}
