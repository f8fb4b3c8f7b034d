//! What happens to the server itself under a running daemon: it dies and comes back, a definition is deleted, a definition stops
//! serving a version. Whatever was changed meanwhile, while nobody could watch, is put right.

use std::time::{Duration, Instant};

use evenkeel::cluster::Cluster;
use evenkeel::manifest::Gvk;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

use super::support::{Fleet, Sailor, deleted};
use crate::harness::{ApiServer, ControlPlane, Evenkeel, Proxy, eventually, wait_until_gone};

/// How long anything may take: the longest pause of a watch is half a minute.
const PATIENCE: Duration = Duration::from_secs(75);

/// How many requests a second are no hammering, of six kinds' watches and one environment.
const RATE: f64 = 20.0;

fn by_hand() -> PatchParams {
    PatchParams { field_manager: Some("somebody".to_owned()), ..PatchParams::default() }
}

async fn value_of(fleet: &Fleet, name: &str) -> Option<String> {
    fleet.maps().get_opt(name).await.unwrap()?.data?.remove("value")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_dies_and_comes_back() {
    let mut server = crate::require!(ApiServer::start());
    let fleet = Fleet::new(&server.kubeconfig()).await;
    let proxy = Proxy::start(&server.kubeconfig()).await;
    fleet.release("bow", &json!({"maps": {"a": "1", "b": "1", "c": "1"}}));
    let first = fleet.repository.commit("first");
    let sailor = Sailor::start(&fleet, proxy.kubeconfig());
    sailor.synced(&first).await;

    // Changed while the daemon is cut off; then the server forgets everything that it could have told of it.
    proxy.cut();
    fleet.maps().patch("a", &by_hand(), &Patch::Merge(json!({"data": {"value": "by hand"}}))).await.unwrap();
    fleet.maps().delete("b", &DeleteParams::default()).await.unwrap();
    let second = {
        fleet.release("bow", &json!({"maps": {"a": "1", "b": "1", "d": "1"}}));
        fleet.repository.commit("second")
    };
    server.kill();
    proxy.mend();
    let (before, down) = (proxy.log().len(), Instant::now());
    // Long enough to tell a burst of watches that break at once from hammering.
    eventually("the daemon to be told that nobody is there, for a while", PATIENCE, || async {
        let long = down.elapsed() > Duration::from_secs(3);
        if long && proxy.log().len() > before { Ok(()) } else { Err(sailor.said()) }
    })
    .await;
    server.resume();
    let rate = (proxy.log().len() - before) as f64 / down.elapsed().as_secs_f64();
    assert!(rate < RATE, "{rate:.0} requests a second to a server that is not there");
    sailor.synced(&second).await;
    fleet.comes_to_rest("after the restart").await;

    // And killed while all is quiet: what is changed as soon as it is back is seen, whatever the watches were told.
    server.kill();
    server.resume();
    fleet.maps().patch("a", &by_hand(), &Patch::Merge(json!({"data": {"value": "by hand"}}))).await.unwrap();
    eventually("what was changed then to be put right", PATIENCE, || async {
        if value_of(&fleet, "a").await.as_deref() == Some("1") { Ok(()) } else { Err(sailor.said()) }
    })
    .await;
    sailor.synced(&second).await;
    fleet.comes_to_rest("after another restart").await;
    assert_eq!(deleted(&proxy.writes(), "configmaps"), ["c"]);
    sailor.stop();
}

/// The ships of a fleet.
fn ships(fleet: &Fleet, version: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk(&fleet.group, version, "Ship");
    Api::namespaced_with(fleet.client.clone(), &fleet.namespace, &ApiResource::from_gvk_with_plural(&kind, "ships"))
}

fn definitions(fleet: &Fleet) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    Api::all_with(fleet.client.clone(), &ApiResource::from_gvk(&kind))
}

async fn course(fleet: &Fleet, version: &str) -> Result<Value, String> {
    let ship = ships(fleet, version).get("flagship").await.map_err(|e| e.to_string())?;
    Ok(ship.data["spec"]["course"].clone())
}

async fn on_course(fleet: &Fleet, sailor: &Sailor, version: &str, wanted: i64) {
    eventually("the ship to be on course", PATIENCE, || async {
        match course(fleet, version).await {
            Ok(course) if course == wanted => Ok(()),
            other => Err(format!("{other:?}\n{}", sailor.said())),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_is_deleted_comes_back_with_its_objects() {
    let plane = crate::require!(ControlPlane::shared());
    let fleet = Fleet::new(plane.kubeconfig()).await;
    let proxy = Proxy::start(plane.kubeconfig()).await;
    let definition = json!({"group": &fleet.group, "versions": {"v1": true}, "stored": "v1"});
    let ship = json!({"group": &fleet.group, "version": "v1", "course": 90});
    fleet.release("bow", &json!({"maps": {"a": "1"}, "definition": definition, "ship": ship}));
    let revision = fleet.repository.commit("first");
    let sailor = Sailor::start(&fleet, proxy.kubeconfig());
    sailor.synced(&revision).await;

    for unseen in [false, true] {
        let before = ships(&fleet, "v1").get("flagship").await.unwrap().metadata.uid;
        let name = format!("ships.{}", fleet.group);
        if unseen {
            proxy.cut();
        }
        definitions(&fleet).delete(&name, &DeleteParams::default()).await.unwrap();
        // A neighbour of what is missing is put right meanwhile.
        fleet.maps().delete("a", &DeleteParams::default()).await.unwrap();
        if unseen {
            wait_until_gone(definitions(&fleet), &name).await;
            eventually("its objects not to be served", PATIENCE, || async {
                ships(&fleet, "v1").list(&Default::default()).await.err().ok_or("they are")
            })
            .await;
            proxy.mend();
        }
        eventually("the ship to be there again", PATIENCE, || async {
            match ships(&fleet, "v1").get("flagship").await {
                Ok(ship) if ship.metadata.uid != before => Ok(()),
                other => Err(format!("{other:?}\n{}", sailor.said())),
            }
        })
        .await;
        sailor.synced(&revision).await;
        fleet.comes_to_rest(&format!("after the definition was deleted, unseen: {unseen}")).await;
    }

    // It is followed again, too.
    ships(&fleet, "v1").patch("flagship", &by_hand(), &Patch::Merge(json!({"spec": {"course": 180}}))).await.unwrap();
    on_course(&fleet, &sailor, "v1", 90).await;
    sailor.synced(&revision).await;
    fleet.comes_to_rest("after drift").await;
    assert!(proxy.writes().iter().all(|e| e.method != "DELETE"), "nothing was to be deleted");
    sailor.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_serves_another_version() {
    let plane = crate::require!(ControlPlane::shared());
    let fleet = Fleet::new(plane.kubeconfig()).await;
    let proxy = Proxy::start(plane.kubeconfig()).await;
    let release = |versions: Value, version: &str, course: i64| {
        let definition = json!({"group": &fleet.group, "versions": versions, "stored": "v1"});
        let ship = json!({"group": &fleet.group, "version": version, "course": course});
        fleet.release("bow", &json!({"maps": {"a": "1"}, "definition": definition, "ship": ship}));
        fleet.repository.commit(version)
    };
    let first = release(json!({"v1": true, "v1beta1": true}), "v1beta1", 90);
    let sailor = Sailor::start(&fleet, proxy.kubeconfig());
    sailor.synced(&first).await;
    let uid = ships(&fleet, "v1").get("flagship").await.unwrap().metadata.uid;

    // The version that it is followed in goes, by a commit; and at once somebody changes it in the one that stays.
    let second = release(json!({"v1": true, "v1beta1": false}), "v1", 90);
    eventually("the old version not to be served", PATIENCE, || async {
        match course(&fleet, "v1beta1").await {
            Err(_) => Ok(()),
            Ok(_) => Err(sailor.said()),
        }
    })
    .await;
    ships(&fleet, "v1").patch("flagship", &by_hand(), &Patch::Merge(json!({"spec": {"course": 180}}))).await.unwrap();
    on_course(&fleet, &sailor, "v1", 90).await;
    sailor.synced(&second).await;
    fleet.comes_to_rest("after the version changed").await;

    // Once more when all is quiet: it is followed in its new version.
    ships(&fleet, "v1").patch("flagship", &by_hand(), &Patch::Merge(json!({"spec": {"course": 270}}))).await.unwrap();
    on_course(&fleet, &sailor, "v1", 90).await;
    let third = {
        // And leaves for good: it is known under whichever version.
        fleet.release("bow", &json!({"maps": {"a": "1"}, "definition": {"group": &fleet.group, "versions": {"v1": true}, "stored": "v1"}}));
        fleet.repository.commit("third")
    };
    sailor.synced(&third).await;
    fleet.comes_to_rest("at the end").await;
    assert_eq!(deleted(&proxy.writes(), "ships"), ["flagship"], "it was {uid:?} all the time");
    sailor.stop();
}

/// A process that learned the kinds before finds an object of a version that is not served any more in the one that is.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_not_gone_because_its_version_is() {
    let plane = crate::require!(ControlPlane::shared());
    let fleet = Fleet::new(plane.kubeconfig()).await;
    let release = |versions: Value| {
        let definition = json!({"group": &fleet.group, "versions": versions, "stored": "v1"});
        let ship = json!({"group": &fleet.group, "version": "v1", "course": 90});
        fleet.release("bow", &json!({"definition": definition, "ship": ship}));
        fleet.repository.commit("a version")
    };
    let apply = || {
        Evenkeel::new(["apply", &fleet.environment])
            .repository(&fleet.repository)
            .kubeconfig(plane.kubeconfig())
            .run()
            .expect_code(0)
    };
    release(json!({"v1": true, "v1beta1": true}));
    apply();
    let knows: &Cluster = &fleet.cluster;
    let id = format!("{}/Ship/{}/flagship", fleet.group, fleet.namespace).parse().unwrap();
    assert!(knows.get_metadata(&id, "v1beta1").await.unwrap().is_some());
    release(json!({"v1": true, "v1beta1": false}));
    apply();
    assert!(knows.get_metadata(&id, "v1beta1").await.unwrap().is_some(), "it is there, in v1");
    let old = Gvk::new(&format!("{}/v1beta1", fleet.group), "Ship");
    assert!(knows.kinds().await.unwrap().resource(&old).is_none(), "the kinds were asked for again");
}
