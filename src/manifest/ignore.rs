//! What is let be: rules that name objects, fields of them, and who may have written those. Plain data, read from Git by
//! `environment/` and applied by `drift/`.

use std::collections::BTreeMap;

use super::Object;

/// Which objects a rule is about; what is left out matches anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// The API group, empty for the core group. Versions of a kind are the same objects.
    pub group: Option<String>,
    /// The kind.
    pub kind: Option<String>,
    /// The namespace; `*` stands for any text.
    pub namespace: Option<String>,
    /// The name; `*` stands for any text.
    pub name: Option<String>,
    /// Labels that the desired object carries.
    pub labels: BTreeMap<String, String>,
}

impl Target {
    /// Whether a desired object is meant.
    #[must_use]
    pub fn selects(&self, object: &Object) -> bool {
        let id = object.id();
        let label = |name: &str| object.value().pointer("/metadata/labels")?.get(name)?.as_str();
        self.group.as_ref().is_none_or(|group| *group == id.group)
            && self.kind.as_ref().is_none_or(|kind| *kind == id.kind)
            && self.namespace.as_ref().is_none_or(|pattern| matches(pattern, &id.namespace))
            && self.name.as_ref().is_none_or(|pattern| matches(pattern, &id.name))
            && self.labels.iter().all(|(name, value)| label(name) == Some(value))
    }
}

/// One rule of `ignore`: these fields of these objects keep the value that they have. It names pointers, managers, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IgnoreRule {
    /// The objects.
    pub target: Target,
    /// JSON pointers of fields, each with everything inside: `/spec/replicas`. `*` stands for any field or item; an item
    /// of a list is named by its place or by one of its keys: `/spec/template/spec/containers/api/image`. Empty: every field.
    pub pointers: Vec<String>,
    /// Field managers whose changes are let be; empty: anybody's.
    pub managers: Vec<String>,
}

impl IgnoreRule {
    /// What rules let be, as text: equal texts let the same be of the objects that they select.
    #[must_use]
    pub fn digest_text(rules: &[Self]) -> String {
        rules.iter().map(|rule| format!("{:?} {:?}\n", rule.pointers, rule.managers)).collect()
    }
}

/// Whether a text is as a pattern with `*` for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patterns() {
        assert!(matches("*", "a") && matches("a*", "ab") && matches("*b", "ab") && matches("a*c*e", "abcde"));
        assert!(!matches("a", "ab") && !matches("a*c", "ab") && !matches("ab*bc", "abc"));
    }

    #[test]
    fn a_target_is_a_kind_a_name_and_labels() {
        let object = Object::new(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "api-worker", "namespace": "n", "labels": {"tier": "api"}}}))
        .unwrap();
        let target = |change: fn(&mut Target)| {
            let mut target = Target { kind: Some("Deployment".into()), ..Target::default() };
            change(&mut target);
            target.selects(&object)
        };
        assert!(target(|_| {}));
        assert!(target(|t| t.name = Some("*-worker".into())));
        assert!(target(|t| t.group = Some("apps".into())));
        assert!(target(|t| drop(t.labels.insert("tier".into(), "api".into()))));
        assert!(!target(|t| drop(t.labels.insert("tier".into(), "web".into()))));
        assert!(!target(|t| t.group = Some(String::new())));
        assert!(!target(|t| t.namespace = Some("m".into())));
    }
}
