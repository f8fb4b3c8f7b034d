//! `onFailure: rollback` of a release with helm's history: the way back is a revision, as real helm tells it.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::Api;
use serde_json::Value;

use super::support::{RELEASE, Stage};
use crate::harness::{ControlPlane, Evenkeel, Process, eventually, helm};

/// How long a step with a failure in it may take.
const STEP: Duration = Duration::from_secs(90);

/// Waits until real helm lists these revisions, each by the beginning of its line.
async fn history(stage: &Stage, wanted: &[&str]) {
    eventually(&format!("the history {wanted:?}"), STEP, || async {
        let listed = stage.helm(&["history", RELEASE, "--output", "json"]);
        let listed: Vec<Value> = serde_json::from_str(&listed.stdout).map_err(|e| format!("{e}: {}", listed.stderr))?;
        let line = |r: &Value| {
            format!("{} {} {}", r["revision"], r["status"].as_str().unwrap(), r["description"].as_str().unwrap())
        };
        let listed: Vec<String> = listed.iter().map(line).collect();
        let same = listed.len() == wanted.len() && listed.iter().zip(wanted).all(|(l, w)| l.starts_with(w));
        if same { Ok(()) } else { Err(format!("{listed:#?}")) }
    })
    .await;
}

/// The daemon, and where it tells of the environment.
fn run(stage: &Stage) -> (Process, String) {
    let arguments = ["run", "--poll", "500ms", "--listen", "127.0.0.1:0", "--environment", &stage.environment];
    let mut daemon = Evenkeel::new(arguments).repository(&stage.repository).plane(stage.plane).start();
    let line = daemon.next_line("the address", Duration::from_secs(20), |line| line.starts_with("serving http://"));
    (daemon, format!("{}/api/v1/environments/{}", line.trim_start_matches("serving "), stage.environment))
}

/// Waits until the daemon shows the environment in a state at a revision.
async fn shows(url: &str, state: &str, revision: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    eventually(&format!("{revision} to be {state}"), STEP, || async {
        let answer = client.get(url).send().await.map_err(|e| e.to_string())?;
        let text = answer.text().await.map_err(|e| e.to_string())?;
        let status: Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        if status["state"] == state && status["revision"] == revision { Ok(status) } else { Err(text) }
    })
    .await
}

async fn image(stage: &Stage) -> String {
    let deployments: Api<Deployment> = Api::namespaced(stage.plane.client().await, &stage.namespace);
    let pod = deployments.get(RELEASE).await.unwrap().spec.unwrap().template.spec.unwrap();
    pod.containers[0].image.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_image_goes_back_as_a_revision() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let stage = Stage::new(plane);
    let settings = format!("environments/{}/{RELEASE}/release.yaml", stage.environment);
    stage.repository.replace(&settings, "timeout: 1m\n", "timeout: 5s\nonFailure: rollback\n");
    // The fake nodes start every image: the pods of a bad one are never given to any.
    stage.repository.replace(
        "charts/web/templates/deployment.yaml",
        "    spec:\n      containers:",
        "    spec:\n      {{- if contains \"bad\" .Values.image }}\n      schedulerName: nobody\n      {{- end }}\n      containers:",
    );
    stage.repository.commit("goes back");
    let (daemon, url) = run(&stage);
    history(&stage, &["1 deployed Install complete"]).await;

    // A bad image never becomes ready.
    stage.repository.write(&stage.values(), "message: two\nimage: bad:1\n");
    let bad = stage.repository.commit("a bad image");
    let failed = "2 failed Upgrade \"web\" failed: ";
    let back = "Rollback to the revision that was ready last";
    history(&stage, &["1 superseded Install complete", failed, &format!("3 deployed {back}")]).await;
    let status = shows(&url, "failed", &bad).await;
    let message = status["releases"][0]["messages"][0].as_str().unwrap();
    assert!(message.contains("taken back to"), "{status}");
    assert_eq!((image(&stage).await.as_str(), stage.message().await.as_str()), ("app:1", "one"));
    let current = stage.helm(&["status", RELEASE, "--output", "json"]).fine().json();
    assert_eq!((&current["version"], &current["info"]["status"]), (&Value::from(3), &Value::from("deployed")));
    let manifest = stage.helm(&["get", "manifest", RELEASE]).fine().stdout;
    assert!(manifest.contains("image: app:1") && !manifest.contains("bad:1"), "{manifest}");

    // A commit that does not change the release, and a restart: what failed is not tried again.
    stage.repository.write("README.md", "nothing of a release\n");
    let other = stage.repository.commit("something else");
    shows(&url, "failed", &other).await;
    daemon.terminate();
    let (_daemon, url) = run(&stage);
    shows(&url, "failed", &other).await;
    assert_eq!(stage.history().len(), 3);
    assert_eq!(image(&stage).await, "app:1");

    // The next good one is.
    stage.repository.write(&stage.values(), "message: three\nimage: app:2\n");
    let good = stage.repository.commit("a good image");
    let superseded = format!("3 superseded {back}");
    history(&stage, &["1 superseded", failed, &superseded, "4 deployed Upgrade complete"]).await;
    shows(&url, "synced", &good).await;
    assert_eq!((image(&stage).await.as_str(), stage.message().await.as_str()), ("app:2", "three"));
}
