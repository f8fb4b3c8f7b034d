//! The harness is what it says: a control plane whose controllers and nodes work, and helpers that fail when they should.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Pod};
use kube::api::{Api, DeleteParams, PostParams};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::requirement::Missing;
use super::{ControlPlane, Evenkeel, GitRepository, eventually, helm, kubectl, unique_name, wait_for, wait_until_gone};
use crate::require;

async fn create<K>(plane: &ControlPlane, namespace: &str, object: Value) -> Api<K>
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug,
    K: Serialize + DeserializeOwned,
{
    let api = Api::<K>::namespaced(plane.client().await, namespace);
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    api
}

fn pods(annotations: Value) -> Value {
    json!({
        "metadata": {"labels": {"app": "x"}, "annotations": annotations},
        "spec": {"containers": [{"name": "x", "image": "registry.invalid/x:1"}]},
    })
}

fn job(name: &str, outcome: &str) -> Value {
    let mut template = pods(json!({"evenkeel.dev/test-outcome": outcome}));
    template["spec"]["restartPolicy"] = "Never".into();
    json!({"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": template}})
}

#[tokio::test(flavor = "multi_thread")]
async fn deployments_become_available_and_follow_a_change() {
    let plane = require!(ControlPlane::shared());
    let namespace = plane.new_namespace("deployment").await;
    let spec = json!({"replicas": 2, "selector": {"matchLabels": {"app": "x"}}, "template": pods(json!({}))});
    let api = create::<Deployment>(plane, &namespace, json!({"metadata": {"name": "web"}, "spec": spec})).await;
    let available = |generation| {
        move |deployment: &Deployment| {
            let status = deployment.status.as_ref();
            status.is_some_and(|s| {
                s.available_replicas == Some(2) && s.updated_replicas == Some(2) && s.observed_generation >= generation
            })
        }
    };
    wait_for(api.clone(), "web", "two available replicas", available(None)).await;

    let mut changed = api.get("web").await.unwrap();
    changed.spec.as_mut().unwrap().template.spec.as_mut().unwrap().containers[0].image = Some("x:2".into());
    let changed = api.replace("web", &PostParams::default(), &changed).await.unwrap();
    wait_for(api, "web", "two updated replicas", available(changed.metadata.generation)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_succeed_or_fail_or_run_as_told() {
    let plane = require!(ControlPlane::shared());
    let namespace = plane.new_namespace("job").await;
    let is = |kind: &'static str| {
        move |job: &Job| {
            let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
            conditions.into_iter().any(|condition| condition.type_ == kind && condition.status == "True")
        }
    };
    let api = create::<Job>(plane, &namespace, job("good", "succeed")).await;
    create::<Job>(plane, &namespace, job("bad", "fail")).await;
    create::<Job>(plane, &namespace, job("long", "run")).await;
    wait_for(api.clone(), "good", "to be complete", is("Complete")).await;
    wait_for(api.clone(), "bad", "to have failed", is("Failed")).await;
    let ready = |job: &Job| job.status.as_ref().is_some_and(|status| status.ready == Some(1));
    let long = wait_for(api, "long", "a running pod", ready).await;
    assert!(!is("Complete")(&long));
}

#[tokio::test(flavor = "multi_thread")]
async fn hook_pods_end_and_other_bare_pods_run() {
    let plane = require!(ControlPlane::shared());
    let namespace = plane.new_namespace("pod").await;
    let pod = |name: &str, annotations: Value| {
        let mut pod = pods(annotations);
        pod["metadata"]["name"] = name.into();
        pod["spec"]["restartPolicy"] = "Never".into();
        pod
    };
    let phase = |phase: &'static str| {
        move |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some(phase)
    };
    let api = create::<Pod>(plane, &namespace, pod("test", json!({"helm.sh/hook": "test"}))).await;
    create::<Pod>(plane, &namespace, pod("bare", json!({}))).await;
    wait_for(api.clone(), "test", "to succeed", phase("Succeeded")).await;
    wait_for(api, "bare", "to run", phase("Running")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stateful_sets_get_their_volumes() {
    let plane = require!(ControlPlane::shared());
    let namespace = plane.new_namespace("stateful").await;
    let claim = json!({
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    let spec = json!({
        "serviceName": "db", "replicas": 2, "selector": {"matchLabels": {"app": "x"}},
        "template": pods(json!({})), "volumeClaimTemplates": [claim],
    });
    let api = create::<StatefulSet>(plane, &namespace, json!({"metadata": {"name": "db"}, "spec": spec})).await;
    let ready = |set: &StatefulSet| set.status.as_ref().is_some_and(|status| status.ready_replicas == Some(2));
    wait_for(api.clone(), "db", "two ready replicas", ready).await;

    // Claims outlive their set, and its pods do not.
    api.delete("db", &DeleteParams::default()).await.unwrap();
    wait_until_gone(api, "db").await;
    wait_until_gone(Api::<Pod>::namespaced(plane.client().await, &namespace), "db-0").await;
    let claims = Api::<PersistentVolumeClaim>::namespaced(plane.client().await, &namespace);
    let bound = |claim: &PersistentVolumeClaim| {
        claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound")
    };
    wait_for(claims.clone(), "data-db-0", "to stay bound", bound).await;
    claims.delete("data-db-0", &DeleteParams::default()).await.unwrap();
    wait_until_gone(claims, "data-db-0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_namespace_takes_everything_with_it() {
    let plane = require!(ControlPlane::shared());
    let namespace = plane.new_namespace("namespace").await;
    let object = json!({"metadata": {"name": "settings"}, "data": {"a": "1"}});
    let settings = create::<ConfigMap>(plane, &namespace, object).await;
    let namespaces = Api::<Namespace>::all(plane.client().await);
    namespaces.delete(&namespace, &DeleteParams::default()).await.unwrap();
    wait_until_gone(settings, "settings").await;
    wait_until_gone(namespaces, &namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_keeps_objects() {
    let plane = require!(ControlPlane::api_server());
    let namespace = plane.new_namespace("objects").await;
    let object = json!({"metadata": {"name": "settings"}, "data": {"a": "1"}});
    let api = create::<ConfigMap>(plane, &namespace, object).await;
    assert_eq!(api.get("settings").await.unwrap().data.unwrap()["a"], "1");
}

/// What keeps a killed test run from leaving servers behind. One component stands for all: they share the code.
#[tokio::test]
async fn a_component_ends_when_its_lifeline_does() {
    let binaries = require!(super::control_plane::binaries());
    let data = tempfile::tempdir().unwrap();
    let mut etcd = Command::new(binaries.join("controlplane"));
    etcd.args(["etcd", "--listen-client-urls=http://127.0.0.1:0", "--data-dir"]).arg(data.path());
    etcd.env("CONTROLPLANE_EXIT_WITH_STDIN", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut etcd = etcd.spawn().unwrap();
    let lifeline = etcd.stdin.take().unwrap();
    let mut output = BufReader::new(etcd.stdout.take().unwrap());
    let mut url = String::new();
    output.read_line(&mut url).unwrap();
    let address = url.trim_end().strip_prefix("http://").unwrap().to_owned();
    assert!(TcpStream::connect(&address).is_ok(), "etcd serves at {address}");

    drop(lifeline);
    let ended = eventually("etcd to end", super::wait::DEADLINE, || {
        let ended = etcd.try_wait().unwrap();
        async move { ended.ok_or("it still runs") }
    });
    assert!(ended.await.success());
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn helm_is_helm() {
    let helm = require!(helm());
    let output = Command::new(helm).args(["version", "--short"]).output().unwrap();
    assert!(output.stdout.starts_with(b"v3."), "{output:?}");
}

#[test]
fn kubectl_reaches_the_control_plane() {
    let (plane, kubectl) = (require!(ControlPlane::shared()), require!(kubectl()));
    let mut command = Command::new(kubectl);
    command.args(["get", "nodes", "-o", "name", "--kubeconfig"]).arg(plane.kubeconfig());
    let output = command.output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("node/"), "{output:?}");
}

#[test]
fn commits_are_the_same_in_every_run() {
    let repository = GitRepository::new();
    let first = repository.write("a/b.yaml", "a: 1\n").write("c", "").commit("first");
    assert_eq!(first, "3af86fe3c71d4b4d07bd88c5d321870fd17207e6");
    let second = repository.replace("a/b.yaml", "1", "2").remove("c").commit("second");
    let opened = git2::Repository::open(repository.path()).unwrap();
    let head = opened.head().unwrap();
    assert_eq!(head.shorthand().unwrap(), "main");
    let commit = head.peel_to_commit().unwrap();
    assert_eq!((commit.id().to_string(), commit.parent_id(0).unwrap().to_string()), (second, first.clone()));
    assert_eq!(commit.tree().unwrap().len(), 1);

    let rewritten = repository.reset(&first).write("c", "new").commit("another second");
    let bare = tempfile::tempdir().unwrap();
    let clone = git2::Repository::open_bare(repository.clone_bare(bare.path())).unwrap();
    assert_eq!(clone.head().unwrap().target().unwrap().to_string(), rewritten);
}

#[test]
fn the_binary_runs_and_says_which_version_it_is() {
    let output = Evenkeel::new(["--version"]).run().expect_code(0);
    assert_eq!(output.stdout, concat!("evenkeel ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_process_is_heard_while_it_runs_and_ends_when_told() {
    let file = tempfile::tempdir().unwrap();
    let mut sandbox = Evenkeel::new(["sandbox"]).kubeconfig(&file.path().join("kubeconfig")).start();
    sandbox.next_line("its address", Duration::from_secs(60), |line| line.starts_with("serving http://127.0.0.1:"));
    let output = sandbox.terminate().expect_code(0);
    assert!(output.stdout.contains("serving") || output.stderr.contains("serving"), "{output}");
}

#[test]
#[should_panic(expected = "waited")]
fn a_line_that_never_comes_is_named() {
    Evenkeel::new(["--version"]).start().next_line("Godot", Duration::from_secs(60), |line| line.contains("Godot"));
}

#[tokio::test]
#[should_panic(expected = "the moon: \"not yet\"")]
async fn waiting_ends() {
    eventually("the moon", Duration::from_millis(1), || async { Err::<(), _>("not yet") }).await;
}

#[test]
fn a_missing_part_ends_the_test() {
    if super::requirement::all_required() {
        return;
    }
    fn needs() {
        require!(Err::<(), _>(Missing("the moon (this line belongs to a test of skipping itself)".into())));
        panic!("went on");
    }
    needs();
}

#[test]
fn names_are_unique() {
    assert_ne!(unique_name("a"), unique_name("a"));
}
