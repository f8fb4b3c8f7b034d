//! All five systems in one repository, each in its three environments, on one cluster that was empty: one daemon brings them all there,
//! and a commit of one line touches what it should and nothing else, as the API server's own audit says.

use std::collections::BTreeSet;
use std::time::Instant;

use evenkeel::environment::{self, Environment, OnDrift};
use evenkeel::git::Folder;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::json;

use super::support::{client, identities, repository, without_operators};
use crate::harness::control_plane::Write;
use crate::harness::{ControlPlane, Daemon, eventually};
use crate::require;

/// The namespace of evenkeel's own records.
const OWN: &str = "evenkeel-system";

/// What evenkeel wrote from a write on, each once: `namespace: resource/name`, its own records in their namespace without their name.
fn touched(writes: &[Write]) -> BTreeSet<String> {
    let ours = writes.iter().filter(|w| w.agent.starts_with("evenkeel") && !w.dry_run);
    ours.map(|w| match w.name.strip_prefix("sh.helm.release.v1.") {
        Some(rest) => format!("{}: revision of {}", w.namespace, rest.split(".v").next().unwrap()),
        None if w.namespace == OWN => format!("{OWN}: {}", w.resource),
        None => format!("{}: {}/{}", w.namespace, w.resource, w.name),
    })
    .collect()
}

/// Waits until every environment is at a revision, ready.
async fn all_synced(daemon: &Daemon, environments: &[String], revision: &str) {
    for environment in environments {
        daemon.synced(environment, revision).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_an_empty_cluster_to_all_healthy_and_a_line_touches_what_it_should() {
    let plane = require!(tokio::task::spawn_blocking(ControlPlane::own).await.unwrap());
    super::operators::install(plane.kubeconfig()).await;
    let repository = repository();
    without_operators(&repository);
    let commit = repository.commit("all of them");
    let tree = Folder::open(repository.path()).unwrap();
    let loaded = environment::discover(&tree, "environments").unwrap();
    let loaded = loaded.iter().map(|name| environment::load(&tree, "environments", name, &identities()).unwrap());
    let loaded: Vec<_> = loaded.filter(|environment| !environment.is_abstract).collect();
    let environments: Vec<String> = loaded.iter().map(|environment| environment.name.clone()).collect();
    let releases: usize = loaded.iter().map(|environment| environment.releases.len()).sum();
    assert!(environments.len() == 15 && releases >= 75, "{releases} releases of {environments:?}");

    let began = Instant::now();
    let daemon = super::support::daemon(&repository, plane.kubeconfig(), &[]);
    all_synced(&daemon, &environments, &commit).await;
    println!("{releases} releases of {} environments from nothing in {:?}", environments.len(), began.elapsed());
    let client = client(plane.kubeconfig()).await;
    healthy(&client, &environments).await;

    // What nobody changes is not touched.
    let quiet = plane.writes().len();
    let commit = repository.write("README.md", "five systems\n").commit("words");
    all_synced(&daemon, &environments, &commit).await;
    assert_eq!(touched(&plane.writes()[quiet..]), BTreeSet::new(), "a commit that changes nothing");

    // A line of a layer: one object in each environment that has not said something else (development has images of its own).
    let before = plane.writes().len();
    repository.replace("environments/ananta-base/cns-service/values.yaml", "v1.0.0", "v1.0.1");
    let commit = repository.commit("another image of one service");
    all_synced(&daemon, &environments, &commit).await;
    let mut expected: BTreeSet<String> = [format!("{OWN}: configmaps")].into();
    for environment in ["ananta-staging", "ananta-prod"] {
        expected.insert(format!("{environment}: deployments.apps/cns-service"));
        expected.insert(format!("{environment}: revision of cns-service"));
    }
    assert_eq!(touched(&plane.writes()[before..]), expected, "one image of one service");

    // A line of one environment: that one alone.
    let before = plane.writes().len();
    let file = "environments/clipper-production/clipper/values.yaml";
    repository.replace(file, "maxReplicas: 20", "maxReplicas: 24");
    let commit = repository.commit("more room for one autoscaler");
    all_synced(&daemon, &environments, &commit).await;
    let expected = [
        format!("{OWN}: configmaps"),
        "clipper-production: horizontalpodautoscalers.autoscaling/clipper-backend".to_owned(),
        "clipper-production: revision of clipper".to_owned(),
    ];
    assert_eq!(touched(&plane.writes()[before..]), expected.into(), "one number of one autoscaler");

    healthy(&client, &environments).await;

    // What somebody changes by hand is put right, told or let be, as each environment says.
    for environment in &loaded {
        changed_by_hand(&client, &daemon, environment).await;
    }
    daemon.process.terminate().expect_code(0);
}

/// Somebody changes a line of a ConfigMap of the environment; then it is as its policy says.
async fn changed_by_hand(client: &kube::Client, daemon: &Daemon, environment: &Environment) {
    let name = environment.name.as_str();
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), name);
    let ours = ListParams::default().labels(&format!("evenkeel.dev/environment={name}"));
    let map =
        maps.list(&ours).await.unwrap().items.into_iter().find(|m| m.data.as_ref().is_some_and(|d| !d.is_empty()));
    let map = map.unwrap_or_else(|| panic!("{name} has no ConfigMap with data"));
    let (id, (key, was)) = (map.metadata.name.unwrap(), map.data.unwrap().pop_first().unwrap());
    let by = PatchParams { field_manager: Some("somebody".into()), ..PatchParams::default() };
    maps.patch(&id, &by, &Patch::Merge(json!({"data": {&key: "by hand"}}))).await.unwrap();
    let live = || async { maps.get(&id).await.unwrap().data.unwrap()[&key].clone() };
    match environment.policies.on_drift {
        OnDrift::Correct => {
            eventually(&format!("{name}: {id} to be put right"), super::support::STEP, || async {
                let now = live().await;
                if now == was { Ok(()) } else { Err(now) }
            })
            .await;
        }
        OnDrift::Alert => {
            eventually(&format!("{name}: {id} to be told"), super::support::STEP, || async {
                let drift = daemon.drift(name).await;
                let told = drift.iter().any(|d| d["name"] == id.as_str() && d["fields"][0]["manager"] == "somebody");
                if told { Ok(()) } else { Err(format!("{drift:?}")) }
            })
            .await;
            assert_eq!(live().await, "by hand", "{name}: nothing is put back");
        }
        OnDrift::Ignore => {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let status = daemon.get(&format!("/api/v1/environments/{name}")).await.unwrap();
            assert_eq!((status["state"].as_str(), live().await.as_str()), (Some("synced"), "by hand"), "{name}");
        }
    }
}

/// Every Deployment has all its pods.
async fn healthy(client: &kube::Client, environments: &[String]) {
    let deployments: Api<Deployment> = Api::all(client.clone());
    eventually("every Deployment to have its pods", super::support::STEP, || async {
        let all = deployments.list(&ListParams::default()).await.map_err(|e| e.to_string())?.items;
        let ours = all.iter().filter(|d| environments.contains(d.metadata.namespace.as_ref().unwrap()));
        let short = ours.filter(|d| {
            let wanted = d.spec.as_ref().unwrap().replicas.unwrap_or(1);
            d.status.as_ref().and_then(|s| s.ready_replicas).unwrap_or(0) < wanted
        });
        let short: Vec<&String> = short.filter_map(|d| d.metadata.name.as_ref()).collect();
        if short.is_empty() { Ok(()) } else { Err(format!("{short:?}")) }
    })
    .await;
}
