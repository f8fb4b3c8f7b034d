//! Sets of fields and their algebra.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use super::{FieldPath, MapType, PathElement, Schema, TypeId};

/// A set of fields. A field may be a member without its children and the other way round: a manager can own
/// `.metadata.labels.a` and not `.metadata.labels`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSet {
    pub(super) nodes: BTreeMap<PathElement, Node>,
}

/// One element in a [`FieldSet`]; never neither a member nor with children.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Node {
    pub(super) member: bool,
    pub(super) children: FieldSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }
}

impl FieldSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many fields are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.values().map(|node| usize::from(node.member) + node.children.len()).sum()
    }

    /// Adds a field; its parents are not added. The empty path (the whole object) is nobody's and ignored.
    pub fn insert(&mut self, path: &[PathElement]) {
        let Some((first, rest)) = path.split_first() else { return };
        // Most inserts meet their parents already there.
        if !self.nodes.contains_key(first) {
            self.nodes.insert(first.clone(), Node::default());
        }
        if let Some(node) = self.nodes.get_mut(first) {
            if rest.is_empty() {
                node.member = true;
            } else {
                node.children.insert(rest);
            }
        }
    }

    /// Whether the field itself is in the set.
    #[must_use]
    pub fn contains(&self, path: &[PathElement]) -> bool {
        match path {
            [] => false,
            [last] => self.nodes.get(last).is_some_and(|node| node.member),
            [first, rest @ ..] => self.nodes.get(first).is_some_and(|node| node.children.contains(rest)),
        }
    }

    /// Whether the field itself or anything inside it is in the set.
    #[must_use]
    pub fn touches(&self, path: &[PathElement]) -> bool {
        match path {
            [] => !self.is_empty(),
            [first, rest @ ..] => {
                self.nodes.get(first).is_some_and(|node| rest.is_empty() || node.children.touches(rest))
            }
        }
    }

    /// What is in the set below an element, with paths that start there.
    #[must_use]
    pub fn below(&self, element: &PathElement) -> Option<&Self> {
        self.nodes.get(element).map(|node| &node.children).filter(|children| !children.is_empty())
    }

    /// Whether an element of the first level is in the set.
    pub(super) fn has(&self, element: &PathElement) -> bool {
        self.nodes.get(element).is_some_and(|node| node.member)
    }

    /// Fields in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut result = self.clone();
        result.extend(other);
        result
    }

    /// Adds the fields of another set.
    pub fn extend(&mut self, other: &Self) {
        for (element, node) in &other.nodes {
            match self.nodes.entry(element.clone()) {
                Entry::Vacant(entry) => {
                    entry.insert(node.clone());
                }
                Entry::Occupied(mut entry) => {
                    entry.get_mut().member |= node.member;
                    entry.get_mut().children.extend(&node.children);
                }
            }
        }
    }

    /// Fields in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.zip(other, |mine, theirs| {
            let theirs = theirs?;
            Some(Node { member: mine.member && theirs.member, children: mine.children.intersection(&theirs.children) })
        })
    }

    /// Fields of this set that are not in the other. A field's children stay when the field goes.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.zip(other, |mine, theirs| {
            Some(theirs.map_or_else(
                || mine.clone(),
                |theirs| Node {
                    member: mine.member && !theirs.member,
                    children: mine.children.difference(&theirs.children),
                },
            ))
        })
    }

    /// Fields of this set that are neither in the other nor inside a field of the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.zip(other, |mine, theirs| match theirs {
            Some(theirs) if theirs.member => None,
            Some(theirs) => Some(Node { member: mine.member, children: mine.children.without(&theirs.children) }),
            None => Some(mine.clone()),
        })
    }

    fn zip(&self, other: &Self, make: impl Fn(&Node, Option<&Node>) -> Option<Node>) -> Self {
        let nodes = self.nodes.iter().filter_map(|(element, mine)| {
            let node = make(mine, other.nodes.get(element))?;
            (!node.is_empty()).then(|| (element.clone(), node))
        });
        Self { nodes: nodes.collect() }
    }

    /// Fields of this set that have no field of it inside them.
    #[must_use]
    pub fn leaves(&self) -> Self {
        let nodes = self.nodes.iter().map(|(element, node)| {
            let children = node.children.leaves();
            (element.clone(), Node { member: node.member && children.is_empty(), children })
        });
        Self { nodes: nodes.collect() }
    }

    /// The set with every parent that a schema names as a field added: of `.spec.replicas` also `.spec`, of
    /// `.metadata.labels.a` also `.metadata` and `.metadata.labels`; items of lists are not fields.
    #[must_use]
    pub fn with_named_parents(&self, schema: &Schema, ty: TypeId) -> Self {
        let atom = schema.atom(ty);
        let nodes = self.nodes.iter().map(|(element, node)| {
            let (named, below) = match element {
                PathElement::Field(name) => match &atom.map {
                    Some(map) => (map.fields.contains_key(name.as_str()), field_type(schema, map, name)),
                    None => (false, schema.nothing()),
                },
                PathElement::Key(_) => {
                    (false, atom.list.as_ref().map_or_else(|| schema.nothing(), |list| list.element))
                }
                _ => (false, schema.nothing()),
            };
            let children = node.children.with_named_parents(schema, below);
            let parent = named && !node.children.is_empty();
            (element.clone(), Node { member: node.member || parent, children })
        });
        Self { nodes: nodes.collect() }
    }

    /// Every field, those of a level before those inside them, as the API server lists conflicts.
    #[must_use]
    pub fn paths(&self) -> Vec<FieldPath> {
        let mut found = Vec::new();
        self.collect(&mut FieldPath::default(), &mut found);
        found
    }

    fn collect(&self, at: &mut FieldPath, found: &mut Vec<FieldPath>) {
        for (element, _) in self.nodes.iter().filter(|(_, node)| node.member) {
            found.push(at.join(element.clone()));
        }
        for (element, node) in self.nodes.iter().filter(|(_, node)| !node.children.is_empty()) {
            at.0.push(element.clone());
            node.children.collect(at, found);
            at.0.pop();
        }
    }

    /// Drops elements that hold nothing.
    pub(super) fn prune(&mut self) {
        self.nodes.retain(|_, node| !node.is_empty());
    }
}

fn field_type(schema: &Schema, map: &MapType, name: &str) -> TypeId {
    map.fields.get(name).map_or_else(|| map.element.unwrap_or_else(|| schema.nothing()), |field| field.ty)
}

impl<'a> FromIterator<&'a FieldPath> for FieldSet {
    fn from_iter<I: IntoIterator<Item = &'a FieldPath>>(paths: I) -> Self {
        let mut set = Self::new();
        paths.into_iter().for_each(|path| set.insert(&path.0));
        set
    }
}

impl fmt::Display for FieldSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.paths().iter().try_for_each(|path| writeln!(f, "{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(paths: &[&str]) -> FieldSet {
        let paths: Vec<FieldPath> = paths.iter().map(|p| FieldPath::of(&p.split('.').collect::<Vec<_>>())).collect();
        paths.iter().collect()
    }

    #[test]
    fn algebra() {
        let a = set(&["a", "a.b", "a.c", "d"]);
        let b = set(&["a.b", "d.e"]);
        assert_eq!(a.len(), 4);
        assert_eq!(a.union(&b), set(&["a", "a.b", "a.c", "d", "d.e"]));
        assert_eq!(a.intersection(&b), set(&["a.b"]));
        assert_eq!(a.difference(&b), set(&["a", "a.c", "d"]));
        assert_eq!(a.difference(&set(&["a"])), set(&["a.b", "a.c", "d"]));
        assert_eq!(a.without(&set(&["a"])), set(&["d"]));
        assert_eq!(a.leaves(), set(&["a.b", "a.c", "d"]));
        assert!(a.difference(&a).is_empty());
        assert!(a.contains(&FieldPath::of(&["a", "b"]).0));
        assert!(!b.contains(&FieldPath::of(&["d"]).0));
        assert!(b.touches(&FieldPath::of(&["d"]).0));
    }

    #[test]
    fn a_level_before_what_is_inside() {
        let shown: Vec<String> = set(&["a.x", "b"]).paths().iter().map(ToString::to_string).collect();
        assert_eq!(shown, [".b", ".a.x"]);
    }
}
