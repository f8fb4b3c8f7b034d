//! Functions that templates call: their declared parameters, their errors, and the table that names them.

use super::builtins::{self, Builtin};
use super::context::Context;
use super::error::Error;
use super::types::Signature;
use super::value::Value;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::rc::Rc;

/// What a function does. The arguments were checked against its signature.
pub type Body = dyn Fn(&mut Context<'_>, &[Value]) -> Result<Value, FuncError>;

/// A function that templates call by name.
pub struct Function {
    /// What it takes.
    pub signature: Signature,
    /// What it does.
    pub body: Box<Body>,
}

/// A function failed. The executor puts `error calling NAME: ` and the place before it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct FuncError {
    /// Go's text of the error.
    pub message: String,
    /// The error of a template that the function ran (`include`, `tpl`), innermost frame last.
    pub cause: Option<Box<Error>>,
}

impl FuncError {
    /// An error with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), cause: None }
    }

    /// The same error with `context: ` before it, as Go's `errors.Wrap` does.
    #[must_use]
    pub fn wrap(mut self, context: &str) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }
}

impl From<Error> for FuncError {
    fn from(error: Error) -> Self {
        Self { message: error.to_string(), cause: Some(Box::new(error)) }
    }
}

impl From<String> for FuncError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<&str> for FuncError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

/// Functions by name. Go's own builtins are always there; a table can replace them.
#[derive(Clone, Default)]
pub struct FunctionTable {
    places: HashMap<&'static str, usize, RandomState>,
    functions: Vec<(&'static str, Rc<Function>)>,
}

/// Where a parsed template finds a function.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    /// At this place of the table that it was parsed with.
    Table(usize),
    Builtin(Builtin),
    /// Nowhere: the template was parsed to be looked at, without a table.
    Nowhere,
}

impl FunctionTable {
    /// A table with nothing but Go's builtins.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names a function. The last one of a name wins.
    pub fn add(
        &mut self,
        name: &'static str,
        signature: Signature,
        body: impl Fn(&mut Context<'_>, &[Value]) -> Result<Value, FuncError> + 'static,
    ) {
        let function = Rc::new(Function { signature, body: Box::new(body) });
        match self.places.get(name) {
            Some(&place) => self.functions[place].1 = function,
            None => {
                self.places.insert(name, self.functions.len());
                self.functions.push((name, function));
            }
        }
    }

    /// The function of this name (not Go's builtins).
    pub fn get(&self, name: &str) -> Option<&Rc<Function>> {
        self.places.get(name).map(|&place| &self.functions[place].1)
    }

    /// What a template that is being parsed keeps of this name.
    pub(super) fn find(&self, name: &str) -> Option<Found> {
        match self.places.get(name) {
            Some(&place) => Some(Found::Table(place)),
            None => builtins::find(name).map(Found::Builtin),
        }
    }

    /// The function at a place of the table that a template was parsed with; this one may have it somewhere else.
    pub(super) fn at(&self, place: usize, name: &str) -> Option<&Rc<Function>> {
        match self.functions.get(place) {
            Some((found, function)) if *found == name => Some(function),
            _ => self.get(name),
        }
    }

    /// Whether a template may call this name.
    pub fn knows(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The names in the table, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.places.keys().copied().collect();
        names.sort_unstable();
        names
    }
}
