//! The plan as data.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::manifest::{Object, ObjectId, masked};

use super::{HookSpec, Operation};

/// What is done to one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// It is not there, and is created.
    Create,
    /// It is ours and differs: from Git, or because somebody changed it.
    Update,
    /// It is there and nobody's; it becomes ours.
    Adopt,
    /// It comes over from another release of the environment.
    Transfer,
    /// It differs, and the policy says to tell rather than to correct.
    Alert,
    /// Nothing is to be done.
    Unchanged,
    /// It is ours and no longer wanted: deleted.
    Prune,
    /// It is no longer wanted and stays, for the reason given.
    Keep,
    /// It cannot be touched: it is somebody else's.
    Refuse,
    /// It is made for its event, and waited for until it is done.
    Hook,
}

impl Verb {
    /// Whether the executor writes.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Adopt | Self::Transfer | Self::Prune)
    }

    /// As it stands in JSON and in text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Adopt => "adopt",
            Self::Transfer => "transfer",
            Self::Alert => "alert",
            Self::Unchanged => "unchanged",
            Self::Prune => "prune",
            Self::Keep => "keep",
            Self::Refuse => "refuse",
            Self::Hook => "hook",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One object and what is done to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// What is done.
    pub verb: Verb,
    /// To which object.
    pub id: ObjectId,
    /// With which API version.
    pub version: String,
    /// Why, for a person.
    pub reason: String,
    /// The hash of the desired object, empty for deletions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hash: String,
    /// The UID that the object must have: the precondition of a deletion, empty otherwise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Whether the object is to survive its release.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
    /// The desired object as it is sent; absent for deletions, and in what is printed when it holds secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// When it runs, of a hook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<HookSpec>,
}

impl Action {
    /// Whether the cluster changes: an object that is gone already is only struck off the inventory.
    #[must_use]
    pub fn changes(&self) -> bool {
        (self.verb.writes() || self.verb == Verb::Hook) && !(self.verb == Verb::Prune && self.uid.is_empty())
    }
}

/// What happens to one release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleasePlan {
    /// The release.
    pub release: String,
    /// The namespace that it is installed into.
    pub namespace: String,
    /// Its place in the order of releases: a stage begins when the one before it is ready.
    pub stage: usize,
    /// Whether the release left Git.
    pub gone: bool,
    /// The step in helm's life cycle, when there is one to take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// Hooks that run before the objects are applied, or deleted where the release left Git.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Action>,
    /// Hooks that run when the objects are applied and ready, or deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Action>,
    /// Objects to apply, in helm's install order.
    pub apply: Vec<Action>,
    /// Objects that are no longer wanted, in the reverse order; done after every release was applied.
    pub prune: Vec<Action>,
}

impl ReleasePlan {
    /// Every action on an object that the release keeps or gives up, applies first.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.apply.iter().chain(&self.prune)
    }

    /// Every hook.
    pub fn hooks(&self) -> impl Iterator<Item = &Action> {
        self.before.iter().chain(&self.after)
    }

    /// Takes the step in helm's life cycle out: nothing new comes about.
    pub fn without_operation(&mut self) {
        self.operation = None;
        self.before.clear();
        self.after.clear();
    }

    /// Whether an object of it cannot be touched, so that nothing of it is.
    #[must_use]
    pub fn refused(&self) -> bool {
        self.apply.iter().any(|a| a.verb == Verb::Refuse)
    }
}

/// Something in a plan that a person should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FindingKind {
    /// More deletions than the environment's policy bears: none is done.
    MassPrune,
    /// A release that owns objects renders none: nothing of it is deleted.
    EmptyRender,
    /// An object belongs to somebody else: nothing of the release is applied.
    ForeignOwner,
    /// Deletions wait, because a release that cannot be rendered may want the objects.
    PruneWaits,
    /// A protected object stays.
    Protected,
}

/// A finding with its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// The release, empty when it is about the environment.
    pub release: String,
    /// For a person.
    pub message: String,
}

/// What is going to happen to one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The environment.
    pub environment: String,
    /// The revision that it would be brought to.
    pub revision: String,
    /// The digest of all actions: two plans with the same digest do the same.
    pub digest: String,
    /// The releases in their order.
    pub releases: Vec<ReleasePlan>,
    /// What a person should look at.
    pub findings: Vec<Finding>,
}

impl Plan {
    pub(super) fn new(environment: &str, revision: &str, releases: Vec<ReleasePlan>, findings: Vec<Finding>) -> Self {
        let mut digest = Sha256::new();
        for release in &releases {
            if let Some(operation) = &release.operation {
                let version = operation.version.unwrap_or_default();
                let said = format!("{} {} {version}", operation.kind.as_str(), release.release);
                digest.update((said.len() as u64).to_le_bytes());
                digest.update(said.as_bytes());
            }
            for action in release.hooks().chain(release.actions()).filter(|a| a.verb != Verb::Unchanged) {
                for part in [&release.release, action.verb.as_str(), &action.id.to_string(), &action.hash, &action.uid]
                {
                    digest.update((part.len() as u64).to_le_bytes());
                    digest.update(part.as_bytes());
                }
            }
        }
        let digest = digest.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect();
        Self { environment: environment.to_owned(), revision: revision.to_owned(), digest, releases, findings }
    }

    /// Every action with its release.
    pub fn actions(&self) -> impl Iterator<Item = (&ReleasePlan, &Action)> {
        self.releases.iter().flat_map(|r| r.actions().map(move |a| (r, a)))
    }

    /// Whether executing it would write nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.actions().any(|(_, a)| a.changes()) && self.releases.iter().all(|r| r.operation.is_none())
    }

    /// For printing: unchanged objects left out, secret values masked.
    #[must_use]
    pub fn printable(&self) -> Self {
        let mut plan = self.clone();
        for release in &mut plan.releases {
            for actions in [&mut release.apply, &mut release.before, &mut release.after] {
                actions.retain(|a| a.verb != Verb::Unchanged);
                for action in actions {
                    action.object = action.object.as_ref().map(masked);
                }
            }
        }
        plan
    }
}
