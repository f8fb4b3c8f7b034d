//! The workers' start and stop: which environments there are, which cluster each belongs to, and where news comes from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cluster::{Cluster, ClusterError};
use crate::environment::{self, Target};
use crate::notify::{Alert, AlertKind};
use crate::reconcile::{LiveView, Reconciler, Source};

use super::alerts::Alerts;
use super::state::{RepositoryState, State};
use super::worker::Worker;

/// How often a worker that could not be started is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Connects to the cluster of an environment.
pub type Clusters =
    Arc<dyn Fn(Target) -> futures::future::BoxFuture<'static, Result<Cluster, ClusterError>> + Send + Sync>;

/// What comes from the repository.
#[derive(Debug, Clone)]
pub enum Input {
    /// A revision that is in force from now on.
    Revision(Source),
    /// The repository could not be read; the last good revision stays in force. `None`: it can be read again.
    Trouble {
        /// What happened.
        error: Option<String>,
        /// Failures in a row.
        failures: u32,
    },
}

/// What a daemon needs to know.
#[derive(Clone)]
pub struct DaemonOptions {
    /// The repository for people, without credentials.
    pub repository: String,
    /// The folder of the environments.
    pub root: String,
    /// The environments to reconcile; empty: all that are not abstract.
    pub environments: Vec<String>,
    /// How to reach clusters.
    pub clusters: Clusters,
}

/// The daemon.
pub struct Daemon {
    options: DaemonOptions,
    state: Arc<State>,
    alerts: Alerts,
    cancel: CancellationToken,
    workers: BTreeMap<String, (watch::Sender<Option<Source>>, JoinHandle<()>)>,
    views: BTreeMap<String, (Cluster, LiveView)>,
}

impl Daemon {
    /// A daemon that has not begun.
    #[must_use]
    pub fn new(options: DaemonOptions, state: Arc<State>, alerts: Alerts, cancel: CancellationToken) -> Self {
        Self { options, state, alerts, cancel, workers: BTreeMap::new(), views: BTreeMap::new() }
    }

    /// Runs until cancelled; ends when every worker has finished the object in hand.
    pub async fn run(mut self, mut inputs: mpsc::Receiver<Input>) {
        let mut repository =
            RepositoryState { repository: self.options.repository.clone(), ..RepositoryState::default() };
        self.state.set_repository(repository.clone());
        let mut last: Option<Source> = None;
        loop {
            let missing = last.is_some() && self.state.expected().iter().any(|name| !self.workers.contains_key(name));
            let input = tokio::select! {
                () = self.cancel.cancelled() => break,
                input = inputs.recv() => input,
                () = tokio::time::sleep(RETRY), if missing => last.clone().map(Input::Revision),
            };
            match input {
                None => break,
                Some(Input::Revision(source)) => {
                    repository.revision.clone_from(&source.revision);
                    self.state.set_repository(repository.clone());
                    last = Some(source.clone());
                    self.revision(source).await;
                }
                Some(Input::Trouble { error, failures }) => {
                    self.trouble(&repository, error.as_deref());
                    repository.error = error;
                    repository.failures = failures;
                    self.state.set_repository(repository.clone());
                }
            }
        }
        for (_, (_, worker)) in std::mem::take(&mut self.workers) {
            // A worker that panicked has logged it; the others still finish.
            let _ = worker.await;
        }
    }

    fn trouble(&self, before: &RepositoryState, error: Option<&str>) {
        let (kind, message) = match (&before.error, error) {
            (None, Some(error)) => (AlertKind::Repository, format!("the repository cannot be read: {error}")),
            (Some(_), None) => (AlertKind::Resolved, "the repository can be read again".to_owned()),
            _ => return,
        };
        self.alerts.send(Alert {
            kind,
            environment: String::new(),
            release: String::new(),
            revision: before.revision.clone(),
            time: jiff::Timestamp::now().to_string(),
            message,
            details: serde_json::Value::Null,
        });
    }

    /// Gives a revision to every worker, and starts those that are missing.
    async fn revision(&mut self, source: Source) {
        let names = if self.options.environments.is_empty() {
            match self.discovered(&source).await {
                Ok(names) => names,
                Err(error) => {
                    tracing::error!(revision = %source.revision, %error, "the environments cannot be listed; the workers go on as they were");
                    return;
                }
            }
        } else {
            self.options.environments.clone()
        };
        // One that vanished from Git keeps its worker: it says so, and deletes nothing.
        let mut expected = names.clone();
        expected.extend(self.workers.keys().filter(|w| !names.contains(w)).cloned());
        self.state.expect(&expected);
        for name in &names {
            if self.workers.get(name).is_none_or(|(_, worker)| worker.is_finished()) {
                self.start(name, &source).await;
            }
        }
        for (sender, _) in self.workers.values() {
            sender.send_replace(Some(source.clone()));
        }
    }

    async fn discovered(&self, source: &Source) -> Result<Vec<String>, String> {
        let (tree, root) = (Arc::clone(&source.tree), self.options.root.clone());
        let found = tokio::task::spawn_blocking(move || {
            let names = environment::discover(tree.as_ref(), &root).map_err(|e| e.to_string())?;
            // A broken one is kept: its worker says what is wrong with it.
            let deployed =
                |name: &String| environment::load(tree.as_ref(), &root, name).map_or(true, |e| !e.is_abstract);
            Ok(names.into_iter().filter(deployed).collect())
        });
        found.await.unwrap_or_else(|e| Err(e.to_string()))
    }

    async fn start(&mut self, name: &str, source: &Source) {
        let (tree, root, environment) = (Arc::clone(&source.tree), self.options.root.clone(), name.to_owned());
        let loaded = tokio::task::spawn_blocking(move || environment::load(tree.as_ref(), &root, &environment)).await;
        let target = match loaded {
            Ok(Ok(environment)) => environment.cluster,
            _ => Target::default(),
        };
        let key = format!("{target:?}");
        if !self.views.contains_key(&key) {
            match (self.options.clusters)(target).await {
                Ok(cluster) => {
                    let view = LiveView::start(&cluster, self.cancel.clone());
                    self.views.insert(key.clone(), (cluster, view));
                }
                Err(error) => {
                    tracing::error!(environment = %name, %error, "the cluster cannot be reached");
                    return;
                }
            }
        }
        let Some((cluster, view)) = self.views.get(&key) else { return };
        let (sender, receiver) = watch::channel(None);
        let worker = Worker {
            name: name.to_owned(),
            state: Arc::clone(&self.state),
            alerts: self.alerts.clone(),
            source: receiver,
            live: view.changes(name),
            reconciler: Reconciler::new(cluster.clone(), name, &self.options.root, Some(view.clone())),
            cancel: self.cancel.clone(),
        };
        // A thread of its own: rendering never takes the runtime's, and no environment waits for another's.
        let runtime = tokio::runtime::Handle::current();
        let task = tokio::task::spawn_blocking(move || runtime.block_on(worker.run()));
        self.workers.insert(name.to_owned(), (sender, task));
    }
}
