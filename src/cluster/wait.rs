//! Waits for objects to become ready: one watch for each kind and namespace, however many objects there are.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::connect::Cluster;
use super::discovery::Resource;
use super::error::ClusterError;
use super::health::{Health, health};
use super::read::typed;
use super::watch::{Scope, Sink, follow};
use crate::manifest::ObjectId;

/// An object that was not ready when the wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotReady {
    /// Which one.
    pub id: ObjectId,
    /// Why: what it says of itself, or that it does not exist.
    pub health: Health,
}

/// What is told while waiting: an object's health changed.
pub type OnHealth<'a> = dyn Fn(&ObjectId, &Health) + Send + Sync + 'a;

impl Cluster {
    /// Waits until all objects are ready, one of them failed for good and the rest is ready or failed, the time is over, or the
    /// token is cancelled. Returns those that are not ready. `selector` is a label selector that all of them match (it may be
    /// empty); each object comes with the API version that it was applied with.
    ///
    /// # Errors
    /// When a kind is not served. A server that cannot be reached is waited for.
    pub async fn wait_ready(
        &self,
        objects: impl IntoIterator<Item = (ObjectId, String)>,
        selector: &str,
        timeout: Duration,
        cancel: &CancellationToken,
        on_health: &OnHealth<'_>,
    ) -> Result<Vec<NotReady>, ClusterError> {
        let mut groups: BTreeMap<(Resource, String), BTreeSet<String>> = BTreeMap::new();
        let mut waiting = BTreeMap::new();
        for (id, version) in objects {
            let resource = self.resource_of(&id, &version).await?;
            groups.entry((resource, id.namespace.clone())).or_default().insert(id.name.clone());
            waiting.insert(id, Health::InProgress("it does not exist".to_owned()));
        }
        let state = Mutex::new(waiting);
        let mut watches: FuturesUnordered<_> = groups
            .into_iter()
            .map(|((resource, namespace), names)| {
                let one = (names.len() == 1).then(|| names.first().cloned()).flatten();
                let scope = Scope {
                    resource: resource.clone(),
                    namespace: namespace.clone(),
                    labels: selector.to_owned(),
                    fields: one.map(|name| format!("metadata.name={name}")).unwrap_or_default(),
                    metadata: false,
                };
                let mut sink = ReadySink { resource, namespace, names, state: &state, on_health };
                async move { follow::<Value>(self, &scope, &mut sink).await }
            })
            .collect();
        let all = async { while watches.next().await.is_some() {} };
        tokio::select! {
            () = all => {}
            () = tokio::time::sleep(timeout) => {}
            () = cancel.cancelled() => {}
        }
        drop(watches);
        let waiting = state.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(waiting
            .into_iter()
            .filter(|(_, health)| !health.is_current())
            .map(|(id, health)| NotReady { id, health })
            .collect())
    }
}

/// The objects of one kind and namespace.
struct ReadySink<'a> {
    resource: Resource,
    namespace: String,
    names: BTreeSet<String>,
    state: &'a Mutex<BTreeMap<ObjectId, Health>>,
    on_health: &'a OnHealth<'a>,
}

impl ReadySink<'_> {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectId, Health>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, item: Value, gone: bool) {
        let Ok(object) = typed(item, &self.resource) else { return };
        if !self.names.contains(object.name()) {
            return;
        }
        let health = if gone { Health::InProgress("it was deleted".to_owned()) } else { health(&object) };
        let id = object.id();
        let changed = {
            let mut state = self.lock();
            state.insert(id.clone(), health.clone()).as_ref() != Some(&health)
        };
        if changed {
            (self.on_health)(&id, &health);
        }
    }

    fn has(&self, id: &ObjectId) -> bool {
        let gvk = &self.resource.gvk;
        id.group == gvk.group && id.kind == gvk.kind && id.namespace == self.namespace && self.names.contains(&id.name)
    }

    /// Enough when no object of the group is still on its way.
    fn flow(&self) -> ControlFlow<()> {
        let state = self.lock();
        let under_way = state.iter().any(|(id, health)| self.has(id) && matches!(health, Health::InProgress(_)));
        if under_way { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

impl Sink<Value> for ReadySink<'_> {
    fn relist(&mut self) {
        for (_, health) in self.lock().iter_mut().filter(|(id, _)| self.has(id)) {
            *health = Health::InProgress("it does not exist".to_owned());
        }
    }

    fn listed(&mut self, item: Value) {
        self.set(item, false);
    }

    fn complete(&mut self) -> ControlFlow<()> {
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
