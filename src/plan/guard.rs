//! What keeps a prune from hurting: a limit on deletions, protected kinds.

use serde::{Deserialize, Serialize};

use super::{Action, Finding, FindingKind, ReleasePlan, Verb};

/// How many of an environment's objects one pass may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MaxDeletions {
    /// At most so many.
    Count(usize),
    /// At most this percentage of the objects that the environment owns, rounded up.
    Percent(u8),
}

impl MaxDeletions {
    /// The number for an environment that owns `owned` objects.
    #[must_use]
    pub fn allowed(self, owned: usize) -> usize {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => (owned * usize::from(percent)).div_ceil(100),
        }
    }
}

impl Default for MaxDeletions {
    fn default() -> Self {
        Self::Percent(50)
    }
}

/// What may be deleted of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunePolicy {
    /// Whether anything is.
    pub enabled: bool,
    /// Kinds that never are.
    pub protect: Vec<String>,
}

impl Default for PrunePolicy {
    fn default() -> Self {
        Self {
            enabled: true,
            protect: ["PersistentVolumeClaim", "Namespace", "CustomResourceDefinition"].map(str::to_owned).to_vec(),
        }
    }
}

/// Turns every deletion into a `keep` when there are more than the environment bears.
pub(super) fn limit_deletions(
    releases: &mut [ReleasePlan],
    owned: usize,
    max: MaxDeletions,
    findings: &mut Vec<Finding>,
) {
    let deletions = releases.iter().flat_map(|r| &r.prune).filter(|a| deletes(a)).count();
    let allowed = max.allowed(owned);
    if deletions <= allowed {
        return;
    }
    let limit = match max {
        MaxDeletions::Count(count) => format!("{count}"),
        MaxDeletions::Percent(percent) => format!("{percent}% of {owned} objects"),
    };
    let reason = format!("{deletions} deletions exceed prune.maxDeletions ({limit})");
    for action in releases.iter_mut().flat_map(|r| &mut r.prune).filter(|a| deletes(a)) {
        action.verb = Verb::Keep;
        action.reason.clone_from(&reason);
    }
    findings.push(Finding {
        kind: FindingKind::MassPrune,
        release: String::new(),
        message: format!("nothing is deleted: {reason}; raise the limit in environment.yaml to confirm"),
    });
}

/// An object that is gone already is only struck off the inventory.
fn deletes(action: &Action) -> bool {
    action.verb == Verb::Prune && !action.uid.is_empty()
}
