//! Whole releases: order, validation before the first write, and an inventory that is true whenever the process ends.

use std::collections::BTreeSet;
use std::path::Path;

use evenkeel::apply::{Action, Options};
use evenkeel::cluster::Verb;
use evenkeel::manifest::{LABEL_ENVIRONMENT, Object};
use serde_json::json;

use super::faults::Network;
use super::{Bench, config_map, deployment, object, words};
use crate::harness::unique_name;

pub(crate) async fn install_upgrade_prune_uninstall(kubeconfig: &Path) {
    let bench = Bench::new(kubeconfig).await;
    let report = bench.settle("a", Some(vec![config_map("x", "1"), config_map("y", "1"), deployment("d", 1)])).await;
    assert_eq!(words(&report), ["created d", "created x", "created y"]);
    let entry = &report.record.inventory.objects[&bench.id("apps/Deployment", "d")];
    assert!(!entry.uid.is_empty() && !entry.mark.is_empty() && !entry.desired.is_empty(), "{entry:?}");

    let steady = vec![config_map("x", "1"), config_map("y", "1"), deployment("d", 1)];
    let (plan, record) = bench.plan("a", Some(steady)).await;
    assert!(plan.is_empty(), "{:?}", plan.printable());
    let before = bench.cluster.requests();
    let release = &plan.releases[0];
    let options = Options::default();
    let applied =
        evenkeel::apply::apply_release(&bench.cluster, &bench.environment, "r1", release, record, &options).await;
    let none = BTreeSet::new();
    evenkeel::apply::prune_release(&bench.cluster, &bench.environment, release, applied.record, &none, &options).await;
    assert_eq!(bench.cluster.requests().since(&before).total(), 0, "nothing to do costs nothing");

    let report = bench.settle("a", Some(vec![config_map("x", "2"), deployment("d", 1)])).await;
    assert_eq!(words(&report), ["configured x", "deleted y"]);
    assert_eq!(report.record.inventory.objects.len(), 2);
    let report = bench.settle("a", None).await;
    assert_eq!(words(&report), ["deleted d", "deleted x"]);
    assert!(bench.cluster.inventory(&bench.environment, "a").await.unwrap().is_none());
}

pub(crate) async fn one_invalid_object_and_nothing_is_applied(kubeconfig: &Path) {
    let bench = Bench::with_namespace(kubeconfig).await;
    let mut invalid = deployment("d", 1);
    invalid.value_mut()["spec"]["template"]["metadata"]["labels"]["app"] = json!("other");
    let before = bench.cluster.requests();
    let report = bench.settle("a", Some(vec![config_map("x", "1"), invalid])).await;
    let words = words(&report);
    assert!(words.len() == 1 && words[0].contains("does not match template `labels`"), "{words:?}");
    assert_eq!(bench.cluster.requests().since(&before).of(Verb::Apply), 0);
    assert!(bench.live(&bench.id("/ConfigMap", "x")).await.is_none());
    assert!(bench.cluster.inventory(&bench.environment, "a").await.unwrap().is_none());
}

fn definition(group: &str) -> Object {
    object(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("widgets.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}}}]}}))
}

fn widget(group: &str, spec: &serde_json::Value) -> Object {
    object(json!({"apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}))
}

pub(crate) async fn a_definition_and_its_objects_in_one_release(kubeconfig: &Path) {
    let bench = Bench::new(kubeconfig).await;
    let group = format!("{}.example.com", unique_name("g"));
    let report = bench.settle("a", Some(vec![widget(&group, &json!({"size": 3})), definition(&group)])).await;
    let name = format!("widgets.{group}");
    assert_eq!(words(&report), ["created w".to_owned(), format!("created {name}")]);
    // A typo in a custom object is found too, though its server would drop the field without a word.
    let report = bench.settle("a", Some(vec![widget(&group, &json!({"sizes": 3})), definition(&group)])).await;
    let failed = words(&report);
    assert!(failed.len() == 1 && failed[0].contains("sizes"), "{failed:?}");
    // The definition is a protected kind: it stays, and stays remembered.
    let report = bench.settle("a", None).await;
    assert_eq!(words(&report), ["deleted w"]);
    assert_eq!(report.record.inventory.objects.keys().map(|id| id.name.clone()).collect::<Vec<_>>(), [name]);
}

pub(crate) async fn custom_objects_go_before_what_serves_them(kubeconfig: &Path) {
    let bench = Bench::with_namespace(kubeconfig).await;
    let group = format!("{}.example.com", unique_name("g"));
    bench.settle("definitions", Some(vec![definition(&group)])).await;
    crate::harness::eventually("the kind to be served", std::time::Duration::from_secs(30), async || {
        let kinds = bench.cluster.refresh_kinds().await.map_err(|e| e.to_string())?;
        let kind = evenkeel::manifest::Gvk::new(&format!("{group}/v1"), "Widget");
        kinds.resource(&kind).map(|_| ()).ok_or_else(|| "not yet".to_owned())
    })
    .await;
    let mut held = widget(&group, &json!({"size": 3}));
    held.value_mut()["metadata"]["finalizers"] = json!([format!("{group}/operator")]);
    let report = bench.settle("a", Some(vec![held, config_map("operator", "1")])).await;
    assert_eq!(words(&report), ["created operator", "created w"]);
    let options = Options { finalized: std::time::Duration::from_millis(300), ..Options::default() };
    let operator = bench.id("/ConfigMap", "operator");
    for attempt in ["the one that deletes", "a later one"] {
        let report = bench.settle_with("a", None, &options).await;
        let error = report.error.as_ref().unwrap_or_else(|| panic!("{attempt}: {:?}", words(&report)));
        let says =
            format!("waits for its finalizers ({group}/operator); the rest of the release stays until it is gone");
        assert!(error.to_string().ends_with(&says) && error.retryable(), "{attempt}: {error}");
        assert!(bench.live(&operator).await.is_some(), "{attempt}: what may be needed stays");
        inventory_names_all(&bench, attempt).await;
    }
    // The operator does what it has to.
    let resource = kube::core::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(&group, "v1", "Widget"));
    let widgets: kube::Api<kube::api::DynamicObject> =
        kube::Api::namespaced_with(bench.cluster.client(), &bench.namespace, &resource);
    let done = kube::api::Patch::Merge(json!({"metadata": {"finalizers": null}}));
    widgets.patch("w", &kube::api::PatchParams::default(), &done).await.unwrap();
    let report = bench.settle_with("a", None, &options).await;
    assert_eq!(words(&report), ["deleted operator", "skipped w"]);
    assert!(bench.cluster.inventory(&bench.environment, "a").await.unwrap().is_none());
}

/// Everything that is there of an environment stands in the inventory.
async fn inventory_names_all(bench: &Bench, place: &str) {
    let stored = bench.cluster.inventory(&bench.environment, "a").await.unwrap();
    let inventory = stored.map(|s| s.content.unwrap()).unwrap_or_default();
    let selector = format!("{LABEL_ENVIRONMENT}={}", bench.environment);
    for kind in [("v1", "ConfigMap"), ("apps/v1", "Deployment")] {
        let resource = bench.cluster.resource(&evenkeel::manifest::Gvk::new(kind.0, kind.1)).await.unwrap();
        for live in bench.cluster.list_metadata(&resource, "", &selector).await.unwrap() {
            assert!(inventory.objects.contains_key(&live.id()), "{place}: {} is not in {inventory:?}", live.id());
        }
    }
}

pub(crate) async fn the_inventory_is_true_wherever_the_process_ends(kubeconfig: &Path) {
    // Install, then an upgrade that creates, changes and deletes: cut after every number of writes, the last one with and
    // without reaching the server.
    for lose_answer in [false, true] {
        for writes in 0..9 {
            let place = format!("after {writes} writes, answer lost: {lose_answer}");
            let bench = Bench::with_namespace(kubeconfig).await;
            let network = Network::failing_after(writes, lose_answer);
            let broken = bench.through(network.before(&bench.cluster));
            let first = vec![config_map("x", "1"), config_map("y", "1"), deployment("d", 1)];
            let second = vec![config_map("x", "2"), config_map("z", "1"), deployment("d", 1)];
            for objects in [first, second.clone()] {
                if network.is_open() {
                    broken.settle("a", Some(objects)).await;
                }
            }
            assert!(!network.is_open() || writes > 7, "{place}: the network was never cut");
            inventory_names_all(&bench, &place).await;
            // The next pass ends it.
            let report = bench.settle("a", Some(second.clone())).await;
            assert!(report.succeeded(), "{place}: {:?}", words(&report));
            inventory_names_all(&bench, &place).await;
            let (plan, record) = bench.plan("a", Some(second)).await;
            assert!(plan.is_empty(), "{place}: {:?}", plan.printable());
            let owned: Vec<&str> = record.inventory.objects.keys().map(|id| id.name.as_str()).collect();
            assert_eq!(owned, ["x", "z", "d"], "{place}");
            assert!(record.inventory.objects.values().all(|a| !a.uid.is_empty()), "{place}");
            assert!(bench.live(&bench.id("/ConfigMap", "y")).await.is_none(), "{place}");
        }
    }
}

pub(crate) async fn an_interruption_finishes_the_object_in_hand(kubeconfig: &Path) {
    let bench = Bench::with_namespace(kubeconfig).await;
    let options = Options { parallel: 1, ..Options::default() };
    let cancel = options.cancel.clone();
    let stop = move |_: &evenkeel::apply::ObjectResult| cancel.cancel();
    let options = Options { on_object: &stop, ..options };
    let all: Vec<Object> = (0..5).map(|i| config_map(&format!("c{i}"), "1")).collect();
    let report = bench.settle_with("a", Some(all.clone()), &options).await;
    assert_eq!(words(&report), ["created c0", "error: interrupted"]);
    assert_eq!(report.record.inventory.objects.len(), 1, "what was never sent is not owned");
    inventory_names_all(&bench, "interrupted").await;
    let report = bench.settle("a", Some(all)).await;
    assert_eq!(report.objects.iter().filter(|o| o.outcome.as_ref().unwrap() == &Action::Created).count(), 4);
}

pub(crate) async fn two_writers_of_one_inventory_do_not_lose_each_others_entries(kubeconfig: &Path) {
    let bench = Bench::with_namespace(kubeconfig).await;
    bench.settle("a", Some(vec![config_map("x", "1")])).await;
    let (plan, stale) = bench.plan("a", Some(vec![config_map("x", "1"), config_map("late", "1")])).await;
    bench.settle("a", Some(vec![config_map("x", "1"), config_map("early", "1")])).await;
    let options = Options::default();
    let report =
        evenkeel::apply::apply_release(&bench.cluster, &bench.environment, "r1", &plan.releases[0], stale, &options)
            .await;
    let error = report.error.unwrap().to_string();
    assert!(error.starts_with("another evenkeel has changed the inventory"), "{error}");
    assert!(bench.live(&bench.id("/ConfigMap", "late")).await.is_none(), "nothing is applied over it");
    inventory_names_all(&bench, "two writers").await;
}
