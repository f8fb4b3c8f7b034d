//! The actions of one release.

use std::collections::{BTreeMap, BTreeSet};

use crate::environment::{OnDrift, Prune};
use crate::manifest::{Applied, Inventory, ObjectId, owner_of, sort_for_uninstall};

use super::neighbours::home_of;
use super::{
    Action, ApplyMode, DesiredObject, EnvironmentInput, Finding, FindingKind, LifecycleInput, ReleasePlan, UnknownHome,
    Verb,
};

/// Why an object is kept that is on its way out.
pub const BEING_DELETED: &str = "it is being deleted already";

/// What a release should be.
#[derive(Debug, Clone)]
pub enum Desired {
    /// These objects, in install order.
    Objects(Vec<DesiredObject>),
    /// It cannot be read or rendered: nothing of it is applied or pruned.
    Broken,
    /// It left Git: everything that it owns is to go.
    Gone,
}

impl Desired {
    /// The objects, none for a release that is broken or gone.
    #[must_use]
    pub fn objects(&self) -> &[DesiredObject] {
        match self {
            Self::Objects(objects) => objects,
            Self::Broken | Self::Gone => &[],
        }
    }
}

/// An object in the cluster, as far as a plan needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Live {
    /// Its UID.
    pub uid: String,
    /// The mark of our managed-fields entry; `None` when there is no such entry.
    pub mark: Option<String>,
    /// Its owner annotation.
    pub owner: Option<String>,
    /// Whether the object was read, compared, and found to say what Git says although the mark changed.
    pub same: bool,
    /// Whether it was read, compared, and found to say something else although the mark did not change: what was let be is no
    /// longer anybody's.
    pub differs: bool,
    /// Whether it is on its way out already.
    pub deleting: bool,
    /// What others own of it, digested; 0 when that is nothing.
    pub foreign: u64,
}

/// One release of an environment.
#[derive(Debug)]
pub struct ReleaseInput<'a> {
    /// The release.
    pub name: &'a str,
    /// The namespace that it is installed into.
    pub namespace: &'a str,
    /// Its place in the order of releases.
    pub stage: usize,
    /// What it should be.
    pub desired: Desired,
    /// What it owns.
    pub inventory: Option<&'a Inventory>,
    /// What may be deleted of it.
    pub prune: &'a Prune,
    /// What to do about drift.
    pub on_drift: OnDrift,
    /// Helm's life cycle; without it, no revision is written and no hook runs.
    pub lifecycle: Option<LifecycleInput<'a>>,
}

/// The objects that a release applies.
pub(super) fn plan_release(
    release: &ReleaseInput<'_>,
    input: &EnvironmentInput<'_>,
    wanted: &BTreeMap<&ObjectId, &str>,
    given_up: &BTreeSet<(&ObjectId, &str)>,
    findings: &mut Vec<Finding>,
) -> ReleasePlan {
    let mut apply: Vec<Action> = Vec::new();
    for desired in release.desired.objects() {
        let entry = release.inventory.and_then(|i| i.objects.get(&desired.id));
        let mut from = String::new();
        let (verb, reason) = match wanted.get(&desired.id) {
            Some(home) if *home != release.name => (Verb::Refuse, format!("release {home} renders it too")),
            _ => decide(release, input, desired, entry, given_up, &mut from),
        };
        if verb == Verb::Refuse {
            findings.push(Finding {
                kind: FindingKind::ForeignOwner,
                release: release.name.to_owned(),
                message: format!("{}: {reason}", desired.id.display()),
            });
        }
        apply.push(Action {
            version: desired.version.clone(),
            reason,
            hash: desired.hash.clone(),
            from,
            keep: desired.keep,
            object: Some(desired.object.clone()),
            ..Action::new(verb, desired.id.clone())
        });
    }
    ReleasePlan {
        release: release.name.to_owned(),
        namespace: release.namespace.to_owned(),
        stage: release.stage,
        gone: matches!(release.desired, Desired::Gone),
        waits: Vec::new(),
        operation: None,
        before: Vec::new(),
        after: Vec::new(),
        apply,
        prune: Vec::new(),
    }
}

fn decide(
    release: &ReleaseInput<'_>,
    input: &EnvironmentInput<'_>,
    desired: &DesiredObject,
    entry: Option<&Applied>,
    given_up: &BTreeSet<(&ObjectId, &str)>,
    comes_from: &mut String,
) -> (Verb, String) {
    let owner = owner_of(&desired.id, input.environment, release.name);
    if desired.mode == ApplyMode::Skip {
        return (Verb::Unchanged, "its annotation says to skip it".to_owned());
    }
    if desired.left_alone(input.live.contains_key(&desired.id)) {
        return (Verb::Unchanged, String::new());
    }
    let Some(live) = input.live.get(&desired.id) else {
        return match entry {
            // An entry without a UID was written before an apply that did not end.
            Some(entry) if !entry.uid.is_empty() => drifted(release, entry, desired, "it was deleted"),
            _ => (Verb::Create, "it does not exist".to_owned()),
        };
    };
    let home = live.owner.as_deref().filter(|o| *o != owner).and_then(|o| home_of(&desired.id, o));
    if let Some(home) = home {
        let here = home.strip_prefix(input.environment).and_then(|rest| rest.strip_prefix('/'));
        let (verb, reason) = match (here, input.neighbours.given_up.get(&desired.id)) {
            (Some(from), _) if given_up.contains(&(&desired.id, from)) => {
                (Verb::Transfer, format!("it moves here from release {from}"))
            }
            (None, Some(Ok(why))) => (Verb::Transfer, why.clone()),
            (None, Some(Err(why))) => (Verb::Refuse, why.clone()),
            _ => (Verb::Refuse, format!("it belongs to {home}")),
        };
        if verb == Verb::Transfer {
            home.clone_into(comes_from);
        }
        return (verb, reason);
    }
    match entry {
        None if live.owner.as_deref() == Some(&owner) => {
            (Verb::Update, "it carries our mark and is missing from the inventory".to_owned())
        }
        None => (Verb::Adopt, "it exists and is nobody's".to_owned()),
        Some(entry) if entry.desired != desired.hash => (Verb::Update, "it changed in Git".to_owned()),
        Some(entry) if entry.uid != live.uid => drifted(release, entry, desired, "it was deleted and made anew"),
        Some(entry) if live.differs || (live.mark.as_deref() != Some(entry.mark.as_str()) && !live.same) => {
            drifted(release, entry, desired, "somebody changed it")
        }
        Some(_) => (Verb::Unchanged, String::new()),
    }
}

fn drifted(release: &ReleaseInput<'_>, entry: &Applied, desired: &DesiredObject, what: &str) -> (Verb, String) {
    if entry.desired != desired.hash {
        return (Verb::Update, format!("it changed in Git, and {what}"));
    }
    match desired.on_drift.unwrap_or(release.on_drift) {
        OnDrift::Correct => (Verb::Update, what.to_owned()),
        OnDrift::Alert => (Verb::Alert, format!("{what}; onDrift is alert")),
        OnDrift::Ignore => (Verb::Unchanged, String::new()),
    }
}

/// The objects that a release no longer wants.
pub(super) fn plan_prune(
    release: &ReleaseInput<'_>,
    input: &EnvironmentInput<'_>,
    wanted: &BTreeMap<&ObjectId, &str>,
    unknown_home: Option<&UnknownHome>,
    findings: &mut Vec<Finding>,
) -> Vec<Action> {
    let Some(inventory) = release.inventory else { return Vec::new() };
    if matches!(release.desired, Desired::Broken) {
        return Vec::new();
    }
    let own: BTreeSet<&ObjectId> = release.desired.objects().iter().map(|o| &o.id).collect();
    let empty = matches!(&release.desired, Desired::Objects(objects) if objects.is_empty());
    if empty && inventory.objects.values().any(|a| !a.keep) {
        findings.push(Finding {
            kind: FindingKind::EmptyRender,
            release: release.name.to_owned(),
            message: "it renders no object at all, so nothing of it is deleted; remove the release to confirm"
                .to_owned(),
        });
    }
    let mut actions = Vec::new();
    for (id, entry) in &inventory.objects {
        if own.contains(id) {
            continue;
        }
        let Some(live) = input.live.get(id) else {
            actions.push(action(Verb::Prune, id, entry, "", "it is gone already".to_owned()));
            continue;
        };
        if let Some(home) = input.neighbours.departed.get(id).filter(|_| !wanted.contains_key(id)) {
            let gone_over = action(Verb::Keep, id, entry, &live.uid, format!("it went over to {home}"));
            actions.push(Action { to: home.clone(), ..gone_over });
            continue;
        }
        let (verb, reason) = if let Some(home) = wanted.get(id) {
            (Verb::Keep, format!("it moves to release {home}"))
        } else if let Some(home) = input.neighbours.wanted.get(id) {
            (Verb::Keep, format!("it moves to {home}"))
        } else if entry.keep {
            (Verb::Keep, "its annotation says to keep it".to_owned())
        } else if release.prune.protect.contains(&id.kind) {
            (Verb::Keep, format!("{} is a protected kind", id.kind))
        } else if !release.prune.enabled && !release.confirmed() {
            (Verb::Keep, "prune is disabled".to_owned())
        } else if empty {
            (Verb::Keep, "the release renders nothing".to_owned())
        } else if let Some(home) = unknown_home.filter(|_| !release.confirmed()) {
            (Verb::Keep, format!("{} cannot be {} and may want it", home.what, home.not))
        } else if live.owner.as_deref() != Some(owner_of(id, input.environment, release.name).as_str()) {
            (Verb::Keep, "its owner annotation does not name it as ours".to_owned())
        } else if !entry.uid.is_empty() && entry.uid != live.uid {
            (Verb::Keep, "it was made anew by somebody else".to_owned())
        } else if live.deleting {
            (Verb::Keep, BEING_DELETED.to_owned())
        } else {
            (
                Verb::Prune,
                match () {
                    () if release.confirmed() => "it is uninstalled",
                    () if release.prune_reason_gone() => "its release left Git",
                    () => "no longer rendered",
                }
                .to_owned(),
            )
        };
        actions.push(action(verb, id, entry, &live.uid, reason));
    }
    if let Some(home) = unknown_home
        && actions.iter().any(|a| a.verb == Verb::Keep && a.reason.ends_with("may want it"))
    {
        findings.push(Finding {
            kind: FindingKind::PruneWaits,
            release: release.name.to_owned(),
            message: format!("its deletions wait until {} can be {}", home.what, home.not),
        });
    }
    sort_for_uninstall(&mut actions, |a| a.id.kind.as_str());
    actions
}

impl ReleaseInput<'_> {
    fn prune_reason_gone(&self) -> bool {
        matches!(self.desired, Desired::Gone)
    }

    /// Whether somebody asked for its deletions by name.
    pub(super) fn confirmed(&self) -> bool {
        self.lifecycle.as_ref().is_some_and(|l| l.confirmed)
    }
}

fn action(verb: Verb, id: &ObjectId, entry: &Applied, uid: &str, reason: String) -> Action {
    Action {
        version: entry.version.clone(),
        reason,
        uid: uid.to_owned(),
        keep: entry.keep,
        ..Action::new(verb, id.clone())
    }
}
