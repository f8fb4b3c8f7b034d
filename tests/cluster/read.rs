//! Discovery, capabilities, schemas, and waiting for readiness.

use std::path::Path;
use std::time::Duration;

use evenkeel::cluster::Verb;
use evenkeel::health::Health;
use evenkeel::manifest::Gvk;
use serde_json::json;

use super::{Bench, config_map, deployment, words};
use crate::harness::{ControlPlane, eventually};

pub(crate) async fn discovery_is_two_requests(kubeconfig: &Path) {
    let bench = Bench::new(kubeconfig).await;
    let cluster = &bench.cluster;
    let kinds = cluster.kinds().await.unwrap();
    assert_eq!(cluster.requests().of(Verb::Discovery), 2);
    let deployment = kinds.resource(&Gvk::new("apps/v1", "Deployment")).unwrap();
    assert_eq!((deployment.plural.as_str(), deployment.namespaced), ("deployments", true));
    assert!(!kinds.resource(&Gvk::new("v1", "Namespace")).unwrap().namespaced);
    assert!(kinds.iter().count() > 50);
    cluster.kinds().await.unwrap();
    assert_eq!(cluster.requests().total(), 2);

    let capabilities = cluster.capabilities().await.unwrap();
    assert!(capabilities.version.git_version.starts_with("v1."), "{capabilities:?}");
    for version in ["v1", "v1/Pod", "apps/v1/Deployment", "apps/v1/Scale", "networking.k8s.io/v1/Ingress"] {
        assert!(capabilities.api_versions.iter().any(|v| v == version), "{version}");
    }

    let schema = cluster.openapi().await.unwrap();
    assert!(schema["definitions"].as_object().unwrap().len() > 100);
}

/// The sandbox sends no tag for its schema.
#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_schema_is_not_sent_again() {
    let bench = Bench::new(crate::require!(ControlPlane::shared()).kubeconfig()).await;
    let cluster = &bench.cluster;
    // Tests beside this one may add kinds, which are in the schema.
    eventually("an unchanged schema that is not sent again", Duration::from_secs(30), async || {
        let (one, two) = (cluster.openapi().await.unwrap(), cluster.openapi().await.unwrap());
        if std::sync::Arc::ptr_eq(&one, &two) { Ok(()) } else { Err("sent again") }
    })
    .await;
}

pub(crate) async fn waits_for_workloads_on_watches(kubeconfig: &Path) {
    let bench = Bench::new(kubeconfig).await;
    let mut stuck = deployment("stuck", 1);
    stuck.value_mut()["spec"]["template"]["spec"]["nodeSelector"] = json!({"no": "node"});
    let objects = vec![deployment("backend", 2), deployment("frontend", 1), config_map("c", "1")];
    let report = bench.settle("a", Some(objects)).await;
    assert!(report.succeeded(), "{:?}", words(&report));
    let wait = async |names: &[&str], limit: Duration| {
        let objects = names.iter().map(|n| (bench.id("apps/Deployment", n), "v1".to_owned()));
        let before = bench.cluster.requests();
        let waiting = super::wait(&bench.cluster, objects, limit).await;
        (waiting, bench.cluster.requests().since(&before).total())
    };
    let (waiting, requests) = wait(&["backend", "frontend"], Duration::from_secs(60)).await;
    assert_eq!(waiting, []);
    assert!(requests <= 2, "{requests} requests");

    bench.settle("b", Some(vec![stuck])).await;
    let (waiting, _) = wait(&["stuck", "missing"], Duration::from_secs(2)).await;
    let reasons: Vec<(&str, &Health)> = waiting.iter().map(|w| (w.id.name.as_str(), &w.health)).collect();
    assert_eq!(
        reasons,
        [
            ("missing", &Health::InProgress("it does not exist".into())),
            ("stuck", &Health::InProgress("0 of 1 replicas are ready".into()))
        ]
    );
}
