//! The controllers of a cluster, played: workloads become ready a moment after they appear, namespaces and owners take
//! their contents with them, definitions become established. Changes of the store come in, writes go out; time is passed in,
//! and what is due later is told to the caller.
//!
//! Faithful in what can be seen from outside (who owns whom, statuses, conditions, managers), not in pace: there are no
//! images to pull, a rollout brings up all new pods before it removes the old ones (`maxSurge` and `maxUnavailable` are not
//! read), failed Jobs retry without back-off, and there is one node, `sandbox-node`.

mod batch;
mod claims;
mod cluster;
mod daemon;
mod deployment;
mod garbage;
mod pods;
mod replicas;
mod stateful;
mod world;

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::store::{CRDS, Change, ChangeKind, Key, Store, owners};
use world::World;

/// How many steps one run takes at most; what is left waits for the next, so that requests get their turn.
const STEPS: usize = 500;

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Task {
    /// An object that changed, or whose time has come.
    Reconcile(Key),
    /// The owner of something that changed.
    Owner(String),
    /// An owner that is gone.
    Gone(String),
    /// A pod whose containers have started (or ended) by now.
    Ready(Key),
    /// A Job that has outlived its end by long enough.
    Expire(Key),
}

/// The controllers and what they have yet to do.
#[derive(Debug)]
pub(super) struct Simulation {
    settle: SignedDuration,
    queue: Vec<Task>,
    queued: HashSet<Task>,
    timers: BTreeSet<(Timestamp, Task)>,
}

impl Simulation {
    /// Controllers whose pods take `settle` to become ready.
    pub(super) fn new(settle: Duration) -> Self {
        let settle = SignedDuration::try_from(settle).unwrap_or(SignedDuration::ZERO);
        Self { settle, queue: Vec::new(), queued: HashSet::new(), timers: BTreeSet::new() }
    }

    /// What a cluster has before anybody asks for anything, up and running.
    pub(super) fn start(&mut self, store: &mut Store, now: Timestamp) {
        cluster::furnish(&mut World { store, now });
        self.catch_up(store, now);
    }

    /// Runs until nothing is left to do now. For tests and for the start; a server takes changes elsewhere.
    pub(super) fn catch_up(&mut self, store: &mut Store, now: Timestamp) -> Option<Timestamp> {
        loop {
            let changes = store.take_changes();
            self.observe(&changes);
            let next = self.run(store, now);
            if self.queue.is_empty() && !store.has_changes() {
                return next;
            }
        }
    }

    fn add(&mut self, task: Task) {
        if self.queued.insert(task.clone()) {
            self.queue.push(task);
        }
    }

    /// Takes note of changes.
    pub(super) fn observe(&mut self, changes: &[Change]) {
        for change in changes {
            // Events and leases concern no controller, and are many.
            if ["events", "leases.coordination.k8s.io"].contains(&&*change.key.table) {
                continue;
            }
            let uid = change.object["metadata"]["uid"].as_str().unwrap_or_default();
            if change.kind == ChangeKind::Deleted {
                self.add(Task::Gone(uid.to_owned()));
                let namespace = &change.key.namespace;
                if !namespace.is_empty() {
                    self.add(Task::Reconcile(world::key("namespaces", "", namespace)));
                }
                if &*change.key.table == "pods" {
                    for claim in claims::of_pod(&change.object) {
                        self.add(Task::Reconcile(world::key("persistentvolumeclaims", namespace, claim)));
                    }
                }
            } else {
                self.add(Task::Reconcile(change.key.clone()));
            }
            for owner in owners(&change.object) {
                self.add(Task::Owner(owner.to_owned()));
            }
        }
    }

    /// Does what is due, up to a bound. Returns when there is something to do next, if anything is foreseen.
    pub(super) fn run(&mut self, store: &mut Store, now: Timestamp) -> Option<Timestamp> {
        while let Some((at, task)) = self.timers.first().cloned() {
            if at > now {
                break;
            }
            self.timers.remove(&(at, task.clone()));
            self.add(task);
        }
        let take = self.queue.len().min(STEPS);
        let tasks: Vec<Task> = self.queue.drain(..take).collect();
        for task in tasks {
            self.queued.remove(&task);
            self.step(&mut World { store, now }, task);
        }
        if self.queue.is_empty() { self.timers.first().map(|(at, _)| *at) } else { Some(now) }
    }

    fn step(&mut self, world: &mut World<'_>, task: Task) {
        match task {
            Task::Gone(uid) => garbage::owner_gone(world, &uid),
            Task::Owner(uid) => {
                if let Some(key) = world.store.by_uid(&uid).cloned() {
                    self.reconcile(world, &key);
                }
            }
            Task::Reconcile(key) => self.reconcile(world, &key),
            Task::Ready(key) => pods::finish(world, &key),
            Task::Expire(key) => world.delete(&key),
        }
    }

    fn later(&mut self, at: Timestamp, task: Task) {
        self.timers.insert((at, task));
    }

    fn reconcile(&mut self, world: &mut World<'_>, key: &Key) {
        let Some(object) = world.store.object(key) else { return };
        garbage::collect(world, key, &object);
        let deleting = object["metadata"].get("deletionTimestamp").is_some();
        let now = world.now;
        match &*key.table {
            "pods" => {
                if pods::reconcile(world, key, &object) == pods::Next::Wait {
                    let at = now.checked_add(self.settle).unwrap_or(now);
                    if !self.timers.iter().any(|(_, t)| matches!(t, Task::Ready(k) if k == key)) {
                        self.later(at, Task::Ready(key.clone()));
                    }
                }
                for budget in world.store.objects("poddisruptionbudgets.policy", &key.namespace) {
                    cluster::budget(world, &budget);
                }
            }
            "namespaces" => cluster::namespace(world, key, &object),
            "persistentvolumeclaims" => claims::reconcile(world, key, &object),
            "persistentvolumes" => claims::volume(world, key, &object),
            CRDS => cluster::definition(world, key, &object),
            _ if deleting => {}
            "deployments.apps" => deployment::reconcile(world, key, &object),
            "replicasets.apps" => replicas::reconcile(world, key, &object),
            "statefulsets.apps" => stateful::reconcile(world, key, &object),
            "daemonsets.apps" => daemon::reconcile(world, key, &object),
            "poddisruptionbudgets.policy" => cluster::budget(world, &object),
            "jobs.batch" => {
                batch::reconcile(world, key, &object);
                if let Some(at) = batch::expires(&object) {
                    self.later(at.max(now), Task::Expire(key.clone()));
                }
            }
            _ => {}
        }
    }
}

/// An `ownerReferences` entry of a controller.
fn controlled_by(owner: &Value) -> Value {
    serde_json::json!([{
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

#[cfg(test)]
mod tests;
