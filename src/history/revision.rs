//! One revision of a release, as helm's record has it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::hook::Hook;
use super::status::Status;
use super::{LABEL_NAME, LABEL_OWNER, LABEL_STATUS, LABEL_VERSION, OWNER, SYSTEM_LABELS};

/// When a revision was made, and what became of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Info {
    /// When the first revision of the release was deployed: RFC 3339, or empty.
    pub first_deployed: String,
    /// When this one was.
    pub last_deployed: String,
    /// When it was uninstalled.
    pub deleted: String,
    /// A sentence for people.
    pub description: String,
    /// What became of it.
    pub status: Status,
    /// NOTES.txt.
    pub notes: String,
    /// What a later helm writes beside.
    pub other: Map<String, Value>,
}

/// One revision. What it holds that is not known here is kept, so that a record of another helm survives being marked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Revision {
    /// The release's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The number, from 1.
    pub version: u32,
    /// When, and how it ended.
    pub info: Info,
    /// The chart as helm stores it: `metadata`, `lock`, `templates`, `values`, `schema`, `files`.
    pub chart: Value,
    /// The values that were given over the chart's.
    pub config: Map<String, Value>,
    /// The objects as YAML, hooks excepted.
    pub manifest: String,
    /// The hooks.
    pub hooks: Vec<Hook>,
    /// The release's own labels; they stand on the Secret alone.
    pub labels: BTreeMap<String, String>,
    /// What a later helm writes beside (`apply_method` of helm 4).
    pub other: Map<String, Value>,
}

impl Revision {
    /// The name of its Secret.
    #[must_use]
    pub fn secret_name(&self) -> String {
        secret_name(&self.name, self.version)
    }

    /// A text of the chart's metadata: `name`, `version`, `appVersion`.
    #[must_use]
    pub fn chart_text(&self, key: &str) -> &str {
        self.chart.get("metadata").and_then(|m| m.get(key)).and_then(Value::as_str).unwrap_or_default()
    }

    /// The labels of its Secret, without the times that helm adds as it writes.
    #[must_use]
    pub fn secret_labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.labels.clone();
        labels.insert(LABEL_NAME.to_owned(), self.name.clone());
        labels.insert(LABEL_OWNER.to_owned(), OWNER.to_owned());
        labels.insert(LABEL_STATUS.to_owned(), self.info.status.as_str().to_owned());
        labels.insert(LABEL_VERSION.to_owned(), self.version.to_string());
        labels
    }

    /// As JSON, with helm's keys.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut info = self.info.other.clone();
        for (key, text) in [
            ("first_deployed", self.info.first_deployed.as_str()),
            ("last_deployed", &self.info.last_deployed),
            // Helm 3 writes it always.
            ("deleted", &self.info.deleted),
            ("description", &self.info.description),
            ("status", self.info.status.as_str()),
            ("notes", &self.info.notes),
        ] {
            if !text.is_empty() || key == "deleted" {
                info.insert(key.to_owned(), text.into());
            }
        }
        let mut map = self.other.clone();
        map.insert("name".to_owned(), self.name.as_str().into());
        map.insert("info".to_owned(), Value::Object(info));
        map.insert("chart".to_owned(), self.chart.clone());
        if !self.config.is_empty() {
            map.insert("config".to_owned(), Value::Object(self.config.clone()));
        }
        map.insert("manifest".to_owned(), self.manifest.as_str().into());
        if !self.hooks.is_empty() {
            map.insert("hooks".to_owned(), self.hooks.iter().map(Hook::to_json).collect());
        }
        map.insert("version".to_owned(), self.version.into());
        map.insert("namespace".to_owned(), self.namespace.as_str().into());
        Value::Object(map)
    }

    /// From JSON; what is missing or of another type is empty, so that no record is refused for one field of it.
    #[must_use]
    pub fn of_json(value: Value) -> Self {
        let Value::Object(mut map) = value else { return Self::default() };
        let mut info = match map.remove("info") {
            Some(Value::Object(info)) => info,
            _ => Map::new(),
        };
        let hooks = match map.remove("hooks") {
            Some(Value::Array(hooks)) => hooks.into_iter().filter_map(Hook::of_json).collect(),
            _ => Vec::new(),
        };
        Self {
            name: take_text(&mut map, "name"),
            namespace: take_text(&mut map, "namespace"),
            version: u32::try_from(integer(map.remove("version").as_ref())).unwrap_or_default(),
            info: Info {
                first_deployed: take_text(&mut info, "first_deployed"),
                last_deployed: take_text(&mut info, "last_deployed"),
                deleted: take_text(&mut info, "deleted"),
                description: take_text(&mut info, "description"),
                status: Status::of(&take_text(&mut info, "status")),
                notes: take_text(&mut info, "notes"),
                other: info,
            },
            chart: map.remove("chart").filter(Value::is_object).unwrap_or_else(|| json!({})),
            config: match map.remove("config") {
                Some(Value::Object(config)) => config,
                _ => Map::new(),
            },
            manifest: take_text(&mut map, "manifest"),
            hooks,
            labels: BTreeMap::new(),
            other: map,
        }
    }
}

/// The name of a revision's Secret.
#[must_use]
pub fn secret_name(release: &str, version: u32) -> String {
    format!("sh.helm.release.v1.{release}.v{version}")
}

/// The release's own labels among those of a Secret.
#[must_use]
pub fn labels_of(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let own = labels.iter().filter(|(key, _)| !SYSTEM_LABELS.contains(&key.as_str()));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The number of the revision in a Secret of this name, when it is one of the release's.
#[must_use]
pub fn version_of(release: &str, secret: &str) -> Option<u32> {
    let number = secret.strip_prefix("sh.helm.release.v1.")?.strip_prefix(release)?.strip_prefix(".v")?;
    number.parse().ok()
}

pub(super) fn take_text(map: &mut Map<String, Value>, key: &str) -> String {
    match map.remove(key) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

pub(super) fn texts(value: Option<Value>) -> Vec<String> {
    let Some(Value::Array(items)) = value else { return Vec::new() };
    items.into_iter().filter_map(|item| if let Value::String(text) = item { Some(text) } else { None }).collect()
}

/// A number of JSON as Go reads it into an integer.
pub(super) fn integer(value: Option<&Value>) -> i64 {
    value.and_then(Value::as_i64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_being_read_and_written() {
        // A record of helm 4: no empty times, keys that helm 3 does not have.
        let record = json!({
            "name": "a", "namespace": "n", "version": 3, "apply_method": "ssa", "manifest": "---\nkind: A\n",
            "info": {"first_deployed": "2026-01-01T00:00:00Z", "last_deployed": "2026-01-02T00:00:00Z", "deleted": "",
                "description": "Upgrade complete", "status": "deployed", "resources": {"v1/Pod": []}},
            "chart": {"metadata": {"name": "c", "version": "1.0.0"}, "templates": null}, "config": {"a": {"b": 1}},
            "hooks": [{"name": "h", "kind": "Job", "path": "c/templates/h.yaml", "manifest": "kind: Job", "events": ["test"],
                "last_run": {"started_at": "", "completed_at": "", "phase": "Succeeded"}, "weight": -5,
                "delete_policies": ["hook-failed"], "output_log_policies": ["hook-failed"]}],
        });
        let revision = Revision::of_json(record.clone());
        assert_eq!(revision.hooks[0].weight, -5);
        assert_eq!(revision.chart_text("version"), "1.0.0");
        assert_eq!(revision.to_json(), record);
    }

    #[test]
    fn whatever_it_is_it_is_read() {
        for odd in [json!(null), json!([]), json!({"info": 3, "hooks": [1, {}], "chart": null, "config": "x"})] {
            let revision = Revision::of_json(odd);
            assert_eq!((revision.version, &revision.info.status), (0, &Status::Unknown));
        }
    }

    #[test]
    fn names_of_secrets() {
        assert_eq!(version_of("a", &secret_name("a", 12)), Some(12));
        assert_eq!(version_of("a", "sh.helm.release.v1.a.v1.v2"), None, "another release: `a.v1`");
        assert_eq!(version_of("a.v1", "sh.helm.release.v1.a.v1.v2"), Some(2));
    }
}
