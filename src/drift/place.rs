//! A value put at a path of an object, or taken away from there; items of lists by their keys.

use serde_json::{Map, Value};

use crate::fields::{FieldPath, PathElement};

/// Puts a value at a path, or takes it away. Maps, lists and items on the way are made where there is something to put.
pub(super) fn place(at: &mut Value, path: &[PathElement], value: Option<&Value>) {
    let Some((first, rest)) = path.split_first() else { return };
    match first {
        PathElement::Field(name) => {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            let Value::Object(map) = at else { return };
            match (rest.is_empty(), value) {
                (true, Some(value)) => {
                    map.insert(name.clone(), value.clone());
                }
                (true, None) => {
                    map.remove(name);
                }
                (false, _) => {
                    if value.is_some() || map.contains_key(name) {
                        place(map.entry(name.clone()).or_insert(Value::Null), rest, value);
                    }
                }
            }
        }
        item => {
            if !at.is_array() {
                *at = Value::Array(Vec::new());
            }
            let found = FieldPath(vec![item.clone()]).get(at).map(std::ptr::from_ref);
            let Value::Array(items) = at else { return };
            let place_of = found.and_then(|found| items.iter().position(|item| std::ptr::eq(item, found)));
            match (rest.is_empty(), value, place_of) {
                (true, Some(value), Some(at)) => items[at] = value.clone(),
                (true, Some(value), None) => items.push(value.clone()),
                (true, None, Some(at)) => {
                    items.remove(at);
                }
                (false, _, Some(at)) => place(&mut items[at], rest, value),
                (false, Some(_), None) => {
                    let mut fresh = match item {
                        PathElement::Key(keys) => {
                            Value::Object(keys.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect())
                        }
                        _ => Value::Null,
                    };
                    place(&mut fresh, rest, value);
                    items.push(fresh);
                }
                _ => {}
            }
        }
    }
}
