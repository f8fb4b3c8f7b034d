//! `metadata.managedFields`: who owns which fields of an object, as entries in and out of its JSON.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{FieldSet, FieldsError, PathElement};

/// How a manager wrote: by apply, or by anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Operation {
    /// Server-side apply.
    Apply,
    /// Create, replace or patch.
    Update,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        })
    }
}

/// What tells one entry from another. An applier keeps its entry when it changes version; an updater has one a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manager {
    /// The field manager's name.
    pub name: String,
    /// How it wrote.
    pub operation: Operation,
    /// The version that it wrote with; empty for appliers.
    pub api_version: String,
    /// The subresource that it wrote to; empty for the object itself.
    pub subresource: String,
}

impl Manager {
    /// The identity of an applier.
    #[must_use]
    pub fn applier(name: &str, subresource: &str) -> Self {
        Self {
            name: known(name),
            operation: Operation::Apply,
            api_version: String::new(),
            subresource: subresource.to_owned(),
        }
    }

    /// The identity of one that updates.
    #[must_use]
    pub fn updater(name: &str, api_version: &str, subresource: &str) -> Self {
        Self {
            name: known(name),
            operation: Operation::Update,
            api_version: api_version.to_owned(),
            subresource: subresource.to_owned(),
        }
    }
}

/// Parts of Kubernetes that write to objects of others as a matter of course.
pub const CONTROLLERS: &[&str] =
    &["kube-controller-manager", "kube-scheduler", "kubelet", "kube-apiserver", "cloud-controller-manager"];

impl Manager {
    /// Whether an entry is neither ours nor Kubernetes' own, and about the object itself.
    #[must_use]
    pub fn is_foreign(&self, ours: &str) -> bool {
        self.subresource.is_empty() && self.name != ours && !CONTROLLERS.contains(&self.name.as_str())
    }
}

fn known(name: &str) -> String {
    if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
}

impl fmt::Display for Manager {
    /// As the API server names it in a conflict: `"kubectl-edit" using apps/v1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name)?;
        if !self.subresource.is_empty() {
            write!(f, " with subresource {:?}", self.subresource)?;
        }
        if self.operation == Operation::Update {
            write!(f, " using {}", self.api_version)?;
        }
        Ok(())
    }
}

/// What one manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The fields.
    pub fields: FieldSet,
    /// The version that the fields are of.
    pub api_version: String,
    /// When the entry was changed last, in whole seconds.
    pub time: Option<Timestamp>,
}

/// Managed fields that cannot be read. Not retryable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManagedError {
    /// Not a list of maps.
    #[error("metadata.managedFields is no list of entries")]
    NotAList,
    /// An operation that is neither `Apply` nor `Update`.
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    /// No version.
    #[error("apiVersion must not be empty")]
    NoVersion,
    /// No type of fields.
    #[error("missing fieldsType in managed fields entry {0}")]
    NoFieldsType(usize),
    /// Fields of another type than `FieldsV1`.
    #[error("invalid fieldsType {1:?} in managed fields entry {0}")]
    FieldsType(usize, String),
    /// Fields that are no field set.
    #[error("managed fields entry {0}")]
    Fields(usize, #[source] FieldsError),
}

/// All entries of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ManagedFields(pub BTreeMap<Manager, Entry>);

impl ManagedFields {
    /// Reads `metadata.managedFields` of an object; none when there are none.
    ///
    /// # Errors
    /// As the API server: on the first entry that it could not have written.
    pub fn decode(object: &Value) -> Result<Self, ManagedError> {
        let mut all = Self::default();
        for (index, entry) in entries(object)?.iter().enumerate() {
            let (manager, entry) = read(index, entry)?;
            all.0.insert(manager, entry);
        }
        Ok(all)
    }

    /// Reads what can be read, and leaves out the rest: to say who owns a field.
    #[must_use]
    pub fn decode_lenient(object: &Value) -> Self {
        let entries = entries(object).unwrap_or_default();
        Self(entries.iter().enumerate().filter_map(|(index, entry)| read(index, entry).ok()).collect())
    }

    /// As the list that belongs into `metadata.managedFields`, in the API server's order: appliers first, then by time,
    /// name, version and subresource.
    #[must_use]
    pub fn encode(&self) -> Value {
        let mut entries: Vec<(&Manager, &Entry)> = self.0.iter().collect();
        entries.sort_by(|(a, x), (b, y)| {
            let seconds = |entry: &Entry| entry.time.map_or(0, Timestamp::as_second);
            (a.operation, seconds(x), &a.name, &x.api_version, &a.subresource).cmp(&(
                b.operation,
                seconds(y),
                &b.name,
                &y.api_version,
                &b.subresource,
            ))
        });
        Value::Array(entries.into_iter().map(|(manager, entry)| write(manager, entry)).collect())
    }

    /// Puts the entries into an object, or takes the field away when there are none.
    pub fn store(&self, object: &mut Value) {
        strip(object);
        if self.0.is_empty() {
            return;
        }
        if let Value::Object(object) = object {
            let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(metadata) = metadata {
                metadata.insert("managedFields".to_owned(), self.encode());
            }
        }
    }

    /// The entries that own a field, latest first.
    #[must_use]
    pub fn owners(&self, path: &[PathElement]) -> Vec<(&Manager, &Entry)> {
        let mut owners: Vec<_> = self.0.iter().filter(|(_, entry)| entry.fields.contains(path)).collect();
        owners.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.time));
        owners
    }
}

/// Takes `metadata.managedFields` out of an object.
pub(super) fn strip(object: &mut Value) {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.remove("managedFields");
    }
}

fn entries(object: &Value) -> Result<&[Value], ManagedError> {
    match object.pointer("/metadata/managedFields") {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(entries)) => Ok(entries),
        Some(_) => Err(ManagedError::NotAList),
    }
}

fn read(index: usize, entry: &Value) -> Result<(Manager, Entry), ManagedError> {
    let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
    if !entry.is_object() {
        return Err(ManagedError::NotAList);
    }
    let operation = match text("operation") {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return Err(ManagedError::Operation),
    };
    let api_version = text("apiVersion").to_owned();
    if api_version.is_empty() {
        return Err(ManagedError::NoVersion);
    }
    match text("fieldsType") {
        "FieldsV1" => {}
        "" => return Err(ManagedError::NoFieldsType(index)),
        other => return Err(ManagedError::FieldsType(index, other.to_owned())),
    }
    let fields = match entry.get("fieldsV1") {
        None => FieldSet::new(),
        Some(fields) => FieldSet::from_json(fields).map_err(|error| ManagedError::Fields(index, error))?,
    };
    let manager = Manager {
        name: text("manager").to_owned(),
        operation,
        api_version: if operation == Operation::Apply { String::new() } else { api_version.clone() },
        subresource: text("subresource").to_owned(),
    };
    let time = text("time").parse::<Timestamp>().ok();
    Ok((manager, Entry { fields, api_version, time }))
}

fn write(manager: &Manager, entry: &Entry) -> Value {
    let mut map = Map::new();
    let mut set = |field: &str, text: &str| {
        if !text.is_empty() {
            map.insert(field.to_owned(), Value::from(text));
        }
    };
    set("manager", &manager.name);
    set("operation", &manager.operation.to_string());
    set("apiVersion", &entry.api_version);
    set("subresource", &manager.subresource);
    set("fieldsType", "FieldsV1");
    if let Some(time) = entry.time {
        set("time", &wire_time(time));
    }
    map.insert("fieldsV1".to_owned(), entry.fields.to_json());
    Value::Object(map)
}

/// A time as the API server writes it: RFC 3339 in UTC, whole seconds.
pub(super) fn wire_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(manager: &str, operation: &str, time: &str) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "time": time,
               "fieldsV1": {"f:data": {"f:a": {}}}})
    }

    #[test]
    fn entries_survive_in_the_servers_order() {
        let object = json!({"metadata": {"managedFields": [
            entry("z", "Update", "2026-01-01T00:00:01Z"),
            entry("b", "Apply", "2026-01-01T00:00:02Z"),
            entry("a", "Update", "2026-01-01T00:00:01Z"),
            entry("c", "Apply", "2026-01-01T00:00:01Z"),
        ]}});
        let managed = ManagedFields::decode(&object).unwrap();
        let encoded = managed.encode();
        let names: Vec<_> = encoded.as_array().unwrap().iter().map(|e| e["manager"].as_str().unwrap()).collect();
        assert_eq!(names, ["c", "b", "a", "z"]);
        let mut again = json!({"metadata": {}});
        managed.store(&mut again);
        assert_eq!(ManagedFields::decode(&again).unwrap(), managed);
        ManagedFields::default().store(&mut again);
        assert_eq!(again, json!({"metadata": {}}));
    }

    #[test]
    fn what_the_server_could_not_have_written_is_refused() {
        let error = |entry: Value| ManagedFields::decode(&json!({"metadata": {"managedFields": [entry]}})).unwrap_err();
        assert_eq!(error(json!(3)), ManagedError::NotAList);
        assert_eq!(error(entry("a", "Patch", "")), ManagedError::Operation);
        let mut odd = entry("a", "Apply", "");
        odd["fieldsType"] = json!("FieldsV2");
        assert_eq!(error(odd).to_string(), "invalid fieldsType \"FieldsV2\" in managed fields entry 0");
        let mut odd = entry("a", "Apply", "");
        odd["fieldsV1"] = json!({"nonsense": {}});
        let object = json!({"metadata": {"managedFields": [odd, entry("b", "Apply", "")]}});
        assert!(ManagedFields::decode(&object).is_err());
        assert_eq!(ManagedFields::decode_lenient(&object).0.len(), 1);
    }
}
