//! Single objects: the action words, adoption, ownership, and deletion under proof.

use std::path::Path;

use evenkeel::apply::{Accept, Action, ApplyError, Before, Spared, apply_object, delete_object, dry_run, stamp};
use evenkeel::cluster::Verb;
use evenkeel::manifest::{ANNOTATION_OWNER, Applied, Object, ObjectId};
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::{Bench, config_map, deployment, object};

fn placed(bench: &Bench, mut object: Object) -> Object {
    object.set_namespace(&bench.namespace);
    object
}

/// The objects of a kind as somebody else sees them.
fn others(bench: &Bench, version: &str, kind: &str) -> Api<DynamicObject> {
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(bench.cluster.client(), &bench.namespace, &resource)
}

fn dynamic(object: &Object) -> DynamicObject {
    serde_json::from_value(object.value().clone()).unwrap()
}

async fn apply(bench: &Bench, object: &Object) -> Result<Action, ApplyError> {
    let owner = bench.owner("a");
    apply_object(&bench.cluster, object, &owner, Before::Unknown, Accept::Own).await.map(|w| w.action)
}

fn managers(live: &Object) -> Vec<String> {
    let entries = live.value().pointer("/metadata/managedFields").and_then(Value::as_array).unwrap();
    entries.iter().map(|e| e["manager"].as_str().unwrap().to_owned()).collect()
}

pub(crate) async fn created_unchanged_configured(kubeconfig: &Path) {
    let bench = Bench::with_namespace(kubeconfig).await;
    let first = placed(&bench, deployment("backend", 1));
    assert_eq!(apply(&bench, &first).await.unwrap(), Action::Created);
    let before = bench.cluster.requests();
    assert_eq!(apply(&bench, &placed(&bench, config_map("c", "1"))).await.unwrap(), Action::Created);
    assert_eq!(apply(&bench, &placed(&bench, config_map("c", "1"))).await.unwrap(), Action::Unchanged);
    assert_eq!(apply(&bench, &placed(&bench, config_map("c", "2"))).await.unwrap(), Action::Configured);
    let made = bench.cluster.requests().since(&before);
    assert_eq!((made.of(Verb::Get), made.of(Verb::Apply), made.total()), (3, 3, 6));
}

pub(crate) async fn a_typo_is_an_error(kubeconfig: &Path) {
    let bench = Bench::with_namespace(kubeconfig).await;
    let mut typo = placed(&bench, deployment("backend", 1));
    typo.value_mut()["spec"]["replica"] = json!(2);
    let error = dry_run(&bench.cluster, &typo).await.unwrap_err();
    assert!(error.to_string().contains("replica"), "{error}");
    assert!(!error.retryable(), "{error}");
    let error = apply(&bench, &typo).await.unwrap_err();
    assert!(error.to_string().contains("replica"), "{error}");
    assert!(bench.live(&bench.id("apps/Deployment", "backend")).await.is_none());

    let unknown = object(json!({"apiVersion": "apps/v1", "kind": "Deploymnet", "metadata": {"name": "a"}}));
    let error = dry_run(&bench.cluster, &unknown).await.unwrap_err();
    assert!(error.to_string().ends_with("did you mean Deployment?"), "{error}");

    let secret =
        object(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": 123_456}}));
    let error = dry_run(&bench.cluster, &placed(&bench, secret)).await.unwrap_err();
    assert!(!error.to_string().contains("123456"), "{error}");
}

pub(crate) async fn what_force_takes_is_named(kubeconfig: &Path) {
    let bench = Bench::with_namespace(kubeconfig).await;
    let ours = placed(&bench, deployment("backend", 1));
    apply(&bench, &ours).await.unwrap();
    let other = PatchParams { field_manager: Some("somebody".to_owned()), ..PatchParams::default() };
    let scaled = Patch::Merge(json!({"spec": {"replicas": 3}}));
    others(&bench, "apps/v1", "Deployment").patch("backend", &other, &scaled).await.unwrap();
    let mut ours = ours;
    stamp(&mut ours, &bench.owner("a"));
    let run = dry_run(&bench.cluster, &ours).await.unwrap();
    assert_eq!(run.taken.len(), 1, "{:?}", run.taken);
    assert_eq!((run.taken[0].field.as_str(), run.taken[0].manager.as_str()), (".spec.replicas", "somebody"));
    assert!(run.exists);
    assert_eq!(apply(&bench, &ours).await.unwrap(), Action::Configured);
    let live = bench.live(&bench.id("apps/Deployment", "backend")).await.unwrap();
    assert_eq!(live.value()["spec"]["replicas"], 1);
}

pub(crate) async fn adoption_takes_over_what_helm_and_kubectl_wrote(kubeconfig: &Path) {
    let bench = Bench::with_namespace(kubeconfig).await;
    for manager in ["helm", "kubectl-client-side-apply", "kubectl-create"] {
        let name = format!("by-{manager}");
        let mut theirs = config_map(&name, "theirs");
        theirs.value_mut()["data"]["old"] = json!("gone in Git");
        let by = PostParams { field_manager: Some(manager.to_owned()), ..PostParams::default() };
        others(&bench, "v1", "ConfigMap").create(&by, &dynamic(&theirs)).await.unwrap();
        assert_eq!(apply(&bench, &placed(&bench, config_map(&name, "ours"))).await.unwrap(), Action::Configured);
        let live = bench.live(&bench.id("/ConfigMap", &name)).await.unwrap();
        assert_eq!(live.value()["data"]["a"], "ours");
        assert!(live.value()["data"].get("old").is_none(), "{manager}");
        assert_eq!(managers(&live), ["evenkeel"], "{manager}");
        assert_eq!(apply(&bench, &placed(&bench, config_map(&name, "ours"))).await.unwrap(), Action::Unchanged);
    }
}

pub(crate) async fn cleared_managed_fields_leave_no_co_owner(kubeconfig: &Path) {
    let bench = Bench::with_namespace(kubeconfig).await;
    let ours = placed(&bench, config_map("c", "1"));
    apply(&bench, &ours).await.unwrap();
    let clear = Patch::Merge(json!({"metadata": {"managedFields": [{}]}}));
    others(&bench, "v1", "ConfigMap").patch("c", &PatchParams::default(), &clear).await.unwrap();
    apply(&bench, &ours).await.unwrap();
    let live = bench.live(&bench.id("/ConfigMap", "c")).await.unwrap();
    assert_eq!(managers(&live), ["evenkeel"]);
    // A field that Git no longer names vanishes, which a co-owner would have prevented.
    let mut less = ours.clone();
    less.value_mut()["data"] = json!({"b": "2"});
    apply(&bench, &less).await.unwrap();
    let live = bench.live(&bench.id("/ConfigMap", "c")).await.unwrap();
    assert_eq!(live.value()["data"], json!({"b": "2"}));
}

pub(crate) async fn another_releases_object_is_refused(kubeconfig: &Path) {
    let bench = Bench::with_namespace(kubeconfig).await;
    let ours = placed(&bench, config_map("c", "1"));
    apply(&bench, &ours).await.unwrap();
    let other = evenkeel::apply::Owner::new(&bench.environment, "b");
    let take = |accept| apply_object(&bench.cluster, &ours, &other, Before::Unknown, accept);
    let error = take(Accept::Own).await.unwrap_err();
    let says = format!("ConfigMap {}/c belongs to release a of environment {}", bench.namespace, bench.environment);
    assert_eq!(error.to_string(), says);
    assert!(take(Accept::From(bench.owner("c"))).await.is_err(), "it is not the one that hands it over");
    assert_eq!(take(Accept::From(bench.owner("a"))).await.unwrap().action, Action::Configured);
    let error = apply(&bench, &ours).await.unwrap_err();
    assert!(matches!(error, ApplyError::OwnedByAnother { .. }), "{error}");
}

pub(crate) async fn nothing_is_deleted_that_is_not_provably_ours(kubeconfig: &Path) {
    let bench = Bench::with_namespace(kubeconfig).await;
    let owner = bench.owner("a");
    let written =
        apply_object(&bench.cluster, &placed(&bench, config_map("c", "1")), &owner, Before::Absent, Accept::Own)
            .await
            .unwrap();
    let id = bench.id("/ConfigMap", "c");
    let entry = Applied { version: "v1".into(), uid: written.live.uid().to_owned(), ..Applied::default() };
    let spared =
        async |id: &ObjectId, entry: &Applied| delete_object(&bench.cluster, id, entry, &owner).await.unwrap().spared;

    // A copy with our labels and our annotation, as `kubectl get -o yaml | sed | kubectl create` makes it.
    let mut copy = config_map("copy", "1");
    copy.set_annotation(ANNOTATION_OWNER, written.live.annotation(ANNOTATION_OWNER).unwrap());
    others(&bench, "v1", "ConfigMap").create(&PostParams::default(), &dynamic(&copy)).await.unwrap();
    let copied = bench.id("/ConfigMap", "copy");
    assert_eq!(spared(&copied, &Applied { version: "v1".into(), ..Applied::default() }).await, Some(Spared::NotOurs));

    let wrong = Applied { uid: "1f0b3c1e-7b5e-4a58-9a36-0b3c1e7b5e4a".into(), ..entry.clone() };
    assert_eq!(spared(&id, &wrong).await, Some(Spared::Replaced));
    assert_eq!(spared(&id, &Applied { keep: true, ..entry.clone() }).await, Some(Spared::Kept));
    let foreign = evenkeel::apply::Owner::new(&bench.environment, "b");
    let removed = delete_object(&bench.cluster, &id, &entry, &foreign).await.unwrap();
    assert_eq!(removed.spared, Some(Spared::NotOurs));
    assert!(bench.live(&id).await.is_some() && bench.live(&copied).await.is_some());

    let removed = delete_object(&bench.cluster, &id, &entry, &owner).await.unwrap();
    assert_eq!((removed.action, removed.spared), (Action::Deleted, None));
    assert!(bench.live(&id).await.is_none());
    assert_eq!(spared(&id, &entry).await, Some(Spared::Gone));
}
