//! Differences between what was applied and what others made of it. The server is played by `fields`, which is itself held
//! against recordings of the real one.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::fields::{FieldPath, Request, apply, builtin_schema, reset_fields, update, update_scale};
use crate::manifest::{Applied, FIELD_MANAGER, IgnoreRule, Object, Target};

fn request<'a>(manager: &'a str, second: i64) -> Request<'a> {
    Request {
        schema: builtin_schema(),
        manager,
        subresource: "",
        time: Timestamp::from_second(1_780_000_000 + second).unwrap(),
        reset: None,
    }
}

fn object(value: Value) -> Object {
    Object::new(value).unwrap()
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "backend", "namespace": "clipper", "labels": {"app": "backend", "tier": "api"}},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "backend"}},
            "template": {
                "metadata": {"labels": {"app": "backend"}},
                "spec": {"hostNetwork": false, "containers": [
                    {"name": "api", "image": "clipper/api:1", "ports": [{"containerPort": 80, "name": "http"}],
                     "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
                     "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}}},
                    {"name": "side", "image": "side:1"},
                ]},
            },
        },
    })
}

/// What the server has after our apply: its defaults and spellings, a status, a uid.
fn applied(desired: &Value) -> Value {
    let reset = reset_fields("apps/v1", "Deployment", "");
    let request = Request { reset: reset.as_ref(), ..request(FIELD_MANAGER, 0) };
    let mut live = apply(None, as_stored(&object(desired.clone())).value(), true, &request).unwrap().object;
    live["metadata"]["uid"] = json!("u-1");
    live["metadata"]["resourceVersion"] = json!("1");
    if let Some(containers) = live.pointer_mut("/spec/template/spec/containers") {
        let api = &mut containers[0];
        api["terminationMessagePath"] = json!("/dev/termination-log");
        if api.get("ports").is_some() {
            api["ports"][0]["protocol"] = json!("TCP");
            api["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] = json!("v1");
            api["resources"]["limits"] = json!({"cpu": "1", "memory": "1Gi"});
        }
        live["spec"]["template"]["spec"].as_object_mut().unwrap().remove("hostNetwork");
        live["spec"]["strategy"] = json!({"type": "RollingUpdate"});
        live["status"] = json!({"replicas": 2});
    }
    live
}

fn edited(live: &Value, manager: &str, second: i64, edit: impl FnOnce(&mut Value)) -> Value {
    let mut new = live.clone();
    edit(&mut new);
    update(Some(live), new, &request(manager, second))
}

fn drift_of(desired: &Value, live: &Value) -> Option<ObjectDrift> {
    with(desired, Some(live), View::Drift, &[], false)
}

fn with(
    desired: &Value,
    live: Option<&Value>,
    view: View,
    ignore: &[IgnoreRule],
    autoscaled: bool,
) -> Option<ObjectDrift> {
    let (desired, live) = (object(desired.clone()), live.map(|live| object(live.clone())));
    compare(&Input {
        desired: &desired,
        live: live.as_ref(),
        schema: builtin_schema(),
        release: "clipper",
        manager: FIELD_MANAGER,
        ignore,
        autoscaled,
        strict: false,
        view,
    })
    .drift
}

fn lines(drift: Option<ObjectDrift>) -> Vec<String> {
    let text = |value: Option<Value>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    drift
        .into_iter()
        .flat_map(|drift| drift.fields)
        .map(|field| {
            let subresource =
                if field.subresource.is_empty() { String::new() } else { format!("/{}", field.subresource) };
            format!("{} {} {} {}{subresource}", field.path, text(field.desired), text(field.live), field.manager)
        })
        .collect()
}

#[test]
fn what_was_applied_is_no_difference_however_it_is_spelled() {
    let live = applied(&deployment());
    assert_eq!(drift_of(&deployment(), &live), None);
    assert_eq!(with(&deployment(), Some(&live), View::Change, &[], false), None);
    let mut spelled = deployment();
    spelled["spec"]["replicas"] = json!(2.0);
    spelled["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] = json!({"cpu": 1, "memory": "1Gi"});
    spelled["spec"]["template"]["metadata"]["annotations"] = json!({});
    spelled["spec"]["template"]["spec"]["tolerations"] = json!([]);
    spelled["status"] = json!({});
    spelled["metadata"]["creationTimestamp"] = Value::Null;
    assert_eq!(with(&spelled, Some(&live), View::Change, &[], false), None);
}

#[test]
fn every_kind_of_edit_is_told_with_its_author() {
    let live = applied(&deployment());
    let image =
        edited(&live, "kubectl-edit", 5, |o| o["spec"]["template"]["spec"]["containers"][0]["image"] = json!("x"));
    let drift = drift_of(&deployment(), &image).unwrap();
    assert_eq!(
        serde_json::to_value(&drift).unwrap(),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "namespace": "clipper", "name": "backend", "release": "clipper",
            "state": "modified",
            "fields": [{
                "path": ".spec.template.spec.containers[name=\"api\"].image", "desired": "clipper/api:1", "live": "x",
                "manager": "kubectl-edit", "operation": "Update", "subresource": "", "time": "2026-05-28T20:26:45Z",
            }],
        })
    );

    let path = FieldPath::of(&["spec", "replicas"]);
    let scaled = update_scale(&live, &path, &json!(5), &request("kubectl", 6));
    assert_eq!(lines(drift_of(&deployment(), &scaled)), [".spec.replicas 2 5 kubectl/scale"]);

    let label = edited(&live, "kubectl-label", 7, |o| {
        o["metadata"]["labels"].as_object_mut().unwrap().remove("tier");
        o["metadata"]["labels"]["app"] = json!("other");
        o["metadata"]["labels"]["foreign"] = json!("1");
    });
    assert_eq!(
        lines(drift_of(&deployment(), &label)),
        [".metadata.labels.app \"backend\" \"other\" kubectl-label", ".metadata.labels.tier \"api\" - unknown"]
    );

    let item = edited(&live, "kubectl-edit", 8, |o| {
        o["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().remove(1);
        o["spec"]["template"]["spec"]["containers"][0]["ports"][0]["name"] = json!("web");
    });
    assert_eq!(
        lines(drift_of(&deployment(), &item)),
        [
            ".spec.template.spec.containers[name=\"api\"].ports[containerPort=80,protocol=\"TCP\"].name \"http\" \"web\" kubectl-edit",
            ".spec.template.spec.containers[name=\"side\"] {\"image\":\"side:1\",\"name\":\"side\"} - unknown",
        ]
    );

    let atomic = edited(&live, "kubectl-edit", 9, |o| {
        o["spec"]["template"]["spec"]["containers"][0]["env"][0]["valueFrom"]["fieldRef"]["fieldPath"] =
            json!("metadata.name");
    });
    assert_eq!(
        lines(drift_of(&deployment(), &atomic)),
        [concat!(
            ".spec.template.spec.containers[name=\"api\"].env[name=\"IP\"].valueFrom.fieldRef {\"fieldPath\":\"status.podIP\"} ",
            "{\"apiVersion\":\"v1\",\"fieldPath\":\"metadata.name\"} kubectl-edit"
        )]
    );
}

#[test]
fn foreign_fields_and_equal_writes_are_none() {
    let live = applied(&deployment());
    let foreign = edited(&live, "mesh", 5, |o| {
        o["metadata"]["annotations"] = json!({"mesh": "1"});
        o["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "mesh", "image": "m"}));
        o["spec"]["paused"] = json!(true);
    });
    assert_eq!(drift_of(&deployment(), &foreign), None);
}

#[test]
fn a_false_that_was_removed_is_told() {
    let mut desired = deployment();
    desired["spec"]["template"]["spec"]["automountServiceAccountToken"] = json!(false);
    let live = applied(&desired);
    assert_eq!(drift_of(&desired, &live), None);
    let removed = edited(&live, "edit", 5, |o| {
        o["spec"]["template"]["spec"].as_object_mut().unwrap().remove("automountServiceAccountToken");
    });
    assert_eq!(
        lines(drift_of(&desired, &removed)),
        [".spec.template.spec.automountServiceAccountToken false - unknown"]
    );
}

#[test]
fn an_empty_map_asks_for_nothing_and_an_empty_struct_does() {
    let mut desired = deployment();
    desired["metadata"]["annotations"] = json!({});
    desired["spec"]["template"]["spec"]["volumes"] = json!([{"name": "v", "emptyDir": {}}]);
    let live = applied(&desired);
    let annotated = edited(&live, "edit", 5, |o| o["metadata"]["annotations"] = json!({"a": "1"}));
    assert_eq!(drift_of(&desired, &annotated), None);
    let replaced = edited(&live, "edit", 6, |o| {
        o["spec"]["template"]["spec"]["volumes"][0] = json!({"name": "v", "hostPath": {"path": "/"}});
    });
    assert_eq!(lines(drift_of(&desired, &replaced)), [".spec.template.spec.volumes[name=\"v\"].emptyDir {} - unknown"]);
}

#[test]
fn what_an_apply_would_change() {
    let live = applied(&deployment());
    let mut desired = deployment();
    desired["spec"]["template"]["spec"]["containers"][0]["image"] = json!("clipper/api:2");
    desired["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().remove(1);
    desired["metadata"]["labels"].as_object_mut().unwrap().remove("tier");
    desired["spec"]["paused"] = json!(true);
    assert_eq!(
        lines(with(&desired, Some(&live), View::Change, &[], false)),
        [
            ".metadata.labels.tier - \"api\" evenkeel",
            ".spec.paused true - unknown",
            ".spec.template.spec.containers[name=\"api\"].image \"clipper/api:2\" \"clipper/api:1\" evenkeel",
            ".spec.template.spec.containers[name=\"side\"] - {\"image\":\"side:1\",\"name\":\"side\"} evenkeel",
        ]
    );
    let drift = with(&desired, Some(&live), View::Change, &[], false).unwrap();
    insta::assert_snapshot!(unified(Some(&object(desired)), Some(&object(live)), &drift), @r"
    --- live/Deployment clipper/backend
    +++ desired/Deployment clipper/backend
    @@ -3,10 +3,10 @@
     metadata:
       labels:
         app: backend
    -    tier: api
       name: backend
       namespace: clipper
     spec:
    +  paused: true
       replicas: 2
       selector:
         matchLabels:
    @@ -22,7 +22,7 @@
               valueFrom:
                 fieldRef:
                   fieldPath: status.podIP
    -        image: clipper/api:1
    +        image: clipper/api:2
             name: api
             ports:
             - containerPort: 80
    @@ -31,6 +31,4 @@
               limits:
                 cpu: 1000m
                 memory: 1024Mi
    -      - image: side:1
    -        name: side
           hostNetwork: false
    ");
}

#[test]
fn missing_unowned_extra() {
    let missing = with(&deployment(), None, View::Drift, &[], false).unwrap();
    assert_eq!((missing.state, missing.fields.len()), (State::Missing, 0));
    let text = unified(Some(&object(deployment())), None, &missing);
    assert!(text.lines().skip(3).all(|line| line.starts_with('+')), "{text}");

    let mut live = applied(&deployment());
    live["metadata"]["managedFields"] = json!([]);
    let unowned = drift_of(&deployment(), &live).unwrap();
    assert_eq!((unowned.state, unowned.fields.len()), (State::Unowned, 0));

    let extra = ObjectDrift::of_id(&"apps/Deployment/clipper/old".parse().unwrap(), "v1", "clipper", State::Extra);
    assert_eq!(extra.api_version, "apps/v1");
    assert_eq!(extra.id().to_string(), "apps/Deployment/clipper/old");
    let text = unified(None, Some(&object(applied(&deployment()))), &extra);
    assert!(text.lines().skip(3).all(|line| line.starts_with('-')) && !text.contains("managedFields"), "{text}");
}

#[test]
fn secret_values_never_leave() {
    let desired = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "n"},
                         "stringData": {"password": "hunter2"}, "data": {"token": "aHVudGVyMw=="}});
    let live = applied(&desired);
    assert_eq!(drift_of(&desired, &live), None);
    let changed = edited(&live, "edit", 5, |o| {
        o["data"]["password"] = json!("aHVudGVyNA==");
        o["data"].as_object_mut().unwrap().remove("token");
    });
    let drift = drift_of(&desired, &changed).unwrap();
    assert_eq!(
        lines(Some(drift.clone())),
        [".data.password \"<secret>\" \"<secret: changed>\" edit", ".data.token \"<secret>\" - unknown"]
    );
    let text = unified(Some(&object(desired)), Some(&object(changed)), &drift);
    assert!(text.contains("-  password: '<secret: changed>'") && text.contains("+  token: <secret>"), "{text}");
    for secret in ["hunter", "aHVudGVy"] {
        assert!(!text.contains(secret) && !serde_json::to_string(&drift).unwrap().contains(secret));
    }
}

#[test]
fn replicas_of_an_autoscaler_and_ignored_fields_are_none() {
    let live = applied(&deployment());
    let scaled = edited(&live, "kube-controller-manager", 5, |o| o["spec"]["replicas"] = json!(7));
    assert_eq!(with(&deployment(), Some(&scaled), View::Drift, &[], true), None);
    assert!(with(&deployment(), Some(&scaled), View::Drift, &[], false).is_some());
    let rule = |pointers: &[&str], managers: &[&str], kind: Option<&str>| IgnoreRule {
        target: Target { kind: kind.map(str::to_owned), ..Target::default() },
        pointers: pointers.iter().map(|p| (*p).to_owned()).collect(),
        managers: managers.iter().map(|m| (*m).to_owned()).collect(),
    };
    for (rule, ignored) in [
        (rule(&["/spec/replicas"], &[], None), true),
        (rule(&["/spec"], &[], Some("Deployment")), true),
        (rule(&[], &["kube-controller-manager"], None), true),
        (rule(&[], &["kubectl"], None), false),
        (rule(&["/spec/replicas"], &[], Some("StatefulSet")), false),
        (rule(&["/spec/replicas"], &["kubectl"], None), false),
    ] {
        let told = with(&deployment(), Some(&scaled), View::Drift, std::slice::from_ref(&rule), false);
        assert_eq!(told.is_none(), ignored, "{rule:?}");
    }
}

fn strictly(desired: &Value, live: &Value, ignore: &[IgnoreRule], strict: bool) -> Comparison {
    let (desired, live) = (object(desired.clone()), object(live.clone()));
    compare(&Input {
        desired: &desired,
        live: Some(&live),
        schema: builtin_schema(),
        release: "clipper",
        manager: FIELD_MANAGER,
        ignore,
        autoscaled: false,
        strict,
        view: View::Drift,
    })
}

#[test]
fn strict_tells_what_others_added() {
    let live = applied(&deployment());
    let live = edited(&live, "mesh", 5, |o| {
        o["metadata"]["annotations"] = json!({"mesh": "1", "kubectl.kubernetes.io/restartedAt": "now"});
        o["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "mesh", "image": "m"}));
        let api = &mut o["spec"]["template"]["spec"]["containers"][0];
        api["env"].as_array_mut().unwrap().push(json!({"name": "X", "value": "1"}));
    });
    let live = edited(&live, "kube-controller-manager", 6, |o| o["spec"]["paused"] = json!(true));
    assert_eq!(strictly(&deployment(), &live, &[], false), Comparison::default());
    let found = strictly(&deployment(), &live, &[], true).drift.unwrap();
    assert!(found.is_only_added());
    assert_eq!(
        lines(Some(found)),
        [
            ".metadata.annotations.mesh - \"1\" mesh",
            ".spec.template.spec.containers[name=\"api\"].env[name=\"X\"] - {\"name\":\"X\",\"value\":\"1\"} mesh",
            ".spec.template.spec.containers[name=\"mesh\"] - {\"image\":\"m\",\"name\":\"mesh\"} mesh",
        ]
    );
    let meshes = IgnoreRule { managers: vec!["mesh".into()], ..IgnoreRule::default() };
    assert_eq!(strictly(&deployment(), &live, &[meshes], true).drift, None);
    // Beside a change of ours.
    let live = edited(&live, "edit", 7, |o| o["spec"]["template"]["spec"]["containers"][0]["image"] = json!("x"));
    let mut both = strictly(&deployment(), &live, &[], true).drift.unwrap();
    assert_eq!((both.is_only_added(), both.fields.len()), (false, 4));
    let added = both.split_added().unwrap();
    assert!(added.is_only_added() && both.fields.len() == 1 && added.fields.len() == 3);
}

/// What an apply sends for what is let be, and what becomes of it.
fn kept(desired: &Value, live: &Value, rule: &IgnoreRule, manager: &str) -> Value {
    let found = strictly(desired, live, std::slice::from_ref(rule), false);
    let mut sent = object(desired.clone());
    keep(&mut sent, &found.let_be, false);
    apply(Some(live), sent.value(), true, &request(manager, 50)).unwrap().object
}

#[test]
fn what_is_let_be_keeps_its_value_through_an_apply() {
    let pointer = |pointer: &str| IgnoreRule { pointers: vec![pointer.into()], ..IgnoreRule::default() };
    let live = applied(&deployment());
    let images = pointer("/spec/template/spec/containers/*/image");
    let edited_image =
        edited(&live, "keel", 5, |o| o["spec"]["template"]["spec"]["containers"][0]["image"] = json!("clipper/api:9"));
    let mut commit = deployment();
    commit["spec"]["replicas"] = json!(3);
    let after = kept(&commit, &edited_image, &images, FIELD_MANAGER);
    assert_eq!(after["spec"]["template"]["spec"]["containers"][0]["image"], "clipper/api:9");
    assert_eq!(after["spec"]["replicas"], 3);
    // Nobody owns it: an item that was taken out, a label that was removed.
    let gone = edited(&live, "edit", 6, |o| {
        o["metadata"]["labels"].as_object_mut().unwrap().remove("tier");
        o["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().remove(1);
    });
    let rule = IgnoreRule {
        pointers: vec!["/metadata/labels/tier".into(), "/spec/template/spec/containers/side".into()],
        ..IgnoreRule::default()
    };
    let after = kept(&commit, &gone, &rule, FIELD_MANAGER);
    assert_eq!(after["metadata"]["labels"], json!({"app": "backend"}));
    assert_eq!(after["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 1);
    // A field that left Git stays, too.
    let mut without = deployment();
    without["spec"].as_object_mut().unwrap().remove("replicas");
    let after = kept(&without, &live, &pointer("/spec/replicas"), FIELD_MANAGER);
    assert_eq!(after["spec"]["replicas"], 2);
}

#[test]
fn parts_of_a_value_that_is_one_field_are_let_be() {
    let policy = |port: u16, peer: &str| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "n"},
            "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": port}],
                "from": [{"namespaceSelector": {"matchLabels": {"name": peer}}}]}]}})
    };
    let live = applied(&policy(80, "a"));
    let live = edited(&live, "edit", 5, |o| {
        *o = {
            let mut new = policy(81, "b");
            new["metadata"] = o["metadata"].clone();
            new
        }
    });
    let rule = IgnoreRule { pointers: vec!["/spec/ingress/0/ports/0/port".into()], ..IgnoreRule::default() };
    let found = strictly(&policy(80, "a"), &live, std::slice::from_ref(&rule), false);
    let fields = found.drift.unwrap().fields;
    let peer = "/0/from/0/namespaceSelector/matchLabels/name";
    let told = |value: &Option<Value>| value.as_ref().and_then(|v| v.pointer(peer).cloned());
    assert_eq!((told(&fields[0].desired), told(&fields[0].live)), (Some(json!("a")), Some(json!("b"))));
    let after = kept(&policy(80, "a"), &live, &rule, FIELD_MANAGER);
    assert_eq!(after["spec"]["ingress"], policy(81, "a")["spec"]["ingress"]);
}

#[test]
fn a_write_in_our_name_is_told() {
    let live = applied(&deployment());
    let mut more = deployment();
    more["spec"]["paused"] = json!(true);
    let live = apply(Some(&live), &more, true, &request(FIELD_MANAGER, 9)).unwrap().object;
    assert_eq!(lines(drift_of(&deployment(), &live)), [".spec.paused - true evenkeel"]);
}

#[test]
fn read_only_what_changed() {
    let applied = Applied { uid: "u".into(), mark: "m".into(), ..Applied::default() };
    assert!(!needs_read(Some("m"), "u", &applied));
    assert!(needs_read(Some("n"), "u", &applied));
    assert!(needs_read(None, "u", &applied));
    assert!(needs_read(Some("m"), "other", &applied), "deleted and made anew");
}

mod laws {
    use super::*;
    use proptest::prelude::*;

    fn config() -> impl Strategy<Value = Value> {
        let name = prop_oneof![Just("a"), Just("b"), Just("c")];
        let container = (name.clone(), 0..3u8, proptest::option::of(80..82u16)).prop_map(|(name, image, port)| {
            let mut container = json!({"name": name, "image": format!("i:{image}")});
            if let Some(port) = port {
                container["ports"] = json!([{"containerPort": port}]);
            }
            container
        });
        let labels = proptest::collection::btree_map(name, "[xy]{0,1}", 0..3);
        // Not without any: a list whose last item an apply prunes goes with it, on the API server too, and an empty list in
        // the configuration brings it back the next time.
        (0..4u8, proptest::collection::vec(container, 1..4), labels).prop_map(|(replicas, mut containers, labels)| {
            containers.sort_by_key(|container| container["name"].to_string());
            containers.dedup_by_key(|container| container["name"].clone());
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "labels": labels},
                   "spec": {"replicas": replicas, "template": {"spec": {"containers": containers}}}})
        })
    }

    proptest! {
        #[test]
        fn after_an_apply_nothing_differs_and_a_second_one_does_nothing(before in config(), others in config(), after in config()) {
            let mut live = apply(None, &before, true, &request(FIELD_MANAGER, 0)).unwrap().object;
            live["metadata"]["uid"] = json!("u");
            let live = apply(Some(&live), &others, true, &request("other", 1)).unwrap().object;
            let live = apply(Some(&live), &after, true, &request(FIELD_MANAGER, 2)).unwrap().object;
            prop_assert_eq!(drift_of(&after, &live), None);
            prop_assert_eq!(with(&after, Some(&live), View::Change, &[], false), None);
            let again = apply(Some(&live), &after, true, &request(FIELD_MANAGER, 3)).unwrap();
            prop_assert!(!again.changed);
            prop_assert_eq!(again.object, live);
        }

        #[test]
        fn what_is_told_is_what_an_apply_changes(before in config(), after in config()) {
            let mut live = apply(None, &before, true, &request(FIELD_MANAGER, 0)).unwrap().object;
            live["metadata"]["uid"] = json!("u");
            let told = with(&after, Some(&live), View::Change, &[], false).is_some();
            let applied = apply(Some(&live), &after, true, &request(FIELD_MANAGER, 1)).unwrap();
            // The order of items and fields that say nothing are changes of spelling alone.
            if told {
                prop_assert!(applied.changed || applied.object != live);
            }
        }
    }
}
