//! Values seen through their type: which of a type's shapes a value has, which path element an item of a list is, whether
//! a value fits its schema, and the set of fields that it names.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::schema::DEDUCED;
use super::{FieldPath, FieldSet, KeyValue, List, ListKind, MapType, PathElement, Scalar, Schema, TypeId};

/// The errors listed at most for one object.
const MAX_ERRORS: usize = 50;

/// Something that does not fit its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeError {
    /// Where.
    pub path: FieldPath,
    /// What, in the API server's words.
    pub message: String,
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.0.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

/// Everything in an object that does not fit its schema. Not retryable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeErrors(pub Vec<TypeError>);

impl std::error::Error for TypeErrors {}

impl fmt::Display for TypeErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => one.fmt(f),
            all => {
                f.write_str("errors:")?;
                all.iter().try_for_each(|error| write!(f, "\n  {error}"))
            }
        }
    }
}

/// Whether an item may stand twice in a list that is a set or a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// It may: in what is stored already.
    Allowed,
    /// It may not: in what is applied.
    Refused,
}

/// The shapes that are left of a type once a value is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape<'s> {
    pub(super) scalar: Option<Scalar>,
    pub(super) list: Option<&'s List>,
    pub(super) map: Option<&'s MapType>,
}

/// The one shape to walk by: maps go before scalars, and these before lists.
#[derive(Clone, Copy)]
pub(super) enum Walk<'s> {
    Map(&'s MapType),
    Scalar(Scalar),
    List(&'s List),
    Nothing,
}

impl<'s> Shape<'s> {
    /// The shape of a value of a type. Nothing and null keep every shape open; so does a value that does not fit.
    pub(super) fn of(schema: &'s Schema, ty: TypeId, value: Option<&Value>) -> Self {
        let atom = schema.atom(ty);
        let whole = Self { scalar: atom.scalar, list: atom.list.as_ref(), map: atom.map.as_ref() };
        let nothing = Self { scalar: None, list: None, map: None };
        match value {
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) if whole.scalar.is_some() => {
                Self { scalar: whole.scalar, ..nothing }
            }
            Some(Value::Array(_)) if whole.list.is_some() => Self { list: whole.list, ..nothing },
            Some(Value::Object(_)) if whole.map.is_some() => Self { map: whole.map, ..nothing },
            _ => whole,
        }
    }

    pub(super) fn walk(self) -> Walk<'s> {
        match self {
            Self { map: Some(map), .. } => Walk::Map(map),
            Self { scalar: Some(scalar), .. } => Walk::Scalar(scalar),
            Self { list: Some(list), .. } => Walk::List(list),
            _ => Walk::Nothing,
        }
    }

    /// Whether two shapes of one type are the same.
    pub(super) fn same_as(self, other: Self) -> bool {
        self.scalar.is_some() == other.scalar.is_some()
            && self.list.is_some() == other.list.is_some()
            && self.map.is_some() == other.map.is_some()
    }
}

/// The type of a map's entry. What the schema does not know is deduced: objects are checked before they get here.
pub(super) fn entry_type(map: &MapType, name: &str) -> TypeId {
    map.fields.get(name).map(|field| field.ty).or(map.element).unwrap_or(DEDUCED)
}

/// The path element of an item of a list that is a set or a map.
///
/// # Errors
/// The API server's message: when the list is atomic, or the item has none of its keys or the wrong shape.
pub fn element_of(schema: &Schema, list: &List, item: &Value) -> Result<PathElement, String> {
    let keys = match &list.kind {
        ListKind::Atomic => return Err("invalid indexing of non-associative list".to_owned()),
        ListKind::Set => {
            return match item {
                Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
                Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
                Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
                scalar => Ok(PathElement::Value(KeyValue(scalar.clone()))),
            };
        }
        ListKind::Map(keys) => keys,
    };
    let item = match item {
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        Value::Object(map) => map,
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let defaults = schema.atom(list.element).map.as_ref();
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let value = item.get(key).or_else(|| defaults?.fields.get(key)?.default.as_ref());
        if let Some(value) = value {
            found.push((key.clone(), KeyValue(value.clone())));
        }
    }
    if found.is_empty() {
        return Err(format!(
            "associative list with keys has an element that omits all key fields {keys:?} (and doesn't have default \
             values for any key fields)"
        ));
    }
    found.sort();
    Ok(PathElement::Key(found))
}

/// Checks a value against its type: as the API server checks what is applied (no duplicates) and what is stored.
///
/// # Errors
/// What does not fit, up to 50 places.
pub fn validate(schema: &Schema, ty: TypeId, value: &Value, duplicates: Duplicates) -> Result<(), TypeErrors> {
    let mut check = Check { schema, duplicates, path: FieldPath::default(), errors: Vec::new() };
    check.value(ty, value);
    if check.errors.is_empty() { Ok(()) } else { Err(TypeErrors(check.errors)) }
}

struct Check<'s> {
    schema: &'s Schema,
    duplicates: Duplicates,
    path: FieldPath,
    errors: Vec<TypeError>,
}

impl Check<'_> {
    fn error(&mut self, message: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(TypeError { path: self.path.clone(), message: message.into() });
        }
    }

    fn value(&mut self, ty: TypeId, value: &Value) {
        let schema = self.schema;
        match Shape::of(schema, ty, Some(value)).walk() {
            Walk::Map(map) => match value {
                Value::Null => {}
                Value::Object(object) => {
                    for (name, inner) in object {
                        self.path.0.push(PathElement::field(name));
                        match map.fields.get(name).map(|field| field.ty).or(map.element) {
                            Some(ty) => self.value(ty, inner),
                            None => self.error("field not declared in schema"),
                        }
                        self.path.0.pop();
                    }
                }
                other => self.error(format!("expected map, got &{{{}}}", go_value(other))),
            },
            Walk::Scalar(scalar) => {
                if let Some(message) = scalar_error(scalar, value) {
                    self.error(message);
                }
            }
            Walk::List(list) => match value {
                Value::Null => {}
                Value::Array(items) => self.items(list, items),
                other => self.error(format!("expected list, got &{{{}}}", go_value(other))),
            },
            Walk::Nothing => self.error("schema error: invalid atom: inlined"),
        }
    }

    fn items(&mut self, list: &List, items: &[Value]) {
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let element = if list.kind == ListKind::Atomic {
                PathElement::Index(i64::try_from(index).unwrap_or(i64::MAX))
            } else {
                match element_of(self.schema, list, item) {
                    Ok(element) => element,
                    Err(why) => {
                        self.error(format!("element {index}: {why}"));
                        return;
                    }
                }
            };
            if !seen.insert(element.clone()) && self.duplicates == Duplicates::Refused {
                self.error(format!("duplicate entries for key {element}"));
            }
            self.path.0.push(element);
            self.value(list.element, item);
            self.path.0.pop();
        }
    }
}

/// A value as Go prints it inside a message.
fn go_value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Why a value is no such scalar; null always is one.
pub(super) fn scalar_error(scalar: Scalar, value: &Value) -> Option<String> {
    let ty = match value {
        Value::Null => return None,
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    match (scalar, value) {
        (Scalar::Numeric, Value::Number(_))
        | (Scalar::String, Value::String(_))
        | (Scalar::Boolean, Value::Bool(_))
        | (Scalar::Untyped, Value::Bool(_) | Value::Number(_) | Value::String(_)) => None,
        (Scalar::Numeric, _) => Some(format!("expected numeric (int or float), got {ty}")),
        (Scalar::String, _) => {
            Some(format!("expected string, got &value.valueUnstructured{{Value:{}}}", go_value(value)))
        }
        (Scalar::Boolean, _) => Some(format!("expected boolean, got &{{{}}}", go_value(value))),
        (Scalar::Untyped, _) => Some(format!("expected any scalar, got &{{{}}}", go_value(value))),
    }
}

/// Every leaf and every item that a value names: what its applier owns.
#[must_use]
pub fn set_of(schema: &Schema, ty: TypeId, value: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    collect(schema, ty, value, &mut Vec::new(), &mut set);
    set
}

fn collect(schema: &Schema, ty: TypeId, value: &Value, path: &mut Vec<PathElement>, set: &mut FieldSet) {
    match Shape::of(schema, ty, Some(value)).walk() {
        Walk::Scalar(_) => set.insert(path),
        Walk::Map(map) if map.atomic => set.insert(path),
        Walk::List(list) if list.kind == ListKind::Atomic => set.insert(path),
        Walk::Map(map) => {
            for (name, inner) in value.as_object().into_iter().flatten() {
                path.push(PathElement::field(name));
                collect(schema, entry_type(map, name), inner, path, set);
                let empty = inner.is_null() || inner.as_object().is_some_and(serde_json::Map::is_empty);
                if empty || !map.fields.contains_key(name) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        Walk::List(list) => {
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            let elements: Vec<_> = items.iter().map(|item| element_of(schema, list, item).ok()).collect();
            let mut seen = BTreeSet::new();
            let mut twice = BTreeSet::new();
            for element in elements.iter().flatten() {
                if !seen.insert(element) {
                    twice.insert(element);
                }
            }
            for (item, element) in items.iter().zip(&elements) {
                let Some(element) = element else { continue };
                path.push(element.clone());
                if !twice.contains(element) {
                    collect(schema, list.element, item, path, set);
                }
                set.insert(path);
                path.pop();
            }
        }
        Walk::Nothing => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::builtin_schema;
    use serde_json::json;

    fn deployment() -> TypeId {
        builtin_schema().type_of("apps/v1", "Deployment").unwrap()
    }

    #[test]
    fn the_fields_of_a_configuration() {
        let config = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "a", "labels": {"app": "a"}},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "a"}},
                     "template": {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 80}], "args": ["x"], "env": []}],
                                           "nodeSelector": {}}}},
        });
        let set = set_of(builtin_schema(), deployment(), &config);
        assert_eq!(
            set.to_text(),
            concat!(
                r#"{"f:apiVersion":{},"f:kind":{},"f:metadata":{"f:labels":{"f:app":{}},"f:name":{}},"#,
                r#""f:spec":{"f:replicas":{},"f:selector":{},"f:template":{"f:spec":{"#,
                r#""f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:args":{},"f:name":{},"#,
                r#""f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}},"#,
                r#""f:nodeSelector":{}}}}}"#
            )
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let errors =
            |config| validate(builtin_schema(), deployment(), &config, Duplicates::Refused).unwrap_err().to_string();
        assert_eq!(errors(json!({"spec": {"replica": 2}})), ".spec.replica: field not declared in schema");
        assert_eq!(
            errors(json!({"spec": {"replicas": "2"}})),
            ".spec.replicas: expected numeric (int or float), got string"
        );
        assert_eq!(
            errors(json!({"spec": {"template": {"spec": {"containers": [{"name": "a"}, {"name": "a"}]}}}})),
            r#".spec.template.spec.containers: duplicate entries for key [name="a"]"#
        );
        let twice = json!({"spec": {"template": {"spec": {"containers": [{"name": "a"}, {"name": "a"}]}}}});
        validate(builtin_schema(), deployment(), &twice, Duplicates::Allowed).unwrap();
    }

    #[test]
    fn items_need_a_key() {
        let mut schema = Schema::default();
        let list = json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
                          "items": {"type": "object", "properties": {"id": {"type": "string"}, "x": {"type": "string"}}}});
        let structural = json!({"type": "object", "properties": {"parts": list}});
        schema.add_crd("example.com", "v1", "Widget", Some(&structural)).unwrap();
        let ty = schema.type_of("example.com/v1", "Widget").unwrap();
        assert_eq!(
            validate(&schema, ty, &json!({"parts": [{"x": "a"}]}), Duplicates::Refused).unwrap_err().to_string(),
            ".parts: element 0: associative list with keys has an element that omits all key fields [\"id\"] (and doesn't \
             have default values for any key fields)"
        );
    }
}
