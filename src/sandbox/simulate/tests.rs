//! Controllers over the store alone: no server, no waiting, time as an argument.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Simulation;
use crate::sandbox::error::ApiError;
use crate::sandbox::patch::PatchKind;
use crate::sandbox::resources::table;
use crate::sandbox::selector::Selector;
use crate::sandbox::store::{
    CRDS, ChangeKind, DeleteOptions, ListOptions, Propagation, Store, Target, Validation, WATCH_HISTORY, WriteOptions,
    is_true,
};

/// A cluster whose time moves only when a test says so.
struct Cluster {
    store: Store,
    simulation: Simulation,
    now: Timestamp,
}

impl Cluster {
    fn new() -> Self {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut store = Store::new(now);
        let mut simulation = Simulation::new(std::time::Duration::from_millis(150));
        simulation.start(&mut store, now);
        Self { store, simulation, now }
    }

    /// Lets everything happen that happens within a while.
    fn settle(&mut self) {
        for _ in 0..200 {
            let Some(next) = self.simulation.catch_up(&mut self.store, self.now) else { return };
            self.now = self.now.max(next);
        }
        panic!("the cluster does not come to rest");
    }

    fn target(&self, api_version: &str, plural: &str, name: &str) -> Target {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = self.store.registry().find(group, version, plural).unwrap();
        let namespace = if resource.namespaced { "default" } else { "" };
        Target { resource, namespace: namespace.into(), name: name.into(), subresource: String::new() }
    }

    fn create(&mut self, plural: &str, object: Value) -> Result<Value, ApiError> {
        let target = self.target(object["apiVersion"].as_str().unwrap(), plural, "");
        let written = self.store.create(&target, object, &WriteOptions::by("test"), self.now)?;
        Ok((*written.object).clone())
    }

    fn apply(&mut self, plural: &str, manager: &str, object: &Value) -> Result<Value, ApiError> {
        let name = object["metadata"]["name"].as_str().unwrap();
        let target = self.target(object["apiVersion"].as_str().unwrap(), plural, name);
        let options = WriteOptions::by(manager);
        let written = self.store.patch(&target, object, PatchKind::Apply, &options, self.now)?;
        Ok((*written.object).clone())
    }

    fn get(&self, table: &str, name: &str) -> Option<Value> {
        self.store.look(table, "default", name).map(|o| (*o).clone())
    }

    fn names(&self, table: &str) -> Vec<String> {
        let objects = self.store.objects(table, "default");
        objects.iter().map(|o| o["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    fn delete(&mut self, api_version: &str, plural: &str, name: &str, propagation: Option<Propagation>) -> Value {
        let target = self.target(api_version, plural, name);
        let options = DeleteOptions { propagation, ..DeleteOptions::default() };
        self.store.delete(&target, &options, self.now).unwrap()
    }
}

fn workload(kind: &str, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    })
}

#[test]
fn a_deployment_rolls_out_and_over() {
    let mut cluster = Cluster::new();
    cluster.create("deployments", workload("Deployment", "web:1")).unwrap();
    cluster.simulation.catch_up(&mut cluster.store, cluster.now);
    let early = cluster.get("deployments.apps", "web").unwrap();
    assert!(!is_true(&early, "Available"), "not before its pods are ready");
    cluster.settle();
    let done = cluster.get("deployments.apps", "web").unwrap();
    assert_eq!(done["status"]["availableReplicas"], 2);
    assert_eq!(done["status"]["observedGeneration"], 1);
    assert!(is_true(&done, "Available"));
    assert_eq!(cluster.names("pods").len(), 2);

    cluster.apply("deployments", "test2", &workload("Deployment", "web:1")).unwrap();
    let target = cluster.target("apps/v1", "deployments", "web");
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}}});
    cluster.store.patch(&target, &patch, PatchKind::Strategic, &WriteOptions::by("test"), cluster.now).unwrap();
    cluster.settle();
    let images: Vec<Value> =
        cluster.store.objects("pods", "default").iter().map(|p| p["spec"]["containers"][0]["image"].clone()).collect();
    assert_eq!(images, [json!("web:2"), json!("web:2")]);
    let done = cluster.get("deployments.apps", "web").unwrap();
    assert_eq!(done["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
    assert_eq!(done["metadata"]["generation"], 2);
    let entries = done["metadata"]["managedFields"].as_array().unwrap();
    let controller = entries.iter().find(|e| e["manager"] == "kube-controller-manager").unwrap();
    assert_eq!(controller["subresource"], "status");
    assert_eq!(cluster.names("replicasets.apps").len(), 2, "the old one stays for a rollback");

    cluster.delete("apps/v1", "deployments", "web", None);
    cluster.settle();
    assert_eq!(cluster.names("replicasets.apps"), [""; 0]);
    assert_eq!(cluster.names("pods"), [""; 0]);
}

#[test]
fn a_stateful_set_keeps_its_claims() {
    let mut cluster = Cluster::new();
    let mut set = workload("StatefulSet", "db:1");
    set["spec"]["serviceName"] = "web".into();
    set["spec"]["volumeClaimTemplates"] = json!([{
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }]);
    cluster.create("statefulsets", set).unwrap();
    cluster.settle();
    assert_eq!(cluster.names("pods"), ["web-0", "web-1"]);
    assert_eq!(cluster.names("persistentvolumeclaims"), ["data-web-0", "data-web-1"]);
    let claim = cluster.get("persistentvolumeclaims", "data-web-0").unwrap();
    assert_eq!(claim["status"]["phase"], "Bound");
    let done = cluster.get("statefulsets.apps", "web").unwrap();
    assert_eq!((&done["status"]["readyReplicas"], &done["status"]["availableReplicas"]), (&json!(2), &json!(2)));
    assert_eq!(done["status"]["currentRevision"], done["status"]["updateRevision"]);

    cluster.delete("apps/v1", "statefulsets", "web", None);
    cluster.settle();
    assert_eq!(cluster.names("pods"), [""; 0]);
    assert_eq!(cluster.names("persistentvolumeclaims"), ["data-web-0", "data-web-1"]);
    cluster.delete("v1", "persistentvolumeclaims", "data-web-0", None);
    cluster.settle();
    assert_eq!(cluster.names("persistentvolumeclaims"), ["data-web-1"]);
    assert_eq!(cluster.store.objects("persistentvolumes", "").len(), 1);
}

#[test]
fn daemons_run_and_jobs_end() {
    let mut cluster = Cluster::new();
    let mut set = workload("DaemonSet", "agent:1");
    set["spec"].as_object_mut().unwrap().remove("replicas");
    cluster.create("daemonsets", set).unwrap();
    let job = |name: &str, outcome: &str| {
        json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
            "spec": {"backoffLimit": 1, "template": {
                "metadata": {"annotations": {"evenkeel.dev/test-outcome": outcome}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]},
            }},
        })
    };
    cluster.create("jobs", job("good", "")).unwrap();
    cluster.create("jobs", job("bad", "fail")).unwrap();
    cluster.settle();
    let daemon = cluster.get("daemonsets.apps", "web").unwrap();
    assert_eq!(daemon["status"]["numberReady"], 1);
    let good = cluster.get("jobs.batch", "good").unwrap();
    assert!(is_true(&good, "Complete"));
    assert_eq!(good["status"]["succeeded"], 1);
    let bad = cluster.get("jobs.batch", "bad").unwrap();
    assert!(is_true(&bad, "Failed"));
    assert_eq!(bad["status"]["failed"], 2);
}

#[test]
fn owners_take_their_dependents_along() {
    for (policy, stays) in
        [(Propagation::Background, false), (Propagation::Foreground, false), (Propagation::Orphan, true)]
    {
        let mut cluster = Cluster::new();
        cluster.create("deployments", workload("Deployment", "web:1")).unwrap();
        cluster.settle();
        let answer = cluster.delete("apps/v1", "deployments", "web", Some(policy));
        if policy == Propagation::Foreground {
            assert_eq!(answer["metadata"]["finalizers"], json!(["foregroundDeletion"]));
        }
        cluster.settle();
        assert_eq!(cluster.get("deployments.apps", "web"), None, "{policy:?}");
        assert_eq!(cluster.names("replicasets.apps").len(), usize::from(stays), "{policy:?}");
        assert_eq!(cluster.names("pods").len(), if stays { 2 } else { 0 }, "{policy:?}");
        for set in cluster.store.objects("replicasets.apps", "default") {
            assert!(set["metadata"].get("ownerReferences").is_none());
        }
    }
}

#[test]
fn a_namespace_takes_everything_along() {
    let mut cluster = Cluster::new();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    cluster.create("namespaces", namespace).unwrap();
    cluster.settle();
    assert!(cluster.store.look("serviceaccounts", "shop", "default").is_some());
    let held = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["example.com/hold"]},
    });
    let target = Target { namespace: "shop".into(), ..cluster.target("v1", "configmaps", "") };
    cluster.store.create(&target, held, &WriteOptions::by("test"), cluster.now).unwrap();
    cluster.delete("v1", "namespaces", "shop", None);
    cluster.settle();
    let waiting = cluster.store.look("namespaces", "", "shop").unwrap();
    assert_eq!(waiting["status"]["phase"], "Terminating");
    assert!(cluster.store.look("serviceaccounts", "shop", "default").is_none());
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}});
    let refused = cluster.store.create(&target, other, &WriteOptions::by("test"), cluster.now).unwrap_err();
    assert_eq!(refused.code, 403, "{refused}");

    let target = Target { name: "held".into(), ..target };
    let patch = json!({"metadata": {"finalizers": null}});
    cluster.store.patch(&target, &patch, PatchKind::Merge, &WriteOptions::by("test"), cluster.now).unwrap();
    cluster.settle();
    assert!(cluster.store.look("namespaces", "", "shop").is_none());
}

fn gadgets() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "gadgets", "kind": "Gadget", "shortNames": ["gd"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "required": ["size"], "properties": {
                        "size": {"type": "integer"}, "color": {"type": "string", "default": "red"},
                    }},
                    "status": {"type": "object", "properties": {"size": {"type": "integer"}}},
                }}},
            }],
        },
    })
}

#[test]
fn a_definition_serves_its_kind_and_takes_it_along() {
    let mut cluster = Cluster::new();
    cluster.create("customresourcedefinitions", gadgets()).unwrap();
    assert!(cluster.store.registry().find("example.com", "v1", "gadgets").is_none(), "not before it is established");
    cluster.settle();
    let gadget = json!({
        "apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "a"},
        "spec": {"size": 2, "colour": "blue"}, "status": {"size": 7},
    });
    let created = cluster.apply(
        "gadgets",
        "evenkeel",
        &json!({
            "apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "a"}, "spec": {"size": 2},
        }),
    );
    assert_eq!(created.unwrap()["spec"], json!({"size": 2, "color": "red"}));
    let strict = WriteOptions { validation: Validation::Strict, ..WriteOptions::by("test") };
    let target = cluster.target("example.com/v1", "gadgets", "");
    let refused = cluster.store.create(&target, gadget, &strict, cluster.now).unwrap_err();
    assert!(refused.message.contains("unknown field \"spec.colour\""), "{refused}");
    let missing = json!({"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "b"}, "spec": {}});
    let refused = cluster.create("gadgets", missing).unwrap_err();
    assert_eq!(refused.message, "Gadget.example.com \"b\" is invalid: spec.size: Required value");

    let scale = Target { subresource: "scale".into(), ..cluster.target("example.com/v1", "gadgets", "a") };
    let patch = json!({"spec": {"replicas": 5}});
    let scaled =
        cluster.store.patch(&scale, &patch, PatchKind::Merge, &WriteOptions::by("kubectl"), cluster.now).unwrap();
    assert_eq!(scaled.object["kind"], "Scale");
    let gadget = cluster.get("gadgets.example.com", "a").unwrap();
    assert_eq!(gadget["spec"]["size"], 5);
    let entries = gadget["metadata"]["managedFields"].as_array().unwrap();
    assert!(entries.iter().any(|e| e["manager"] == "kubectl" && e["subresource"] == "scale"), "{entries:?}");

    let status = Target { subresource: "status".into(), ..cluster.target("example.com/v1", "gadgets", "a") };
    let patch = json!({"spec": {"size": 9}, "status": {"size": 5}});
    cluster.store.patch(&status, &patch, PatchKind::Merge, &WriteOptions::by("test"), cluster.now).unwrap();
    let gadget = cluster.get("gadgets.example.com", "a").unwrap();
    assert_eq!((&gadget["spec"]["size"], &gadget["status"]["size"]), (&json!(5), &json!(5)));

    cluster.delete("apiextensions.k8s.io/v1", "customresourcedefinitions", "gadgets.example.com", None);
    cluster.settle();
    assert!(cluster.store.objects(CRDS, "").is_empty());
    assert!(cluster.store.registry().find("example.com", "v1", "gadgets").is_none());
    assert!(cluster.store.objects(&table("example.com", "gadgets"), "").is_empty());
}

#[test]
fn writes_are_checked_against_the_newest_version() {
    let mut cluster = Cluster::new();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "1"}});
    let first = cluster.create("configmaps", map.clone()).unwrap();
    assert_eq!(cluster.create("configmaps", map.clone()).unwrap_err().reason, "AlreadyExists");
    let target = cluster.target("v1", "configmaps", "a");
    let by = WriteOptions::by("test");
    let mut second = first.clone();
    second["data"]["k"] = "2".into();
    let written = cluster.store.update(&target, second.clone(), &by, cluster.now).unwrap();
    assert_ne!(written.object["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let stale = cluster.store.update(&target, second, &by, cluster.now).unwrap_err();
    assert_eq!(stale.reason, "Conflict");
    let mut same = (*written.object).clone();
    same["metadata"]["resourceVersion"] = written.object["metadata"]["resourceVersion"].clone();
    let again = cluster.store.update(&target, same, &by, cluster.now).unwrap();
    assert_eq!(again.object, written.object, "a write of the same makes no version");

    let foreign = WriteOptions::by("other");
    let refused = cluster.store.patch(&target, &map, PatchKind::Apply, &foreign, cluster.now).unwrap_err();
    assert_eq!(refused.reason, "Conflict");
    assert_eq!(refused.details.unwrap()["causes"][0]["field"], ".data.k");
    let forced = WriteOptions { force: true, ..foreign };
    let written = cluster.store.patch(&target, &map, PatchKind::Apply, &forced, cluster.now).unwrap();
    assert_eq!(written.object["data"]["k"], "1");

    let dry = WriteOptions { dry_run: true, force: true, ..WriteOptions::by("dry") };
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "9"}});
    let shown = cluster.store.patch(&target, &other, PatchKind::Apply, &dry, cluster.now).unwrap();
    assert_eq!(shown.object["data"]["k"], "9");
    assert_eq!(cluster.get("configmaps", "a").unwrap()["data"]["k"], "1");

    let wrong = DeleteOptions { uid: Some("no".into()), ..DeleteOptions::default() };
    assert_eq!(cluster.store.delete(&target, &wrong, cluster.now).unwrap_err().reason, "Conflict");
    let mut nowhere = target.clone();
    nowhere.namespace = "nowhere".into();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    let refused = cluster.store.create(&nowhere, map, &by, cluster.now).unwrap_err();
    assert_eq!(refused.message, "namespaces \"nowhere\" not found");
}

#[test]
fn lists_come_in_pages_and_histories_end() {
    let mut cluster = Cluster::new();
    for number in 0..5 {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("m{number}"), "labels": {"n": "x"}}});
        cluster.create("configmaps", map).unwrap();
    }
    let target = cluster.target("v1", "configmaps", "");
    let mut options = ListOptions { limit: 2, ..ListOptions::default() };
    let mut seen = Vec::new();
    loop {
        let page = cluster.store.list(&target, &options).unwrap();
        seen.extend(page.items.iter().map(|o| o["metadata"]["name"].as_str().unwrap().to_owned()));
        if page.token.is_empty() {
            break;
        }
        options.token = page.token;
    }
    assert_eq!(seen, ["kube-root-ca.crt", "m0", "m1", "m2", "m3", "m4"]);
    let start = cluster.store.version();
    let target = cluster.target("v1", "configmaps", "m0");
    let selector = Selector::parse("configmaps", "n=x", "").unwrap();
    let patch = json!({"metadata": {"labels": {"n": "y"}}});
    cluster.store.patch(&target, &patch, PatchKind::Merge, &WriteOptions::by("test"), cluster.now).unwrap();
    let (_, events) = cluster.store.events(&target, &selector, start).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].kind, ChangeKind::Deleted, "it is no longer selected");
    for number in 0..=WATCH_HISTORY {
        let patch = json!({"data": {"n": number.to_string()}});
        cluster.store.patch(&target, &patch, PatchKind::Merge, &WriteOptions::by("test"), cluster.now).unwrap();
    }
    assert_eq!(cluster.store.events(&target, &selector, start).unwrap_err().code, 410);
    let later = cluster.now.checked_add(SignedDuration::from_secs(1)).unwrap();
    assert!(cluster.simulation.run(&mut cluster.store, later).is_none_or(|at| at >= cluster.now));
}
