//! Follows a branch: polls, and publishes every new revision. What goes wrong is published too, and leaves the last good
//! revision in force.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{GitError, Repository, Snapshot};

/// How a branch is followed.
#[derive(Debug, Clone)]
pub struct FollowOptions {
    /// The branch.
    pub branch: String,
    /// The time between two looks at the remote, give or take a tenth. A repository on this machine is looked at every
    /// second at least: that costs no network.
    pub interval: Duration,
    /// The wait after the first failure; it doubles with each further one.
    pub first_retry: Duration,
    /// The longest wait between two attempts while it fails.
    pub last_retry: Duration,
}

impl FollowOptions {
    /// Follows `branch`, looking every `interval`; retries after 1 s, then less and less often, down to every 5 minutes.
    pub fn new(branch: impl Into<String>, interval: Duration) -> Self {
        Self {
            branch: branch.into(),
            interval,
            first_retry: Duration::from_secs(1),
            last_retry: Duration::from_secs(5 * 60),
        }
    }

    fn wait(&self, failures: u32, in_place: bool) -> Duration {
        let plain = match failures {
            0 if in_place => self.interval.min(Duration::from_secs(1)),
            0 => self.interval,
            n => self.first_retry.saturating_mul(1 << (n - 1).min(20)).min(self.last_retry),
        };
        plain.mul_f64(rand::random_range(0.9..1.1))
    }
}

/// What is known of a branch.
#[derive(Debug, Clone, Default)]
pub struct Followed {
    /// The last good revision, which is in force; `None` before the first.
    pub snapshot: Option<Arc<Snapshot>>,
    /// Why the last attempt failed; `None` when it did not.
    pub last_error: Option<GitError>,
    /// When the remote last answered with a good revision, changed or not.
    pub last_fetch: Option<Timestamp>,
    /// Failures since then.
    pub consecutive_failures: u32,
}

/// A handle of the task that follows a branch. The task ends when its token is cancelled.
#[derive(Debug, Clone)]
pub struct Follower {
    state: watch::Receiver<Followed>,
    refresh: Arc<Notify>,
}

impl Follower {
    /// Starts to follow. Needs a tokio runtime.
    #[must_use]
    pub fn start(repository: Repository, options: FollowOptions, cancel: CancellationToken) -> Self {
        let (publish, state) = watch::channel(Followed::default());
        let refresh = Arc::new(Notify::new());
        let task = Task { repository, options, publish, refresh: Arc::clone(&refresh), looks: Arc::default() };
        tokio::spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = task.run() => {}
            }
        });
        Self { state, refresh }
    }

    /// What is known. A receiver wakes when the revision changes, when an error comes, changes or goes, and on every
    /// further failure; not on a look that found nothing new.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<Followed> {
        self.state.clone()
    }

    /// Looks now (a webhook came). A call during a look causes another one after it; further ones do not add up.
    pub fn refresh(&self) {
        self.refresh.notify_one();
    }
}

struct Task {
    repository: Repository,
    options: FollowOptions,
    publish: watch::Sender<Followed>,
    refresh: Arc<Notify>,
    /// The looks that were answered, whatever they found.
    looks: Arc<AtomicU64>,
}

impl Task {
    async fn run(&self) {
        loop {
            let outcome = self.repository.fetch(&self.options.branch).await;
            match outcome {
                Ok(snapshot) => self.good(snapshot),
                Err(error) => self.bad(error).await,
            }
            let failures = self.publish.borrow().consecutive_failures;
            let wait = self.options.wait(failures, self.repository.is_in_place());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.refresh.notified() => {}
            }
        }
    }

    fn good(&self, snapshot: Arc<Snapshot>) {
        self.publish.send_if_modified(|state| {
            let known = state.snapshot.as_ref().map(|known| known.revision().id.clone());
            let moved = known.as_deref() != Some(&snapshot.revision().id);
            let recovered = state.last_error.is_some();
            if moved {
                let revision = snapshot.revision();
                tracing::info!(repository = %self.repository, branch = self.options.branch, revision = revision.id, subject = revision.subject, "new revision");
                snapshot.followed(Arc::clone(&self.looks));
                state.snapshot = Some(snapshot);
            }
            if recovered {
                tracing::info!(repository = %self.repository, branch = self.options.branch, "the repository can be read again");
            }
            state.last_error = None;
            state.last_fetch = Some(Timestamp::now());
            state.consecutive_failures = 0;
            moved || recovered
        });
        // After what it found is known.
        self.looks.fetch_add(1, Ordering::SeqCst);
    }

    async fn bad(&self, error: GitError) {
        // After a restart, what was fetched before is still the last good revision.
        let known = if self.publish.borrow().snapshot.is_none() { self.remembered().await } else { None };
        self.publish.send_modify(|state| {
            if let Some(known) = known {
                known.followed(Arc::clone(&self.looks));
                state.snapshot = Some(known);
            }
            state.consecutive_failures = state.consecutive_failures.saturating_add(1);
            let in_force = state.snapshot.as_ref().map(|snapshot| snapshot.revision().id.as_str());
            tracing::warn!(repository = %self.repository, branch = self.options.branch, error = %error, failures = state.consecutive_failures, in_force, "cannot follow the repository; the last good revision stays in force");
            state.last_error = Some(error);
        });
    }

    async fn remembered(&self) -> Option<Arc<Snapshot>> {
        if self.repository.is_in_place() {
            return None;
        }
        let (repository, branch) = (self.repository.clone(), self.options.branch.clone());
        let tip = tokio::task::spawn_blocking(move || repository.tip(&branch)).await;
        tip.ok()?.ok()?.map(Arc::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_with_jitter_and_a_cap() {
        let options = FollowOptions::new("main", Duration::from_secs(30));
        for _ in 0..200 {
            let polled = options.wait(0, false);
            assert!(polled >= Duration::from_secs(27) && polled <= Duration::from_secs(33), "{polled:?}");
            assert!(options.wait(0, true) <= Duration::from_millis(1100));
            let third = options.wait(3, false);
            assert!(third >= Duration::from_millis(3600) && third <= Duration::from_millis(4400), "{third:?}");
            assert!(options.wait(u32::MAX, false) <= Duration::from_secs(330));
        }
    }
}
