//! What the daemon knows, for whoever asks: the web and the demo read it, the workers write it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError, RwLock};

use serde::Serialize;
use tokio::sync::{Notify, watch};

use crate::drift::ObjectDrift;
use crate::report::{EnvironmentStatus, ReleaseState};

use super::metrics::Metrics;

/// What is known of the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryState {
    /// The repository, without credentials.
    pub repository: String,
    /// The revision in force, empty before the first.
    pub revision: String,
    /// Why the last fetch failed, when it did: the revision above stays in force.
    pub error: Option<String>,
    /// Failed fetches in a row.
    pub failures: u32,
}

/// The daemon's state, shared.
#[derive(Debug)]
pub struct State {
    environments: RwLock<BTreeMap<String, EnvironmentStatus>>,
    expected: RwLock<Vec<String>>,
    repository: Mutex<RepositoryState>,
    corrections: Mutex<BTreeMap<String, Vec<ObjectDrift>>>,
    refresh: Notify,
    changed: watch::Sender<u64>,
    /// The metrics.
    pub metrics: Metrics,
}

impl Default for State {
    fn default() -> Self {
        Self {
            environments: RwLock::default(),
            expected: RwLock::default(),
            repository: Mutex::default(),
            corrections: Mutex::default(),
            refresh: Notify::new(),
            changed: watch::channel(0).0,
            metrics: Metrics::default(),
        }
    }
}

impl State {
    /// Every environment that was looked at.
    #[must_use]
    pub fn environments(&self) -> Vec<EnvironmentStatus> {
        self.environments.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// One environment.
    #[must_use]
    pub fn environment(&self, name: &str) -> Option<EnvironmentStatus> {
        self.environments.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Notes what a pass found.
    pub fn set(&self, status: EnvironmentStatus) {
        let before = self
            .environments
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(status.environment.clone(), status.clone());
        let names: BTreeSet<&str> = status.releases.iter().map(|release| release.name.as_str()).collect();
        for release in before.iter().flat_map(|b| &b.releases).filter(|release| !names.contains(release.name.as_str()))
        {
            self.metrics.forget(&status.environment, &release.name);
        }
        self.touch();
    }

    /// Notes how an environment is while a pass over it goes on: it is not synced before that ends.
    pub fn under_way(&self, mut status: EnvironmentStatus) {
        status.state = status.state.max(ReleaseState::Progressing);
        // What is shown is what the metrics say: also of releases that the pass only looked at.
        let before = self.environment(&status.environment).map(|before| before.releases).unwrap_or_default();
        for release in &status.releases {
            let known = before.iter().any(|b| b.name == release.name && b.state == release.state);
            if !known {
                self.metrics.release(&status.environment, &release.name, release.state);
            }
        }
        self.set(status);
    }

    /// A status that only says why nothing could be looked at, with the releases and the drift that were known before.
    #[must_use]
    pub fn unseen(&self, mut status: EnvironmentStatus) -> EnvironmentStatus {
        if let Some(before) = self.environment(&status.environment) {
            status.releases = before.releases;
            status.drift = before.drift;
        }
        status
    }

    /// Forgets an environment that was never deployed.
    pub fn remove(&self, name: &str) {
        self.environments.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.touch();
    }

    /// The environments that are reconciled; the daemon is ready when each was looked at once.
    pub fn expect(&self, names: &[String]) {
        *self.expected.write().unwrap_or_else(PoisonError::into_inner) = names.to_vec();
        self.touch();
    }

    /// The environments that are reconciled.
    #[must_use]
    pub fn expected(&self) -> Vec<String> {
        self.expected.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The environments that were not looked at yet, or why there is none; empty when the daemon is ready.
    #[must_use]
    pub fn unready(&self) -> Vec<String> {
        let expected = self.expected.read().unwrap_or_else(PoisonError::into_inner);
        if expected.is_empty() {
            return vec!["no revision was read yet".to_owned()];
        }
        let known = self.environments.read().unwrap_or_else(PoisonError::into_inner);
        expected
            .iter()
            .filter(|name| !known.contains_key(*name))
            .map(|n| format!("{n} was not looked at yet"))
            .collect()
    }

    /// What was put right last in an environment.
    #[must_use]
    pub fn last_correction(&self, environment: &str) -> Option<Vec<ObjectDrift>> {
        self.corrections.lock().unwrap_or_else(PoisonError::into_inner).get(environment).cloned()
    }

    /// Notes what was put right.
    pub fn corrected(&self, environment: &str, objects: Vec<ObjectDrift>) {
        self.metrics.corrected(environment, objects.len());
        self.corrections.lock().unwrap_or_else(PoisonError::into_inner).insert(environment.to_owned(), objects);
        self.touch();
    }

    /// What is known of the repository.
    #[must_use]
    pub fn repository(&self) -> RepositoryState {
        self.repository.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what is known of the repository.
    pub fn set_repository(&self, state: RepositoryState) {
        self.metrics.fetch_failures(state.failures);
        *self.repository.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.touch();
    }

    /// Asks for a fetch now: a push was announced.
    pub fn request_refresh(&self) {
        self.refresh.notify_one();
    }

    /// Waits until a fetch is asked for.
    pub async fn refresh_requested(&self) {
        self.refresh.notified().await;
    }

    /// Tells whenever something changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn touch(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}
