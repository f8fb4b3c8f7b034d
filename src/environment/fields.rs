//! Reads the keys of a map by name and type, and collects every mistake instead of stopping at the first.

use std::collections::BTreeMap;
use std::time::Duration;

use super::located::{Entry, Located, Place, Shape};
use crate::diagnostic::Diagnostic;

/// A map that is being read. Unknown keys are reported when it is opened.
pub(super) struct Fields<'a> {
    at: &'a Located,
    errors: &'a mut Vec<Diagnostic>,
}

/// A text and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) place: Place,
}

impl<'a> Fields<'a> {
    /// Opens a map in which only the keys `known` may stand; `elsewhere` says where another key belongs.
    pub(super) fn open(
        at: &'a Located,
        known: &[&str],
        elsewhere: impl Fn(&str) -> Option<&'static str>,
        errors: &'a mut Vec<Diagnostic>,
    ) -> Self {
        match at.map() {
            None => errors.push(wrong_type(at, "a map")),
            Some(map) => {
                for (key, entry) in map.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
                    let error = entry.key.error(format!("unknown key `{}`", shown(key)));
                    errors.push(match elsewhere(key) {
                        Some(hint) => error.hint(hint),
                        None => error.suggest(key, known.iter().copied()),
                    });
                }
            }
        }
        Self { at, errors }
    }

    /// A nested map, when it is there.
    pub(super) fn map(&mut self, key: &str, known: &[&str]) -> Option<Fields<'_>> {
        let value = self.at.get(key)?;
        Some(Fields::open(value, known, |_| None, self.errors))
    }

    /// The entry of `key` as it is.
    pub(super) fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.at.entry(key)
    }

    /// Reports a mistake.
    pub(super) fn report(&mut self, error: Diagnostic) {
        self.errors.push(error);
    }

    /// Where the map stands.
    pub(super) fn place(&self) -> &'a Place {
        &self.at.place
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, key: &str) -> Option<Text> {
        let value = self.at.get(key)?;
        text(value, self.errors)
    }

    /// A text without which nothing goes.
    pub(super) fn needed(&mut self, key: &str) -> Option<Text> {
        if self.at.map().is_some() && self.at.get(key).is_none() {
            self.errors.push(self.at.place.error(format!("`{key}` is missing")));
        }
        self.text(key)
    }

    /// A boolean.
    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        let value = self.at.get(key)?;
        match value.shape {
            Shape::Bool(flag) => Some(flag),
            _ => {
                self.errors.push(wrong_type(value, "true or false"));
                None
            }
        }
    }

    /// One of some words.
    pub(super) fn one_of<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let value = self.at.get(key)?;
        let names = || words.iter().map(|(word, _)| *word);
        let Shape::String(word) = &value.shape else {
            let error = wrong_type(value, "a word");
            self.errors.push(error.hint(format!("expected one of: {}", names().collect::<Vec<_>>().join(", "))));
            return None;
        };
        let found = words.iter().find(|(name, _)| name == word).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let message = format!("`{}` is no value of `{key}`", shown(word));
            self.errors.push(value.place.error(message).suggest(word, names()));
        }
        found
    }

    /// A duration in humantime's words, longer than nothing.
    pub(super) fn duration(&mut self, key: &str) -> Option<Duration> {
        let value = self.at.get(key)?;
        let hint = "write a number with a unit, such as 30s, 5m or 1h 30m";
        let Shape::String(text) = &value.shape else {
            self.errors.push(wrong_type(value, "a duration").hint(hint));
            return None;
        };
        let error = match humantime::parse_duration(text) {
            Ok(duration) if duration.is_zero() => value.place.error(format!("`{key}` must be longer than nothing")),
            Ok(duration) => return Some(duration),
            Err(error) => value.place.error(format!("`{}` is no duration: {error}", shown(text))).hint(hint),
        };
        self.errors.push(error);
        None
    }

    /// A list of texts; `None` when it is not there.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<Text>> {
        let value = self.at.get(key)?;
        let Shape::List(items) = &value.shape else {
            let error = wrong_type(value, "a list");
            self.errors.push(match &value.shape {
                Shape::String(one) => error.hint(format!("write [{one}]")),
                _ => error,
            });
            return None;
        };
        Some(items.iter().filter_map(|item| text(item, self.errors)).collect())
    }

    /// A map of texts; `None` when it is not there.
    pub(super) fn text_map(&mut self, key: &str) -> Option<BTreeMap<String, String>> {
        let value = self.at.get(key)?;
        let Some(map) = value.map() else {
            self.errors.push(wrong_type(value, "a map of texts"));
            return None;
        };
        let entries =
            map.iter().filter_map(|(name, entry)| Some((name.clone(), text(&entry.value, self.errors)?.text)));
        Some(entries.collect())
    }

    /// Whether it is a map at all: otherwise that was said.
    pub(super) fn is_map(&self) -> bool {
        self.at.map().is_some()
    }

    /// A list of maps, each read by `read`; `None` when it is not there.
    pub(super) fn maps<T>(
        &mut self,
        key: &str,
        known: &[&str],
        read: impl Fn(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value = self.at.get(key)?;
        let Shape::List(items) = &value.shape else {
            self.errors.push(wrong_type(value, "a list of maps"));
            return None;
        };
        Some(items.iter().filter_map(|item| read(&mut Fields::open(item, known, |_| None, self.errors))).collect())
    }
}

fn text(value: &Located, errors: &mut Vec<Diagnostic>) -> Option<Text> {
    match &value.shape {
        Shape::String(text) if !text.is_empty() => Some(Text { text: text.clone(), place: value.place.clone() }),
        Shape::String(_) => {
            errors.push(value.place.error("expected a string, found an empty one"));
            None
        }
        Shape::Bool(_) | Shape::Int(_) | Shape::Float => {
            errors.push(wrong_type(value, "a string").hint("put it in quotes"));
            None
        }
        _ => {
            errors.push(wrong_type(value, "a string"));
            None
        }
    }
}

/// `expected …, found …`.
pub(super) fn wrong_type(value: &Located, expected: &str) -> Diagnostic {
    value.place.error(format!("expected {expected}, found {}", value.kind()))
}

/// A name from a file as it may stand in a message: cut where it is long.
pub(super) fn shown(name: &str) -> String {
    if name.chars().count() <= 80 {
        name.to_owned()
    } else {
        format!("{}…", name.chars().take(80).collect::<String>())
    }
}
