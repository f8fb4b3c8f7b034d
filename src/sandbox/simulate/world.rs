//! What a controller can do: look at objects and write them under its own name.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sandbox::resources::table;
use crate::sandbox::store::{DeleteOptions, Key, Propagation, Store, Target, WriteOptions, time};

/// The field manager of controllers.
pub(super) const CONTROLLER: &str = "kube-controller-manager";
/// The field manager of what runs pods.
pub(super) const KUBELET: &str = "kubelet";

/// The store at one moment.
pub(super) struct World<'a> {
    pub(super) store: &'a mut Store,
    pub(super) now: Timestamp,
}

/// The place of an object.
pub(super) fn key(table: &str, namespace: &str, name: &str) -> Key {
    Key { table: Arc::from(table), namespace: namespace.to_owned(), name: name.to_owned() }
}

impl World<'_> {
    /// Now, as the API writes times.
    pub(super) fn time(&self) -> String {
        time(self.now)
    }

    /// The objects of a table that an owner controls, with their places.
    pub(super) fn controlled(&self, owner: &Value, table: &str) -> Vec<(Key, Arc<Value>)> {
        let uid = owner["metadata"]["uid"].as_str().unwrap_or_default();
        self.store
            .owned_by(uid)
            .into_iter()
            .filter(|key| &*key.table == table)
            .filter_map(|key| Some((key.clone(), self.store.object(&key)?)))
            .filter(|(_, object)| {
                object["metadata"]["ownerReferences"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|r| r["controller"] == true && r["uid"] == uid)
            })
            .collect()
    }

    /// Creates an object; a name that is taken is left alone.
    pub(super) fn create(&mut self, object: Value) -> Option<Arc<Value>> {
        let (group, _) = object["apiVersion"].as_str().unwrap_or_default().split_once('/').unwrap_or(("", ""));
        let kind = object["kind"].as_str().unwrap_or_default();
        let plural = self.store.registry().of_kind(group, kind)?.plural.clone();
        let resource = self.store.registry().of_table(&table(group, &plural))?;
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        let target = Target { resource, namespace, name: String::new(), subresource: String::new() };
        match self.store.create(&target, object, &WriteOptions::by(CONTROLLER), self.now) {
            Ok(written) => Some(written.object),
            Err(error) => {
                tracing::debug!(%error, "a simulated controller was refused");
                None
            }
        }
    }

    /// Changes an object through a subresource (`status`, or none) under a manager's name.
    pub(super) fn edit(&mut self, key: &Key, subresource: &str, manager: &str, change: impl FnOnce(&mut Value)) {
        let (Some(live), Some(mut target)) = (self.store.object(key), self.store.target(key)) else { return };
        subresource.clone_into(&mut target.subresource);
        let mut object = (*live).clone();
        change(&mut object);
        if object == *live {
            return;
        }
        // The shape that it was written in is the shape that it is changed in.
        let same = target.resource.api_version() == live["apiVersion"].as_str().unwrap_or_default();
        if !same
            && let Some(resource) =
                self.store.registry().all().find(|r| {
                    r.table() == *key.table && r.api_version() == live["apiVersion"].as_str().unwrap_or_default()
                })
        {
            target.resource = Arc::clone(resource);
        }
        let result = self.store.replace(&target, &live, object, &WriteOptions::by(manager), Vec::new(), self.now);
        if let Err(error) = result {
            tracing::debug!(%error, "a simulated controller was refused");
        }
    }

    /// Sets the status of an object.
    pub(super) fn status(&mut self, key: &Key, manager: &str, change: impl FnOnce(&mut Value)) {
        self.edit(key, "status", manager, |object| {
            if !object["status"].is_object() {
                object["status"] = json!({});
            }
            change(&mut object["status"]);
        });
    }

    /// Deletes an object; its dependents follow in the background.
    pub(super) fn delete(&mut self, key: &Key) {
        self.delete_with(key, Propagation::Background, None);
    }

    /// Deletes an object in a given way.
    pub(super) fn delete_with(&mut self, key: &Key, propagation: Propagation, grace: Option<i64>) {
        let Some(target) = self.store.target(key) else { return };
        let options = DeleteOptions { propagation: Some(propagation), grace, ..DeleteOptions::default() };
        if let Err(error) = self.store.delete(&target, &options, self.now) {
            tracing::debug!(%error, "a simulated controller was refused");
        }
    }
}

/// Sets a number where it is not zero, and takes it away where it is, as `omitempty` does.
pub(super) fn count(status: &mut Value, field: &str, number: usize) {
    let Value::Object(map) = status else { return };
    if number == 0 {
        map.remove(field);
    } else {
        map.insert(field.to_owned(), number.into());
    }
}

/// Sets a condition; its times move only when it changes.
pub(super) fn condition(status: &mut Value, kind: &str, value: &str, reason: &str, message: &str, now: &str) {
    let conditions = &mut status["conditions"];
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    let Value::Array(list) = conditions else { return };
    let mut fresh = json!({"type": kind, "status": value, "lastTransitionTime": now});
    if !reason.is_empty() {
        fresh["reason"] = reason.into();
    }
    if !message.is_empty() {
        fresh["message"] = message.into();
    }
    match list.iter_mut().find(|c| c["type"] == kind) {
        Some(existing) => {
            if existing["status"] == value {
                fresh["lastTransitionTime"] = existing["lastTransitionTime"].clone();
            }
            let kept = existing.get("lastUpdateTime").cloned();
            let changed = ["status", "reason", "message"].iter().any(|f| existing.get(*f) != fresh.get(*f));
            if !changed {
                return;
            }
            if kept.is_some() {
                fresh["lastUpdateTime"] = now.into();
            }
            *existing = fresh;
        }
        None => list.push(fresh),
    }
}

/// A short name for a pod template: the same for the same template, whatever labels controllers added to it.
pub(super) fn template_hash(template: &Value) -> String {
    use sha2::{Digest as _, Sha256};
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let digest = Sha256::digest(template.to_string());
    digest.iter().take(10).map(|b| char::from(ALPHABET[usize::from(*b) % ALPHABET.len()])).collect()
}

/// Whether a pod is ready.
pub(super) fn ready(pod: &Value) -> bool {
    crate::sandbox::store::is_true(pod, "Ready")
}

/// Whether an object is being deleted.
pub(super) fn deleting(object: &Value) -> bool {
    object["metadata"].get("deletionTimestamp").is_some()
}
