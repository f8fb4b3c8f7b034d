//! Executes trees: statements here, expressions in `eval`.

use super::ast::{At, Branch, BranchKind, Node, Source, Template};
use super::context::Context;
use super::error::{Error, ErrorKind};
use super::limits::MAX_TEXT;
use super::operand::{Is, Operand};
use super::place::Place;
use super::print::{print_action, sprint};
use super::set::Dialect;
use super::types::{Kind, Type};
use super::value::Value;
use crate::go::quote::quote;
use std::sync::Arc;

pub(super) type Run<T> = Result<T, Box<Error>>;

/// Whether the list goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

/// One template being executed.
pub(super) struct Exec<'t, 'c, 'a> {
    pub(super) context: &'c mut Context<'a>,
    out: &'c mut Vec<u8>,
    template: &'t Template,
    /// What errors point at.
    pub(super) at: Option<At<'t>>,
    /// `$`: what the template was given.
    pub(super) root: Operand,
    /// The other variables in scope, innermost last.
    pub(super) variables: Vec<(&'t str, Operand)>,
}

/// Executes a template on its own; what it writes comes behind what is in `out`.
pub(super) fn execute(context: &mut Context<'_>, template: &Arc<Template>, data: Value, out: &mut Vec<u8>) -> Run<()> {
    if let Err(message) = context.enter() {
        return Err(Box::new(Error::unplaced(ErrorKind::Limit, message)));
    }
    let dot = Operand::interface(data).unwrapped();
    if let Some(watch) = context.watch() {
        watch.starts();
    }
    let result = run(context, out, template, dot);
    if let Some(watch) = context.watch() {
        watch.ends();
    }
    context.leave();
    result
}

fn run(context: &mut Context<'_>, out: &mut Vec<u8>, template: &Template, dot: Operand) -> Run<()> {
    let mut exec = Exec { context, out, template, at: None, root: dot.clone(), variables: Vec::new() };
    stacker::maybe_grow(256 << 10, 4 << 20, || exec.list(&dot, &template.body)).map(|_| ())
}

impl<'t> Exec<'t, '_, '_> {
    /// An error at the node in hand, with Go's text.
    pub(super) fn fail(&self, message: impl Into<String>) -> Box<Error> {
        self.failure(ErrorKind::Execute, message.into(), None)
    }

    /// The text that the template stands in.
    pub(super) fn source(&self) -> &'t Arc<Source> {
        &self.template.source
    }

    pub(super) fn limit(&self, message: String) -> Box<Error> {
        self.failure(ErrorKind::Limit, message, None)
    }

    pub(super) fn failure(&self, kind: ErrorKind, message: String, cause: Option<Box<Error>>) -> Box<Error> {
        let name = quote(self.template.name.as_bytes());
        let source = &self.template.source;
        let (line, column, text) = match self.at {
            Some(at) => {
                let (line, column) = source.position(at.pos());
                let place = format!("{}:{line}:{column}", source.name);
                (line, Some(column), format!("template: {place}: executing {name} at <{at}>: {message}"))
            }
            None => (0, None, format!("template: {}: {message}", self.template.name)),
        };
        let place = self.at.map(|at| {
            let node = match at {
                // A branch prints with all that is in it.
                At::Node(Node::Branch(branch)) => branch.pipe.to_string(),
                at => at.to_string(),
            };
            Box::new(Place::new(source, &self.template.name, at.pos(), node))
        });
        Box::new(Error {
            text,
            kind,
            template: source.name.to_string(),
            line,
            column,
            message,
            cause,
            place,
            calls: Vec::new(),
            opened: None,
        })
    }

    fn list(&mut self, dot: &Operand, nodes: &'t [Node]) -> Run<Flow> {
        for node in nodes {
            if self.context.charge(1).is_err() {
                self.at = Some(At::Node(node));
                return Err(self.out_of_fuel());
            }
            match self.node(dot, node)? {
                Flow::Next => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    fn out_of_fuel(&mut self) -> Box<Error> {
        let message = self.context.charge(u64::MAX).err().unwrap_or_default();
        self.limit(message)
    }

    fn node(&mut self, dot: &Operand, node: &'t Node) -> Run<Flow> {
        self.at = Some(At::Node(node));
        match node {
            Node::Text { pos, text } => {
                if let Some(watch) = self.context.watch() {
                    watch.writes(self.out.len(), &self.template.source, *pos, true);
                }
                self.write(text.as_bytes())?;
            }
            Node::Action { pos, pipe } => {
                if let Some(watch) = self.context.watch() {
                    watch.writes(self.out.len(), &self.template.source, *pos, false);
                }
                let value = self.pipeline(dot, pipe)?;
                if pipe.variables.is_empty() {
                    self.print(node, &value)?;
                }
            }
            Node::Branch(branch) => {
                let mark = self.variables.len();
                let flow = stacker::maybe_grow(256 << 10, 4 << 20, || match branch.kind {
                    BranchKind::Range => self.range(dot, branch),
                    BranchKind::If | BranchKind::With => self.if_or_with(dot, branch),
                });
                self.variables.truncate(mark);
                return flow;
            }
            Node::Template { name, pipe, .. } => {
                let Some(template) = self.context.find(name) else {
                    return Err(self.fail(format!("template {} not defined", quote(name.as_bytes()))));
                };
                self.context.enter().map_err(|message| self.limit(message))?;
                let dot = match pipe {
                    Some(pipe) => self.pipeline(dot, pipe),
                    None => Ok(Operand::MISSING),
                };
                let result = dot.and_then(|dot| run(self.context, self.out, &template, dot));
                self.context.leave();
                result.map_err(|mut error| {
                    let place =
                        Place::new(&self.template.source, &self.template.name, At::Node(node).pos(), node.to_string());
                    error.calls.push(place);
                    error
                })?;
            }
            Node::Break { .. } => return Ok(Flow::Break),
            Node::Continue { .. } => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn write(&mut self, bytes: &[u8]) -> Run<()> {
        self.context.charge_output(bytes.len()).map_err(|message| self.limit(message))?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn print(&mut self, node: &'t Node, value: &Operand) -> Run<()> {
        self.at = Some(At::Node(node));
        let before = self.out.len();
        match value.is() {
            Is::Missing => self.out.extend_from_slice(b"<no value>"),
            Is::NilPointer(_) => self.out.extend_from_slice(b"<nil>"),
            Is::Concrete(Value::Func(_)) => {
                return Err(self.fail(format!("can't print {node} of type {}", value.type_name())));
            }
            Is::Concrete(value) | Is::Interface(value) => {
                if let Some(watch) = self.context.watch() {
                    watch.whole(value);
                }
                print_action(self.out, value);
            }
        }
        let written = self.out.len() - before;
        if written > MAX_TEXT && !matches!(value.value(), Some(Value::String(_))) {
            return Err(self.limit(format!("limit reached: text ({MAX_TEXT} bytes)")));
        }
        self.context.charge_output(written).map_err(|message| self.limit(message))
    }

    fn if_or_with(&mut self, dot: &Operand, branch: &'t Branch) -> Run<Flow> {
        let value = self.pipeline(dot, &branch.pipe)?;
        if let Some(watch) = self.context.watch() {
            watch.empty(&value);
        }
        if value.truth() {
            let dot = if branch.kind == BranchKind::With { &value } else { dot };
            self.list(dot, &branch.body)
        } else if let Some(otherwise) = &branch.otherwise {
            self.list(dot, otherwise)
        } else {
            Ok(Flow::Next)
        }
    }

    fn range(&mut self, dot: &Operand, branch: &'t Branch) -> Run<Flow> {
        let value = self.pipeline(dot, &branch.pipe)?;
        if let Some(watch) = self.context.watch() {
            watch.range(&value);
        }
        let mark = self.variables.len();
        let mut ran = false;
        // One pass over the body. False: the loop was left.
        let mut pass = |exec: &mut Self, index: Operand, element: Operand| -> Run<bool> {
            ran = true;
            exec.bind(branch, index, &element)?;
            exec.context.charge(1).map_err(|message| exec.limit(message))?;
            let flow = exec.list(&element, &branch.body)?;
            exec.variables.truncate(mark);
            Ok(flow != Flow::Break)
        };
        match value.value() {
            None if matches!(value.is(), Is::NilPointer(_)) => {
                return Err(self.fail("range can't iterate over <nil>"));
            }
            None => {}
            Some(Value::List(list)) => {
                for (i, item) in list.items().iter().enumerate() {
                    let index = Operand::concrete(Value::Int(i as i64));
                    if !pass(self, index, Operand::element(list.ty().elem, item.clone()))? {
                        break;
                    }
                }
            }
            Some(Value::Bytes(bytes)) => {
                for (i, byte) in bytes.iter().enumerate() {
                    let index = Operand::concrete(Value::Int(i as i64));
                    if !pass(self, index, Operand::element(Type::Uint8, Value::Uint8(*byte)))? {
                        break;
                    }
                }
            }
            Some(Value::Map(map)) => {
                let elem = map.ty().elem;
                for (key, item) in map.snapshot() {
                    if !pass(self, Operand::concrete(Value::from(key)), Operand::element(elem, item))? {
                        break;
                    }
                }
            }
            Some(value) => match integers(value).filter(|_| self.context.dialect() != Dialect::Go1_23) {
                Some((count, make)) => {
                    if branch.pipe.variables.len() > 1 {
                        return Err(self.fail(format!("can't use {value} to iterate over more than one variable")));
                    }
                    for n in 0..count {
                        if !pass(self, Operand::MISSING, Operand::concrete(make(n)))? {
                            break;
                        }
                    }
                }
                None => {
                    let shown = match value {
                        Value::Error(text) => format!("{{{text}}}"),
                        _ => sprint(std::slice::from_ref(value)).to_string(),
                    };
                    // A range looks behind the pointer.
                    let shown = if value.kind() == Kind::Ptr { shown.trim_start_matches('&') } else { &*shown };
                    return Err(self.fail(format!("range can't iterate over {shown}")));
                }
            },
        }
        if !ran && let Some(otherwise) = &branch.otherwise {
            return self.list(dot, otherwise);
        }
        Ok(Flow::Next)
    }

    /// Gives the range's variables their values for one pass.
    fn bind(&mut self, branch: &'t Branch, index: Operand, element: &Operand) -> Run<()> {
        let pipe = &branch.pipe;
        if pipe.assign {
            match &*pipe.variables {
                [first] => self.assign(first, element.clone())?,
                [first, second] => {
                    self.assign(first, index)?;
                    self.assign(second, element.clone())?;
                }
                _ => {}
            }
            return Ok(());
        }
        let count = self.variables.len();
        if !pipe.variables.is_empty()
            && let Some(top) = self.variables.get_mut(count.wrapping_sub(1))
        {
            top.1 = element.clone();
        }
        if pipe.variables.len() > 1
            && let Some(below) = self.variables.get_mut(count.wrapping_sub(2))
        {
            below.1 = index;
        }
        Ok(())
    }
}

/// How often a range over an integer runs, and what makes the elements.
type Integers = (u64, fn(u64) -> Value);

fn integers(value: &Value) -> Option<Integers> {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    Some(match value {
        Value::Int(n) => (count(*n), |n| Value::Int(n as i64)),
        Value::Int64(n) => (count(*n), |n| Value::Int64(n as i64)),
        Value::Int32(n) => (count(i64::from(*n)), |n| Value::Int32(n as i32)),
        Value::Uint8(n) => (u64::from(*n), |n| Value::Uint8(n as u8)),
        Value::Uint(n) => (*n, Value::Uint),
        Value::Uint64(n) => (*n, Value::Uint64),
        _ => return None,
    })
}
