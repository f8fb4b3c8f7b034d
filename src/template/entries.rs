//! What a map holds, in the order of its keys: Go prints and ranges over maps in that order.
//!
//! Nearly all maps of charts have a few dozen keys, are made at once and then read many times, so they are one sorted vector. One that
//! a template fills key by key to more than [`FEW`] becomes a tree, so that no order of keys costs more than the logarithm.

use super::ast::Name;
use super::value::Value;
use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Entries up to which a vector is changed in its middle.
const FEW: usize = 256;

/// Entries up to which a vector is searched one by one: few keys are of the same length, so most need not be looked at.
const SHORT: usize = 16;

type Entry = (Arc<str>, Value);

/// The entries of a map, sorted by key.
#[derive(Clone)]
pub struct Entries(Store);

#[derive(Clone)]
enum Store {
    Sorted(Vec<Entry>),
    Tree(BTreeMap<Arc<str>, Value>),
}

impl Default for Entries {
    fn default() -> Self {
        Self::new()
    }
}

impl Entries {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(Store::Sorted(Vec::new()))
    }

    /// The value of this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        match &self.0 {
            Store::Sorted(list) if list.len() <= SHORT => {
                list.iter().find(|(known, _)| **known == *key).map(|(_, value)| value)
            }
            Store::Sorted(list) => {
                let at = list.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
                list.get(at).map(|(_, value)| value)
            }
            Store::Tree(tree) => tree.get(key),
        }
    }

    /// As [`Self::get`], for a place of a template, which asks again and again: where the key stood in the map that was asked last
    /// is looked at first. Mostly it is the very same text.
    pub(super) fn get_again(&self, name: &Name) -> Option<&Value> {
        let Store::Sorted(list) = &self.0 else { return self.get(&name.text) };
        if let Some((known, value)) = list.get(name.seen.load(Ordering::Relaxed))
            && (Arc::ptr_eq(known, &name.text) || **known == *name.text)
        {
            return Some(value);
        }
        let at = list.binary_search_by(|(known, _)| (**known).cmp(&name.text)).ok()?;
        name.seen.store(at, Ordering::Relaxed);
        list.get(at).map(|(_, value)| value)
    }

    /// Whether there is such a key.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Sets the value of a key; gives what it was before.
    pub fn insert(&mut self, key: Arc<str>, value: Value) -> Option<Value> {
        let list = match &mut self.0 {
            Store::Sorted(list) => list,
            Store::Tree(tree) => return tree.insert(key, value),
        };
        if list.last().is_none_or(|(last, _)| **last < *key) {
            list.push((key, value));
            return None;
        }
        match list.binary_search_by(|(known, _)| (**known).cmp(&key)) {
            Ok(at) => list.get_mut(at).map(|(_, old)| std::mem::replace(old, value)),
            Err(at) if list.len() < FEW => {
                list.insert(at, (key, value));
                None
            }
            Err(_) => {
                let mut tree: BTreeMap<_, _> = std::mem::take(list).into_iter().collect();
                tree.insert(key, value);
                self.0 = Store::Tree(tree);
                None
            }
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let list = match &mut self.0 {
            Store::Sorted(list) => list,
            Store::Tree(tree) => return tree.remove(key),
        };
        let at = list.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        if list.len() > FEW {
            let mut tree: BTreeMap<_, _> = std::mem::take(list).into_iter().collect();
            let old = tree.remove(key);
            self.0 = Store::Tree(tree);
            return old;
        }
        Some(list.remove(at).1)
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Store::Sorted(list) => list.len(),
            Store::Tree(tree) => tree.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, by key.
    pub fn iter(&self) -> Iter<'_> {
        match &self.0 {
            Store::Sorted(list) => Iter::Sorted(list.iter()),
            Store::Tree(tree) => Iter::Tree(tree.iter()),
        }
    }

    /// The values, by key.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.iter().map(|(_, value)| value)
    }
}

/// Goes over entries by key.
pub enum Iter<'e> {
    #[doc(hidden)]
    Sorted(std::slice::Iter<'e, Entry>),
    #[doc(hidden)]
    Tree(btree_map::Iter<'e, Arc<str>, Value>),
}

impl<'e> Iterator for Iter<'e> {
    type Item = (&'e Arc<str>, &'e Value);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Sorted(list) => list.next().map(|(key, value)| (key, value)),
            Self::Tree(tree) => tree.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Sorted(list) => list.size_hint(),
            Self::Tree(tree) => tree.size_hint(),
        }
    }
}

impl<'e> IntoIterator for &'e Entries {
    type Item = (&'e Arc<str>, &'e Value);
    type IntoIter = Iter<'e>;

    fn into_iter(self) -> Iter<'e> {
        self.iter()
    }
}

impl IntoIterator for Entries {
    type Item = Entry;
    type IntoIter = std::vec::IntoIter<Entry>;

    fn into_iter(self) -> Self::IntoIter {
        match self.0 {
            Store::Sorted(list) => list.into_iter(),
            Store::Tree(tree) => tree.into_iter().collect::<Vec<_>>().into_iter(),
        }
    }
}

impl FromIterator<Entry> for Entries {
    /// Of entries written twice, the last counts.
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut list: Vec<Entry> = entries.into_iter().collect();
        if !list.is_sorted_by(|a, b| a.0 < b.0) {
            list.sort_by(|a, b| a.0.cmp(&b.0));
            list.dedup_by(|later, kept| {
                let same = later.0 == kept.0;
                if same {
                    std::mem::swap(later, kept);
                }
                same
            });
        }
        Self(Store::Sorted(list))
    }
}

impl<const N: usize> From<[Entry; N]> for Entries {
    fn from(entries: [Entry; N]) -> Self {
        entries.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(entries: impl IntoIterator<Item = (Arc<str>, Value)>) -> Vec<(String, String)> {
        entries.into_iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    proptest! {
        #[test]
        fn holds_what_a_tree_holds(
            start in prop::collection::vec((0u16..400, any::<u8>()), 0..600),
            changes in prop::collection::vec((0u16..400, prop::option::of(any::<u8>())), 0..600),
        ) {
            let key = |n: u16| Arc::<str>::from(format!("{n:x}"));
            let value = |n: u8| Value::Int(i64::from(n));
            let mut ours: Entries = start.iter().map(|(k, v)| (key(*k), value(*v))).collect();
            let mut tree: BTreeMap<Arc<str>, Value> = start.iter().map(|(k, v)| (key(*k), value(*v))).collect();
            for (k, change) in changes {
                let (a, b) = match change {
                    Some(v) => (ours.insert(key(k), value(v)), tree.insert(key(k), value(v))),
                    None => (ours.remove(&key(k)), tree.remove(&key(k))),
                };
                prop_assert_eq!(a.map(|v| v.to_string()), b.map(|v| v.to_string()));
                prop_assert_eq!(ours.get(&key(k)).map(ToString::to_string), tree.get(&key(k)).map(ToString::to_string));
                prop_assert_eq!(ours.len(), tree.len());
            }
            prop_assert_eq!(shown(ours.clone()), shown(tree.clone()));
            prop_assert_eq!(ours.iter().count(), tree.len());
            prop_assert_eq!(shown(ours), shown(tree));
        }
    }
}
