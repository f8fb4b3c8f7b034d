//! A drift report as data: what `drift` prints, the API serves and alerts carry.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::manifest::{Gvk, ObjectId};

/// How an object differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DriftState {
    /// A field of ours says something else.
    Modified,
    /// The object was deleted.
    Missing,
    /// The object says what Git says, and our ownership was cleared.
    Unowned,
    /// Others added what may not be there.
    Extra,
}

impl DriftState {
    /// As it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Modified => "modified",
            Self::Missing => "missing",
            Self::Unowned => "unowned",
            Self::Extra => "extra",
        }
    }
}

/// One field that differs, and who did it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldDrift {
    /// The path, with list items by their keys: `.spec.template.spec.containers[name="api"].image`.
    pub path: String,
    /// What Git says; null where Git has nothing. Masked when secret.
    pub desired: Value,
    /// What the object says; null where it has nothing. Masked when secret.
    pub live: Value,
    /// The field manager that has the field now, empty when nobody does.
    pub manager: String,
    /// `Apply` or `Update`, empty when nobody has the field.
    pub operation: String,
    /// The subresource that it was written through, empty for the object itself.
    pub subresource: String,
    /// When that manager wrote last, as the server says it; empty when nobody has the field.
    pub time: String,
}

/// One object that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectDrift {
    /// Its API version.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace, empty for cluster-scoped kinds.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The release that it belongs to.
    pub release: String,
    /// How it differs.
    pub state: DriftState,
    /// The fields that differ, in order of path.
    pub fields: Vec<FieldDrift>,
}

impl ObjectDrift {
    /// The object's identity.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        let Gvk { group, kind, .. } = Gvk::new(&self.api_version, &self.kind);
        ObjectId { group, kind, namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// One line for a person: `StatefulSet ns/redis .spec.replicas 1 → 0 by kubectl (scale)`.
    #[must_use]
    pub fn summary(&self) -> String {
        let name = self.id().display();
        let Some(first) = self.fields.first() else { return format!("{name} {}", self.state.as_str()) };
        let by = match (first.manager.as_str(), first.subresource.as_str()) {
            ("", _) => String::new(),
            (manager, "") => format!(" by {manager}"),
            (manager, subresource) => format!(" by {manager} ({subresource})"),
        };
        let more = match self.fields.len() {
            1 => String::new(),
            count => format!(", and {} more fields", count - 1),
        };
        format!("{name} {} {} → {}{by}{more}", first.path, short(&first.desired), short(&first.live))
    }
}

/// A value on one line, cut where it gets long.
#[must_use]
pub fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= 60 && !text.contains('\n') {
        return text;
    }
    let cut: String = text.chars().take(59).map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_summary_names_who_and_how() {
        let mut drift = ObjectDrift {
            api_version: "apps/v1".into(),
            kind: "StatefulSet".into(),
            namespace: "ns".into(),
            name: "redis".into(),
            release: "redis".into(),
            state: DriftState::Modified,
            fields: vec![FieldDrift {
                path: ".spec.replicas".into(),
                desired: json!(1),
                live: json!(0),
                manager: "kubectl".into(),
                operation: "Update".into(),
                subresource: "scale".into(),
                time: String::new(),
            }],
        };
        assert_eq!(drift.summary(), "StatefulSet ns/redis .spec.replicas 1 → 0 by kubectl (scale)");
        drift.fields.clear();
        drift.state = DriftState::Missing;
        assert_eq!(drift.summary(), "StatefulSet ns/redis missing");
    }
}
