//! One fetch in flight per branch of a repository: whoever asks meanwhile gets the result of the one that is running.
//!
//! A fetch runs in a thread of its own: libgit2 blocks, and a remote that falls silent cannot be interrupted. Such a thread
//! is left behind (it ends with its connection, or the process), and only a few may be.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::oneshot;

use super::fetch::Pulse;
use super::{GitError, Repository, Snapshot};

/// Threads that may be left waiting for a silent remote (limit: silent fetches).
const LEFT_BEHIND: usize = 4;

type Outcome = Result<Arc<Snapshot>, GitError>;
type Flight = Shared<BoxFuture<'static, Outcome>>;

/// The fetches that are running, by branch.
#[derive(Default)]
pub(super) struct Flights {
    running: Mutex<HashMap<String, Flight>>,
    /// Held by the one that talks to the remote, so that two branches go one after the other.
    turn: tokio::sync::Mutex<()>,
    left_behind: AtomicUsize,
    /// How many fetches were started, for tests and metrics.
    started: AtomicUsize,
}

impl Repository {
    /// Brings the tip of `branch` here, as [`Repository::fetch_blocking`] does. While a fetch of that branch is in flight,
    /// its result is shared. Needs a tokio runtime.
    ///
    /// # Errors
    /// All of [`GitError`]; the last known tip then stays what it was.
    pub async fn fetch(&self, branch: &str) -> Outcome {
        self.flight(branch).await
    }

    /// How many fetches were started since the repository was opened; a shared one counts once.
    #[must_use]
    pub fn fetches(&self) -> usize {
        self.inner.flights.started.load(Ordering::Relaxed)
    }

    fn flight(&self, branch: &str) -> Flight {
        let mut running = self.inner.flights.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = running.get(branch) {
            return flight.clone();
        }
        let (repository, name) = (self.clone(), branch.to_owned());
        let task = tokio::spawn(async move {
            let outcome = repository.fly(&name).await;
            let mut running = repository.inner.flights.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.remove(&name);
            outcome
        });
        let label = self.inner.label.clone();
        let flight = task
            .map(move |joined| joined.unwrap_or_else(|error| Err(GitError::local(format!("fetching {label}"), &error))))
            .boxed()
            .shared();
        running.insert(branch.to_owned(), flight.clone());
        flight
    }

    async fn fly(&self, branch: &str) -> Outcome {
        let _turn = self.inner.flights.turn.lock().await;
        let flights = &self.inner.flights;
        let silence = self.inner.silence;
        if flights.left_behind.load(Ordering::Relaxed) >= LEFT_BEHIND {
            return Err(GitError::Silent { remote: self.inner.label.clone(), silence });
        }
        flights.started.fetch_add(1, Ordering::Relaxed);
        let pulse = Arc::new(Pulse::new());
        let (done, mut outcome) = oneshot::channel();
        let (repository, name, heart) = (self.clone(), branch.to_owned(), Arc::clone(&pulse));
        flights.left_behind.fetch_add(1, Ordering::Relaxed);
        std::thread::Builder::new()
            .name("fetch".to_owned())
            .spawn(move || {
                let result = repository.fetch_with(&name, &heart).map(Arc::new);
                repository.inner.flights.left_behind.fetch_sub(1, Ordering::Relaxed);
                drop(done.send(result));
            })
            .map_err(|error| GitError::local("cannot start a thread to fetch in", &error))?;
        let tick = (silence / 8).clamp(Duration::from_millis(5), Duration::from_secs(1));
        loop {
            match tokio::time::timeout(tick, &mut outcome).await {
                Ok(Ok(outcome)) => return outcome,
                Ok(Err(_)) => {
                    return Err(GitError::local(format!("fetching {}", self.inner.label), &"the thread died"));
                }
                Err(_) if pulse.silence() >= silence => {
                    pulse.abandon();
                    return Err(GitError::Silent { remote: self.inner.label.clone(), silence });
                }
                Err(_) => {}
            }
        }
    }
}
