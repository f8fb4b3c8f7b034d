//! The store over HTTP on loopback: the server's life, and who is woken by which change.

mod answer;
mod body;
mod handle;
mod protobuf;
mod request;
mod review;
mod watch;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch as signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::simulate::Simulation;
use super::store::{Change, Store};

/// How long open connections get to end when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// The name of the context, cluster and user in a sandbox's kubeconfig.
pub const CONTEXT: &str = "evenkeel-sandbox";

/// How a sandbox behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long pods take to become ready, and Jobs to complete.
    pub settle: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { settle: Duration::from_millis(150) }
    }
}

/// What all requests share.
pub(super) struct Shared {
    store: Mutex<Store>,
    followers: Mutex<HashMap<Arc<str>, signal::Sender<u64>>>,
    changes: mpsc::UnboundedSender<Vec<Change>>,
    stop: CancellationToken,
    address: SocketAddr,
}

impl Shared {
    /// The store, to read. Never held across an await.
    fn store(&self) -> MutexGuard<'_, Store> {
        // A panic while the lock was held would be a bug elsewhere; the store's own steps do not panic.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs writes, then wakes whoever follows what changed.
    fn write<T>(&self, act: impl FnOnce(&mut Store) -> T) -> T {
        let (result, changes) = {
            let mut store = self.store();
            let result = act(&mut store);
            (result, store.take_changes())
        };
        self.wake(&changes);
        if !changes.is_empty() {
            // The receiver is gone only when the server stops.
            let _ = self.changes.send(changes);
        }
        result
    }

    fn wake(&self, changes: &[Change]) {
        let mut last: Option<&Arc<str>> = None;
        let followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            if last == Some(&change.key.table) {
                continue;
            }
            last = Some(&change.key.table);
            if let Some(follower) = followers.get(&change.key.table) {
                follower.send_modify(|count| *count += 1);
            }
        }
    }

    /// A receiver that is woken by every change of a table.
    fn follow(&self, table: &str) -> signal::Receiver<u64> {
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        followers.entry(Arc::from(table)).or_insert_with(|| signal::channel(0).0).subscribe()
    }

    /// Ends when the server stops.
    async fn stopping(&self) {
        self.stop.cancelled().await;
    }
}

/// A running sandbox. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    address: SocketAddr,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Server {
    /// Starts a fresh, empty cluster that listens on `address` (port 0: any free port). It serves when this returns.
    ///
    /// # Errors
    /// When the address cannot be listened on. It is retryable when somebody else has the port.
    pub async fn start(address: SocketAddr, options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (changes, received) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let now = Timestamp::now();
        let mut store = Store::new(now);
        let mut simulation = Simulation::new(options.settle);
        // What every cluster has is there before the first request.
        simulation.start(&mut store, now);
        let shared = Arc::new(Shared {
            store: Mutex::new(store),
            followers: Mutex::new(HashMap::new()),
            changes,
            stop: stop.clone(),
            address,
        });
        let controllers = tokio::spawn(control(Arc::clone(&shared), simulation, received));
        let served = Arc::clone(&shared);
        let router = Router::new().fallback(move |request| handle::handle(Arc::clone(&served), request));
        let stopping = stop.clone();
        let server = tokio::spawn(async move {
            let serve = axum::serve(listener, router).with_graceful_shutdown({
                let stopping = stopping.clone();
                async move { stopping.cancelled().await }
            });
            let late = async {
                stopping.cancelled().await;
                tokio::time::sleep(GRACE).await;
            };
            tokio::select! {
                result = serve.into_future() => {
                    if let Err(error) = result {
                        tracing::warn!(%error, "the sandbox stopped serving");
                    }
                }
                () = late => {}
            }
        });
        Ok(Self { url: format!("http://{address}"), address, stop, tasks: vec![controllers, server] })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig whose only context, [`CONTEXT`], is this server.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        let name = CONTEXT;
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": self.url}}],
            "users": [{"name": name, "user": {}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        });
        crate::yaml::emit(&config)
    }

    /// Stops it: watches end, requests in flight are answered, nothing is kept.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        for task in std::mem::take(&mut self.tasks) {
            // A task that panicked has ended too.
            let _ = task.await;
        }
    }
}

/// Plays the controllers: reacts to changes, and to time where something becomes ready.
async fn control(shared: Arc<Shared>, mut simulation: Simulation, mut received: mpsc::UnboundedReceiver<Vec<Change>>) {
    let mut next: Option<Timestamp> = None;
    loop {
        let wait = next.map(|at| Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO));
        let timer = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changes = received.recv() => {
                let Some(changes) = changes else { return };
                simulation.observe(&changes);
                while let Ok(more) = received.try_recv() {
                    simulation.observe(&more);
                }
            }
            () = timer => {}
            () = shared.stopping() => return,
        }
        next = shared.write(|store| simulation.run(store, Timestamp::now()));
    }
}
