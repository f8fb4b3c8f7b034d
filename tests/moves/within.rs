//! Moves within an environment: between names, releases and namespaces.

use std::path::Path;

use evenkeel::plan::Verb;
use evenkeel::report::ReleaseState;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{KINDS, World, config_map, count, of, options, several, verbs};

const HOOK: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-end
  annotations: {helm.sh/hook: \"pre-delete,post-delete\"}
";
const OBJECTS: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: {{ .Values.a | quote }}}\n";

/// A chart with one object of a fixed name, and a hook that runs when the release comes to its end.
fn chart(world: &World) {
    world
        .repository
        .write("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
        .write("charts/web/values.yaml", "a: one\n")
        .write("charts/web/templates/objects.yaml", OBJECTS)
        .write("charts/web/templates/end.yaml", HOOK);
}

fn chart_release(world: &World, home: &str, settings: &str) {
    let text = format!("{}chart: charts/web\n{settings}", super::RELEASE);
    world.repository.write(&format!("environments/{home}/release.yaml"), &text);
}

/// The folder is renamed, helm's name stays: it is the same release, and nothing has come to an end.
pub(super) async fn a_renamed_release_keeps_its_history(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.environment("staging", "");
    chart(&world);
    chart_release(&world, "staging/old", "releaseName: web\n");
    let before = world.commit();
    world.settle("staging", &before).await;
    let id = world.id("/ConfigMap", "settings");
    let uids = world.uids(std::slice::from_ref(&id)).await;

    world.rename("staging/old", "staging/new");
    let after = world.commit();
    let report = world.settle("staging", &after).await;
    assert_eq!((count(&report, Verb::Transfer), count(&report, Verb::Prune)), (1, 0), "{:#?}", report.plan);
    assert_eq!(world.uids(std::slice::from_ref(&id)).await, uids);
    assert_eq!(world.history(&world.namespace, "web").await, [1], "not deleted, and no new revision");
    let end = world.id("/ConfigMap", "web-end");
    assert!(world.cluster.get(&end, "v1").await.unwrap().is_none(), "no hook of its end ran");
    assert_eq!(world.owned().await.keys().collect::<Vec<_>>(), ["staging/new"]);
    world.rests("staging", &after).await;

    world.repository.replace("charts/web/values.yaml", "one", "two");
    let next = world.commit();
    world.settle("staging", &next).await;
    assert_eq!(world.history(&world.namespace, "web").await, [1, 2]);

    // It really goes.
    world.remove("staging/new");
    let gone = world.commit();
    world.settle("staging", &gone).await;
    assert!(world.cluster.get(&end, "v1").await.unwrap().is_some(), "now they ran");
    assert_eq!(world.history(&world.namespace, "web").await, [0; 0]);
}

/// `releaseName` changes: the same folder, another history.
pub(super) async fn another_helm_name_moves_the_history(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.environment("staging", "");
    chart(&world);
    chart_release(&world, "staging/web", "");
    let before = world.commit();
    world.settle("staging", &before).await;
    let id = world.id("/ConfigMap", "settings");
    let uids = world.uids(std::slice::from_ref(&id)).await;
    chart_release(&world, "staging/web", "releaseName: site\n");
    let after = world.commit();
    let report = world.settle("staging", &after).await;
    assert_eq!(count(&report, Verb::Prune), 0, "{:#?}", report.plan);
    assert_eq!(world.uids(std::slice::from_ref(&id)).await, uids);
    assert_eq!(world.history(&world.namespace, "site").await.len(), 1);
    assert_eq!(world.history(&world.namespace, "web").await, [0; 0]);
    world.rests("staging", &after).await;
}

/// One becomes two, and two become one, each in one commit.
pub(super) async fn a_release_is_split_and_merged(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.environment("staging", "");
    world.release("staging/all", "", &(several("a") + &several("b")));
    let before = world.commit();
    world.settle("staging", &before).await;
    let ids = KINDS.iter().flat_map(|kind| [world.id(kind, "a"), world.id(kind, "b")]).collect::<Vec<_>>();
    let uids = world.uids(&ids).await;

    world.remove("staging/all");
    world.release("staging/one", "", &several("a"));
    world.release("staging/two", "", &several("b"));
    let split = world.commit();
    let report = world.settle("staging", &split).await;
    assert_eq!((count(&report, Verb::Transfer), count(&report, Verb::Prune)), (ids.len(), 0));
    assert_eq!(world.uids(&ids).await, uids);
    assert_eq!(world.owned().await.keys().collect::<Vec<_>>(), ["staging/one", "staging/two"]);
    world.rests("staging", &split).await;

    world.remove("staging/one");
    world.remove("staging/two");
    world.release("staging/all", "", &(several("a") + &several("b")));
    let merged = world.commit();
    let report = world.settle("staging", &merged).await;
    assert_eq!((count(&report, Verb::Transfer), count(&report, Verb::Prune)), (ids.len(), 0));
    assert_eq!(world.uids(&ids).await, uids);
    assert_eq!(world.owned().await.keys().collect::<Vec<_>>(), ["staging/all"]);
    for (name, revisions) in [("all", 1), ("one", 0), ("two", 0)] {
        assert_eq!(world.history(&world.namespace, name).await.len(), revisions, "{name}");
    }
    world.rests("staging", &merged).await;
}

/// A release goes to another namespace: its old objects stay until the new ones are ready.
pub(super) async fn another_namespace_is_new_objects_first(kubeconfig: &Path) {
    let gate = "timeout: 2s\nhealth:\n- {apiVersion: v1, kind: ConfigMap, current: has(metadata.annotations.open)}\n";
    let world = World::new(kubeconfig).await;
    world.environment("staging", "");
    world.release("staging/web", "", &config_map("web", "1"));
    let before = world.commit();
    world.settle("staging", &before).await;
    let old = world.id("/ConfigMap", "web");
    let namespace = format!("{}-new", world.namespace);
    world.release("staging/web", &format!("namespace: {namespace}\n{gate}"), &config_map("web", "1"));
    let after = world.commit();
    let mut reconciler = world.reconciler("staging");
    let report = reconciler.pass(&after, &options(true), &|_| {}).await;
    assert_eq!(of(&report, "web").state, ReleaseState::Failed, "{:?}", report.status);
    assert_eq!(verbs(report.plan.as_ref().unwrap()).len(), 2, "{:?}", verbs(report.plan.as_ref().unwrap()));
    world.live(&old).await;
    let new: evenkeel::manifest::ObjectId = format!("/ConfigMap/{namespace}/web").parse().unwrap();
    world.live(&new).await;

    let open = Patch::Merge(json!({"metadata": {"annotations": {"open": "yes"}}}));
    let maps: Api<k8s_openapi::api::core::v1::ConfigMap> = Api::namespaced(world.cluster.client(), &namespace);
    maps.patch("web", &PatchParams::default(), &open).await.unwrap();
    let report = reconciler.pass(&after, &options(true), &|_| {}).await;
    assert!(!report.failed, "{:?}", report.status);
    assert!(world.cluster.get(&old, "v1").await.unwrap().is_none());
    assert_eq!(world.history(&namespace, "web").await.len(), 1);
    assert_eq!(world.history(&world.namespace, "web").await, [0; 0]);
}
