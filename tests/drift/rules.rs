//! What is let be, by rules and by the trade, and what strict environments are told of.

use std::path::Path;

use evenkeel::manifest::FIELD_MANAGER;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::support::{World, lines};

fn deployment(name: &str, image: &str, replicas: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"terminationGracePeriodSeconds": 0,
                "containers": [{"name": "api", "image": image, "env": [{"name": "LEVEL", "value": "info"}]}]}}}})
}

fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": value, "b": value}})
}

const APPS: (&str, &str) = ("apps/v1", "Deployment");

fn at<'a>((version, kind): (&'a str, &'a str), name: &'a str) -> (&'a str, &'a str, &'a str) {
    (version, kind, name)
}

/// Whether we own a field, by the managed fields of the object.
fn ours(live: &Value, path: &[&str]) -> bool {
    let entries = live["metadata"]["managedFields"].as_array().unwrap();
    let entry = entries.iter().find(|e| e["manager"] == FIELD_MANAGER && e["operation"] == "Apply").unwrap();
    let fields = path.iter().try_fold(&entry["fieldsV1"], |at, step| at.get(*step));
    fields.is_some()
}

pub(super) async fn what_is_let_be_acts_alike_in_diff_and_apply(kubeconfig: &Path) {
    const RULES: &str = "ignore:\n- {target: {kind: Deployment}, pointers: [/spec/template/spec/containers/api/image]}\n\
        - {managers: [tuner]}\n- {target: {kind: ConfigMap, name: 'sh*'}, pointers: [/data/a]}\n";
    let world = World::new(kubeconfig).await;
    world.objects(&[deployment("api", "example.org/a:1", 1), config_map("shared", "1"), config_map("own", "1")]);
    let revision = world.settings(RULES);
    let daemon = world.daemon();
    daemon.synced(&revision).await;

    // An image that an updater sets, a value that a tuner sets, a key that somebody removes: let be.
    let image =
        |image: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "api", "image": image}]}}}});
    let mut other = image("example.org/a:9");
    other["spec"]["selector"] = json!({"matchLabels": {"app": "api"}});
    other["spec"]["template"]["metadata"] = json!({"labels": {"app": "api"}});
    world.apply(at(APPS, "api"), "updater", &other).await;
    world.merge(("v1", "ConfigMap", "own"), "tuner", json!({"data": {"b": "tuned"}})).await;
    world.merge(("v1", "ConfigMap", "shared"), "somebody", json!({"data": {"a": null}})).await;
    // What is not let be, of the same objects, is put right: then everything before was seen, too.
    for (target, change) in [
        (("v1", "ConfigMap", "own"), json!({"data": {"a": "theirs"}})),
        (("v1", "ConfigMap", "shared"), json!({"data": {"b": "theirs"}})),
        (at(APPS, "api"), json!({"spec": {"replicas": 2}})),
    ] {
        world.merge(target, "somebody", change).await;
    }
    let as_wanted = |object: &Value, pointer: &str, wanted: Value| object.pointer(pointer) == Some(&wanted);
    crate::harness::eventually("the others to be put right", super::support::STEP, || async {
        let (own, shared) = (world.live("v1", "ConfigMap", "own").await, world.live("v1", "ConfigMap", "shared").await);
        let api = world.live("apps/v1", "Deployment", "api").await;
        let done = as_wanted(&own, "/data/a", json!("1"))
            && as_wanted(&shared, "/data/b", json!("1"))
            && as_wanted(&api, "/spec/replicas", json!(1));
        if done { Ok(()) } else { Err(format!("{own} {shared} {api}")) }
    })
    .await;
    let kept = |own: Value, shared: Value, api: Value| {
        assert_eq!(own["data"]["b"], "tuned");
        assert_eq!(shared["data"].get("a"), None);
        assert_eq!(api["spec"]["template"]["spec"]["containers"][0]["image"], "example.org/a:9");
    };
    let all = async || {
        let map = async |name| world.live("v1", "ConfigMap", name).await;
        (map("own").await, map("shared").await, world.live("apps/v1", "Deployment", "api").await)
    };
    let (own, shared, api) = all().await;
    kept(own, shared, api.clone());
    let container = r#"k:{"name":"api"}"#;
    let path = ["f:spec", "f:template", "f:spec", "f:containers", container, "f:image"];
    assert!(!ours(&api, &path), "the updater's own");
    world.run("diff", &[]).expect_code(0);
    world.run("drift", &[]).expect_code(0);

    // A commit that changes them, too, changes only the rest.
    world.objects(&[deployment("api", "example.org/a:2", 3), config_map("shared", "2"), config_map("own", "2")]);
    let revision = world.settings(RULES);
    daemon.synced(&revision).await;
    let (own, shared, api) = all().await;
    assert_eq!(
        (&own["data"]["a"], &shared["data"]["b"], &api["spec"]["replicas"]),
        (&json!("2"), &json!("2"), &json!(3))
    );
    kept(own, shared, api);
    world.run("diff", &[]).expect_code(0);

    // Without the rules, Git says it all again.
    let revision = world.settings("");
    daemon.synced(&revision).await;
    let (own, shared, api) = all().await;
    assert_eq!((&own["data"]["b"], &shared["data"]["a"]), (&json!("2"), &json!("2")));
    assert_eq!(api["spec"]["template"]["spec"]["containers"][0]["image"], "example.org/a:2");
}

pub(super) async fn strict_tells_what_others_added_and_takes_nothing_away(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.objects(&[deployment("api", "example.org/a:1", 1), config_map("settings", "1")]);
    let revision = world.settings("strict: true\nignore:\n- {managers: [friend]}\n");
    let daemon = world.daemon();
    daemon.synced(&revision).await;
    let pods = |spec: Value| json!({"spec": {"template": {"spec": spec}}});
    let mesh = json!({"name": "mesh", "image": "example.org/mesh:1"});
    let env = json!([{"name": "LEVEL", "value": "info"}, {"name": "DEBUG", "value": "1"}]);
    let api = json!({"name": "api", "image": "example.org/a:1", "env": env});
    world.merge(at(APPS, "api"), "injector", pods(json!({"containers": [api, mesh]}))).await;
    world.merge(("v1", "ConfigMap", "settings"), "noter", json!({"metadata": {"annotations": {"note": "x"}}})).await;
    world.merge(("v1", "ConfigMap", "settings"), "friend", json!({"data": {"friendly": "1"}})).await;
    let expected = [
        r#"ConfigMap/settings .metadata.annotations.note null → "x" by noter Update (added)"#,
        r#"Deployment/api .spec.template.spec.containers[name="api"].env[name="DEBUG"] null → {"name":"DEBUG","value":"1"} by injector Update (added)"#,
    ];
    let told = |status: &Value| -> Vec<String> {
        // The server's defaults of a container are part of it.
        lines(status).into_iter().filter(|line| !line.contains("[name=\"mesh\"]")).collect()
    };
    let status = daemon.until("what was added to be told", |s| lines(s).len() == 3).await;
    assert_eq!(told(&status), expected);
    let mesh = lines(&status).into_iter().find(|line| line.contains("[name=\"mesh\"] null → {")).unwrap();
    assert!(mesh.contains("example.org/mesh:1") && mesh.ends_with("by injector Update (added)"), "{mesh}");
    assert_eq!(status["state"], "drifted");
    let drift = world.run("drift", &["--output", "json"]).expect_code(1).json();
    assert_eq!(lines(&json!({"drift": drift["objects"]})), lines(&status));
    world.run("diff", &[]).expect_code(0);

    // A field of ours beside it is put right; what was added stays, and is told still.
    world.merge(("v1", "ConfigMap", "settings"), "somebody", json!({"data": {"a": "theirs"}})).await;
    crate::harness::eventually("the field to be put right", super::support::STEP, || async {
        let live = world.live("v1", "ConfigMap", "settings").await;
        if live["data"]["a"] == "1" { Ok(()) } else { Err(live.to_string()) }
    })
    .await;
    let status = daemon.until("it to be told still", |s| s["state"] == "drifted" && lines(s).len() == 3).await;
    assert_eq!(told(&status), expected);
    assert_eq!(world.live("v1", "ConfigMap", "settings").await["metadata"]["annotations"]["note"], "x");

    // Once it is gone, so is the drift.
    world.merge(("v1", "ConfigMap", "settings"), "noter", json!({"metadata": {"annotations": {"note": null}}})).await;
    let api = json!({"name": "api", "image": "example.org/a:1", "env": [{"name": "LEVEL", "value": "info"}]});
    world.merge(at(APPS, "api"), "injector", pods(json!({"containers": [api]}))).await;
    daemon.until("the end of it", |s| s["state"] == "synced" && lines(s).is_empty()).await;
}

pub(super) async fn replicas_come_back_when_their_autoscaler_goes(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.objects(&[deployment("api", "example.org/a:1", 1)]);
    let revision = world.settings("");
    let daemon = world.daemon();
    daemon.synced(&revision).await;
    let autoscaler = |least: u32| {
        json!({"spec": {"minReplicas": least, "maxReplicas": 9,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}}})
    };
    let hpa = ("autoscaling/v2", "HorizontalPodAutoscaler", "api");
    world.apply(hpa, "somebody", &autoscaler(4)).await;
    // The sandbox has no controller that scales.
    world.scale(at(APPS, "api"), "kube-controller-manager", 4).await;
    let container =
        |value: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "api", "image": value}]}}}});
    world.merge(at(APPS, "api"), "somebody", container("example.org/b:1")).await;
    let replicas_and_image = async |what: &str, replicas: u32, image: &str| {
        crate::harness::eventually(what, super::support::STEP, || async {
            let live = world.live("apps/v1", "Deployment", "api").await;
            let done = live["spec"]["replicas"] == replicas
                && live["spec"]["template"]["spec"]["containers"][0]["image"] == image;
            if done { Ok(live) } else { Err(live["spec"].to_string()) }
        })
        .await
    };
    replicas_and_image("the image to be put right, and nothing else", 4, "example.org/a:1").await;
    world.objects(&[deployment("api", "example.org/a:2", 2)]);
    let revision = world.settings("");
    daemon.synced(&revision).await;
    let live = replicas_and_image("the commit", 4, "example.org/a:2").await;
    assert!(!ours(&live, &["f:spec", "f:replicas"]), "the autoscaler's own");
    world.run("diff", &[]).expect_code(0);
    world.run("drift", &[]).expect_code(0);
    world.api(hpa.0, hpa.1).delete("api", &DeleteParams::default()).await.unwrap();
    replicas_and_image("the replicas to be Git's again", 2, "example.org/a:2").await;
}

pub(super) async fn a_field_that_was_put_back_is_watched_still(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.objects(&[config_map("settings", "1")]);
    let revision = world.settings("onDrift: alert\n");
    let daemon = world.daemon();
    daemon.synced(&revision).await;
    let settings = ("v1", "ConfigMap", "settings");
    let set = async |value: &str| world.merge(settings, "somebody", json!({"data": {"a": value}})).await;
    let told = |value: &str| format!(r#"ConfigMap/settings .data.a "1" → "{value}" by somebody Update"#);
    // Our entry has lost the field for good once somebody has written it: what comes then does not show in it.
    for value in ["2", "3"] {
        set(value).await;
        daemon.until("the change to be told", |s| lines(s) == [told(value)]).await;
        set("1").await;
        daemon.until("the end of it", |s| s["state"] == "synced" && lines(s).is_empty()).await;
    }
    // Where it may be put right, it is taken back: then nothing needs to be read any more.
    let revision = world.settings("");
    daemon.synced(&revision).await;
    crate::harness::eventually("the field to be ours again", super::support::STEP, || async {
        let live = world.live("v1", "ConfigMap", "settings").await;
        if ours(&live, &["f:data", "f:a"]) { Ok(()) } else { Err(live.to_string()) }
    })
    .await;
    set("4").await;
    crate::harness::eventually("the change to be put right", super::support::STEP, || async {
        let live = world.live("v1", "ConfigMap", "settings").await;
        if live["data"]["a"] == "1" { Ok(()) } else { Err(live.to_string()) }
    })
    .await;
}
