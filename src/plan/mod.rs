//! Turns what should be, what is owned and what is there into actions in order. A plan is plain data: it leaves no choice
//! to the executor, it can be printed, stored and compared, and making it twice gives the same bytes.
//!
//! Called by reconcile for one environment at a time, because an object may move between its releases and because the
//! limit on deletions is the environment's. Never reads a cluster.

mod action;
mod annotations;
mod desired;
mod foretell;
mod guard;
mod immutable;
mod lifecycle;
mod neighbours;
mod release;
mod waits;

pub use action::{Action, FieldChange, Finding, FindingKind, Plan, Propagation, ReleasePlan, Verb, digest_of};
pub use annotations::{Annotations, ApplyMode};
pub use desired::{DesiredError, DesiredObject, Scopes, desire};
pub use foretell::{Foreseen, foretell};
pub use immutable::{Blocked, immutable};
pub use lifecycle::{
    DesiredHook, HookSpec, Installed, LifecycleInput, Operation, OperationKind, desire_hooks, hook_actions, run_key,
};
pub use neighbours::{Doubts, Marked, Neighbours, UnknownHome, doubts};
pub use release::{BEING_DELETED, Desired, Live, ReleaseInput};
pub use waits::{Before, ITS_OBJECTS, WaitStep};

use std::collections::{BTreeMap, BTreeSet};

use crate::environment::MaxDeletions;
use crate::manifest::ObjectId;

/// Everything that a plan is made from.
#[derive(Debug)]
pub struct EnvironmentInput<'a> {
    /// The environment's name.
    pub environment: &'a str,
    /// The revision that the desired objects come from.
    pub revision: &'a str,
    /// Its releases, and those that left Git and still own something.
    pub releases: Vec<ReleaseInput<'a>>,
    /// What is in the cluster, for every desired and every owned object; what is not in it does not exist.
    pub live: &'a BTreeMap<ObjectId, Live>,
    /// What other environments of the cluster say to what this one alone cannot know ([`doubts()`]).
    pub neighbours: &'a Neighbours,
    /// How many deletions the environment bears in one pass.
    pub max_deletions: MaxDeletions,
}

/// Plans one environment.
#[must_use]
pub fn plan(input: &EnvironmentInput<'_>) -> Plan {
    // An object that one release gives up and another one renders is handed over, never deleted.
    // Where two releases render one object, it is whose inventory has it, else the first one's.
    let mut wanted: BTreeMap<&ObjectId, (&str, bool)> = BTreeMap::new();
    for release in &input.releases {
        for object in release.desired.objects() {
            let owned = release.inventory.is_some_and(|i| i.objects.contains_key(&object.id));
            let home = wanted.entry(&object.id).or_insert((release.name, owned));
            if owned && !home.1 {
                *home = (release.name, owned);
            }
        }
    }
    let wanted: BTreeMap<&ObjectId, &str> = wanted.into_iter().map(|(id, (name, _))| (id, name)).collect();
    // A release that cannot be rendered and owns nothing yet may be the new home of what another one gives up.
    let unknown_home: Option<UnknownHome> = input
        .releases
        .iter()
        .find(|r| matches!(r.desired, Desired::Broken) && r.inventory.is_none_or(|i| i.objects.is_empty()))
        .map(|r| UnknownHome { what: format!("release {}", r.name), not: "rendered" })
        .or_else(|| input.neighbours.unknown_home.clone());
    let given_up: BTreeSet<(&ObjectId, &str)> = input
        .releases
        .iter()
        .filter(|r| !matches!(r.desired, Desired::Broken))
        .flat_map(|r| {
            let own: BTreeSet<&ObjectId> = r.desired.objects().iter().map(|o| &o.id).collect();
            r.inventory.iter().flat_map(|i| i.objects.keys()).filter(move |id| !own.contains(id)).map(|id| (id, r.name))
        })
        .collect();

    let mut findings = Vec::new();
    let mut releases: Vec<ReleasePlan> = Vec::new();
    for release in &input.releases {
        let mut made = release::plan_release(release, input, &wanted, &given_up, &mut findings);
        made.prune = release::plan_prune(release, input, &wanted, unknown_home.as_ref(), &mut findings);
        if let Some((operation, before, after)) = lifecycle::plan_operation(release, input) {
            made.operation = Some(operation);
            (made.before, made.after) = (before, after);
        }
        // What others go on with has not come to its end: the hooks of the end would harm it.
        let goes_on =
            |a: &Action| !a.to.is_empty() || wanted.contains_key(&a.id) || input.neighbours.wanted.contains_key(&a.id);
        if made.gone && made.prune.iter().any(goes_on) {
            (made.before, made.after) = (Vec::new(), Vec::new());
        }
        // It is not uninstalled while its objects have to wait.
        if made.gone && !release.confirmed() && (unknown_home.is_some() || !release.prune.enabled) {
            made.without_operation();
        }
        releases.push(made);
    }
    releases.sort_by(|a, b| a.stage.cmp(&b.stage).then_with(|| a.release.cmp(&b.release)));
    let owned = input.releases.iter().filter_map(|r| r.inventory).map(|i| i.objects.len()).sum();
    // What somebody asks for by name is confirmed.
    let confirmed: BTreeSet<&str> = input.releases.iter().filter(|r| r.confirmed()).map(|r| r.name).collect();
    let open = releases.iter_mut().filter(|r| !confirmed.contains(r.release.as_str()));
    let mut open: Vec<&mut ReleasePlan> = open.collect();
    if !guard::limit_deletions(&mut open, owned, input.max_deletions, &mut findings) {
        open.into_iter().filter(|r| r.gone).for_each(ReleasePlan::without_operation);
    }
    foretell::removals(&releases, &mut findings);
    findings.sort();
    Plan::new(input.environment, input.revision, releases, findings)
}

#[cfg(test)]
mod tests;
