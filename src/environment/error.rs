//! The errors of an environment: always a list, so that a person fixes all of them at once.

use std::fmt;

use crate::diagnostic::Diagnostic;
use crate::tree::TreeError;

/// One or more located errors; shown one after the other. Not retryable: the files have to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// The errors file by file, in the order in which they stand there, each once.
    pub(super) fn sorted(mut errors: Vec<Diagnostic>) -> Self {
        errors.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
        let mut once: Vec<Diagnostic> = Vec::new();
        for error in errors {
            // A mistake in a layer's file is found there, and again where the layers are merged.
            if !once.contains(&error) {
                once.push(error);
            }
        }
        Self(once)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl From<TreeError> for Diagnostics {
    fn from(error: TreeError) -> Self {
        Diagnostic::new(error.path, error.message).into()
    }
}
