//! Every kind of workload, and what they stand on, times every way to change it: each told with the right field, manager,
//! operation and subresource, and nothing else; then put right.

use std::path::Path;

use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::support::{World, lines};

/// A kind and what can be changed of it in place.
struct Kind {
    version: &'static str,
    kind: &'static str,
    /// A field as a pointer, as it is shown, and another value.
    field: (&'static str, &'static str, Value),
    /// The same field, as somebody else applies it.
    applied: Value,
    /// Whether it has a scale.
    scales: bool,
}

const CHANGES: [&str; 8] = ["edit", "patch", "scale", "apply", "delete", "label", "ours", "cleared"];

fn pods() -> Value {
    json!({"terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": "example.org/a:1"}]})
}

fn template() -> Value {
    json!({"metadata": {"labels": {"app": "x"}}, "spec": pods()})
}

fn kinds() -> Vec<Kind> {
    let image = "/spec/template/spec/containers/0/image";
    let shown = r#".spec.template.spec.containers[name="c"].image"#;
    let applied = || {
        json!({"spec": {"selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "c", "image": "example.org/b:2"}]}}}})
    };
    let other = || json!("example.org/b:2");
    let workload = |kind: &'static str, scales: bool| Kind {
        version: "apps/v1",
        kind,
        field: (image, shown, other()),
        applied: applied(),
        scales,
    };
    let mut stateful = workload("StatefulSet", true);
    stateful.applied["spec"]["serviceName"] = json!("x");
    vec![
        workload("Deployment", true),
        stateful,
        workload("DaemonSet", false),
        workload("ReplicaSet", true),
        Kind {
            version: "batch/v1",
            kind: "Job",
            field: ("/spec/parallelism", ".spec.parallelism", json!(2)),
            applied: json!({"spec": {"parallelism": 2, "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "example.org/a:1"}]}}}}),
            scales: false,
        },
        Kind {
            version: "batch/v1",
            kind: "CronJob",
            field: ("/spec/schedule", ".spec.schedule", json!("0 4 1 1 *")),
            applied: json!({"spec": {"schedule": "0 4 1 1 *", "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "example.org/a:1"}]}}}}}}),
            scales: false,
        },
        Kind {
            version: "v1",
            kind: "Pod",
            field: ("/spec/containers/0/image", r#".spec.containers[name="c"].image"#, other()),
            applied: json!({"spec": {"containers": [{"name": "c", "image": "example.org/b:2"}]}}),
            scales: false,
        },
        Kind {
            version: "v1",
            kind: "Service",
            field: ("/spec/selector/app", ".spec.selector", json!("y")),
            applied: json!({"spec": {"selector": {"app": "y"}, "ports": [{"port": 80, "protocol": "TCP"}]}}),
            scales: false,
        },
        Kind {
            version: "v1",
            kind: "ConfigMap",
            field: ("/data/a", ".data.a", json!("2")),
            applied: json!({"data": {"a": "2"}}),
            scales: false,
        },
        Kind {
            version: "v1",
            kind: "Secret",
            field: ("/data/a", ".data.a", json!("Mg==")),
            applied: json!({"data": {"a": "Mg=="}}),
            scales: false,
        },
    ]
}

fn object(kind: &Kind, name: &str) -> Value {
    let mut object = json!({"apiVersion": kind.version, "kind": kind.kind,
        "metadata": {"name": name, "labels": {"tier": "api"}}});
    let selected = || json!({"selector": {"matchLabels": {"app": "x"}}, "template": template()});
    match kind.kind {
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => {
            object["spec"] = selected();
            // Each has pods of its own.
            object["spec"]["selector"]["matchLabels"]["app"] = json!("x");
            object["spec"]["selector"]["matchLabels"]["of"] = json!(name);
            object["spec"]["template"]["metadata"]["labels"]["of"] = json!(name);
            if kind.kind != "DaemonSet" {
                object["spec"]["replicas"] = json!(1);
            }
            if kind.kind == "StatefulSet" {
                object["spec"]["serviceName"] = json!("x");
            }
        }
        "Job" => object["spec"] = json!({"parallelism": 1, "template": {"spec": pods()}}),
        "CronJob" => {
            object["spec"] = json!({"schedule": "0 3 1 1 *", "jobTemplate": {"spec": {"template": {"spec": pods()}}}});
        }
        "Pod" => object["spec"] = pods(),
        "Service" => object["spec"] = json!({"selector": {"app": "x"}, "ports": [{"port": 80}]}),
        "Secret" => object["stringData"] = json!({"a": "1"}),
        _ => object["data"] = json!({"a": "1"}),
    }
    for pointer in ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"] {
        if let Some(pods) = object.pointer_mut(pointer).filter(|_| kind.version == "batch/v1") {
            pods["restartPolicy"] = json!("Never");
        }
    }
    object
}

/// A merge patch of one field.
fn patch_of(kind: &Kind) -> Value {
    let (pointer, _, value) = &kind.field;
    if pointer.contains("/containers/0/") {
        let containers = json!([{"name": "c", "image": value}]);
        return if kind.kind == "Pod" {
            json!({"spec": {"containers": containers}})
        } else {
            json!({"spec": {"template": {"spec": {"containers": containers}}}})
        };
    }
    pointer.split('/').skip(1).collect::<Vec<_>>().iter().rev().fold(value.clone(), |inner, key| json!({*key: inner}))
}

pub(super) async fn every_change_of_every_kind_is_told_and_put_right(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    let kinds = kinds();
    let rows: Vec<(&Kind, &str, String)> = kinds
        .iter()
        .flat_map(|kind| CHANGES.iter().map(move |change| (kind, *change)))
        .filter(|(kind, change)| *change != "scale" || kind.scales)
        .map(|(kind, change)| (kind, change, format!("{}-{change}", kind.kind.to_lowercase())))
        .collect();
    let objects: Vec<Value> = rows.iter().map(|(kind, _, name)| object(kind, name)).collect();
    world.objects(&objects);
    let revision = world.settings("onDrift: alert\n");
    let daemon = world.daemon();
    let status = daemon.synced(&revision).await;
    assert_eq!(lines(&status), [""; 0], "what was applied is no drift");

    let mut expected: Vec<String> = Vec::new();
    for (kind, change, name) in &rows {
        let at = (kind.version, kind.kind, name.as_str());
        let (pointer, shown, value) = &kind.field;
        let field = |manager: &str, how: &str| {
            let before = objects.iter().find(|o| o["metadata"]["name"] == **name && o["kind"] == kind.kind).unwrap();
            let (before, after) = match kind.kind {
                "Secret" => (json!("<secret>"), json!("<secret: changed>")),
                // A selector is one field.
                "Service" => (json!({"app": "x"}), json!({"app": value})),
                _ => (before.pointer(pointer).unwrap().clone(), value.clone()),
            };
            format!("{}/{name} {shown} {before} → {after} by {manager} {how}", kind.kind)
        };
        let line = match *change {
            "edit" => {
                world.edit(at, "kubectl-edit", pointer, value).await;
                field("kubectl-edit", "Update")
            }
            "patch" => {
                world.merge(at, "kubectl-patch", patch_of(kind)).await;
                field("kubectl-patch", "Update")
            }
            "scale" => {
                world.scale(at, "kubectl", 2).await;
                format!("{}/{name} .spec.replicas 1 → 2 by kubectl Update/scale", kind.kind)
            }
            "apply" => {
                let mut fields = kind.applied.clone();
                if fields.pointer("/spec/selector/matchLabels").is_some() {
                    fields["spec"]["selector"]["matchLabels"]["of"] = json!(name);
                    fields["spec"]["template"]["metadata"]["labels"]["of"] = json!(name);
                }
                world.apply(at, "operator", &fields).await;
                field("operator", "Apply")
            }
            "delete" => {
                world
                    .api(kind.version, kind.kind)
                    .delete(name, &DeleteParams::background().grace_period(0))
                    .await
                    .unwrap();
                format!("{}/{name} missing", kind.kind)
            }
            "label" => {
                world.merge(at, "kubectl-label", json!({"metadata": {"labels": {"tier": null}}})).await;
                format!(r#"{}/{name} .metadata.labels.tier "api" → null by unknown -"#, kind.kind)
            }
            "ours" => {
                let label = evenkeel::manifest::LABEL_ENVIRONMENT;
                world.merge(at, "kubectl-label", json!({"metadata": {"labels": {label: null}}})).await;
                let environment = &world.environment;
                format!(r#"{}/{name} .metadata.labels.{label} "{environment}" → null by unknown -"#, kind.kind)
            }
            _ => {
                world.merge(at, "kubectl", json!({"metadata": {"managedFields": [{}]}})).await;
                format!("{}/{name} unowned", kind.kind)
            }
        };
        expected.push(line);
    }
    expected.sort();
    let told = daemon.until("every change to be told", |status| lines(status).len() >= expected.len()).await;
    pretty(&lines(&told), &expected);

    // A command that knows nothing of the daemon says the same.
    let drift = world.run("drift", &["--output", "json"]).expect_code(1).json();
    pretty(&lines(&json!({"drift": drift["objects"]})), &expected);

    let revision = world.settings("onDrift: correct\n");
    daemon.until("everything to be put right", |s| s["revision"] == revision && lines(s).is_empty()).await;
    world.run("diff", &[]).expect_code(0);
    world.run("drift", &[]).expect_code(0);
    for (kind, change, name) in &rows {
        let live = world.live(kind.version, kind.kind, name).await;
        let (pointer, ..) = &kind.field;
        let wanted = object(kind, name);
        if kind.kind != "Secret" {
            assert_eq!(live.pointer(pointer), wanted.pointer(pointer), "{} {change}", kind.kind);
        } else {
            assert_eq!(live["data"]["a"], "MQ==", "{change}");
        }
        assert_eq!(live["metadata"]["labels"]["tier"], "api", "{} {change}", kind.kind);
        if kind.scales {
            assert_eq!(live["spec"]["replicas"], 1, "{} {change}", kind.kind);
        }
    }
}

fn pretty(told: &[String], expected: &[String]) {
    let missing: Vec<_> = expected.iter().filter(|line| !told.contains(line)).collect();
    let spurious: Vec<_> = told.iter().filter(|line| !expected.contains(line)).collect();
    assert!(missing.is_empty() && spurious.is_empty(), "not told: {missing:#?}\ntold besides: {spurious:#?}");
}
