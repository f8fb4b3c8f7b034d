//! Drift is seen when it happens, and not missed when the network breaks; in between nothing is asked.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use evenkeel::cluster::{Cluster, LiveEvent, Verb, Watcher, mark_of, mark_text};
use evenkeel::manifest::{Gvk, ObjectId};
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use super::faults::Network;
use super::{Bench, config_map, deployment, object, words};
use crate::harness::eventually;

const DEADLINE: Duration = Duration::from_secs(60);

struct Watching {
    watcher: Watcher,
    events: UnboundedReceiver<LiveEvent>,
    mine: BTreeSet<ObjectId>,
}

impl Watching {
    /// Follows Deployments and ConfigMaps; other tests' objects are not looked at.
    async fn start(cluster: &Cluster, mine: impl IntoIterator<Item = ObjectId>) -> Self {
        let (watcher, events) = Watcher::start(cluster);
        let kinds = cluster.kinds().await.unwrap();
        let resource = |version: &str, kind: &str| kinds.resource(&Gvk::new(version, kind)).unwrap().clone();
        watcher.add([resource("apps/v1", "Deployment"), resource("v1", "ConfigMap")]);
        watcher.add_autoscalers(resource("autoscaling/v2", "HorizontalPodAutoscaler"));
        tokio::time::timeout(DEADLINE, watcher.settled()).await.unwrap();
        assert_eq!(watcher.lost(), []);
        Self { watcher, events, mine: mine.into_iter().collect() }
    }

    async fn next(&mut self, what: &str, wanted: impl Fn(&LiveEvent) -> bool) -> LiveEvent {
        let wait = async {
            loop {
                let event = self.events.recv().await.unwrap();
                let ours = match &event {
                    LiveEvent::Changed { id, .. } | LiveEvent::Gone { id, .. } => self.mine.contains(id),
                    _ => true,
                };
                if ours && wanted(&event) {
                    return event;
                }
            }
        };
        match tokio::time::timeout(DEADLINE, wait).await {
            Ok(event) => event,
            Err(_) => panic!("waited {DEADLINE:?} for {what}"),
        }
    }

    /// Waits until what is known is what is there.
    async fn agrees(&mut self, bench: &Bench) {
        let end = tokio::time::Instant::now() + DEADLINE;
        loop {
            let mut differs = None;
            for id in &self.mine {
                let live = bench.cluster.get_metadata(id, "v1").await.unwrap();
                let live = live.map(|o| mark_of(&o.value()["metadata"]["managedFields"]).map(mark_text));
                let known = self.watcher.get(id).map(|seen| seen.mark);
                if live != known {
                    differs = Some(format!("{id}: {live:?}, known as {known:?}"));
                }
            }
            let Some(differs) = differs else { return };
            let next = tokio::time::timeout_at(end, self.events.recv()).await;
            assert!(next.is_ok(), "waited {DEADLINE:?} for agreement: {differs}");
        }
    }

    async fn changed(&mut self, id: &ObjectId) {
        self.next(
            &format!("a change of {id}"),
            |e| matches!(e, LiveEvent::Changed { id: changed, .. } if changed == id),
        )
        .await;
    }

    async fn gone(&mut self, id: &ObjectId) {
        self.next(&format!("the end of {id}"), |e| matches!(e, LiveEvent::Gone { id: gone, .. } if gone == id)).await;
    }
}

async fn patch(bench: &Bench, kind: &str, name: &str, change: serde_json::Value) {
    use kube::api::{Api, DynamicObject, Patch, PatchParams};
    let gvk = match kind {
        "Deployment" => kube::core::GroupVersionKind::gvk("apps", "v1", kind),
        _ => kube::core::GroupVersionKind::gvk("", "v1", kind),
    };
    let resource = kube::core::ApiResource::from_gvk(&gvk);
    let api: Api<DynamicObject> = Api::namespaced_with(bench.cluster.client(), &bench.namespace, &resource);
    let by = PatchParams { field_manager: Some("somebody".to_owned()), ..PatchParams::default() };
    api.patch(name, &by, &Patch::Merge(change)).await.unwrap();
}

pub(crate) async fn drift_is_seen_and_nothing_else_is_asked(kubeconfig: &Path) {
    let bench = Bench::new(kubeconfig).await;
    let report = bench.settle("a", Some(vec![deployment("d", 2), config_map("c", "1"), config_map("gone", "1")])).await;
    let inventory = report.record.inventory;
    let (d, c, gone) = (bench.id("apps/Deployment", "d"), bench.id("/ConfigMap", "c"), bench.id("/ConfigMap", "gone"));
    let mine = [d.clone(), c.clone(), gone.clone()];
    let ready = [(d.clone(), "v1".to_owned())];
    assert_eq!(super::wait(&bench.cluster, ready, DEADLINE).await, []);
    let start = bench.cluster.requests();
    let mut watching = Watching::start(&bench.cluster, mine.clone()).await;
    let begun = bench.cluster.requests().since(&start);
    // Three kinds; a page more for every 500 objects that tests beside this one own meanwhile.
    assert!((3..=6).contains(&begun.of(Verb::List)), "{} lists for three kinds", begun.of(Verb::List));
    assert_eq!(begun.of(Verb::Get), 0, "nothing an object");

    // What was applied is what is there, known without reading an object.
    let seen = watching.watcher.of_environment(&bench.environment);
    assert_eq!(seen.keys().collect::<BTreeSet<_>>(), mine.iter().collect());
    for (id, seen) in &seen {
        let entry = &inventory.objects[id];
        assert_eq!((&seen.uid, seen.mark.as_ref()), (&entry.uid, Some(&entry.mark)), "{id}");
        let owner = bench.environment.clone();
        assert_eq!(seen.owner.as_deref(), Some(format!("{id}@{owner}/a").as_str()));
    }

    // The watches open after the lists.
    let opened = eventually("three watches", DEADLINE, async || match bench.cluster.requests().of(Verb::Watch) {
        watches if watches >= start.of(Verb::Watch) + 3 => Ok(()),
        watches => Err(watches),
    });
    opened.await;

    // Each change of a field of ours moves the mark; a foreign field and a status do not.
    let steady = bench.cluster.requests();
    patch(&bench, "ConfigMap", "c", json!({"data": {"foreign": "1"}})).await;
    patch(&bench, "Deployment", "d", json!({"spec": {"replicas": 3}})).await;
    watching.changed(&d).await;
    let mark = |w: &Watching, id: &ObjectId| w.watcher.get(id).unwrap().mark.unwrap();
    assert_ne!(mark(&watching, &d), inventory.objects[&d].mark);
    assert_eq!(mark(&watching, &c), inventory.objects[&c].mark, "a foreign field is not drift");
    patch(&bench, "ConfigMap", "c", json!({"data": {"a": "theirs"}})).await;
    watching.changed(&c).await;
    assert_ne!(mark(&watching, &c), inventory.objects[&c].mark);
    // Managed fields cleared: our entry is gone.
    patch(&bench, "ConfigMap", "c", json!({"metadata": {"managedFields": [{}]}})).await;
    watching.changed(&c).await;
    assert_eq!(watching.watcher.get(&c).unwrap().mark, None);
    // The label removed: the watch of labelled objects says that it is gone.
    patch(&bench, "ConfigMap", "gone", json!({"metadata": {"labels": {"evenkeel.dev/environment": null}}})).await;
    watching.gone(&gone).await;
    // An autoscaler of anyone's.
    let scaler = object(json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h", "namespace": bench.namespace}, "spec": {"maxReplicas": 9,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}}));
    assert_eq!(watching.watcher.autoscalers_of(&d), []);
    assert_eq!(bench.cluster.requests().since(&steady).total(), 0, "a steady state asks nothing");
    let owner = bench.owner("b");
    let (before, accept) = (evenkeel::apply::Before::Absent, evenkeel::apply::Accept::Own);
    evenkeel::apply::apply_object(&bench.cluster, &scaler, &owner, before, accept).await.unwrap();
    let watcher = &watching.watcher;
    let events = &mut watching.events;
    let owned = async {
        while watcher.autoscalers_of(&d).is_empty() {
            events.recv().await.unwrap();
        }
    };
    tokio::time::timeout(DEADLINE, owned).await.unwrap();
    let known = ("HorizontalPodAutoscaler".to_owned(), format!("{}/h", bench.namespace));
    assert_eq!(watcher.autoscalers_of(&d), [known]);
}

pub(crate) async fn no_change_is_missed_while_the_server_is_away(kubeconfig: &Path) {
    let bench = Bench::with_namespace(kubeconfig).await;
    let report = bench.settle("a", Some(vec![config_map("x", "1"), config_map("y", "1")])).await;
    assert!(report.succeeded(), "{:?}", words(&report));
    let (x, y, z) = (bench.id("/ConfigMap", "x"), bench.id("/ConfigMap", "y"), bench.id("/ConfigMap", "z"));
    let network = Network::new();
    let through = network.before(&bench.cluster);
    let mut watching = Watching::start(&through, [x.clone(), y.clone(), z.clone()]).await;
    let config_maps = |kind: &Gvk| kind.kind == "ConfigMap";
    for expired in [false, true] {
        let label = if expired { "expired" } else { "resumed" };
        network.cut();
        watching.next("the loss", |e| matches!(e, LiveEvent::Lost { kind, .. } if config_maps(kind))).await;
        assert!(watching.watcher.lost().iter().any(|(kind, _)| config_maps(kind)));
        patch(&bench, "ConfigMap", "x", json!({"data": {"a": label}})).await;
        if expired {
            bench.settle("a", Some(vec![config_map("x", "1"), config_map("z", "1")])).await;
            network.expire("configmaps");
        }
        let lists = through.requests().of(Verb::List);
        network.mend();
        watching.next("the return", |e| matches!(e, LiveEvent::Synced { kind } if config_maps(kind))).await;
        watching.agrees(&bench).await;
        assert_eq!(watching.watcher.get(&y).is_none(), expired);
        assert_eq!(through.requests().of(Verb::List) > lists, expired, "a list only when the version is too old");
        patch(&bench, "ConfigMap", "x", json!({"data": {"after": label}})).await;
        bench.settle("a", Some(vec![config_map("x", label), config_map("y", "1")])).await;
        watching.agrees(&bench).await;
    }
}

/// What a restart of the daemon costs: one list of pages a kind, nothing an object; and what it keeps of each.
pub(crate) async fn a_restart_reads_pages_not_objects(kubeconfig: &Path) {
    const OBJECTS: usize = 600;
    let bench = Bench::with_namespace(kubeconfig).await;
    let all = (0..OBJECTS).map(|i| config_map(&format!("settings-of-service-{i:04}"), "1")).collect();
    let before = bench.cluster.requests();
    let report = bench.settle("a", Some(all)).await;
    assert!(report.succeeded(), "{:?}", words(&report));
    let made = bench.cluster.requests().since(&before);
    // Every object: a dry run and an apply; for the whole release: its inventory, before and after.
    assert_eq!((made.of(Verb::DryRun), made.of(Verb::Apply)), (OBJECTS as u64, OBJECTS as u64));
    assert!(made.of(Verb::Update) + made.of(Verb::Create) <= 5, "{made:?}");

    let before = bench.cluster.requests();
    let stored = bench.cluster.inventories(&bench.environment).await.unwrap();
    assert_eq!(stored[0].content.as_ref().unwrap().objects.len(), OBJECTS);
    let watching = Watching::start(&bench.cluster, []).await;
    let made = bench.cluster.requests().since(&before);
    assert_eq!(made.of(Verb::Get), 0);
    let (known, bytes) = watching.watcher.size();
    assert!(known >= OBJECTS);
    // Inventories, two kinds of ours and the autoscalers; what runs beside this test may add pages.
    let pages = 4 + known as u64 / 500;
    assert!(made.of(Verb::List) <= pages + 2, "{} lists for {known} objects", made.of(Verb::List));
    assert!(bytes / known <= 160, "{} bytes an object", bytes / known);
}
