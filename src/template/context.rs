//! What a running template lends to the functions it calls: the way back into the engine, and the bill.

use super::ast::{Source, Template};
use super::error::{Error, ErrorKind};
use super::exec;
use super::function::{FuncError, Function, FunctionTable};
use super::limits::{Limits, MAX_PARSED_TEXTS};
use super::names::Names;
use super::parser::{self, Trees};
use super::set::{Dialect, Set};
use super::spare::Spare;
use super::text::Str;
use super::value::Value;
use super::watch::Watch;
use crate::go::quote::quote;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

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

/// The state of one engine, as functions see it.
pub struct Context<'a> {
    set: &'a Set,
    functions: &'a FunctionTable,
    missing: MissingKey,
    limits: Limits,
    fuel: u64,
    output: u64,
    depth: usize,
    /// What the texts being executed define, innermost last.
    overlays: Vec<Rc<Trees>>,
    /// Texts that were parsed before, by name and text.
    texts: HashMap<Arc<str>, HashMap<Arc<str>, Rc<Trees>>>,
    parsed_texts: usize,
    /// The names in them.
    names: Names,
    pub(super) spare: Spare,
    /// Who follows the run, if anybody does.
    watch: Option<Box<Watch>>,
    /// Where the function that runs was called.
    site: Option<Site>,
    /// The calls that led to the template that runs (`include`, `tpl`), outermost first.
    callers: Vec<Site>,
}

/// A place in a text of templates.
struct Site {
    source: Arc<Source>,
    pos: usize,
}

/// Callers that a call is told apart by.
const MAX_CALLERS: usize = 16;

/// Bytes of a line that a call is told apart by.
const MAX_LINE: usize = 512;

impl Context<'_> {
    /// Executes a template of the current set and returns what it wrote.
    ///
    /// # Errors
    /// The template does not exist or fails, or a limit is reached.
    pub fn execute_template(&mut self, name: &str, data: Value) -> Result<Str, Error> {
        let mut out = self.spare.text();
        self.execute_named(name, data, &mut out)?;
        Ok(self.spare.written(out))
    }

    fn execute_named(&mut self, name: &str, data: Value, out: &mut Vec<u8>) -> Result<(), Error> {
        let Some(template) = self.find(name) else {
            let root = self.set.name();
            return Err(Error::unplaced(
                ErrorKind::NotFound,
                format!(
                    "template: no template {} associated with template {}",
                    quote(name.as_bytes()),
                    quote(root.as_bytes())
                ),
            ));
        };
        self.executed(&template, data, out)
    }

    fn executed(&mut self, template: &Arc<Template>, data: Value, out: &mut Vec<u8>) -> Result<(), Error> {
        let callers = self.callers.len();
        self.callers.extend(self.site.take());
        let result = exec::execute(self, template, data, out);
        self.callers.truncate(callers + 1);
        if self.callers.len() > callers {
            self.site = self.callers.pop();
        }
        result.map_err(|error| *error)
    }

    /// Notes where the function was called that runs next.
    pub(super) fn calls_from(&mut self, source: &Arc<Source>, pos: usize) {
        self.site = Some(Site { source: Arc::clone(source), pos });
    }

    /// A name of the call that is being made: the template and the text of the line that it stands in, and those of the calls
    /// that led there. What is added elsewhere in a template does not change it; two calls in lines alike share it.
    pub fn call_site(&self) -> String {
        let callers = &self.callers[self.callers.len().saturating_sub(MAX_CALLERS)..];
        let mut name = String::new();
        for site in callers.iter().chain(&self.site) {
            name.push_str(&site.source.name);
            name.push('\0');
            name.push_str(site.source.line(site.pos, MAX_LINE).trim());
            name.push('\0');
        }
        name
    }

    /// Parses `text` as the template `name` and executes it. It sees the current set; what it defines is seen only while it
    /// runs. Texts are parsed once per engine.
    ///
    /// # Errors
    /// Kind [`ErrorKind::Parse`] if the text is no template, else as [`Context::execute_template`].
    pub fn execute_text(&mut self, name: &str, text: &str, data: Value) -> Result<Str, Error> {
        let trees = self.parsed(name, text)?;
        let Some(template) = trees.get(name).cloned() else {
            return Err(Error::unplaced(
                ErrorKind::NotFound,
                format!("template: {name}: incomplete or empty template"),
            ));
        };
        self.overlays.push(trees);
        let mut out = self.spare.text();
        let result = self.executed(&template, data, &mut out);
        self.overlays.pop();
        result.map(|()| self.spare.written(out))
    }

    fn parsed(&mut self, name: &str, text: &str) -> Result<Rc<Trees>, Error> {
        if let Some(trees) = self.texts.get(name).and_then(|texts| texts.get(text)) {
            return Ok(Rc::clone(trees));
        }
        let functions = self.functions;
        self.charge(text.len() as u64 / 16).map_err(|message| Error::unplaced(ErrorKind::Limit, message))?;
        let trees =
            Rc::new(parser::parse(name, text, self.set.dialect(), &mut self.names, &|name| functions.find(name))?);
        self.parsed_texts += 1;
        if self.parsed_texts > MAX_PARSED_TEXTS {
            self.texts.clear();
            self.parsed_texts = 1;
        }
        self.texts.entry(Arc::from(name)).or_default().insert(Arc::from(text), Rc::clone(&trees));
        Ok(trees)
    }

    /// Whether the current set has a template of this name.
    pub fn has_template(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Calls a function value.
    ///
    /// # Errors
    /// What the function returns.
    pub fn call(&mut self, function: &Function, args: &[Value]) -> Result<Value, FuncError> {
        // Functions recurse over values on their own account.
        stacker::maybe_grow(512 << 10, 4 << 20, || (function.body)(self, args))
    }

    /// Charges the run for work that a function does (one unit is about one node executed, or a few dozen bytes moved).
    ///
    /// # Errors
    /// The fuel is used up.
    pub fn spend(&mut self, fuel: u64) -> Result<(), FuncError> {
        self.charge(fuel).map_err(|message| FuncError {
            cause: Some(Box::new(Error::unplaced(ErrorKind::Limit, message.clone()))),
            message,
        })
    }

    pub(super) fn charge(&mut self, fuel: u64) -> Result<(), String> {
        match self.fuel.checked_sub(fuel) {
            Some(left) => {
                self.fuel = left;
                Ok(())
            }
            None => {
                self.fuel = 0;
                Err(format!("limit reached: fuel ({} steps)", self.limits.fuel))
            }
        }
    }

    pub(super) fn charge_output(&mut self, bytes: usize) -> Result<(), String> {
        match self.output.checked_sub(bytes as u64) {
            Some(left) => {
                self.output = left;
                Ok(())
            }
            None => Err(format!("limit reached: output ({} bytes)", self.limits.output)),
        }
    }

    /// One template deeper; the message says that this is too deep.
    pub(super) fn enter(&mut self) -> Result<(), String> {
        if self.depth >= self.limits.depth {
            return Err(format!("exceeded maximum template depth ({})", self.limits.depth));
        }
        self.depth += 1;
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<Template>> {
        let mut empty = None;
        for trees in self.overlays.iter().rev() {
            if let Some(template) = trees.get(name) {
                // An empty definition does not replace another.
                if !parser::is_empty(&template.body) {
                    return Some(Arc::clone(template));
                }
                empty = Some(template);
            }
        }
        self.set.get(name).or(empty).map(Arc::clone)
    }

    /// Who follows the run, if anybody does.
    pub(super) fn watch(&mut self) -> Option<&mut Watch> {
        self.watch.as_deref_mut()
    }

    pub(super) fn functions(&self) -> &FunctionTable {
        self.functions
    }

    pub(super) fn missing(&self) -> MissingKey {
        self.missing
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.set.dialect()
    }
}

/// Executes templates of one set. Texts that `tpl` parses are kept between executions; the limits are for all of them together.
pub struct Engine<'a> {
    context: Context<'a>,
}

impl<'a> Engine<'a> {
    /// An engine over a set of templates. The functions must be those (by name) that the templates were parsed with.
    pub fn new(set: &'a Set, functions: &'a FunctionTable, missing: MissingKey, limits: Limits) -> Self {
        let (fuel, output) = (limits.fuel, limits.output);
        Self {
            context: Context {
                set,
                functions,
                missing,
                limits,
                fuel,
                output,
                depth: 0,
                overlays: Vec::new(),
                texts: HashMap::new(),
                parsed_texts: 0,
                names: Names::default(),
                spare: Spare::default(),
                watch: None,
                site: None,
                callers: Vec::new(),
            },
        }
    }

    /// Executes the template of this name and returns what it wrote (bytes that are not UTF-8 read as U+FFFD).
    ///
    /// # Errors
    /// The template does not exist or fails, or a limit is reached.
    pub fn execute(&mut self, name: &str, data: Value) -> Result<String, Error> {
        let written = self.execute_bytes(name, data)?;
        Ok(String::from_utf8(written).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The same with the bytes as they are.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub fn execute_bytes(&mut self, name: &str, data: Value) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        self.context.execute_named(name, data, &mut out)?;
        Ok(out)
    }

    /// Lets somebody follow what is executed from now on.
    pub fn set_watch(&mut self, watch: Watch) {
        self.context.watch = Some(Box::new(watch));
    }

    /// Who follows the run.
    pub fn watch(&self) -> Option<&Watch> {
        self.context.watch.as_deref()
    }

    /// What functions see: to call them from outside of a template.
    pub fn context(&mut self) -> &mut Context<'a> {
        &mut self.context
    }
}
