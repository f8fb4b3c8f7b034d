//! Waits for objects to become ready: one watch for each kind and namespace, however many objects there are. A wait ends
//! when everything is ready, when what is not will not be, or when nothing has come nearer for as long as it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::connect::Cluster;
use super::discovery::Resource;
use super::error::ClusterError;
use super::read::typed;
use super::watch::{Scope, Sink, follow};
use crate::health::{Health, Progress, Rules};
use crate::manifest::{Object, ObjectId};

/// What a wait that is over its time is given to see how things are.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// An object that was not ready when the wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotReady {
    /// Which one.
    pub id: ObjectId,
    /// The API version that it was applied with.
    pub version: String,
    /// Why: what it says of itself, or that it does not exist.
    pub health: Health,
}

/// What is told while waiting: an object's health changed.
pub type OnHealth<'a> = dyn Fn(&ObjectId, &Health) + Send + Sync + 'a;

/// How long nothing has come nearer, over one wait or several for the same objects.
#[derive(Debug)]
pub struct Patience(Mutex<Seen>);

#[derive(Debug)]
struct Seen {
    /// Nothing for a wait whose time is over.
    since: Option<Instant>,
    objects: BTreeMap<ObjectId, Progress>,
}

impl Default for Patience {
    fn default() -> Self {
        Self(Mutex::new(Seen { since: Some(Instant::now()), objects: BTreeMap::new() }))
    }
}

impl Patience {
    /// For objects that were waited for in vain already: one look, and what comes nearer begins the time anew.
    #[must_use]
    pub fn spent() -> Self {
        Self(Mutex::new(Seen { since: None, objects: BTreeMap::new() }))
    }

    /// Begins anew: something was written.
    pub fn renew(&self) {
        *self.lock() = Seen { since: Some(Instant::now()), objects: BTreeMap::new() };
    }

    /// How long ago something came nearer, or was written.
    #[must_use]
    pub fn idle(&self) -> Duration {
        self.lock().since.map_or(Duration::MAX, |since| since.elapsed())
    }

    /// Takes in how an object is, under an identity that may stand for several: what comes nearer begins the time anew.
    pub(super) fn observe(&self, id: &ObjectId, object: &Object, health: &Health) {
        let mut seen = self.lock();
        if seen.objects.entry(id.clone()).or_default().observe(object, health) {
            seen.since = Some(Instant::now());
        }
    }

    /// Ends when nothing has come nearer for so long.
    pub(super) async fn over(&self, timeout: Duration) {
        loop {
            let left = timeout.saturating_sub(self.idle());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How objects are waited for.
#[derive(Clone, Copy)]
pub struct Wait<'a> {
    /// A label selector that all of them match; may be empty.
    pub selector: &'a str,
    /// How long nothing may come nearer ([`Progress`]).
    pub timeout: Duration,
    /// What is known from earlier waits for the same objects.
    pub patience: &'a Patience,
    /// When objects of some kinds are ready.
    pub rules: &'a Rules,
    /// Ends the wait at once.
    pub cancel: &'a CancellationToken,
    /// Told of every change.
    pub on_health: &'a OnHealth<'a>,
}

impl Cluster {
    /// Waits until all objects are ready, one of them failed for good and the rest is ready or failed, nothing has come nearer
    /// for the given time, or the token is cancelled. Returns those that are not ready. Each object comes with the API version
    /// that it was applied with.
    ///
    /// # Errors
    /// When a kind is not served. A server that cannot be reached is waited for.
    pub async fn wait_ready(
        &self,
        objects: impl IntoIterator<Item = (ObjectId, String)>,
        wait: &Wait<'_>,
    ) -> Result<Vec<NotReady>, ClusterError> {
        let mut groups: BTreeMap<(Resource, String), BTreeSet<String>> = BTreeMap::new();
        let mut waiting = BTreeMap::new();
        let mut versions = BTreeMap::new();
        for (id, version) in objects {
            let resource = self.resource_of(&id, &version).await?;
            groups.entry((resource, id.namespace.clone())).or_default().insert(id.name.clone());
            waiting.insert(id.clone(), Health::InProgress("it does not exist".to_owned()));
            versions.insert(id, version);
        }
        let state = Mutex::new(Looked { health: waiting, unlisted: groups.len() });
        let listed = Notify::new();
        let mut watches: FuturesUnordered<_> = groups
            .into_iter()
            .map(|((resource, namespace), names)| {
                let one = (names.len() == 1).then(|| names.first().cloned()).flatten();
                let scope = Scope {
                    resource: resource.clone(),
                    namespace: namespace.clone(),
                    labels: wait.selector.to_owned(),
                    fields: one.map(|name| format!("metadata.name={name}")).unwrap_or_default(),
                    metadata: false,
                };
                let mut sink =
                    ReadySink { resource, namespace, names, state: &state, listed: &listed, first: true, wait };
                async move { follow::<Value>(self, &scope, &mut sink).await }
            })
            .collect();
        let all = async { while watches.next().await.is_some() {} };
        tokio::select! {
            () = all => {}
            () = impatient(wait, &state, &listed) => {}
            () = wait.cancel.cancelled() => {}
        }
        drop(watches);
        let waiting = state.into_inner().unwrap_or_else(PoisonError::into_inner).health;
        Ok(waiting
            .into_iter()
            .filter(|(_, health)| !health.is_current())
            .map(|(id, health)| NotReady { version: versions.remove(&id).unwrap_or_default(), id, health })
            .collect())
    }
}

/// Ends when nothing has come nearer for too long. A wait that begins like that first looks how things are.
async fn impatient(wait: &Wait<'_>, state: &Mutex<Looked>, listed: &Notify) {
    wait.patience.over(wait.timeout).await;
    let looked = async {
        loop {
            let told = listed.notified();
            if state.lock().unwrap_or_else(PoisonError::into_inner).unlisted == 0 {
                return;
            }
            told.await;
        }
    };
    let _ = tokio::time::timeout(LAST_LOOK, looked).await;
}

/// What was seen.
struct Looked {
    health: BTreeMap<ObjectId, Health>,
    /// Groups whose first list is not complete.
    unlisted: usize,
}

/// The objects of one kind and namespace.
struct ReadySink<'a> {
    resource: Resource,
    namespace: String,
    names: BTreeSet<String>,
    state: &'a Mutex<Looked>,
    listed: &'a Notify,
    first: bool,
    wait: &'a Wait<'a>,
}

impl ReadySink<'_> {
    fn lock(&self) -> MutexGuard<'_, Looked> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, item: Value, gone: bool) {
        let Ok(object) = typed(item, &self.resource) else { return };
        if !self.names.contains(object.name()) {
            return;
        }
        let health =
            if gone { Health::InProgress("it was deleted".to_owned()) } else { self.wait.rules.health(&object) };
        let id = object.id();
        if !gone {
            self.wait.patience.observe(&id, &object, &health);
        }
        let changed = {
            let mut state = self.lock();
            state.health.insert(id.clone(), health.clone()).as_ref() != Some(&health)
        };
        if changed {
            (self.wait.on_health)(&id, &health);
        }
    }

    fn has(&self, id: &ObjectId) -> bool {
        let gvk = &self.resource.gvk;
        id.group == gvk.group && id.kind == gvk.kind && id.namespace == self.namespace && self.names.contains(&id.name)
    }

    /// Enough when no object of the group is still on its way.
    fn flow(&self) -> ControlFlow<()> {
        let state = self.lock();
        let under_way = state.health.iter().any(|(id, health)| self.has(id) && matches!(health, Health::InProgress(_)));
        if under_way { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

impl Sink<Value> for ReadySink<'_> {
    fn relist(&mut self) {
        for (_, health) in self.lock().health.iter_mut().filter(|(id, _)| self.has(id)) {
            *health = Health::InProgress("it does not exist".to_owned());
        }
    }

    fn listed(&mut self, item: Value) {
        self.set(item, false);
    }

    fn complete(&mut self) -> ControlFlow<()> {
        if std::mem::take(&mut self.first) {
            self.lock().unlisted -= 1;
            self.listed.notify_waiters();
        }
        self.flow()
    }

    fn changed(&mut self, item: Value) -> ControlFlow<()> {
        self.set(item, false);
        self.flow()
    }

    fn deleted(&mut self, item: Value) -> ControlFlow<()> {
        self.set(item, true);
        self.flow()
    }

    fn resumed(&mut self) {}

    fn lost(&mut self, error: &ClusterError) {
        tracing::warn!(kind = %self.resource.gvk, %error, "waiting for a server that cannot be followed");
    }
}
