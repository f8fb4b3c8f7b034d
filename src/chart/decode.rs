//! Reads YAML into typed fields as Go does (sigs.k8s.io/yaml over encoding/json): names match in any case, scalars become text where
//! text is wanted, and the first mismatch is reported in Go's words with its place.

use crate::diagnostic::Position;
use crate::yaml::{Node, NodeValue, go_float};

/// Collects the first mismatch while fields are read.
pub(crate) struct Decoder {
    /// The name of the Go struct whose fields are read: empty for one without a name.
    structure: &'static str,
    first: Option<(String, Position)>,
}

impl Decoder {
    /// A decoder of the Go struct with this name.
    pub(crate) fn new(structure: &'static str) -> Self {
        Self { structure, first: None }
    }

    /// Reads the fields of a struct within: Go's messages name the innermost one.
    pub(crate) fn within<T>(&mut self, structure: &'static str, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.structure, structure);
        let read = read(self);
        self.structure = outer;
        read
    }

    /// The first mismatch: Go's whole text and the place.
    pub(crate) fn error(self) -> Option<(String, Position)> {
        self.first.map(|(text, position)| {
            (format!("error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {text}"), position)
        })
    }

    fn mismatch(&mut self, node: &Node, path: &str, wanted: &str) {
        if self.first.is_none() {
            let found = match &node.value {
                NodeValue::Null => "null",
                NodeValue::Bool(_) => "bool",
                NodeValue::Int(_) | NodeValue::UInt(_) | NodeValue::Float(_) => "number",
                NodeValue::String(_) => "string",
                NodeValue::Seq(_) => "array",
                NodeValue::Map(_) => "object",
            };
            let text = if path.is_empty() {
                format!("{found} into Go value of type {wanted}")
            } else {
                format!("{found} into Go struct field {}.{path} of type {wanted}", self.structure)
            };
            self.first = Some((text, node.start));
        }
    }

    /// The fields of a map; nothing for null, a mismatch for anything else.
    pub(crate) fn map<'n>(&mut self, node: &'n Node, path: &str, wanted: &str) -> Option<&'n [(Node, Node)]> {
        match &node.value {
            NodeValue::Map(pairs) => Some(pairs),
            NodeValue::Null => None,
            _ => {
                self.mismatch(node, path, wanted);
                None
            }
        }
    }

    /// The items of a list; nothing for null, a mismatch for anything else.
    pub(crate) fn list<'n>(&mut self, node: &'n Node, path: &str, wanted: &str) -> &'n [Node] {
        match &node.value {
            NodeValue::Seq(items) => items,
            NodeValue::Null => &[],
            _ => {
                self.mismatch(node, path, wanted);
                &[]
            }
        }
    }

    /// A text; numbers and booleans become one.
    pub(crate) fn string(&mut self, node: Option<&Node>, path: &str) -> String {
        let Some(node) = node else { return String::new() };
        match &node.value {
            NodeValue::Null => String::new(),
            NodeValue::Bool(b) => b.to_string(),
            NodeValue::Int(n) => n.to_string(),
            NodeValue::UInt(n) => n.to_string(),
            NodeValue::Float(f) => go_float(*f),
            NodeValue::String(s) => s.clone(),
            NodeValue::Seq(_) | NodeValue::Map(_) => {
                self.mismatch(node, path, "string");
                String::new()
            }
        }
    }

    /// A boolean.
    pub(crate) fn bool(&mut self, node: Option<&Node>, path: &str) -> bool {
        let Some(node) = node else { return false };
        match &node.value {
            NodeValue::Bool(b) => *b,
            NodeValue::Null => false,
            _ => {
                self.mismatch(node, path, "bool");
                false
            }
        }
    }

    /// A list of texts.
    pub(crate) fn strings(&mut self, node: Option<&Node>, path: &str) -> Vec<String> {
        let Some(node) = node else { return Vec::new() };
        self.list(node, path, "[]string").iter().map(|item| self.string(Some(item), path)).collect()
    }

    /// A map of texts, in the order of the keys.
    pub(crate) fn string_map(&mut self, node: Option<&Node>, path: &str) -> Vec<(String, String)> {
        let Some(node) = node else { return Vec::new() };
        let mut found = std::collections::BTreeMap::new();
        for (key, value) in self.map(node, path, "map[string]string").unwrap_or_default() {
            if let Some(key) = key.key_text() {
                found.insert(key, self.string(Some(value), path));
            }
        }
        found.into_iter().collect()
    }
}

/// The value of a field: of the exact name, else of one that differs in case alone.
pub(crate) fn field<'n>(pairs: &'n [(Node, Node)], name: &str) -> Option<&'n Node> {
    let find = |same: &dyn Fn(&str) -> bool| {
        pairs.iter().rev().find(|(key, _)| key.key_text().is_some_and(|key| same(&key))).map(|(_, value)| value)
    };
    find(&|key| key == name).or_else(|| find(&|key| key.eq_ignore_ascii_case(name)))
}
