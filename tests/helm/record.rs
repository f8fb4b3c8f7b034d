//! The record: helm reads what evenkeel wrote, and both write the same.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use super::support::{RELEASE, Stage};
use crate::harness::{ControlPlane, helm, unique_name};

/// Takes out what differs by nature, and what helm writes as null or leaves out.
fn comparable(mut record: Value) -> Value {
    for key in ["first_deployed", "last_deployed", "description"] {
        record["info"][key] = Value::Null;
    }
    record["namespace"] = Value::Null;
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|_, v| !v.is_null() && *v != json!([]));
                map.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            Value::Number(number) => *value = json!(number.as_f64()),
            _ => {}
        }
    }
    strip(&mut record);
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_reads_what_evenkeel_wrote_as_if_it_were_its_own() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let stage = Stage::new(plane);
    stage.apply();

    let listed = stage.helm(&["list", "--output", "json"]).fine().json();
    let listed = &listed.as_array().unwrap()[0];
    assert_eq!(
        (&listed["name"], &listed["revision"], &listed["status"], &listed["chart"], &listed["app_version"]),
        (&json!("web"), &json!("1"), &json!("deployed"), &json!("web-1.0.0"), &json!("7.1"))
    );
    assert_eq!(stage.history(), ["1 deployed Install complete"]);

    // The same by helm itself, elsewhere.
    let other = unique_name("helm-own");
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some(other.clone());
    let namespaces: Api<Namespace> = Api::all(plane.client().await);
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    let values = stage.values();
    stage.helm_in(&other, &["install", RELEASE, "charts/web", "--values", &values]).fine();
    let (ours, our_record) = stage.record(&stage.namespace, 1).await;
    let (helms, helm_record) = stage.record(&other, 1).await;
    similar_asserts(&comparable(our_record), &comparable(helm_record));
    assert_eq!(ours.type_, helms.type_);
    let labels = |secret: &k8s_openapi::api::core::v1::Secret| {
        let mut labels = secret.metadata.labels.clone().unwrap_or_default();
        ["createdAt", "modifiedAt"].iter().for_each(|key| drop(labels.remove(*key)));
        labels
    };
    assert_eq!(labels(&ours), labels(&helms));
    for get in ["values", "manifest", "notes", "hooks"] {
        let own = stage.helm(&["get", get, RELEASE]).fine().stdout;
        assert_eq!(own, stage.helm_in(&other, &["get", get, RELEASE]).fine().stdout, "helm get {get}");
    }
    let all = stage.helm(&["get", "values", RELEASE, "--all"]).fine().stdout;
    assert_eq!(all, stage.helm_in(&other, &["get", "values", RELEASE, "--all"]).fine().stdout);
    let metadata = stage.helm(&["get", "metadata", RELEASE, "--output", "json"]).fine().json();
    assert_eq!((&metadata["chart"], &metadata["status"]), (&json!("web"), &json!("deployed")));
    let status = stage.helm(&["status", RELEASE]).fine().stdout;
    assert!(status.contains("STATUS: deployed") && status.contains("The message is one."), "{status}");
}

/// Equal, or a panic that shows where they differ.
fn similar_asserts(ours: &Value, helms: &Value) {
    let text = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    let (ours, helms) = (text(ours), text(helms));
    let difference = similar::TextDiff::from_lines(&helms, &ours).unified_diff().header("helm", "evenkeel").to_string();
    assert!(difference.is_empty(), "{difference}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_a_revision_and_helm_goes_on_from_there() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let stage = Stage::new(plane);
    stage.apply();
    stage.apply();
    assert_eq!(stage.history(), ["1 deployed Install complete"], "no change, no revision");
    stage.say("one", "two");
    stage.apply();
    assert_eq!(stage.history(), ["1 superseded Install complete", "2 deployed Upgrade complete"]);
    assert_eq!(stage.message().await, "two");

    stage.helm(&["rollback", RELEASE, "1"]).fine();
    assert_eq!(stage.message().await, "one");
    stage.helm(&["upgrade", RELEASE, "charts/web", "--set", "message=helm"]).fine();
    assert_eq!(stage.message().await, "helm");
    let history = stage.history();
    assert_eq!(history[2..], ["3 superseded Rollback to 1", "4 deployed Upgrade complete"]);

    // Git says something else still: what helm did by hand is put right, and the history says so.
    stage.apply();
    assert_eq!(stage.message().await, "two");
    let history = stage.history();
    assert_eq!(history[3..], ["4 superseded Upgrade complete", "5 deployed Back to what Git says"]);

    stage.helm(&["uninstall", RELEASE]).fine();
    assert!(stage.helm(&["list", "--all", "--output", "json"]).fine().json().as_array().unwrap().is_empty());
    stage.apply();
    assert_eq!(stage.message().await, "two");
    assert_eq!(stage.history(), ["1 deployed Back to what Git says"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_revisions_are_kept() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let stage = Stage::new(plane);
    stage.apply();
    for n in 0..11 {
        let from = if n == 0 { "one".to_owned() } else { format!("m{}", n - 1) };
        stage.say(&from, &format!("m{n}"));
        stage.evenkeel(&["apply", &stage.environment, "--no-wait"]).expect_code(0);
    }
    let history = stage.history();
    assert_eq!(history.len(), 10, "{history:?}");
    assert_eq!(history[0], "3 superseded Upgrade complete");
    assert_eq!(history[9], "12 deployed Upgrade complete");
}
