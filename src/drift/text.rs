//! Differences as people read them: a unified diff of YAML, live against desired, without noise and without secrets.

use serde_json::{Map, Value};
use similar::TextDiff;

use super::secret::as_stored;
use super::{ObjectDrift, State};
use crate::fields::{FieldPath, PathElement};
use crate::manifest::{Object, masked};
use crate::yaml;

/// A unified diff of one object: `-` lines are live, `+` lines are desired. Beside the differences it shows the desired
/// object as it is asked for; what the server filled in is left out. `desired` is `None` for an object that is to go, of
/// which `live` is then shown.
#[must_use]
pub fn unified(desired: Option<&Object>, live: Option<&Object>, drift: &ObjectDrift) -> String {
    let shown = |object: &Object| masked(&as_stored(object)).into_value();
    let after = desired.map(shown);
    let before = match (drift.state, &after, live) {
        (State::Missing, ..) => None,
        (State::Extra, _, Some(live)) => {
            let mut live = shown(live);
            if let Value::Object(live) = &mut live {
                live.remove("status");
                if let Some(Value::Object(metadata)) = live.get_mut("metadata") {
                    for field in ["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"] {
                        metadata.remove(field);
                    }
                }
            }
            Some(live)
        }
        (_, Some(after), _) => {
            let mut before = after.clone();
            for field in &drift.fields {
                place(&mut before, &field.path.0, field.live.as_ref());
            }
            Some(before)
        }
        _ => None,
    };
    let after = if drift.state == State::Extra { None } else { after };
    let text = |value: Option<&Value>| value.map(yaml::emit).unwrap_or_default();
    let (before, after) = (text(before.as_ref()), text(after.as_ref()));
    let name = drift.id().display();
    TextDiff::from_lines(before.as_str(), after.as_str())
        .unified_diff()
        .context_radius(3)
        .header(&format!("live/{name}"), &format!("desired/{name}"))
        .to_string()
}

/// Puts a value at a path, or takes it away; items of lists by their keys.
fn place(at: &mut Value, path: &[PathElement], value: Option<&Value>) {
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
