//! What is let be: a field that a rule covers is no difference, and an apply leaves it the value that it has.

use serde_json::Value;

use super::place::place;
use super::{FieldDrift, builtin};
use crate::fields::{FieldPath, PathElement};
use crate::manifest::{IgnoreRule, Object};

/// A field that is not as desired and stays so.
#[derive(Debug, Clone, PartialEq)]
pub struct LetBe {
    /// The field.
    pub path: FieldPath,
    /// What an apply says of it; `None`: nothing.
    pub value: Option<Value>,
    /// Whether somebody else owns it: it stays then without being said.
    pub theirs: bool,
}

/// Has an object say what is let be as it is. Leaving a field out would do only where somebody else owns it: otherwise it falls
/// back to its default. `adopted`: the owners of before are about to become us.
pub fn keep(object: &mut Object, fields: &[LetBe], adopted: bool) {
    for LetBe { path, value, theirs } in fields {
        let value = value.as_ref().filter(|_| adopted || !*theirs);
        if value.is_some() || path.get(object.value()).is_some() {
            place(object.value_mut(), &path.0, value);
        }
    }
}

/// What the rules say of one difference.
pub(super) enum Verdict {
    /// It is told.
    Told,
    /// It is let be.
    LetBe,
    /// Parts of a value that is one field are let be: what is desired beside them.
    Partly(Value),
}

/// What is known of the two objects and the rules.
pub(super) struct Rules<'a> {
    pub(super) rules: &'a [IgnoreRule],
    pub(super) desired: &'a Object,
    pub(super) live: &'a Object,
    /// Whether an autoscaler owns the replicas.
    pub(super) autoscaled: bool,
}

impl Rules<'_> {
    /// Judges a difference, before its values are masked.
    pub(super) fn judge(&self, field: &FieldDrift) -> Verdict {
        if builtin::lets_be(self.desired, self.live, field, self.autoscaled) {
            return Verdict::LetBe;
        }
        let mut part: Option<Value> = None;
        for rule in self.rules.iter().filter(|rule| rule.target.selects(self.desired)) {
            if !(rule.managers.is_empty() || rule.managers.contains(&field.manager)) {
                continue;
            }
            if rule.pointers.is_empty() {
                return Verdict::LetBe;
            }
            for pointer in &rule.pointers {
                match self.reach(pointer, &field.path) {
                    Reach::Elsewhere => {}
                    Reach::Around => return Verdict::LetBe,
                    Reach::Inside(steps) => {
                        let (Some(desired), Some(live)) = (&field.desired, &field.live) else { continue };
                        take_over(part.get_or_insert_with(|| desired.clone()), live, &steps);
                    }
                }
            }
        }
        part.map_or(Verdict::Told, Verdict::Partly)
    }

    fn reach(&self, pointer: &str, path: &FieldPath) -> Reach {
        let around = |object: &Object| reach(pointer, path, object.value());
        match around(self.desired) {
            Reach::Elsewhere => around(self.live),
            found => found,
        }
    }
}

/// Where a pointer leads, seen from a field.
enum Reach {
    Elsewhere,
    /// To the field or to something around it.
    Around,
    /// To something inside it, by these steps.
    Inside(Vec<String>),
}

fn reach(pointer: &str, path: &FieldPath, object: &Value) -> Reach {
    if pointer.is_empty() {
        return Reach::Around;
    }
    let Some(pointer) = pointer.strip_prefix('/') else { return Reach::Elsewhere };
    let steps: Vec<String> = pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let fits = steps.iter().zip(&path.0).enumerate().all(|(depth, (step, element))| {
        step == "*"
            || match element {
                PathElement::Field(name) => name == step,
                PathElement::Index(index) => index.to_string() == *step,
                PathElement::Key(fields) => {
                    fields.iter().any(|(_, value)| plain(&value.0) == *step) || is_at(object, path, depth, step)
                }
                PathElement::Value(value) => plain(&value.0) == *step || is_at(object, path, depth, step),
            }
    });
    match steps.get(path.0.len()..) {
        _ if !fits => Reach::Elsewhere,
        None | Some([]) => Reach::Around,
        Some(inside) => Reach::Inside(inside.to_vec()),
    }
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

/// Takes what stands at the steps over from `live`: within a value that is one field, items have no names but those that they show.
fn take_over(value: &mut Value, live: &Value, steps: &[String]) {
    let Some((step, rest)) = steps.split_first() else {
        value.clone_from(live);
        return;
    };
    match (value, live) {
        (Value::Object(map), Value::Object(live)) => {
            let names: Vec<String> = match step.as_str() {
                "*" => map.keys().chain(live.keys()).cloned().collect(),
                name => vec![name.to_owned()],
            };
            for name in names {
                match (map.get_mut(&name), live.get(&name)) {
                    (Some(value), Some(live)) => take_over(value, live, rest),
                    (Some(_), None) if rest.is_empty() => drop(map.remove(&name)),
                    (None, Some(live)) if rest.is_empty() => drop(map.insert(name, live.clone())),
                    _ => {}
                }
            }
        }
        (Value::Array(items), Value::Array(live)) => {
            let shows = |item: &Value| {
                plain(item) == *step || item.as_object().is_some_and(|map| map.values().any(|v| plain(v) == *step))
            };
            let at = |items: &[Value]| step.parse().ok().or_else(|| items.iter().position(shows));
            if step == "*" {
                items.iter_mut().zip(live).for_each(|(item, live)| take_over(item, live, rest));
            } else if let (Some(here), Some(there)) = (at(items), at(live))
                && let (Some(item), Some(live)) = (items.get_mut(here), live.get(there))
            {
                take_over(item, live, rest);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pointers_go_through_items_by_key_or_place() {
        let object = json!({"spec": {"containers": [{"name": "a"}, {"name": "api", "image": "x"}]}});
        let path = FieldPath::of(&["spec", "containers"])
            .join(PathElement::key([("name", json!("api"))]))
            .join(PathElement::field("image"));
        let around = |pointer: &str, path: &FieldPath| matches!(reach(pointer, path, &object), Reach::Around);
        for pointer in ["/spec", "/spec/containers/api/image", "/spec/containers/1", "/spec/containers/*/image", ""] {
            assert!(around(pointer, &path), "{pointer}");
        }
        for pointer in ["/spec/containers/0", "/spec/containers/api/image/x", "/status", "spec", "/spec/containers/99"]
        {
            assert!(!around(pointer, &path), "{pointer}");
        }
        let label = FieldPath::of(&["metadata", "labels", "a/b"]);
        assert!(around("/metadata/labels/a~1b", &label));
    }

    #[test]
    fn inside_a_value_that_is_one_field() {
        let live = json!([{"host": "a", "port": 2, "x": 1}, {"host": "b", "port": 3}]);
        for (steps, expected) in [
            ("0/port", json!([{"host": "a", "port": 2}, {"host": "b", "port": 1}])),
            ("b/port", json!([{"host": "a", "port": 1}, {"host": "b", "port": 3}])),
            ("*/port", json!([{"host": "a", "port": 2}, {"host": "b", "port": 3}])),
            ("0/x", json!([{"host": "a", "port": 1, "x": 1}, {"host": "b", "port": 1}])),
            ("0/*", json!([{"host": "a", "port": 2, "x": 1}, {"host": "b", "port": 1}])),
            ("7/port", json!([{"host": "a", "port": 1}, {"host": "b", "port": 1}])),
        ] {
            let mut value = json!([{"host": "a", "port": 1}, {"host": "b", "port": 1}]);
            take_over(&mut value, &live, &steps.split('/').map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(value, expected, "{steps}");
        }
    }
}
