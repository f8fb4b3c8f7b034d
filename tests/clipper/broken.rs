//! Bad input stops one release alone: it is named with its place everywhere, and nothing of it is applied or pruned.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::api::Api;

use super::support::{Platform, alert, daemon, receiver};
use crate::harness::{ControlPlane, wait_for};
use crate::require;

#[tokio::test]
async fn a_broken_release_is_alone() {
    let plane = require!(ControlPlane::shared());
    let platform = Platform::new("clipper-staging");
    let environment = platform.environment.as_str();
    let (webhook, posted) = receiver().await;
    let client = plane.client().await;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &platform.namespace);
    let sets: Api<StatefulSet> = Api::namespaced(client, &platform.namespace);
    let daemon = daemon(plane, &platform, &webhook);
    daemon.until(environment, "the first deploy", |s| s["state"] == "synced").await;
    let before = deployments.get("clipper-backend").await.unwrap().metadata.generation;

    let values = platform.file("clipper/values.yaml");
    let good = platform.repository.read(&values);
    let redis = platform.repository.read(&platform.file("redis/values.yaml"));
    let cases = [
        (values.as_str(), "backend: [unclosed\n".to_owned(), "values.yaml"),
        (
            "charts/clipper-backend/templates/deployment.yaml",
            "{{ .Values.no.such.key }}\n".to_owned(),
            "deployment.yaml",
        ),
        // The server alone knows that this is wrong.
        (values.as_str(), good.replace("replicaCount: 2", "podLabels: {team: not a label}"), "clipper-backend"),
    ];
    for (n, (file, text, place)) in cases.into_iter().enumerate() {
        let original = platform.repository.read(file);
        // The same commit changes a neighbour, which goes on.
        let label = format!("podAnnotations:\n  case: \"{n}\"\n");
        platform.repository.write(&platform.file("redis/values.yaml"), &format!("{redis}{label}"));
        platform.repository.write(file, &text);
        platform.repository.commit(&format!("case {n}"));
        wait_for(sets.clone(), "redis", "the neighbour's change", |s| {
            let template = s.spec.as_ref().unwrap().template.metadata.as_ref().unwrap();
            template.annotations.as_ref().and_then(|a| a.get("case")) == Some(&n.to_string())
        })
        .await;
        let status = daemon
            .until(environment, "the broken state", |s| {
                s["releases"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|r| r["name"] == "clipper" && (r["state"] == "broken" || r["state"] == "failed"))
            })
            .await;
        let text = serde_json::to_string(&status).unwrap();
        assert!(text.contains(place), "case {n} does not name {place}: {status:#}");
        let metrics = daemon.text("/metrics").await.unwrap();
        let broken = metrics.lines().any(|l| {
            l.contains(&format!("environment=\"{environment}\",release=\"clipper\""))
                && (l.contains("state=\"broken\"") || l.contains("state=\"failed\""))
                && l.ends_with(" 1")
        });
        assert!(broken, "case {n} is not in the metrics:\n{metrics}");
        alert(&posted, "the broken release", |a| {
            (a["kind"] == "broken" || a["kind"] == "failed") && a["release"] == "clipper"
        })
        .await;
        let after = deployments.get("clipper-backend").await.unwrap();
        assert_eq!(after.metadata.generation, before, "case {n} touched the broken release");
        assert_eq!(after.metadata.deletion_timestamp, None);

        platform.repository.write(file, &original);
        let commit = platform.repository.commit(&format!("case {n} mended"));
        daemon.synced(environment, &commit).await;
        posted.lock().unwrap().clear();
    }
    let output = daemon.process.terminate();
    assert_eq!(output.status.code(), Some(0), "{output}");
}
