//! Carries a plan out, as events come: a release begins the moment the last one that it depends on is ready, whatever others
//! do, and deletions come last. Decides nothing about objects: what is done stands in the plan, and `apply` does it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::apply::{Action as Done, ApplyError, Checks, ObjectResult, Options, Record, ReleaseReport, apply_release};
use crate::cluster::{Cluster, Patience, Wait};
use crate::environment::OnFailure;
use crate::health::Rules;
use crate::history::Revision;
use crate::manifest::{Applied, Inventory, ObjectId, Redactor, RunPhase, Standing, Verdict};
use crate::plan::{Action, OperationKind, Plan, ReleasePlan, Verb};
use crate::report::{ReleaseState, ReleaseStatus};

use super::deletions::prune;
use super::order::Order;
use super::outcome::{Event, ReleaseOutcome, told};
use super::ready::{Waited, Waiting, told_of, wait_ready};
use super::steps::{Ran, Steps};
use super::verdicts::last_good;
use super::view::LiveView;

/// Objects that were applied and not yet seen ready, with their API versions.
pub(super) type Unready = BTreeMap<ObjectId, String>;

/// Releases that are written side by side: most of their kinds have an object or two, and a kind waits for the one before it. How
/// many requests that makes at once is the cluster's to limit.
const PARALLEL: usize = 16;

/// How one release is carried out.
#[derive(Debug, Clone)]
pub(super) struct How {
    /// How long nothing may come nearer while it is waited for.
    pub(super) timeout: Duration,
    /// Its group's place in the order.
    pub(super) group: usize,
    /// The releases that have to be ready first.
    pub(super) depends_on: Vec<String>,
    /// The releases whose objects have to be there first.
    pub(super) objects_of: Vec<String>,
    /// When its objects are ready.
    pub(super) rules: Rules,
    /// Takes its secrets out of what the cluster says.
    pub(super) redactor: Arc<Redactor>,
    /// What follows a failure.
    pub(super) on_failure: OnFailure,
    /// The user that it is written as.
    pub(super) account: Option<String>,
    /// The digest of what Git wants of it.
    pub(super) digest: String,
    /// It failed with just that, and nobody tries again: its changes from Git are left alone.
    pub(super) stopped: bool,
    /// The revision that it is taken back to.
    pub(super) back_to: Option<String>,
    /// Somebody went back from Git with it: its objects are not those of the plan's revision.
    pub(super) gone_back: bool,
    /// What helm's history is to hold, where it takes a step in its life.
    pub(super) content: Option<Arc<Revision>>,
    /// Whether its history stays though it is uninstalled.
    pub(super) keep_history: bool,
}

impl Default for How {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(300),
            group: 0,
            depends_on: Vec::new(),
            objects_of: Vec::new(),
            rules: Rules::default(),
            redactor: Arc::default(),
            on_failure: OnFailure::default(),
            account: None,
            digest: String::new(),
            stopped: false,
            back_to: None,
            gone_back: false,
            content: None,
            keep_history: false,
        }
    }
}

/// How a plan is carried out.
#[derive(Debug, Clone)]
pub(super) struct ExecuteOptions {
    /// How each release is.
    pub(super) releases: BTreeMap<String, How>,
    /// Releases that cannot be read or rendered.
    pub(super) broken: BTreeSet<String>,
    /// Whether to wait for releases that nobody waits for, too.
    pub(super) wait: bool,
    /// Stop before the next object when cancelled.
    pub(super) cancel: CancellationToken,
    /// Stop waiting when cancelled: there is a newer revision.
    pub(super) stop_waiting: CancellationToken,
    /// When a release has failed, stop waiting for the others after this time: it is to be tried again.
    pub(super) retry_after: Option<Duration>,
    /// Releases of which changes from Git are held back: they stay at their revision.
    pub(super) held_back: BTreeSet<String>,
    /// What differed already when it was looked at: no news.
    pub(super) known: BTreeMap<ObjectId, Option<String>>,
    /// What was dry-run before.
    pub(super) checks: Arc<Checks>,
}

/// What the work on a release comes to.
enum Step {
    Written(String, Box<ReleaseReport>),
    Waited(String, Waited, Vec<String>),
    /// Its hooks have run after all, or its failure is written down.
    Finished(String, Box<Finished>),
}

/// The end of a release's step in its life.
struct Finished {
    record: Record,
    error: Option<ApplyError>,
    /// Hooks that ran.
    ran: Vec<ObjectResult>,
}

/// A plan being carried out.
struct Run<'a> {
    cluster: &'a Cluster,
    plan: &'a Plan,
    options: &'a ExecuteOptions,
    tell: &'a (dyn Fn(Event) + Send + Sync),
    held: &'a mut BTreeMap<String, Record>,
    unready: &'a mut BTreeMap<String, Waiting>,
    outcomes: BTreeMap<String, ReleaseOutcome>,
    order: Order,
    /// Ends every wait.
    stop: CancellationToken,
    slots: Arc<Semaphore>,
    writing: usize,
    work: FuturesUnordered<BoxFuture<'a, Step>>,
}

/// Carries out `plan`. `held` has the inventories that the plan was made from and is kept up to date; `unready` has what
/// earlier passes applied and did not see ready. The second part is whether it was cut short so that a failed release is tried
/// again.
pub(super) async fn execute(
    cluster: &Cluster,
    view: Option<&LiveView>,
    plan: &Plan,
    held: &mut BTreeMap<String, Record>,
    unready: &mut BTreeMap<String, Waiting>,
    options: &ExecuteOptions,
    tell: &(dyn Fn(Event) + Send + Sync),
) -> (BTreeMap<String, ReleaseOutcome>, bool) {
    // What others changed needs no order, and waits for nobody.
    let mut plan = plan.clone();
    let mut corrections = BTreeMap::new();
    // A release that is refused stays what it was: that is held, too.
    for release in plan.releases.iter_mut().filter(|r| !r.gone && !options.broken.contains(&r.release)) {
        let Some(correction) = correction(release, held) else { continue };
        for action in release.apply.iter_mut().filter(|a| correction.apply.iter().any(|c| c.id == a.id)) {
            action.verb = Verb::Unchanged;
        }
        corrections.insert(release.release.clone(), correction);
    }
    let plan = &plan;
    let (mut outcomes, complete, cut) = {
        let mut run = Run {
            cluster,
            plan,
            options,
            tell,
            held: &mut *held,
            unready: &mut *unready,
            outcomes: BTreeMap::new(),
            order: Order::default(),
            stop: options.cancel.child_token(),
            slots: Arc::new(Semaphore::new(PARALLEL)),
            writing: 0,
            work: FuturesUnordered::new(),
        };
        for (name, correction) in &corrections {
            run.write(name, correction);
        }
        while let Some(step) = run.work.next().await {
            if let Step::Written(name, report) = step {
                run.written(&name, *report);
            }
        }
        run.line_up();
        let (complete, cut) = run.go(view).await;
        (std::mem::take(&mut run.outcomes), complete, cut)
    };
    unready.retain(|_, waiting| !waiting.objects.is_empty());
    if complete {
        prune(cluster, plan, held, options, &mut outcomes, tell).await;
    }
    held.retain(|_, record| record.version.is_some());
    (outcomes, cut)
}

impl<'a> Run<'a> {
    fn how(&self, name: &str) -> How {
        self.options.releases.get(name).cloned().unwrap_or_default()
    }

    /// Who goes before whom.
    fn line_up(&mut self) {
        let present: Vec<&'a ReleasePlan> = self.plan.releases.iter().filter(|r| !r.gone).collect();
        for release in &present {
            let how = self.how(&release.release);
            self.order.add(&release.release, how.group, &how.depends_on);
        }
        for release in present {
            for earlier in self.how(&release.release).objects_of {
                self.order.objects_first(&earlier, &release.release);
            }
        }
    }

    /// Goes on until everything is settled, or there is news. Whether everything was, and whether the news was that a failed
    /// release is to be tried again.
    async fn go(&mut self, view: Option<&LiveView>) -> (bool, bool) {
        let mut on = true;
        let mut cut = false;
        let mut drifted: Option<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = None;
        let mut again: Option<Pin<Box<tokio::time::Sleep>>> = None;
        loop {
            if self.options.cancel.is_cancelled() {
                on = false;
            }
            if on {
                self.begin();
            }
            if self.work.is_empty() {
                return (on, cut);
            }
            // While we write, what differs from the inventories is our own doing.
            if self.writing > 0 {
                drifted = None;
            } else if let (None, Some(view)) = (&drifted, view) {
                let (view, environment, held) = (view.clone(), self.plan.environment.clone(), self.held.clone());
                let known = &self.options.known;
                drifted = Some(Box::pin(async move { view.drifted_since(&environment, &held, known).await }));
            }
            if again.is_none() && self.outcomes.values().any(|o| o.failed() && !o.given_up && o.waits_for.is_empty()) {
                again = self.options.retry_after.map(|after| Box::pin(tokio::time::sleep(after)));
            }
            tokio::select! {
                biased;
                Some(step) = self.work.next() => match step {
                    Step::Written(name, report) => {
                        self.written(&name, *report);
                        self.after_write(&name).await;
                    }
                    Step::Waited(name, waited, told) => self.waited(&name, waited, told).await,
                    Step::Finished(name, finished) => self.finished(&name, *finished).await,
                },
                () = self.options.stop_waiting.cancelled(), if on => {
                    on = false;
                    self.stop.cancel();
                }
                () = optional(&mut drifted), if on => {
                    on = false;
                    self.stop.cancel();
                }
                () = optional(&mut again), if on && self.writing == 0 => {
                    on = false;
                    cut = true;
                    self.stop.cancel();
                }
            }
        }
    }

    /// Begins everything that waits for nobody any longer.
    fn begin(&mut self) {
        loop {
            let names = self.order.begin();
            if names.is_empty() {
                return;
            }
            for name in names {
                let Some(release) = self.plan.releases.iter().find(|r| r.release == name) else { continue };
                // Who has nothing to do waits for nobody: it is what Git says already.
                let idle = release.is_idle() && self.held.contains_key(&name);
                let blocked = if idle {
                    Vec::new()
                } else {
                    blocked(release, self.plan, self.held, &self.outcomes, self.options)
                };
                let how = self.how(&name);
                let outcome = self.outcomes.entry(name.clone()).or_default();
                outcome.waits_for = blocked;
                let whole = outcome.errors.is_empty() && !outcome.interrupted && outcome.waits_for.is_empty();
                let writes = release.apply.iter().any(|a| a.verb.writes()) || hook_failed(self.held.get(&name));
                if !whole || release.refused() || self.options.broken.contains(&name) {
                    if !outcome.waits_for.is_empty() {
                        let messages = vec![format!("waits for {}", outcome.waits_for.join(", "))];
                        self.shows(&name, ReleaseState::Progressing, messages);
                    }
                    self.order.settled(&name);
                } else if how.stopped && writes {
                    // What failed is left as it is; what it said then, it says still.
                    let why = self.held.get(&name).and_then(|r| r.inventory.verdict.clone()).map(|v| v.why);
                    outcome.errors = why.unwrap_or_default();
                    outcome.given_up = true;
                    self.order.settled(&name);
                } else {
                    self.write(&name, release);
                }
            }
        }
    }

    /// Begins to write a release.
    fn write(&mut self, name: &str, release: &ReleasePlan) {
        let (environment, cluster, tell) = (self.plan.environment.as_str(), self.cluster, self.tell);
        let how = self.how(name);
        let mut record = self.held.remove(name).unwrap_or_else(|| {
            let inventory = Inventory::new(environment, name, &release.namespace);
            Record { inventory, version: None }
        });
        // A correction brings nothing from Git: the revision of the inventory stays.
        let owned = &record.inventory.objects;
        let writes = release.apply.iter().any(|a| a.verb.writes());
        let only_corrects =
            writes && release.apply.iter().all(|a| !a.verb.writes() || a.verb == Verb::Update && is_settled(owned, a));
        let stays = only_corrects || self.options.held_back.contains(name) || how.stopped || how.gone_back;
        let revision = if stays {
            record.inventory.revision.clone()
        } else {
            how.back_to.clone().unwrap_or_else(|| self.plan.revision.clone())
        };
        if writes && !only_corrects {
            // Stored with what is about to be written: whoever comes after a crash waits on.
            let ready = release.apply.iter().all(|a| !a.verb.writes() || !how.rules.waits_for(&a.id));
            if how.back_to.is_none() && !how.gone_back {
                let standing = if ready { Standing::Ready } else { Standing::Waiting };
                record.inventory.good = last_good(&record.inventory).to_owned();
                record.inventory.verdict = Some(verdict(standing, &revision, &how.digest, Vec::new()));
            }
        }
        let (name, release, slots) = (name.to_owned(), release.clone(), Arc::clone(&self.slots));
        let (cancel, stop) = (self.options.cancel.clone(), self.stop.clone());
        let checks = Arc::clone(&self.options.checks);
        self.writing += 1;
        self.work.push(Box::pin(async move {
            let _slot = slots.acquire_owned().await;
            let ran = Ran::default();
            let on_object = |result: &ObjectResult| {
                ran.note(result);
                told(&name, result, tell);
            };
            let steps = Steps::of(cluster, environment, &release, &how, stop, &on_object);
            let mut report = match steps.before(&mut record).await {
                Ok(()) => {
                    let options = Options {
                        cancel: cancel.clone(),
                        account: how.account.clone(),
                        on_object: &on_object,
                        checks,
                        ..Options::default()
                    };
                    apply_release(cluster, environment, &revision, &release, record, &options).await
                }
                Err(error) => ReleaseReport { release: name.clone(), objects: Vec::new(), record, error: Some(error) },
            };
            let reasons: Vec<String> =
                report.errors().map(|(_, error)| how.redactor.redact(&error.to_string())).collect();
            if !reasons.is_empty() {
                // Nor is it one of the release that another process is at work on it.
                let no_failure =
                    |e: &ApplyError| matches!(e, ApplyError::Interrupted | ApplyError::InventoryChanged { .. });
                let interrupted = report.errors().any(|(_, error)| no_failure(error));
                steps.failed(&mut report.record, &reasons.join("; "), interrupted).await;
            }
            if report.succeeded() {
                established(cluster, &release, &cancel).await;
            }
            report.objects.extend(ran.all());
            Step::Written(name.clone(), Box::new(report))
        }));
    }

    /// Notes what was written of a release.
    fn written(&mut self, name: &str, report: ReleaseReport) {
        self.writing -= 1;
        let outcome = self.outcomes.entry(name.to_owned()).or_default();
        outcome.take(&report);
        let how = self.options.releases.get(name).cloned().unwrap_or_default();
        let waiting = self.unready.entry(name.to_owned()).or_default();
        let versions = &report.record.inventory.objects;
        let done = report
            .objects
            .iter()
            .filter(|o| matches!(o.outcome, Ok(Done::Created | Done::Configured | Done::Unchanged)));
        let new: Vec<ObjectId> = done.map(|o| o.id.clone()).filter(|id| how.rules.waits_for(id)).collect();
        if !new.is_empty() {
            waiting.patience.renew();
        }
        let version = |id: &ObjectId| versions.get(id).map(|e| e.version.clone()).unwrap_or_default();
        waiting.objects.extend(new.into_iter().map(|id| (id.clone(), version(&id))));
        waiting.objects.retain(|id, _| versions.contains_key(id));
        self.held.insert(name.to_owned(), report.record);
    }

    /// What follows when a release is written: a failure, or the wait for its objects.
    async fn after_write(&mut self, name: &str) {
        self.order.written(name);
        let outcome = self.outcomes.entry(name.to_owned()).or_default();
        if outcome.interrupted {
            return self.order.settled(name);
        }
        if !outcome.errors.is_empty() {
            let (why, retryable) = (outcome.errors.clone(), outcome.retryable);
            self.shows(name, ReleaseState::Failed, why.clone());
            // What may pass by itself is no verdict.
            if !retryable {
                self.judge(name, Standing::Failed, why).await;
            }
            return self.order.settled(name);
        }
        let how = self.how(name);
        let mut waiting = self.unready.get(name).cloned().unwrap_or_default();
        waiting.objects.retain(|id, _| how.rules.waits_for(id));
        if waiting.objects.is_empty() {
            self.unready.remove(name);
            return self.ready(name).await;
        }
        if !self.options.wait && !self.order.is_awaited(name) {
            // Nobody waits to see it ready: its hooks do not, either.
            if !self.finish(name, None) {
                self.order.settled(name);
            }
            return;
        }
        let (cluster, environment, tell) = (self.cluster, self.plan.environment.as_str(), self.tell);
        let messages = vec![match waiting.objects.len() {
            1 => "an object is not ready yet".to_owned(),
            count => format!("{count} objects are not seen ready yet"),
        }];
        self.shows(name, ReleaseState::Progressing, messages);
        let (name, stop) = (name.to_owned(), self.stop.clone());
        self.work.push(Box::pin(async move {
            let waited = wait_ready(cluster, (environment, &name), waiting, &how.rules, how.timeout, &stop, tell).await;
            let told = match &waited {
                Waited::NotReady(objects) => told_of(cluster, objects, &how.redactor).await,
                Waited::Impossible(error) => vec![error.clone()],
                Waited::Ready | Waited::Interrupted => Vec::new(),
            };
            Step::Waited(name, waited, told)
        }));
    }

    /// Notes how a wait ended.
    async fn waited(&mut self, name: &str, waited: Waited, told: Vec<String>) {
        // A release that was taken back is not what Git says: the report knows.
        let state = match &waited {
            _ if self.options.releases.get(name).is_some_and(|how| how.back_to.is_some()) => None,
            Waited::Ready => Some(ReleaseState::Synced),
            Waited::NotReady(_) | Waited::Impossible(_) => Some(ReleaseState::Failed),
            Waited::Interrupted => None,
        };
        if let Some(state) = state {
            self.shows(name, state, told.clone());
        }
        let outcome = self.outcomes.entry(name.to_owned()).or_default();
        match waited {
            Waited::Ready => {
                self.unready.remove(name);
                return self.ready(name).await;
            }
            Waited::NotReady(_) => {
                outcome.not_ready.clone_from(&told);
                outcome.retryable = true;
                let reason = told.join("; ");
                self.judge(name, Standing::Failed, told).await;
                if self.finish(name, Some(reason)) {
                    return;
                }
            }
            Waited::Impossible(_) => {
                outcome.not_ready = told;
                outcome.retryable = true;
            }
            Waited::Interrupted => outcome.interrupted = true,
        }
        self.order.settled(name);
    }

    /// Everything of a release is ready: what is left of its step in its life comes now.
    async fn ready(&mut self, name: &str) {
        if !self.finish(name, None) {
            self.judge(name, Standing::Ready, Vec::new()).await;
            self.order.settled(name);
        }
    }

    /// Begins the end of a release's step in its life: the hooks after its objects and its revision, or the revision that says
    /// why it failed. False when it takes none.
    fn finish(&mut self, name: &str, failed: Option<String>) -> bool {
        let Some(release) = self.plan.releases.iter().find(|r| r.release == name) else { return false };
        if release.operation.as_ref().is_none_or(|o| o.kind == OperationKind::Adopt) {
            return false;
        }
        // One that owns nothing has a revision all the same.
        let none =
            || Record { inventory: Inventory::new(&self.plan.environment, name, &release.namespace), version: None };
        let mut record = self.held.remove(name).unwrap_or_else(none);
        // Stored with the revision's number: one request for both.
        let seen_ready = failed.is_none() && self.seen_ready(name);
        let ready =
            seen_ready.then(|| self.new_verdict(name, &record.inventory, Standing::Ready, Vec::new())).flatten();
        let (environment, cluster, tell) = (self.plan.environment.as_str(), self.cluster, self.tell);
        let (how, name, stop) = (self.how(name), name.to_owned(), self.stop.clone());
        self.writing += 1;
        self.work.push(Box::pin(async move {
            let ran = Ran::default();
            let on_object = |result: &ObjectResult| {
                ran.note(result);
                told(&name, result, tell);
            };
            let steps = Steps::of(cluster, environment, release, &how, stop, &on_object);
            let error = match failed {
                Some(reason) => {
                    steps.failed(&mut record, &reason, false).await;
                    None
                }
                None => steps.after(&mut record, ready).await.err(),
            };
            let ran = ran.all();
            Step::Finished(name.clone(), Box::new(Finished { record, error, ran }))
        }));
        true
    }

    /// Notes how a release's step in its life ended.
    async fn finished(&mut self, name: &str, finished: Finished) {
        self.writing -= 1;
        self.held.insert(name.to_owned(), finished.record);
        let outcome = self.outcomes.entry(name.to_owned()).or_default();
        outcome.done.extend(finished.ran.iter().map(|r| (r.id.clone(), Done::Ran)));
        match finished.error {
            Some(error) => {
                outcome.fail(&error);
                let (why, retryable) = (outcome.errors.clone(), outcome.retryable);
                if !why.is_empty() {
                    self.shows(name, ReleaseState::Failed, why.clone());
                    if !retryable {
                        self.judge(name, Standing::Failed, why).await;
                    }
                }
            }
            None if self.seen_ready(name) => self.judge(name, Standing::Ready, Vec::new()).await,
            None => {}
        }
        self.order.settled(name);
    }

    /// Where nobody waited, nobody knows whether it is ready.
    fn seen_ready(&self, name: &str) -> bool {
        self.outcomes.get(name).is_none_or(|outcome| outcome.not_ready.is_empty())
            && self.unready.get(name).is_none_or(|waiting| waiting.objects.is_empty())
    }

    /// Tells how a release is, while others go on.
    fn shows(&self, name: &str, state: ReleaseState, messages: Vec<String>) {
        let inventory = self.held.get(name).map(|r| &r.inventory);
        let planned = self.plan.releases.iter().find(|r| r.release == name);
        let release = ReleaseStatus {
            name: name.to_owned(),
            namespace: planned.map(|r| r.namespace.clone()).unwrap_or_default(),
            state,
            revision: inventory.map(|i| i.revision.clone()).unwrap_or_default(),
            objects: inventory.map_or(0, |i| i.objects.len()),
            drifted: 0,
            messages,
        };
        (self.tell)(Event::Release { release });
    }

    /// Records what became of a release's last change, when that is new.
    async fn judge(&mut self, name: &str, standing: Standing, why: Vec<String>) {
        if standing == Standing::Failed {
            let how = self.how(name);
            let outcome = self.outcomes.entry(name.to_owned()).or_default();
            outcome.given_up = how.on_failure == OnFailure::Stop || how.back_to.is_some() || how.stopped;
        }
        let inventory = self.held.get(name).map(|record| &record.inventory);
        let Some(verdict) = inventory.and_then(|i| self.new_verdict(name, i, standing, why)) else { return };
        let Some(record) = self.held.get_mut(name) else { return };
        let good = last_good(&record.inventory).to_owned();
        let judged = record.judge(self.cluster, verdict, good).await;
        if let Err(error) = judged {
            tracing::warn!(release = name, %error, "what became of it cannot be stored");
            self.outcomes.entry(name.to_owned()).or_default().inventory_lost = true;
        }
    }

    /// What is to be recorded of a release's last change, when that is new.
    fn new_verdict(&self, name: &str, inventory: &Inventory, standing: Standing, why: Vec<String>) -> Option<Verdict> {
        let how = self.how(name);
        // What a release is taken back to says nothing of what failed.
        if how.back_to.is_some() || how.gone_back {
            return None;
        }
        let before = &inventory.verdict;
        // What is held back was not tried.
        let held_back = self.options.held_back.contains(name);
        let (revision, digest) = match before {
            Some(v) if held_back || v.digest == how.digest => (v.revision.clone(), v.digest.clone()),
            _ => (self.plan.revision.clone(), how.digest),
        };
        let news = match before {
            // Nothing of it was ever written, and it is well: nothing to judge.
            None => standing == Standing::Failed,
            Some(v) => v.standing != standing || (standing == Standing::Failed && v.digest != digest),
        };
        news.then(|| verdict(standing, &revision, &digest, why))
    }
}

/// Whether a hook of what is on its way has failed.
fn hook_failed(record: Option<&Record>) -> bool {
    let lifecycle = record.and_then(|r| r.inventory.lifecycle.as_ref());
    lifecycle.is_some_and(|l| l.hooks.values().any(|run| run.phase == RunPhase::Failed))
}

/// How long the CRDs that a release wrote may take until they are served; whoever needs them begins then all the same.
const ESTABLISHED: Duration = Duration::from_secs(30);

/// Waits until the CRDs that a release wrote are served: another one may have objects of theirs.
async fn established(cluster: &Cluster, release: &ReleasePlan, cancel: &CancellationToken) {
    let written = release.apply.iter().filter(|a| a.verb.writes() && a.id.kind == "CustomResourceDefinition");
    let definitions: Unready = written.map(|a| (a.id.clone(), a.version.clone())).collect();
    if definitions.is_empty() {
        return;
    }
    let (patience, rules) = (Patience::default(), Rules::default());
    let (selector, timeout) = ("", ESTABLISHED);
    let wait = Wait { selector, timeout, patience: &patience, rules: &rules, cancel, on_health: &|_, _| {} };
    if let Err(error) = cluster.wait_ready(definitions, &wait).await {
        tracing::debug!(release = %release.release, %error, "its CRDs cannot be waited for");
    }
}

fn verdict(standing: Standing, revision: &str, digest: &str, why: Vec<String>) -> Verdict {
    let (revision, digest) = (revision.to_owned(), digest.to_owned());
    Verdict { standing, since: Timestamp::now().to_string(), revision, digest, why }
}

/// A future that may not be there: it never ends then.
async fn optional<F: Future<Output = ()> + ?Sized>(future: &mut Option<Pin<Box<F>>>) {
    match future {
        Some(future) => future.as_mut().await,
        None => std::future::pending().await,
    }
}

/// The part of a release's plan that only puts right what others changed; `None` when there is none.
fn correction(release: &ReleasePlan, held: &BTreeMap<String, Record>) -> Option<ReleasePlan> {
    let owned = &held.get(&release.release)?.inventory.objects;
    let corrects = |a: &&Action| a.verb == Verb::Update && is_settled(owned, a);
    let apply: Vec<Action> = release.apply.iter().filter(corrects).cloned().collect();
    (!apply.is_empty()).then(|| {
        let mut correction = ReleasePlan { apply, prune: Vec::new(), ..release.clone() };
        correction.without_operation();
        correction
    })
}

/// Whether Git says what was applied last.
fn is_settled(owned: &BTreeMap<ObjectId, Applied>, action: &Action) -> bool {
    owned.get(&action.id).is_some_and(|e| e.desired == action.hash && !e.uid.is_empty())
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
    let depends_on = options.releases.get(&release.release).into_iter().flat_map(|how| &how.depends_on);
    let never_applied = |name: &String| held.get(name).is_none_or(|r| r.inventory.revision.is_empty());
    depends_on
        .filter(|name| {
            outcomes.get(*name).is_some_and(ReleaseOutcome::failed)
                || ((options.broken.contains(*name) || refused(name)) && never_applied(name))
        })
        .cloned()
        .collect()
}
