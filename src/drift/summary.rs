//! Drift on one line, for logs, alerts and terminals.

use serde_json::Value;

use super::{ObjectDrift, State, UNKNOWN_MANAGER};

/// Characters of a value that one line shows at most.
const SHOWN: usize = 60;

impl State {
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

impl ObjectDrift {
    /// One line for a person: `StatefulSet ns/redis .spec.replicas 1 → 0 by kubectl (scale)`.
    #[must_use]
    pub fn summary(&self) -> String {
        let name = self.id().display();
        let Some(first) = self.fields.first() else { return format!("{name} {}", self.state.as_str()) };
        let by = match (first.manager.as_str(), first.subresource.as_str()) {
            ("" | UNKNOWN_MANAGER, _) => String::new(),
            (manager, "") => format!(" by {manager}"),
            (manager, subresource) => format!(" by {manager} ({subresource})"),
        };
        let more = match self.fields.len() {
            1 => String::new(),
            2 => ", and 1 more field".to_owned(),
            count => format!(", and {} more fields", count - 1),
        };
        let (desired, live) = (short(first.desired.as_ref()), short(first.live.as_ref()));
        format!("{name} {} {desired} → {live}{by}{more}", first.path)
    }
}

/// A value on one line, cut where it gets long; `nothing` where there is none.
#[must_use]
pub fn short(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    if text.chars().count() <= SHOWN && !text.chars().any(char::is_control) {
        return text;
    }
    let cut: String = text.chars().take(SHOWN - 1).map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::super::FieldDrift;
    use super::*;
    use crate::fields::FieldPath;
    use crate::manifest::ObjectId;
    use serde_json::json;

    #[test]
    fn a_summary_names_who_and_how() {
        let id: ObjectId = "apps/StatefulSet/ns/redis".parse().unwrap();
        let mut drift = ObjectDrift::of_id(&id, "v1", "redis", State::Modified);
        drift.fields.push(FieldDrift {
            path: FieldPath::of(&["spec", "replicas"]),
            desired: Some(json!(1)),
            live: Some(json!(0)),
            manager: "kubectl".into(),
            operation: None,
            subresource: "scale".into(),
            time: None,
            added: false,
        });
        assert_eq!(drift.summary(), "StatefulSet ns/redis .spec.replicas 1 → 0 by kubectl (scale)");
        drift.fields.clear();
        drift.state = State::Missing;
        assert_eq!(drift.summary(), "StatefulSet ns/redis missing");
    }

    #[test]
    fn long_values_are_cut_on_a_character() {
        assert_eq!(short(Some(&json!("ä".repeat(100)))).chars().count(), SHOWN);
        assert_eq!(short(Some(&json!("a\nb"))), "a b…");
        assert_eq!(short(None), "nothing");
    }
}
