//! One layer of values: a file, with the place of every key.

use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, Position};
use crate::yaml::{self, Node, NodeValue, Numbers};

/// What a layer's nulls mean to the layers above it, and whether it may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// The chart's own `values.yaml`, below everything else: a null above deletes its key.
    ChartDefaults,
    /// Values of an environment.
    Values,
    /// Values that were encrypted: never shown.
    Secret,
}

/// A file of values, read.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The layer as the user knows it: an environment's name, or `chart clipper`.
    pub name: String,
    /// The file, from the repository's root; empty where there is none.
    pub file: String,
    /// What it is.
    pub kind: LayerKind,
    node: Option<Node>,
    value: Map<String, Value>,
}

impl Layer {
    /// Reads the YAML of a values file; an empty file is an empty map. Of equal keys the last one wins, as in Helm.
    ///
    /// # Errors
    /// When the text is no YAML, or no map. A secret's line is not shown.
    pub fn read(
        name: impl Into<String>,
        file: impl Into<String>,
        kind: LayerKind,
        text: &str,
    ) -> Result<Self, Diagnostic> {
        let (name, file) = (name.into(), file.into());
        let wrong = |message: &str, at: Position| {
            let diagnostic = Diagnostic::new(&*file, message);
            if kind == LayerKind::Secret { diagnostic.at_hidden(at) } else { diagnostic.at(text, at, 1) }
        };
        let misread = |error: yaml::Error| match kind {
            LayerKind::Secret => error.diagnostic_hidden(&file),
            _ => error.diagnostic(&file, text),
        };
        let node = yaml::parse_lenient(text).map_err(misread)?;
        let value = match &node {
            None => Map::new(),
            Some(node) => match node.to_json(Numbers::Float).map_err(misread)? {
                Value::Null => Map::new(),
                Value::Object(map) => map,
                _ => return Err(wrong(&format!("expected a map of values, found {}", node.kind()), node.start)),
            },
        };
        Ok(Self { name, file, kind, node: node.filter(|n| matches!(n.value, NodeValue::Map(_))), value })
    }

    /// Values that were decrypted, each at the place of what was encrypted: never shown.
    ///
    /// # Errors
    /// When they are no map, or hold what values cannot (infinity); their lines are not shown.
    pub fn decrypted(name: impl Into<String>, file: impl Into<String>, node: Node) -> Result<Self, Diagnostic> {
        let (name, file) = (name.into(), file.into());
        match node.to_json(Numbers::Float).map_err(|error| error.diagnostic_hidden(&file))? {
            Value::Object(value) => Ok(Self { name, file, kind: LayerKind::Secret, node: Some(node), value }),
            _ => {
                Err(Diagnostic::new(file, format!("expected a map of values, found {}", node.kind()))
                    .at_hidden(node.start))
            }
        }
    }

    /// Values without a file: from the command line, or made by evenkeel.
    #[must_use]
    pub fn from_value(name: impl Into<String>, kind: LayerKind, value: Map<String, Value>) -> Self {
        Self { name: name.into(), file: String::new(), kind, node: None, value }
    }

    /// The same layer below a key: a subchart's values as its parent sees them. Places stay those of the file.
    #[must_use]
    pub fn under(mut self, key: &str) -> Self {
        let value = std::mem::take(&mut self.value);
        self.value = Map::from_iter([(key.to_owned(), Value::Object(value))]);
        self.node = self.node.take().map(|node| {
            let (start, end) = (node.start, node.end);
            let name = Node { value: NodeValue::String(key.to_owned()), start, end: start };
            Node { value: NodeValue::Map(vec![(name, node)]), start, end }
        });
        self
    }

    /// The values as Helm reads them (every number a float64).
    #[must_use]
    pub fn value(&self) -> &Map<String, Value> {
        &self.value
    }

    /// The located values; `None` for an empty file.
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }
}
