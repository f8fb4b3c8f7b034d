//! Which subcharts take part, under which names, and what of their values the parent takes over (helm:
//! `chartutil.ProcessDependenciesWithMerge`): alias, condition, tags, import-values.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::version::is_compatible;
use super::{Chart, Dependency, Table};
use crate::values;

impl Chart {
    /// Helm's check before anything else: every dependency of `Chart.yaml` is there.
    ///
    /// # Errors
    /// With helm's message, naming the missing ones.
    pub fn check_dependencies(&self) -> Result<(), String> {
        let missing: Vec<&str> = self
            .metadata
            .dependencies
            .iter()
            .flatten()
            .filter(|wanted| !self.dependencies.iter().any(|held| held.metadata.name == wanted.name))
            .map(|wanted| wanted.name.as_str())
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("found in Chart.yaml, but missing in charts/ directory: {}", missing.join(", ")))
        }
    }

    /// The chart as it is rendered with `values`: aliases applied, disabled subcharts gone, values imported.
    ///
    /// # Errors
    /// With helm's message, when the value of a subchart's name is no map.
    pub fn with_dependencies(&self, values: &Table) -> Result<Self, String> {
        self.with_dependencies_noting(values, &mut Vec::new())
    }

    /// As [`Chart::with_dependencies`], with what helm would warn of.
    ///
    /// # Errors
    /// With helm's message, when the value of a subchart's name is no map.
    pub fn with_dependencies_noting(&self, values: &Table, warnings: &mut Vec<String>) -> Result<Self, String> {
        let mut chart = self.clone();
        number(&mut chart, &mut 0);
        enable(&mut chart, values, "", false, &mut Pass { warnings, done: BTreeSet::new() })?;
        import_below(&mut chart, &mut Pass { warnings, done: BTreeSet::new() })?;
        Ok(chart)
    }

    /// The chart with all its dependencies under their names, whether values switch them on or not: what a chart could be.
    #[must_use]
    pub fn with_all_dependencies(&self) -> Self {
        let mut chart = self.clone();
        // Nothing is asked of the values, so nothing can be wrong with them.
        let _ =
            enable(&mut chart, &Table::new(), "", true, &mut Pass { warnings: &mut Vec::new(), done: BTreeSet::new() });
        chart
    }
}

/// One walk over the charts.
struct Pass<'w> {
    /// What helm would warn of.
    warnings: &'w mut Vec<String>,
    /// Dependencies that were met already, under another name of their chart.
    done: BTreeSet<usize>,
}

/// Gives every dependency a number that its copies keep: a chart that is taken under several names is one chart for helm, whose
/// dependencies are changed for all of them at once.
fn number(chart: &mut Chart, next: &mut usize) {
    for dependency in chart.metadata.dependencies.iter_mut().flatten() {
        *next += 1;
        dependency.id = *next;
    }
    for held in &mut chart.dependencies {
        number(held, next);
    }
}

fn enable(chart: &mut Chart, given: &Table, path: &str, every: bool, pass: &mut Pass<'_>) -> Result<(), String> {
    let Some(mut wanted) = chart.metadata.dependencies.take() else { return Ok(()) };
    // These go by their alias already.
    for dependency in wanted.iter_mut().filter(|d| pass.done.contains(&d.id) && !d.alias.is_empty()) {
        dependency.name.clone_from(&dependency.alias);
    }
    // What stands in charts/ without being listed takes part as it is.
    let fits = |wanted: &Dependency, held: &Chart| {
        held.metadata.name == wanted.name && is_compatible(&wanted.version, &held.metadata.version)
    };
    let (mut listed, mut taken): (Vec<Chart>, Vec<Chart>) =
        chart.dependencies.drain(..).partition(|held| wanted.iter().any(|wanted| fits(wanted, held)));
    for at in 0..wanted.len() {
        if let Some(place) = listed.iter().position(|held| fits(&wanted[at], held)) {
            // One chart may go by several names.
            let again = wanted[at + 1..].iter().any(|later| fits(later, &listed[place]));
            let mut held = if again { listed[place].clone() } else { listed.remove(place) };
            if !wanted[at].alias.is_empty() {
                held.metadata.name.clone_from(&wanted[at].alias);
            }
            taken.push(held);
        }
        let dependency = &mut wanted[at];
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
        if !every {
            pass.done.insert(dependency.id);
        }
        dependency.enabled = true;
    }
    chart.dependencies = taken;
    chart.linked = true;
    if every {
        for held in &mut chart.dependencies {
            enable(held, given, path, true, pass)?;
        }
        chart.metadata.dependencies = Some(wanted);
        return Ok(());
    }
    let all = values::coalesce(&chart.defaults(), given, pass.warnings).map_err(|error| error.to_string())?;
    by_tags(&mut wanted, &all, pass.warnings);
    by_conditions(&mut wanted, &all, path, pass.warnings);
    let off = |name: &str| wanted.iter().any(|w| !w.enabled && w.name == name);
    chart.dependencies.retain(|held| !off(&held.metadata.name));
    for held in &mut chart.dependencies {
        let below = format!("{path}{}.", held.metadata.name);
        enable(held, &all, &below, false, pass)?;
    }
    let off: Vec<String> = wanted.iter().filter(|w| !w.enabled).map(|w| w.name.clone()).collect();
    wanted.retain(|w| !off.contains(&w.name));
    // Go appends to a nil slice: nothing left is nil again.
    chart.metadata.dependencies = (!wanted.is_empty()).then_some(wanted);
    Ok(())
}

fn by_tags(wanted: &mut [Dependency], values: &Table, warnings: &mut Vec<String>) {
    let Some(Value::Object(tags)) = values.get("tags") else { return };
    for dependency in wanted {
        let mut states = Vec::new();
        for tag in &dependency.tags {
            match tags.get(tag) {
                Some(Value::Bool(state)) => states.push(*state),
                Some(_) => warnings.push(format!(
                    "dependencies.go:94: Warning: Tag '{tag}' for chart {} returned non-bool value",
                    dependency.name
                )),
                None => {}
            }
        }
        dependency.enabled = states.is_empty() || states.contains(&true);
    }
}

fn by_conditions(wanted: &mut [Dependency], values: &Table, path: &str, warnings: &mut Vec<String>) {
    for dependency in wanted {
        for condition in dependency.condition.trim().split(',').filter(|condition| !condition.is_empty()) {
            match at_path(values, &format!("{path}{condition}")) {
                Some(Value::Bool(state)) => {
                    dependency.enabled = *state;
                    break;
                }
                Some(_) => warnings.push(format!(
                    "dependencies.go:63: Warning: Condition path '{condition}' for chart {} returned non-bool value",
                    dependency.name
                )),
                None => {}
            }
        }
    }
}

/// The value at a path with dots that is no map.
fn at_path<'v>(values: &'v Table, path: &str) -> Option<&'v Value> {
    let (folder, name) = match path.rsplit_once('.') {
        Some((folder, name)) => (table_at(values, folder)?, name),
        None => (values, path),
    };
    folder.get(name).filter(|value| !value.is_object())
}

/// The map at a path with dots.
fn table_at<'v>(values: &'v Table, path: &str) -> Option<&'v Table> {
    path.split('.').try_fold(values, |table, name| table.get(name)?.as_object())
}

/// The first name on a path that is no map.
fn first_missing<'p>(values: &Table, path: &'p str) -> &'p str {
    let mut at = Some(values);
    path.split('.')
        .find(|name| {
            at = at.and_then(|table| table.get(*name)?.as_object());
            at.is_none()
        })
        .unwrap_or_default()
}

fn import_below(chart: &mut Chart, pass: &mut Pass<'_>) -> Result<(), String> {
    for held in &mut chart.dependencies {
        import_below(held, pass)?;
    }
    import(chart, pass)
}

fn import(chart: &mut Chart, pass: &mut Pass<'_>) -> Result<(), String> {
    let Some(mut wanted) = chart.metadata.dependencies.take() else { return Ok(()) };
    let mut all =
        values::merge_chart(&chart.defaults(), &Table::new(), pass.warnings).map_err(|error| error.to_string())?;
    let mut imported = Table::new();
    for dependency in &mut wanted {
        let mut normal = Vec::new();
        // Helm imports them once.
        if !pass.done.insert(dependency.id) {
            dependency.import_values = normal;
            continue;
        }
        for import in &dependency.import_values {
            let (child, parent) = match import {
                Value::String(name) => (format!("exports.{name}"), ".".to_owned()),
                Value::Object(map) => {
                    let text = |key| map.get(key).and_then(Value::as_str).map(str::to_owned);
                    // Helm panics here.
                    let missing = || format!("import-values of {}: child and parent have to be texts", dependency.name);
                    (text("child").ok_or_else(missing)?, text("parent").ok_or_else(missing)?)
                }
                _ => continue,
            };
            let mut entry = Map::new();
            entry.insert("child".to_owned(), Value::from(child.as_str()));
            entry.insert("parent".to_owned(), Value::from(parent.as_str()));
            normal.push(Value::Object(entry));
            let path = format!("{}.{child}", dependency.name);
            let Some(found) = table_at(&all, &path) else {
                let missing = first_missing(&all, &path);
                pass.warnings.push(if import.is_string() {
                    format!("dependencies.go:286: Warning: ImportValues missing table: {missing:?} is not a table")
                } else {
                    let name = &dependency.name;
                    format!(
                        "dependencies.go:269: Warning: ImportValues missing table from chart {name}: {missing:?} is not a table"
                    )
                });
                continue;
            };
            let placed =
                if import.is_string() || parent == "." { found.clone() } else { nested(&parent, found.clone()) };
            values::merge_tables(&mut imported, &placed, pass.warnings);
        }
        dependency.import_values = normal;
    }
    values::merge_tables(&mut all, &imported, pass.warnings);
    chart.values = Arc::new(all);
    chart.metadata.dependencies = Some(wanted);
    Ok(())
}

fn nested(path: &str, table: Table) -> Table {
    path.rsplit('.').fold(table, |inner, name| {
        let mut outer = Table::new();
        outer.insert(name.to_owned(), Value::Object(inner));
        outer
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::MemoryTree;
    use serde_json::json;

    fn tree() -> MemoryTree {
        MemoryTree::from([
            (
                "top/Chart.yaml",
                "apiVersion: v2\nname: top\nversion: 1.0.0\ndependencies:\n\
                 - {name: web, version: 1.x, repository: 'file://../web', alias: one, condition: 'one.use,all.use', tags: [t]}\n\
                 - {name: web, version: 1.x, repository: 'file://../web', alias: two, tags: [t], import-values: [data, {child: inner, parent: got.it}]}\n",
            ),
            ("top/values.yaml", "one: {use: true}\n"),
            ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.0\n"),
            ("web/values.yaml", "exports: {data: {k: v}}\ninner: {x: z}\n"),
            ("web/charts/deep/Chart.yaml", "apiVersion: v2\nname: deep\nversion: 0.1.0\n"),
            ("web/templates/a.yaml", "a: 1\n"),
        ])
    }

    fn names(chart: &Chart) -> Vec<&str> {
        chart.dependencies.iter().map(|held| held.metadata.name.as_str()).collect()
    }

    fn table(value: &Value) -> Table {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn one_chart_under_two_names_from_beside() {
        let chart = Chart::load(&tree(), "top").unwrap();
        chart.check_dependencies().unwrap();
        let ready = chart.with_dependencies(&Table::new()).unwrap();
        assert_eq!(names(&ready), ["one", "two"]);
        assert_eq!(ready.values["got"], json!({"it": {"x": "z"}}));
        assert_eq!(ready.values["k"], json!("v"));
        let paths: Vec<String> = ready.templates_in_order().into_iter().map(|t| t.path).collect();
        assert_eq!(paths, ["top/charts/two/templates/a.yaml", "top/charts/one/templates/a.yaml"]);
    }

    #[test]
    fn conditions_win_over_tags() {
        let chart = Chart::load(&tree(), "top").unwrap();
        for (values, left) in [
            (json!({"tags": {"t": false}}), vec!["one"]),
            (json!({"tags": {"t": true}, "one": {"use": false}}), vec!["two"]),
            (json!({"one": {"use": null}, "all": {"use": false}}), vec!["two"]),
            (json!({"one": {"use": "text"}, "all": {"use": false}}), vec!["two"]),
        ] {
            assert_eq!(names(&chart.with_dependencies(&table(&values)).unwrap()), left, "{values}");
        }
    }

    #[test]
    fn names_what_is_missing() {
        let tree = MemoryTree::from([(
            "c/Chart.yaml",
            "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: a, version: 1.0.0}, {name: b, version: 1.0.0}]\n",
        )]);
        assert_eq!(
            Chart::load(&tree, "c").unwrap().check_dependencies().unwrap_err(),
            "found in Chart.yaml, but missing in charts/ directory: a, b"
        );
    }
}
