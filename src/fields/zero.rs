//! Objects with nothing set. In Go a struct that is no pointer is always there; its schema gives it away by the default
//! `{}`. Whether such a parent was there before decides whether an update owns it or only what is inside.

use serde_json::{Map, Value};

use super::{Field, Schema, TypeId};

/// Structs may contain themselves only through pointers; this holds for hostile schemas too.
const MAX_DEPTH: usize = 30;

/// Whether the field is a struct that is no pointer.
fn is_struct(schema: &Schema, field: &Field) -> bool {
    matches!(&field.default, Some(Value::Object(map)) if map.is_empty()) && schema.atom(field.ty).map.is_some()
}

/// The zero value of a type that is a struct.
pub(super) fn of(schema: &Schema, ty: TypeId) -> Value {
    build(schema, ty, 0)
}

fn build(schema: &Schema, ty: TypeId, depth: usize) -> Value {
    let mut out = Map::new();
    if let Some(map) = &schema.atom(ty).map
        && depth < MAX_DEPTH
    {
        for (name, field) in &map.fields {
            if is_struct(schema, field) {
                out.insert(name.clone(), build(schema, field.ty, depth + 1));
            } else if field.required {
                // A required string is there as "", a required list or pointer as null.
                out.insert(name.clone(), field.default.clone().unwrap_or(Value::Null));
            }
        }
    }
    Value::Object(out)
}

/// Adds the structs that are no pointers to every map of a struct's type.
pub(super) fn fill(schema: &Schema, value: &mut Value, ty: TypeId) {
    let atom = schema.atom(ty);
    match value {
        Value::Object(object) => {
            let Some(map) = &atom.map else { return };
            for (name, field) in &map.fields {
                if is_struct(schema, field) && !object.contains_key(name) {
                    object.insert(name.clone(), Value::Object(Map::new()));
                }
            }
            for (name, inner) in object.iter_mut() {
                if let Some(ty) = map.fields.get(name).map(|field| field.ty).or(map.element) {
                    fill(schema, inner, ty);
                }
            }
        }
        Value::Array(items) => {
            if let Some(list) = &atom.list {
                items.iter_mut().for_each(|item| fill(schema, item, list.element));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::fields::builtin_schema;
    use serde_json::json;

    #[test]
    fn a_deployment_of_nothing() {
        let zero = builtin_schema().zero_object("apps/v1", "Deployment");
        assert_eq!(
            zero,
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "status": {},
                   "spec": {"selector": null, "strategy": {}, "template": {"metadata": {}, "spec": {"containers": null}}}})
        );
        assert_eq!(builtin_schema().zero_object("x/v1", "Unknown"), json!({"apiVersion": "x/v1", "kind": "Unknown"}));
    }

    #[test]
    fn structs_are_always_written() {
        let mut pod = json!({"spec": {"containers": [{"name": "a"}]}});
        builtin_schema().fill_structs(&mut pod, "v1", "Pod");
        assert_eq!(
            pod,
            json!({"metadata": {}, "status": {}, "spec": {"containers": [{"name": "a", "resources": {}}]}})
        );
    }
}
