//! The state of environments and releases: what `status` prints and the daemon serves.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::drift::ObjectDrift;

use super::style::{BAD, DIM, GOOD, NAME, WARN, paint};

/// What state a release is in, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReleaseState {
    /// The cluster is what Git says, and ready.
    Synced,
    /// It was applied and is not ready yet.
    Progressing,
    /// Git says something that was not applied (a plan waits, or the command only looks).
    Pending,
    /// Others changed something, and the policy is not to correct it.
    Drifted,
    /// An object belongs to somebody else, or cannot be changed in place; nothing of the release is touched.
    Refused,
    /// Applying, deleting or becoming ready failed.
    Failed,
    /// It cannot be read or rendered; nothing of it is touched.
    Broken,
}

impl ReleaseState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Synced, Self::Progressing, Self::Pending, Self::Drifted, Self::Refused, Self::Failed, Self::Broken];

    /// As it stands in JSON, metrics and text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Progressing => "progressing",
            Self::Pending => "pending",
            Self::Drifted => "drifted",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Broken => "broken",
        }
    }
}

/// One release.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseStatus {
    /// Its name.
    pub name: String,
    /// Its namespace, empty when it is not known.
    pub namespace: String,
    /// Its state.
    pub state: ReleaseState,
    /// The revision that was applied completely last, empty when none was.
    pub revision: String,
    /// The objects that it owns.
    pub objects: usize,
    /// The objects that differ from Git because of others.
    pub drifted: usize,
    /// Why it is in this state; empty when there is nothing to say.
    pub messages: Vec<String>,
}

/// One environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentStatus {
    /// Its name.
    pub environment: String,
    /// The revision in force.
    pub revision: String,
    /// The worst state of its releases.
    pub state: ReleaseState,
    /// When it was looked at last, RFC 3339 in UTC.
    pub time: String,
    /// What concerns the environment as a whole.
    pub messages: Vec<String>,
    /// Its releases by name.
    pub releases: Vec<ReleaseStatus>,
    /// What others changed.
    pub drift: Vec<ObjectDrift>,
}

impl EnvironmentStatus {
    /// The worst state of the releases, [`ReleaseState::Synced`] when there is none.
    #[must_use]
    pub fn worst(releases: &[ReleaseStatus]) -> ReleaseState {
        releases.iter().map(|r| r.state).max().unwrap_or(ReleaseState::Synced)
    }
}

/// The status as a table for people.
#[must_use]
pub fn status_text(status: &EnvironmentStatus) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} {} {}",
        paint(NAME, &status.environment),
        painted(status.state, 0),
        paint(DIM, short(&status.revision))
    );
    let width = status.releases.iter().map(|r| r.name.len()).max().unwrap_or(0).max(8);
    for release in &status.releases {
        let drifted = if release.drifted > 0 { format!(", {} drifted", release.drifted) } else { String::new() };
        let _ = writeln!(
            text,
            "  {:<width$}  {}  {}",
            release.name,
            painted(release.state, 11),
            paint(DIM, format!("{} objects{drifted}  {}", release.objects, short(&release.revision)))
        );
        for message in &release.messages {
            for line in message.lines() {
                let _ = writeln!(text, "      {line}");
            }
        }
    }
    for message in &status.messages {
        let _ = writeln!(text, "{} {message}", paint(WARN, "!"));
    }
    text
}

/// A state in its colour.
pub(super) fn painted(state: ReleaseState, width: usize) -> String {
    let style = match state {
        ReleaseState::Synced => GOOD,
        ReleaseState::Progressing | ReleaseState::Pending | ReleaseState::Drifted => WARN,
        ReleaseState::Refused | ReleaseState::Failed | ReleaseState::Broken => BAD,
    };
    paint(style, format!("{:<width$}", state.as_str()))
}

/// A revision as people write it.
pub(super) fn short(revision: &str) -> &str {
    if revision.len() == 40 { &revision[..12] } else { revision }
}
