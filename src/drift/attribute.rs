//! Who wrote a field, by the managed fields of the live object.

use jiff::Timestamp;

use super::UNKNOWN_MANAGER;
use crate::fields::{Entry, FieldPath, ManagedFields, Manager, Operation};

/// The writer of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Author {
    pub(super) manager: String,
    pub(super) operation: Option<Operation>,
    pub(super) subresource: String,
    pub(super) time: Option<Timestamp>,
}

/// Who owns the field now: another than us where there is one, the latest first, what an apply invented last. When nobody
/// owns it, who owns the value around it as a whole, or what is inside it.
pub(super) fn author(managed: &ManagedFields, ours: &str, path: &FieldPath) -> Author {
    let owners = |path: &FieldPath| managed.owners(&path.0);
    let mut found = owners(path);
    let mut around = path.clone();
    while found.is_empty() && around.0.len() > 1 {
        around.0.pop();
        // Above the field, only what is owned as a whole speaks for it.
        found = owners(&around)
            .into_iter()
            .filter(|(_, entry)| below(entry, &around).is_none_or(crate::fields::FieldSet::is_empty))
            .collect();
    }
    if found.is_empty() {
        found = managed.0.iter().filter(|(_, entry)| entry.fields.touches(&path.0)).collect();
    }
    let rank = |manager: &Manager| (manager.name == "before-first-apply", manager.name == ours);
    found.sort_by_key(|(manager, _)| rank(manager));
    match found.first() {
        Some((manager, entry)) => Author {
            manager: manager.name.clone(),
            operation: Some(manager.operation),
            subresource: manager.subresource.clone(),
            time: entry.time,
        },
        None => Author { manager: UNKNOWN_MANAGER.to_owned(), operation: None, subresource: String::new(), time: None },
    }
}

fn below<'e>(entry: &'e Entry, path: &FieldPath) -> Option<&'e crate::fields::FieldSet> {
    path.0.iter().try_fold(&entry.fields, |set, element| set.below(element))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_owner_of_the_field_or_of_the_whole_around_it() {
        let entry = |manager: &str, time: &str, fields: serde_json::Value| json!({"manager": manager, "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "time": time, "fieldsV1": fields});
        let managed = ManagedFields::decode(&json!({"metadata": {"managedFields": [
            entry("before-first-apply", "2026-01-03T00:00:00Z", json!({"f:spec": {"f:a": {}}})),
            entry("old", "2026-01-01T00:00:00Z", json!({"f:spec": {"f:a": {}}})),
            entry("new", "2026-01-02T00:00:00Z", json!({"f:spec": {"f:a": {}, "f:whole": {}, "f:part": {".": {}, "f:x": {}}}})),
        ]}}))
        .unwrap();
        let author = |fields: &[&str]| author(&managed, "evenkeel", &FieldPath::of(fields)).manager;
        assert_eq!(author(&["spec", "a"]), "new");
        assert_eq!(author(&["spec", "whole", "x"]), "new");
        assert_eq!(author(&["spec", "part", "x"]), "new");
        assert_eq!(author(&["spec", "part", "gone"]), UNKNOWN_MANAGER);
        assert_eq!(author(&["spec", "gone"]), UNKNOWN_MANAGER);
    }
}
