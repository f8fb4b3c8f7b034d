//! Which keys of the values a chart could ever read: its templates' texts, its dependencies' conditions, the templates in its
//! values and files, and what renders read. `lint` names the keys that nobody reads.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::chart::{Chart, Table};
use crate::diagnostic::{Diagnostic, Position, nearest};
use crate::functions::{self, touch};
use crate::template::{Analysis, Asked, FunctionTable, Reads};
use crate::values::{Layer, LayerKind};
use crate::yaml::Node;

use super::compiled::CompiledChart;
use super::error::RenderError;
use super::missing::{link_charts, root_of};
use super::{Surroundings, Trace};

/// The keys that a chart could read.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    values: Reads,
    /// Names of fields that are read of what could not be followed: a key on the way of one of these may be read.
    floating: Vec<Vec<Arc<str>>>,
    complete: bool,
}

/// Bytes of a file of a chart that is looked at for templates.
const MAX_FILE: usize = 512 << 10;

impl CompiledChart {
    /// What the chart and all its dependencies, whether they are on or not, could read of their values. `values` are looked at
    /// for texts that are templates.
    ///
    /// # Errors
    /// When a template cannot be parsed.
    pub fn usage(&self, values: &Table) -> Result<Usage, RenderError> {
        let chart = self.chart().with_all_dependencies();
        let templates = chart.templates_in_order();
        let mut table = FunctionTable::new();
        functions::register(&mut table, &Surroundings::default());
        let set = self.parsed(&chart, &templates, &table)?;
        let mut analysis = Analysis::new(&set, touch);
        link_charts(&mut analysis, &chart, &mut Vec::new());
        let mut charts: Vec<(Vec<String>, &Chart)> = Vec::new();
        below(&chart, &mut Vec::new(), &mut charts);
        let root_at = |at: &[usize]| {
            let mut held = &chart;
            let mut keys = Vec::new();
            for index in at {
                let Some(next) = held.dependencies.get(*index) else { break };
                held = next;
                keys.push(held.metadata.name.clone());
            }
            (root_of(&keys), held.is_library())
        };
        let mut files = Vec::new();
        let mut owners = Vec::new();
        for template in &templates {
            let (root, library) = root_at(&template.chart);
            if !template.path.rsplit('/').next().is_some_and(|name| name.starts_with('_')) {
                files.push((template.path.clone(), root.clone()));
            }
            if !library || template.chart.is_empty() {
                owners.push((template.path.clone(), root));
            }
        }
        analysis.run(&files);
        // What is defined and never called could still be meant for the chart's own data.
        analysis.run_uncalled(&owners);
        for (keys, held) in &charts {
            let root = root_of(keys);
            for file in held.files.iter().filter(|file| file.data.len() <= MAX_FILE) {
                let text = file.text();
                if text.contains("{{") {
                    analysis.text(&text, &root);
                }
            }
        }
        texts(&Json::Object(values.clone()), &chart, &mut Vec::new(), &mut |text, keys| {
            analysis.text(text, &root_of(keys));
        });
        let mut usage = Usage {
            values: Reads::default(),
            floating: analysis
                .floating()
                .iter()
                .filter(|path| path.first().is_some_and(|key| &**key != crate::template::EVERY))
                .cloned()
                .collect(),
            complete: analysis.complete(),
        };
        for (keys, held) in &charts {
            let reads = analysis.reads(&root_of(keys));
            let prefix = || keys.iter().map(String::as_str);
            if reads.asked.whole {
                usage.values.at(prefix()).merge(&whole());
            }
            if let Some(reads) = reads.children.get("Values") {
                usage.values.at(prefix()).merge(reads);
            }
            for dependency in held.metadata.dependencies.iter().flatten() {
                for condition in dependency.condition.trim().split(',').filter(|condition| !condition.is_empty()) {
                    usage.values.at(prefix().chain(condition.split('.'))).asked = Asked::VALUE;
                }
                for tag in &dependency.tags {
                    usage.values.at(["tags", tag]).asked = Asked::VALUE;
                }
                for import in &dependency.import_values {
                    let child = match import {
                        Json::String(name) => format!("exports.{name}"),
                        other => other.get("child").and_then(Json::as_str).unwrap_or_default().to_owned(),
                    };
                    let path = prefix().chain([dependency.name.as_str()]).chain(child.split('.'));
                    usage.values.at(path).merge(&whole());
                }
            }
        }
        usage.hand_down(&charts);
        Ok(usage)
    }
}

fn whole() -> Reads {
    Reads { asked: Asked::WHOLE, ..Reads::default() }
}

/// A chart and all below it, with the keys of their values.
fn below<'c>(chart: &'c Chart, keys: &mut Vec<String>, found: &mut Vec<(Vec<String>, &'c Chart)>) {
    found.push((keys.clone(), chart));
    for held in &chart.dependencies {
        keys.push(held.metadata.name.clone());
        below(held, keys, found);
        keys.pop();
    }
}

/// Calls `visit` for every text that may be a template, with the keys of the chart that it is a value of.
fn texts(value: &Json, chart: &Chart, keys: &mut Vec<String>, visit: &mut dyn FnMut(&str, &[String])) {
    match value {
        Json::String(text) if text.contains("{{") => visit(text, keys),
        Json::Array(items) => items.iter().for_each(|item| inner_texts(item, keys, visit)),
        Json::Object(map) => {
            for (key, value) in map {
                match chart.dependencies.iter().find(|held| held.metadata.name == *key) {
                    Some(held) => {
                        keys.push(key.clone());
                        texts(value, held, keys, visit);
                        keys.pop();
                    }
                    None => inner_texts(value, keys, visit),
                }
            }
        }
        _ => {}
    }
}

fn inner_texts(value: &Json, keys: &[String], visit: &mut dyn FnMut(&str, &[String])) {
    match value {
        Json::String(text) if text.contains("{{") => visit(text, keys),
        Json::Array(items) => items.iter().for_each(|item| inner_texts(item, keys, visit)),
        Json::Object(map) => map.values().for_each(|value| inner_texts(value, keys, visit)),
        _ => {}
    }
}

impl Usage {
    /// Adds what a render read.
    pub fn add(&mut self, trace: &Trace) {
        self.values.merge(&trace.values);
    }

    /// Adds what the same chart could read with other values.
    pub fn join(&mut self, other: &Self) {
        self.values.merge(&other.values);
        self.floating.extend(other.floating.iter().cloned());
        self.complete &= other.complete;
    }

    /// What a subchart reads of its globals is read of those of the charts above it.
    fn hand_down(&mut self, charts: &[(Vec<String>, &Chart)]) {
        let mut global = Reads::default();
        for (keys, _) in charts {
            let mut path = keys.iter().map(String::as_str).chain(["global"]);
            let found = path.try_fold(&self.values, |at, key| at.children.get(key));
            if let Some(found) = found {
                global.merge(found);
            }
        }
        if global.is_empty() {
            return;
        }
        for (keys, _) in charts {
            self.values.at(keys.iter().map(String::as_str).chain(["global"])).merge(&global);
        }
    }

    /// Whether a key could be read. A path leads from the top chart's values; of what is not known for sure, it is said that it
    /// could.
    #[must_use]
    pub fn reads(&self, path: &[&str]) -> bool {
        if !self.complete || self.values.covers(path) {
            return true;
        }
        self.floating.iter().any(|names| {
            let Some(first) = names.first() else { return false };
            path.iter().enumerate().any(|(at, key)| {
                *key == &**first
                    && path
                        .iter()
                        .skip(at)
                        .zip(names)
                        .all(|(key, name)| *key == &**name || &**name == crate::template::EVERY)
            })
        })
    }

    /// The paths of `values` that nothing reads, each as high as it goes. What is null takes something away and is no mistake;
    /// lists are looked at as a whole.
    #[must_use]
    pub fn unread(&self, values: &Table) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        for (key, value) in values {
            self.unread_below(value, &mut vec![key.clone()], &mut found);
        }
        found
    }

    fn unread_below(&self, value: &Json, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        let nothing = match value {
            Json::Null => true,
            Json::Object(map) => map.is_empty(),
            _ => false,
        };
        if !self.reads(&keys) {
            if !nothing {
                found.push(path.clone());
            }
            return;
        }
        if let Json::Object(map) = value {
            for (key, value) in map {
                path.push(key.clone());
                self.unread_below(value, path, found);
                path.pop();
            }
        }
    }

    /// Tells of a key of a layer that nothing reads, where it stands in the layer's text.
    #[must_use]
    pub fn diagnostic(&self, layer: &Layer, path: &[String], text: &str) -> Diagnostic {
        let message = format!("no template of the chart reads `{}`", path.join("."));
        let mut diagnostic = Diagnostic::new(layer.file.as_str(), message);
        if let Some((position, width)) = layer.node().and_then(|node| place(node, path)) {
            diagnostic = if layer.kind == LayerKind::Secret {
                diagnostic.at_hidden(position)
            } else {
                diagnostic.at(&shown_key(text, position), position, width)
            };
        }
        match self.nearest(path) {
            Some(near) => diagnostic.hint(format!("nearest key that is read: `{near}`")),
            None => diagnostic,
        }
    }

    /// The key that is read and nearest to one that is not: of the same map, else of the same name elsewhere.
    #[must_use]
    pub fn nearest(&self, path: &[String]) -> Option<String> {
        let (key, above) = path.split_last()?;
        let map = above.iter().try_fold(&self.values, |at, key| at.children.get(key.as_str()));
        if let Some(map) = map
            && let Some(near) = nearest(key, map.children.keys().map(|key| &**key))
        {
            return Some(above.iter().map(String::as_str).chain([near]).collect::<Vec<_>>().join("."));
        }
        let all: BTreeSet<String> = self
            .values
            .paths()
            .into_iter()
            .filter(|path| !path.iter().any(|key| **key == *crate::template::EVERY))
            .map(|path| path.join("."))
            .collect();
        let full = path.join(".");
        if let Some(near) = nearest(&full, all.iter().map(String::as_str)) {
            return Some(near.to_owned());
        }
        let mut same = all.iter().filter(|path| path.rsplit('.').next() == Some(key));
        match (same.next(), same.next()) {
            (Some(only), None) => Some(only.clone()),
            _ => None,
        }
    }
}

/// The text with nothing but the key on the line of a position: values may be secret without anybody having said so.
fn shown_key(text: &str, position: Position) -> String {
    let at = position.line.saturating_sub(1) as usize;
    let line = text.lines().nth(at).unwrap_or_default();
    let key = line.find(": ").map_or(line, |end| &line[..end + 1]);
    format!("{}{key}", "\n".repeat(at))
}

/// Where a key is written, and how wide it is.
fn place(root: &Node, path: &[String]) -> Option<(Position, usize)> {
    let mut at = root;
    let mut found = None;
    for key in path {
        let (name, value) = at.entry(key)?;
        found = Some((name.start, key.chars().count()));
        at = value;
    }
    found
}
