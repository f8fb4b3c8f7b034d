//! What other environments of the cluster have to do with a plan: which of its questions they alone can answer, and their answers.
//! A plan that takes nothing from another environment and deletes nothing has no such question.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::{ObjectId, owner_of};

use super::{Desired, EnvironmentInput, ReleaseInput};

/// An object that carries another environment's mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// Whose it says to be: `environment/release`.
    pub home: String,
    /// Its UID.
    pub uid: String,
    /// Whether our own inventory names this very object: then it is ours, unless the other one's does, too.
    pub ours: bool,
}

/// What a plan cannot know of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Doubts {
    /// Objects that are wanted here and carry another environment's mark: do they come over?
    pub foreign: BTreeMap<ObjectId, Marked>,
    /// Objects that would be deleted: are they wanted in another environment?
    pub leaving: BTreeSet<ObjectId>,
    /// Helm's histories that would be deleted, by namespace and name: does another environment go on with them?
    pub histories: BTreeSet<(String, String)>,
    /// Objects that are wanted here no more and carry another's mark: have they gone over?
    pub departed: BTreeMap<ObjectId, Marked>,
}

impl Doubts {
    /// Whether nobody has to be asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A release or an environment that cannot be read or rendered and owns nothing yet: it may be the new home of what others give up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownHome {
    /// What it is: `release clipper`.
    pub what: String,
    /// What it cannot be: `rendered`.
    pub not: &'static str,
}

/// The answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Neighbours {
    /// Foreign objects: why they may be taken, or why not.
    pub given_up: BTreeMap<ObjectId, Result<String, String>>,
    /// Who wants what would be deleted here: `environment/release`.
    pub wanted: BTreeMap<ObjectId, String>,
    /// Who goes on with a history of helm's.
    pub histories: BTreeSet<(String, String)>,
    /// Objects that have gone over: whose they are.
    pub departed: BTreeMap<ObjectId, String>,
    /// Who may want what would be deleted here, too.
    pub unknown_home: Option<UnknownHome>,
}

/// Whose an object says to be, when its annotation names the object itself: a copied one proves nothing.
#[must_use]
pub(super) fn home_of<'a>(id: &ObjectId, owner: &'a str) -> Option<&'a str> {
    owner.strip_prefix(&id.to_string())?.strip_prefix('@').filter(|home| home.contains('/'))
}

/// What other environments have to be asked before this one can be planned.
#[must_use]
pub fn doubts(input: &EnvironmentInput<'_>) -> Doubts {
    let mut doubts = Doubts::default();
    let wanted: BTreeSet<&ObjectId> =
        input.releases.iter().flat_map(|r| r.desired.objects()).map(|object| &object.id).collect();
    let marked = |id: &ObjectId, entry: Option<&crate::manifest::Applied>| {
        let live = input.live.get(id)?;
        let home = home_of(id, live.owner.as_deref()?)?;
        let (environment, _) = home.split_once('/')?;
        let ours = entry.is_some_and(|e| !e.uid.is_empty() && e.uid == live.uid);
        (environment != input.environment).then(|| Marked { home: home.to_owned(), uid: live.uid.clone(), ours })
    };
    for release in &input.releases {
        let owned = |id: &ObjectId| release.inventory.and_then(|i| i.objects.get(id));
        for object in release.desired.objects() {
            let left_alone = object.left_alone(input.live.contains_key(&object.id));
            if let Some(marked) = marked(&object.id, owned(&object.id)).filter(|_| !left_alone) {
                doubts.foreign.insert(object.id.clone(), marked);
            }
        }
        if matches!(release.desired, Desired::Broken) {
            continue;
        }
        for (id, entry) in release.inventory.into_iter().flat_map(|i| &i.objects).filter(|(id, _)| !wanted.contains(id))
        {
            if let Some(marked) = marked(id, Some(entry)) {
                doubts.departed.insert(id.clone(), marked);
                continue;
            }
            let own = owner_of(id, input.environment, release.name);
            let live = input.live.get(id).filter(|l| l.owner.as_deref() == Some(&own) && !l.deleting);
            let goes = !entry.keep
                && !release.prune.protect.contains(&id.kind)
                && (release.prune.enabled || release.confirmed());
            if live.is_some() && goes {
                doubts.leaving.insert(id.clone());
            }
        }
        doubts.histories.extend(left_history(release));
    }
    doubts
}

/// Helm's history that a release leaves: because it goes, or because it has another name or namespace from now on.
fn left_history(release: &ReleaseInput<'_>) -> Option<(String, String)> {
    let recorded = release.inventory?.lifecycle.as_ref()?;
    let input = release.lifecycle.as_ref()?;
    let leaves = match release.desired {
        Desired::Gone => true,
        Desired::Objects(_) => (recorded.namespace.as_str(), recorded.name.as_str()) != (release.namespace, input.name),
        Desired::Broken => false,
    };
    leaves.then(|| (recorded.namespace.clone(), recorded.name.clone()))
}

/// Whether the history that a release leaves is another release's from now on, here or in another environment: then it is not
/// deleted, and what is recorded of it is no longer about this release.
pub(super) fn goes_on_elsewhere(release: &ReleaseInput<'_>, input: &EnvironmentInput<'_>) -> bool {
    let Some(history) = left_history(release) else { return false };
    let of = |other: &ReleaseInput<'_>| {
        let name = other.lifecycle.as_ref().map(|l| l.name);
        let recorded = other.inventory.and_then(|i| i.lifecycle.as_ref());
        match (name, recorded) {
            (Some(name), _) => (other.namespace, name) == (&*history.0, &*history.1),
            (None, Some(recorded)) => (&recorded.namespace, &recorded.name) == (&history.0, &history.1),
            (None, None) => false,
        }
    };
    let others = input.releases.iter().filter(|r| r.name != release.name && !matches!(r.desired, Desired::Gone));
    input.neighbours.histories.contains(&history) || others.into_iter().any(of)
}
