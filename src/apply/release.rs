//! One release applied, then pruned, as a plan says.
//!
//! Before the first write the whole release is dry-run: an object that the server would refuse stops the release with nothing
//! applied. What an earlier attempt has dry-run over the same live version is not asked about again. The inventory is written before the first object (what was owned and what is about to be) and after the last (what
//! is owned, exactly), so that it names every object at any time, whenever the process ends. Within one kind objects are
//! written side by side; a kind begins when the one before it is done; an error ends the release after its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio_util::sync::CancellationToken;

use super::adopt::Owner;
use super::checks::{Checks, Passed};
use super::delete::{Spared, delete_object};
use super::error::{ApplyError, Taken};
use super::finalizers::{finalized, is_custom};
use super::lifecycle::begun;
use super::object::{Accept, Action, Before, DryRun, apply_object, rehearse};
use super::record::{delete_inventory, ensure_namespace, fits, write_inventory};
use super::recreate::{recreate, try_anew};
use crate::cluster::{Cluster, ClusterError, Patience, StoredInventory, Wait};
use crate::health::Rules;
use crate::manifest::{Applied, Inventory, Object, ObjectId, Verdict, install_rank};
use crate::plan::{self, OperationKind, ReleasePlan, Verb};

/// What is told as it happens: every object, once.
pub type OnObject<'a> = dyn Fn(&ObjectResult) + Send + Sync + 'a;

/// How a release is written.
#[derive(Clone)]
pub struct Options<'a> {
    /// Cancelled: the objects in hand are finished, the inventory is written, and the rest is [`ApplyError::Interrupted`].
    pub cancel: CancellationToken,
    /// Objects of one kind that are written side by side.
    pub parallel: usize,
    /// The user that the release's objects are written as (`serviceAccount`); evenkeel's own record is written as itself.
    pub account: Option<String>,
    /// How long a CRD may take to be established.
    pub established: Duration,
    /// How long a pass waits for the finalizers of custom objects that it deleted.
    pub finalized: Duration,
    /// What was dry-run by earlier attempts.
    pub checks: Arc<Checks>,
    /// Told of every object.
    pub on_object: &'a OnObject<'a>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            cancel: CancellationToken::new(),
            parallel: 8,
            account: None,
            established: Duration::from_secs(60),
            finalized: Duration::from_secs(10),
            checks: Arc::default(),
            on_object: &|_| {},
        }
    }
}

/// What became of one object.
#[derive(Debug, Clone)]
pub struct ObjectResult {
    /// Which one.
    pub id: ObjectId,
    /// What was done, or why not.
    pub outcome: Result<Action, ApplyError>,
    /// Why: the plan's reason, or why a deletion was not made.
    pub reason: String,
    /// Fields that others had and that the apply took.
    pub taken: Vec<Taken>,
}

/// What a release owns, as the cluster stores it.
#[derive(Debug, Clone)]
pub struct Record {
    /// The inventory as it was stored last.
    pub inventory: Inventory,
    /// Its stored version; `None` when nothing is stored yet.
    pub version: Option<String>,
}

impl Record {
    /// What was read from the cluster, or a new one.
    ///
    /// # Errors
    /// [`ApplyError::InventoryDamaged`].
    pub fn of(owner: &Owner, namespace: &str, stored: Option<&StoredInventory>) -> Result<Self, ApplyError> {
        let Some(stored) = stored else {
            let inventory = Inventory::new(&owner.environment, &owner.release, namespace);
            return Ok(Self { inventory, version: None });
        };
        match &stored.content {
            Ok(inventory) => Ok(Self { inventory: inventory.clone(), version: Some(stored.resource_version.clone()) }),
            Err(reason) => Err(ApplyError::InventoryDamaged {
                environment: owner.environment.clone(),
                release: owner.release.clone(),
                reason: reason.clone(),
            }),
        }
    }

    /// Stores what became of the release: at most one request, none when nothing is new.
    ///
    /// # Errors
    /// As every write of an inventory.
    pub async fn judge(&mut self, cluster: &Cluster, verdict: Verdict, good: String) -> Result<(), ApplyError> {
        let inventory = Inventory { verdict: Some(verdict), good, ..self.inventory.clone() };
        self.store(cluster, inventory).await
    }

    /// Makes sure that nobody else has written the inventory since it was read: what is about to be done was decided by it. Where
    /// two processes think that they are the one, the slower one ends here. One request.
    ///
    /// # Errors
    /// [`ApplyError::InventoryChanged`], or what the server says.
    pub(super) async fn confirm(&self, cluster: &Cluster) -> Result<(), ApplyError> {
        let Inventory { environment, release, .. } = &self.inventory;
        if cluster.inventory_version(environment, release).await? == self.version {
            return Ok(());
        }
        Err(ApplyError::InventoryChanged { environment: environment.clone(), release: release.clone() })
    }

    /// Stores an inventory before what it announces is done. One that is stored already is confirmed.
    async fn announce(&mut self, cluster: &Cluster, inventory: Inventory) -> Result<(), ApplyError> {
        if inventory == self.inventory && self.version.is_some() {
            return self.confirm(cluster).await;
        }
        self.store(cluster, inventory).await
    }

    /// Stores an inventory when it differs from the stored one. Another revision of the same content is remembered here alone, and
    /// stored with the next change: a commit that changes nothing of a release costs no request.
    pub(super) async fn store(&mut self, cluster: &Cluster, inventory: Inventory) -> Result<(), ApplyError> {
        let nothing = inventory.objects.is_empty() && inventory.lifecycle.is_none();
        if inventory == self.inventory && (self.version.is_some() || nothing) {
            return Ok(());
        }
        if self.version.is_some() && !self.inventory.revision.is_empty() && !inventory.revision.is_empty() {
            let revision = std::mem::replace(&mut self.inventory.revision, inventory.revision.clone());
            if inventory == self.inventory {
                return Ok(());
            }
            self.inventory.revision = revision;
        }
        let version = write_inventory(cluster, &inventory, self.version.as_deref()).await?;
        *self = Self { inventory, version: Some(version) };
        Ok(())
    }
}

/// What became of a release.
#[derive(Debug, Clone)]
pub struct ReleaseReport {
    /// The release.
    pub release: String,
    /// Every object that was to be written, in the order of completion.
    pub objects: Vec<ObjectResult>,
    /// What it owns now, as stored.
    pub record: Record,
    /// Why the release as a whole was not finished, where that is no single object's doing.
    pub error: Option<ApplyError>,
}

impl ReleaseReport {
    /// Whether everything was done.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.error.is_none() && self.objects.iter().all(|o| o.outcome.is_ok())
    }

    /// Every error, the release's own first.
    pub fn errors(&self) -> impl Iterator<Item = (Option<&ObjectId>, &ApplyError)> {
        let objects = self.objects.iter().filter_map(|o| Some((Some(&o.id), o.outcome.as_ref().err()?)));
        self.error.iter().map(|e| (None, e)).chain(objects)
    }
}

/// The work on one release.
struct Work<'a> {
    cluster: &'a Cluster,
    /// The cluster as the release's own user writes to it.
    actor: Cluster,
    owner: Owner,
    options: &'a Options<'a>,
    report: ReleaseReport,
}

/// Applies what a plan says of a release; prunes nothing. With nothing to write and nothing new to record it makes no request.
///
/// Errors are in the report: the caller goes on with the other releases.
pub async fn apply_release(
    cluster: &Cluster,
    environment: &str,
    revision: &str,
    plan: &ReleasePlan,
    record: Record,
    options: &Options<'_>,
) -> ReleaseReport {
    let report = ReleaseReport { release: plan.release.clone(), objects: Vec::new(), record, error: None };
    let actor = cluster.acting_as(options.account.as_deref());
    let mut work = Work { cluster, actor, owner: Owner::new(environment, &plan.release), options, report };
    if plan.refused() {
        for action in plan.apply.iter().filter(|a| a.verb == Verb::Refuse) {
            work.tell(ObjectResult {
                id: action.id.clone(),
                outcome: Ok(Action::Skipped),
                reason: action.reason.clone(),
                taken: Vec::new(),
            });
        }
        return work.report;
    }
    if let Err(error) = work.apply(plan, revision).await {
        work.report.error = Some(error);
    }
    work.report
}

/// Deletes what a plan says of a release. `elsewhere` are objects that other releases have now: they leave the inventory, and
/// nothing else happens to them. A release that is gone and owns nothing any more loses its inventory.
pub async fn prune_release(
    cluster: &Cluster,
    environment: &str,
    plan: &ReleasePlan,
    record: Record,
    elsewhere: &BTreeSet<ObjectId>,
    options: &Options<'_>,
) -> ReleaseReport {
    let report = ReleaseReport { release: plan.release.clone(), objects: Vec::new(), record, error: None };
    let actor = cluster.acting_as(options.account.as_deref());
    let mut work = Work { cluster, actor, owner: Owner::new(environment, &plan.release), options, report };
    if let Err(error) = work.prune(plan, elsewhere).await {
        work.report.error = Some(error);
    }
    work.report
}

/// An object that is to be written, with what its dry run said.
struct Planned<'a> {
    action: &'a plan::Action,
    object: &'a Object,
    checked: Option<Passed>,
}

impl Work<'_> {
    fn tell(&mut self, result: ObjectResult) {
        (self.options.on_object)(&result);
        self.report.objects.push(result);
    }

    fn failed(&mut self, action: &plan::Action, error: ApplyError) {
        let (id, reason) = (action.id.clone(), action.reason.clone());
        self.tell(ObjectResult { id, outcome: Err(error), reason, taken: Vec::new() });
    }

    fn has_failures(&self) -> bool {
        self.report.objects.iter().any(|o| o.outcome.is_err())
    }

    fn interrupted(&self) -> Result<(), ApplyError> {
        if self.options.cancel.is_cancelled() { Err(ApplyError::Interrupted) } else { Ok(()) }
    }

    async fn apply(&mut self, plan: &ReleasePlan, revision: &str) -> Result<(), ApplyError> {
        let mut planned: Vec<Planned<'_>> = plan
            .apply
            .iter()
            .filter(|a| a.verb.writes())
            .filter_map(|action| Some(Planned { action, object: action.object.as_ref()?, checked: None }))
            .collect();
        self.validate(&mut planned, plan).await?;
        if self.has_failures() {
            return Ok(());
        }
        let owned_before = self.report.record.inventory.objects.clone();
        let mut inventory = self.report.record.inventory.clone();
        inventory.namespace.clone_from(&plan.namespace);
        // What is begun, or taken over as it is; with nothing to apply, the end says it all.
        let at_once = [OperationKind::Adopt, OperationKind::Correct];
        let at_once = plan.operation.as_ref().is_some_and(|o| at_once.contains(&o.kind));
        if let Some(lifecycle) = begun(plan, &inventory).filter(|_| at_once || !planned.is_empty()) {
            inventory.lifecycle = Some(lifecycle);
        }
        inventory.account = self.options.account.clone().unwrap_or_default();
        // What is about to be: an entry without a UID says that an apply may have happened.
        for Planned { action, .. } in &planned {
            inventory.objects.entry(action.id.clone()).or_insert_with(|| Applied {
                version: action.version.clone(),
                keep: action.keep,
                ..Applied::default()
            });
        }
        if !planned.is_empty() {
            fits(&inventory)?;
            self.report.record.announce(self.cluster, inventory.clone()).await?;
        }
        let result = self.write_all(&mut planned, plan, &mut inventory).await;

        // What is: whatever was never sent, or was refused for good, is not owned.
        let failed: BTreeMap<&ObjectId, &ApplyError> =
            self.report.objects.iter().filter_map(|o| Some((&o.id, o.outcome.as_ref().err()?))).collect();
        let reached: BTreeSet<&ObjectId> = self.report.objects.iter().map(|o| &o.id).collect();
        inventory.objects.retain(|id, entry| {
            let unknown = failed.get(id).is_some_and(|e| e.retryable() && !matches!(e, ApplyError::Interrupted));
            owned_before.contains_key(id) || !entry.uid.is_empty() || (reached.contains(id) && unknown)
        });
        for action in plan.apply.iter().filter(|a| !a.verb.writes()) {
            if let Some(entry) = inventory.objects.get_mut(&action.id) {
                entry.keep = action.keep;
            }
        }
        if result.is_ok() && failed.is_empty() && !plan.gone {
            revision.clone_into(&mut inventory.revision);
        }
        let stored = self.report.record.store(self.cluster, inventory).await;
        result.and(stored)
    }

    /// Dry-runs what has not been; failures are told. What cannot be checked yet (its namespace or CRD is still to come) stays
    /// unchecked.
    async fn validate(&mut self, planned: &mut [Planned<'_>], plan: &ReleasePlan) -> Result<(), ApplyError> {
        self.interrupted()?;
        let (cluster, options) = (&self.actor, self.options);
        let account = options.account.as_deref();
        for p in planned.iter_mut().filter(|p| p.checked.is_none()) {
            p.checked = options.checks.known(p.action, account);
        }
        let open = planned.iter().enumerate().filter(|(_, p)| p.checked.is_none());
        let run = |(i, p): (usize, &Planned<'_>)| {
            let (object, anew) = (p.object.clone(), p.action.verb == Verb::Recreate);
            async move { (i, if anew { try_anew(cluster, &object).await } else { rehearse(cluster, &object).await }) }
        };
        let runs: Vec<_> = open.map(run).collect();
        let results: Vec<_> = stream::iter(runs).buffer_unordered(self.options.parallel.max(1)).collect().await;
        for (i, result) in results {
            match result {
                Ok(DryRun { exists, taken, .. }) => {
                    let passed = Passed { exists, taken };
                    options.checks.note(planned[i].action, account, &passed);
                    planned[i].checked = Some(passed);
                }
                Err(error) if comes_later(&error, planned[i].object, plan) => {}
                Err(error) => {
                    let action = planned[i].action;
                    self.failed(action, error);
                }
            }
        }
        self.interrupted()
    }

    async fn write_all(
        &mut self,
        planned: &mut [Planned<'_>],
        plan: &ReleasePlan,
        inventory: &mut Inventory,
    ) -> Result<(), ApplyError> {
        let waits = planned.iter().any(|p| p.checked.is_none());
        if waits {
            self.prepare(planned, plan, inventory).await?;
            if self.has_failures() {
                return Ok(());
            }
        }
        let mut rest: Vec<&Planned<'_>> = planned.iter().filter(|p| !(waits && comes_first(p.object))).collect();
        rest.sort_by(|a, b| kind_key(a.object).cmp(&kind_key(b.object)));
        for group in rest.chunk_by(|a, b| kind_key(a.object) == kind_key(b.object)) {
            self.write_group(group, inventory).await?;
            if self.has_failures() {
                break;
            }
        }
        Ok(())
    }

    /// Makes what other objects wait for: the release's namespace, Namespaces, and CRDs until they are served. Then checks those
    /// others.
    async fn prepare(
        &mut self,
        planned: &mut [Planned<'_>],
        plan: &ReleasePlan,
        inventory: &mut Inventory,
    ) -> Result<(), ApplyError> {
        let rendered = planned.iter().any(|p| p.object.kind() == "Namespace" && p.object.name() == plan.namespace);
        let needed = planned.iter().any(|p| p.checked.is_none() && p.object.namespace() == plan.namespace);
        if needed && !rendered && !plan.namespace.is_empty() {
            let created_for = format!("{}/{}", self.owner.environment, self.owner.release);
            ensure_namespace(&self.actor, &plan.namespace, &created_for).await?;
        }
        let mut first: Vec<&Planned<'_>> = planned.iter().filter(|p| comes_first(p.object)).collect();
        first.sort_by(|a, b| kind_key(a.object).cmp(&kind_key(b.object)));
        for group in first.chunk_by(|a, b| kind_key(a.object) == kind_key(b.object)) {
            self.write_group(group, inventory).await?;
            if self.has_failures() {
                return Ok(());
            }
        }
        let definitions: Vec<(ObjectId, String)> = first
            .iter()
            .filter(|p| p.object.kind() == "CustomResourceDefinition")
            .map(|p| (p.action.id.clone(), p.action.version.clone()))
            .collect();
        if !definitions.is_empty() {
            self.established(definitions).await?;
        }
        self.validate(planned, plan).await?;
        for p in planned.iter() {
            let told = self.report.objects.iter().any(|o| o.id == p.action.id);
            if p.checked.is_none() && !told {
                // Still not there although everything that it could wait for is: say what the server says.
                let error = rehearse(&self.actor, p.object).await.err();
                if let Some(error) = error {
                    let action = p.action;
                    self.failed(action, error);
                }
            }
        }
        Ok(())
    }

    async fn established(&self, definitions: Vec<(ObjectId, String)>) -> Result<(), ApplyError> {
        let Options { established, cancel, .. } = self.options;
        let (rules, patience) = (Rules::default(), Patience::default());
        let (selector, timeout) = ("", *established);
        let wait = Wait { selector, timeout, patience: &patience, rules: &rules, cancel, on_health: &|_, _| {} };
        let waiting = self.cluster.wait_ready(definitions, &wait).await?;
        self.interrupted()?;
        if let Some(first) = waiting.into_iter().next() {
            return Err(ApplyError::NotEstablished { id: first.id, reason: first.health.reason().to_owned() });
        }
        self.cluster.refresh_kinds().await?;
        Ok(())
    }

    /// Writes objects of one kind, side by side. After a cancellation those in hand are finished and no other is begun.
    async fn write_group(&mut self, group: &[&Planned<'_>], inventory: &mut Inventory) -> Result<(), ApplyError> {
        let (actor, owner, options) = (self.actor.clone(), self.owner.clone(), self.options);
        let (cluster, owner) = (&actor, &owner);
        let writes = group.iter().map(|p| async move {
            if options.cancel.is_cancelled() {
                return (*p, None);
            }
            let before = match &p.checked {
                Some(Passed { exists: false, .. }) => Before::Absent,
                _ => Before::Unknown,
            };
            let from = Owner::parse(&p.action.from).filter(|_| p.action.verb == Verb::Transfer);
            let accept = from.map_or(Accept::Own, Accept::From);
            if p.action.verb == Verb::Recreate {
                return (*p, Some(recreate(cluster, p.action, p.object, owner, &options.cancel).await));
            }
            (*p, Some(apply_object(cluster, p.object, owner, before, accept).await))
        });
        let mut results = stream::iter(writes.collect::<Vec<_>>()).buffer_unordered(options.parallel.max(1));
        let mut stopped = false;
        while let Some((planned, result)) = results.next().await {
            let action = planned.action;
            if result.is_some() {
                options.checks.forget(&action.id);
            }
            match result {
                None => stopped = true,
                Some(Err(error)) => self.failed(action, error),
                Some(Ok(written)) => {
                    let entry = Applied {
                        version: action.version.clone(),
                        uid: written.live.uid().to_owned(),
                        desired: action.hash.clone(),
                        mark: written.mark,
                        keep: action.keep,
                        let_be: action.let_be,
                    };
                    inventory.objects.insert(action.id.clone(), entry);
                    self.tell(ObjectResult {
                        id: action.id.clone(),
                        outcome: Ok(written.action),
                        reason: action.reason.clone(),
                        taken: planned.checked.as_ref().map(|c| c.taken.clone()).unwrap_or_default(),
                    });
                }
            }
        }
        if stopped { Err(ApplyError::Interrupted) } else { Ok(()) }
    }

    async fn prune(&mut self, plan: &ReleasePlan, elsewhere: &BTreeSet<ObjectId>) -> Result<(), ApplyError> {
        let mut inventory = self.report.record.inventory.clone();
        let kept = plan.prune.iter().filter(|a| a.verb != Verb::Prune);
        for action in kept.filter(|a| !a.to.is_empty() || elsewhere.contains(&a.id)) {
            inventory.objects.remove(&action.id);
        }
        let deletions: Vec<&plan::Action> = plan.prune.iter().filter(|a| a.verb == Verb::Prune).collect();
        if !deletions.is_empty() {
            // That somebody has it uninstalled is said first: a daemon would put back what is missing.
            let announced = plan.operation.as_ref().filter(|o| o.kind == OperationKind::Uninstall && o.held.is_some());
            if let Some(lifecycle) = announced.and_then(|_| begun(plan, &inventory)) {
                inventory.lifecycle = Some(lifecycle);
            }
            self.report.record.announce(self.cluster, inventory.clone()).await?;
        }
        // What an earlier pass deleted.
        let going =
            |a: &&plan::Action| a.verb == Verb::Keep && a.reason == plan::BEING_DELETED && is_custom(&a.id.kind);
        let mut result = Ok(());
        for action in plan.prune.iter().filter(going) {
            let Options { finalized: patience, cancel, .. } = self.options;
            let of = (&action.id, action.version.as_str(), action.uid.as_str());
            result = finalized(self.cluster, of, *patience, cancel).await;
            if result.is_err() {
                break;
            }
            inventory.objects.remove(&action.id);
        }
        let deletions = if result.is_ok() { deletions } else { Vec::new() };
        for group in deletions.chunk_by(|a, b| a.id.kind == b.id.kind) {
            result = self.delete_group(group, &mut inventory).await;
            if result.is_err() || self.has_failures() {
                break;
            }
        }
        let empty = inventory.objects.is_empty() && inventory.lifecycle.is_none();
        if let (true, true, Ok(()), Some(version)) = (empty, plan.gone, &result, self.report.record.version.clone()) {
            delete_inventory(self.cluster, &self.owner, &version).await?;
            self.report.record = Record { inventory, version: None };
            return Ok(());
        }
        let stored = self.report.record.store(self.cluster, inventory).await;
        result.and(stored)
    }

    async fn delete_group(&mut self, group: &[&plan::Action], inventory: &mut Inventory) -> Result<(), ApplyError> {
        let (actor, owner, options) = (self.actor.clone(), self.owner.clone(), self.options);
        let (cluster, owner) = (&actor, &owner);
        let known = &self.report.record.inventory.objects;
        let deletions: Vec<_> = group
            .iter()
            .filter_map(|action| {
                // Only what the inventory names, and only the object that the plan looked at.
                let mut entry = known.get(&action.id)?.clone();
                if !action.uid.is_empty() {
                    entry.uid.clone_from(&action.uid);
                }
                let action = *action;
                Some(async move {
                    if options.cancel.is_cancelled() {
                        return (action, None);
                    }
                    (action, Some(delete_object(cluster, &action.id, &entry, owner).await))
                })
            })
            .collect();
        let mut results = stream::iter(deletions).buffer_unordered(options.parallel.max(1));
        let mut told = Vec::new();
        let mut remaining: Vec<(&plan::Action, String)> = Vec::new();
        let mut stopped = false;
        while let Some((action, result)) = results.next().await {
            let (outcome, reason) = match result {
                None => {
                    stopped = true;
                    continue;
                }
                Some(Err(error)) => (Err(error), action.reason.clone()),
                Some(Ok(removed)) => {
                    // What asks to be kept, or is still going away, stays remembered.
                    let remains = removed.remains.filter(|_| is_custom(&action.id.kind));
                    if remains.is_none() && !matches!(removed.spared, Some(Spared::Kept | Spared::BeingDeleted)) {
                        inventory.objects.remove(&action.id);
                    }
                    remaining.extend(remains.map(|uid| (action, uid)));
                    let reason = removed.spared.map_or_else(|| action.reason.clone(), |s| s.reason().to_owned());
                    (Ok(removed.action), reason)
                }
            };
            told.push(ObjectResult { id: action.id.clone(), outcome, reason, taken: Vec::new() });
        }
        drop(results);
        for result in told {
            self.tell(result);
        }
        for (action, uid) in remaining {
            let of = (&action.id, action.version.as_str(), uid.as_str());
            finalized(self.cluster, of, options.finalized, &options.cancel).await?;
            inventory.objects.remove(&action.id);
        }
        if stopped { Err(ApplyError::Interrupted) } else { Ok(()) }
    }
}

/// Namespaces and CRDs are written before what may need them is checked.
fn comes_first(object: &Object) -> bool {
    matches!(object.kind(), "Namespace" | "CustomResourceDefinition")
}

/// Objects with equal keys are written side by side.
fn kind_key(object: &Object) -> (usize, &str) {
    (install_rank(object.kind()), object.kind())
}

/// Whether a dry run failed only because something that this release makes is not there yet.
fn comes_later(error: &ApplyError, object: &Object, plan: &ReleasePlan) -> bool {
    let rendered = |kind: &str| {
        plan.apply.iter().filter_map(|a| a.object.as_ref()).filter(move |o| o.kind() == kind).collect::<Vec<_>>()
    };
    match error {
        ApplyError::Cluster(ClusterError::UnknownKind { gvk, .. }) => {
            rendered("CustomResourceDefinition").iter().any(|crd| {
                let text = |pointer: &str| crd.value().pointer(pointer).and_then(serde_json::Value::as_str);
                text("/spec/group") == Some(&gvk.group) && text("/spec/names/kind") == Some(&gvk.kind)
            })
        }
        ApplyError::Cluster(error) if error.is_not_found() => {
            let namespace = object.namespace();
            !namespace.is_empty()
                && (namespace == plan.namespace || rendered("Namespace").iter().any(|n| n.name() == namespace))
        }
        _ => false,
    }
}
