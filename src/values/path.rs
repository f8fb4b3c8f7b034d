//! Paths to values as people write them: `image.tag`, `ports[0].name`, `annotations.example\.com/team`.

use std::fmt;

use serde_json::Value;

use crate::diagnostic::Position;
use crate::yaml::Node;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into a map.
    Key(String),
    /// Into a list, from 0.
    Index(usize),
}

/// A path from the root of the values. In its text, steps are separated by dots and an index stands in brackets; in a key, a
/// dot, a bracket and a backslash are written with a backslash before them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct KeyPath(pub Vec<Step>);

/// A text that is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid key path `{text}`: {message}")]
pub struct PathError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub message: &'static str,
}

impl KeyPath {
    /// Reads a path; the empty text is the root.
    ///
    /// # Errors
    /// When a key is empty, an index is no number, or a bracket or an escape is not closed.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let wrong = |message| PathError { text: text.to_owned(), message };
        let mut steps = Vec::new();
        let mut chars = text.chars().peekable();
        while chars.peek().is_some() {
            let mut key = String::new();
            let mut found = false;
            while let Some(c) = chars.next_if(|c| !matches!(c, '.' | '[')) {
                found = true;
                key.push(if c == '\\' { chars.next().ok_or_else(|| wrong("a backslash ends it"))? } else { c });
            }
            match (found, chars.peek()) {
                (true, _) => steps.push(Step::Key(key)),
                (false, Some('[')) => {}
                (false, _) => return Err(wrong("a key is empty")),
            }
            while chars.next_if_eq(&'[').is_some() {
                let digits: String = std::iter::from_fn(|| chars.next_if(char::is_ascii_digit)).collect();
                let index = digits.parse().map_err(|_| wrong("an index is no number"))?;
                chars.next_if_eq(&']').ok_or_else(|| wrong("a bracket is not closed"))?;
                steps.push(Step::Index(index));
            }
            match chars.next() {
                None => {}
                Some('.') if chars.peek().is_some() => {}
                Some('.') => return Err(wrong("a dot ends it")),
                Some(_) => return Err(wrong("expected a dot after a bracket")),
            }
        }
        Ok(Self(steps))
    }

    /// The path one key further.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_owned()));
        Self(steps)
    }

    /// What stands there in a value.
    #[must_use]
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            Step::Key(key) => value.as_object()?.get(key),
            Step::Index(index) => value.as_array()?.get(*index),
        })
    }

    /// The first `count` steps.
    #[must_use]
    pub fn prefix(&self, count: usize) -> Self {
        Self(self.0[..count.min(self.0.len())].to_vec())
    }

    /// True when `other` is this path or leads to it.
    #[must_use]
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Where the last key (or item) of the path is written.
    pub(super) fn position(&self, root: &Node) -> Option<Position> {
        let (mut node, mut at) = (root, root.start);
        for step in &self.0 {
            (node, at) = match step {
                Step::Key(key) => node.entry(key).map(|(k, v)| (v, k.start))?,
                Step::Index(index) => node.items().get(*index).map(|item| (item, item.start))?,
            };
        }
        Some(at)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    if at > 0 {
                        f.write_str(".")?;
                    }
                    for c in key.chars() {
                        if matches!(c, '.' | '[' | '\\') {
                            f.write_str("\\")?;
                        }
                        write!(f, "{c}")?;
                    }
                }
            }
        }
        Ok(())
    }
}
