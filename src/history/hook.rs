//! Hooks: objects that helm makes at an event instead of keeping them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::revision::{integer, take_text, texts};
use crate::render;

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Before the first objects.
    PreInstall,
    /// After the first objects are there, and ready where they are waited for.
    PostInstall,
    /// Before an upgrade's objects.
    PreUpgrade,
    /// After an upgrade's objects.
    PostUpgrade,
    /// Before a rollback's objects.
    PreRollback,
    /// After a rollback's objects.
    PostRollback,
    /// Before the objects are deleted.
    PreDelete,
    /// After the objects are deleted.
    PostDelete,
    /// When somebody asks.
    Test,
}

impl Event {
    /// Helm's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreInstall => "pre-install",
            Self::PostInstall => "post-install",
            Self::PreUpgrade => "pre-upgrade",
            Self::PostUpgrade => "post-upgrade",
            Self::PreRollback => "pre-rollback",
            Self::PostRollback => "post-rollback",
            Self::PreDelete => "pre-delete",
            Self::PostDelete => "post-delete",
            Self::Test => "test",
        }
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// When a hook's object is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Before the hook runs again: the default.
    BeforeHookCreation,
    /// When all hooks of the event have succeeded.
    HookSucceeded,
    /// When it failed.
    HookFailed,
}

impl Policy {
    fn as_str(self) -> &'static str {
        match self {
            Self::BeforeHookCreation => "before-hook-creation",
            Self::HookSucceeded => "hook-succeeded",
            Self::HookFailed => "hook-failed",
        }
    }
}

/// How a hook's last run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Phase {
    /// It never ran.
    #[default]
    #[serde(rename = "")]
    None,
    /// It runs.
    Running,
    /// It did what it should.
    Succeeded,
    /// It did not.
    Failed,
    /// Nobody knows.
    Unknown,
}

impl Phase {
    /// Helm's word, empty for a hook that never ran.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Unknown => "Unknown",
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "" => Self::None,
            "Running" => Self::Running,
            "Succeeded" => Self::Succeeded,
            "Failed" => Self::Failed,
            _ => Self::Unknown,
        }
    }
}

/// A hook of a revision.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hook {
    /// `metadata.name`
    pub name: String,
    /// The kind.
    pub kind: String,
    /// The template that it came from.
    pub path: String,
    /// The object as YAML.
    pub manifest: String,
    /// When it runs, in helm's words.
    pub events: Vec<String>,
    /// Lower ones run first.
    pub weight: i64,
    /// When its object is deleted, in helm's words; none means before it runs again.
    pub delete_policies: Vec<String>,
    /// When its last run began: RFC 3339, empty when it never ran.
    pub started_at: String,
    /// When its last run ended.
    pub completed_at: String,
    /// How.
    pub phase: Phase,
    /// What a later helm writes beside.
    pub other: Map<String, Value>,
}

impl Hook {
    /// Whether it runs at an event.
    #[must_use]
    pub fn runs_at(&self, event: Event) -> bool {
        self.events.iter().any(|e| e == event.as_str())
    }

    /// Whether its object is deleted then.
    #[must_use]
    pub fn is_deleted(&self, policy: Policy) -> bool {
        if self.delete_policies.is_empty() {
            return policy == Policy::BeforeHookCreation;
        }
        self.delete_policies.iter().any(|p| p == policy.as_str())
    }

    pub(super) fn to_json(&self) -> Value {
        let mut map = self.other.clone();
        for (key, text) in
            [("name", &self.name), ("kind", &self.kind), ("path", &self.path), ("manifest", &self.manifest)]
        {
            map.insert(key.to_owned(), Value::from(text.as_str()));
        }
        map.insert("events".to_owned(), json!(self.events));
        map.insert(
            "last_run".to_owned(),
            json!({"started_at": self.started_at, "completed_at": self.completed_at, "phase": self.phase.as_str()}),
        );
        if self.weight != 0 {
            map.insert("weight".to_owned(), self.weight.into());
        }
        if !self.delete_policies.is_empty() {
            map.insert("delete_policies".to_owned(), json!(self.delete_policies));
        }
        Value::Object(map)
    }

    pub(super) fn of_json(value: Value) -> Option<Self> {
        let Value::Object(mut map) = value else { return None };
        let mut run = match map.remove("last_run") {
            Some(Value::Object(run)) => run,
            _ => Map::new(),
        };
        Some(Self {
            name: take_text(&mut map, "name"),
            kind: take_text(&mut map, "kind"),
            path: take_text(&mut map, "path"),
            manifest: take_text(&mut map, "manifest"),
            events: texts(map.remove("events")),
            weight: integer(map.remove("weight").as_ref()),
            delete_policies: texts(map.remove("delete_policies")),
            started_at: take_text(&mut run, "started_at"),
            completed_at: take_text(&mut run, "completed_at"),
            phase: Phase::of(&take_text(&mut run, "phase")),
            other: map,
        })
    }
}

impl From<&render::Hook> for Hook {
    fn from(hook: &render::Hook) -> Self {
        Self {
            name: hook.name.clone(),
            kind: hook.manifest.kind.clone(),
            path: hook.manifest.source.clone(),
            manifest: hook.manifest.text.clone(),
            events: hook.events.clone(),
            weight: hook.weight,
            delete_policies: hook.delete_policies.clone(),
            ..Self::default()
        }
    }
}

/// The hooks of an event in the order in which helm runs them: by weight, then by name, else as they stand (by kind).
#[must_use]
pub fn in_order(hooks: &[Hook], event: Event) -> Vec<&Hook> {
    let mut chosen: Vec<&Hook> = hooks.iter().filter(|h| h.runs_at(event)).collect();
    chosen.sort_by(|a, b| a.weight.cmp(&b.weight).then_with(|| a.name.cmp(&b.name)));
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(name: &str, weight: i64, policies: &[&str]) -> Hook {
        Hook {
            name: name.into(),
            weight,
            events: vec!["pre-install".into(), "pre-upgrade".into()],
            delete_policies: policies.iter().map(|p| (*p).to_owned()).collect(),
            ..Hook::default()
        }
    }

    #[test]
    fn weight_then_name_then_as_they_stand() {
        let mut hooks = vec![hook("b", 0, &[]), hook("a", 5, &[]), hook("a", 0, &[]), hook("c", -1, &[])];
        hooks[2].kind = "second".into();
        let order: Vec<(&str, i64)> =
            in_order(&hooks, Event::PreUpgrade).iter().map(|h| (h.name.as_str(), h.weight)).collect();
        assert_eq!(order, [("c", -1), ("a", 0), ("b", 0), ("a", 5)]);
        assert!(in_order(&hooks, Event::PostInstall).is_empty());
    }

    #[test]
    fn without_a_policy_the_object_goes_before_the_next_run() {
        assert!(hook("a", 0, &[]).is_deleted(Policy::BeforeHookCreation));
        let kept = hook("a", 0, &["hook-succeeded"]);
        assert!(!kept.is_deleted(Policy::BeforeHookCreation) && kept.is_deleted(Policy::HookSucceeded));
    }
}
