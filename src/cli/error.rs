//! What a command ends with when it fails: a kind, a message, a hint and an exit code.

use std::fmt;

use crate::cluster::ClusterError;
use crate::diagnostic::Diagnostic;
use crate::environment::Diagnostics;
use crate::reconcile::PassError;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The user's: arguments, files, templates.
    User,
    /// The cluster's or the network's.
    Cluster,
    /// Ours.
    Internal,
}

/// A failed command. Shown as `error: message`, with its hint.
#[derive(Debug)]
pub struct CliError {
    /// Whose turn it is.
    pub kind: Kind,
    /// What happened; may be several lines.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The exit code: 2, so that 1 stays "there are differences".
    pub code: u8,
}

impl CliError {
    /// Something that the user can put right.
    pub fn user(message: impl Into<String>) -> Self {
        Self { kind: Kind::User, message: message.into(), hint: None, code: 2 }
    }

    /// Something about the cluster.
    pub fn cluster(message: impl Into<String>) -> Self {
        Self { kind: Kind::Cluster, message: message.into(), hint: None, code: 2 }
    }

    /// Something that should not happen.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { kind: Kind::Internal, message: message.into(), hint: None, code: 2 }
    }

    /// With a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With another exit code.
    #[must_use]
    pub fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// As JSON: `{"kind", "message", "hint"}`, an item of a result's `errors`.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let kind = match self.kind {
            Kind::User => "user",
            Kind::Cluster => "cluster",
            Kind::Internal => "internal",
        };
        serde_json::json!({"kind": kind, "message": self.message, "hint": self.hint})
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  = hint: {hint}")?;
        }
        Ok(())
    }
}

impl From<Diagnostic> for CliError {
    fn from(error: Diagnostic) -> Self {
        Self::user(error.to_string())
    }
}

impl From<Diagnostics> for CliError {
    fn from(error: Diagnostics) -> Self {
        Self::user(error.to_string())
    }
}

impl From<ClusterError> for CliError {
    fn from(error: ClusterError) -> Self {
        let mut message = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = inner.source();
        }
        Self::cluster(message)
    }
}

impl From<PassError> for CliError {
    fn from(error: PassError) -> Self {
        match error {
            PassError::Environment(diagnostics) => diagnostics.into(),
            PassError::Cluster(error) => error.into(),
            PassError::Apply(error) => Self::cluster(error.to_string()),
            PassError::Behind { .. } => Self::cluster(error.to_string()),
            PassError::Internal(message) => Self::internal(message),
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::internal(error.to_string())
    }
}
