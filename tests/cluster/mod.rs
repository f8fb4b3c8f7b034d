//! The cluster and what writes to it, on a real API server: apply, prune, inventories, watches, waits.

mod adoption;
mod bench;
mod objects;
pub(crate) mod faults;
mod immutable;
mod read;
mod release;
mod watch;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use evenkeel::apply::{self, Options, Owner, Record, ReleaseReport};
use evenkeel::cluster::{Cluster, ConnectOptions, NotReady, Patience, Wait, mark_of, mark_text};
use evenkeel::environment::{MaxDeletions, OnDrift, Prune};
use evenkeel::health::Rules;
use evenkeel::manifest::{ANNOTATION_OWNER, Gvk, Object, ObjectId};
use evenkeel::plan::{self, Desired, EnvironmentInput, Live, Plan, ReleaseInput, Scopes};
use evenkeel::sandbox::{self, Server};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::harness::unique_name;

/// Every scenario on the real control plane, and on the sandbox through the same code.
macro_rules! scenarios {
    ($($module:ident: $($name:ident),+;)+) => {
        mod on_real {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let plane = crate::require!(crate::harness::ControlPlane::shared());
                    crate::cluster::$module::$name(plane.kubeconfig()).await;
                })+
            })+
        }
        mod on_sandbox {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let sandbox = crate::cluster::Sandbox::start().await;
                    crate::cluster::$module::$name(sandbox.kubeconfig.path()).await;
                })+
            })+
        }
    };
}

scenarios! {
    adoption: what_kubectl_wrote_is_taken_over_whole, what_others_set_stays_theirs;
    objects: created_unchanged_configured, a_typo_is_an_error, what_force_takes_is_named, adoption_takes_over_what_helm_and_kubectl_wrote, cleared_managed_fields_leave_no_co_owner, another_releases_object_is_refused, nothing_is_deleted_that_is_not_provably_ours;
    read: discovery_is_two_requests, waits_for_workloads_on_watches;
    release: install_upgrade_prune_uninstall, one_invalid_object_and_nothing_is_applied, a_definition_and_its_objects_in_one_release, custom_objects_go_before_what_serves_them, the_inventory_is_true_wherever_the_process_ends, an_interruption_finishes_the_object_in_hand, two_writers_of_one_inventory_do_not_lose_each_others_entries;
    watch: drift_is_seen_and_nothing_else_is_asked, no_change_is_missed_while_the_server_is_away, a_restart_reads_pages_not_objects;
}

/// The sandbox does not hold every field that the real server does.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_foretold_is_what_the_server_says() {
    let plane = crate::require!(crate::harness::ControlPlane::shared());
    immutable::what_is_foretold_is_what_the_server_says(plane.kubeconfig()).await;
}

/// A sandbox of a test's own.
pub(crate) struct Sandbox {
    pub(crate) kubeconfig: tempfile::NamedTempFile,
    _server: Server,
}

impl Sandbox {
    pub(crate) async fn start() -> Self {
        let server = Server::start(([127, 0, 0, 1], 0).into(), sandbox::Options::default()).await.unwrap();
        let kubeconfig = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(kubeconfig.path(), server.kubeconfig()).unwrap();
        Self { kubeconfig, _server: server }
    }
}

/// A cluster, with everything that a test writes under names of its own.
pub(crate) struct Bench {
    pub(crate) cluster: Cluster,
    pub(crate) environment: String,
    pub(crate) namespace: String,
}

impl Bench {
    /// With an own inventory namespace, and a release namespace that does not exist yet.
    pub(crate) async fn new(kubeconfig: &Path) -> Self {
        let options = ConnectOptions {
            kubeconfig: Some(kubeconfig.to_owned()),
            system_namespace: Some(unique_name("system")),
            ..ConnectOptions::default()
        };
        let cluster = Cluster::connect(options).await.unwrap();
        Self { cluster, environment: unique_name("env"), namespace: unique_name("ns") }
    }

    /// The same names through another cluster (one with faults).
    pub(crate) fn through(&self, cluster: Cluster) -> Self {
        Self { cluster, environment: self.environment.clone(), namespace: self.namespace.clone() }
    }

    pub(crate) async fn with_namespace(kubeconfig: &Path) -> Self {
        let bench = Self::new(kubeconfig).await;
        apply::ensure_namespace(&bench.cluster, &bench.namespace, "test").await.unwrap();
        bench
    }

    pub(crate) fn owner(&self, release: &str) -> Owner {
        Owner::new(&self.environment, release)
    }

    pub(crate) fn id(&self, kind: &str, name: &str) -> ObjectId {
        format!("{kind}/{}/{name}", self.namespace).parse().unwrap()
    }

    pub(crate) async fn live(&self, id: &ObjectId) -> Option<Object> {
        self.cluster.get(id, "v1").await.unwrap()
    }

    /// Plans one release against what is there; `None` for one that left Git.
    pub(crate) async fn plan(&self, release: &str, objects: Option<Vec<Object>>) -> (Plan, Record) {
        let kinds = self.cluster.kinds().await.unwrap();
        let scopes = |gvk: &Gvk| kinds.resource(gvk).map(|r| r.namespaced);
        let desired = match objects {
            None => Desired::Gone,
            Some(objects) => {
                let scopes: &dyn Scopes = &scopes;
                let made = plan::desire(objects, &self.environment, release, &self.namespace, scopes, b"key", []);
                Desired::Objects(made.unwrap())
            }
        };
        let stored = self.cluster.inventory(&self.environment, release).await.unwrap();
        let record = Record::of(&self.owner(release), &self.namespace, stored.as_ref()).unwrap();
        let mut ids: BTreeMap<ObjectId, String> =
            record.inventory.objects.iter().map(|(id, a)| (id.clone(), a.version.clone())).collect();
        ids.extend(desired.objects().iter().map(|o| (o.id.clone(), o.version.clone())));
        let mut live = BTreeMap::new();
        for (id, version) in ids {
            let Ok(Some(object)) = self.cluster.get_metadata(&id, &version).await else { continue };
            let managed = object.value().pointer("/metadata/managedFields").unwrap_or(&Value::Null);
            let seen = Live {
                uid: object.uid().to_owned(),
                mark: mark_of(managed).map(mark_text),
                owner: object.annotation(ANNOTATION_OWNER).map(str::to_owned),
                same: false,
                deleting: object.value().pointer("/metadata/deletionTimestamp").is_some(),
                ..Live::default()
            };
            live.insert(id, seen);
        }
        let prune = Prune::default();
        let input = EnvironmentInput {
            environment: &self.environment,
            revision: "r1",
            releases: vec![ReleaseInput {
                name: release,
                namespace: &self.namespace,
                stage: 0,
                desired,
                inventory: record.version.is_some().then_some(&record.inventory),
                prune: &prune,
                on_drift: OnDrift::Correct,
                lifecycle: None,
            }],
            live: &live,
            neighbours: &plan::Neighbours::default(),
            max_deletions: MaxDeletions::Percent(100),
        };
        (plan::plan(&input), record)
    }

    /// Plans, applies and prunes one release.
    pub(crate) async fn settle(&self, release: &str, objects: Option<Vec<Object>>) -> ReleaseReport {
        self.settle_with(release, objects, &Options::default()).await
    }

    pub(crate) async fn settle_with(
        &self,
        release: &str,
        objects: Option<Vec<Object>>,
        options: &Options<'_>,
    ) -> ReleaseReport {
        let (plan, record) = self.plan(release, objects).await;
        let plan = &plan.releases[0];
        let mut applied = apply::apply_release(&self.cluster, &self.environment, "r1", plan, record, options).await;
        if !applied.succeeded() {
            return applied;
        }
        let none = std::collections::BTreeSet::new();
        let record = applied.record.clone();
        let pruned = apply::prune_release(&self.cluster, &self.environment, plan, record, &none, options).await;
        applied.objects.extend(pruned.objects);
        ReleaseReport { objects: applied.objects, ..pruned }
    }
}

/// Waits for objects by the rules of their kinds, no longer than `limit` without progress; those that are not ready.
pub(crate) async fn wait(
    cluster: &Cluster,
    objects: impl IntoIterator<Item = (ObjectId, String)>,
    limit: Duration,
) -> Vec<NotReady> {
    let (patience, rules, cancel) = (Patience::default(), Rules::default(), CancellationToken::new());
    let wait = Wait {
        selector: "",
        timeout: limit,
        patience: &patience,
        rules: &rules,
        cancel: &cancel,
        on_health: &|_, _| {},
    };
    cluster.wait_ready(objects, &wait).await.unwrap()
}

/// What was done, in words: `created a`, sorted.
pub(crate) fn words(report: &ReleaseReport) -> Vec<String> {
    let mut words: Vec<String> = report
        .objects
        .iter()
        .map(|o| match &o.outcome {
            Ok(action) => format!("{action} {}", o.id.name),
            Err(error) => format!("failed {}: {error}", o.id.name),
        })
        .chain(report.error.iter().map(|e| format!("error: {e}")))
        .collect();
    words.sort();
    words
}

pub(crate) fn object(value: Value) -> Object {
    Object::new(value).unwrap()
}

pub(crate) fn config_map(name: &str, data: &str) -> Object {
    object(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": data}}))
}

pub(crate) fn deployment(name: &str, replicas: u32) -> Object {
    object(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}},
    }}))
}
