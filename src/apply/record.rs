//! The writes around a release's objects: its namespace, and the inventory that names the objects at any time.

use http::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::adopt::Owner;
use super::error::{ApplyError, is_being_deleted};
use crate::cluster::wire::Call;
use crate::cluster::{Cluster, INVENTORY_KEY, LABEL_INVENTORY, Verb, encode_inventory, inventory_name, surplus};
use crate::manifest::{ANNOTATION_OWNER, FIELD_MANAGER, Gvk, Inventory, ObjectId};

/// Annotation of a namespace that was created because a release needed it: `ENVIRONMENT/RELEASE`. Namespaces without it were
/// there before. It gives no right to delete.
pub const ANNOTATION_CREATED_FOR: &str = "evenkeel.dev/created-for";

pub(super) fn post(path: String, body: &Value) -> Call {
    let mut call = Call::get(Verb::Create, path).query("fieldManager", FIELD_MANAGER);
    call.method = Method::POST;
    call.body = body.to_string().into_bytes();
    call
}

/// Creates a namespace when it is missing; says whether it did. One request when it exists.
///
/// # Errors
/// [`ApplyError::BeingDeleted`] while it is going away, or what the server says.
pub async fn ensure_namespace(cluster: &Cluster, name: &str, created_for: &str) -> Result<bool, ApplyError> {
    let resource = cluster.resource(&Gvk::new("v1", "Namespace")).await?;
    let id: ObjectId = resource.id("", name);
    if let Some(live) = cluster.get_metadata(&id, "v1").await? {
        return if is_being_deleted(&live) { Err(ApplyError::BeingDeleted(id)) } else { Ok(false) };
    }
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": name, "annotations": {ANNOTATION_CREATED_FOR: created_for}}});
    match cluster.write(post(resource.collection(""), &namespace)).await {
        Ok(_) => Ok(true),
        // Another release was faster.
        Err(error) if error.is_conflict() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Writes a release's inventory over the version that was read (`None`: there was none) and returns the new version. One
/// request; the system namespace is created when it is missing.
///
/// # Errors
/// [`ApplyError::InventoryChanged`] when the stored one is not the one that was read, or what the server says.
pub async fn write_inventory(
    cluster: &Cluster,
    inventory: &Inventory,
    read: Option<&str>,
) -> Result<String, ApplyError> {
    let resource = cluster.resource(&Gvk::new("v1", "ConfigMap")).await?;
    let name = inventory_name(&inventory.environment, &inventory.release);
    let namespace = cluster.system_namespace();
    let mut object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": name, "namespace": namespace,
            "labels": {LABEL_INVENTORY: inventory.environment},
            "annotations": {ANNOTATION_OWNER: format!("{}/{}", inventory.environment, inventory.release)},
        },
        "binaryData": {INVENTORY_KEY: encode_inventory(inventory)?},
    });
    let call = if let Some(version) = read {
        object["metadata"]["resourceVersion"] = Value::from(version);
        let mut call = Call::get(Verb::Update, resource.path(namespace, &name)).query("fieldManager", FIELD_MANAGER);
        call.method = Method::PUT;
        call.body = object.to_string().into_bytes();
        call
    } else {
        post(resource.collection(namespace), &object)
    };
    let result = match cluster.write(call.clone()).await {
        Err(error) if error.is_not_found() && read.is_none() => {
            ensure_namespace(cluster, namespace, "evenkeel").await?;
            cluster.write(call).await
        }
        result => result,
    };
    match result {
        Ok((_, value)) => {
            let version = value.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
            Ok(version.to_owned())
        }
        Err(error) if error.is_conflict() || (error.is_not_found() && read.is_some()) => {
            // A retried write may have succeeded unseen: then what is stored is what was to be written.
            match cluster.inventory(&inventory.environment, &inventory.release).await? {
                Some(stored) if stored.content.as_ref().is_ok_and(|c| c == inventory) => Ok(stored.resource_version),
                _ => Err(ApplyError::InventoryChanged {
                    environment: inventory.environment.clone(),
                    release: inventory.release.clone(),
                }),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Deletes the inventory of a release that owns nothing any more.
///
/// # Errors
/// [`ApplyError::InventoryChanged`] when it is not the one that was read, or what the server says.
pub async fn delete_inventory(cluster: &Cluster, owner: &Owner, read: &str) -> Result<(), ApplyError> {
    let resource = cluster.resource(&Gvk::new("v1", "ConfigMap")).await?;
    let name = inventory_name(&owner.environment, &owner.release);
    let mut call = Call::get(Verb::Delete, resource.path(cluster.system_namespace(), &name));
    call.method = Method::DELETE;
    call.body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"resourceVersion": read}})
        .to_string()
        .into_bytes();
    match cluster.write(call).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) if error.is_conflict() => {
            Err(ApplyError::InventoryChanged { environment: owner.environment.clone(), release: owner.release.clone() })
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether an inventory can be stored once every object has its UID, hash and mark: known before the first object is written.
pub(super) fn fits(inventory: &Inventory) -> Result<(), ApplyError> {
    let mut whole = inventory.clone();
    for (id, entry) in whole.objects.iter_mut().filter(|(_, entry)| entry.uid.is_empty()) {
        // As long, and as hard to pack, as what the server will say.
        let digest = |text: &str| Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect::<String>();
        let first = digest(&id.to_string());
        let second = digest(&first);
        entry.uid = first[..36].to_owned();
        (entry.desired, entry.mark) = (second[..24].to_owned(), second[24..40].to_owned());
    }
    match surplus(&whole)? {
        None => Ok(()),
        Some(surplus) => Err(ApplyError::InventoryTooLarge {
            environment: inventory.environment.clone(),
            release: inventory.release.clone(),
            objects: inventory.objects.len(),
            surplus,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Applied;

    #[test]
    fn what_cannot_be_stored_is_known_before_the_first_object_is_written() {
        let begun = |objects: usize| {
            let mut inventory = Inventory::new("production", "platform", "platform");
            let id = |i: usize| format!("apps/Deployment/platform/worker-{i}").parse().unwrap();
            inventory.objects =
                (0..objects).map(|i| (id(i), Applied { version: "v1".into(), ..Applied::default() })).collect();
            inventory
        };
        assert!(fits(&begun(5_000)).is_ok());
        let large = begun(25_000);
        assert!(encode_inventory(&large).unwrap().len() < 1 << 20, "as it is now, without UIDs, it could be stored");
        let error = fits(&large).unwrap_err();
        assert!(matches!(error, ApplyError::InventoryTooLarge { objects: 25_000, .. }), "{error}");
        assert!(!error.retryable());
        assert!(error.to_string().starts_with("the inventory of production/platform would be "), "{error}");
    }
}
