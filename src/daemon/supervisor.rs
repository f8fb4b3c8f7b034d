//! The workers' start and stop: which environments there are, which cluster each belongs to, and where news comes from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cluster::{Cluster, ClusterError};
use crate::environment::{self, Target};
use crate::notify::{Alert, AlertKind};
use crate::reconcile::{LiveView, Reconciler, Source};
use crate::report::{EnvironmentStatus, ReleaseState};

use super::alerts::Alerts;
use super::state::{RepositoryState, State};
use super::worker::{Told, Worker};

/// How often a worker that could not be started, or that ended, is started again.
const RETRY: Duration = Duration::from_secs(5);
/// A worker that ends again and again is told of once it was well for this long.
const QUIET: Duration = Duration::from_secs(5 * 60);

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

/// A worker that was started.
struct Running {
    target: Target,
    source: watch::Sender<Option<Source>>,
    task: JoinHandle<()>,
    stop: CancellationToken,
}

/// What an environment of a revision is.
enum Found {
    /// It is deployed there.
    Deployed(Target),
    /// It is not to be deployed, and why.
    Broken(String),
}

/// The daemon.
pub struct Daemon {
    options: DaemonOptions,
    state: Arc<State>,
    alerts: Alerts,
    cancel: CancellationToken,
    repository: RepositoryState,
    /// The revision in force.
    last: Option<Source>,
    /// Why the last fetch failed.
    unfetched: Option<String>,
    /// Why the environments of the revision in force could not be listed.
    unlisted: Option<String>,
    workers: BTreeMap<String, Running>,
    /// Environments whose cluster is known and that have no worker: it could not be reached yet.
    waiting: BTreeMap<String, Target>,
    /// What was told of environments that have no worker.
    told: BTreeMap<String, (AlertKind, String)>,
    /// When a worker ended unexpectedly last.
    ended: BTreeMap<String, Instant>,
    views: BTreeMap<String, (Cluster, LiveView)>,
}

impl Daemon {
    /// A daemon that has not begun.
    #[must_use]
    pub fn new(options: DaemonOptions, state: Arc<State>, alerts: Alerts, cancel: CancellationToken) -> Self {
        let repository = RepositoryState { repository: options.repository.clone(), ..RepositoryState::default() };
        Self {
            options,
            state,
            alerts,
            // Its own: when the inputs end, everything below ends, too.
            cancel: cancel.child_token(),
            repository,
            last: None,
            unfetched: None,
            unlisted: None,
            workers: BTreeMap::new(),
            waiting: BTreeMap::new(),
            told: BTreeMap::new(),
            ended: BTreeMap::new(),
            views: BTreeMap::new(),
        }
    }

    /// Runs until cancelled, or until the inputs end; ends when every worker has finished the object in hand.
    pub async fn run(mut self, mut inputs: mpsc::Receiver<Input>) {
        self.state.set_repository(self.repository.clone());
        let mut tick = tokio::time::interval(RETRY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.cancel.cancelled() => break,
                input = inputs.recv() => match input {
                    None => break,
                    Some(input) => self.input(input).await,
                },
                _ = tick.tick() => self.retry().await,
            }
        }
        self.cancel.cancel();
        for (_, worker) in std::mem::take(&mut self.workers) {
            // A worker that panicked has logged it; the others still finish.
            let _ = worker.task.await;
        }
    }

    async fn input(&mut self, input: Input) {
        match input {
            Input::Revision(source) => {
                self.repository.revision.clone_from(&source.revision);
                self.state.set_repository(self.repository.clone());
                self.last = Some(source.clone());
                self.revision(&source).await;
            }
            Input::Trouble { error, failures } => {
                self.repository.failures = failures;
                self.unfetched = error;
                self.trouble();
            }
        }
    }

    /// The repository's error from now on; told when it comes and when it goes.
    fn trouble(&mut self) {
        let unlisted = self.unlisted.as_ref().map(|error| format!("the environments cannot be listed: {error}"));
        let error = self.unfetched.clone().or(unlisted);
        let told = match (&self.repository.error, &error) {
            (None, Some(error)) => Some((AlertKind::Repository, format!("the repository cannot be read: {error}"))),
            (Some(_), None) => Some((AlertKind::Resolved, "the repository can be read again".to_owned())),
            _ => None,
        };
        if let Some((kind, message)) = told {
            self.alert(kind, "", message);
        }
        self.repository.error = error;
        self.state.set_repository(self.repository.clone());
    }

    fn alert(&self, kind: AlertKind, environment: &str, message: String) {
        self.alerts.send(Alert {
            kind,
            environment: environment.to_owned(),
            release: String::new(),
            revision: self.repository.revision.clone(),
            time: jiff::Timestamp::now().to_string(),
            message,
            details: serde_json::Value::Null,
        });
    }

    /// Gives a revision to every worker, and starts those that are missing.
    async fn revision(&mut self, source: &Source) {
        let found = match self.found(source).await {
            Ok(found) => found,
            Err(error) => {
                // The workers go on as they were.
                self.unlisted = Some(error);
                self.trouble();
                return;
            }
        };
        if self.unlisted.take().is_some() {
            self.trouble();
        }
        // One that vanished from Git keeps its worker: it says so, and deletes nothing.
        let mut expected: Vec<String> = found.keys().cloned().collect();
        expected.extend(self.workers.keys().filter(|w| !found.contains_key(*w)).cloned());
        self.state.expect(&expected);
        let gone: Vec<String> = self.told.keys().filter(|name| !expected.contains(name)).cloned().collect();
        for name in gone {
            self.told.remove(&name);
            self.state.remove(&name);
            self.alert(AlertKind::Resolved, &name, "it is no longer among the environments".to_owned());
        }
        let moved = |name: &String, worker: &Running| matches!(found.get(name), Some(Found::Deployed(target)) if *target != worker.target);
        let (moved, stay): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.workers).into_iter().partition(|(name, worker)| moved(name, worker));
        self.workers = stay;
        for worker in self.workers.values() {
            worker.source.send_replace(Some(source.clone()));
        }
        for (name, worker) in moved {
            tracing::info!(environment = %name, "it belongs to another cluster from now on");
            worker.stop.cancel();
            let _ = worker.task.await;
        }
        self.waiting.clear();
        for (name, found) in found {
            match found {
                _ if self.workers.contains_key(&name) => {}
                Found::Deployed(target) => {
                    self.waiting.insert(name, target);
                }
                Found::Broken(message) => self.stuck(&name, ReleaseState::Broken, AlertKind::Broken, message),
            }
        }
        self.start_waiting(source).await;
    }

    /// What could not be done before is tried again; who is well is left in peace.
    async fn retry(&mut self) {
        let Some(source) = self.last.clone() else { return };
        if self.unlisted.is_some() {
            self.revision(&source).await;
        }
        let ended: Vec<String> =
            self.workers.iter().filter(|(_, w)| w.task.is_finished()).map(|(name, _)| name.clone()).collect();
        for name in ended {
            let Some(worker) = self.workers.remove(&name) else { continue };
            let why = worker.task.await.map_or_else(|e| e.to_string(), |()| "no reason known".to_owned());
            tracing::error!(environment = %name, error = %why, "a worker ended unexpectedly and is started again");
            let before = self.ended.insert(name.clone(), Instant::now());
            if before.is_none_or(|at| at.elapsed() >= QUIET) {
                let message = format!("its worker ended unexpectedly and is started again: {why}");
                self.alert(AlertKind::Failed, &name, message.clone());
                self.told.insert(name.clone(), (AlertKind::Failed, message));
            }
            self.waiting.insert(name, worker.target);
        }
        self.start_waiting(&source).await;
    }

    /// An environment without a worker: what is wrong with it is shown, and told once.
    fn stuck(&mut self, name: &str, state: ReleaseState, kind: AlertKind, message: String) {
        let status = EnvironmentStatus {
            environment: name.to_owned(),
            revision: self.repository.revision.clone(),
            state,
            time: jiff::Timestamp::now().to_string(),
            messages: vec![message.clone()],
            releases: Vec::new(),
            drift: Vec::new(),
        };
        self.state.set(self.state.unseen(status));
        let told = (kind, message.clone());
        if self.told.get(name) != Some(&told) {
            self.told.insert(name.to_owned(), told);
            self.alert(kind, name, message);
        }
    }

    /// The environments of a revision that are to be deployed, or that are broken.
    async fn found(&self, source: &Source) -> Result<BTreeMap<String, Found>, String> {
        let (tree, keys) = (Arc::clone(&source.tree), source.keys.clone());
        let (root, named) = (self.options.root.clone(), self.options.environments.clone());
        let task = tokio::task::spawn_blocking(move || {
            let all = named.is_empty();
            let names =
                if all { environment::discover(tree.as_ref(), &root).map_err(|e| e.to_string())? } else { named };
            let mut found = BTreeMap::new();
            for name in names {
                let what = match environment::load(tree.as_ref(), &root, &name, &keys) {
                    Ok(environment) if environment.is_abstract && all => continue,
                    Ok(environment) if environment.is_abstract => {
                        Found::Broken("is abstract: a layer that is never deployed".to_owned())
                    }
                    Ok(environment) => Found::Deployed(environment.cluster),
                    Err(errors) => Found::Broken(errors.to_string()),
                };
                found.insert(name, what);
            }
            Ok(found)
        });
        task.await.unwrap_or_else(|e| Err(e.to_string()))
    }

    /// Starts the workers of those whose cluster can be reached; each cluster is asked once.
    async fn start_waiting(&mut self, source: &Source) {
        let mut failed: BTreeMap<String, String> = BTreeMap::new();
        for (name, target) in std::mem::take(&mut self.waiting) {
            let key = format!("{target:?}");
            if !self.views.contains_key(&key) && !failed.contains_key(&key) {
                let connected = tokio::select! {
                    () = self.cancel.cancelled() => return,
                    connected = (self.options.clusters)(target.clone()) => connected,
                };
                match connected {
                    Ok(cluster) => {
                        let view = LiveView::start(&cluster, self.cancel.clone());
                        self.views.insert(key.clone(), (cluster, view));
                    }
                    Err(error) => {
                        failed.insert(key.clone(), format!("the cluster cannot be reached: {error}"));
                    }
                }
            }
            if let Some(error) = failed.get(&key) {
                self.stuck(&name, ReleaseState::Failed, AlertKind::Failed, error.clone());
                self.waiting.insert(name, target);
                continue;
            }
            self.start(&name, target, source);
        }
    }

    fn start(&mut self, name: &str, target: Target, source: &Source) {
        let Some((cluster, view)) = self.views.get(&format!("{target:?}")) else { return };
        let (sender, receiver) = watch::channel(Some(source.clone()));
        let stop = self.cancel.child_token();
        let told = self.told.remove(name).map(|(kind, message)| Told::environment(kind, &message));
        let worker = Worker {
            name: name.to_owned(),
            state: Arc::clone(&self.state),
            alerts: self.alerts.clone(),
            source: receiver,
            live: view.changes(name),
            reconciler: Reconciler::new(cluster.clone(), name, &self.options.root, Some(view.clone())),
            cancel: stop.clone(),
            told: told.unwrap_or_default(),
        };
        // A thread of its own: rendering never takes the runtime's, and no environment waits for another's.
        let runtime = tokio::runtime::Handle::current();
        let task = tokio::task::spawn_blocking(move || runtime.block_on(worker.run()));
        self.workers.insert(name.to_owned(), Running { target, source: sender, task, stop });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::Charts;
    use crate::sops::Keys;
    use crate::tree::MemoryTree;

    fn source(revision: &str, files: &[(&str, &str)]) -> Input {
        let mut tree = MemoryTree::default();
        for (path, text) in files {
            tree.insert(*path, *text);
        }
        let tree = Arc::new(tree);
        Input::Revision(Source {
            revision: revision.to_owned(),
            time: jiff::Timestamp::UNIX_EPOCH,
            tree,
            charts: Charts::default(),
            keys: Keys::default(),
        })
    }

    fn daemon(environments: &[&str]) -> (Daemon, Arc<State>) {
        let state = Arc::new(State::default());
        let (alerts, _) = Alerts::start(Arc::clone(&state), None);
        let clusters: Clusters =
            Arc::new(|_| Box::pin(async { Err(ClusterError::Config("no such context".to_owned())) }));
        let options = DaemonOptions {
            repository: "r".to_owned(),
            root: "environments".to_owned(),
            environments: environments.iter().map(|e| (*e).to_owned()).collect(),
            clusters,
        };
        (Daemon::new(options, Arc::clone(&state), alerts, CancellationToken::new()), state)
    }

    fn alerts(state: &State, kind: &str) -> bool {
        state.metrics.text().contains(&format!("evenkeel_alerts_total{{kind=\"{kind}\"}} 1\n"))
    }

    const ABSTRACT: (&str, &str) = (
        "environments/base/environment.yaml",
        "apiVersion: evenkeel.dev/v1alpha1\nkind: Environment\nabstract: true\n",
    );
    const GOOD: (&str, &str) = (
        "environments/good/environment.yaml",
        "apiVersion: evenkeel.dev/v1alpha1\nkind: Environment\nnamespace: good\n",
    );
    const BAD: (&str, &str) = ("environments/bad/environment.yaml", "cluster: [nowhere\n");

    #[tokio::test]
    async fn what_cannot_be_loaded_is_broken_and_bound_to_no_cluster() {
        let (mut daemon, state) = daemon(&[]);
        daemon.input(source("one", &[ABSTRACT, BAD])).await;
        let bad = state.environment("bad").unwrap();
        assert_eq!((bad.state, bad.revision.as_str()), (ReleaseState::Broken, "one"));
        assert!(bad.messages[0].contains("environment.yaml"), "{:?}", bad.messages);
        assert!(daemon.workers.is_empty() && daemon.waiting.is_empty() && daemon.views.is_empty());
        assert!(state.environment("base").is_none(), "a layer that nobody named");
        daemon.input(source("two", &[ABSTRACT, BAD])).await;
        daemon.retry().await;
        assert!(alerts(&state, "broken"), "told once\n{}", state.metrics.text());
        daemon.input(source("three", &[ABSTRACT])).await;
        assert!(alerts(&state, "resolved") && state.environment("bad").is_none());
    }

    #[tokio::test]
    async fn a_named_layer_is_broken() {
        let (mut daemon, state) = daemon(&["base"]);
        daemon.input(source("one", &[ABSTRACT])).await;
        let base = state.environment("base").unwrap();
        assert_eq!(base.messages, ["is abstract: a layer that is never deployed"]);
        assert!(state.unready().is_empty());
    }

    #[tokio::test]
    async fn a_cluster_that_cannot_be_reached_is_told_once_and_tried_again() {
        let (mut daemon, state) = daemon(&[]);
        daemon.input(source("one", &[GOOD])).await;
        let good = state.environment("good").unwrap();
        assert_eq!(good.state, ReleaseState::Failed);
        assert!(good.messages[0].contains("no such context"), "{:?}", good.messages);
        daemon.retry().await;
        assert!(daemon.waiting.contains_key("good") && daemon.workers.is_empty());
        assert!(alerts(&state, "failed"), "{}", state.metrics.text());
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_listed_is_the_repositorys_trouble() {
        let (mut daemon, state) = daemon(&[]);
        daemon.input(source("one", &[("README.md", "")])).await;
        assert!(state.repository().error.is_some_and(|e| e.contains("cannot be listed")));
        assert!(alerts(&state, "repository"));
        daemon.input(source("two", &[ABSTRACT])).await;
        assert_eq!(state.repository().error, None);
        assert!(alerts(&state, "resolved"));
    }
}
