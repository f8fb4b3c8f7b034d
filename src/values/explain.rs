//! Where each value came from and what it overrode: the data that `evenkeel explain` prints.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

use super::layer::{Layer, LayerKind};
use super::merge::Merged;
use super::path::{KeyPath, PathError, Step};
use crate::manifest::MASK;

/// A value, or a key that is gone, and how it came to be.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The path, as [`KeyPath`] writes it.
    pub path: String,
    /// The value in force ([`MASK`] when it is secret); absent when the key is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// True when a null of a layer deleted the key, or something else stands where the map was that held it.
    pub deleted: bool,
    /// Where the value, or what deleted the key, is written.
    pub origin: Place,
    /// What it overrode, the highest layer first.
    pub overrides: Vec<Overridden>,
}

/// A value that a higher layer replaced.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overridden {
    /// The value ([`MASK`] when it is secret).
    pub value: Value,
    /// Where it is written.
    pub origin: Place,
}

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The layer's name.
    pub layer: String,
    /// The file; empty for the command line.
    pub file: String,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The key that is written there: the path itself, or one above it.
    pub path: String,
    /// True when the layer is secret.
    pub secret: bool,
}

/// Explains every value below `key` (or all of them), and every key that a null deleted, in order of path. Lists are explained
/// as a whole, unless the key leads into one. The result is empty when no layer has the key.
///
/// # Errors
/// When the key is no path.
pub fn explain(merged: &Merged, key: Option<&str>) -> Result<Vec<Explained>, PathError> {
    let prefix = KeyPath::parse(key.unwrap_or_default())?;
    let mut paths = BTreeSet::new();
    leaves(&merged.value, &prefix, &mut paths);
    for layer in merged.layers() {
        leaves(layer.value(), &prefix, &mut paths);
    }
    if !prefix.0.is_empty() {
        paths.insert(prefix.clone());
    }
    let root = Value::Object(merged.value.clone());
    Ok(paths.iter().filter_map(|path| explain_one(merged, &root, path, *path == prefix)).collect())
}

fn explain_one(merged: &Merged, root: &Value, path: &KeyPath, asked: bool) -> Option<Explained> {
    let value = path.find(root);
    if matches!(value, Some(Value::Object(map)) if !map.is_empty()) {
        return None;
    }
    let history = History::of(merged, path);
    let (deciding, overridden) = history.writes.split_last().filter(|_| history.in_force)?;
    // What is gone because a key above it went is told by that key, unless this one is asked for.
    if value.is_none() && deciding.depth < path.0.len() && !asked {
        return None;
    }
    Some(Explained {
        path: path.to_string(),
        value: value.map(|v| if deciding.layer.kind == LayerKind::Secret { Value::from(MASK) } else { v.clone() }),
        deleted: value.is_none(),
        origin: deciding.place(path),
        overrides: overridden
            .iter()
            .rev()
            .map(|write| Overridden { value: write.shown(), origin: write.place(path) })
            .collect(),
    })
}

/// What the layers wrote at a path or above it, the lowest first.
struct History<'m> {
    writes: Vec<Write<'m>>,
    /// The last write decides; false when a map of a higher layer took its place without having the key.
    in_force: bool,
}

struct Write<'m> {
    layer: &'m Layer,
    value: &'m Value,
    /// How many steps of the path lead to it.
    depth: usize,
}

impl<'m> History<'m> {
    fn of(merged: &'m Merged, path: &KeyPath) -> Self {
        let mut history = Self { writes: Vec::new(), in_force: false };
        let mut default = None;
        for layer in merged.layers() {
            match found(layer.value(), path) {
                Found::At { value, depth } if layer.kind == LayerKind::ChartDefaults => {
                    default = Some(Write { layer, value, depth });
                }
                Found::At { value, depth } => {
                    history.writes.push(Write { layer, value, depth });
                    history.in_force = true;
                }
                Found::MapsTo(depth) => {
                    let lifted = history.writes.last().is_some_and(|write| write.depth <= depth);
                    history.in_force = history.in_force && !lifted;
                }
            }
        }
        match default {
            Some(default) if !history.in_force => Self { writes: vec![default], in_force: true },
            Some(default) => {
                history.writes.insert(0, default);
                history
            }
            None => history,
        }
    }
}

impl Write<'_> {
    fn place(&self, path: &KeyPath) -> Place {
        let at = path.prefix(self.depth);
        let position = self.layer.node().and_then(|node| at.position(node));
        Place {
            layer: self.layer.name.clone(),
            file: self.layer.file.clone(),
            line: position.map(|p| p.line),
            column: position.map(|p| p.column),
            path: at.to_string(),
            secret: self.layer.kind == LayerKind::Secret,
        }
    }

    fn shown(&self) -> Value {
        if self.layer.kind == LayerKind::Secret { Value::from(MASK) } else { self.value.clone() }
    }
}

enum Found<'v> {
    /// A value at the path, or something else than a map above it.
    At { value: &'v Value, depth: usize },
    /// Maps as deep as this, and no such key in the last one.
    MapsTo(usize),
}

fn found<'v>(root: &'v Map<String, Value>, path: &KeyPath) -> Found<'v> {
    let (mut map, mut above) = (Some(root), None);
    for (depth, step) in path.0.iter().enumerate() {
        let next = match step {
            Step::Key(key) => match map {
                Some(map) => map.get(key),
                None => None,
            },
            Step::Index(index) => above.and_then(Value::as_array).and_then(|list: &Vec<Value>| list.get(*index)),
        };
        match (next, map, above) {
            (Some(next), ..) => (map, above) = (next.as_object(), Some(next)),
            (None, Some(_), _) if matches!(step, Step::Key(_)) => return Found::MapsTo(depth),
            (None, _, Some(value)) => return Found::At { value, depth },
            (None, ..) => return Found::MapsTo(depth),
        }
    }
    above.map_or(Found::MapsTo(0), |value| Found::At { value, depth: path.0.len() })
}

/// The paths of what is no map with keys, below `prefix`.
fn leaves(root: &Map<String, Value>, prefix: &KeyPath, found: &mut BTreeSet<KeyPath>) {
    let root = Value::Object(root.clone());
    if let Some(value) = prefix.find(&root) {
        leaves_below(value, prefix, found);
    }
}

fn leaves_below(value: &Value, path: &KeyPath, found: &mut BTreeSet<KeyPath>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, inner) in map {
                leaves_below(inner, &path.key(key), found);
            }
        }
        _ if path.0.is_empty() => {}
        _ => {
            found.insert(path.clone());
        }
    }
}
