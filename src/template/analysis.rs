//! Which parts of its data a template could read, found from its text alone: in branches that a run does not take, too. `lint`
//! asks it for keys that nothing reads, an error for the key that stood behind a nil.
//!
//! Every expression becomes the set of paths that it may stand for. What cannot be followed is *unknown*: the fields that are
//! read of it are kept by their names ([`Analysis::floating`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::ast::{Branch, BranchKind, Command, Expr, ExprKind, Name, Node, Pipe, Template};
use super::function::Found;
use super::parser::{self, Trees};
use super::place::Place;
use super::reads::{Asked, EVERY, Reads};
use super::set::Set;
use super::touch::Touch;

/// A path below a root of the data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataPath {
    /// The root's name.
    pub root: Arc<str>,
    /// The keys; [`EVERY`] where the key is computed.
    pub keys: Vec<Arc<str>>,
}

/// What an expression may be.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct May {
    shapes: BTreeSet<Shape>,
    /// Something that was not followed.
    unknown: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Path(DataPath),
    /// Made by a template. The key [`EVERY`] holds what stands at keys that are computed, and the elements of lists.
    Made(Rc<BTreeMap<Arc<str>, May>>),
    Text(Arc<str>),
}

/// Nodes that an analysis visits at most; charts with libraries of templates need some ten thousand.
const STEPS: usize = 3_000_000;
/// Different data with which one template is followed.
const VARIANTS: usize = 48;
/// Keys of a path, and maps inside of maps that a template makes.
const DEPTH: usize = 16;
/// Templates inside of each other.
const NESTING: usize = 200;

/// Follows the templates of a set.
pub struct Analysis<'s> {
    set: &'s Set,
    touch: fn(&str) -> Touch,
    links: BTreeMap<DataPath, Arc<str>>,
    roots: BTreeMap<Arc<str>, Reads>,
    floating: BTreeSet<Vec<Arc<str>>>,
    /// What templates put at paths of the data.
    overlays: BTreeMap<DataPath, May>,
    visited: HashMap<Arc<str>, Vec<May>>,
    steps: usize,
    nesting: usize,
    texts: Vec<Rc<Trees>>,
    follow: Option<Follow>,
}

/// The way to one place: only the calls that lead there are followed.
struct Follow {
    frames: Vec<Place>,
    depth: usize,
    found: Vec<DataPath>,
}

/// The template in hand.
struct Scope {
    template: Arc<Template>,
    variables: Vec<(Arc<str>, May)>,
}

impl<'s> Analysis<'s> {
    /// Over the templates of a set; `touch` says what the functions do.
    #[must_use]
    pub fn new(set: &'s Set, touch: fn(&str) -> Touch) -> Self {
        Self {
            set,
            touch,
            links: BTreeMap::new(),
            roots: BTreeMap::new(),
            floating: BTreeSet::new(),
            overlays: BTreeMap::new(),
            visited: HashMap::new(),
            steps: 0,
            nesting: 0,
            texts: Vec::new(),
            follow: None,
        }
    }

    /// Says that what stands at a path is a root of its own.
    pub fn link(&mut self, from: DataPath, root: &str) {
        self.links.insert(from, Arc::from(root));
    }

    /// Follows templates, each with a root as its data, until nothing new is found.
    pub fn run(&mut self, templates: &[(String, String)]) {
        for _ in 0..3 {
            let known = self.overlays.len();
            self.visited.clear();
            for (template, root) in templates {
                self.template(template, &May::path(root, &[]), None);
            }
            if self.overlays.len() == known {
                break;
            }
        }
    }

    /// Follows what the texts define and nobody called so far, each with the root of its text.
    pub fn run_uncalled(&mut self, texts: &[(String, String)]) {
        for (text, root) in texts {
            let names: Vec<Arc<str>> = self.set.defined_in(text).cloned().collect();
            for name in names.iter().filter(|name| !self.visited.contains_key(*name)).cloned().collect::<Vec<_>>() {
                self.template(&name, &May::path(root, &[]), None);
            }
        }
    }

    /// Follows a text as `tpl` would execute it; what is no template reads nothing.
    pub fn text(&mut self, text: &str, root: &str) {
        self.run_text("text", text, &May::path(root, &[]));
    }

    /// What may be read of a root.
    #[must_use]
    pub fn reads(&self, root: &str) -> Reads {
        self.roots.get(root).cloned().unwrap_or_default()
    }

    /// The fields that are read of what was not followed.
    #[must_use]
    pub fn floating(&self) -> &BTreeSet<Vec<Arc<str>>> {
        &self.floating
    }

    /// Whether all was followed. If not, nothing can be said of what is not read.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.steps < STEPS
    }

    /// The paths that the expression at the last of the places stands for, if the others (outermost first) are the calls that
    /// lead there from the template `file` with a root as its data.
    #[must_use]
    pub fn explain(mut self, file: &str, root: &str, frames: Vec<Place>) -> Vec<DataPath> {
        self.follow = Some(Follow { frames, depth: 0, found: Vec::new() });
        self.template(file, &May::path(root, &[]), None);
        self.follow.map(|follow| follow.found).unwrap_or_default()
    }

    // ---- templates

    fn find(&self, name: &str) -> Option<Arc<Template>> {
        let text = self.texts.iter().rev().find_map(|trees| trees.get(name));
        text.or_else(|| self.set.get(name)).cloned()
    }

    /// Follows a template; `site` is the call in the template in hand.
    fn template(&mut self, name: &str, dot: &May, site: Option<(&Scope, usize)>) {
        let Some(template) = self.find(name) else { return };
        self.body_of(&template, dot, site);
    }

    fn run_text(&mut self, name: &str, text: &str, dot: &May) {
        let Ok(trees) = parser::parse(name, text, self.set.dialect(), &mut super::names::Names::default(), &|_| {
            Some(Found::Nowhere)
        }) else {
            return;
        };
        let Some(template) = trees.get(name).cloned() else { return };
        self.texts.push(Rc::new(trees));
        self.body_of(&template, dot, None);
        self.texts.pop();
    }

    fn body_of(&mut self, template: &Arc<Template>, dot: &May, site: Option<(&Scope, usize)>) {
        if self.nesting >= NESTING || self.steps >= STEPS {
            return;
        }
        match (&mut self.follow, site) {
            (Some(follow), Some((scope, pos))) => {
                if !follow.is_at(scope, pos) || follow.depth + 1 >= follow.frames.len() {
                    return;
                }
                follow.depth += 1;
            }
            (Some(_), None) => {}
            (None, _) => {
                let seen = self.visited.entry(Arc::clone(&template.name)).or_default();
                if seen.contains(dot) {
                    return;
                }
                if seen.len() >= VARIANTS {
                    self.escape(dot);
                    return;
                }
                seen.push(dot.clone());
            }
        }
        self.nesting += 1;
        let mut scope = Scope { template: Arc::clone(template), variables: vec![("$".into(), dot.clone())] };
        stacker::maybe_grow(256 << 10, 4 << 20, || self.list(&mut scope, dot, &template.body));
        self.nesting -= 1;
        if let (Some(follow), Some(_)) = (&mut self.follow, site) {
            follow.depth -= 1;
        }
    }

    fn list(&mut self, scope: &mut Scope, dot: &May, nodes: &[Node]) {
        for node in nodes {
            self.steps += 1;
            match node {
                Node::Action { pipe, .. } => {
                    let value = self.pipe(scope, dot, pipe);
                    if pipe.variables.is_empty() {
                        self.ask(&value, Asked::WHOLE);
                    }
                }
                Node::Branch(branch) => {
                    let mark = scope.variables.len();
                    stacker::maybe_grow(128 << 10, 2 << 20, || self.branch(scope, dot, branch));
                    scope.variables.truncate(mark);
                }
                Node::Template { pos, name, pipe } => {
                    let data = pipe.as_ref().map(|pipe| self.pipe(scope, dot, pipe)).unwrap_or_default();
                    self.template(name, &data, Some((scope, *pos)));
                }
                Node::Text { .. } | Node::Break { .. } | Node::Continue { .. } => {}
            }
        }
    }

    fn branch(&mut self, scope: &mut Scope, dot: &May, branch: &Branch) {
        let value = self.pipe(scope, dot, &branch.pipe);
        match branch.kind {
            BranchKind::If => {
                self.ask(&value, Asked::EMPTY);
                self.list(scope, dot, &branch.body);
            }
            BranchKind::With => {
                self.ask(&value, Asked::EMPTY);
                self.list(scope, &value, &branch.body);
            }
            BranchKind::Range => {
                self.ask(&value, Asked::KEYS);
                let element = self.every(&value);
                let count = scope.variables.len();
                let names = branch.pipe.variables.len();
                if names > 0
                    && let Some((name, slot)) = scope.variables.get_mut(count.wrapping_sub(1))
                    && branch.pipe.variables.last() == Some(name)
                {
                    *slot = element.clone();
                }
                if names > 1
                    && let Some((_, slot)) = scope.variables.get_mut(count.wrapping_sub(2))
                {
                    *slot = May::default();
                }
                if branch.pipe.assign
                    && let Some(name) = branch.pipe.variables.last()
                {
                    assign(scope, name, &element);
                }
                // What one pass assigns, the next may read.
                let before = scope.variables.clone();
                self.list(scope, &element, &branch.body);
                scope.variables.truncate(before.len());
                if scope.variables != before && self.steps < STEPS {
                    self.list(scope, &element, &branch.body);
                    scope.variables.truncate(before.len());
                }
            }
        }
        if let Some(otherwise) = &branch.otherwise {
            self.list(scope, dot, otherwise);
        }
    }

    // ---- expressions

    fn pipe(&mut self, scope: &mut Scope, dot: &May, pipe: &Pipe) -> May {
        let mut value: Option<May> = None;
        for command in &pipe.commands {
            value = Some(self.command(scope, dot, command, value));
        }
        let value = value.unwrap_or_default();
        for name in &pipe.variables {
            if pipe.assign {
                assign(scope, name, &value);
            } else {
                scope.variables.push((Arc::clone(name), value.clone()));
            }
        }
        value
    }

    fn command(&mut self, scope: &mut Scope, dot: &May, command: &Command, last: Option<May>) -> May {
        let Some((first, args)) = command.args.split_first() else { return May::default() };
        if let ExprKind::Function(name, _) = &first.kind {
            return self.call(scope, dot, name, first.pos, args, last);
        }
        let value = self.expr(scope, dot, first);
        // Arguments of a method.
        for arg in args {
            let arg = self.expr(scope, dot, arg);
            self.ask(&arg, Asked::WHOLE);
        }
        if let Some(last) = last {
            self.ask(&last, Asked::WHOLE);
        }
        if args.is_empty() { value } else { May::default() }
    }

    fn expr(&mut self, scope: &mut Scope, dot: &May, expr: &Expr) -> May {
        self.steps += 1;
        let value = match &expr.kind {
            ExprKind::Dot => dot.clone(),
            ExprKind::Field(path) => self.fields(dot, path),
            ExprKind::Variable(name, path) => {
                let value =
                    scope.variables.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone());
                self.fields(&value.unwrap_or_default(), path)
            }
            ExprKind::Chain(base, path) => {
                let base = self.expr(scope, dot, base);
                self.fields(&base, path)
            }
            ExprKind::Function(name, _) => return self.call(scope, dot, name, expr.pos, &[], None),
            ExprKind::Pipe(pipe) => stacker::maybe_grow(64 << 10, 2 << 20, || self.pipe(scope, dot, pipe)),
            ExprKind::String { text, .. } => May::text(text.as_str()),
            ExprKind::Bool(_) | ExprKind::Number(_) | ExprKind::Nil => May::default(),
        };
        if let Some(follow) = &mut self.follow
            && matches!(expr.kind, ExprKind::Field(_) | ExprKind::Variable(..) | ExprKind::Chain(..) | ExprKind::Dot)
            && follow.is_end(scope, expr.pos)
        {
            follow.found.extend(value.paths());
        }
        value
    }

    fn fields(&mut self, of: &May, path: &[Name]) -> May {
        if of.unknown && !path.is_empty() {
            self.floating.insert(path.iter().map(|name| Arc::clone(&name.text)).collect());
        }
        path.iter().fold(of.clone(), |at, name| self.step(&at, &name.text))
    }

    /// What stands at a key.
    fn step(&mut self, of: &May, key: &Arc<str>) -> May {
        let mut found = May { shapes: BTreeSet::new(), unknown: of.unknown };
        for shape in &of.shapes {
            match shape {
                Shape::Path(path) => {
                    let mut path = path.clone();
                    path.keys.push(Arc::clone(key));
                    if let Some(root) = self.links.get(&path) {
                        found.shapes.insert(Shape::Path(DataPath { root: Arc::clone(root), keys: Vec::new() }));
                        continue;
                    }
                    if path.keys.len() > DEPTH {
                        path.keys.pop();
                        self.reads_at(&path).add(Asked::WHOLE);
                        found.unknown = true;
                        continue;
                    }
                    self.reads_at(&path).add(Asked::VALUE);
                    if let Some(over) = self.overlays.get(&path) {
                        found.join(over);
                    }
                    found.shapes.insert(Shape::Path(path));
                }
                Shape::Made(map) => {
                    if &**key == EVERY {
                        map.values().for_each(|value| found.join(value));
                        continue;
                    }
                    for value in [map.get(key), map.get(EVERY)].into_iter().flatten() {
                        found.join(value);
                    }
                }
                Shape::Text(_) => {}
            }
        }
        found
    }

    /// What stands at some key.
    fn every(&mut self, of: &May) -> May {
        self.step(of, &Arc::from(EVERY))
    }

    fn reads_at(&mut self, path: &DataPath) -> &mut Asked {
        let root = self.roots.entry(Arc::clone(&path.root)).or_default();
        &mut root.at(path.keys.iter().map(|key| &**key)).asked
    }

    fn ask(&mut self, value: &May, asked: Asked) {
        for shape in &value.shapes {
            match shape {
                Shape::Path(path) => self.reads_at(path).add(asked),
                Shape::Made(map) if asked.whole => {
                    let map = Rc::clone(map);
                    map.values().for_each(|value| self.ask(value, asked));
                }
                Shape::Made(_) | Shape::Text(_) => {}
            }
        }
    }

    /// A value goes where it is not followed: all of it may be read. (What is as large as all values of a chart is not counted:
    /// its templates are followed in any case.)
    fn escape(&mut self, value: &May) {
        for shape in &value.shapes {
            match shape {
                Shape::Path(path) if path.keys.len() > 1 => self.reads_at(path).add(Asked::WHOLE),
                Shape::Made(map) => {
                    let map = Rc::clone(map);
                    map.values().for_each(|value| self.escape(value));
                }
                Shape::Path(_) | Shape::Text(_) => {}
            }
        }
    }

    // ---- calls

    fn call(&mut self, scope: &mut Scope, dot: &May, name: &str, pos: usize, args: &[Expr], last: Option<May>) -> May {
        let mut values: Vec<May> = Vec::with_capacity(args.len() + 1);
        for arg in args {
            let value = self.expr(scope, dot, arg);
            values.push(value);
        }
        values.extend(last);
        if let Some(follow) = &mut self.follow
            && follow.is_end(scope, pos)
        {
            follow.found.extend(values.iter().flat_map(May::paths));
        }
        let touch = (self.touch)(name);
        let target = args.first().and_then(|arg| match &arg.kind {
            ExprKind::Variable(name, path) if path.is_empty() => Some(Arc::clone(name)),
            _ => None,
        });
        match touch {
            Touch::Nothing | Touch::World => {
                if touch == Touch::World {
                    values.iter().for_each(|value| self.ask(value, Asked::WHOLE));
                }
                May { shapes: BTreeSet::new(), unknown: touch == Touch::World }
            }
            Touch::Choose => {
                values.iter().for_each(|value| self.ask(value, Asked::EMPTY));
                union(&values)
            }
            Touch::Dict => made(values.chunks(2).map(|pair| match pair {
                [key, value] => (key.keys(), value.clone()),
                _ => (Vec::new(), May::default()),
            })),
            Touch::List => made(values.into_iter().map(|value| (vec![Arc::from(EVERY)], value))),
            Touch::Include => {
                let [name, data] = &values[..] else { return May::default() };
                let names: Vec<Arc<str>> = name.texts();
                if names.is_empty() || name.unknown {
                    self.escape(data);
                }
                for name in names {
                    self.template(&name, data, Some((scope, pos)));
                }
                // What a template writes may be read again as data.
                May { shapes: BTreeSet::new(), unknown: true }
            }
            Touch::Text => {
                let [text, data] = &values[..] else { return May::default() };
                self.ask(text, Asked::WHOLE);
                self.escape(data);
                self.follow_text(scope, pos, data);
                May { shapes: BTreeSet::new(), unknown: true }
            }
            Touch::Get => {
                let mut at = values.first().cloned().unwrap_or_default();
                for key in values.iter().skip(1) {
                    let keys = key.keys();
                    if at.unknown {
                        self.floating.insert(keys.clone());
                    }
                    let steps: Vec<May> = keys.iter().map(|key| self.step(&at, key)).collect();
                    at = union(&steps);
                }
                at
            }
            Touch::Dig => {
                let Some((map, rest)) = values.split_last() else { return May::default() };
                let Some((default, keys)) = rest.split_last() else { return May::default() };
                let mut at = map.clone();
                for key in keys {
                    let steps: Vec<May> = key.keys().iter().map(|key| self.step(&at, key)).collect();
                    at = union(&steps);
                }
                at.join(default);
                at
            }
            Touch::Pluck => {
                let Some((key, maps)) = values.split_first() else { return May::default() };
                let mut found = May::default();
                for map in maps {
                    for key in key.keys() {
                        let value = self.step(map, &key);
                        found.join(&value);
                    }
                }
                made([(vec![Arc::from(EVERY)], found)])
            }
            Touch::Pick => {
                let Some((map, keys)) = values.split_first() else { return May::default() };
                let keys: Vec<Arc<str>> = keys.iter().flat_map(May::keys).collect();
                made(keys.into_iter().map(|key| {
                    let value = self.step(map, &key);
                    (vec![key], value)
                }))
            }
            Touch::Keys => {
                values.iter().for_each(|value| self.ask(value, Asked::KEYS));
                May::default()
            }
            Touch::Set => self.set(scope, target, &values),
            Touch::Merge => {
                let all = union(&values);
                if let Some(name) = target {
                    assign(scope, &name, &all);
                }
                for path in values.first().map(May::paths).unwrap_or_default() {
                    self.overlay(path, &union(values.get(1..).unwrap_or_default()));
                }
                all
            }
            Touch::Copy => union(&values),
            Touch::Elements => {
                values.iter().for_each(|value| self.ask(value, Asked::KEYS));
                let mut found = union(&values);
                for value in &values {
                    let element = self.every(value);
                    found.join(&element);
                }
                found
            }
            Touch::Whole | Touch::Parse => {
                values.iter().for_each(|value| self.ask(value, Asked::WHOLE));
                May { shapes: BTreeSet::new(), unknown: touch == Touch::Parse }
            }
        }
    }

    fn set(&mut self, scope: &mut Scope, target: Option<Arc<str>>, values: &[May]) -> May {
        let Some(map) = values.first() else { return May::default() };
        let (keys, value) =
            (values.get(1).map(May::keys).unwrap_or_default(), values.get(2).cloned().unwrap_or_default());
        for mut path in map.paths() {
            for key in &keys {
                path.keys.push(Arc::clone(key));
                self.overlay(path.clone(), &value);
                path.keys.pop();
            }
        }
        let mut after = map.clone();
        after.shapes = after
            .shapes
            .into_iter()
            .map(|shape| match shape {
                Shape::Made(map) if map.values().all(|value| value.depth() < DEPTH) => {
                    let mut map = (*map).clone();
                    for key in &keys {
                        map.entry(Arc::clone(key)).or_default().join(&value);
                    }
                    Shape::Made(Rc::new(map))
                }
                other => other,
            })
            .collect();
        match target {
            Some(name) => assign(scope, &name, &after),
            // A map that is reached in another way is not followed through the change.
            None if map.shapes.iter().any(|shape| matches!(shape, Shape::Made(_))) || map.unknown => {
                self.escape(&value);
            }
            None => {}
        }
        after
    }

    fn overlay(&mut self, path: DataPath, value: &May) {
        if path.keys.len() > DEPTH || value.depth() > DEPTH || value.shapes.is_empty() && !value.unknown {
            return;
        }
        let over = self.overlays.entry(path).or_default();
        if over.shapes.len() < VARIANTS {
            over.join(value);
        }
    }

    /// The text that `tpl` executed on the way to an error.
    fn follow_text(&mut self, scope: &Scope, pos: usize, data: &May) {
        let Some(follow) = &mut self.follow else { return };
        if !follow.is_at(scope, pos) {
            return;
        }
        let Some(next) = follow.frames.get(follow.depth + 1) else { return };
        let (name, text) = (Arc::clone(&next.source), Arc::clone(&next.text));
        follow.depth += 1;
        self.run_text(&name, &text, data);
        if let Some(follow) = &mut self.follow {
            follow.depth -= 1;
        }
    }
}

impl Follow {
    fn is_at(&self, scope: &Scope, pos: usize) -> bool {
        self.frames.get(self.depth).is_some_and(|frame| {
            frame.offset == pos && frame.define == scope.template.name && frame.source == scope.template.source.name
        })
    }

    fn is_end(&self, scope: &Scope, pos: usize) -> bool {
        self.depth + 1 == self.frames.len() && self.is_at(scope, pos)
    }
}

impl May {
    fn path(root: &str, keys: &[&str]) -> Self {
        let path = DataPath { root: Arc::from(root), keys: keys.iter().map(|key| Arc::from(*key)).collect() };
        Self { shapes: BTreeSet::from([Shape::Path(path)]), unknown: false }
    }

    fn text(text: &str) -> Self {
        Self { shapes: BTreeSet::from([Shape::Text(Arc::from(text))]), unknown: false }
    }

    fn join(&mut self, other: &Self) {
        self.unknown |= other.unknown;
        if self.shapes.len() < VARIANTS {
            self.shapes.extend(other.shapes.iter().cloned());
        }
    }

    fn paths(&self) -> Vec<DataPath> {
        let path = |shape: &Shape| match shape {
            Shape::Path(path) => Some(path.clone()),
            _ => None,
        };
        self.shapes.iter().filter_map(path).collect()
    }

    fn texts(&self) -> Vec<Arc<str>> {
        let text = |shape: &Shape| match shape {
            Shape::Text(text) => Some(Arc::clone(text)),
            _ => None,
        };
        self.shapes.iter().filter_map(text).collect()
    }

    /// The keys that it may be.
    fn keys(&self) -> Vec<Arc<str>> {
        let mut keys = self.texts();
        if keys.len() < self.shapes.len() || self.unknown || keys.is_empty() {
            keys.push(Arc::from(EVERY));
        }
        keys
    }

    fn depth(&self) -> usize {
        let depth = |shape: &Shape| match shape {
            Shape::Made(map) => 1 + map.values().map(May::depth).max().unwrap_or_default(),
            _ => 0,
        };
        self.shapes.iter().map(depth).max().unwrap_or_default()
    }
}

fn union(values: &[May]) -> May {
    let mut all = May::default();
    values.iter().for_each(|value| all.join(value));
    all
}

fn made(pairs: impl IntoIterator<Item = (Vec<Arc<str>>, May)>) -> May {
    let mut map: BTreeMap<Arc<str>, May> = BTreeMap::new();
    for (keys, value) in pairs {
        if value.depth() >= DEPTH {
            return May { shapes: BTreeSet::new(), unknown: true };
        }
        for key in keys {
            map.entry(key).or_default().join(&value);
        }
    }
    May { shapes: BTreeSet::from([Shape::Made(Rc::new(map))]), unknown: false }
}

/// An assignment: the variable may also keep what it was, as nobody knows which branch runs.
fn assign(scope: &mut Scope, name: &str, value: &May) {
    if let Some((_, slot)) = scope.variables.iter_mut().rev().find(|(known, _)| **known == *name) {
        slot.join(value);
    }
}

impl std::fmt::Debug for Analysis<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Analysis").field("steps", &self.steps).finish_non_exhaustive()
    }
}
