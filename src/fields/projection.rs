//! What has to be remembered of an object to know that nobody took a field from us: a few bytes made from our own entry in
//! its managed fields. A metadata-only watch carries all that it needs.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Our share of an object's managed fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Projection {
    /// 16 hexadecimal digits made from our Apply entry: its fields, time, version and subresource. `None` when there is
    /// no such entry: we never applied, or somebody cleared it.
    pub mark: Option<String>,
}

/// One entry of managed fields, from whatever type holds it.
#[derive(Debug, Clone, Copy)]
pub struct EntryParts<'a> {
    /// The field manager.
    pub manager: &'a str,
    /// `Apply` or `Update`.
    pub operation: &'a str,
    /// The version.
    pub api_version: &'a str,
    /// The subresource, empty for the object itself.
    pub subresource: &'a str,
    /// The time in whole seconds since the epoch.
    pub seconds: Option<i64>,
    /// `fieldsV1`.
    pub fields: Option<&'a Value>,
}

impl Projection {
    /// From an object or a `PartialObjectMetadata` as JSON.
    #[must_use]
    pub fn of(object: &Value, manager: &str) -> Self {
        let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        Self::from_entries(
            entries.into_iter().flatten().map(|entry| {
                let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
                EntryParts {
                    manager: text("manager"),
                    operation: text("operation"),
                    api_version: text("apiVersion"),
                    subresource: text("subresource"),
                    seconds: text("time").parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second),
                    fields: entry.get("fieldsV1"),
                }
            }),
            manager,
        )
    }

    /// From entries of any type.
    #[must_use]
    pub fn from_entries<'a>(entries: impl IntoIterator<Item = EntryParts<'a>>, manager: &str) -> Self {
        let ours = entries
            .into_iter()
            .find(|entry| entry.manager == manager && entry.operation == "Apply" && entry.subresource.is_empty());
        Self { mark: ours.map(|entry| mark(&entry)) }
    }

    /// Whether we have no entry.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.mark.is_none()
    }
}

fn mark(entry: &EntryParts<'_>) -> String {
    let mut hash = Sha256::new();
    hash.update(entry.api_version.as_bytes());
    hash.update([0]);
    hash.update(entry.subresource.as_bytes());
    hash.update([0]);
    hash.update(entry.seconds.unwrap_or(i64::MIN).to_le_bytes());
    // Keys of a JSON map are sorted, so equal fields have equal text.
    hash.update(entry.fields.map(ToString::to_string).unwrap_or_default().as_bytes());
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(time: &str, fields: Value) -> Value {
        json!({"metadata": {"managedFields": [
            {"manager": "evenkeel", "operation": "Update", "apiVersion": "v1", "fieldsV1": {"f:x": {}}},
            {"manager": "evenkeel", "operation": "Apply", "apiVersion": "v1", "subresource": "status", "fieldsV1": {"f:x": {}}},
            {"manager": "evenkeel", "operation": "Apply", "apiVersion": "v1", "time": time, "fieldsV1": fields},
        ]}})
    }

    #[test]
    fn the_mark_changes_with_fields_and_time_alone() {
        let of = |time: &str, fields: Value| Projection::of(&object(time, fields), "evenkeel");
        let first = of("2026-01-01T00:00:00Z", json!({"f:a": {}, "f:b": {}}));
        assert_eq!(first.mark.as_ref().unwrap().len(), 16);
        assert_eq!(of("2026-01-01T00:00:00Z", json!({"f:b": {}, "f:a": {}})), first);
        assert_ne!(of("2026-01-01T00:00:01Z", json!({"f:a": {}, "f:b": {}})), first);
        assert_ne!(of("2026-01-01T00:00:00Z", json!({"f:a": {}})), first);
        let mut with_others = object("2026-01-01T00:00:00Z", json!({"f:a": {}, "f:b": {}}));
        with_others["metadata"]["managedFields"].as_array_mut().unwrap().push(json!({"manager": "kubectl"}));
        assert_eq!(Projection::of(&with_others, "evenkeel"), first);
    }

    #[test]
    fn an_entry_may_be_gone() {
        assert!(Projection::of(&json!({}), "evenkeel").is_gone());
        assert!(Projection::of(&json!({"metadata": {"managedFields": [3, null, {}]}}), "evenkeel").is_gone());
        assert!(Projection::of(&object("", json!({})), "other").is_gone());
    }
}
