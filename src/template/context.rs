//! What a running template lends to the functions it calls: the way back into the engine, and the bill.

use super::error::Error;
use super::function::{FuncError, Function, FunctionTable};
use super::limits::Limits;
use super::set::Set;
use super::value::Value;
use std::marker::PhantomData;

/// What a map answers for a key that it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingKey {
    /// No value at all: prints `<no value>`, and a field of it is again no value.
    #[default]
    Default,
    /// The zero value of the map's element type. For `interface {}` that is nil: it prints `<no value>`, but a field of it is an error.
    Zero,
    /// An error.
    Error,
}

/// The state of one run, as functions see it.
pub struct Context<'a> {
    _set: PhantomData<&'a Set>,
}

impl Context<'_> {
    /// Executes a template of the current set and returns what it wrote.
    ///
    /// # Errors
    /// The template does not exist or fails, or a limit is reached.
    pub fn execute_template(&mut self, _name: &str, _data: Value) -> Result<String, Error> {
        Err(super::error::Error::unplaced(super::error::ErrorKind::Execute, "not built yet"))
    }

    /// Parses `text` as the template `name` and executes it. It sees the current set; what it defines is seen only while it
    /// runs. Texts are parsed once per run.
    ///
    /// # Errors
    /// Kind [`super::ErrorKind::Parse`] if the text is no template, else as [`Context::execute_template`].
    pub fn execute_text(&mut self, _name: &str, _text: &str, _data: Value) -> Result<String, Error> {
        Err(super::error::Error::unplaced(super::error::ErrorKind::Execute, "not built yet"))
    }

    /// Whether the current set has a template of this name.
    pub fn has_template(&self, _name: &str) -> bool {
        false
    }

    /// Calls a function value.
    ///
    /// # Errors
    /// What the function returns.
    pub fn call(&mut self, function: &Function, args: &[Value]) -> Result<Value, FuncError> {
        (function.body)(self, args)
    }

    /// Charges the run for work that a function does (one unit is about one node executed, or a few dozen bytes moved).
    ///
    /// # Errors
    /// The fuel is used up.
    pub fn spend(&mut self, _fuel: u64) -> Result<(), FuncError> {
        Ok(())
    }
}

/// Executes templates of one set. Texts that `tpl` parses are kept between executions.
pub struct Engine<'a> {
    context: Context<'a>,
}

impl<'a> Engine<'a> {
    /// An engine over a set of templates. The functions must be those (by name) that the templates were parsed with.
    pub fn new(_set: &'a Set, _functions: &'a FunctionTable, _missing: MissingKey, _limits: Limits) -> Self {
        Self { context: Context { _set: PhantomData } }
    }

    /// Executes the template of this name and returns what it wrote.
    ///
    /// # Errors
    /// The template does not exist or fails, or a limit is reached.
    pub fn execute(&mut self, name: &str, data: Value) -> Result<String, Error> {
        self.context.execute_template(name, data)
    }
}
