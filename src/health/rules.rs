//! A release's own rules of health, for kinds whose status follows no convention.

use std::sync::Arc;

use super::expression::Expression;
use super::{Health, Status, health, is_at_once};
use crate::manifest::{Object, ObjectId};

/// How objects of one kind tell that they are ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The API group, empty for the core.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// On its way, when this is true; asked first.
    pub in_progress: Option<Expression>,
    /// Failed for good, when this is true; asked second.
    pub failed: Option<Expression>,
    /// Ready, when this is true; on its way otherwise.
    pub current: Expression,
}

/// The rules of a release, over those of the kinds. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(Arc<Vec<Rule>>);

impl Rules {
    /// Rules by kind; the last one for a kind is in force.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        Self(Arc::new(rules))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(&self, group: &str, kind: &str) -> Option<&Rule> {
        self.0.iter().rev().find(|r| r.group == group && r.kind == kind)
    }

    /// Whether an object has to be waited for: not, when its kind is ready as soon as it exists and no rule says otherwise.
    #[must_use]
    pub fn waits_for(&self, id: &ObjectId) -> bool {
        self.of(&id.group, &id.kind).is_some() || !is_at_once(id)
    }

    /// The health of a live object, status included: by the release's rule for its kind, else by the kind's own.
    #[must_use]
    pub fn health(&self, object: &Object) -> Health {
        let gvk = object.gvk();
        let Some(rule) = self.of(&gvk.group, &gvk.kind) else { return health(object) };
        let status = Status(object.value());
        if !status.text("/metadata/deletionTimestamp").is_empty() {
            return Health::waiting("it is being deleted");
        }
        if let Some(behind) = status.unobserved() {
            return behind;
        }
        // An expression that cannot be answered (its field is not there yet) is not true.
        let holds = |e: &Option<Expression>| e.as_ref().filter(|e| e.holds(object.value()) == Ok(true)).cloned();
        if let Some(expression) = holds(&rule.in_progress) {
            return Health::waiting(format!("`{expression}` is true"));
        }
        if let Some(expression) = holds(&rule.failed) {
            return Health::Failed(format!("`{expression}` is true"));
        }
        match rule.current.holds(object.value()) {
            Ok(true) => Health::Current,
            Ok(false) => Health::waiting(format!("`{}` is not true", rule.current)),
            Err(error) => Health::waiting(format!("`{}` has no answer: {error}", rule.current)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_releases_own_rule_comes_before_the_kinds() {
        let parse = |text: &str| Expression::parse(text).unwrap();
        let rules = Rules::new(vec![Rule {
            group: "example.org".into(),
            kind: "Database".into(),
            in_progress: Some(parse("status.step == 'Backup'")),
            failed: Some(parse("status.phase in ['Broken', 'Lost']")),
            current: parse("status.phase == 'Up' && status.members >= spec.members"),
        }]);
        let of = |kind: &str, status: Value| {
            let object = json!({"apiVersion": "example.org/v2", "kind": kind, "metadata": {"name": "a", "generation": 2},
                "spec": {"members": 3}, "status": status});
            rules.health(&Object::new(object).unwrap())
        };
        assert_eq!(of("Database", json!({"phase": "Up", "members": 3})), Health::Current);
        assert_eq!(
            of("Database", json!({"phase": "Up", "members": 2})).reason(),
            "`status.phase == 'Up' && status.members >= spec.members` is not true"
        );
        assert!(matches!(of("Database", json!({"phase": "Lost"})), Health::Failed(_)));
        assert!(matches!(of("Database", json!({"phase": "Lost", "step": "Backup"})), Health::InProgress(_)));
        assert!(of("Database", Value::Null).reason().contains("has no answer"));
        assert_eq!(
            of("Database", json!({"phase": "Up", "members": 3, "observedGeneration": 1})).reason(),
            "its controller has seen generation 1 of 2"
        );
        assert_eq!(of("Table", json!({"phase": "Lost"})), Health::Current, "another kind");
        assert!(rules.waits_for(&"example.org/Database/ns/a".parse().unwrap()));
        assert!(!rules.waits_for(&"/ConfigMap/ns/a".parse().unwrap()));
    }
}
