//! Watches that say when an object of ours may differ from what was applied: one a kind, metadata only, over the whole
//! cluster, for everything that carries our label. In a steady state they are all that evenkeel asks of the API server.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::autoscaler::{Autoscaler, AutoscalerSink, Autoscalers};
use super::connect::Cluster;
use super::discovery::Resource;
use super::error::ClusterError;
use super::followed::{Followed, Standing};
use super::index::{Index, Metadata, Seen, Update, id as id_of};
use super::lookup::{Sought, Versions};
use super::watch::{Scope, Sink, follow};
use crate::manifest::{Gvk, LABEL_ENVIRONMENT, ObjectId};

/// What the watches tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveEvent {
    /// An object appeared, or something of it that matters changed: our fields, its UID, its labels, its owner, its deletion.
    Changed {
        /// Which one.
        id: ObjectId,
        /// The environment that its label named before, when it names another one now.
        left: Option<String>,
    },
    /// An object was deleted, or lost the label: reading it tells which.
    Gone {
        /// Which one.
        id: ObjectId,
        /// As it was last.
        last: Seen,
    },
    /// A kind is followed, from here on without a gap: after its first list, and after every loss.
    Synced {
        /// Which kind.
        kind: Gvk,
    },
    /// A kind cannot be followed for the time being. It is tried again until it can.
    Lost {
        /// Which kind.
        kind: Gvk,
        /// Why.
        error: String,
    },
    /// What the autoscalers of the cluster target has changed.
    Autoscalers,
    /// Something is no longer as an environment's templates read it.
    LookedUp {
        /// Which environment.
        environment: String,
    },
}

/// What the watch tasks share.
pub(super) struct State {
    index: Index,
    autoscalers: Autoscalers,
    /// The kinds of autoscalers that are followed, or are about to be, and whether each was listed once.
    autoscaler_kinds: BTreeMap<String, bool>,
    /// The kinds, each with its loss: `None` before the first list, then whether it is lost.
    kinds: BTreeMap<Gvk, Option<Result<(), String>>>,
    /// What ends the task of a kind.
    stops: BTreeMap<Gvk, CancellationToken>,
    /// Objects of which every change is told, by environment.
    attended: BTreeMap<String, BTreeSet<ObjectId>>,
    /// Releases of which fields that others add are told, too, by environment.
    strict: BTreeMap<String, BTreeSet<String>>,
}

/// What one watch task needs.
#[derive(Clone)]
pub(super) struct Shared {
    state: Arc<Mutex<State>>,
    events: mpsc::UnboundedSender<LiveEvent>,
    /// Counts changes of `State::kinds`, for those who wait for them.
    progress: Arc<watch::Sender<u64>>,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: LiveEvent) {
        // Nobody listens any more when the reconciler is gone; the tasks end with the watcher.
        let _ = self.events.send(event);
    }

    fn synced(&self, kind: &Gvk) {
        match self.state().kinds.get_mut(kind) {
            Some(entry) => *entry = Some(Ok(())),
            // Another version is followed in its place.
            None => return,
        }
        self.progress.send_modify(|n| *n += 1);
        self.tell(LiveEvent::Synced { kind: kind.clone() });
    }

    fn lost(&self, kind: &Gvk, error: &ClusterError) {
        let error = error.to_string();
        let told = {
            let mut state = self.state();
            let Some(entry) = state.kinds.get_mut(kind) else { return };
            matches!(entry.replace(Err(error.clone())), Some(Err(_)))
        };
        self.progress.send_modify(|n| *n += 1);
        if !told {
            self.tell(LiveEvent::Lost { kind: kind.clone(), error });
        }
    }
}

impl State {
    /// Whether a kind is to be followed by a new task, with what ends that. Two versions of a kind are the same objects: the
    /// first one is followed, until it is lost while another is asked for (its CRD may serve it no longer).
    fn begin(&mut self, gvk: &Gvk, stop: &CancellationToken) -> Option<CancellationToken> {
        let same = |k: &&Gvk| k.group == gvk.group && k.kind == gvk.kind;
        if let Some(known) = self.kinds.keys().find(same).cloned() {
            if known == *gvk || !matches!(self.kinds.get(&known), Some(Some(Err(_)))) {
                return None;
            }
            self.kinds.remove(&known);
            if let Some(task) = self.stops.remove(&known) {
                task.cancel();
            }
        }
        let task = stop.child_token();
        self.kinds.insert(gvk.clone(), None);
        self.stops.insert(gvk.clone(), task.clone());
        Some(task)
    }

    pub(super) fn autoscalers(&mut self) -> &mut Autoscalers {
        &mut self.autoscalers
    }
}

/// The watches of a cluster. Dropping it ends them.
pub struct Watcher {
    cluster: Cluster,
    shared: Shared,
    followed: Followed,
    stop: CancellationToken,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Watcher {
    /// Starts without any kind but the autoscalers. Must be called within a tokio runtime.
    #[must_use]
    pub fn start(cluster: &Cluster) -> (Self, mpsc::UnboundedReceiver<LiveEvent>) {
        let (events, receiver) = mpsc::unbounded_channel();
        let state = State {
            index: Index::default(),
            autoscalers: Autoscalers::default(),
            autoscaler_kinds: BTreeMap::new(),
            kinds: BTreeMap::new(),
            stops: BTreeMap::new(),
            attended: BTreeMap::new(),
            strict: BTreeMap::new(),
        };
        let followed = Followed::new(events.clone());
        let shared = Shared { state: Arc::new(Mutex::new(state)), events, progress: Arc::new(watch::Sender::new(0)) };
        let watcher = Self { cluster: cluster.clone(), shared, followed, stop: CancellationToken::new() };
        (watcher, receiver)
    }

    /// Follows these kinds too; those that are followed already, and those that cannot be watched, are left out. Two versions of
    /// a kind are the same objects: the first one is followed, until it is lost and another is asked for.
    pub fn add(&self, resources: impl IntoIterator<Item = Resource>) {
        for resource in resources.into_iter().filter(Resource::watchable) {
            let gvk = resource.gvk.clone();
            let Some(stop) = self.shared.state().begin(&gvk, &self.stop) else { continue };
            let scope = Scope {
                resource,
                namespace: String::new(),
                labels: LABEL_ENVIRONMENT.to_owned(),
                fields: String::new(),
                metadata: true,
            };
            let mut sink = KindSink { shared: self.shared.clone(), gvk, listed: BTreeSet::new(), first: true };
            let cluster = self.cluster.clone();
            tokio::spawn(stop.run_until_cancelled_owned(async move {
                follow::<Metadata>(&cluster, &scope, &mut sink).await;
            }));
        }
    }

    /// [`Watcher::settled`] waits from now on for the first list of these autoscalers: somebody is about to add them, or to say
    /// with [`Watcher::no_autoscalers`] that there are none.
    pub fn expect_autoscalers(&self, kind: &str) {
        self.shared.state().autoscaler_kinds.entry(kind.to_owned()).or_insert(false);
    }

    /// The cluster has no autoscalers of this kind to follow.
    pub fn no_autoscalers(&self, kind: &str) {
        self.shared.autoscalers_settled(kind);
    }

    /// Whether autoscalers of this kind are followed, or are about to be.
    #[must_use]
    pub fn follows_autoscalers(&self, kind: &str) -> bool {
        self.shared.state().autoscaler_kinds.contains_key(kind)
    }

    /// Follows autoscalers of a kind, whole, wherever they are: they need not be ours to own our workloads' replicas. To be
    /// called once for each kind.
    pub fn add_autoscalers(&self, resource: Resource) {
        let kind = resource.gvk.kind.clone();
        let scope =
            Scope { resource, namespace: String::new(), labels: String::new(), fields: String::new(), metadata: false };
        self.expect_autoscalers(&kind);
        let mut sink = AutoscalerSink::new(self.shared.clone(), &kind);
        let cluster = self.cluster.clone();
        let stop = self.stop.clone();
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            follow::<Autoscaler>(&cluster, &scope, &mut sink).await;
        }));
    }

    /// Waits until every kind has been listed, or is lost: then [`Watcher::lost`] says why.
    pub async fn settled(&self) {
        let mut progress = self.shared.progress.subscribe();
        loop {
            progress.mark_unchanged();
            {
                let state = self.shared.state();
                if state.autoscaler_kinds.values().all(|listed| *listed) && state.kinds.values().all(Option::is_some) {
                    return;
                }
            }
            if progress.changed().await.is_err() {
                return;
            }
        }
    }

    /// The kinds that cannot be followed, and why.
    #[must_use]
    pub fn lost(&self) -> Vec<(Gvk, String)> {
        let state = self.shared.state();
        state
            .kinds
            .iter()
            .filter_map(|(kind, state)| Some((kind.clone(), state.as_ref()?.as_ref().err()?.clone())))
            .collect()
    }

    /// The kinds that are followed.
    #[must_use]
    pub fn kinds(&self) -> Vec<Gvk> {
        self.shared.state().kinds.keys().cloned().collect()
    }

    /// The groups and kinds whose objects are all known at this time.
    #[must_use]
    pub fn followed(&self) -> BTreeSet<(String, String)> {
        let state = self.shared.state();
        let whole = state.kinds.iter().filter(|(_, state)| matches!(state, Some(Ok(()))));
        whole.map(|(kind, _)| (kind.group.clone(), kind.kind.clone())).collect()
    }

    /// An object that carries our label.
    #[must_use]
    pub fn get(&self, id: &ObjectId) -> Option<Seen> {
        self.shared.state().index.get(id)
    }

    /// From now on tells of every change to these objects of an environment, not only of those to our fields: they have drifted,
    /// and what somebody makes of a field that we lost does not show in our entry. Replaces the objects attended before.
    pub fn attend(&self, environment: &str, ids: BTreeSet<ObjectId>) {
        let mut state = self.shared.state();
        if ids.is_empty() {
            state.attended.remove(environment);
        } else {
            state.attended.insert(environment.to_owned(), ids);
        }
    }

    /// From now on tells of these releases of an environment also when others come to own other fields of their objects.
    pub fn strict(&self, environment: &str, releases: BTreeSet<String>) {
        let mut state = self.shared.state();
        if releases.is_empty() {
            state.strict.remove(environment);
        } else {
            state.strict.insert(environment.to_owned(), releases);
        }
    }

    /// Every object whose label names an environment.
    #[must_use]
    pub fn of_environment(&self, environment: &str) -> BTreeMap<ObjectId, Seen> {
        self.shared.state().index.of_environment(environment)
    }

    /// The objects among these whose label names an environment.
    #[must_use]
    pub fn among<'a>(&self, environment: &str, ids: impl Iterator<Item = &'a ObjectId>) -> BTreeMap<ObjectId, Seen> {
        self.shared.state().index.among(environment, ids)
    }

    /// The autoscalers that own a workload's replicas: their kinds and `namespace/name`.
    #[must_use]
    pub fn autoscalers_of(&self, id: &ObjectId) -> Vec<(String, String)> {
        self.shared.state().autoscalers.of(id)
    }

    /// To be taken before an environment's templates read, for [`Watcher::follow_lookups`].
    #[must_use]
    pub fn lookups_mark(&self) -> u64 {
        self.followed.mark()
    }

    /// Follows what an environment's templates have looked up, and nothing else of it; [`LiveEvent::LookedUp`] tells when one is
    /// no longer as it was read. Each comes with its versions when it was read since `mark` was taken.
    ///
    /// # Errors
    /// When the kinds cannot be discovered.
    pub async fn follow_lookups(
        &self,
        environment: &str,
        looked_up: BTreeMap<Sought, Option<Versions>>,
        mark: u64,
    ) -> Result<(), ClusterError> {
        let kinds = self.cluster.kinds().await?;
        let with_resource = |(sought, read): (Sought, Option<Versions>)| {
            let resource = kinds.resource(&sought.gvk()).cloned();
            (sought, (read, resource))
        };
        let wanted = looked_up.into_iter().map(with_resource).collect();
        self.followed.follow(&self.cluster, environment, wanted, mark, &self.stop);
        Ok(())
    }

    /// How something that an environment's templates looked up is. `ours` tells which objects carry our label: what changes of
    /// those may be known before the watch of the lookup tells it.
    #[must_use]
    pub fn looked_up(&self, environment: &str, sought: &Sought, ours: &dyn Fn(&ObjectId) -> bool) -> Standing {
        let standing = self.followed.standing(environment, sought);
        if standing != Standing::Same {
            return standing;
        }
        let state = self.shared.state();
        let disagrees = |read: &Versions| state.index.disagrees(sought, read, ours);
        if self.followed.read_is(environment, sought, disagrees) { Standing::Changed } else { standing }
    }

    /// What an environment's templates looked up and nobody can follow, and why.
    #[must_use]
    pub fn unfollowed(&self, environment: &str) -> BTreeMap<Sought, String> {
        self.followed.left_out(environment)
    }

    /// Whether something has changed of what an environment's templates read, since it said last what that was.
    #[must_use]
    pub fn lookups_changed(&self, environment: &str) -> bool {
        self.followed.news(environment)
    }

    /// How many objects are known, and the bytes that they take.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let state = self.shared.state();
        (state.index.len(), state.index.bytes())
    }
}

/// One kind of ours.
struct KindSink {
    shared: Shared,
    gvk: Gvk,
    listed: BTreeSet<String>,
    /// Until the first list is complete, nobody is told of single objects: the index has them.
    first: bool,
}

impl KindSink {
    /// What the last list did not have is gone.
    fn forget_unlisted(&mut self) {
        let listed = std::mem::take(&mut self.listed);
        let gone = self.shared.state().index.retain(&self.gvk.group, &self.gvk.kind, &listed);
        for (id, last) in gone {
            self.shared.tell(LiveEvent::Gone { id, last });
        }
    }
}

impl Sink<Metadata> for KindSink {
    fn relist(&mut self) {
        self.listed.clear();
    }

    fn listed(&mut self, item: Metadata) {
        self.listed.insert(item.key());
        let changed = self.shared.take(&self.gvk, &item);
        if let (Some((id, left)), false) = (changed, self.first) {
            self.shared.tell(LiveEvent::Changed { id, left });
        }
    }

    fn complete(&mut self) -> ControlFlow<()> {
        self.forget_unlisted();
        self.first = false;
        self.shared.synced(&self.gvk);
        ControlFlow::Continue(())
    }

    fn changed(&mut self, item: Metadata) -> ControlFlow<()> {
        if let Some((id, left)) = self.shared.take(&self.gvk, &item) {
            self.shared.tell(LiveEvent::Changed { id, left });
        }
        ControlFlow::Continue(())
    }

    fn deleted(&mut self, item: Metadata) -> ControlFlow<()> {
        let removed = self.shared.state().index.remove(&self.gvk.group, &self.gvk.kind, &item);
        if let Some((id, last)) = removed {
            self.shared.tell(LiveEvent::Gone { id, last });
        }
        ControlFlow::Continue(())
    }

    fn vanished(&mut self) {
        self.listed.clear();
        self.forget_unlisted();
    }

    fn resumed(&mut self) {
        self.shared.synced(&self.gvk);
    }

    fn lost(&mut self, error: &ClusterError) {
        self.shared.lost(&self.gvk, error);
    }
}

impl Shared {
    /// Takes an object in; says which one it is, and which environment it left, when somebody is to be told.
    fn take(&self, gvk: &Gvk, item: &Metadata) -> Option<(ObjectId, Option<String>)> {
        let mut state = self.state();
        match state.index.insert(&gvk.group, &gvk.kind, item) {
            Update::Changed { id, left } => Some((id, left)),
            Update::Same | Update::Foreign if state.attended.is_empty() && state.strict.is_empty() => None,
            update => {
                let id = id_of(&gvk.group, &gvk.kind, &item.key());
                let strict = update == Update::Foreign
                    && state.index.get(&id).is_some_and(|seen| {
                        state.strict.get(&seen.environment).is_some_and(|releases| releases.contains(&seen.release))
                    });
                (strict || state.attended.values().any(|ids| ids.contains(&id))).then_some((id, None))
            }
        }
    }

    /// The autoscalers changed.
    pub(super) fn autoscalers_changed(&self) {
        self.tell(LiveEvent::Autoscalers);
    }

    /// The autoscalers were listed, or cannot be.
    pub(super) fn autoscalers_settled(&self, kind: &str) {
        self.state().autoscaler_kinds.insert(kind.to_owned(), true);
        self.progress.send_modify(|n| *n += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_version_makes_room_for_the_one_asked_for() {
        let mut state = State {
            index: Index::default(),
            autoscalers: Autoscalers::default(),
            autoscaler_kinds: BTreeMap::new(),
            kinds: BTreeMap::new(),
            stops: BTreeMap::new(),
            attended: BTreeMap::new(),
            strict: BTreeMap::new(),
        };
        let stop = CancellationToken::new();
        let (old, new) = (Gvk::new("example.org/v1beta1", "Ship"), Gvk::new("example.org/v1", "Ship"));
        let first = state.begin(&old, &stop).unwrap();
        assert!(state.begin(&new, &stop).is_none(), "the first version is still being listed");
        state.kinds.insert(old.clone(), Some(Ok(())));
        assert!(state.begin(&new, &stop).is_none(), "it is followed");
        state.kinds.insert(old.clone(), Some(Err("404".into())));
        assert!(state.begin(&old, &stop).is_none(), "its own task tries again");
        let second = state.begin(&new, &stop).unwrap();
        assert!(first.is_cancelled() && !second.is_cancelled());
        assert_eq!(state.kinds.keys().collect::<Vec<_>>(), [&new]);
        stop.cancel();
        assert!(second.is_cancelled());
    }
}
