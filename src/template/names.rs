//! The names in templates (fields, variables, functions), each held once for all texts that are parsed together.

use foldhash::fast::RandomState;
use std::collections::HashSet;
use std::sync::Arc;

/// Names that were met.
#[derive(Clone, Default, Debug)]
pub(super) struct Names(HashSet<Arc<str>, RandomState>);

impl Names {
    pub(super) fn known(&self, name: &str) -> Option<&Arc<str>> {
        self.0.get(name)
    }

    pub(super) fn of(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(name);
        self.0.insert(Arc::clone(&new));
        new
    }
}
