//! `global`: the values that a chart hands down to its subcharts.

use serde_json::{Map, Value};

use super::coalesce::{joined, tables};

const GLOBAL: &str = "global";

/// Hands the globals of `parent` down into `values`, the values of a subchart: the parent's win, maps merge deeply, and nulls
/// stay (the subchart's own turn applies them). Helm's `coalesceGlobals`.
pub fn coalesce_globals(
    values: &mut Map<String, Value>,
    parent: &Map<String, Value>,
    prefix: &str,
    warnings: &mut Vec<String>,
) {
    let empty = Map::new();
    if values.get(GLOBAL).is_some_and(|g| !g.is_object()) {
        warnings
            .push(format!("coalesce.go:138: warning: skipping globals because destination {GLOBAL} is not a table."));
        return;
    }
    let handed = match parent.get(GLOBAL) {
        None => &empty,
        Some(Value::Object(handed)) => handed,
        Some(_) => {
            warnings
                .push(format!("coalesce.go:145: warning: skipping globals because source {GLOBAL} is not a table."));
            return;
        }
    };
    let globals = values.entry(GLOBAL).or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(globals) = globals else { return };
    for (key, value) in handed {
        match (value, globals.get(key)) {
            (Value::Object(_), None) => {
                globals.insert(key.clone(), value.clone());
            }
            (Value::Object(from_parent), Some(Value::Object(own))) => {
                let mut table = from_parent.clone();
                tables(&mut table, own, &joined(prefix, key), true, warnings);
                globals.insert(key.clone(), Value::Object(table));
            }
            (Value::Object(_), Some(_)) => {
                warnings
                    .push(format!("coalesce.go:161: Conflict: cannot merge map onto non-map for {key:?}. Skipping."));
            }
            (_, Some(Value::Object(_))) => warnings.push(format!("coalesce.go:175: key {key} is table. Skipping")),
            _ => {
                globals.insert(key.clone(), value.clone());
            }
        }
    }
}
