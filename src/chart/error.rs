//! What can be wrong with a chart.

use crate::diagnostic::{Diagnostic, Position};

/// A chart cannot be used. Not retryable: a file has to change first.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{helm}")]
pub struct ChartError {
    /// Helm's own message, without `Error: `.
    pub helm: String,
    /// The place, as far as it is known, in evenkeel's form.
    pub diagnostic: Box<Diagnostic>,
}

impl ChartError {
    /// An error with helm's message and a place.
    pub(crate) fn new(helm: impl Into<String>, diagnostic: Diagnostic) -> Self {
        Self { helm: helm.into(), diagnostic: Box::new(diagnostic) }
    }

    /// An error of a file as a whole, or of a chart (then `file` is its folder).
    pub(crate) fn of(file: &str, helm: impl Into<String>) -> Self {
        let helm = helm.into();
        Self { diagnostic: Box::new(Diagnostic::new(file, helm.clone())), helm }
    }

    /// An error at a place in `text`.
    pub(crate) fn placed(helm: impl Into<String>, file: &str, text: &str, position: Position) -> Self {
        let helm = helm.into();
        Self { diagnostic: Box::new(Diagnostic::new(file, helm.clone()).at(text, position, 1)), helm }
    }

    /// Puts `context: ` before helm's message.
    #[must_use]
    pub(crate) fn wrap(mut self, context: &str) -> Self {
        self.helm = format!("{context}: {}", self.helm);
        self
    }
}
