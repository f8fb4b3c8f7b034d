//! A look: Git read and rendered, the cluster observed, what others changed compared, and a plan made of it. Writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::apply::Record;
use crate::diagnostic::Diagnostic;
use crate::drift::ObjectDrift;
use crate::environment::OnDrift;
use crate::history::Revision;
use crate::manifest::{Inventory, Object, ObjectId, Redactor};
use crate::plan::{
    Desired, DesiredObject, EnvironmentInput, Live, Neighbours, Plan, ReleaseInput, desire, doubts, plan,
};

use super::approval::Pending;
use super::autoscalers::Autoscalers;
use super::compare::Compare;
use super::desired::{Ambience, DesiredEnvironment, DesiredRelease, read_environment};
use super::foresee::{Known, foresee};
use super::lifecycle::{Asked, Histories, Life, LifeError};
use super::lookups::Lookups;
use super::needs::{needed_objects, say_waits};
use super::neighbours::Here;
use super::observe::list;
use super::pass::{PassError, Reconciler};
use super::source::{Source, WORKING_FOLDER};
use super::verdicts::{self, Averted};

/// What there is, what should be, and what would be done.
#[derive(Debug)]
pub struct Look {
    /// The desired state.
    pub desired: Arc<DesiredEnvironment>,
    /// What would be done.
    pub plan: Plan,
    /// What others changed.
    pub drift: Vec<ObjectDrift>,
    /// What is wrong, by release: nothing of such a release is touched.
    pub problems: BTreeMap<String, Vec<String>>,
    /// What each release owns.
    pub inventories: BTreeMap<String, Inventory>,
    /// The marks of objects that differ from their inventories', and stay so for now; none where the object or our entry is gone.
    pub(super) known: BTreeMap<ObjectId, Option<String>>,
    /// The desired objects by release.
    pub objects: BTreeMap<String, Vec<DesiredObject>>,
    /// Releases with changes from Git that wait, because `onCommit` says `plan`.
    pub held_back: BTreeSet<String>,
    /// What waits for an approval, whether it was taken out of the plan or not.
    pub pending: Option<Pending>,
    /// Releases that failed with what Git wants, and what follows from that.
    pub averted: BTreeMap<String, Averted>,
    /// The digests of what Git wants, by release.
    pub(super) digests: BTreeMap<String, String>,
    /// The releases whose objects another one needs: its CRDs, its namespace.
    pub(super) objects_of: BTreeMap<String, Vec<String>>,
    /// What helm's history is to hold, of releases that take a step in their life.
    pub(super) revisions: BTreeMap<String, Arc<Revision>>,
    /// Releases that somebody went back from Git with.
    pub(super) gone_back: BTreeSet<String>,
    /// What a person should know of releases' lives.
    pub(super) notes: BTreeMap<String, String>,
    /// Releases whose history stays though they are uninstalled.
    pub(super) keep_history: BTreeSet<String>,
}

impl Look {
    /// Knows the secrets of a release: those that it renders, and those that its templates read.
    pub(super) fn redactor(&self, release: &str) -> Redactor {
        let own = Redactor::new(self.objects.get(release).into_iter().flatten().map(|o| &o.object));
        let found = self.desired.releases.iter().find(|r| r.name == release);
        match found.and_then(|r| r.rendered.as_ref().ok()) {
            Some(rendered) => own.and(&rendered.secrets),
            None => found.and_then(|r| r.veil.as_ref()).map_or(own.clone(), |veil| own.and(veil)),
        }
    }

    /// Knows what was encrypted of a release's values.
    pub(super) fn veil(&self, release: &str) -> Option<&Arc<Redactor>> {
        let found = self.desired.releases.iter().find(|r| r.name == release)?;
        found.veil.as_ref()
    }

    /// The shortest interval of the environment and its releases.
    pub(super) fn interval(&self) -> Option<Duration> {
        let releases = self.desired.releases.iter().filter_map(|r| r.policies.as_ref()?.interval);
        releases.chain(self.desired.environment.policies.interval).min()
    }
}

impl Reconciler {
    /// Looks: reads Git and the cluster, and plans. Writes nothing.
    ///
    /// # Errors
    /// When the environment's own files are wrong or the cluster cannot be asked.
    pub async fn look(&mut self, source: &Source) -> Result<Look, PassError> {
        let held = self.held.as_ref();
        let ours = |id: &ObjectId| held.is_some_and(|h| h.values().any(|r| r.inventory.objects.contains_key(id)));
        let lookups = self.looking.begin(&self.cluster, self.view.as_ref(), &self.environment, &ours);
        let read = self.read(source, &lookups).await;
        self.follow_lookups(&lookups).await?;
        let desired = read?;
        let environment = &desired.environment;
        if environment.is_abstract {
            let file = crate::tree::join(&crate::tree::join(&self.root, &self.environment), "environment.yaml");
            let error = Diagnostic::new(file, "the environment is abstract: a layer that is never deployed");
            return Err(PassError::Environment(error.into()));
        }
        self.load_inventories().await?;
        let held = self.held.get_or_insert_default();
        let kinds = self.cluster.kinds().await?;

        let mut problems: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for release in &desired.releases {
            if let Err(errors) = &release.rendered {
                problems.insert(release.name.clone(), errors.clone());
            }
        }
        for (release, reason) in &self.damaged {
            problems.entry(release.clone()).or_default().push(format!("its inventory cannot be read: {reason}"));
        }

        let rendered = || desired.releases.iter().filter_map(|r| Some((r, r.rendered.as_ref().ok()?)));
        let crds: Vec<&Object> =
            rendered().flat_map(|(_, r)| &r.objects).filter(|o| o.kind() == "CustomResourceDefinition").collect();
        // A kind may have come since the last discovery: asked for once a pass, not once an object.
        let unknown = rendered().flat_map(|(_, r)| &r.objects).any(|o| kinds.resource(&o.gvk()).is_none());
        let kinds = if unknown { self.cluster.refresh_kinds().await? } else { kinds };
        let key = self.key.clone().unwrap_or_default();
        let scopes = |gvk: &crate::manifest::Gvk| kinds.resource(gvk).map(|r| r.namespaced);
        let (cluster, read) = (&self.cluster, &mut self.revisions);
        let mut histories = Histories { cluster, read, stored: BTreeMap::new(), scopes: &scopes, key: &key };
        let fresh = |r: &&DesiredRelease| held.get(&r.name).is_none_or(|h| h.inventory.lifecycle.is_none());
        histories.look_up(desired.releases.iter().filter(fresh)).await?;
        let mut lives: BTreeMap<String, Life> = BTreeMap::new();
        for release in &desired.releases {
            if self.damaged.contains_key(&release.name) {
                continue;
            }
            let inventory = held.get(&release.name).map(|r| &r.inventory);
            match histories.of(release, inventory, self.asked.get(&release.name)).await {
                Ok(life) => {
                    // What is in force is not Git's: what is wrong with that stops nothing.
                    if life.instead.is_some() || life.gone {
                        problems.remove(&release.name);
                    }
                    if let Some(asked) = self.asked.get_mut(&release.name) {
                        asked.note(&life);
                    }
                    lives.insert(release.name.clone(), life);
                }
                Err(LifeError::Cluster(error)) => return Err(error.into()),
                Err(LifeError::Release(errors)) => problems.entry(release.name.clone()).or_default().extend(errors),
            }
        }
        for (name, record) in &*held {
            let lifecycle = record.inventory.lifecycle.as_ref();
            let confirmed = matches!(self.asked.get(name), Some(Asked::Uninstall { .. }));
            if (lifecycle.is_none() && !confirmed) || desired.releases.iter().any(|r| r.name == *name) {
                continue;
            }
            match histories.leaving(lifecycle, None).await {
                Ok(mut life) => {
                    life.confirmed = confirmed;
                    lives.insert(name.clone(), life);
                }
                Err(LifeError::Cluster(error)) => return Err(error.into()),
                Err(LifeError::Release(errors)) => problems.entry(name.clone()).or_default().extend(errors),
            }
        }
        let mut objects: BTreeMap<String, Vec<DesiredObject>> = BTreeMap::new();
        for release in &desired.releases {
            let Some(life) = lives.get(&release.name).filter(|_| !problems.contains_key(&release.name)) else {
                continue;
            };
            // Where a definition is rendered, others' objects may be made from it, too.
            let as_rendered = crds.is_empty() && life.instead.is_none() && !life.gone;
            let policies = release.policies.as_ref().unwrap_or(&environment.policies);
            let heed = |made: &mut Vec<DesiredObject>| made.iter_mut().for_each(|object| object.heed(&policies.ignore));
            if as_rendered && let Some(mut made) = self.made.get(release, &kinds, &key) {
                heed(&mut made);
                objects.insert(release.name.clone(), made);
                continue;
            }
            let wanted = match (&life.instead, &release.rendered) {
                _ if life.gone => Vec::new(),
                (Some(objects), _) => objects.clone(),
                (None, Ok(rendered)) => rendered.objects.iter().map(Object::at_rest).collect(),
                (None, Err(_)) => continue,
            };
            let crds = crds.iter().copied();
            match desire(wanted, &self.environment, &release.name, &release.namespace, &scopes, &key, crds) {
                Ok(mut made) => {
                    if as_rendered {
                        self.made.keep(release, &kinds, &key, &made);
                    }
                    heed(&mut made);
                    objects.insert(release.name.clone(), made);
                }
                Err(errors) => {
                    problems.insert(release.name.clone(), errors.iter().map(ToString::to_string).collect());
                }
            }
        }

        self.made.retain(&desired.releases);

        // Hooks are part of what may fail: a commit that mends one is tried.
        let of_life = |name: &String| lives.get(name).map_or("", |life| life.digest.as_str());
        let digest = |name: &String, objects| format!("{}{:.12}", verdicts::digest(objects), of_life(name));
        let digests: BTreeMap<String, String> =
            objects.iter().map(|(name, objects)| (name.clone(), digest(name, objects))).collect();
        let mut averted: BTreeMap<String, Averted> = BTreeMap::new();
        for release in desired.releases.iter().filter(|_| self.heeds_failures) {
            let (Some(record), Some(digest)) = (held.get(&release.name), digests.get(&release.name)) else { continue };
            let Some(mut found) = verdicts::averted(record, release.on_failure, digest) else { continue };
            // Left alone, as long as it is not taken back.
            let inventory = Some(&record.inventory);
            lives.remove(&release.name);
            if let Some(back_to) = found.back_to.clone() {
                let of = (self.root.as_str(), self.environment.as_str(), release.name.as_str());
                let capabilities = self.cluster.capabilities().await?;
                let rendered = self.earlier.rendered(source, of, &back_to, (&capabilities, &key, &lookups)).await;
                let earlier = rendered.clone().map_err(|e| vec![e]);
                let made = rendered.and_then(|rendered| {
                    let (objects, crds) = (rendered.objects.clone(), crds.iter().copied());
                    let (name, namespace) = (&release.name, &release.namespace);
                    let made = desire(objects, &self.environment, name, namespace, &scopes, &key, crds);
                    made.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
                });
                match made {
                    Ok(mut made) => {
                        let policies = release.policies.as_ref().unwrap_or(&environment.policies);
                        made.iter_mut().for_each(|object| object.heed(&policies.ignore));
                        objects.insert(release.name.clone(), made);
                        let earlier = DesiredRelease { rendered: earlier, ..release.clone() };
                        match histories.of(&earlier, inventory, None).await {
                            Ok(mut life) => {
                                // The number that it had then is not known: that of the revision that was ready last.
                                life.rollback = life.revision.is_some().then_some(0);
                                lives.insert(release.name.clone(), life);
                            }
                            Err(LifeError::Cluster(error)) => return Err(error.into()),
                            Err(LifeError::Release(errors)) => found.stuck = Some(errors.join("; ")),
                        }
                    }
                    Err(error) => (found.back_to, found.stuck) = (None, Some(format!("{back_to}: {error}"))),
                }
            }
            averted.insert(release.name.clone(), found);
        }
        let revisions: Vec<&str> = averted.values().filter_map(|a| a.back_to.as_deref()).collect();
        self.earlier.keep(&revisions);
        let objects_of = needed_objects(&objects);

        let mut wanted: BTreeMap<ObjectId, String> = BTreeMap::new();
        for held in held.values() {
            wanted.extend(held.inventory.objects.iter().map(|(id, a)| (id.clone(), a.version.clone())));
        }
        for object in objects.values().flatten() {
            wanted.insert(object.id.clone(), object.version.clone());
        }
        let seen = match &self.view {
            Some(view) => view.observe(&self.cluster, &self.environment, &wanted).await?,
            None => list(&self.cluster, &self.environment, &wanted).await?,
        };
        let versions: BTreeMap<ObjectId, u64> = seen.iter().map(|(id, seen)| (id.clone(), seen.version)).collect();
        let mut live: BTreeMap<ObjectId, Live> = seen.into_iter().map(|(id, seen)| (id, seen.live)).collect();
        let autoscalers = Autoscalers::of(&self.cluster, self.view.as_ref()).await?;
        let strict: BTreeSet<String> = {
            let is = |r: &&DesiredRelease| r.policies.as_ref().unwrap_or(&environment.policies).strict;
            desired.releases.iter().filter(is).map(|r| r.name.clone()).collect()
        };
        if let Some(view) = &self.view {
            view.strict(&self.environment, strict.clone());
        }
        let corrects = |name: &str, object: &DesiredObject| {
            let release = desired.releases.iter().find(|r| r.name == name).and_then(|r| r.policies.as_ref());
            object.on_drift.unwrap_or(release.unwrap_or(&environment.policies).on_drift) == OnDrift::Correct
        };
        let (cluster, harmless, lost) = (&self.cluster, &mut self.harmless, &mut self.lost);
        let corrects = &corrects;
        let account = |r: &DesiredRelease| Some((r.name.clone(), r.service_account.clone()?));
        let accounts: BTreeMap<String, String> = desired.releases.iter().filter_map(account).collect();
        let (autoscalers, accounts, strict) = (&autoscalers, &accounts, &strict);
        let compare = Compare {
            cluster,
            autoscalers,
            objects: &objects,
            accounts,
            held,
            strict,
            harmless,
            versions: &versions,
            lost,
            corrects,
        };
        let compared = compare.drifted(&mut live).await?;
        let drift = &compared.drift;
        let (cluster, read) = (&self.cluster, &mut self.revisions);
        let mut histories = Histories { cluster, read, stored: BTreeMap::new(), scopes: &scopes, key: &key };
        for release in &desired.releases {
            let recorded = held.get(&release.name).and_then(|r| r.inventory.lifecycle.as_ref());
            let (Some(life), Some(recorded)) = (lives.get_mut(&release.name), recorded) else { continue };
            let policies = release.policies.as_ref().unwrap_or(&environment.policies);
            let corrects = policies.on_drift == OnDrift::Correct;
            if corrects
                && !life.gone
                && (recorded.stale || drift.iter().any(|d| d.release == release.name && !d.is_only_added()))
            {
                histories.stale(life, release, recorded).await?;
            }
        }
        if let Some(view) = &self.view {
            let ids: BTreeSet<ObjectId> = drift.iter().map(ObjectDrift::id).chain(self.lost.keys().cloned()).collect();
            view.attend(&self.environment, ids);
        }

        // What differs for good (told, ignored, or the same after all) is no news to those who wait later.
        let mut known: BTreeMap<ObjectId, Option<String>> = BTreeMap::new();
        for (id, entry) in held.values_mut().flat_map(|h| &mut h.inventory.objects) {
            let seen = live.get(id);
            let mark = seen.and_then(|l| l.mark.clone());
            entry.let_be &= !compared.settled.contains(id);
            if seen.is_some_and(|l| l.same && l.uid == entry.uid)
                && let Some(mark) = &mark
            {
                entry.mark.clone_from(mark);
            }
            if mark.as_deref() != Some(entry.mark.as_str()) {
                known.insert(id.clone(), mark);
            }
        }

        let inventories: BTreeMap<String, Inventory> =
            held.iter().map(|(name, held)| (name.clone(), held.inventory.clone())).collect();
        let default_policies = &environment.policies;
        let mut releases = Vec::new();
        for release in &desired.releases {
            let policies = release.policies.as_ref().unwrap_or(default_policies);
            let life = lives.get(&release.name);
            // One that was uninstalled is as if it were not there; one that is to be, as if it had left Git.
            let (left, absent) = match life {
                Some(life) if life.gone => (life.held.is_some(), life.held.is_none()),
                _ => (false, false),
            };
            releases.push(ReleaseInput {
                name: &release.name,
                namespace: &release.namespace,
                stage: release.stage,
                desired: match objects.get(&release.name) {
                    _ if left => Desired::Gone,
                    Some(objects) => Desired::Objects(objects.clone()),
                    None => Desired::Broken,
                },
                inventory: inventories.get(&release.name).filter(|_| !absent),
                prune: &policies.prune,
                on_drift: policies.on_drift,
                lifecycle: life.filter(|_| !absent).map(Life::input),
            });
        }
        for (name, inventory) in &inventories {
            if !desired.releases.iter().any(|r| r.name == *name) {
                releases.push(ReleaseInput {
                    name,
                    namespace: &inventory.namespace,
                    stage: 0,
                    desired: if self.damaged.contains_key(name) { Desired::Broken } else { Desired::Gone },
                    inventory: Some(inventory),
                    prune: &default_policies.prune,
                    on_drift: default_policies.on_drift,
                    lifecycle: lives.get(name).map(Life::input),
                });
            }
        }
        let nobody = Neighbours::default();
        let input = EnvironmentInput {
            environment: &self.environment,
            revision: &source.revision,
            releases,
            live: &live,
            neighbours: &nobody,
            max_deletions: default_policies.prune.max_deletions,
        };
        let doubts = doubts(&input);
        let neighbours = if doubts.is_empty() {
            Neighbours::default()
        } else {
            let capabilities = self.cluster.capabilities().await?;
            let (cluster, root, capabilities) = (&self.cluster, self.root.as_str(), &capabilities);
            let here = Here { cluster, source, root, environment, capabilities, key: &key };
            self.neighbourhood.ask(&here, &doubts).await?
        };
        let plan = plan(&EnvironmentInput { neighbours: &neighbours, ..input });
        let gone_back = lives.iter().filter(|(_, life)| life.is_back()).map(|(name, _)| name.clone()).collect();
        let notes = lives.iter().filter_map(|(name, life)| Some((name.clone(), life.note.clone()?))).collect();
        let revisions = lives.into_iter().filter_map(|(name, life)| Some((name, life.revision?))).collect();
        let keeps = |asked: &&Asked| matches!(asked, Asked::Uninstall { keep_history: true, .. });
        let keep_history = self.asked.iter().filter(|(_, asked)| keeps(asked)).map(|(name, _)| name.clone()).collect();
        let held = self.held.get_or_insert_default();
        let written = plan.releases.iter().flat_map(|r| &r.apply).filter(|a| a.verb.writes()).map(|a| &a.id);
        self.checks.begin(versions, &written.collect());
        let seen = Known {
            autoscalers,
            objects: &objects,
            accounts,
            held,
            live: &live,
            compared: &compared,
            checks: &self.checks,
        };
        let mut plan = foresee(&self.cluster, &seen, plan).await?;
        say_waits(&mut plan, &desired, &objects_of);
        let drift = compared.drift;
        let mut look = Look {
            revisions,
            gone_back,
            notes,
            keep_history,
            desired: Arc::clone(&desired),
            plan,
            drift,
            problems,
            inventories,
            known,
            objects,
            held_back: BTreeSet::new(),
            pending: None,
            averted,
            digests,
            objects_of,
        };
        look.pending = look.find_pending(self.keyed);
        if !look.averted.is_empty() {
            self.follow_lookups(&lookups).await?;
        }
        Ok(look)
    }

    /// Follows what the renders in force have looked up.
    async fn follow_lookups(&mut self, lookups: &Lookups) -> Result<(), PassError> {
        let now = self.cache.answers().map(|(_, answers)| answers);
        let answers = now.chain(self.earlier.answers());
        Ok(self.looking.end(lookups, answers, self.view.as_ref(), &self.environment).await?)
    }

    async fn read(&mut self, source: &Source, lookups: &Arc<Lookups>) -> Result<Arc<DesiredEnvironment>, PassError> {
        let capabilities = self.cluster.capabilities().await?;
        if self.key.is_none() {
            // Before the first apply there is no key: what is shown then is as random as what will be applied.
            let key = self.cluster.render_key().await?;
            self.keyed = key.is_some();
            self.key = Some(key.unwrap_or_else(|| uuid::Uuid::new_v4().as_bytes().to_vec()));
        }
        let key = self.key.clone().unwrap_or_default();
        if let Some((revision, known, desired)) = &self.read
            && *revision == source.revision
            && *revision != WORKING_FOLDER
            && *known == capabilities
            && self.looking.is_still(lookups)
            && self.cache.due().is_none()
        {
            return Ok(Arc::clone(desired));
        }
        let (revision, used) = (source.revision.clone(), capabilities.clone());
        let (source, root, name) = (source.clone(), self.root.clone(), self.environment.clone());
        let mut cache = std::mem::take(&mut self.cache);
        let lookups = Arc::clone(lookups);
        let task = tokio::task::spawn_blocking(move || {
            let read = read_environment(
                &source,
                &root,
                &name,
                &Ambience { capabilities: Some(&capabilities), key: &key, lookups: Some(&lookups) },
                &mut cache,
            );
            (read, cache)
        });
        let (read, cache) = task.await.map_err(|e| PassError::Internal(format!("rendering ended: {e}")))?;
        self.cache = cache;
        let desired = read.map(Arc::new).map_err(PassError::Environment)?;
        self.neighbourhood.publish(&revision, &used, &desired).await;
        self.read = (!desired.incomplete).then(|| (revision, used, Arc::clone(&desired)));
        Ok(desired)
    }

    async fn load_inventories(&mut self) -> Result<(), PassError> {
        // A damaged one may have been repaired, and a write whose fate is unknown may have happened.
        let overtaken = |held| self.view.as_ref().is_some_and(|view| view.is_overtaken(&self.environment, held));
        if self.held.as_ref().is_some_and(|held| !overtaken(held)) && self.damaged.is_empty() && !self.stale {
            return Ok(());
        }
        let mut held = BTreeMap::new();
        self.damaged.clear();
        for stored in self.cluster.inventories(&self.environment).await? {
            match stored.content {
                Ok(inventory) => {
                    let version = Some(stored.resource_version);
                    held.insert(stored.release, Record { inventory, version });
                }
                Err(reason) => {
                    self.damaged.insert(stored.release, reason);
                }
            }
        }
        for (name, waiting) in verdicts::resumed(&held) {
            self.unready.entry(name).or_insert(waiting);
        }
        self.held = Some(held);
        self.stale = false;
        Ok(())
    }
}
