//! Rules of what is not to be told as a difference.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FieldDrift;
use crate::fields::{FieldPath, PathElement};
use crate::manifest::Object;

/// One rule of `ignore` in `release.yaml`. What it leaves out matches anything; a rule that names neither pointers nor
/// managers ignores whole objects.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IgnoreRule {
    /// The API group.
    pub group: Option<String>,
    /// The kind.
    pub kind: Option<String>,
    /// The namespace; `*` stands for any text.
    pub namespace: Option<String>,
    /// The name; `*` stands for any text.
    pub name: Option<String>,
    /// JSON pointers of fields, each with everything inside: `/spec/replicas`. `*` stands for any field or item; an item
    /// of a list is named by its place or by one of its keys: `/spec/template/spec/containers/api/image`.
    pub pointers: Vec<String>,
    /// Field managers whose changes are let be.
    pub managers: Vec<String>,
}

impl IgnoreRule {
    /// Whether whole objects like this are ignored.
    pub(super) fn whole(rules: &[Self], object: &Object) -> bool {
        rules.iter().any(|rule| rule.selects(object) && rule.pointers.is_empty() && rule.managers.is_empty())
    }

    /// Whether a difference is ignored.
    pub(super) fn covers(&self, desired: &Object, live: &Object, field: &FieldDrift) -> bool {
        self.selects(desired)
            && (self.managers.is_empty() || self.managers.contains(&field.manager))
            && (self.pointers.is_empty()
                || self
                    .pointers
                    .iter()
                    .any(|pointer| [desired, live].iter().any(|object| names(pointer, &field.path, object.value()))))
    }

    fn selects(&self, object: &Object) -> bool {
        let id = object.id();
        self.group.as_ref().is_none_or(|group| *group == id.group)
            && self.kind.as_ref().is_none_or(|kind| *kind == id.kind)
            && self.namespace.as_ref().is_none_or(|pattern| matches(pattern, &id.namespace))
            && self.name.as_ref().is_none_or(|pattern| matches(pattern, &id.name))
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

/// Whether a pointer names the field or something around it.
fn names(pointer: &str, path: &FieldPath, object: &Value) -> bool {
    let Some(pointer) = pointer.strip_prefix('/') else { return pointer.is_empty() };
    let steps: Vec<String> = pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    steps.len() <= path.0.len()
        && steps.iter().zip(&path.0).enumerate().all(|(depth, (step, element))| {
            step == "*"
                || match element {
                    PathElement::Field(name) => name == step,
                    PathElement::Index(index) => index.to_string() == *step,
                    PathElement::Key(fields) => {
                        fields.iter().any(|(_, value)| plain(&value.0) == *step) || is_at(object, path, depth, step)
                    }
                    PathElement::Value(value) => plain(&value.0) == *step || is_at(object, path, depth, step),
                }
        })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether the item that a path goes through at some depth stands at a place in its list.
fn is_at(object: &Value, path: &FieldPath, depth: usize, place: &str) -> bool {
    let list = FieldPath(path.0[..depth].to_vec());
    let item = FieldPath(path.0[..=depth].to_vec());
    let (Ok(place), Some(Value::Array(items)), Some(item)) =
        (place.parse::<usize>(), list.get(object), item.get(object))
    else {
        return false;
    };
    items.get(place).is_some_and(|at| std::ptr::eq(at, item))
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
    fn pointers_go_through_items_by_key_or_place() {
        let object = json!({"spec": {"containers": [{"name": "a"}, {"name": "api", "image": "x"}]}});
        let path = FieldPath::of(&["spec", "containers"])
            .join(PathElement::key([("name", json!("api"))]))
            .join(PathElement::field("image"));
        for pointer in ["/spec", "/spec/containers/api/image", "/spec/containers/1", "/spec/containers/*/image", ""] {
            assert!(names(pointer, &path, &object), "{pointer}");
        }
        for pointer in ["/spec/containers/0", "/spec/containers/api/image/x", "/status", "spec", "/spec/containers/99"]
        {
            assert!(!names(pointer, &path, &object), "{pointer}");
        }
        let label = FieldPath::of(&["metadata", "labels", "a/b"]);
        assert!(names("/metadata/labels/a~1b", &label, &object));
    }
}
