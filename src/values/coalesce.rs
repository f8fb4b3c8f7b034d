//! Values over the defaults of a chart and its subcharts: Helm's `CoalesceValues` and `MergeValues` (`pkg/chartutil`).

use serde_json::{Map, Value};

use super::globals::coalesce_globals;

/// The defaults of a chart and of the subcharts that are enabled.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartValues<'c> {
    /// The chart's name (a subchart's alias, where it has one).
    pub name: &'c str,
    /// Its `values.yaml`.
    pub values: &'c Map<String, Value>,
    /// Its subcharts.
    pub dependencies: Vec<ChartValues<'c>>,
}

/// The value of a subchart's key is no map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("type mismatch on {name}: {shown}")]
pub struct TypeMismatch {
    /// The subchart.
    pub name: String,
    /// The value as Go's `%t` prints it.
    pub shown: String,
}

/// The values that templates see: `user` over the defaults of the chart and its subcharts, globals handed down, nulls applied.
/// Warnings are Helm's lines.
///
/// # Errors
/// When the value of a subchart's key is no map.
pub fn coalesce(
    chart: &ChartValues<'_>,
    user: &Map<String, Value>,
    warnings: &mut Vec<String>,
) -> Result<Map<String, Value>, TypeMismatch> {
    let mut values = user.clone();
    chart_into(chart, &mut values, "", false, warnings)?;
    Ok(values)
}

/// As [`coalesce()`], but nulls are kept (Helm's `MergeValues`): for values that are coalesced again later, as while
/// dependencies are processed.
///
/// # Errors
/// When the value of a subchart's key is no map.
pub fn merge(
    chart: &ChartValues<'_>,
    user: &Map<String, Value>,
    warnings: &mut Vec<String>,
) -> Result<Map<String, Value>, TypeMismatch> {
    let mut values = user.clone();
    chart_into(chart, &mut values, "", true, warnings)?;
    Ok(values)
}

fn chart_into(
    chart: &ChartValues<'_>,
    values: &mut Map<String, Value>,
    prefix: &str,
    merge: bool,
    warnings: &mut Vec<String>,
) -> Result<(), TypeMismatch> {
    defaults_into(chart, values, prefix, merge, warnings);
    let inner_prefix = joined(prefix, chart.name);
    for dependency in &chart.dependencies {
        let mut inner = match values.remove(dependency.name) {
            None => Map::new(),
            Some(Value::Object(inner)) => inner,
            Some(other) => {
                let shown = go_truth(&other);
                values.insert(dependency.name.to_owned(), other);
                return Err(TypeMismatch { name: dependency.name.to_owned(), shown });
            }
        };
        coalesce_globals(&mut inner, values, &inner_prefix, warnings);
        let result = chart_into(dependency, &mut inner, &inner_prefix, merge, warnings);
        values.insert(dependency.name.to_owned(), Value::Object(inner));
        result?;
    }
    Ok(())
}

/// The chart's own defaults below `values`.
fn defaults_into(
    chart: &ChartValues<'_>,
    values: &mut Map<String, Value>,
    prefix: &str,
    merge: bool,
    warnings: &mut Vec<String>,
) {
    let prefix = joined(prefix, chart.name);
    for (key, default) in chart.values {
        match values.get_mut(key) {
            None => {
                values.insert(key.clone(), default.clone());
            }
            Some(Value::Null) if !merge => {
                values.remove(key);
            }
            Some(Value::Object(table)) => match default {
                Value::Object(default) => {
                    // Nulls for a subchart are kept: the subchart's own turn applies them.
                    let merge = merge || chart.dependencies.iter().any(|d| d.name == *key);
                    tables(table, default, &joined(&prefix, key), merge, warnings);
                }
                Value::Null => {}
                _ => warnings.push(format!("coalesce.go:237: warning: skipped value for {prefix}.{key}: Not a table.")),
            },
            Some(_) => {}
        }
    }
}

/// Puts `lower` below `values` (Helm's `CoalesceTables`): maps merge deeply, what is in `values` stays, and a null in `values`
/// deletes the key when `lower` has it.
pub fn coalesce_tables(values: &mut Map<String, Value>, lower: &Map<String, Value>, warnings: &mut Vec<String>) {
    tables(values, lower, "", false, warnings);
}

/// As [`coalesce_tables`], but nulls stay (Helm's `MergeTables`).
pub fn merge_tables(values: &mut Map<String, Value>, lower: &Map<String, Value>, warnings: &mut Vec<String>) {
    tables(values, lower, "", true, warnings);
}

pub(super) fn tables(
    values: &mut Map<String, Value>,
    lower: &Map<String, Value>,
    prefix: &str,
    merge: bool,
    warnings: &mut Vec<String>,
) {
    for (key, low) in lower {
        match (values.get_mut(key), low) {
            (None, _) => {
                values.insert(key.clone(), low.clone());
            }
            (Some(Value::Null), _) if !merge => {
                values.remove(key);
            }
            (Some(Value::Object(table)), Value::Object(low)) => {
                tables(table, low, &joined(prefix, key), merge, warnings);
            }
            (Some(_), Value::Object(_)) => {
                let full = joined(prefix, key);
                warnings.push(format!(
                    "coalesce.go:298: warning: cannot overwrite table with non table for {full} ({})",
                    go_print(low)
                ));
            }
            (Some(Value::Object(_)), Value::Null) => {}
            (Some(Value::Object(_)), _) => {
                let full = joined(prefix, key);
                warnings.push(format!(
                    "coalesce.go:301: warning: destination for {full} is a table. Ignoring non-table value ({})",
                    go_print(low)
                ));
            }
            (Some(_), _) => {}
        }
    }
}

pub(super) fn joined(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

/// A value as Go's `%v` prints it.
fn go_print(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) if n.is_i64() || n.is_u64() => n.to_string(),
        Value::Number(n) => crate::yaml::go_float(n.as_f64().unwrap_or_default()),
        Value::String(s) => s.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go_print).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let pairs: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{}", go_print(v))).collect();
            format!("map[{}]", pairs.join(" "))
        }
    }
}

/// A value that is no boolean as Go's `%t` prints it.
fn go_truth(value: &Value) -> String {
    match value {
        Value::Null => "%!t(<nil>)".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) if n.is_i64() || n.is_u64() => format!("%!t(int64={n})"),
        Value::Number(_) => format!("%!t(float64={})", go_print(value)),
        Value::String(s) => format!("%!t(string={s})"),
        Value::Array(items) => format!("[{}]", items.iter().map(go_truth).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let pairs: Vec<String> = map.iter().map(|(k, v)| format!("%!t(string={k}):{}", go_truth(v))).collect();
            format!("map[{}]", pairs.join(" "))
        }
    }
}
