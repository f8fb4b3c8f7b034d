//! Alerts to the outside: a drift report, a refused prune or a broken release becomes a structured log line and, where one
//! is configured, a signed JSON POST to a webhook. Called by the daemon; never decides what is worth an alert.

mod signature;
mod webhook;

pub use signature::{SIGNATURE_HEADER, sign, verify};
pub use webhook::{Webhook, WebhookError};

use serde::Serialize;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AlertKind {
    /// Objects differ from Git.
    Drift,
    /// Drift was put right.
    DriftCorrected,
    /// A release or an environment cannot be read or rendered.
    Broken,
    /// Objects could not be applied or deleted.
    Failed,
    /// Deletions were refused by a guard.
    PruneRefused,
    /// The repository cannot be reached or read; the last good revision stays in force.
    Repository,
    /// What was wrong is right again.
    Resolved,
}

impl AlertKind {
    /// As it stands in JSON and log lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::DriftCorrected => "driftCorrected",
            Self::Broken => "broken",
            Self::Failed => "failed",
            Self::PruneRefused => "pruneRefused",
            Self::Repository => "repository",
            Self::Resolved => "resolved",
        }
    }
}

/// One alert. Holds no secret: whoever makes it masks first.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// What happened.
    pub kind: AlertKind,
    /// The environment, empty for the repository as a whole.
    pub environment: String,
    /// The release, when it is about one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub release: String,
    /// The revision in force.
    pub revision: String,
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// One line for a person.
    pub message: String,
    /// The particulars: a drift report's objects, a diagnostic's text.
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    pub details: serde_json::Value,
}

impl Alert {
    /// Writes the alert as one structured log line.
    pub fn log(&self) {
        let details = if self.details.is_null() { String::new() } else { self.details.to_string() };
        tracing::warn!(
            target: "evenkeel::alert",
            alert = self.kind.as_str(),
            environment = %self.environment,
            release = %self.release,
            revision = %self.revision,
            details = %details,
            "{}",
            self.message
        );
    }
}
