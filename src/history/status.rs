//! How a revision ended.

use std::fmt;

/// The status of a revision, in helm's words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Status {
    /// It is what is in force.
    Deployed,
    /// A later one took its place.
    Superseded,
    /// It could not be brought about.
    Failed,
    /// The release was uninstalled, and its history kept.
    Uninstalled,
    /// The release is being uninstalled.
    Uninstalling,
    /// Helm is at work, or was when it died. evenkeel never leaves such a status.
    Pending(String),
    /// Anything else.
    #[default]
    Unknown,
    /// A word that helm may learn.
    Other(String),
}

impl Status {
    /// From helm's word.
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "deployed" => Self::Deployed,
            "superseded" => Self::Superseded,
            "failed" => Self::Failed,
            "uninstalled" => Self::Uninstalled,
            "uninstalling" => Self::Uninstalling,
            "unknown" | "" => Self::Unknown,
            word if word.starts_with("pending-") => Self::Pending(word.to_owned()),
            word => Self::Other(word.to_owned()),
        }
    }

    /// Helm's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Deployed => "deployed",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalled => "uninstalled",
            Self::Uninstalling => "uninstalling",
            Self::Unknown => "unknown",
            Self::Pending(word) | Self::Other(word) => word,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
