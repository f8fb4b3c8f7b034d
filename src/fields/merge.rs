//! Merging a configuration into an object: nothing is removed, the configuration wins, items of lists keep the live order
//! unless the configuration gives them another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::typed::{Shape, Walk, element_of, entry_type};
use super::{List, ListKind, MapType, PathElement, Schema, TypeId};

/// Merges `right` into `left`, both of one type. `None` when nothing is left.
#[must_use]
pub fn merge(schema: &Schema, ty: TypeId, left: &Value, right: &Value) -> Option<Value> {
    Merging { schema }.values(ty, Some(left), Some(right))
}

struct Merging<'s> {
    schema: &'s Schema,
}

impl Merging<'_> {
    fn values(&self, ty: TypeId, left: Option<&Value>, right: Option<&Value>) -> Option<Value> {
        // Where the two have different shapes, that of the configuration holds.
        let of = if right.is_none() { left } else { right };
        match Shape::of(self.schema, ty, of).walk() {
            Walk::Scalar(_) => leaf(left, right),
            Walk::Map(map) => self.maps(map, left, right),
            Walk::List(list) => self.lists(list, left, right),
            Walk::Nothing => None,
        }
    }

    fn maps(&self, map: &MapType, left: Option<&Value>, right: Option<&Value>) -> Option<Value> {
        let empty = Map::new();
        let l = left.and_then(Value::as_object).unwrap_or(&empty);
        let r = right.and_then(Value::as_object).unwrap_or(&empty);
        if map.atomic || (l.is_empty() && r.is_empty()) {
            return leaf(left, right);
        }
        let mut out = Map::new();
        for name in l.keys().chain(r.keys().filter(|name| !l.contains_key(*name))) {
            if let Some(value) = self.values(entry_type(map, name), l.get(name), r.get(name)) {
                out.insert(name.clone(), value);
            }
        }
        (!out.is_empty()).then_some(Value::Object(out))
    }

    fn lists(&self, list: &List, left: Option<&Value>, right: Option<&Value>) -> Option<Value> {
        let l = left.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let r = right.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if list.kind == ListKind::Atomic || (l.is_empty() && r.is_empty()) {
            return leaf(left, right);
        }
        let out = self.items(list, &self.index(list, l), &self.index(list, r));
        (!out.is_empty()).then_some(Value::Array(out))
    }

    fn index<'v>(&self, list: &List, items: &'v [Value]) -> Vec<(PathElement, &'v Value)> {
        items.iter().filter_map(|item| Some((element_of(self.schema, list, item).ok()?, item))).collect()
    }

    /// The merged items. Both lists are walked side by side: an item of the live list alone keeps its place, items of both
    /// come in the order of the configuration.
    fn items(&self, list: &List, left: &[(PathElement, &Value)], right: &[(PathElement, &Value)]) -> Vec<Value> {
        // An item that stands twice in the live object is not merged with the configuration's: it is replaced.
        let mut in_left: BTreeMap<&PathElement, Option<&Value>> = BTreeMap::new();
        for (element, item) in left {
            in_left.entry(element).and_modify(|once| *once = None).or_insert(Some(item));
        }
        let in_right: BTreeMap<&PathElement, &Value> = right.iter().map(|(element, item)| (element, *item)).collect();
        let mut shared: VecDeque<&PathElement> =
            right.iter().map(|(element, _)| element).filter(|element| in_left.contains_key(element)).collect();
        let mut next = shared.pop_front();
        let mut done = BTreeSet::new();
        let mut out = Vec::with_capacity(left.len().max(right.len()));
        let merged = |element: &PathElement| {
            let live = in_left.get(element).copied().map(|item| item.unwrap_or(&Value::Null));
            self.values(list.element, live, in_right.get(element).copied())
        };
        let (mut i, mut j) = (0, 0);
        while i < left.len() || j < right.len() {
            if let (Some((l, _)), Some((r, _))) = (left.get(i), right.get(j)) {
                if l == r {
                    done.insert(l);
                    out.extend(merged(l));
                    i += 1;
                    j += 1;
                    next = shared.pop_front();
                    continue;
                }
                if in_right.contains_key(l) && next.is_some_and(|next| next != l) {
                    // In both, but it is not its turn.
                    i += 1;
                    continue;
                }
            }
            if let Some((l, item)) = left.get(i) {
                if !in_right.contains_key(l) {
                    out.extend(self.values(list.element, Some(item), None));
                    i += 1;
                    continue;
                }
                if done.contains(l) {
                    i += 1;
                }
            }
            if let Some((r, _)) = right.get(j) {
                done.insert(r);
                out.extend(merged(r));
                j += 1;
                if next == Some(r) {
                    next = shared.pop_front();
                }
            }
        }
        out
    }
}

/// The configuration's value, or the live one.
fn leaf(left: Option<&Value>, right: Option<&Value>) -> Option<Value> {
    right.or(left).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::builtin_schema;
    use serde_json::json;

    fn merged(left: Value, right: Value) -> Value {
        let schema = builtin_schema();
        merge(schema, schema.type_of("v1", "Pod").unwrap(), &left, &right).unwrap()
    }

    fn names(left: &[&str], right: &[&str]) -> Vec<String> {
        let list = |names: &[&str]| -> Value {
            json!({"spec": {"containers": names.iter().map(|n| json!({"name": n})).collect::<Vec<_>>()}})
        };
        let out = merged(list(left), list(right));
        out["spec"]["containers"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn items_keep_their_places() {
        assert_eq!(names(&["a", "b", "c"], &["b"]), ["a", "b", "c"]);
        assert_eq!(names(&["a", "b", "c"], &["c", "a"]), ["b", "c", "a"]);
        assert_eq!(names(&["a"], &["b", "a"]), ["b", "a"]);
        assert_eq!(names(&["a", "x"], &["b"]), ["a", "x", "b"]);
        assert_eq!(names(&[], &["b", "a"]), ["b", "a"]);
    }

    #[test]
    fn the_configuration_wins_and_nothing_goes() {
        assert_eq!(
            merged(
                json!({"metadata": {"labels": {"a": "1", "b": "1"}}, "spec": {"nodeSelector": {"x": "1"}, "tolerations": [{"key": "a"}]}}),
                json!({"metadata": {"labels": {"a": "2"}}, "spec": {"nodeSelector": {"y": "1"}, "containers": []}}),
            ),
            json!({"metadata": {"labels": {"a": "2", "b": "1"}},
                   "spec": {"nodeSelector": {"y": "1"}, "tolerations": [{"key": "a"}], "containers": []}})
        );
    }

    #[test]
    fn null_is_a_value_of_scalars_and_nothing_for_maps() {
        assert_eq!(
            merged(
                json!({"spec": {"hostname": "a"}, "metadata": {"labels": {"a": "1"}}}),
                json!({"spec": {"hostname": null}, "metadata": {"labels": null}})
            ),
            json!({"spec": {"hostname": null}, "metadata": {"labels": {"a": "1"}}})
        );
    }
}
