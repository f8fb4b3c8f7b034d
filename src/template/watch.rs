//! Follows a run: what it reads of the data that it was given, and which action wrote which part of the output. Off by default;
//! when it is off, the executor asks one pointer whether it is there.
//!
//! Containers are known by their identity: a map or list of the data keeps its path wherever a template carries it. What a
//! template builds itself is not followed, but what it puts in is.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::ast::Source;
use super::operand::Operand;
use super::reads::{Asked, Reads};
use super::touch::Touch;
use super::value::Value;

/// What a run read besides data: a call of a function that asks the world (`lookup`, `now`, random ones), with the arguments
/// that were texts.
pub type Called = (String, Vec<String>);

/// Where a part of the output comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Bytes of the output before it.
    pub output: usize,
    /// The name of the template text.
    pub source: Arc<str>,
    /// The line in it, from 1.
    pub line: usize,
    /// It is text of the template, copied line by line.
    pub literal: bool,
}

/// Follows one run.
pub struct Watch {
    touch: fn(&str) -> Touch,
    nodes: Vec<Node>,
    /// The containers of the data by identity. They are kept, so that no other one takes their place in memory.
    known: HashMap<usize, (u32, Value)>,
    roots: Vec<(String, u32)>,
    called: BTreeSet<Called>,
    /// How often a template changed a map.
    changes: u64,
    origins: Option<Vec<Origin>>,
    /// Executions inside of each other: only what the outermost writes is output.
    pub(super) nesting: usize,
}

#[derive(Default)]
struct Node {
    asked: Asked,
    children: HashMap<Arc<str>, u32>,
    /// When it was last walked as a whole, in changes + 1.
    walked: u64,
}

impl Watch {
    /// Follows reads; `touch` says what the functions read of their arguments.
    #[must_use]
    pub fn new(touch: fn(&str) -> Touch) -> Self {
        Self {
            touch,
            nodes: Vec::new(),
            known: HashMap::new(),
            roots: Vec::new(),
            called: BTreeSet::new(),
            changes: 0,
            origins: None,
            nesting: 0,
        }
    }

    /// Also notes which action writes which part of the output.
    pub fn follow_output(&mut self) {
        self.origins = Some(Vec::new());
    }

    /// Where a line of the last output from outside comes from: the action that wrote in it last, else its text.
    #[must_use]
    pub fn origin_of(&self, output: &str, start: usize, end: usize) -> Option<Origin> {
        let origins = self.origins.as_deref()?;
        // What wrote before the end of the line, the last first, back to what was there when it started.
        let last = origins.partition_point(|origin| origin.output < end.max(start + 1));
        let first = origins.partition_point(|origin| origin.output <= start).saturating_sub(1);
        let line = origins.get(first..last)?;
        let chosen = line.iter().rev().find(|origin| !origin.literal).filter(|origin| {
            // An action that wrote nothing of the line is not it.
            let next =
                origins.iter().find(|other| other.output > origin.output).map_or(output.len(), |next| next.output);
            next > start
        });
        let mut chosen = chosen.or(line.last())?.clone();
        if chosen.literal {
            chosen.line += output.get(chosen.output..start)?.matches('\n').count();
        }
        Some(chosen)
    }

    /// Makes a tree of data known under a name.
    pub fn root(&mut self, name: &str, data: &Value) {
        let node = self.node();
        self.roots.push((name.to_owned(), node));
        self.know(node, data, 0);
    }

    /// What was read of a root.
    #[must_use]
    pub fn reads(&self, root: &str) -> Reads {
        let mut reads = Reads::default();
        for (_, node) in self.roots.iter().filter(|(name, _)| name == root) {
            reads.merge(&self.export(*node));
        }
        reads
    }

    /// The functions that asked the world.
    #[must_use]
    pub fn called(&self) -> &BTreeSet<Called> {
        &self.called
    }

    fn export(&self, node: u32) -> Reads {
        let Some(node) = self.nodes.get(node as usize) else { return Reads::default() };
        let children = node.children.iter().map(|(key, below)| (Arc::clone(key), self.export(*below)));
        Reads { asked: node.asked, children: children.filter(|(_, below)| !below.is_empty()).collect(), every: None }
    }

    fn node(&mut self) -> u32 {
        self.nodes.push(Node::default());
        u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)
    }

    fn child(&mut self, of: u32, key: &str) -> u32 {
        if let Some(known) = self.nodes.get(of as usize).and_then(|node| node.children.get(key)) {
            return *known;
        }
        let made = self.node();
        if let Some(node) = self.nodes.get_mut(of as usize) {
            node.children.insert(Arc::from(key), made);
        }
        made
    }

    fn ask(&mut self, node: u32, asked: Asked) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.asked.add(asked);
        }
    }

    /// Gives the containers of `data` the paths below `node`.
    fn know(&mut self, node: u32, data: &Value, depth: usize) {
        let Some(id) = identity(data) else { return };
        if depth > super::limits::MAX_VALUE_DEPTH || self.known.insert(id, (node, data.clone())).is_some() {
            return;
        }
        for (key, value) in inside(data) {
            if identity(&value).is_some() {
                let below = self.child(node, &key);
                self.know(below, &value, depth + 1);
            }
        }
    }

    fn of(&self, value: &Value) -> Option<u32> {
        self.known.get(&identity(value)?).map(|(node, _)| *node)
    }

    // ---- what the executor tells

    /// A key or field of a container is read.
    pub(super) fn key(&mut self, of: &Value, key: &str) {
        if let Some(node) = self.of(of) {
            let below = self.child(node, key);
            self.ask(below, Asked::VALUE);
        }
    }

    /// A value is asked whether it is empty.
    pub(super) fn empty(&mut self, value: &Operand) {
        if let Some(node) = value.value().and_then(|value| self.of(value)) {
            self.ask(node, Asked::EMPTY);
        }
    }

    /// A value is ranged over.
    pub(super) fn range(&mut self, value: &Operand) {
        let Some(value) = value.value() else { return };
        let Some(node) = self.of(value) else { return };
        self.ask(node, Asked::KEYS);
        for (key, _) in inside(value) {
            let below = self.child(node, &key);
            self.ask(below, Asked::VALUE);
        }
    }

    /// A value is read with all that is in it.
    pub(super) fn whole(&mut self, value: &Value) {
        self.all(value, Asked::WHOLE);
    }

    fn all(&mut self, value: &Value, asked: Asked) {
        let mut seen = HashSet::new();
        let mut pending = vec![value.clone()];
        while let Some(value) = pending.pop() {
            let Some(id) = identity(&value) else { continue };
            if !seen.insert(id) {
                continue;
            }
            if let Some((node, _)) = self.known.get(&id) {
                let now = self.changes * 2 + 1 + u64::from(asked.whole);
                let Some(node) = self.nodes.get_mut(*node as usize) else { continue };
                node.asked.add(asked);
                if node.walked == now {
                    continue;
                }
                node.walked = now;
            }
            pending.extend(inside(&value).into_iter().map(|(_, value)| value));
        }
    }

    /// A function or method is called.
    pub(super) fn call(&mut self, name: &str, args: &[Operand]) {
        let touch = (self.touch)(name);
        let value = |i: usize| args.get(i).and_then(Operand::value);
        match touch {
            Touch::Nothing | Touch::Dict | Touch::List | Touch::Include => {}
            Touch::Choose => args.iter().for_each(|arg| self.empty(arg)),
            Touch::Get => {
                let mut at = value(0).cloned();
                for key in args.iter().skip(1) {
                    let Some(found) = at else { break };
                    let key = match key.value() {
                        Some(Value::String(key)) => key.to_string(),
                        Some(other) => other.as_i64().map(|n| n.to_string()).unwrap_or_default(),
                        None => String::new(),
                    };
                    self.key(&found, &key);
                    at = inside_at(&found, &key);
                }
            }
            Touch::Dig => {
                let count = args.len();
                let mut at = value(count.wrapping_sub(1)).cloned();
                for key in args.iter().take(count.saturating_sub(2)) {
                    let (Some(found), Some(key)) = (at, key.value().and_then(Value::as_str)) else { break };
                    self.key(&found, key);
                    at = inside_at(&found, key);
                }
            }
            Touch::Pluck => {
                let Some(key) = value(0).and_then(Value::as_str) else { return };
                for map in args.iter().skip(1).filter_map(Operand::value) {
                    self.key(map, key);
                }
            }
            Touch::Pick => {
                let Some(map) = value(0) else { return };
                for key in args.iter().skip(1).filter_map(|key| key.value().and_then(Value::as_str)) {
                    self.key(map, key);
                }
            }
            Touch::Keys => args.iter().for_each(|arg| {
                if let Some(node) = arg.value().and_then(|value| self.of(value)) {
                    self.ask(node, Asked::KEYS);
                }
            }),
            Touch::Set => self.changes += 1,
            Touch::Merge | Touch::Copy => {
                args.iter().filter_map(Operand::value).for_each(|value| self.all(value, Asked::COPIED));
                self.changes += 1;
            }
            Touch::World => {
                let texts = args.iter().filter_map(|arg| arg.value().and_then(Value::as_str)).map(str::to_owned);
                self.called.insert((name.to_owned(), texts.collect()));
                args.iter().filter_map(Operand::value).for_each(|value| self.whole(value));
            }
            Touch::Text => {
                if let Some(text) = value(0) {
                    self.whole(text);
                }
            }
            Touch::Whole | Touch::Elements | Touch::Parse => {
                args.iter().filter_map(Operand::value).for_each(|value| self.whole(value));
            }
        }
    }

    /// A method is called: its name and texts count as a key of the receiver.
    pub(super) fn method(&mut self, of: &Value, name: &str, args: &[Operand]) {
        let Some(node) = self.of(of) else {
            // A method of what a template built (`.Files.Glob "x"` gives files of its own) reads all of it.
            self.whole(of);
            return;
        };
        let below = self.child(node, name);
        self.ask(below, Asked::VALUE);
        let texts: Vec<&str> = args.iter().filter_map(|arg| arg.value().and_then(Value::as_str)).collect();
        for text in texts {
            let below = self.child(below, text);
            self.ask(below, Asked::VALUE);
        }
        args.iter().filter_map(Operand::value).for_each(|value| self.whole(value));
    }

    /// A deep copy was made: what is read of it is read of the original.
    pub(super) fn copied(&mut self, name: &str, from: Option<&Value>, to: &Value) {
        if (self.touch)(name) != Touch::Copy {
            return;
        }
        let mut pending: Vec<(Value, Value, usize)> =
            from.map(|from| (from.clone(), to.clone(), 0)).into_iter().collect();
        while let Some((from, to, depth)) = pending.pop() {
            let (Some(node), Some(id)) = (self.of(&from), identity(&to)) else { continue };
            if depth > super::limits::MAX_VALUE_DEPTH || self.known.insert(id, (node, to.clone())).is_some() {
                continue;
            }
            for (key, inner) in inside(&to) {
                if let Some(original) = inside_at(&from, &key) {
                    pending.push((original, inner, depth + 1));
                }
            }
        }
    }

    /// An action or text of a template is about to write, with this much written before.
    pub(super) fn writes(&mut self, output: usize, source: &Source, pos: usize, literal: bool) {
        if self.nesting > 1 {
            return;
        }
        if let Some(origins) = &mut self.origins {
            let (line, _) = source.position(pos);
            origins.push(Origin { output, source: Arc::clone(&source.name), line, literal });
        }
    }

    /// An execution starts, with an output of its own.
    pub(super) fn starts(&mut self) {
        self.nesting += 1;
        if self.nesting == 1
            && let Some(origins) = &mut self.origins
        {
            origins.clear();
        }
    }

    pub(super) fn ends(&mut self) {
        self.nesting -= 1;
    }
}

/// What tells a container from all others.
fn identity(value: &Value) -> Option<usize> {
    match value {
        Value::Map(map) => Some(map.identity()),
        Value::List(list) => Some(list.identity()),
        Value::Object(object) => Some(Rc::as_ptr(object).cast::<()>().addr()),
        _ => None,
    }
}

/// What is in a container, by key or index.
fn inside(value: &Value) -> Vec<(Arc<str>, Value)> {
    match value {
        Value::Map(map) => map.snapshot(),
        Value::List(list) => {
            list.items().iter().enumerate().map(|(i, item)| (Arc::from(i.to_string()), item.clone())).collect()
        }
        Value::Object(object) => object.fields().into_iter().map(|(name, value)| (Arc::from(name), value)).collect(),
        _ => Vec::new(),
    }
}

fn inside_at(value: &Value, key: &str) -> Option<Value> {
    match value {
        Value::Map(map) => map.get(key),
        Value::List(list) => list.items().get(key.parse::<usize>().ok()?).cloned(),
        _ => None,
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("containers", &self.known.len()).finish_non_exhaustive()
    }
}
