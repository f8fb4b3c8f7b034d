//! Which subcharts take part, under which names, and what of their values the parent takes over (helm:
//! `chartutil.ProcessDependenciesWithMerge`): alias, condition, tags, import-values.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::version::is_compatible;
use super::{Chart, Dependency, Metadata, Table};
use crate::values::{self, ChartValues};

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
        let mut graph = Graph::of(self, warnings);
        graph.enable(TOP, values, "", false)?;
        graph.import_below(TOP)?;
        graph.built()
    }

    /// The chart with all its dependencies under their names, whether values switch them on or not: what a chart could be.
    #[must_use]
    pub fn with_all_dependencies(&self) -> Self {
        let mut warnings = Vec::new();
        let mut graph = Graph::of(self, &mut warnings);
        // Nothing is asked of the values, so nothing can be wrong with them; a chart beyond the limit stays as it was read.
        graph.enable(TOP, &Table::new(), "", true).and_then(|()| graph.built()).unwrap_or_else(|_| self.clone())
    }
}

/// How many subcharts a chart may have once each stands under all its names: two names on each of a few levels are many.
const MAX_SUBCHARTS: usize = 10_000;

/// The chart that the others belong to.
const TOP: usize = 0;

/// A chart with its subcharts as helm holds them in memory. A chart that is taken under several names is copied for each, but
/// not what it holds and lists: those are changed for all the copies at once, and know one parent, the one that took them last.
struct Graph<'c, 'w> {
    nodes: Vec<Node<'c>>,
    listed: Vec<Listed>,
    /// What helm would warn of.
    warnings: &'w mut Vec<String>,
    /// How many subcharts were met so far.
    met: usize,
}

#[derive(Clone)]
struct Node<'c> {
    source: &'c Chart,
    /// Its name, or the alias that it was copied for.
    name: String,
    values: Arc<Table>,
    /// What it depends on, of [`Graph::listed`].
    wanted: Option<Vec<usize>>,
    /// What it holds, of [`Graph::nodes`].
    held: Vec<usize>,
    parent: Option<usize>,
}

struct Listed {
    dependency: Dependency,
    /// Whether its values were imported: helm does that once.
    imported: bool,
}

impl<'c, 'w> Graph<'c, 'w> {
    fn of(chart: &'c Chart, warnings: &'w mut Vec<String>) -> Self {
        let mut graph = Self { nodes: Vec::new(), listed: Vec::new(), warnings, met: 0 };
        graph.add(chart, None);
        graph
    }

    fn add(&mut self, source: &'c Chart, parent: Option<usize>) -> usize {
        let at = self.nodes.len();
        let name = source.metadata.name.clone();
        let values = Arc::clone(&source.values);
        self.nodes.push(Node { source, name, values, wanted: None, held: Vec::new(), parent });
        let list = |dependency: &Dependency| {
            self.listed.push(Listed { dependency: dependency.clone(), imported: false });
            self.listed.len() - 1
        };
        let wanted = source.metadata.dependencies.as_ref().map(|wanted| wanted.iter().map(list).collect());
        let held = source.dependencies.iter().map(|held| self.add(held, Some(at))).collect();
        let node = &mut self.nodes[at];
        (node.wanted, node.held) = (wanted, held);
        at
    }

    /// Takes a chart under the name of a dependency; `apart` from all others of it, or as helm does.
    fn copy(&mut self, found: usize, dependency: usize, apart: bool) -> usize {
        let at = if apart {
            self.add(self.nodes[found].source, None)
        } else {
            let copy = self.nodes[found].clone();
            self.nodes.push(copy);
            self.nodes.len() - 1
        };
        let alias = &self.listed[dependency].dependency.alias;
        if !alias.is_empty() {
            self.nodes[at].name.clone_from(alias);
        }
        at
    }

    fn hold(&mut self, at: usize, held: Vec<usize>) {
        for &below in &held {
            self.nodes[below].parent = Some(at);
        }
        self.nodes[at].held = held;
    }

    fn fits(&self, dependency: usize, held: usize) -> bool {
        let (wanted, held) = (&self.listed[dependency].dependency, &self.nodes[held]);
        held.name == wanted.name && is_compatible(&wanted.version, &held.source.metadata.version)
    }

    fn meet(&mut self) -> Result<(), String> {
        self.met += 1;
        if self.met > MAX_SUBCHARTS {
            return Err(format!("more than {MAX_SUBCHARTS} subcharts (limit: subcharts)"));
        }
        Ok(())
    }

    fn enable(&mut self, at: usize, given: &Table, path: &str, every: bool) -> Result<(), String> {
        self.meet()?;
        let Some(wanted) = self.nodes[at].wanted.clone() else { return Ok(()) };
        let held = self.nodes[at].held.clone();
        // What stands in charts/ without being listed takes part as it is.
        let is_listed = |held: usize| wanted.iter().any(|&wanted| self.fits(wanted, held));
        let mut taken: Vec<usize> = held.iter().copied().filter(|&held| !is_listed(held)).collect();
        for &dependency in &wanted {
            if let Some(&found) = held.iter().find(|&&held| self.fits(dependency, held)) {
                taken.push(self.copy(found, dependency, every));
            }
            let dependency = &mut self.listed[dependency].dependency;
            if !dependency.alias.is_empty() {
                dependency.name.clone_from(&dependency.alias);
            }
            dependency.enabled = true;
        }
        self.hold(at, taken.clone());
        if every {
            return taken.into_iter().try_for_each(|held| self.enable(held, given, path, true));
        }
        let all =
            values::coalesce(&defaults(&self.nodes, at), given, self.warnings).map_err(|error| error.to_string())?;
        self.by_tags(&wanted, &all);
        self.by_conditions(&wanted, &all, path);
        let on = |dependency: usize| self.listed[dependency].dependency.enabled;
        let name = |dependency: usize| self.listed[dependency].dependency.name.as_str();
        let off: BTreeSet<&str> = wanted.iter().filter(|&&wanted| !on(wanted)).map(|&wanted| name(wanted)).collect();
        let wanted: Vec<usize> = wanted.iter().copied().filter(|&wanted| !off.contains(name(wanted))).collect();
        taken.retain(|&held| !off.contains(self.nodes[held].name.as_str()));
        for &held in &taken {
            let below = format!("{path}{}.", self.nodes[held].name);
            self.enable(held, &all, &below, false)?;
        }
        // Go appends to a nil slice: nothing left is nil again.
        self.nodes[at].wanted = (!wanted.is_empty()).then_some(wanted);
        self.hold(at, taken);
        Ok(())
    }

    fn by_tags(&mut self, wanted: &[usize], values: &Table) {
        let Some(Value::Object(tags)) = values.get("tags") else { return };
        for &dependency in wanted {
            let dependency = &mut self.listed[dependency].dependency;
            let mut states = Vec::new();
            for tag in &dependency.tags {
                match tags.get(tag) {
                    Some(Value::Bool(state)) => states.push(*state),
                    Some(_) => self.warnings.push(format!(
                        "dependencies.go:94: Warning: Tag '{tag}' for chart {} returned non-bool value",
                        dependency.name
                    )),
                    None => {}
                }
            }
            dependency.enabled = states.is_empty() || states.contains(&true);
        }
    }

    fn by_conditions(&mut self, wanted: &[usize], values: &Table, path: &str) {
        for &dependency in wanted {
            let dependency = &mut self.listed[dependency].dependency;
            for condition in dependency.condition.trim().split(',').filter(|condition| !condition.is_empty()) {
                match at_path(values, &format!("{path}{condition}")) {
                    Some(Value::Bool(state)) => {
                        dependency.enabled = *state;
                        break;
                    }
                    Some(_) => self.warnings.push(format!(
                        "dependencies.go:63: Warning: Condition path '{condition}' for chart {} returned non-bool value",
                        dependency.name
                    )),
                    None => {}
                }
            }
        }
    }

    fn import_below(&mut self, at: usize) -> Result<(), String> {
        for held in self.nodes[at].held.clone() {
            self.import_below(held)?;
        }
        self.import(at)
    }

    fn import(&mut self, at: usize) -> Result<(), String> {
        let Some(wanted) = self.nodes[at].wanted.clone() else { return Ok(()) };
        let mut all = values::merge_chart(&defaults(&self.nodes, at), &Table::new(), self.warnings)
            .map_err(|error| error.to_string())?;
        let mut imported = Table::new();
        for listed in wanted {
            let Listed { dependency, imported: before } = &mut self.listed[listed];
            let imports = std::mem::take(&mut dependency.import_values);
            if std::mem::replace(before, true) {
                continue;
            }
            for import in &imports {
                let (child, parent) = match import {
                    Value::String(name) => (format!("exports.{name}"), ".".to_owned()),
                    Value::Object(map) => {
                        let text = |key| map.get(key).and_then(Value::as_str).map(str::to_owned);
                        // Helm panics here.
                        let missing =
                            || format!("import-values of {}: child and parent have to be texts", dependency.name);
                        (text("child").ok_or_else(missing)?, text("parent").ok_or_else(missing)?)
                    }
                    _ => continue,
                };
                let mut entry = Map::new();
                entry.insert("child".to_owned(), Value::from(child.as_str()));
                entry.insert("parent".to_owned(), Value::from(parent.as_str()));
                dependency.import_values.push(Value::Object(entry));
                let path = format!("{}.{child}", dependency.name);
                let Some(found) = table_at(&all, &path) else {
                    let missing = first_missing(&all, &path);
                    self.warnings.push(if import.is_string() {
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
                values::merge_tables(&mut imported, &placed, self.warnings);
            }
        }
        values::merge_tables(&mut all, &imported, self.warnings);
        self.nodes[at].values = Arc::new(all);
        Ok(())
    }

    fn built(&mut self) -> Result<Chart, String> {
        self.met = 0;
        self.chart(TOP)
    }

    /// The chart that a node has become, with all below it.
    fn chart(&mut self, at: usize) -> Result<Chart, String> {
        self.meet()?;
        let dependencies: Result<Vec<Chart>, String> =
            self.nodes[at].held.clone().into_iter().map(|held| self.chart(held)).collect();
        let Node { source, name, values, wanted, .. } = &self.nodes[at];
        let wanted =
            wanted.as_ref().map(|wanted| wanted.iter().map(|&listed| self.listed[listed].dependency.clone()).collect());
        Ok(Chart {
            metadata: Metadata { name: name.clone(), dependencies: wanted, ..source.metadata.clone() },
            values: Arc::clone(values),
            values_text: source.values_text.clone(),
            lock: source.lock.clone(),
            schema: source.schema.clone(),
            templates: source.templates.clone(),
            files: source.files.clone(),
            dependencies: dependencies?,
            location: source.location.clone(),
            warnings: source.warnings.clone(),
            full_path: self.full_path(at),
        })
    }

    fn full_path(&self, at: usize) -> String {
        let node = &self.nodes[at];
        match node.parent {
            Some(parent) => format!("{}/charts/{}", self.full_path(parent), node.name),
            None => node.name.clone(),
        }
    }
}

/// As [`Chart::defaults`].
fn defaults<'n>(nodes: &'n [Node<'_>], at: usize) -> ChartValues<'n> {
    let node = &nodes[at];
    let dependencies = node.held.iter().map(|&held| defaults(nodes, held)).collect();
    ChartValues { name: &node.name, values: &node.values, dependencies }
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
    fn names_multiply_as_far_as_a_limit() {
        let mut tree = MemoryTree::default();
        let mut folder = "c".to_owned();
        for level in 0..20 {
            let below = level + 1;
            tree.insert(
                format!("{folder}/Chart.yaml"),
                format!(
                    "apiVersion: v2\nname: c{level}\nversion: 1.0.0\ndependencies:\n\
                     - {{name: c{below}, version: 1.0.0}}\n- {{name: c{below}, version: 1.0.0, alias: x}}\n"
                )
                .as_str(),
            );
            folder.push_str(&format!("/charts/c{below}"));
        }
        tree.insert(format!("{folder}/Chart.yaml"), "apiVersion: v2\nname: c20\nversion: 1.0.0\n");
        let chart = Chart::load(&tree, "c").unwrap();
        // What a chart holds is shared by its names: below the first name, the second takes the rest as it was left.
        let mut count = 0;
        chart.with_dependencies(&Table::new()).unwrap().visit(&mut |_, _, _| count += 1);
        assert_eq!(count, 231);
        // Where every name counts, they are a million.
        assert_eq!(chart.with_all_dependencies().dependencies.len(), 1);
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
