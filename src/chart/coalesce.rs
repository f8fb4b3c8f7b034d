//! Helm's coalescing of a chart's values with what the user gave: maps deep, lists and scalars replaced, null deletes; then the
//! same for every subchart, with `global` handed down (helm: `chartutil.CoalesceValues`, `MergeValues`).

use serde_json::{Map, Value};

use super::Chart;
use crate::yaml::go_float;

/// A map of values.
pub type Table = Map<String, Value>;

const GLOBAL: &str = "global";

/// What happens to null: `Coalesce` deletes the key, `Merge` keeps the null for a later pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// A null deletes.
    Delete,
    /// A null stays.
    Keep,
}

/// The values that the templates of `chart` see when a user gives `values`.
///
/// # Errors
/// With helm's message, when the value of a subchart's name is no map.
pub fn coalesce(chart: &Chart, mut values: Table, nulls: Nulls) -> Result<Table, String> {
    with_chart(chart, &mut values, nulls)?;
    Ok(values)
}

fn with_chart(chart: &Chart, values: &mut Table, nulls: Nulls) -> Result<(), String> {
    own_values(chart, values, nulls);
    for held in &chart.dependencies {
        let name = &held.metadata.name;
        let mut table = match values.remove(name) {
            None => Table::new(),
            Some(Value::Object(table)) => table,
            Some(other) => {
                return Err(format!("type mismatch on {name}: {}", as_bool(&other)));
            }
        };
        hand_down_globals(&mut table, values);
        with_chart(held, &mut table, nulls)?;
        values.insert(name.clone(), Value::Object(table));
    }
    Ok(())
}

/// What Go's `%t` prints of a value.
fn as_bool(value: &Value) -> String {
    match value {
        Value::Null => "%!t(<nil>)".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) if n.is_f64() => format!("%!t(float64={})", go_float(n.as_f64().unwrap_or_default())),
        Value::Number(n) => format!("%!t(int64={n})"),
        Value::String(s) => format!("%!t(string={s})"),
        Value::Array(items) => format!("[{}]", items.iter().map(as_bool).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let entries: Vec<_> = map.iter().map(|(k, v)| format!("%!t(string={k}):{}", as_bool(v))).collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}

fn own_values(chart: &Chart, values: &mut Table, nulls: Nulls) {
    for (key, own) in &chart.values {
        match values.get_mut(key) {
            None => {
                values.insert(key.clone(), own.clone());
            }
            Some(Value::Null) if nulls == Nulls::Delete => {
                values.remove(key);
            }
            Some(Value::Object(given)) => {
                if let Value::Object(own) = own {
                    // Nulls for a subchart stay until the subchart's own values meet them.
                    let is_child = chart.dependencies.iter().any(|held| held.metadata.name == *key);
                    tables(given, own.clone(), if is_child { Nulls::Keep } else { nulls });
                }
            }
            Some(_) => {}
        }
    }
}

/// Merges `low` under `high`: what `high` has wins (helm: `coalesceTablesFullKey`).
pub fn tables(high: &mut Table, low: Table, nulls: Nulls) {
    for (key, below) in low {
        match high.get_mut(&key) {
            None => {
                high.insert(key, below);
            }
            Some(Value::Null) if nulls == Nulls::Delete => {
                high.remove(&key);
            }
            Some(Value::Object(above)) => {
                if let Value::Object(below) = below {
                    tables(above, below, nulls);
                }
            }
            Some(_) => {}
        }
    }
}

fn hand_down_globals(child: &mut Table, parent: &Table) {
    let globals = match parent.get(GLOBAL) {
        None => &Table::new(),
        Some(Value::Object(table)) => table,
        Some(_) => return,
    };
    if !matches!(child.get(GLOBAL), None | Some(Value::Object(_))) {
        return;
    }
    let entry = child.entry(GLOBAL).or_insert_with(|| Value::Object(Table::new()));
    let Value::Object(own) = entry else { return };
    for (key, value) in globals {
        match (value, own.get_mut(key)) {
            (Value::Object(above), Some(Value::Object(below))) => {
                let mut merged = above.clone();
                tables(&mut merged, std::mem::take(below), Nulls::Keep);
                *below = merged;
            }
            // A map and something else under one name: helm warns and leaves the child's.
            (Value::Object(_), Some(_)) | (_, Some(Value::Object(_))) => {}
            (value, _) => {
                own.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::MemoryTree;
    use serde_json::json;

    fn table(value: Value) -> Table {
        match value {
            Value::Object(map) => map,
            _ => Table::new(),
        }
    }

    fn chart() -> Chart {
        let tree = MemoryTree::from([
            ("n/Chart.yaml", "apiVersion: v2\nname: n\nversion: 0.1.0\n"),
            (
                "n/values.yaml",
                "a: {b: b, d: d, e: {f: f}, m: null}\ntop: null\ns: {own: {p: high}, q: null, t: {u: high}}\nglobal: {g: {h: high, i: null}, j: j}\n",
            ),
            ("n/charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 0.1.0\n"),
            (
                "n/charts/s/values.yaml",
                "own: {p: low, r: r}\nq: q\nt: {u: low, v: null}\nw: {x: x}\nglobal: {g: {h: low, k: k}, j: {l: l}, m: null}\n",
            ),
        ]);
        Chart::load(&tree, "n").unwrap()
    }

    #[test]
    fn as_helm_does_with_the_charts_values_alone() {
        let values = coalesce(&chart(), Table::new(), Nulls::Delete).unwrap();
        assert_eq!(
            values["s"],
            json!({"global": {"g": {"h": "high", "i": null, "k": "k"}, "j": "j", "m": null},
                "own": {"p": "high", "r": "r"}, "t": {"u": "high", "v": null}, "w": {"x": "x"}})
        );
        assert_eq!(values["top"], Value::Null);
    }

    #[test]
    fn a_null_deletes_what_the_chart_has_and_stays_where_it_has_nothing() {
        let given = json!({"a": {"c": null, "d": null, "e": {"f": null, "g": null}}, "new": null,
            "s": {"t": {"u": null, "nn": null}, "w": null, "own": {"p": null}}, "global": {"g": {"h": null}}});
        let values = coalesce(&chart(), table(given), Nulls::Delete).unwrap();
        assert_eq!(values["a"], json!({"b": "b", "c": null, "e": {"g": null}, "m": null}));
        assert_eq!(values["global"], json!({"g": {"i": null}, "j": "j"}));
        assert_eq!(values["s"]["t"], json!({"nn": null, "v": null}));
        assert_eq!(values["s"]["own"], json!({"r": "r"}));
        assert_eq!(values["s"]["global"]["g"], json!({"h": "low", "i": null, "k": "k"}));
        assert!(values["s"].get("w").is_none());
        assert!(values.contains_key("new"));
    }

    #[test]
    fn a_subcharts_name_holds_a_map() {
        for (given, printed) in
            [(json!({"s": 3}), "%!t(int64=3)"), (json!({"s": true}), "true"), (json!({"s": ["a"]}), "[%!t(string=a)]")]
        {
            let error = coalesce(&chart(), table(given), Nulls::Delete).unwrap_err();
            assert_eq!(error, format!("type mismatch on s: {printed}"));
        }
    }
}
