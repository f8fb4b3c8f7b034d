//! Behind an error of a template: which key of the values was not there, what is near it, and which layers were asked.

use serde_json::Value as Json;

use crate::chart::{Chart, Table, TemplatePath};
use crate::diagnostic::nearest;
use crate::functions::{self, touch};
use crate::template::{self, Analysis, DataPath, EVERY, FunctionTable, Set};

use super::error::{chart_note, frames};

/// What a render ran on, for its errors.
pub(super) struct Ground<'r> {
    pub(super) chart: &'r Chart,
    /// What the templates saw.
    pub(super) values: &'r Table,
    /// What was given over the chart's own.
    pub(super) user: &'r Table,
    /// Where that was given, lowest first.
    pub(super) layers: &'r [String],
}

/// Keys that are listed when none is near.
const LISTED: usize = 12;

impl Ground<'_> {
    /// What can be said of an error besides its place.
    pub(super) fn notes(&self, error: &template::Error, file: &TemplatePath, set: &Set) -> Vec<String> {
        let names = self.names(&file.chart);
        let version = self.held(&file.chart).map_or("", |chart| &chart.metadata.version);
        let mut notes = vec![chart_note(&names, version)];
        notes.extend(self.near(error, set));
        if error.kind == template::ErrorKind::Execute {
            notes.extend(self.missing(error, file, set));
        }
        notes
    }

    /// The nearest name, where a function or template does not exist.
    fn near(&self, error: &template::Error, set: &Set) -> Option<String> {
        let quoted = |text: &str| Some(text.split('"').nth(1)?.to_owned());
        let mut innermost = error;
        while let Some(cause) = innermost.cause.as_deref() {
            innermost = cause;
        }
        let message = &innermost.message;
        if message.starts_with("function ") && message.ends_with(" not defined") {
            let mut table = FunctionTable::new();
            functions::register(&mut table, &functions::Surroundings::default());
            let name = quoted(message)?;
            let near = nearest(&name, table.names())?;
            return Some(format!("nearest function: `{near}`"));
        }
        if message.contains("no template ") || message.starts_with("template ") && message.ends_with(" not defined") {
            let name = quoted(message.rsplit_once("template: ").map_or(message, |(_, message)| message))?;
            let near = nearest(&name, set.names())?;
            return Some(format!("nearest template: {near:?}"));
        }
        None
    }

    fn missing(&self, error: &template::Error, file: &TemplatePath, set: &Set) -> Vec<String> {
        let frames = frames(error);
        let mut analysis = Analysis::new(set, touch);
        link_charts(&mut analysis, self.chart, &mut Vec::new());
        let found = analysis.explain(&file.path, &root_of(&self.keys(&file.chart)), frames);
        let mut notes = Vec::new();
        for path in found {
            let told = self.told(&path);
            if !told.is_empty() && !notes.contains(&told) {
                notes.push(told);
            }
        }
        // One expression may stand for many values; the first are enough to act on.
        notes.truncate(2);
        notes.into_iter().flatten().collect()
    }

    /// What is wrong with the value at a path; nothing if it is there.
    fn told(&self, path: &DataPath) -> Vec<String> {
        let Some(("Values", keys)) = path.keys.split_first().map(|(first, rest)| (&**first, rest)) else {
            return Vec::new();
        };
        if keys.is_empty() || keys.iter().any(|key| **key == *EVERY) {
            return Vec::new();
        }
        let prefix: Vec<&str> = path.root.split('/').filter(|name| !name.is_empty()).collect();
        let root = Json::Object(self.values.clone());
        let Some(mut at) = prefix.iter().try_fold(&root, |at, key| at.get(key)) else { return Vec::new() };
        let shown =
            |count: usize| keys.iter().take(count).fold(".Values".to_owned(), |text, key| format!("{text}.{key}"));
        for (index, key) in keys.iter().enumerate() {
            let Json::Object(map) = at else {
                let kind = match at {
                    Json::Null => return Vec::new(),
                    Json::Bool(_) => "a boolean",
                    Json::Number(_) => "a number",
                    Json::String(_) => "a string",
                    Json::Array(_) => "a list",
                    Json::Object(_) => "a map",
                };
                return vec![format!("`{}` is {kind}, so there is no `{}`", shown(index), shown(keys.len()))];
            };
            if let Some(next) = map.get(&**key).filter(|next| !next.is_null()) {
                at = next;
                continue;
            }
            let what = if map.contains_key(&**key) { "null" } else { "not set" };
            let wanted =
                if index + 1 < keys.len() { format!(" (wanted: `{}`)", shown(keys.len())) } else { String::new() };
            let mut notes = vec![format!("`{}` is {what}{wanted}", shown(index + 1))];
            if !prefix.is_empty() {
                let full: Vec<&str> =
                    prefix.iter().copied().chain(keys.iter().take(index + 1).map(|key| &**key)).collect();
                notes.push(format!("from the top chart it is set as `{}`", full.join(".")));
            }
            let full = prefix.iter().copied().chain(keys.iter().take(index + 1).map(|key| &**key));
            if null_at(self.user, full) {
                notes.push("a null among the values that were given takes it away".to_owned());
            }
            let set: Vec<&str> = map.iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| &**key).collect();
            if let Some(near) = nearest(key, set.iter().copied()) {
                notes.push(format!("nearest key that is set: `{}.{near}`", shown(index)));
            } else if set.is_empty() {
                notes.push(format!("`{}` is empty", shown(index)));
            } else if set.len() <= LISTED {
                notes.push(format!("`{}` has: {}", shown(index), set.join(", ")));
            } else {
                notes.push(format!("nearest key that is set: `{}`", shown(index)));
            }
            notes.push(format!("looked in: {}", self.consulted(&prefix).join(", ")));
            return notes;
        }
        Vec::new()
    }

    /// The files and flags that have a say in the values of a chart, the strongest last.
    fn consulted(&self, prefix: &[&str]) -> Vec<String> {
        let mut chart = self.chart;
        let mut files = vec![chart.path_of("values.yaml")];
        for name in prefix {
            let Some(held) = chart.dependencies.iter().find(|held| held.metadata.name == *name) else { break };
            chart = held;
            files.push(chart.path_of("values.yaml"));
        }
        files.reverse();
        files.extend(self.layers.iter().cloned());
        files
    }

    fn held(&self, at: &[usize]) -> Option<&Chart> {
        at.iter().try_fold(self.chart, |chart, index| chart.dependencies.get(*index))
    }

    /// The names of the charts from the top to one.
    fn names(&self, at: &[usize]) -> Vec<String> {
        (0..=at.len())
            .filter_map(|count| self.held(at.get(..count)?))
            .map(|chart| chart.metadata.name.clone())
            .collect()
    }

    /// The keys of a chart's values in those of the top.
    fn keys(&self, at: &[usize]) -> Vec<String> {
        self.names(at).into_iter().skip(1).collect()
    }
}

/// The root of a chart's data in an analysis: the keys of its values, joined.
pub(super) fn root_of(keys: &[String]) -> String {
    keys.join("/")
}

/// Lets `.Subcharts.x` lead to the data of that chart.
pub(super) fn link_charts(analysis: &mut Analysis<'_>, chart: &Chart, above: &mut Vec<String>) {
    let root = root_of(above);
    for held in &chart.dependencies {
        let name = held.metadata.name.clone();
        let keys = vec!["Subcharts".into(), name.as_str().into()];
        above.push(name);
        analysis.link(DataPath { root: root.as_str().into(), keys }, &root_of(above));
        link_charts(analysis, held, above);
        above.pop();
    }
}

fn null_at<'k>(table: &Table, mut keys: impl Iterator<Item = &'k str>) -> bool {
    let Some(first) = keys.next() else { return false };
    let found = keys.try_fold(table.get(first), |at, key| match at {
        Some(Json::Object(map)) => Some(map.get(key)),
        other => (other == Some(&Json::Null)).then_some(other),
    });
    found.flatten() == Some(&Json::Null)
}
