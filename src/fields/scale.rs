//! The scale subresource: it writes one field of its parent, and its managers are the parent's.

use serde_json::Value;

use super::apply::type_meta;
use super::managed::strip;
use super::{Entry, FieldPath, FieldSet, ManagedFields, Manager, PathElement, Request, same};

/// The object after somebody set its replicas through `/scale`: `path` is `.spec.replicas`, or what a
/// CustomResourceDefinition names. Ownership moves as on the API server: from every owner of the field to the writer;
/// nobody gets it where nobody had it, and nobody has it at zero.
#[must_use]
pub fn update_scale(live: &Value, path: &FieldPath, replicas: &Value, request: &Request<'_>) -> Value {
    let mut managed = ManagedFields::decode(live).unwrap_or_default();
    let mut object = live.clone();
    strip(&mut object);
    let changed = path.get(live).is_none_or(|now| !same(now, replicas));
    set_at(&mut object, path, replicas);
    let owned = managed.0.values().any(|entry| entry.fields.contains(&path.0));
    if changed && owned {
        let field: FieldSet = [path].into_iter().collect();
        for entry in managed.0.values_mut() {
            entry.fields = entry.fields.difference(&field);
        }
        managed.0.retain(|_, entry| !entry.fields.is_empty());
        let (api_version, _) = type_meta(live);
        // In a Scale no replicas and zero replicas are the same, so the field is removed then, and nobody's.
        if replicas.as_f64() != Some(0.0) {
            // The API server (1.35) keeps no time for this entry.
            let entry = Entry { fields: field, api_version: api_version.to_owned(), time: None };
            managed.0.insert(Manager::updater(request.manager, api_version, "scale"), entry);
        }
    }
    managed.store(&mut object);
    object
}

fn set_at(object: &mut Value, path: &FieldPath, value: &Value) {
    let mut at = object;
    for element in &path.0 {
        let PathElement::Field(name) = element else { return };
        if !at.is_object() {
            *at = Value::Object(serde_json::Map::new());
        }
        at = &mut at[name.as_str()];
    }
    *at = value.clone();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::builtin_schema;
    use serde_json::json;

    #[test]
    fn replicas_move_to_who_scales() {
        let live = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 1, "paused": true},
            "metadata": {"name": "a", "managedFields": [{
                "manager": "evenkeel", "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:replicas": {}, "f:paused": {}}},
            }]},
        });
        let request = Request {
            schema: builtin_schema(),
            manager: "kubectl",
            subresource: "scale",
            time: "2026-01-01T00:00:00Z".parse().unwrap(),
            reset: None,
        };
        let path = FieldPath::of(&["spec", "replicas"]);
        let scaled = update_scale(&live, &path, &json!(3), &request);
        assert_eq!(scaled["spec"]["replicas"], json!(3));
        let managed = ManagedFields::decode(&scaled).unwrap();
        let owners: Vec<String> = managed.owners(&path.0).iter().map(|(m, _)| m.to_string()).collect();
        assert_eq!(owners, ["\"kubectl\" with subresource \"scale\" using apps/v1"]);
        assert_eq!(managed.0.len(), 2);
        assert_eq!(update_scale(&live, &path, &json!(1), &request), live);
        let none = ManagedFields::decode(&update_scale(&live, &path, &json!(0), &request)).unwrap();
        assert!(none.owners(&path.0).is_empty());
    }
}
