//! The content of `environment.yaml` and `release.yaml` with the place of everything, so that layers can be merged and a
//! mistake is still shown where somebody wrote it.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::diagnostic::{Diagnostic, Position};
use crate::yaml::{self, Node, NodeValue};

/// A file that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// From the tree's root.
    pub(super) path: String,
    pub(super) text: String,
}

/// A stretch of a file.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) source: Arc<Source>,
    pub(super) start: Position,
    pub(super) end: Position,
}

impl Place {
    /// An error here.
    pub(super) fn error(&self, message: impl Into<String>) -> Diagnostic {
        let width =
            if self.start.line == self.end.line { self.end.column.saturating_sub(self.start.column) } else { 1 };
        Diagnostic::new(&*self.source.path, message).at(&self.source.text, self.start, width as usize)
    }

    /// An error at the first `part` that stands here, or here when the text writes it otherwise.
    pub(super) fn error_at_part(&self, part: &str, message: impl Into<String>) -> Diagnostic {
        let lines = self.source.text.lines().enumerate().skip(self.start.line.saturating_sub(1) as usize);
        for (index, line) in lines.take_while(|(index, _)| *index < self.end.line as usize) {
            let skipped =
                if index + 1 == self.start.line as usize { self.start.column.saturating_sub(1) as usize } else { 0 };
            let from = line.char_indices().nth(skipped).map_or(line.len(), |(byte, _)| byte);
            if let Some(found) = line[from..].find(part) {
                let column = line[..from + found].chars().count() + 1;
                let start = Position::new(number(index + 1), number(column));
                let end = Position::new(start.line, number(column + part.chars().count()));
                return Self { start, end, ..self.clone() }.error(message);
            }
        }
        self.error(message)
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Located {
    pub(super) place: Place,
    pub(super) shape: Shape,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Null,
    Bool(bool),
    Int(i64),
    Float,
    String(String),
    List(Vec<Located>),
    Map(IndexMap<String, Entry>),
}

/// A value of a map with the place of its key.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Place,
    pub(super) value: Located,
}

impl Located {
    /// Reads the one document of a file; it has to be a map.
    pub(super) fn read(path: &str, text: String) -> Result<Self, Diagnostic> {
        let source = Arc::new(Source { path: path.to_owned(), text });
        let failed = |error: &yaml::Error| error.diagnostic(path, &source.text);
        let documents = yaml::parse_all(&source.text).map_err(|error| failed(&error))?;
        if let Some(second) = documents.get(1) {
            return Err(Diagnostic::new(path, "a second document; only one belongs into this file").at(
                &source.text,
                second.start,
                1,
            ));
        }
        let top = Position::new(1, 1);
        let Some(node) = yaml::parse(&source.text).map_err(|error| failed(&error))? else {
            let place = Place { source, start: top, end: top };
            return Ok(Self { place, shape: Shape::Map(IndexMap::new()) });
        };
        match node.value {
            NodeValue::Map(_) => Ok(Self::of(&node, &source)),
            NodeValue::Null => {
                let place = Place { source: Arc::clone(&source), start: top, end: top };
                Ok(Self { place, shape: Shape::Map(IndexMap::new()) })
            }
            _ => {
                Err(Self::of(&node, &source).place.error(format!("expected a map of settings, found {}", node.kind())))
            }
        }
    }

    fn of(node: &Node, source: &Arc<Source>) -> Self {
        let shape = match &node.value {
            NodeValue::Null => Shape::Null,
            NodeValue::Bool(b) => Shape::Bool(*b),
            NodeValue::Int(n) => Shape::Int(*n),
            NodeValue::UInt(_) | NodeValue::Float(_) => Shape::Float,
            NodeValue::String(text) => Shape::String(text.clone()),
            NodeValue::Seq(items) => Shape::List(items.iter().map(|item| Self::of(item, source)).collect()),
            NodeValue::Map(pairs) => Shape::Map(
                pairs
                    .iter()
                    .map(|(key, value)| {
                        let entry = Entry { key: place(key, source), value: Self::of(value, source) };
                        // A null key has no text; it is unknown under any name.
                        (key.key_text().unwrap_or_else(|| "null".to_owned()), entry)
                    })
                    .collect(),
            ),
        };
        Self { place: place(node, source), shape }
    }

    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self.shape {
            Shape::Null => "null",
            Shape::Bool(_) => "a boolean",
            Shape::Int(_) | Shape::Float => "a number",
            Shape::String(_) => "a string",
            Shape::List(_) => "a list",
            Shape::Map(_) => "a map",
        }
    }

    /// The entries of a map.
    pub(super) fn map(&self) -> Option<&IndexMap<String, Entry>> {
        match &self.shape {
            Shape::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The value of `key`; null is none.
    pub(super) fn get(&self, key: &str) -> Option<&Located> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`; one that is null is none.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.map()?.get(key).filter(|entry| !matches!(entry.value.shape, Shape::Null))
    }

    /// Takes a key out.
    pub(super) fn remove(&mut self, key: &str) {
        if let Shape::Map(map) = &mut self.shape {
            map.shift_remove(key);
        }
    }

    /// Puts `upper` over this, as values merge: maps deeply, everything else replaces, and a null deletes.
    pub(super) fn merge(&mut self, upper: &Located) {
        match (&mut self.shape, &upper.shape) {
            (Shape::Map(below), Shape::Map(above)) => {
                for (key, entry) in above {
                    match below.get_mut(key) {
                        Some(lower) => {
                            lower.value.merge(&entry.value);
                            lower.key = entry.key.clone();
                        }
                        None => {
                            below.insert(key.clone(), entry.clone());
                        }
                    }
                }
                self.place = upper.place.clone();
            }
            _ => *self = upper.clone(),
        }
    }
}

fn place(node: &Node, source: &Arc<Source>) -> Place {
    Place { source: Arc::clone(source), start: node.start, end: node.end }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Located {
        Located::read("a.yaml", text.to_owned()).unwrap()
    }

    #[test]
    fn maps_merge_lists_replace_and_nulls_delete() {
        let mut lower = read("a: {x: 1, z: 2}\nb: [1, 2]\nc: text\n");
        lower.merge(&read("a: {z: null, w: 3}\nb: [3]\nc: null\n"));
        let a = lower.get("a").unwrap();
        assert!(a.get("x").is_some() && a.get("z").is_none() && a.get("w").is_some());
        assert!(matches!(&lower.get("b").unwrap().shape, Shape::List(items) if items.len() == 1));
        assert!(lower.get("c").is_none());
    }

    #[test]
    fn a_merged_value_keeps_its_own_place() {
        let mut lower = read("a: {x: 1}\n");
        lower.merge(&Located::read("b.yaml", "\na: {w: 2}\n".to_owned()).unwrap());
        let a = lower.get("a").unwrap();
        assert_eq!(a.get("x").unwrap().place.error("!").headline(), "a.yaml:1:8: !");
        assert_eq!(a.get("w").unwrap().place.error("!").headline(), "b.yaml:2:8: !");
    }

    #[test]
    fn refuses_what_is_no_single_map() {
        for (text, expected) in [
            ("- a\n", "a.yaml:1:1: expected a map of settings, found a list"),
            ("a: 1\n---\nb: 2\n", "a.yaml:3:1: a second document; only one belongs into this file"),
        ] {
            assert_eq!(Located::read("a.yaml", text.to_owned()).unwrap_err().headline(), expected);
        }
        assert!(Located::read("a.yaml", "a: 1\na: 2\n".to_owned()).is_err());
        assert!(Located::read("a.yaml", "a: [\n".to_owned()).is_err());
    }
}
