//! Staging: drift is told, by the daemon and by the commands, and left alone.

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use super::support::{Platform, alert, daemon, receiver};
use crate::harness::{ControlPlane, Evenkeel, Output};
use crate::require;

fn command(plane: &ControlPlane, platform: &Platform, arguments: &[&str]) -> Output {
    Evenkeel::new(arguments).repository(&platform.repository).plane(plane).run()
}

#[tokio::test]
async fn staging_is_told_and_left_alone() {
    let plane = require!(ControlPlane::shared());
    let platform = Platform::new("clipper-staging");
    let environment = platform.environment.as_str();
    let client = plane.client().await;
    let deployments: Api<Deployment> = Api::namespaced(client, &platform.namespace);

    // Before anything is there, everything is a difference; and one command deploys it.
    let diff = command(plane, &platform, &["diff", environment]).expect_code(1);
    assert!(!diff.stdout.contains("staging-only"), "a secret value in\n{diff}");
    command(plane, &platform, &["apply", environment]).expect_code(0);
    command(plane, &platform, &["diff", environment]).expect_code(0);
    command(plane, &platform, &["drift", environment]).expect_code(0);
    let status = command(plane, &platform, &["status", environment, "--output", "json"]).expect_code(0).json();
    assert_eq!(status["state"], "synced", "{status:#}");

    // The daemon takes over what the command line deployed, without a change.
    let before = deployments.get("clipper-backend").await.unwrap().metadata.generation;
    let (webhook, posted) = receiver().await;
    let daemon = daemon(plane, &platform, &webhook);
    daemon.until(environment, "the daemon to agree", |s| s["state"] == "synced").await;
    assert_eq!(deployments.get("clipper-backend").await.unwrap().metadata.generation, before);

    let intruder = PatchParams { field_manager: Some("intruder".to_owned()), ..PatchParams::default() };
    let scale = |replicas: i32| Patch::Merge(json!({"spec": {"replicas": replicas}}));
    deployments.patch_scale("clipper-backend", &intruder, &scale(5)).await.unwrap();
    let told = alert(&posted, "the drift", |a| a["kind"] == "drift").await;
    let changed = &told["details"][0]["fields"][0];
    assert_eq!(
        (&changed["path"], &changed["desired"], &changed["live"], &changed["manager"], &changed["subresource"]),
        (&json!(".spec.replicas"), &json!(2), &json!(5), &json!("intruder"), &json!("scale")),
        "{told:#}"
    );
    let status = daemon.until(environment, "the drifted state", |s| s["state"] == "drifted").await;
    assert_eq!(status["drift"][0]["state"], "modified");

    // Once ours is lost, further changes are still seen.
    deployments.patch_scale("clipper-backend", &intruder, &scale(7)).await.unwrap();
    alert(&posted, "the second drift", |a| a["kind"] == "drift" && a["details"][0]["fields"][0]["live"] == 7).await;

    let drift = command(plane, &platform, &["drift", environment, "--output", "json"]).expect_code(1).json();
    assert_eq!(drift["objects"][0]["name"], "clipper-backend", "{drift:#}");
    assert_eq!(drift["objects"][0]["fields"][0]["live"], 7, "{drift:#}");
    let diff = command(plane, &platform, &["diff", environment]).expect_code(1);
    assert!(diff.stdout.contains("replicas: 7") && diff.stdout.contains("replicas: 2"), "{diff}");
    assert_eq!(deployments.get("clipper-backend").await.unwrap().spec.unwrap().replicas, Some(7), "left alone");

    // Put back by hand: over.
    deployments.patch_scale("clipper-backend", &intruder, &scale(2)).await.unwrap();
    daemon.until(environment, "the drift to be over", |s| s["drift"].as_array().is_some_and(Vec::is_empty)).await;
    alert(&posted, "that it is over", |a| a["kind"] == "resolved").await;
    let all: Vec<Value> = posted.lock().unwrap().clone();
    assert!(!serde_json::to_string(&all).unwrap().contains("staging-only"), "a secret value in an alert");
    let output = daemon.process.terminate();
    assert_eq!(output.status.code(), Some(0), "{output}");
    assert!(!format!("{output}").contains("staging-only"), "a secret value in the log");
}
