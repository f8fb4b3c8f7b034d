//! Taking fields out of an object, and taking an object down to some fields.

use serde_json::{Map, Value};

use super::typed::{Shape, Walk, element_of, entry_type};
use super::{FieldSet, List, ListKind, MapType, PathElement, Schema, TypeId};

/// The value without some fields. A map or list that was emptied by it stays, empty.
#[must_use]
pub fn remove(schema: &Schema, ty: TypeId, value: &Value, fields: &FieldSet) -> Value {
    Walker { schema, extract: false }.value(ty, value, fields).unwrap_or(Value::Null)
}

/// The value with nothing but some fields, of list items with their keys. Atomic values come whole.
#[must_use]
pub fn extract(schema: &Schema, ty: TypeId, value: &Value, fields: &FieldSet) -> Value {
    let mut wanted = fields.clone();
    add_keys(fields, &mut wanted);
    Walker { schema, extract: true }.value(ty, value, &wanted).unwrap_or(Value::Null)
}

/// Adds to a set the fields that are the keys of its items.
fn add_keys(fields: &FieldSet, wanted: &mut FieldSet) {
    for (element, node) in &fields.nodes {
        let Some(target) = wanted.nodes.get_mut(element) else { continue };
        if let PathElement::Key(keys) = element {
            for (name, _) in keys {
                target.children.insert(&[PathElement::field(name)]);
            }
        }
        add_keys(&node.children, &mut target.children);
    }
}

struct Walker<'s> {
    schema: &'s Schema,
    extract: bool,
}

impl Walker<'_> {
    fn value(&self, ty: TypeId, value: &Value, fields: &FieldSet) -> Option<Value> {
        match Shape::of(self.schema, ty, Some(value)).walk() {
            Walk::Scalar(_) => Some(value.clone()),
            Walk::Map(map) => self.map(map, value.as_object()?, fields),
            Walk::List(list) => self.list(list, value.as_array()?, fields),
            Walk::Nothing => None,
        }
    }

    fn list(&self, list: &List, items: &[Value], fields: &FieldSet) -> Option<Value> {
        if items.is_empty() || list.kind == ListKind::Atomic {
            return self.extract.then(|| Value::Array(items.to_vec()));
        }
        let mut out = Vec::new();
        let mut inside = false;
        for item in items {
            // What has no place in the list by its type stays, for it cannot be named.
            let element = element_of(self.schema, list, item).ok();
            let exact = element.as_ref().is_some_and(|element| fields.has(element));
            let below = element.as_ref().and_then(|element| fields.below(element));
            match (self.extract, below) {
                (true, Some(below)) => {
                    out.push(self.value(list.element, item, below).unwrap_or_else(|| emptied(item)));
                }
                (true, None) if exact => out.push(item.clone()),
                (true, None) => {}
                (false, _) if exact => {}
                (false, Some(below)) => {
                    inside = true;
                    out.push(self.value(list.element, item, below).unwrap_or_else(|| emptied(item)));
                }
                (false, None) => out.push(item.clone()),
            }
        }
        (!out.is_empty() || inside).then_some(Value::Array(out))
    }

    fn map(&self, map: &MapType, entries: &Map<String, Value>, fields: &FieldSet) -> Option<Value> {
        if entries.is_empty() || map.atomic {
            return self.extract.then(|| Value::Object(entries.clone()));
        }
        let mut out = Map::new();
        let mut inside = false;
        for (name, inner) in entries {
            let element = PathElement::field(name);
            let exact = fields.has(&element);
            let below = fields.below(&element);
            let ty = entry_type(map, name);
            match (self.extract, below) {
                (true, Some(below)) => {
                    out.insert(name.clone(), self.value(ty, inner, below).unwrap_or_else(|| emptied(inner)));
                }
                (true, None) if exact => {
                    out.insert(name.clone(), inner.clone());
                }
                (true, None) => {}
                (false, _) if exact => {}
                (false, Some(below)) => {
                    inside = true;
                    out.insert(name.clone(), self.value(ty, inner, below).unwrap_or_else(|| emptied(inner)));
                }
                (false, None) => {
                    out.insert(name.clone(), inner.clone());
                }
            }
        }
        (!out.is_empty() || inside).then_some(Value::Object(out))
    }
}

/// What is left of a value that lost everything.
fn emptied(value: &Value) -> Value {
    match value {
        Value::Object(_) => Value::Object(Map::new()),
        Value::Array(_) => Value::Array(Vec::new()),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::builtin_schema;
    use serde_json::json;

    fn pod() -> (&'static Schema, TypeId) {
        (builtin_schema(), builtin_schema().type_of("v1", "Pod").unwrap())
    }

    #[test]
    fn fields_and_items_go() {
        let (schema, ty) = pod();
        let object = json!({"metadata": {"labels": {"a": "1", "b": "2"}},
                            "spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b"}], "hostname": "h"}});
        let fields = FieldSet::from_text(
            r#"{"f:metadata":{"f:labels":{"f:a":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{"f:image":{}},"k:{\"name\":\"b\"}":{}}}}"#,
        )
        .unwrap();
        assert_eq!(
            remove(schema, ty, &object, &fields),
            json!({"metadata": {"labels": {"b": "2"}}, "spec": {"containers": [{"name": "a"}], "hostname": "h"}})
        );
        assert_eq!(
            extract(schema, ty, &object, &fields),
            json!({"metadata": {"labels": {"a": "1"}}, "spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b"}]}})
        );
    }

    #[test]
    fn what_loses_everything_stays_empty() {
        let (schema, ty) = pod();
        let fields = FieldSet::from_text(r#"{"f:metadata":{"f:labels":{"f:a":{}}}}"#).unwrap();
        assert_eq!(
            remove(schema, ty, &json!({"metadata": {"labels": {"a": "1"}}}), &fields),
            json!({"metadata": {"labels": {}}})
        );
        assert_eq!(remove(schema, ty, &json!({"spec": {}}), &fields), json!({"spec": {}}));
    }
}
