//! What was read of a tree of data, by path: what a traced run gives, and what the analysis of texts gives.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

/// What was read at a path and below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// What was asked here.
    pub asked: Asked,
    /// What was read below, by key; the elements of a list by their index.
    pub children: BTreeMap<Arc<str>, Reads>,
    /// What is read below every key: the keys are not known (a `range`, an index that is computed).
    pub every: Option<Box<Reads>>,
}

/// What was asked of a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// What it is: its value if it is no container, else that it is one.
    pub value: bool,
    /// Whether it is empty.
    pub empty: bool,
    /// Which keys it has.
    pub keys: bool,
    /// All that is in it.
    pub whole: bool,
    /// All that is in it was copied to another place, where reads are not followed.
    pub copied: bool,
}

impl Asked {
    /// Nothing but its value.
    pub const VALUE: Self = Self { value: true, empty: false, keys: false, whole: false, copied: false };
    /// Whether it is empty.
    pub const EMPTY: Self = Self { value: true, empty: true, keys: false, whole: false, copied: false };
    /// Its keys.
    pub const KEYS: Self = Self { value: true, empty: true, keys: true, whole: false, copied: false };
    /// All of it.
    pub const WHOLE: Self = Self { value: true, empty: true, keys: true, whole: true, copied: false };
    /// All of it, by a copy.
    pub const COPIED: Self = Self { value: true, empty: true, keys: true, whole: false, copied: true };

    /// Whether anything was asked.
    #[must_use]
    pub fn any(self) -> bool {
        self != Self::default()
    }

    pub(super) fn add(&mut self, other: Self) {
        self.value |= other.value;
        self.empty |= other.empty;
        self.keys |= other.keys;
        self.whole |= other.whole;
        self.copied |= other.copied;
    }
}

/// The name of a step that stands for every key.
pub const EVERY: &str = "*";

impl Reads {
    /// What was read below a path, made if it is not there. The step [`EVERY`] stands for every key.
    pub fn at<'p>(&mut self, path: impl IntoIterator<Item = &'p str>) -> &mut Self {
        path.into_iter().fold(self, |at, key| match key {
            EVERY => at.every.get_or_insert_default(),
            key => at.children.entry(Arc::from(key)).or_default(),
        })
    }

    /// Adds what another tree has.
    pub fn merge(&mut self, other: &Self) {
        self.asked.add(other.asked);
        for (key, below) in &other.children {
            self.children.entry(Arc::clone(key)).or_default().merge(below);
        }
        if let Some(every) = &other.every {
            self.every.get_or_insert_default().merge(every);
        }
    }

    /// Whether nothing was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.asked.any() && self.children.is_empty() && self.every.is_none()
    }

    /// Whether a key at this path has a say in anything that was read: it was read, or something above it as a whole, or
    /// something in it. A value whose emptiness alone was asked, and nothing of what is in it, counts with all that is in it.
    #[must_use]
    pub fn covers(&self, path: &[&str]) -> bool {
        if self.asked.whole {
            return true;
        }
        let Some((key, rest)) = path.split_first() else { return !self.is_empty() };
        let below = [self.children.get(*key), self.every.as_deref()];
        if below.into_iter().flatten().any(|below| below.covers(rest)) {
            return true;
        }
        self.asked.empty && self.children.is_empty() && self.every.is_none()
    }

    /// The paths that were read, without what lies above others.
    #[must_use]
    pub fn paths(&self) -> Vec<Vec<Arc<str>>> {
        let mut found = Vec::new();
        self.collect(&mut Vec::new(), &mut found);
        found
    }

    fn collect(&self, at: &mut Vec<Arc<str>>, found: &mut Vec<Vec<Arc<str>>>) {
        if self.children.is_empty() && self.every.is_none() {
            if self.asked.any() && !at.is_empty() {
                found.push(at.clone());
            }
            return;
        }
        let every = self.every.as_deref().map(|every| (Arc::from(EVERY), every));
        for (key, below) in self.children.iter().map(|(key, below)| (Arc::clone(key), below)).chain(every) {
            at.push(key);
            below.collect(at, found);
            at.pop();
        }
    }

    /// What the reads would find in `data`, in a form that is equal for two trees of data exactly if every read finds the same.
    #[must_use]
    pub fn observe(&self, data: &Json) -> String {
        let mut out = String::new();
        self.observe_into(Some(data), &mut out);
        out
    }

    fn observe_into(&self, data: Option<&Json>, out: &mut String) {
        use std::fmt::Write as _;
        if self.asked.whole || self.asked.copied {
            // serde_json's maps are sorted or keep their order; the same data in another order is the same to a template.
            let _ = match data {
                Some(data) => write!(out, "={}", sorted(data)),
                None => write!(out, "-"),
            };
            return;
        }
        let _ = match data {
            None => write!(out, "-"),
            Some(Json::Object(map)) if self.asked.keys => {
                let mut keys: Vec<&String> = map.keys().collect();
                keys.sort();
                write!(out, "{{{keys:?}")
            }
            Some(Json::Object(map)) => write!(out, "{{{}", u8::from(map.is_empty() && self.asked.empty)),
            Some(Json::Array(items)) if self.asked.keys => write!(out, "[{}", items.len()),
            Some(Json::Array(items)) => write!(out, "[{}", u8::from(items.is_empty() && self.asked.empty)),
            Some(other) => write!(out, "={other}"),
        };
        let inner = |key: &str| match data? {
            Json::Object(map) => map.get(key),
            Json::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        };
        for (key, below) in &self.children {
            let _ = write!(out, ",{key:?}:");
            below.observe_into(inner(key), out);
        }
        out.push(';');
    }
}

/// JSON with its keys sorted.
fn sorted(data: &Json) -> String {
    fn normal(data: &Json) -> Json {
        match data {
            Json::Object(map) => {
                let ordered: BTreeMap<&String, Json> = map.iter().map(|(key, value)| (key, normal(value))).collect();
                Json::Object(ordered.into_iter().map(|(key, value)| (key.clone(), value)).collect())
            }
            Json::Array(items) => Json::Array(items.iter().map(normal).collect()),
            other => other.clone(),
        }
    }
    normal(data).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_read_covers_itself_and_what_is_above_it() {
        let mut reads = Reads::default();
        reads.at(["image", "tag"]).asked.add(Asked::VALUE);
        reads.at(["env"]).asked.add(Asked::WHOLE);
        reads.at(["ports", EVERY, "name"]).asked.add(Asked::VALUE);
        reads.at(["tls"]).asked.add(Asked::EMPTY);
        for (path, covered) in [
            (&["image"][..], true),
            (&["image", "tag"], true),
            (&["image", "tga"], false),
            (&["env", "a", "b"], true),
            (&["ports", "0", "name"], true),
            (&["ports", "0", "nmae"], false),
            (&["tls", "x"], true),
            (&["nothing"], false),
        ] {
            assert_eq!(reads.covers(path), covered, "{path:?}");
        }
    }

    #[test]
    fn what_is_not_read_is_not_observed() {
        let mut reads = Reads::default();
        reads.at(["a", "b"]).asked.add(Asked::VALUE);
        reads.at(["c"]).asked.add(Asked::KEYS);
        let base = reads.observe(&json!({"a": {"b": 1, "x": 1}, "c": {"k": 1}}));
        assert_eq!(reads.observe(&json!({"a": {"x": 2, "b": 1}, "c": {"k": 2}, "d": 1})), base);
        for other in [
            json!({"a": {"b": 2}, "c": {"k": 1}}),
            json!({"a": {"b": 1}, "c": {"k": 1, "l": 1}}),
            json!({"a": {}, "c": {"k": 1}}),
            json!({"a": {"b": {}}, "c": {"k": 1}}),
        ] {
            assert_ne!(reads.observe(&other), base, "{other}");
        }
    }
}
