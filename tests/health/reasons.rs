//! What the report says when a release does not become ready: what a person would look for, on the real control plane.

use std::time::Duration;

use evenkeel::reconcile::{PassOptions, PassReport};
use evenkeel::report::ReleaseState;
use k8s_openapi::api::core::v1::{Event, Pod, ResourceQuota};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::live::{World, config_map, of, options};
use crate::harness::{ControlPlane, eventually};
use crate::require;

fn deployment(name: &str, pod: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 1\n  selector: {{matchLabels: {{app: {name}}}}}\n  \
         template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      {pod}\n      containers: [{{name: app, image: app}}]\n"
    )
}

async fn pass(world: &World) -> PassReport {
    let source = world.commit();
    world.reconciler().pass(&source, &PassOptions { ..options() }, &|_| {}).await
}

/// The release did not become ready; what it says.
fn said(report: &PassReport) -> String {
    let status = of(report, "app");
    assert_eq!(status.state, ReleaseState::Failed, "{:?}", report.status);
    status.messages.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_lets_no_pod_in_is_named() {
    let plane = require!(ControlPlane::shared());
    let world = World::new(plane.kubeconfig()).await;
    // The namespace comes with the first pass.
    world.release("app", "timeout: 3s\n", &config_map("c", "1"));
    pass(&world).await;
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}});
    let quotas: Api<ResourceQuota> = Api::namespaced(world.cluster.client(), &world.namespace);
    quotas.create(&PostParams::default(), &serde_json::from_value(quota).unwrap()).await.unwrap();
    eventually("the quota to be counted", Duration::from_secs(30), || async {
        let status = quotas.get("none").await.map_err(|e| e.to_string())?.status;
        if status.as_ref().is_some_and(|s| s.hard.is_some()) { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;
    let set = "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: set}\nspec:\n  serviceName: set\n  selector: {matchLabels: {app: set}}\n  \
         template:\n    metadata: {labels: {app: set}}\n    spec:\n      containers: [{name: app, image: app}]\n";
    world.release("app", "timeout: 3s\n", &(deployment("backend", "") + set));
    let said = said(&pass(&world).await);
    assert!(said.contains(&format!("Deployment {}/backend is not ready: 0 of 1 replicas", world.namespace)), "{said}");
    assert!(said.contains(&format!("StatefulSet {}/set is not ready: 0 of 1 replicas", world.namespace)), "{said}");
    // The one says it in a condition, of the other there is an event only.
    assert_eq!(said.matches("FailedCreate: ").count(), 2, "{said}");
    assert!(said.matches("exceeded quota: none").count() >= 2, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_no_node_takes_says_why() {
    let plane = require!(ControlPlane::shared());
    let world = World::new(plane.kubeconfig()).await;
    world.release("app", "timeout: 3s\n", &deployment("backend", "nodeSelector: {no: node}"));
    let said = said(&pass(&world).await);
    assert!(said.contains("not scheduled: 0/"), "{said}");
    assert_eq!(
        said.matches("not scheduled: ").count() + said.matches("FailedScheduling").count(),
        1,
        "once, not in the words of an event again: {said}"
    );
    let why = world.reconciler().why(&world.commit(), "app").await.unwrap().unwrap();
    assert_eq!(why.state, ReleaseState::Failed);
    assert!(why.unblocked_by.iter().any(|u| u.starts_with("a node that takes the pod")), "{why:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_probes_and_events_are_told_and_secrets_are_not() {
    let plane = require!(ControlPlane::shared());
    let world = World::new(plane.kubeconfig()).await;
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: correct-horse}\n";
    world.release("app", "timeout: 4s\n", &(deployment("backend", "schedulerName: nobody") + secret));
    let source = world.commit();
    let mut reconciler = world.reconciler();
    let runtime = tokio::runtime::Handle::current();
    let running = tokio::task::spawn_blocking(move || runtime.block_on(reconciler.pass(&source, &options(), &|_| {})));
    let pods: Api<Pod> = Api::namespaced(world.cluster.client(), &world.namespace);
    let pod = eventually("the pod", Duration::from_secs(60), || async {
        pods.list(&ListParams::default()).await.map_err(|e| e.to_string())?.items.pop().ok_or_else(|| "none".to_owned())
    })
    .await;
    let name = pod.metadata.name.clone().unwrap();
    let status = json!({"status": {"phase": "Running", "containerStatuses": [{
        "name": "app", "image": "app", "imageID": "", "ready": false, "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting"}},
        "lastState": {"terminated": {"exitCode": 3, "reason": "Error", "message": "cannot log in with correct-horse at postgres://app:pw@db/app"}},
    }]}});
    pods.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    let events: Api<Event> = Api::namespaced(world.cluster.client(), &world.namespace);
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "probe"}, "type": "Warning", "reason": "Unhealthy",
        "message": "Readiness probe failed: HTTP probe failed with statuscode: 503", "lastTimestamp": "2026-01-01T00:00:00Z",
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": world.namespace, "name": name, "uid": pod.metadata.uid}});
    events.create(&PostParams::default(), &serde_json::from_value(event).unwrap()).await.unwrap();
    let report = running.await.unwrap();
    let said = said(&report);
    let expected = "container app: CrashLoopBackOff: back-off 40s restarting; it exited with code 3, begun anew 3 times: \
                    cannot log in with <secret> at postgres://<secret>@db/app";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503"), "{said}");
    // Nor in what is kept of it.
    let stored = world.cluster.inventory(&world.environment, "app").await.unwrap().unwrap().content.unwrap();
    let stored = serde_json::to_string(&stored).unwrap();
    assert!(stored.contains("CrashLoopBackOff") && !stored.contains("correct-horse"), "{stored}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_of_what_is_well() {
    let plane = require!(ControlPlane::shared());
    let world = World::new(plane.kubeconfig()).await;
    world.release("app", "", &deployment("backend", ""));
    let source = world.commit();
    let mut reconciler = world.reconciler();
    let report = reconciler.pass(&source, &options(), &|_| {}).await;
    assert_eq!(of(&report, "app").state, ReleaseState::Synced, "{:?}", report.status);
    // A pass without a change asks for what it lists, and for nothing about readiness.
    let asked = world.cluster.requests();
    reconciler.pass(&source, &options(), &|_| {}).await;
    let requests = world.cluster.requests().since(&asked);
    assert!(requests.total() <= 2 && requests.of(evenkeel::cluster::Verb::Watch) == 0, "{requests:?}");
}
