//! The mark of an object: what our entry in its managed fields said after the last apply, in 64 bits. While the live mark is
//! equal, nobody took a field from us, and the object need not be read.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::fields::CONTROLLERS;
use crate::manifest::FIELD_MANAGER;

/// The mark of the entry that our applies own, from `metadata.managedFields`; `None` where there is none: the object was never
/// applied by us, or its managed fields were cleared.
#[must_use]
pub fn mark_of(managed_fields: &Value) -> Option<u64> {
    let entry = managed_fields.as_array()?.iter().find(|entry| is_ours(entry))?;
    let mut hash = Sha256::new();
    for key in ["apiVersion", "time"] {
        hash.update(entry.get(key).and_then(Value::as_str).unwrap_or_default());
        hash.update([0]);
    }
    // Maps are sorted: equal sets are equal bytes.
    hash.update(entry.get("fieldsV1").map(Value::to_string).unwrap_or_default());
    Some(first_eight(&hash.finalize()))
}

/// What others than Kubernetes itself own of an object, in 64 bits: who, and which fields; 0 when that is nothing.
#[must_use]
pub(crate) fn foreign_of(managed_fields: &Value) -> u64 {
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let foreign = |entry: &&Value| {
        text(entry, "subresource").is_empty()
            && !CONTROLLERS.contains(&text(entry, "manager").as_str())
            && text(entry, "manager") != FIELD_MANAGER
    };
    let mut entries = managed_fields.as_array().into_iter().flatten().filter(foreign).peekable();
    if entries.peek().is_none() {
        return 0;
    }
    let mut hash = Sha256::new();
    for entry in entries {
        hash.update(text(entry, "manager"));
        hash.update([0]);
        hash.update(entry.get("fieldsV1").map(Value::to_string).unwrap_or_default());
    }
    first_eight(&hash.finalize()).max(1)
}

fn first_eight(digest: &[u8]) -> u64 {
    digest[..8].iter().fold(0, |mark, byte| (mark << 8) | u64::from(*byte))
}

/// The mark as inventories hold it: 16 hexadecimal digits.
#[must_use]
pub fn mark_text(mark: u64) -> String {
    format!("{mark:016x}")
}

/// Whether a managed-fields entry is of our applies (and of the object, not of a subresource).
#[must_use]
pub(crate) fn is_ours(entry: &Value) -> bool {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    text("manager") == FIELD_MANAGER && text("operation") == "Apply" && text("subresource").is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_mark_follows_our_entry_alone() {
        let ours = |time: &str, fields: &Value| json!({"manager": "evenkeel", "operation": "Apply", "apiVersion": "v1", "time": time, "fieldsV1": fields});
        let other = json!({"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:data": {}}});
        let fields = json!({"f:data": {"f:a": {}}});
        let mark = mark_of(&json!([ours("t1", &fields)])).unwrap();
        assert_eq!(mark_of(&json!([other, ours("t1", &fields)])), Some(mark));
        assert_ne!(mark_of(&json!([ours("t2", &fields)])), Some(mark));
        assert_ne!(mark_of(&json!([ours("t1", &json!({"f:data": {}}))])), Some(mark));
        assert_eq!(mark_of(&json!([other])), None);
        assert_eq!(mark_of(&Value::Null), None);
        assert_eq!(mark_text(1), "0000000000000001");
    }

    #[test]
    fn what_others_own_is_told_apart_from_what_kubernetes_writes() {
        let entry = |manager: &str, subresource: &str, field: &str| {
            json!({"manager": manager, "operation": "Update",
            "subresource": subresource, "fieldsV1": {field: {}}})
        };
        let foreign = |entries: &[Value]| foreign_of(&Value::Array(entries.to_vec()));
        let ours = json!({"manager": "evenkeel", "operation": "Apply", "fieldsV1": {"f:data": {}}});
        assert_eq!(foreign_of(&Value::Null), 0);
        let quiet = [ours, entry("kube-controller-manager", "", "f:a"), entry("kubectl", "scale", "f:b")];
        assert_eq!(foreign(&quiet), 0);
        let one = foreign(&[entry("mesh", "", "f:a")]);
        assert!(one != 0 && one == foreign(&[quiet.as_slice(), &[entry("mesh", "", "f:a")]].concat()));
        assert_ne!(foreign(&[entry("mesh", "", "f:b")]), one);
    }
}
