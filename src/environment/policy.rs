//! What an environment or a release lets evenkeel do, and when: the policies with their defaults.

use std::fmt;
use std::time::Duration;

use crate::manifest::IgnoreRule;

/// What a new commit causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnCommit {
    /// Apply it (the default).
    #[default]
    Apply,
    /// Compute and report the plan; change nothing.
    Plan,
}

/// What a change to a field of ours by anyone else causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDrift {
    /// Put the desired value back and tell (the default).
    #[default]
    Correct,
    /// Tell; change nothing.
    Alert,
    /// Neither; `drift` still lists it, `diff` shows nothing of it.
    Ignore,
}

/// What happens after a failed apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Try again with backoff (the default).
    #[default]
    Retry,
    /// Go back to the last revision that was applied completely.
    Rollback,
    /// Leave it and wait for a new input.
    Stop,
}

/// What happens to the objects in a chart's `crds/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Crds {
    /// Created when they are missing and left alone afterwards, as Helm does (the default).
    #[default]
    Create,
    /// Left out.
    Skip,
    /// Created, and brought to the chart's version.
    Replace,
}

/// How many objects one pass may delete before it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxDeletions {
    /// A number of objects.
    Count(u32),
    /// A share of the environment's objects, in percent, 0 to 100.
    Percent(u8),
}

impl MaxDeletions {
    /// The number of deletions allowed among `objects` (a share rounds down).
    #[must_use]
    pub fn allowed(self, objects: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            Self::Percent(percent) => objects.saturating_mul(usize::from(percent)) / 100,
        }
    }
}

impl fmt::Display for MaxDeletions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// Deletion of what Git no longer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prune {
    /// Whether anything is deleted at all (default: true).
    pub enabled: bool,
    /// How many objects one pass may delete (default: 50%).
    pub max_deletions: MaxDeletions,
    /// Kinds that are never deleted (default: PersistentVolumeClaim, Namespace, CustomResourceDefinition).
    pub protect: Vec<String>,
}

impl Default for Prune {
    fn default() -> Self {
        Self {
            enabled: true,
            max_deletions: MaxDeletions::Percent(50),
            protect: ["PersistentVolumeClaim", "Namespace", "CustomResourceDefinition"].map(str::to_owned).to_vec(),
        }
    }
}

/// The policies in force; a release's override its environment's, key by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policies {
    /// What a commit causes.
    pub on_commit: OnCommit,
    /// What drift causes.
    pub on_drift: OnDrift,
    /// What a failed apply causes.
    pub on_failure: OnFailure,
    /// Deletion of what left Git.
    pub prune: Prune,
    /// Plan again at least this often although nothing changed; `None`: only when something did (the default).
    pub interval: Option<Duration>,
    /// How long a release may take to become ready (default: 5 minutes).
    pub timeout: Duration,
    /// Whether fields that others add to our objects are told, too (default: false).
    pub strict: bool,
    /// What is let be: the environment's rules, then the release's.
    pub ignore: Vec<IgnoreRule>,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            on_commit: OnCommit::default(),
            on_drift: OnDrift::default(),
            on_failure: OnFailure::default(),
            prune: Prune::default(),
            interval: None,
            timeout: Duration::from_secs(5 * 60),
            strict: false,
            ignore: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_rounds_down_and_a_count_stays() {
        assert_eq!(MaxDeletions::Percent(50).allowed(5), 2);
        assert_eq!(MaxDeletions::Percent(0).allowed(5), 0);
        assert_eq!(MaxDeletions::Count(7).allowed(5), 7);
    }
}
