//! Builds located nodes from events: resolves scalars, expands aliases, applies merges.

use std::collections::HashMap;

use super::events::{EventData, Events};
use super::key::{self, Identity};
use super::node::position;
use super::resolve;
use super::{Error, Node, NodeValue};
use crate::diagnostic::Position;

/// How deep lists and maps may nest (limit: depth): whatever walks over nodes and values does so level by level. Go allows
/// 10,000.
pub const DEPTH: usize = 300;
/// How many bytes of text aliases may add to a document (limit: alias expansion).
pub const ALIAS_BYTES: usize = 32 << 20;

/// How many values the anchors of a document may hold, those within each other counted each time (limit: anchors).
pub const ANCHOR_NODES: usize = 1_000_000;

/// What happens to a key that is written twice in one map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duplicates {
    /// It is an error.
    Refused,
    /// The last one stays.
    LastWins,
}

/// A finished node, and what it weighs when an alias repeats it.
struct Built {
    node: Node,
    weight: Weight,
}

#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

/// An anchor of the document: open while its node is being read.
enum Anchor {
    Open,
    Done(Node, Weight),
}

/// A list or map that is being read.
struct Open {
    start: Position,
    anchor: Option<usize>,
    weight: Weight,
    content: Content,
}

enum Content {
    Seq(Vec<Node>),
    Map(MapContent),
}

#[derive(Default)]
struct MapContent {
    pairs: Vec<(Node, Node)>,
    /// Where a key stands in `pairs`, and whether this map itself wrote it (rather than a merge).
    index: HashMap<Identity, (usize, bool)>,
    pending: Option<Key>,
}

enum Key {
    Node(Node),
    Merge,
}

impl MapContent {
    fn set(&mut self, key: Node, value: Node, own: bool, duplicates: Duplicates) -> Result<(), Error> {
        let Some(identity) = key::identity(&key.value) else {
            self.pairs.push((key, value));
            return Ok(());
        };
        match self.index.get_mut(&identity) {
            Some((_, true)) if own && duplicates == Duplicates::Refused => {
                let shown = match &key.value {
                    NodeValue::String(s) => format!("{s:?}"),
                    other => key::text(other).unwrap_or_default(),
                };
                let line = value.start.line;
                return Err(Error::listed(format!("key {shown} already set in map"), key.start, line));
            }
            Some((at, was_own)) => {
                *was_own |= own;
                self.pairs[*at] = (key, value);
            }
            None => {
                self.index.insert(identity, (self.pairs.len(), own));
                self.pairs.push((key, value));
            }
        }
        Ok(())
    }

    fn merge(&mut self, value: Node, aliased: bool, duplicates: Duplicates) -> Result<(), Error> {
        let wrong = |at| Error::new("map merge requires map or sequence of maps as the value", at);
        match value.value {
            NodeValue::Map(pairs) => {
                for (k, v) in pairs {
                    self.set(k, v, false, duplicates)?;
                }
            }
            // Earlier maps of the list win, so they are set last.
            NodeValue::Seq(items) if !aliased => {
                for item in items.into_iter().rev() {
                    let NodeValue::Map(pairs) = item.value else { return Err(wrong(item.start)) };
                    for (k, v) in pairs {
                        self.set(k, v, false, duplicates)?;
                    }
                }
            }
            _ => return Err(wrong(value.start)),
        }
        Ok(())
    }
}

/// Reads one document after the other.
pub(super) struct Builder<'t> {
    events: Events<'t>,
    duplicates: Duplicates,
    /// Whether `<<` is a key like any other.
    unmerged: bool,
    anchors: Vec<Anchor>,
    names: HashMap<String, usize>,
    /// Nodes read, and how many of them came from aliases, as Go counts them.
    decoded: usize,
    aliased: usize,
    aliased_bytes: usize,
    /// What the anchors hold.
    kept: Weight,
    /// The text is no YAML, or a limit is exceeded: nothing more is read.
    broken: bool,
}

impl<'t> Builder<'t> {
    pub(super) fn new(text: &'t str, duplicates: Duplicates) -> Self {
        Self {
            events: Events::new(text),
            duplicates,
            unmerged: false,
            anchors: Vec::new(),
            names: HashMap::new(),
            decoded: 0,
            aliased: 0,
            aliased_bytes: 0,
            kept: Weight::default(),
            broken: false,
        }
    }

    /// Leaves merges to whoever reads the nodes.
    pub(super) fn unmerged(mut self) -> Self {
        self.unmerged = true;
        self
    }

    /// The next document; `None` at the end of the text.
    pub(super) fn document(&mut self) -> Result<Option<Node>, Error> {
        loop {
            let event = self.events.next()?;
            match event.data {
                EventData::StreamEnd => return Ok(None),
                EventData::DocumentStart => break,
                _ => {}
            }
        }
        self.anchors.clear();
        self.names.clear();
        (self.decoded, self.aliased, self.aliased_bytes, self.kept) = (1, 0, 0, Weight::default());
        let root = match self.root() {
            Ok(root) => root,
            Err(error) => return Err(self.syntax_error().unwrap_or(error)),
        };
        // The end of the document belongs to it: what stands there in place of it is an error of this document.
        self.events.next()?;
        Ok(Some(root))
    }

    /// Go reads a whole document before it looks at the values, so a syntax error further down comes first, and so does an alias
    /// without an anchor. Not looked for where a limit was exceeded.
    fn syntax_error(&mut self) -> Option<Error> {
        let mut depth = 0;
        while !self.broken && depth < DEPTH {
            let event = match self.events.next() {
                Ok(event) => event,
                Err(error) => return Some(error),
            };
            match event.data {
                EventData::DocumentEnd | EventData::StreamEnd => break,
                EventData::SequenceStart { anchor } | EventData::MappingStart { anchor } => {
                    depth += 1;
                    anchor.map(|name| self.declare(name));
                }
                EventData::SequenceEnd | EventData::MappingEnd => depth = depth.saturating_sub(1),
                EventData::Scalar { anchor, .. } => {
                    anchor.map(|name| self.declare(name));
                }
                EventData::Alias { anchor } if !self.names.contains_key(&anchor) => {
                    return Some(unknown_anchor(&anchor, position(event.start_mark)));
                }
                _ => {}
            }
        }
        None
    }

    fn root(&mut self) -> Result<Node, Error> {
        let mut stack: Vec<Open> = Vec::new();
        loop {
            let event = self.events.next().inspect_err(|_| self.broken = true)?;
            let (start, end) = (position(event.start_mark), position(event.end_mark));
            let mut is_alias = false;
            let mut is_merge = false;
            let built = match event.data {
                EventData::SequenceStart { anchor } => {
                    self.open(&mut stack, anchor, start, Content::Seq(Vec::new()))?;
                    continue;
                }
                EventData::MappingStart { anchor } => {
                    self.open(&mut stack, anchor, start, Content::Map(MapContent::default()))?;
                    continue;
                }
                EventData::SequenceEnd | EventData::MappingEnd => {
                    let Some(open) = stack.pop() else { return Err(Error::new("unexpected end", start)) };
                    self.close(open, end)?
                }
                EventData::Alias { anchor } => {
                    is_alias = true;
                    self.alias(&anchor, start, stack.len())?
                }
                EventData::Scalar { anchor, tag, value, plain_implicit } => {
                    let merges = value == "<<" && (plain_implicit || tag.as_deref() == Some(resolve::MERGE));
                    is_merge = merges && !self.unmerged;
                    let weight = Weight { nodes: 1, bytes: value.len(), depth: 0 };
                    let value = resolve::scalar(tag.as_deref(), plain_implicit, value.into())
                        .map_err(|message| Error::new(message, start))?;
                    self.decoded += 1;
                    let node = Node { value, start, end };
                    if let Some(name) = anchor {
                        let id = self.declare(name);
                        self.keep(id, &node, weight)?;
                    }
                    Built { node, weight }
                }
                EventData::StreamStart | EventData::StreamEnd | EventData::DocumentStart | EventData::DocumentEnd => {
                    return Err(Error::new("attempted to go past the end of stream; corrupted value?", start));
                }
            };
            let Some(parent) = stack.last_mut() else { return Ok(built.node) };
            parent.weight.nodes += built.weight.nodes;
            parent.weight.bytes += built.weight.bytes;
            parent.weight.depth = parent.weight.depth.max(built.weight.depth + 1);
            attach(parent, built.node, is_alias, is_merge, self.duplicates)?;
        }
    }

    fn open(
        &mut self,
        stack: &mut Vec<Open>,
        anchor: Option<String>,
        start: Position,
        content: Content,
    ) -> Result<(), Error> {
        if stack.len() >= DEPTH {
            self.broken = true;
            return Err(too_deep(start));
        }
        self.decoded += 1;
        let anchor = anchor.map(|name| self.declare(name));
        stack.push(Open { start, anchor, weight: Weight { nodes: 1, bytes: 0, depth: 1 }, content });
        Ok(())
    }

    fn close(&mut self, open: Open, end: Position) -> Result<Built, Error> {
        let value = match open.content {
            Content::Seq(items) => NodeValue::Seq(items),
            Content::Map(map) => NodeValue::Map(map.pairs),
        };
        let node = Node { value, start: open.start, end };
        if let Some(id) = open.anchor {
            self.keep(id, &node, open.weight)?;
        }
        Ok(Built { node, weight: open.weight })
    }

    /// Keeps the node of an anchor for its aliases. Anchors within anchors are kept several times, so this has a limit too.
    fn keep(&mut self, id: usize, node: &Node, weight: Weight) -> Result<(), Error> {
        self.kept.nodes += weight.nodes;
        self.kept.bytes += weight.bytes;
        if self.kept.nodes > ANCHOR_NODES || self.kept.bytes > ALIAS_BYTES {
            let message =
                format!("anchors hold more than {ANCHOR_NODES} values or {ALIAS_BYTES} bytes (limit: anchors)");
            return Err(Error::new(message, node.start));
        }
        self.anchors[id] = Anchor::Done(node.clone(), weight);
        Ok(())
    }

    fn declare(&mut self, name: String) -> usize {
        let id = self.anchors.len();
        self.anchors.push(Anchor::Open);
        self.names.insert(name, id);
        id
    }

    fn alias(&mut self, name: &str, start: Position, depth: usize) -> Result<Built, Error> {
        let Some(id) = self.names.get(name) else {
            // Go notices this while it parses.
            self.broken = true;
            return Err(unknown_anchor(name, start));
        };
        let Anchor::Done(node, weight) = &self.anchors[*id] else {
            return Err(Error::new(format!("anchor '{name}' value contains itself"), start));
        };
        self.aliased += weight.nodes;
        self.decoded += weight.nodes + 1;
        self.aliased_bytes = self.aliased_bytes.saturating_add(weight.bytes);
        if self.aliased > 100 && self.decoded > 1000 && share(self.aliased, self.decoded) > allowed(self.decoded) {
            return Err(Error::new("document contains excessive aliasing", start));
        }
        if self.aliased_bytes > ALIAS_BYTES {
            let message = format!("aliases expand to more than {ALIAS_BYTES} bytes (limit: alias expansion)");
            return Err(Error::new(message, start));
        }
        if depth + weight.depth > DEPTH {
            return Err(too_deep(start));
        }
        Ok(Built { node: node.clone(), weight: *weight })
    }
}

fn attach(parent: &mut Open, node: Node, is_alias: bool, is_merge: bool, duplicates: Duplicates) -> Result<(), Error> {
    match &mut parent.content {
        Content::Seq(items) => items.push(node),
        Content::Map(map) => match map.pending.take() {
            None if is_merge => map.pending = Some(Key::Merge),
            None if matches!(node.value, NodeValue::Seq(_) | NodeValue::Map(_)) => {
                return Err(Error::new(format!("invalid map key: {}", key::go_syntax(&node)), node.start));
            }
            None => map.pending = Some(Key::Node(node)),
            Some(Key::Node(key)) => map.set(key, node, true, duplicates)?,
            Some(Key::Merge) => map.merge(node, is_alias, duplicates)?,
        },
    }
    Ok(())
}

fn unknown_anchor(name: &str, at: Position) -> Error {
    Error::new(format!("unknown anchor '{name}' referenced"), at)
}

fn too_deep(at: Position) -> Error {
    Error::new(format!("lists and maps nest deeper than {DEPTH} (limit: depth)"), at)
}

#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// The share of nodes that may come from aliases: 99% in small documents, 10% in huge ones, as in go-yaml.
fn allowed(decoded: usize) -> f64 {
    const LOW: usize = 400_000;
    const HIGH: usize = 4_000_000;
    match decoded {
        ..=LOW => 0.99,
        HIGH.. => 0.10,
        _ => 0.99 - 0.89 * share(decoded - LOW, HIGH - LOW),
    }
}
