//! The connection breaks after every number of writes, before and after the last one arrives: the next pass goes on, no hook
//! runs twice, and the history is what it would be.

use std::path::Path;
use std::sync::Arc;

use evenkeel::apply::ensure_namespace;
use evenkeel::cluster::{Cluster, ConnectOptions};
use evenkeel::git::Folder;
use evenkeel::reconcile::{Charts, PassOptions, PassReport, Reconciler, Source};
use evenkeel::sops::Keys;
use tokio_util::sync::CancellationToken;

use super::support::{RELEASE, repository};
use crate::cluster::Sandbox;
use crate::cluster::faults::Network;
use crate::harness::{ControlPlane, GitRepository, unique_name};

/// A pass of a process that knows nothing of earlier ones.
async fn pass(cluster: Cluster, environment: &str, repository: &GitRepository, revision: &str) -> PassReport {
    let source = Source {
        tree: Arc::new(Folder::open(repository.path()).unwrap()),
        revision: revision.to_owned(),
        time: jiff::Timestamp::UNIX_EPOCH,
        charts: Charts::default(),
        keys: Keys::default(),
    };
    let options = PassOptions {
        apply: true,
        wait: true,
        cancel: CancellationToken::new(),
        stop_waiting: CancellationToken::new(),
        retry_after: None,
    };
    Reconciler::new(cluster, environment, "environments", None).pass(&source, &options, &|_| {}).await
}

async fn wherever_it_breaks(kubeconfig: &Path, stride: usize) {
    for lose_answer in [false, true] {
        let mut whole = false;
        let mut writes = 0;
        while !whole {
            let place = format!("after {writes} writes, answer lost: {lose_answer}");
            let (environment, namespace) = (unique_name("fault"), unique_name("fault-ns"));
            let options = ConnectOptions {
                kubeconfig: Some(kubeconfig.to_owned()),
                system_namespace: Some(unique_name("system")),
                ..ConnectOptions::default()
            };
            let cluster = Cluster::connect(options).await.unwrap();
            ensure_namespace(&cluster, &namespace, "test").await.unwrap();
            ensure_namespace(&cluster, cluster.system_namespace(), "test").await.unwrap();
            let repository = repository(&environment, &namespace);
            let values = format!("environments/{environment}/{RELEASE}/values.yaml");
            // Whatever is made twice is there already: these are not deleted before they run.
            repository.write(
                &values,
                "message: one\nhooks:\n  first: {events: pre-install, delete: hook-failed}\n  last: {events: post-install, delete: hook-failed}\n  up: {events: pre-upgrade, delete: hook-failed}\n",
            );
            let network = Network::failing_after(i64::try_from(writes).unwrap(), lose_answer);
            let broken = network.before(&cluster);
            pass(broken.clone(), &environment, &repository, "one").await;
            let installed = network.is_open();
            if !installed {
                let report = pass(cluster.clone(), &environment, &repository, "one").await;
                assert!(!report.failed, "{place}: {:?}", report.status);
            }
            repository.replace(&values, "message: one", "message: two");
            pass(if installed { broken } else { cluster.clone() }, &environment, &repository, "two").await;
            whole = network.is_open();
            let report = pass(cluster.clone(), &environment, &repository, "two").await;
            assert!(!report.failed, "{place}: {:?}", report.status);
            let history: Vec<String> = cluster
                .revisions(&namespace, RELEASE)
                .await
                .unwrap()
                .iter()
                .map(|r| format!("{} {} {}", r.revision.version, r.revision.info.status, r.revision.info.description))
                .collect();
            assert_eq!(history, ["1 superseded Install complete", "2 deployed Upgrade complete"], "{place}");
            let before = cluster.requests();
            let report = pass(cluster.clone(), &environment, &repository, "two").await;
            assert!(!report.failed && report.plan.unwrap().is_empty(), "{place}");
            let written = cluster.requests().since(&before);
            assert_eq!(written.of(evenkeel::cluster::Verb::Update), 0, "{place}");
            writes += stride;
        }
        assert!(writes > 10, "the passes make more writes than {writes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_real_server() {
    let plane = crate::require!(ControlPlane::shared());
    // The sandbox is asked after every single write; here, every third shows that it is no other.
    wherever_it_breaks(plane.kubeconfig(), 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_sandbox() {
    let sandbox = Sandbox::start().await;
    wherever_it_breaks(sandbox.kubeconfig.path(), 1).await;
}
