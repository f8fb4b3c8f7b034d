//! PersistentVolumeClaims: each is bound to a volume of its own, protected while a pod uses it.

use serde_json::{Value, json};

use super::world::{CONTROLLER, World, deleting, key as place};
use crate::sandbox::store::Key;

const PROTECTION: &str = "kubernetes.io/pvc-protection";
const VOLUME_PROTECTION: &str = "kubernetes.io/pv-protection";

/// The claims that a pod uses.
pub(super) fn of_pod(pod: &Value) -> impl Iterator<Item = &str> {
    pod["spec"]["volumes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|v| v["persistentVolumeClaim"]["claimName"].as_str())
}

fn release(world: &mut World<'_>, key: &Key, finalizer: &str) {
    world.edit(key, "", CONTROLLER, |object| {
        if let Some(list) = object["metadata"]["finalizers"].as_array_mut() {
            list.retain(|f| f != finalizer);
        }
    });
}

/// Looks at a claim that changed, or that a pod stopped using.
pub(super) fn reconcile(world: &mut World<'_>, key: &Key, claim: &Value) {
    if deleting(claim) {
        let used = world.store.objects("pods", &key.namespace).iter().any(|pod| of_pod(pod).any(|c| c == key.name));
        if !used {
            release(world, key, PROTECTION);
        }
        return;
    }
    if claim["status"]["phase"] != "Pending" {
        return;
    }
    let metadata = &claim["metadata"];
    let volume = format!("pvc-{}", metadata["uid"].as_str().unwrap_or_default());
    let storage = claim["spec"]["resources"]["requests"]["storage"].clone();
    world.create(json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume},
        "spec": {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": storage},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "hostPath": {"path": format!("/var/lib/sandbox/{volume}")},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": claim["spec"]["storageClassName"],
        },
    }));
    world.edit(key, "", CONTROLLER, |claim| {
        claim["spec"]["volumeName"] = volume.clone().into();
        if !claim["metadata"]["annotations"].is_object() {
            claim["metadata"]["annotations"] = json!({});
        }
        claim["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = "yes".into();
    });
    let modes = claim["spec"]["accessModes"].clone();
    world.status(key, CONTROLLER, |status| {
        *status = json!({"phase": "Bound", "accessModes": modes, "capacity": {"storage": storage}});
    });
    world.status(&place("persistentvolumes", "", &volume), CONTROLLER, |status| status["phase"] = "Bound".into());
}

/// Looks at a volume: one whose claim is gone goes too.
pub(super) fn volume(world: &mut World<'_>, key: &Key, volume: &Value) {
    if deleting(volume) {
        release(world, key, VOLUME_PROTECTION);
    }
    let claim = &volume["spec"]["claimRef"];
    let Some(uid) = claim["uid"].as_str() else { return };
    if world.store.by_uid(uid).is_none()
        && volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
        && !deleting(volume)
    {
        world.delete(key);
    }
}

/// Lets the volume of a claim that is gone follow it.
pub(super) fn claim_gone(world: &mut World<'_>, uid: &str) {
    let key = place("persistentvolumes", "", &format!("pvc-{uid}"));
    if let Some(object) = world.store.object(&key) {
        volume(world, &key, &object);
    }
}
