//! Production: every change of others is put right; what leaves Git leaves the cluster, except for what holds data.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service};
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::support::{Platform, alert, daemon, receiver};
use crate::harness::{ControlPlane, eventually, wait_for, wait_until_gone};
use crate::require;

fn image(deployment: &Deployment) -> &str {
    let pod = deployment.spec.as_ref().and_then(|s| s.template.spec.as_ref());
    pod.and_then(|p| p.containers[0].image.as_deref()).unwrap_or_default()
}

/// The one field of an object that an alert names.
fn field<'a>(alert: &'a Value, object: &str, path: &str) -> Option<&'a Value> {
    let objects = alert["details"].as_array()?;
    let drifted = objects.iter().find(|o| o["name"] == object)?;
    drifted["fields"].as_array()?.iter().find(|f| f["path"] == path)
}

#[tokio::test]
async fn production_is_kept_equal_to_git() {
    let plane = require!(ControlPlane::shared());
    let platform = Platform::new("clipper-production");
    let (environment, namespace) = (platform.environment.as_str(), platform.namespace.as_str());
    let (webhook, posted) = receiver().await;
    let client = plane.client().await;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), namespace);
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let intruder = PatchParams { field_manager: Some("intruder".to_owned()), ..PatchParams::default() };

    // Install.
    let daemon = daemon(plane, &platform, &webhook);
    let status = daemon.until(environment, "the first deploy", |s| s["state"] == "synced").await;
    let releases: Vec<&str> =
        status["releases"].as_array().unwrap().iter().filter_map(|r| r["name"].as_str()).collect();
    assert_eq!(releases, ["clipper", "postgres", "redis"]);
    daemon.text("/readyz").await.unwrap();
    for name in ["clipper-backend", "clipper-frontend", "clipper-grafana"] {
        let ready = deployments.get(name).await.unwrap().status.and_then(|s| s.ready_replicas).unwrap_or(0);
        assert!(ready > 0, "{name} has no ready pod although its release is synced");
    }

    // Nothing to do costs nothing.
    let before = daemon.requests().await;
    let quiet = tokio::time::Instant::now() + std::time::Duration::from_secs(3);
    tokio::time::sleep_until(quiet).await;
    assert_eq!(daemon.requests().await, before, "requests in the steady state");

    // Upgrade by commit.
    platform.repository.replace("environments/clipper-base/clipper/values.yaml", "tag: v1.2.2", "tag: v1.2.3");
    let commit = platform.repository.commit("clipper v1.2.3");
    wait_for(deployments.clone(), "clipper-backend", "the new image", |d| image(d).ends_with(":v1.2.3")).await;
    daemon.synced(environment, &commit).await;

    // Somebody else's image.
    let wrong = json!({"spec": {"template": {"spec": {"containers": [{"name": "backend", "image": "intruder:1"}]}}}});
    let container = deployments.get("clipper-backend").await.unwrap().spec.unwrap().template.spec.unwrap().containers
        [0]
    .name
    .clone();
    let mut wrong = wrong;
    wrong["spec"]["template"]["spec"]["containers"][0]["name"] = json!(container);
    deployments.patch("clipper-backend", &intruder, &Patch::Strategic(&wrong)).await.unwrap();
    wait_for(deployments.clone(), "clipper-backend", "the image to be put right", |d| image(d).ends_with(":v1.2.3"))
        .await;
    let path = format!(".spec.template.spec.containers[name=\"{container}\"].image");
    let told = alert(&posted, "the corrected image", |a| {
        a["kind"] == "driftCorrected" && field(a, "clipper-backend", &path).is_some()
    })
    .await;
    let changed = field(&told, "clipper-backend", &path).unwrap();
    assert_eq!(changed["manager"], "intruder");
    assert_eq!(changed["live"], "intruder:1");
    assert_eq!(changed["operation"], "Update");

    // Somebody else's scale.
    let scale = json!({"spec": {"replicas": 4}});
    deployments.patch_scale("clipper-grafana", &intruder, &Patch::Merge(&scale)).await.unwrap();
    let told = alert(&posted, "the corrected scale", |a| {
        a["kind"] == "driftCorrected" && field(a, "clipper-grafana", ".spec.replicas").is_some()
    })
    .await;
    let changed = field(&told, "clipper-grafana", ".spec.replicas").unwrap();
    assert_eq!((&changed["desired"], &changed["live"]), (&json!(1), &json!(4)));
    assert_eq!(changed["subresource"], "scale");
    wait_for(deployments.clone(), "clipper-grafana", "its replicas", |d| d.spec.as_ref().unwrap().replicas == Some(1))
        .await;

    // A label of ours, changed; and our own label, removed.
    let label = json!({"metadata": {"labels": {"app.kubernetes.io/name": "intruder", "evenkeel.dev/release": null, "evenkeel.dev/environment": null}}});
    services.patch("clipper-frontend", &intruder, &Patch::Merge(&label)).await.unwrap();
    wait_for(services.clone(), "clipper-frontend", "its labels", |s| {
        let labels = s.metadata.labels.clone().unwrap_or_default();
        labels.get("app.kubernetes.io/name").is_some_and(|v| v != "intruder")
            && labels.get("evenkeel.dev/release").is_some_and(|v| v == "clipper")
    })
    .await;

    // A deleted object.
    let uid = maps.get("clipper-backend-config").await.unwrap().metadata.uid;
    maps.delete("clipper-backend-config", &DeleteParams::default()).await.unwrap();
    wait_for(maps.clone(), "clipper-backend-config", "to be made again", |m| m.metadata.uid != uid).await;

    // No longer rendered.
    platform.repository.replace(
        &platform.file("clipper/values.yaml"),
        "grafana:\n  enabled: true",
        "grafana:\n  enabled: false",
    );
    platform.repository.commit("no grafana");
    wait_until_gone(deployments.clone(), "clipper-grafana").await;
    wait_until_gone(services.clone(), "clipper-grafana").await;
    deployments.get("clipper-backend").await.unwrap();

    // A release that left Git.
    platform.repository.remove("environments/clipper-base/redis").remove(&platform.file("redis"));
    platform.repository.replace(
        "environments/clipper-base/clipper/release.yaml",
        "dependsOn: [postgres, redis]",
        "dependsOn: [postgres]",
    );
    platform.repository.commit("no redis");
    wait_until_gone(sets.clone(), "redis").await;
    wait_until_gone(services.clone(), "redis").await;
    let claim = claims.get("redis-pvc").await.unwrap();
    assert_eq!(claim.metadata.deletion_timestamp, None);

    // Everything leaves Git: more than the environment bears, so that nothing happens but an alert.
    platform.repository.remove("environments/clipper-base/clipper").remove(&platform.file("clipper"));
    platform.repository.remove("environments/clipper-base/postgres").remove(&platform.file("postgres"));
    let commit = platform.repository.commit("nothing left");
    let told =
        alert(&posted, "the refused prune", |a| a["kind"] == "pruneRefused" && a["revision"] == commit.as_str()).await;
    assert!(told["message"].as_str().unwrap().contains("maxDeletions"), "{told}");
    deployments.get("clipper-backend").await.unwrap();

    // Confirmed: uninstalled, and the claims stay.
    platform.repository.replace(&platform.file("environment.yaml"), "maxDeletions: 10", "maxDeletions: 100%");
    platform.repository.commit("yes, really");
    wait_until_gone(deployments.clone(), "clipper-backend").await;
    wait_until_gone(sets.clone(), "postgres").await;
    for name in ["redis-pvc", "postgres-pvc"] {
        assert_eq!(claims.get(name).await.unwrap().metadata.deletion_timestamp, None, "{name}");
    }
    // The namespace is never deleted.
    eventually("every service to be gone", super::support::STEP, || async {
        let left = services.list(&kube::api::ListParams::default()).await.map_err(|e| e.to_string())?;
        if left.items.is_empty() { Ok(()) } else { Err(format!("{} services", left.items.len())) }
    })
    .await;
    let output = daemon.process.terminate();
    assert_eq!(output.status.code(), Some(0), "{output}");
}
