//! Which fields differ between two objects of one type.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::path::order;
use super::typed::{Shape, Walk, element_of, entry_type};
use super::{FieldSet, List, ListKind, MapType, PathElement, Schema, TypeId};

/// The fields that two objects differ in. No field is in two of the sets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// Fields of the left alone.
    pub removed: FieldSet,
    /// Fields of both, with different values.
    pub modified: FieldSet,
    /// Fields of the right alone.
    pub added: FieldSet,
}

impl Comparison {
    /// Whether the two are the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }

    /// Without some fields and everything inside them.
    #[must_use]
    pub fn without(&self, fields: &FieldSet) -> Self {
        Self {
            removed: self.removed.without(fields),
            modified: self.modified.without(fields),
            added: self.added.without(fields),
        }
    }
}

/// Whether two values are equal to the API server: numbers by size, whatever their spelling.
#[must_use]
pub fn same(a: &Value, b: &Value) -> bool {
    order(a, b) == std::cmp::Ordering::Equal
}

/// Compares two values of one type.
#[must_use]
pub fn compare(schema: &Schema, ty: TypeId, left: &Value, right: &Value) -> Comparison {
    let mut walk = Comparing { schema, path: Vec::new(), found: Comparison::default() };
    walk.values(ty, Some(left), Some(right));
    walk.found
}

struct Comparing<'s> {
    schema: &'s Schema,
    path: Vec<PathElement>,
    found: Comparison,
}

impl Comparing<'_> {
    fn values(&mut self, ty: TypeId, left: Option<&Value>, right: Option<&Value>) {
        let of_left = Shape::of(self.schema, ty, left);
        let of_right = Shape::of(self.schema, ty, right);
        let leaf = if right.is_none() {
            self.walk(of_left.walk(), left, right)
        } else if left.is_none() || of_left.same_as(of_right) {
            self.walk(of_right.walk(), left, right)
        } else {
            self.walk(of_left.walk(), left, right);
            self.walk(of_right.walk(), left, right)
        };
        if !leaf {
            if left.is_none() {
                self.found.added.insert(&self.path);
            } else if right.is_none() {
                self.found.removed.insert(&self.path);
            }
        }
    }

    /// Returns whether the value was compared as one.
    fn walk(&mut self, by: Walk<'_>, left: Option<&Value>, right: Option<&Value>) -> bool {
        match by {
            Walk::Scalar(_) => self.leaf(left, right),
            Walk::Map(map) => self.maps(map, left, right),
            Walk::List(list) => self.lists(list, left, right),
            Walk::Nothing => false,
        }
    }

    fn leaf(&mut self, left: Option<&Value>, right: Option<&Value>) -> bool {
        match (left, right) {
            (None, _) => self.found.added.insert(&self.path),
            (_, None) => self.found.removed.insert(&self.path),
            (Some(left), Some(right)) if !same(left, right) => self.found.modified.insert(&self.path),
            _ => {}
        }
        true
    }

    fn maps(&mut self, map: &MapType, left: Option<&Value>, right: Option<&Value>) -> bool {
        let empty = Map::new();
        let l = left.and_then(Value::as_object).unwrap_or(&empty);
        let r = right.and_then(Value::as_object).unwrap_or(&empty);
        // Two empty ones are a leaf, so that null, {} and absence stay told apart.
        if map.atomic || (l.is_empty() && r.is_empty()) {
            return self.leaf(left, right);
        }
        let names = l.keys().chain(r.keys().filter(|name| !l.contains_key(*name)));
        for name in names {
            self.path.push(PathElement::field(name));
            self.values(entry_type(map, name), l.get(name), r.get(name));
            self.path.pop();
        }
        false
    }

    fn lists(&mut self, list: &List, left: Option<&Value>, right: Option<&Value>) -> bool {
        let l = left.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let r = right.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if list.kind == ListKind::Atomic || (l.is_empty() && r.is_empty()) {
            return self.leaf(left, right);
        }
        let mut items: BTreeMap<PathElement, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
        for item in l {
            if let Ok(element) = element_of(self.schema, list, item) {
                items.entry(element).or_default().0.push(item);
            }
        }
        for item in r {
            if let Ok(element) = element_of(self.schema, list, item) {
                items.entry(element).or_default().1.push(item);
            }
        }
        for (element, (l, r)) in items {
            self.path.push(element);
            match (l.as_slice(), r.as_slice()) {
                ([_, _, ..], [_, _, ..]) => {
                    if l.len() != r.len() || l.iter().zip(&r).any(|(l, r)| !same(l, r)) {
                        self.found.modified.insert(&self.path);
                    }
                }
                // An item that stood twice is one field as a whole; alone again it is what is inside it.
                ([_, _, ..], rest) => {
                    if let [one] = rest {
                        self.values(list.element, None, Some(one));
                    }
                    self.found.removed.insert(&self.path);
                }
                (rest, [_, _, ..]) => {
                    if let [one] = rest {
                        self.values(list.element, Some(one), None);
                    }
                    self.found.added.insert(&self.path);
                }
                (l, r) => self.values(list.element, l.first().copied(), r.first().copied()),
            }
            self.path.pop();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::builtin_schema;
    use serde_json::json;

    fn compared(left: Value, right: Value) -> (String, String, String) {
        let schema = builtin_schema();
        let found = compare(schema, schema.type_of("v1", "Pod").unwrap(), &left, &right);
        (found.removed.to_string(), found.modified.to_string(), found.added.to_string())
    }

    #[test]
    fn by_the_keys_of_items() {
        let (removed, modified, added) = compared(
            json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b"}]}}),
            json!({"spec": {"containers": [{"name": "c"}, {"name": "a", "image": "2", "tty": false}]}}),
        );
        assert_eq!(removed, ".spec.containers[name=\"b\"]\n.spec.containers[name=\"b\"].name\n");
        assert_eq!(modified, ".spec.containers[name=\"a\"].image\n");
        assert_eq!(
            added,
            ".spec.containers[name=\"c\"]\n.spec.containers[name=\"a\"].tty\n.spec.containers[name=\"c\"].name\n"
        );
    }

    #[test]
    fn atomic_things_are_one_field() {
        let (removed, modified, added) = compared(
            json!({"spec": {"nodeSelector": {"a": "1"}, "tolerations": [{"key": "a"}]}}),
            json!({"spec": {"nodeSelector": {"b": "1"}, "tolerations": []}}),
        );
        assert_eq!((removed.as_str(), added.as_str()), ("", ""));
        assert_eq!(modified, ".spec.nodeSelector\n.spec.tolerations\n");
    }

    #[test]
    fn numbers_have_one_value() {
        assert!(same(&json!({"a": [1]}), &json!({"a": [1.0]})));
        assert!(!same(&json!(1), &json!("1")));
    }
}
