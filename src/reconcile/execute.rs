//! Carries a plan out, stage by stage: a stage begins when the one before it is ready, and deletions come last. Decides
//! nothing about objects: what is done stands in the plan, and `apply` does it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::apply::{
    Action as Done, ApplyError, ObjectResult, Options, Record, ReleaseReport, apply_release, prune_release,
};
use crate::cluster::Cluster;
use crate::manifest::{Applied, Inventory, ObjectId};
use crate::plan::{Action, Plan, ReleasePlan, Verb};

use super::ready::{Waited, wait_ready};
use super::view::LiveView;

/// Objects that were applied and not yet seen ready, with their API versions.
pub(super) type Unready = BTreeMap<ObjectId, String>;

/// What a release waits for, and since when.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    since: Instant,
    objects: Unready,
}

/// What a release that is overdue is given to be seen ready after all.
const OVERDUE: Duration = Duration::from_secs(2);

/// How a plan is carried out.
#[derive(Debug, Clone)]
pub(super) struct ExecuteOptions {
    /// How long each release may take to become ready.
    pub(super) timeouts: BTreeMap<String, Duration>,
    /// What each release depends on.
    pub(super) depends_on: BTreeMap<String, Vec<String>>,
    /// Releases that cannot be read or rendered.
    pub(super) broken: BTreeSet<String>,
    /// Whether to wait for the last stage too.
    pub(super) wait: bool,
    /// Stop before the next object when cancelled.
    pub(super) cancel: CancellationToken,
    /// Stop waiting when cancelled: there is a newer revision.
    pub(super) stop_waiting: CancellationToken,
    /// Releases of which changes from Git are held back: they stay at their revision.
    pub(super) held_back: BTreeSet<String>,
    /// What differed already when it was looked at: no news.
    pub(super) known: BTreeMap<ObjectId, Option<String>>,
}

/// What happens while a plan is carried out.
#[derive(Debug, Clone)]
pub enum Event {
    /// An object was written or deleted.
    Object {
        /// Its release.
        release: String,
        /// Which one.
        id: ObjectId,
        /// What became of it.
        done: Done,
        /// Why it was touched.
        reason: String,
    },
    /// Objects are waited for.
    Waiting {
        /// How many there are.
        pending: usize,
        /// What was heard of one of them.
        what: String,
    },
}

/// What became of a release.
#[derive(Debug, Clone, Default)]
pub struct ReleaseOutcome {
    /// Objects by what became of them.
    pub done: Vec<(ObjectId, Done)>,
    /// Why it did not succeed, first cause first.
    pub errors: Vec<String>,
    /// Whether the same pass may succeed later by itself.
    pub retryable: bool,
    /// What it waits for, when it was not begun.
    pub waits_for: Vec<String>,
    /// Objects that were not ready in time, with the reason.
    pub not_ready: Vec<String>,
    /// Whether it was cut short, by an interruption or by news.
    pub interrupted: bool,
    /// Whether the inventory has to be read again: another writer, or a write whose fate is unknown.
    pub(super) inventory_lost: bool,
}

impl ReleaseOutcome {
    fn failed(&self) -> bool {
        !self.errors.is_empty() || !self.not_ready.is_empty() || !self.waits_for.is_empty() || self.interrupted
    }

    fn take(&mut self, report: &ReleaseReport) {
        for object in &report.objects {
            if let Ok(done) = object.outcome {
                self.done.push((object.id.clone(), done));
            }
        }
        for (id, error) in report.errors() {
            match error {
                ApplyError::Interrupted => self.interrupted = true,
                error => {
                    self.retryable |= error.retryable();
                    // An error of the release as a whole may be one of its inventory.
                    self.inventory_lost |= id.is_none();
                    let text = error.to_string();
                    let name = id.map(ObjectId::display).unwrap_or_default();
                    self.errors.push(if text.starts_with(&name) { text } else { format!("{name}: {text}") });
                }
            }
        }
    }
}

/// Carries out `plan`. `held` has the inventories that the plan was made from and is kept up to date; `unready` has what
/// earlier passes applied and did not see ready.
pub(super) async fn execute(
    cluster: &Cluster,
    view: Option<&LiveView>,
    plan: &Plan,
    held: &mut BTreeMap<String, Record>,
    unready: &mut BTreeMap<String, Waiting>,
    options: &ExecuteOptions,
    tell: &(dyn Fn(Event) + Send + Sync),
) -> BTreeMap<String, ReleaseOutcome> {
    let mut outcomes: BTreeMap<String, ReleaseOutcome> = BTreeMap::new();
    // What others changed needs no order, and waits for nobody.
    let mut corrected: BTreeMap<String, ReleaseOutcome> = BTreeMap::new();
    let mut plan = plan.clone();
    for release in plan.releases.iter_mut().filter(|r| !r.gone && !r.refused() && !options.broken.contains(&r.release))
    {
        let Some(correction) = correction(release, held) else { continue };
        let outcome = corrected.entry(release.release.clone()).or_default();
        apply(cluster, &plan.environment, &plan.revision, &correction, held, unready, outcome, options, tell).await;
        for action in release.apply.iter_mut().filter(|a| correction.apply.iter().any(|c| c.id == a.id)) {
            action.verb = Verb::Unchanged;
        }
    }
    let plan = &plan;
    let stages: BTreeSet<usize> = plan.releases.iter().filter(|r| !r.gone).map(|r| r.stage).collect();
    let last = stages.last().copied();
    let mut complete = true;
    for stage in stages {
        let mut begun = Vec::new();
        for release in plan.releases.iter().filter(|r| r.stage == stage && !r.gone) {
            let name = &release.release;
            let mut outcome = corrected.remove(name).unwrap_or_default();
            outcome.waits_for = blocked(release, plan, held, &outcomes, options);
            let whole = outcome.errors.is_empty() && !outcome.interrupted;
            if outcome.waits_for.is_empty() && whole && !release.refused() && !options.broken.contains(name) {
                let (environment, revision) = (&plan.environment, &plan.revision);
                apply(cluster, environment, revision, release, held, unready, &mut outcome, options, tell).await;
                begun.push(name.clone());
            }
            outcomes.insert(name.clone(), outcome);
        }
        if options.cancel.is_cancelled() {
            complete = false;
            break;
        }
        if Some(stage) != last || options.wait {
            let names: Vec<String> =
                begun.into_iter().filter(|n| outcomes.get(n).is_some_and(|o| !o.failed())).collect();
            for (name, waited) in wait(cluster, view, plan, held, unready, &names, options, tell).await {
                let Some(outcome) = outcomes.get_mut(&name) else { continue };
                match waited {
                    Waited::Ready => {
                        unready.remove(&name);
                    }
                    Waited::NotReady(reasons) => {
                        outcome.not_ready = reasons;
                        outcome.retryable = true;
                    }
                    Waited::Interrupted => {
                        outcome.interrupted = true;
                        complete = false;
                    }
                }
            }
        }
        if !complete {
            break;
        }
    }
    unready.retain(|_, waiting| !waiting.objects.is_empty());
    for (name, outcome) in corrected {
        outcomes.entry(name).or_insert(outcome);
    }
    if complete {
        prune(cluster, plan, held, options, &mut outcomes, tell).await;
    }
    held.retain(|_, record| record.version.is_some());
    outcomes
}

/// The part of a release's plan that only puts right what others changed; `None` when there is none.
fn correction(release: &ReleasePlan, held: &BTreeMap<String, Record>) -> Option<ReleasePlan> {
    let owned = &held.get(&release.release)?.inventory.objects;
    let corrects = |a: &&Action| a.verb == Verb::Update && is_settled(owned, a);
    let apply: Vec<Action> = release.apply.iter().filter(corrects).cloned().collect();
    (!apply.is_empty()).then(|| ReleasePlan { apply, prune: Vec::new(), ..release.clone() })
}

/// Whether Git says what was applied last.
fn is_settled(owned: &BTreeMap<ObjectId, Applied>, action: &Action) -> bool {
    owned.get(&action.id).is_some_and(|e| e.desired == action.hash && !e.uid.is_empty())
}

/// Applies one release and notes what became of it.
#[expect(clippy::too_many_arguments, reason = "two callers beside each other; a struct would only rename them")]
async fn apply(
    cluster: &Cluster,
    environment: &str,
    revision: &str,
    release: &ReleasePlan,
    held: &mut BTreeMap<String, Record>,
    unready: &mut BTreeMap<String, Waiting>,
    outcome: &mut ReleaseOutcome,
    options: &ExecuteOptions,
    tell: &(dyn Fn(Event) + Send + Sync),
) {
    let name = &release.release;
    let record = held
        .remove(name)
        .unwrap_or_else(|| Record { inventory: Inventory::new(environment, name, &release.namespace), version: None });
    let on_object = |result: &ObjectResult| told(name, result, tell);
    let how = Options { cancel: options.cancel.clone(), on_object: &on_object, ..Options::default() };
    // A correction brings nothing from Git: the revision of the inventory stays.
    let stays = record.inventory.revision.clone();
    let owned = &record.inventory.objects;
    let only_corrects =
        !release.apply.is_empty() && release.apply.iter().all(|a| a.verb == Verb::Update && is_settled(owned, a));
    let revision = if only_corrects || options.held_back.contains(name) { stays.as_str() } else { revision };
    let report = apply_release(cluster, environment, revision, release, record, &how).await;
    outcome.take(&report);
    let mut written: Unready = Unready::new();
    for action in release.apply.iter().filter(|a| a.verb.writes()) {
        if report.objects.iter().any(|o| o.id == action.id && o.outcome.is_ok()) {
            written.insert(action.id.clone(), action.version.clone());
        }
    }
    let waiting =
        unready.entry(name.clone()).or_insert_with(|| Waiting { since: Instant::now(), objects: Unready::new() });
    if !written.is_empty() {
        waiting.since = Instant::now();
    }
    waiting.objects.extend(written);
    waiting.objects.retain(|id, _| report.record.inventory.objects.contains_key(id));
    held.insert(name.clone(), report.record);
}

fn told(release: &str, result: &ObjectResult, tell: &(dyn Fn(Event) + Send + Sync)) {
    if let Ok(done) = result.outcome {
        for taken in &result.taken {
            tracing::info!(object = %result.id.display(), field = %taken.field, manager = %taken.manager, "took a field back");
        }
        tell(Event::Object { release: release.to_owned(), id: result.id.clone(), done, reason: result.reason.clone() });
    }
}

/// Waits for the releases of a stage, side by side; news end the wait.
#[expect(clippy::too_many_arguments, reason = "one caller; a struct would only rename them")]
async fn wait(
    cluster: &Cluster,
    view: Option<&LiveView>,
    plan: &Plan,
    held: &BTreeMap<String, Record>,
    unready: &BTreeMap<String, Waiting>,
    names: &[String],
    options: &ExecuteOptions,
    tell: &(dyn Fn(Event) + Send + Sync),
) -> Vec<(String, Waited)> {
    let stop = options.cancel.child_token();
    let none = Unready::new();
    let waits = names.iter().map(|name| {
        let timeout = options.timeouts.get(name).copied().unwrap_or(Duration::from_secs(300));
        // The time runs from the last write, however often the wait is begun anew.
        let passed = unready.get(name).map_or(Duration::ZERO, |w| w.since.elapsed());
        let timeout = timeout.saturating_sub(passed).max(OVERDUE);
        let objects = unready.get(name).map_or(&none, |w| &w.objects);
        let stop = &stop;
        async move { (name.clone(), wait_ready(cluster, &plan.environment, objects, timeout, stop, tell).await) }
    });
    let drifted = async {
        match view {
            Some(view) => view.drifted_since(&plan.environment, held, &options.known).await,
            None => std::future::pending().await,
        }
    };
    let news = async {
        tokio::select! {
            () = options.stop_waiting.cancelled() => {}
            () = drifted => {}
        }
        stop.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        waited = futures::future::join_all(waits) => waited,
        () = news => Vec::new(),
    }
}

/// What a release has to wait for: dependencies that failed in this pass, or that are broken and were never applied.
fn blocked(
    release: &ReleasePlan,
    plan: &Plan,
    held: &BTreeMap<String, Record>,
    outcomes: &BTreeMap<String, ReleaseOutcome>,
    options: &ExecuteOptions,
) -> Vec<String> {
    let refused = |name: &String| plan.releases.iter().any(|r| r.release == *name && r.refused());
    let depends_on = options.depends_on.get(&release.release).into_iter().flatten();
    let never_applied = |name: &String| held.get(name).is_none_or(|r| r.inventory.revision.is_empty());
    depends_on
        .filter(|name| {
            outcomes.get(*name).is_some_and(ReleaseOutcome::failed)
                || ((options.broken.contains(*name) || refused(name)) && never_applied(name))
        })
        .cloned()
        .collect()
}

/// Deletions, in the reverse order of the releases. A release that was not applied whole loses nothing.
async fn prune(
    cluster: &Cluster,
    plan: &Plan,
    held: &mut BTreeMap<String, Record>,
    options: &ExecuteOptions,
    outcomes: &mut BTreeMap<String, ReleaseOutcome>,
    tell: &(dyn Fn(Event) + Send + Sync),
) {
    let arrived = |release: &ReleasePlan, id: &ObjectId| {
        outcomes.get(&release.release).is_some_and(|o| o.done.iter().any(|(done, _)| done == id))
    };
    let mut elsewhere: BTreeSet<ObjectId> = plan
        .actions()
        .filter(|(release, action)| action.verb == Verb::Transfer && arrived(release, &action.id))
        .map(|(_, action)| action.id.clone())
        .collect();
    // What an earlier pass handed over and could not strike off.
    for release in plan.releases.iter().filter(|r| !r.gone) {
        let owned = held.get(&release.release).into_iter().flat_map(|r| &r.inventory.objects);
        let settled = owned.filter(|(id, e)| !e.uid.is_empty() && release.apply.iter().any(|a| a.id == **id));
        elsewhere.extend(settled.map(|(id, _)| id.clone()));
    }
    for release in plan.releases.iter().rev().filter(|r| !r.prune.is_empty() || r.gone) {
        let outcome = outcomes.entry(release.release.clone()).or_default();
        let whole = outcome.waits_for.is_empty() && outcome.errors.is_empty() && !outcome.interrupted;
        let broken = options.broken.contains(&release.release);
        if release.refused() || broken || !whole {
            continue;
        }
        let Some(record) = held.remove(&release.release) else { continue };
        let on_object = |result: &ObjectResult| told(&release.release, result, tell);
        let how = Options { cancel: options.cancel.clone(), on_object: &on_object, ..Options::default() };
        let report = prune_release(cluster, &plan.environment, release, record, &elsewhere, &how).await;
        outcome.take(&report);
        held.insert(release.release.clone(), report.record);
    }
}
