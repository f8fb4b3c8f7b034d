//! What helm's life cycle adds to a release's plan: whether a revision is to be written, and which hooks run on the way.

use serde::{Deserialize, Serialize};

use crate::history::{Event, Hook, Policy, in_order};
use crate::manifest::{Gvk, Held, Lifecycle, Object, ObjectId, Progress, RunPhase};
use crate::yaml::{self, Numbers};

use super::neighbours::goes_on_elsewhere;
use super::{Action, Desired, DesiredError, EnvironmentInput, ReleaseInput, Scopes, Verb};

/// What a release goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OperationKind {
    /// It was never deployed.
    Install,
    /// It is deployed, and its content changes.
    Upgrade,
    /// It goes back to an earlier revision.
    Rollback,
    /// It goes.
    Uninstall,
    /// It goes, and its history is another release's from now on: no hook runs, and nothing of the history is deleted.
    HandOver,
    /// Helm deployed the same content: its revision is taken over as it is.
    Adopt,
    /// Somebody used helm on it, and what that did was put right: the history says so. No hook runs.
    Correct,
}

impl OperationKind {
    /// As it stands in JSON and in text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
            Self::Rollback => "rollback",
            Self::Uninstall => "uninstall",
            Self::HandOver => "hand over",
            Self::Adopt => "adopt",
            Self::Correct => "correct",
        }
    }

    /// The events before and after the objects.
    #[must_use]
    pub fn events(self) -> Option<(Event, Event)> {
        match self {
            Self::Install => Some((Event::PreInstall, Event::PostInstall)),
            Self::Upgrade => Some((Event::PreUpgrade, Event::PostUpgrade)),
            Self::Rollback => Some((Event::PreRollback, Event::PostRollback)),
            Self::Uninstall => Some((Event::PreDelete, Event::PostDelete)),
            Self::HandOver | Self::Adopt | Self::Correct => None,
        }
    }
}

/// A step in a release's life that ends in a revision of helm's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Which.
    pub kind: OperationKind,
    /// Helm's name of the release.
    pub name: String,
    /// The namespace of its history.
    pub namespace: String,
    /// The digest of the content.
    pub digest: String,
    /// The revision that is gone back to, or taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// What of Git is left alone from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// Whether what is recorded of the release is another one's by now: nothing of it is gone on with, or deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
    /// Whether there was no revision at all when the plan was made: the first one need not be looked for.
    #[serde(skip)]
    pub first: bool,
}

/// What makes an action a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HookSpec {
    /// When it runs.
    pub event: Event,
    /// Lower ones run first.
    pub weight: i64,
    /// When its object is deleted.
    pub delete: Vec<Policy>,
}

/// What helm's history says of a release that evenkeel has written no revision of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Installed {
    /// Nothing is deployed; there may be revisions that failed.
    #[default]
    No,
    /// There is no revision at all.
    Nothing,
    /// Something else is.
    Other,
    /// The same is, as this revision.
    Same(u32),
}

/// The life cycle of one release, as far as a plan needs it.
#[derive(Debug, Clone)]
pub struct LifecycleInput<'a> {
    /// Helm's name of the release.
    pub name: &'a str,
    /// The digest of its content ([`crate::history::digest()`]); nothing for a release that left Git.
    pub digest: &'a str,
    /// Its hooks, of all events.
    pub hooks: &'a [DesiredHook],
    /// What helm's history says, where the inventory says nothing.
    pub installed: Installed,
    /// The revision that somebody asked to go back to.
    pub rollback: Option<u32>,
    /// What of Git is left alone from then on, because somebody asked to go back or to uninstall.
    pub held: Option<Held>,
    /// Whether somebody used helm on it since.
    pub stale: bool,
    /// Whether somebody asked by name for it to be uninstalled: that confirms its deletions.
    pub confirmed: bool,
}

/// A hook's object as it is going to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredHook {
    /// The hook, as the revision keeps it.
    pub hook: Hook,
    /// Which object.
    pub id: ObjectId,
    /// The API version that it is sent with.
    pub version: String,
    /// The object, with its namespace.
    pub object: Object,
}

/// Makes a release's hooks the objects that will be made: in their namespace.
///
/// # Errors
/// Every hook that cannot be made.
pub fn desire_hooks<'a>(
    hooks: impl IntoIterator<Item = &'a Hook>,
    namespace: &str,
    scopes: &dyn Scopes,
) -> Result<Vec<DesiredHook>, Vec<DesiredError>> {
    let mut made = Vec::new();
    let mut errors = Vec::new();
    for hook in hooks {
        let value = yaml::to_json(&hook.manifest, Numbers::Exact).ok();
        let Some(mut object) = value.and_then(|value| Object::new(value).ok()) else {
            errors.push(DesiredError::Nameless(format!("the hook {} of {}", hook.name, hook.path)));
            continue;
        };
        let gvk: Gvk = object.gvk();
        match scopes.namespaced(&gvk) {
            None => {
                errors.push(DesiredError::UnknownKind { object: object.id().display(), gvk });
                continue;
            }
            Some(false) => object.set_namespace(""),
            Some(true) if object.namespace().is_empty() => object.set_namespace(namespace),
            Some(true) => {}
        }
        if object.name().is_empty() {
            errors.push(DesiredError::Nameless(object.id().display()));
            continue;
        }
        made.push(DesiredHook { hook: hook.clone(), id: object.id(), version: gvk.version, object });
    }
    if errors.is_empty() { Ok(made) } else { Err(errors) }
}

/// The key of a hook's run in [`Lifecycle::hooks`].
#[must_use]
pub fn run_key(event: Event, id: &ObjectId) -> String {
    format!("{event}/{id}")
}

/// The hooks of an event as actions, in the order in which they run. Those that have succeeded for this content stay as they are.
#[must_use]
pub fn hook_actions(hooks: &[DesiredHook], event: Event, recorded: Option<&Lifecycle>, digest: &str) -> Vec<Action> {
    let of_event: Vec<Hook> = hooks.iter().map(|h| h.hook.clone()).collect();
    let order = in_order(&of_event, event);
    let mut chosen: Vec<(usize, &DesiredHook)> = hooks
        .iter()
        .zip(&of_event)
        .filter_map(|(desired, hook)| Some((order.iter().position(|o| std::ptr::eq(*o, hook))?, desired)))
        .collect();
    chosen.sort_by_key(|(place, _)| *place);
    let done = |id: &ObjectId| {
        recorded.filter(|r| r.digest == digest).and_then(|r| r.hooks.get(&run_key(event, id))).map(|run| run.phase)
            == Some(RunPhase::Succeeded)
    };
    chosen
        .into_iter()
        .map(|(_, desired)| {
            let DesiredHook { hook, id, version, object } = desired;
            let weight = if hook.weight == 0 { String::new() } else { format!(", weight {}", hook.weight) };
            let ran = done(id);
            let verb = if ran { Verb::Unchanged } else { Verb::Hook };
            Action {
                version: version.clone(),
                reason: format!("{event}{weight}"),
                object: Some(object.clone()),
                hook: Some(HookSpec {
                    event,
                    weight: hook.weight,
                    delete: [Policy::BeforeHookCreation, Policy::HookSucceeded, Policy::HookFailed]
                        .into_iter()
                        .filter(|policy| hook.is_deleted(*policy))
                        .collect(),
                }),
                ..Action::new(verb, id.clone())
            }
        })
        .collect()
}

/// The step that a release is to take, with the hooks before and after it.
pub(super) fn plan_operation(
    release: &ReleaseInput<'_>,
    environment: &EnvironmentInput<'_>,
) -> Option<(Operation, Vec<Action>, Vec<Action>)> {
    let recorded = release.inventory.and_then(|i| i.lifecycle.as_ref());
    let input = release.lifecycle.as_ref()?;
    let elsewhere = goes_on_elsewhere(release, environment);
    // What is recorded is another release's by now: this one is new.
    let anew = elsewhere && !matches!(release.desired, Desired::Gone);
    let recorded = recorded.filter(|_| !anew);
    let (kind, version) = match &release.desired {
        Desired::Broken => return None,
        Desired::Gone if elsewhere => (OperationKind::HandOver, None),
        Desired::Gone => (OperationKind::Uninstall, None),
        Desired::Objects(_) => {
            let says = |r: &Lifecycle| r.says(input.digest, release.namespace, input.name);
            let done = recorded.is_some_and(|r| says(r) && r.state == Progress::Done);
            if done && !input.stale {
                return None;
            }
            let applied_before = !anew && release.inventory.is_some_and(|i| !i.revision.is_empty());
            match (input.rollback, input.installed, recorded) {
                _ if done => (OperationKind::Correct, None),
                (Some(version), ..) => (OperationKind::Rollback, Some(version)),
                (None, Installed::Same(version), None) => (OperationKind::Adopt, Some(version)),
                (None, _, Some(recorded)) if recorded.installed => (OperationKind::Upgrade, None),
                (None, Installed::Other, None) => (OperationKind::Upgrade, None),
                (None, _, None) if applied_before => (OperationKind::Upgrade, None),
                _ => (OperationKind::Install, None),
            }
        }
    };
    let namespace = match (&release.desired, recorded) {
        (Desired::Gone, Some(recorded)) => recorded.namespace.clone(),
        _ => release.namespace.to_owned(),
    };
    let digest = match &release.desired {
        Desired::Gone => format!("uninstall.{}", recorded.map_or(0, |r| r.version)),
        _ => input.digest.to_owned(),
    };
    let hooks = |event| hook_actions(input.hooks, event, recorded, &digest);
    let (before, after) = kind.events().map(|(b, a)| (hooks(b), hooks(a))).unwrap_or_default();
    let (name, held) = (input.name.to_owned(), input.held.clone());
    let first = kind == OperationKind::Install && input.installed == Installed::Nothing;
    Some((Operation { kind, name, namespace, digest, version, held, anew, first }, before, after))
}
