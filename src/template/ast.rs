//! What the parser makes of a text, and how error messages print it back.

use super::function::Found;
use super::number::Number;
use super::text::Str;
use crate::go::quote::quote;
use std::fmt::{self, Write as _};
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// One named template.
#[derive(Debug)]
pub(super) struct Template {
    /// Its own name.
    pub(super) name: Arc<str>,
    pub(super) source: Arc<Source>,
    pub(super) body: Box<[Node]>,
}

/// The text that templates were parsed from.
#[derive(Debug)]
pub(super) struct Source {
    /// The name it was parsed under: what error messages call it.
    pub(super) name: Arc<str>,
    pub(super) text: Arc<str>,
}

impl Source {
    /// Line from 1 and byte offset in the line from 0, as Go counts.
    pub(super) fn position(&self, pos: usize) -> (usize, usize) {
        let before = &self.text.as_bytes()[..pos.min(self.text.len())];
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        let column = before.iter().rev().take_while(|&&b| b != b'\n').count();
        (line, column)
    }
}

impl Source {
    /// The line that a position is in, at most so many bytes of it: those around the position.
    pub(super) fn line(&self, pos: usize, most: usize) -> &str {
        let whole = |mut at: usize| {
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let pos = whole(pos.min(self.text.len()));
        let (before, behind) = self.text.split_at(pos);
        let start = before.rfind('\n').map_or(0, |at| at + 1).max(pos.saturating_sub(most / 2));
        let end = behind.find('\n').map_or(self.text.len(), |at| pos + at).min(pos.saturating_add(most / 2));
        &self.text[whole(start)..whole(end)]
    }
}

/// A part of a text that its templates share.
#[derive(Debug)]
pub(super) struct Piece {
    of: Arc<str>,
    range: Range<usize>,
}

impl Piece {
    /// The range is one of the text.
    pub(super) fn new(of: &Arc<str>, range: Range<usize>) -> Self {
        Self { of: Arc::clone(of), range }
    }
}

impl Deref for Piece {
    type Target = str;

    fn deref(&self) -> &str {
        self.of.get(self.range.clone()).unwrap_or_default()
    }
}

/// What stands in a template's body.
#[derive(Debug)]
pub(super) enum Node {
    Text { pos: usize, text: Piece },
    Action { pos: usize, pipe: Pipe },
    Branch(Box<Branch>),
    Template { pos: usize, name: Arc<str>, pipe: Option<Pipe> },
    Break { pos: usize },
    Continue { pos: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BranchKind {
    If,
    Range,
    With,
}

#[derive(Debug)]
pub(super) struct Branch {
    pub(super) kind: BranchKind,
    pub(super) pos: usize,
    pub(super) pipe: Pipe,
    pub(super) body: Box<[Node]>,
    pub(super) otherwise: Option<Box<[Node]>>,
}

#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) pos: usize,
    /// `=` rather than `:=`.
    pub(super) assign: bool,
    pub(super) variables: Vec<Arc<str>>,
    pub(super) commands: Box<[Command]>,
}

#[derive(Debug)]
pub(super) struct Command {
    pub(super) pos: usize,
    /// At least one.
    pub(super) args: Box<[Expr]>,
}

/// A word of a command.
#[derive(Debug)]
pub(super) struct Expr {
    pub(super) pos: usize,
    pub(super) kind: ExprKind,
}

/// A field on a path.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) text: Arc<str>,
    /// Where in a map it was found last. A template meets maps of the same keys again and again, so that is looked at first; it
    /// is no more than a guess.
    pub(super) seen: AtomicUsize,
}

impl Name {
    pub(super) fn new(text: Arc<str>) -> Self {
        Self { text, seen: AtomicUsize::new(0) }
    }
}

#[derive(Debug)]
pub(super) enum ExprKind {
    Bool(bool),
    Number(Box<Number>),
    String {
        text: Str,
        /// As it is written; none: the text between double quotes.
        literal: Option<Box<str>>,
    },
    Dot,
    Nil,
    Field(Box<[Name]>),
    /// Name with its `$`, then fields.
    Variable(Arc<str>, Box<[Name]>),
    Chain(Box<Expr>, Box<[Name]>),
    Function(Arc<str>, Found),
    Pipe(Box<Pipe>),
}

/// The node being executed: what an error message points at.
#[derive(Clone, Copy)]
pub(super) enum At<'t> {
    Node(&'t Node),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Expr(&'t Expr),
}

impl At<'_> {
    pub(super) fn pos(self) -> usize {
        match self {
            Self::Node(
                Node::Text { pos, .. }
                | Node::Action { pos, .. }
                | Node::Template { pos, .. }
                | Node::Break { pos }
                | Node::Continue { pos },
            ) => *pos,
            Self::Node(Node::Branch(branch)) => branch.pos,
            Self::Pipe(pipe) => pipe.pos,
            Self::Command(command) => command.pos,
            Self::Expr(expr) => match &expr.kind {
                ExprKind::Pipe(pipe) => pipe.pos,
                _ => expr.pos,
            },
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => node.fmt(f),
            Self::Pipe(pipe) => pipe.fmt(f),
            Self::Command(command) => command.fmt(f),
            Self::Expr(expr) => expr.fmt(f),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { text, .. } => f.write_str(text),
            Self::Action { pipe, .. } => write!(f, "{{{{{pipe}}}}}"),
            Self::Template { name, pipe: None, .. } => write!(f, "{{{{template {}}}}}", quote(name.as_bytes())),
            Self::Template { name, pipe: Some(pipe), .. } => {
                write!(f, "{{{{template {} {pipe}}}}}", quote(name.as_bytes()))
            }
            Self::Break { .. } => f.write_str("{{break}}"),
            Self::Continue { .. } => f.write_str("{{continue}}"),
            Self::Branch(branch) => {
                let name = match branch.kind {
                    BranchKind::If => "if",
                    BranchKind::Range => "range",
                    BranchKind::With => "with",
                };
                write!(f, "{{{{{name} {}}}}}", branch.pipe)?;
                branch.body.iter().try_for_each(|node| node.fmt(f))?;
                if let Some(otherwise) = &branch.otherwise {
                    f.write_str("{{else}}")?;
                    otherwise.iter().try_for_each(|node| node.fmt(f))?;
                }
                f.write_str("{{end}}")
            }
        }
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            f.write_str(&self.variables.join(", "))?;
            f.write_str(if self.assign { " = " } else { " := " })?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            if i > 0 {
                f.write_str(" | ")?;
            }
            command.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, arg) in self.args.iter().enumerate() {
            if i > 0 {
                f.write_char(' ')?;
            }
            match &arg.kind {
                ExprKind::Pipe(pipe) => write!(f, "({pipe})")?,
                _ => arg.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = |f: &mut fmt::Formatter<'_>, fields: &[Name]| {
            fields.iter().try_for_each(|field| {
                f.write_char('.')?;
                f.write_str(&field.text)
            })
        };
        match &self.kind {
            ExprKind::Bool(truth) => truth.fmt(f),
            ExprKind::Number(number) => f.write_str(&number.text),
            ExprKind::String { literal: Some(literal), .. } => f.write_str(literal),
            ExprKind::String { text, literal: None } => write!(f, "\"{text}\""),
            ExprKind::Dot => f.write_char('.'),
            ExprKind::Nil => f.write_str("nil"),
            ExprKind::Field(path) => fields(f, path),
            ExprKind::Variable(name, path) => {
                f.write_str(name)?;
                fields(f, path)
            }
            ExprKind::Chain(base, path) => {
                match &base.kind {
                    ExprKind::Pipe(pipe) => write!(f, "({pipe})")?,
                    _ => base.fmt(f)?,
                }
                fields(f, path)
            }
            ExprKind::Function(name, _) => f.write_str(name),
            ExprKind::Pipe(pipe) => pipe.fmt(f),
        }
    }
}
