//! Named templates that can call each other.

use super::ast::Template;
use super::error::Error;
use super::function::FunctionTable;
use super::names::Names;
use super::parser;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// Which Go's behaviour a set has where versions differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Go 1.23 (helm 3.17 is built with it): `range` takes no integers, comparison errors name no types, and lines inside
    /// comments do not count in the places of parse errors.
    Go1_23,
    /// Go 1.24 and later.
    #[default]
    Go1_24,
}

/// Named templates, parsed once. Cloning is cheap.
#[derive(Clone, Default, Debug)]
pub struct Set {
    name: Arc<str>,
    dialect: Dialect,
    templates: Arc<HashMap<Arc<str>, Arc<Template>, RandomState>>,
    names: Arc<Names>,
}

impl Set {
    /// No templates, the newest behaviour.
    pub fn new() -> Self {
        Self::default()
    }

    /// No templates, the behaviour of this version. The name is what errors call the set (helm's is `gotpl`).
    pub fn named(name: &str, dialect: Dialect) -> Self {
        Self { name: Arc::from(name), dialect, templates: Arc::default(), names: Arc::default() }
    }

    /// What errors call the set.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which Go it follows.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Parses `text` and adds it under `name`, with the templates that it defines. A later definition replaces an earlier one,
    /// unless the later one is empty (Go's rule).
    ///
    /// # Errors
    /// The text is not a template, or calls a function that is not in the table.
    pub fn parse(&mut self, name: &str, text: &str, functions: &FunctionTable) -> Result<(), Error> {
        let trees =
            parser::parse(name, text, self.dialect, Arc::make_mut(&mut self.names), &|name| functions.find(name))?;
        let templates = Arc::make_mut(&mut self.templates);
        for (name, tree) in trees {
            if !templates.contains_key(&name) || !parser::is_empty(&tree.body) {
                templates.insert(name, tree);
            }
        }
        Ok(())
    }

    /// Whether there is a template of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.templates.contains_key(name)
    }

    /// The names of all templates, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = self.templates.keys().map(|name| &**name).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// The templates that a text defines, its own name among them.
    pub(super) fn defined_in<'s>(&'s self, source: &'s str) -> impl Iterator<Item = &'s Arc<str>> {
        let of_text = self.templates.iter().filter(|(_, template)| *template.source.name == *source);
        let mut names: Vec<&Arc<str>> = of_text.map(|(name, _)| name).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// The text of this name that the templates themselves hold, if they use it.
    pub(super) fn shared_name(&self, name: &str) -> Option<&Arc<str>> {
        self.names.known(name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Arc<Template>> {
        self.templates.get(name)
    }
}
