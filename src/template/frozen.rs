//! Data that many executions start from: each gets its own maps, which it may change, and shares the texts and keys in them.

use super::container::{List, Map};
use super::entries::Entries;
use super::json::number;
use super::set::Set;
use super::text::Str;
use super::types::{ANY_LIST, ANY_MAP};
use super::value::Value;
use std::sync::Arc;

/// A value as JSON has them. Shared between threads.
#[derive(Clone, Debug)]
pub struct Frozen(Kept);

#[derive(Clone, Debug)]
enum Kept {
    Nil,
    Bool(bool),
    Number(serde_json::Number),
    String(Str),
    List(Box<[Frozen]>),
    /// By key.
    Map(Box<[(Arc<str>, Frozen)]>),
}

impl Frozen {
    /// A value of its own, as [`Value::from`] makes it of the JSON.
    #[must_use]
    pub fn thaw(&self) -> Value {
        match &self.0 {
            Kept::Nil => Value::Nil,
            Kept::Bool(truth) => Value::Bool(*truth),
            Kept::Number(n) => number(n),
            Kept::String(text) => Value::String(text.clone()),
            Kept::List(items) => Value::List(List::appended(&ANY_LIST, items.iter().map(Self::thaw).collect())),
            Kept::Map(_) => Value::Map(Map::new(&ANY_MAP, self.entries())),
        }
    }

    /// The entries of a map; none of anything else.
    #[must_use]
    pub fn entries(&self) -> Entries {
        match &self.0 {
            Kept::Map(entries) => entries.iter().map(|(key, value)| (Arc::clone(key), value.thaw())).collect(),
            _ => Entries::new(),
        }
    }
}

impl Frozen {
    /// Of JSON, for templates of this set: keys that they ask for are the very texts that they ask with.
    #[must_use]
    pub fn new(json: &serde_json::Value, set: &Set) -> Self {
        Self(match json {
            serde_json::Value::Null => Kept::Nil,
            serde_json::Value::Bool(truth) => Kept::Bool(*truth),
            serde_json::Value::Number(n) => Kept::Number(n.clone()),
            serde_json::Value::String(text) => Kept::String(Str::from(text.as_str())),
            serde_json::Value::Array(items) => Kept::List(items.iter().map(|item| Self::new(item, set)).collect()),
            serde_json::Value::Object(entries) => return Self::of_map(entries, set),
        })
    }

    /// As [`Self::new`], of what a map holds.
    #[must_use]
    pub fn of_map(entries: &serde_json::Map<String, serde_json::Value>, set: &Set) -> Self {
        let key = |key: &str| set.shared_name(key).map_or_else(|| Arc::from(key), Arc::clone);
        Self(Kept::Map(entries.iter().map(|(name, value)| (key(name), Self::new(value, set))).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The text of a value, with the room in its lists.
    fn shown(value: &Value) -> String {
        match value {
            Value::List(list) => {
                let items: Vec<String> = list.items().iter().map(shown).collect();
                format!("{}{:?}/{}", list.ty().name, items, list.capacity())
            }
            Value::Map(map) => {
                let entries: Vec<String> =
                    map.entries().iter().map(|(key, value)| format!("{key}={}", shown(value))).collect();
                format!("{}{entries:?}", map.ty().name)
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_was_frozen_is_what_was_read() {
        let json = json!({
            "b": [1, 2.5, "x", null, true, {"k": []}], "a": {"z": u64::MAX, "y": -1, "x": 1e300}, "": [[1, 2, 3], ["a"]], "c": {},
        });
        let set = Set::new();
        assert_eq!(shown(&Frozen::new(&json, &set).thaw()), shown(&Value::from(&json)));
        let Value::Map(map) = Value::from(&json) else { panic!("a map") };
        assert_eq!(Frozen::new(&json, &set).entries().len(), map.len());
    }
}
