//! The plan as data.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::manifest::{Object, ObjectId, masked};

use super::{HookSpec, Operation, WaitStep};

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
    /// It comes over from another release, of this environment or of another one.
    Transfer,
    /// It is ours and cannot be changed in place: deleted and made anew, as its annotation allows.
    Recreate,
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
    /// Nothing is done until something else is: no object's action, but a step of its release.
    Wait,
}

impl Verb {
    /// Whether the executor writes.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Adopt | Self::Transfer | Self::Recreate | Self::Prune)
    }

    /// As it stands in JSON and in text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Adopt => "adopt",
            Self::Transfer => "transfer",
            Self::Recreate => "recreate",
            Self::Alert => "alert",
            Self::Unchanged => "unchanged",
            Self::Prune => "prune",
            Self::Keep => "keep",
            Self::Refuse => "refuse",
            Self::Hook => "hook",
            Self::Wait => "wait",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What becomes of an object's dependents when it is deleted to be made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Propagation {
    /// They are collected afterwards.
    Background,
    /// They go first: what comes next must not meet them.
    Foreground,
    /// They stay, and the new object takes them over.
    Orphan,
}

impl Propagation {
    /// As `DeleteOptions` have it.
    #[must_use]
    pub fn policy(self) -> &'static str {
        match self {
            Self::Background => "Background",
            Self::Foreground => "Foreground",
            Self::Orphan => "Orphan",
        }
    }
}

/// A field that an action changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// The field, as `.spec.template.spec.containers[name="api"].image`.
    pub path: String,
    /// What it is, secrets masked; none when it is not there.
    pub live: Option<serde_json::Value>,
    /// What it becomes, secrets masked; none when it goes.
    pub desired: Option<serde_json::Value>,
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
    /// Whose it is until now, of an object that comes over: `environment/release`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Whose it is already, of an object that went over: it is only struck off the inventory.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub to: String,
    /// The fields that change, where something is there already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// The fields among them that the server does not let change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub immutable: Vec<String>,
    /// How it is deleted before it is made anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Propagation>,
    /// Whether the object is to survive its release.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
    /// Whether the object says fields as they are because they are let be (`ignore`, an autoscaler's replicas).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub let_be: bool,
    /// The desired object as it is sent; absent for deletions, and in what is printed when it holds secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// When it runs, of a hook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<HookSpec>,
}

impl Action {
    /// An action of which nothing more is known.
    #[must_use]
    pub fn new(verb: Verb, id: ObjectId) -> Self {
        Self {
            verb,
            id,
            version: String::new(),
            reason: String::new(),
            hash: String::new(),
            uid: String::new(),
            from: String::new(),
            to: String::new(),
            fields: Vec::new(),
            immutable: Vec::new(),
            propagation: None,
            keep: false,
            let_be: false,
            object: None,
            hook: None,
        }
    }

    /// Whether the cluster changes: an object that is gone already is only struck off the inventory.
    #[must_use]
    pub fn changes(&self) -> bool {
        (self.verb.writes() || self.verb == Verb::Hook) && !(self.verb == Verb::Prune && self.uid.is_empty())
    }
}

/// What happens to one release.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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
    /// What is waited for, in the order in which it comes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<WaitStep>,
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

    /// Whether there is nothing to do: no step to take, nothing to write and nothing to delete.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let rests = |a: &Action| a.verb == Verb::Unchanged;
        !self.gone && self.operation.is_none() && self.actions().all(rests) && self.hooks().all(rests)
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
    /// A field cannot be changed in place: nothing of the release is applied, or the object is made anew.
    Immutable,
    /// Data goes with an object.
    DataLoss,
    /// A namespace is deleted, and everything in it.
    NamespaceRemoval,
    /// A definition is deleted, and every object of its kind.
    DefinitionRemoval,
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

/// The digest of actions in their order, each release's with its step in helm's life cycle; 32 hexadecimal digits: equal ones do the
/// same. What is left unchanged has no part in it.
#[must_use]
pub fn digest_of<'a>(releases: impl IntoIterator<Item = (&'a ReleasePlan, Vec<&'a Action>)>) -> String {
    let mut digest = Sha256::new();
    let mut part = |text: &str| {
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text.as_bytes());
    };
    for (release, actions) in releases {
        if let Some(operation) = &release.operation {
            let version = operation.version.unwrap_or_default();
            part(&format!("{} {} {version}", operation.kind.as_str(), release.release));
        }
        for action in actions.into_iter().filter(|a| a.verb != Verb::Unchanged) {
            for text in [&release.release, action.verb.as_str(), &action.id.to_string(), &action.hash, &action.uid] {
                part(text);
            }
            part(action.propagation.map_or("", Propagation::policy));
            part(&action.fields.len().to_string());
            action.fields.iter().for_each(|field| part(&field.path));
        }
    }
    digest.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect()
}

impl Plan {
    pub(super) fn new(environment: &str, revision: &str, releases: Vec<ReleasePlan>, findings: Vec<Finding>) -> Self {
        let digest = digest_of(releases.iter().map(|r| (r, r.hooks().chain(r.actions()).collect())));
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
