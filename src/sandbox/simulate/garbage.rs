//! The garbage collector: dependents follow their owners, before them, after them, or not at all.

use serde_json::Value;

use super::world::{CONTROLLER, World, deleting};
use super::{claims, cluster};
use crate::sandbox::store::{FOREGROUND, Key, ORPHAN, Propagation, owners};

fn has(object: &Value, finalizer: &str) -> bool {
    object["metadata"]["finalizers"].as_array().into_iter().flatten().any(|f| f == finalizer)
}

fn drop_finalizer(world: &mut World<'_>, key: &Key, finalizer: &str) {
    world.edit(key, "", CONTROLLER, |object| {
        if let Some(list) = object["metadata"]["finalizers"].as_array_mut() {
            list.retain(|f| f != finalizer);
        }
    });
}

fn drop_owner(world: &mut World<'_>, key: &Key, uid: &str) {
    world.edit(key, "", CONTROLLER, |object| {
        let Some(list) = object["metadata"]["ownerReferences"].as_array_mut() else { return };
        list.retain(|r| r["uid"] != uid);
        if list.is_empty()
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.remove("ownerReferences");
        }
    });
}

/// An object is gone: those that it alone owned follow, others forget it.
pub(super) fn owner_gone(world: &mut World<'_>, uid: &str) {
    claims::claim_gone(world, uid);
    for key in cluster::definitions_in_deletion(world) {
        if let Some(object) = world.store.object(&key) {
            cluster::definition(world, &key, &object);
        }
    }
    for key in world.store.owned_by(uid) {
        let Some(object) = world.store.object(&key) else { continue };
        if owners(&object).any(|owner| world.store.by_uid(owner).is_some()) {
            drop_owner(world, &key, uid);
        } else if !deleting(&object) {
            world.delete(&key);
        }
    }
}

/// Looks at an object that changed: one whose owners are all gone goes; one that is deleted in the foreground or orphans
/// its dependents waits for that.
pub(super) fn collect(world: &mut World<'_>, key: &Key, object: &Value) {
    if !deleting(object) {
        let mut all = owners(object).peekable();
        if all.peek().is_some() && all.all(|owner| world.store.by_uid(owner).is_none()) {
            world.delete(key);
        }
        return;
    }
    let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
    if has(object, ORPHAN) {
        for dependent in world.store.owned_by(uid) {
            drop_owner(world, &dependent, uid);
        }
        drop_finalizer(world, key, ORPHAN);
    } else if has(object, FOREGROUND) {
        let mut blocked = false;
        for dependent in world.store.owned_by(uid) {
            let Some(child) = world.store.object(&dependent) else { continue };
            let references = child["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
            blocked |= references.iter().any(|r| r["uid"] == uid && r["blockOwnerDeletion"] == true);
            let shared = owners(&child).any(|owner| {
                owner != uid
                    && world.store.by_uid(owner).and_then(|k| world.store.object(k)).is_some_and(|o| !deleting(&o))
            });
            if shared {
                drop_owner(world, &dependent, uid);
            } else if !deleting(&child) {
                world.delete_with(&dependent, Propagation::Foreground, None);
            }
        }
        let left = world.store.owned_by(uid);
        if !blocked || left.is_empty() {
            drop_finalizer(world, key, FOREGROUND);
        }
    }
}
