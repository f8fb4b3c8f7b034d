//! The live side of the daemon: the watches of one cluster, and who is to be told when something changed in which environment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::apply::Record;
use crate::cluster::{Cluster, ClusterError, LiveEvent, Resource, Sought, Standing, Versions, Watcher};
use crate::manifest::{Gvk, ObjectId};
use crate::plan::Live;

use super::autoscalers::AUTOSCALERS;
use super::neighbours::Neighbourhood;
use super::observe::{Seen, list, look_up, resources};

/// How long until the autoscalers' kind is asked for again.
const PAUSE: Duration = Duration::from_secs(2);
/// How long the watches may lag behind what was applied just now.
const LAG: Duration = Duration::from_secs(2);
/// How long the first list of a new kind may take before it is asked for directly.
const SETTLE: Duration = Duration::from_secs(30);

/// The watches of a cluster. Cheap to clone; they end when the token that they were started with is cancelled.
#[derive(Clone)]
pub struct LiveView {
    watcher: Arc<Watcher>,
    environments: Arc<Mutex<BTreeMap<String, watch::Sender<u64>>>>,
    /// Environments whose approvals are followed.
    approvals: Arc<Mutex<BTreeSet<String>>>,
    /// The versions of the inventories, by environment and release.
    inventories: Arc<Mutex<BTreeMap<(String, String), String>>>,
    neighbourhood: Neighbourhood,
    cancel: CancellationToken,
}

impl LiveView {
    /// Starts watching; kinds are added as environments use them. Needs a tokio runtime.
    #[must_use]
    pub fn start(cluster: &Cluster, cancel: CancellationToken) -> Self {
        let (watcher, mut events) = Watcher::start(cluster);
        let view = Self {
            watcher: Arc::new(watcher),
            environments: Arc::default(),
            approvals: Arc::default(),
            inventories: Arc::default(),
            neighbourhood: Neighbourhood::default(),
            cancel: cancel.clone(),
        };
        let pump = view.clone();
        // Before anybody can look: who owns the replicas is part of the first look.
        view.watcher.expect_autoscalers(AUTOSCALERS[0].1);
        let autoscalers = follow_autoscalers(cluster.clone(), Arc::clone(&view.watcher));
        tokio::spawn(cancel.clone().run_until_cancelled_owned(autoscalers));
        tokio::spawn(cancel.clone().run_until_cancelled_owned(view.clone().follow_inventories(cluster.clone())));
        tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    () = cancel.cancelled() => return,
                    event = events.recv() => event,
                };
                match event {
                    None => return,
                    Some(event) => pump.told(&event),
                }
            }
        });
        view
    }

    /// What is known of the cluster's environments.
    pub(super) fn neighbourhood(&self) -> Neighbourhood {
        self.neighbourhood.clone()
    }

    async fn follow_inventories(self, cluster: Cluster) {
        let tell = |environment: &str, release: &str, version: Option<&str>| {
            let key = (environment.to_owned(), release.to_owned());
            let changed = {
                let mut known = self.inventories.lock().unwrap_or_else(PoisonError::into_inner);
                match version {
                    Some(version) => known.insert(key, version.to_owned()).as_deref() != Some(version),
                    None => known.remove(&key).is_some(),
                }
            };
            if changed {
                self.notify(environment);
            }
        };
        while let Err(error) = cluster.follow_inventories(&tell).await {
            tracing::debug!(%error, "the kind of inventories cannot be asked for; trying again");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether somebody else has written an inventory of the environment since these were read or written. A watch that lags
    /// behind our own writes says no.
    pub(super) fn is_overtaken(&self, environment: &str, held: &BTreeMap<String, Record>) -> bool {
        let newer = |seen: &str, own: &str| match (seen.parse::<u64>(), own.parse::<u64>()) {
            (Ok(seen), Ok(own)) => seen > own,
            _ => seen != own,
        };
        let known = self.inventories.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter(|((of, _), _)| of == environment).any(|((_, release), seen)| {
            held.get(release).is_some_and(|record| record.version.as_deref().is_none_or(|own| newer(seen, own)))
        })
    }

    /// Counts the changes in an environment.
    #[must_use]
    pub fn changes(&self, environment: &str) -> watch::Receiver<u64> {
        let mut environments = self.environments.lock().unwrap_or_else(PoisonError::into_inner);
        environments.entry(environment.to_owned()).or_insert_with(|| watch::channel(0).0).subscribe()
    }

    /// The autoscalers that own a workload's replicas: their kinds and `namespace/name`.
    #[must_use]
    pub fn autoscalers_of(&self, id: &ObjectId) -> Vec<(String, String)> {
        self.watcher.autoscalers_of(id)
    }

    /// Also tells of every foreign change to these objects: they have drifted, and how is to stay known.
    pub fn attend(&self, environment: &str, ids: BTreeSet<ObjectId>) {
        self.watcher.attend(environment, ids);
    }

    /// Also tells when others come to own other fields of these releases' objects.
    pub fn strict(&self, environment: &str, releases: BTreeSet<String>) {
        self.watcher.strict(environment, releases);
    }

    /// Tells from now on when an approval is recorded. One watch, begun once.
    pub(super) fn follow_approval(&self, cluster: &Cluster, environment: &str) {
        let new = self.approvals.lock().unwrap_or_else(PoisonError::into_inner).insert(environment.to_owned());
        if !new {
            return;
        }
        let (view, cluster, environment) = (self.clone(), cluster.clone(), environment.to_owned());
        let follow = async move {
            let followed = cluster.follow_approval(&environment, &|| view.notify(&environment)).await;
            if let Err(error) = followed {
                tracing::warn!(%environment, %error, "approvals are not followed");
                view.approvals.lock().unwrap_or_else(PoisonError::into_inner).remove(&environment);
            }
        };
        tokio::spawn(self.cancel.clone().run_until_cancelled_owned(follow));
    }

    fn told(&self, event: &LiveEvent) {
        match event {
            LiveEvent::Changed { id, left } => {
                // One that went over to another environment: who gave it up may forget it.
                if let Some(environment) = left {
                    self.notify(environment);
                }
                if let Some(seen) = self.watcher.get(id) {
                    self.notify(&seen.environment);
                    // The label may have been changed: the annotation still says whose it was.
                    if let Some((_, home)) = seen.owner.as_deref().and_then(|o| o.rsplit_once('@'))
                        && let Some((environment, _)) = home.split_once('/')
                        && environment != seen.environment
                    {
                        self.notify(environment);
                    }
                }
            }
            LiveEvent::Gone { last, .. } => self.notify(&last.environment),
            LiveEvent::Autoscalers => self.notify_all(),
            LiveEvent::LookedUp { environment } => self.notify(environment),
            LiveEvent::Synced { kind } => {
                tracing::debug!(%kind, "following");
                // What happened before the list, or in a gap, was told as no event of its own.
                self.notify_all();
            }
            LiveEvent::Lost { kind, error } => {
                tracing::warn!(%kind, %error, "a kind cannot be followed; trying again until it can");
            }
        }
    }

    fn notify_all(&self) {
        let environments = self.environments.lock().unwrap_or_else(PoisonError::into_inner);
        environments.values().for_each(|sender| sender.send_modify(|n| *n += 1));
    }

    fn notify(&self, environment: &str) {
        let environments = self.environments.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = environments.get(environment) {
            sender.send_modify(|count| *count += 1);
        }
    }

    /// What is in the cluster, from the watches; only what they do not know is asked for.
    pub(super) async fn observe(
        &self,
        cluster: &Cluster,
        environment: &str,
        wanted: &BTreeMap<ObjectId, String>,
    ) -> Result<BTreeMap<ObjectId, Seen>, ClusterError> {
        let resources: Vec<Resource> = resources(cluster, wanted).await?;
        // Kinds of autoscalers that came with a CRD.
        for (version, kind) in &AUTOSCALERS[1..] {
            if !self.watcher.follows_autoscalers(kind)
                && let Some(resource) = cluster.kinds().await?.resource(&Gvk::new(version, kind))
            {
                self.watcher.add_autoscalers(resource.clone());
            }
        }
        let kinds: BTreeSet<(String, String)> =
            resources.iter().map(|r| (r.gvk.group.clone(), r.gvk.kind.clone())).collect();
        self.watcher.add(resources);
        let settled = tokio::time::timeout(SETTLE, self.watcher.settled()).await.is_ok();
        let lost = self.watcher.lost().into_iter().any(|(k, _)| kinds.contains(&(k.group, k.kind)));
        if !settled || lost {
            let found = list(cluster, environment, wanted).await?;
            // What cannot be followed may be served in another version by now: the list has found out.
            self.watcher.add(super::observe::resources(cluster, wanted).await?);
            return Ok(found);
        }
        let known = self.watcher.among(environment, wanted.keys());
        let missing: BTreeMap<ObjectId, String> =
            wanted.iter().filter(|(id, _)| !known.contains_key(*id)).map(|(id, v)| (id.clone(), v.clone())).collect();
        let live = |seen: crate::cluster::Seen| Seen {
            version: seen.version,
            live: Live {
                uid: seen.uid,
                mark: seen.mark,
                owner: seen.owner,
                same: false,
                differs: false,
                deleting: seen.deleting,
                foreign: seen.foreign,
            },
        };
        let mut found: BTreeMap<ObjectId, Seen> = known.into_iter().map(|(id, seen)| (id, live(seen))).collect();
        if !missing.is_empty() {
            found.extend(look_up(cluster, &missing).await?);
        }
        Ok(found)
    }

    /// To be taken before templates read.
    pub(super) fn lookups_mark(&self) -> u64 {
        self.watcher.lookups_mark()
    }

    /// Whether something is as an environment's templates read it last.
    pub(super) fn is_as_read(&self, environment: &str, sought: &Sought, ours: &dyn Fn(&ObjectId) -> bool) -> bool {
        self.watcher.looked_up(environment, sought, ours) == Standing::Same
    }

    /// Follows what an environment's templates have looked up.
    pub(super) async fn follow_lookups(
        &self,
        environment: &str,
        looked_up: BTreeMap<Sought, Option<Versions>>,
        mark: u64,
    ) -> Result<(), ClusterError> {
        self.watcher.follow_lookups(environment, looked_up, mark).await
    }

    /// What an environment's templates looked up and nobody can follow, and why.
    pub(super) fn unfollowed(&self, environment: &str) -> BTreeMap<Sought, String> {
        self.watcher.unfollowed(environment)
    }

    /// Ends when something in the environment is no longer as it was applied last or as a template read it, nor as the look before saw it: `known` has
    /// the mark that the look found on objects that differed already (`None`: the object, or its mark, was not there), which
    /// were told of, are to be ignored, or are the same in spite of it.
    ///
    /// What differs from the start may be a watch that lags behind our own writes: it counts once it lasts [`LAG`]. What comes to
    /// differ counts at once. Kinds that are not followed say nothing.
    pub(super) async fn drifted_since(
        &self,
        environment: &str,
        held: &BTreeMap<String, Record>,
        known: &BTreeMap<ObjectId, Option<String>>,
    ) {
        let mut changes = self.changes(environment);
        let lag = tokio::time::sleep(LAG);
        tokio::pin!(lag);
        let differing = || {
            let owned = held.values().flat_map(|record| record.inventory.objects.keys());
            differing(held, known, &self.watcher.among(environment, owned), &self.watcher.followed())
        };
        let at_first = differing();
        let mut differ = at_first.clone();
        loop {
            let news = differ.iter().any(|(id, state)| at_first.get(id) != Some(state));
            let news = news || self.watcher.lookups_changed(environment);
            if news || (lag.is_elapsed() && !differ.is_empty()) {
                return;
            }
            tokio::select! {
                () = &mut lag, if !lag.is_elapsed() => {}
                changed = changes.changed() => if changed.is_err() {
                    return std::future::pending().await;
                }
            }
            differ = differing();
        }
    }
}

/// The UID and the mark that an object shows, where they are neither what was applied nor what is known.
fn differing(
    held: &BTreeMap<String, Record>,
    known: &BTreeMap<ObjectId, Option<String>>,
    live: &BTreeMap<ObjectId, crate::cluster::Seen>,
    followed: &BTreeSet<(String, String)>,
) -> BTreeMap<ObjectId, Option<(String, Option<String>)>> {
    let objects = held
        .values()
        .flat_map(|h| &h.inventory.objects)
        .filter(|(id, applied)| !applied.uid.is_empty() && followed.contains(&(id.group.clone(), id.kind.clone())));
    let states = objects.filter_map(|(id, applied)| {
        let seen = live.get(id);
        let mark = seen.and_then(|s| s.mark.as_deref());
        let as_applied = seen.is_some_and(|s| s.uid == applied.uid) && mark == Some(applied.mark.as_str());
        let as_known = known.get(id).is_some_and(|k| k.as_deref() == mark);
        let state = seen.map(|s| (s.uid.clone(), s.mark.clone()));
        (!as_applied && !as_known).then(|| (id.clone(), state))
    });
    states.collect()
}

/// Has the autoscalers followed, as soon as the cluster can be asked for their kind.
async fn follow_autoscalers(cluster: Cluster, watcher: Arc<Watcher>) {
    loop {
        let (version, kind) = AUTOSCALERS[0];
        match cluster.resource(&Gvk::new(version, kind)).await {
            Ok(resource) => return watcher.add_autoscalers(resource),
            Err(ClusterError::UnknownKind { .. }) => return watcher.no_autoscalers(kind),
            Err(error) => tracing::warn!(%error, "the autoscalers' kind cannot be asked for; trying again"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Applied, Inventory};

    fn seen(uid: &str, mark: Option<&str>) -> crate::cluster::Seen {
        crate::cluster::Seen {
            uid: uid.into(),
            mark: mark.map(Into::into),
            owner: None,
            environment: "staging".into(),
            release: "clipper".into(),
            deleting: false,
            foreign: 0,
            version: 0,
        }
    }

    #[test]
    fn what_is_as_applied_or_as_known_does_not_differ() {
        let id: ObjectId = "apps/Deployment/ns/a".parse().unwrap();
        let applied = Applied {
            version: "apps/v1".into(),
            uid: "u".into(),
            desired: String::new(),
            mark: "ours".into(),
            ..Applied::default()
        };
        let mut inventory = Inventory::new("staging", "clipper", "ns");
        inventory.objects.insert(id.clone(), applied);
        let held = BTreeMap::from([("clipper".to_owned(), Record { inventory, version: None })]);
        let followed = BTreeSet::from([("apps".to_owned(), "Deployment".to_owned())]);
        let count = |live: Option<crate::cluster::Seen>, known: Option<Option<&str>>, followed: &BTreeSet<_>| {
            let live = live.map(|l| (id.clone(), l)).into_iter().collect();
            let known = known.map(|k| (id.clone(), k.map(str::to_owned))).into_iter().collect();
            differing(&held, &known, &live, followed).len()
        };
        assert_eq!(count(Some(seen("u", Some("ours"))), None, &followed), 0);
        assert_eq!(count(Some(seen("u", Some("theirs"))), None, &followed), 1);
        assert_eq!(count(Some(seen("u", Some("theirs"))), Some(Some("theirs")), &followed), 0, "told already");
        assert_eq!(count(Some(seen("u", Some("other"))), Some(Some("theirs")), &followed), 1, "and changed again");
        assert_eq!(count(Some(seen("v", Some("ours"))), None, &followed), 1, "made anew");
        assert_eq!(count(None, None, &followed), 1, "deleted");
        assert_eq!(count(None, Some(None), &followed), 0, "known to be gone");
        assert_eq!(count(None, None, &BTreeSet::new()), 0, "nobody follows the kind");
    }
}
