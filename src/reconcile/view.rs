//! The live side of the daemon: the watches of one cluster, and who is to be told when something changed in which environment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::apply::Record;
use crate::cluster::{Cluster, ClusterError, LiveEvent, Resource, Watcher};
use crate::manifest::{Gvk, ObjectId};
use crate::plan::Live;

use super::observe::{Seen, list, look_up, resources};

/// How long the first list of a new kind may take before it is asked for directly.
const SETTLE: Duration = Duration::from_secs(30);

/// The watches of a cluster. Cheap to clone; they end when the token that they were started with is cancelled.
#[derive(Clone)]
pub struct LiveView {
    watcher: Arc<Watcher>,
    environments: Arc<Mutex<BTreeMap<String, watch::Sender<u64>>>>,
}

impl LiveView {
    /// Starts watching; kinds are added as environments use them. Needs a tokio runtime.
    #[must_use]
    pub fn start(cluster: &Cluster, cancel: CancellationToken) -> Self {
        let (watcher, mut events) = Watcher::start(cluster);
        let view = Self { watcher: Arc::new(watcher), environments: Arc::default() };
        let pump = view.clone();
        let autoscalers = cluster.clone();
        tokio::spawn(async move {
            if let Ok(resource) = autoscalers.resource(&Gvk::new("autoscaling/v2", "HorizontalPodAutoscaler")).await {
                pump.watcher.add_autoscalers(resource);
            }
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

    /// Counts the changes in an environment.
    #[must_use]
    pub fn changes(&self, environment: &str) -> watch::Receiver<u64> {
        let mut environments = self.environments.lock().unwrap_or_else(PoisonError::into_inner);
        environments.entry(environment.to_owned()).or_insert_with(|| watch::channel(0).0).subscribe()
    }

    /// The HorizontalPodAutoscaler that owns a workload's replicas.
    #[must_use]
    pub fn autoscaler_of(&self, id: &ObjectId) -> Option<String> {
        self.watcher.autoscaler_of(id)
    }

    /// Also tells of every foreign change to these objects: they have drifted, and how is to stay known.
    pub fn attend(&self, environment: &str, ids: BTreeSet<ObjectId>) {
        self.watcher.attend(environment, ids);
    }

    fn told(&self, event: &LiveEvent) {
        match event {
            LiveEvent::Changed { id } => {
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
            LiveEvent::Autoscalers => {
                let environments = self.environments.lock().unwrap_or_else(PoisonError::into_inner);
                environments.values().for_each(|sender| sender.send_modify(|n| *n += 1));
            }
            LiveEvent::Synced { kind } => tracing::debug!(%kind, "following"),
            LiveEvent::Lost { kind, error } => {
                tracing::warn!(%kind, %error, "a kind cannot be followed; trying again until it can");
            }
        }
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
        let kinds: BTreeSet<(String, String)> =
            resources.iter().map(|r| (r.gvk.group.clone(), r.gvk.kind.clone())).collect();
        self.watcher.add(resources);
        let settled = tokio::time::timeout(SETTLE, self.watcher.settled()).await.is_ok();
        let lost = self.watcher.lost().into_iter().any(|(k, _)| kinds.contains(&(k.group, k.kind)));
        if !settled || lost {
            return list(cluster, environment, wanted).await;
        }
        let known = self.watcher.of_environment(environment);
        let mut found: BTreeMap<ObjectId, Seen> = BTreeMap::new();
        let mut missing = BTreeMap::new();
        for (id, version) in wanted {
            match known.get(id) {
                Some(seen) => {
                    let live = Live {
                        uid: seen.uid.clone(),
                        mark: seen.mark.clone(),
                        owner: seen.owner.clone(),
                        same: false,
                        deleting: seen.deleting,
                    };
                    found.insert(id.clone(), Seen { live });
                }
                None => {
                    missing.insert(id.clone(), version.clone());
                }
            }
        }
        found.extend(look_up(cluster, &missing).await?);
        Ok(found)
    }

    /// Ends when something in the environment is no longer as it was applied last.
    pub(super) async fn drifted(&self, environment: &str, held: &BTreeMap<String, Record>) {
        let mut changes = self.changes(environment);
        loop {
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
            let known = self.watcher.of_environment(environment);
            let differs = held.values().flat_map(|h| &h.inventory.objects).any(|(id, applied)| {
                !applied.uid.is_empty()
                    && known.get(id).is_none_or(|seen| {
                        seen.uid != applied.uid || seen.mark.as_deref() != Some(applied.mark.as_str())
                    })
            });
            if differs {
                return;
            }
        }
    }
}
