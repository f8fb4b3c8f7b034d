//! Deletion: preconditions, grace, finalizers and what propagation leaves to the garbage collector.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::write::finished;
use super::{CRDS, ListOptions, Store, Target, time};
use crate::sandbox::error::ApiError;

/// The finalizer of a foreground deletion.
pub(in crate::sandbox) const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of a deletion that orphans.
pub(in crate::sandbox) const ORPHAN: &str = "orphan";

/// `propagationPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// `DeleteOptions`.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct DeleteOptions {
    pub(in crate::sandbox) grace: Option<i64>,
    pub(in crate::sandbox) uid: Option<String>,
    pub(in crate::sandbox) version: Option<String>,
    pub(in crate::sandbox) propagation: Option<Propagation>,
    pub(in crate::sandbox) dry_run: bool,
}

/// Kinds whose deletion answers with the object even when it is gone at once.
const RETURNS_OBJECT: &[&str] = &[
    "pods",
    "services",
    "serviceaccounts",
    "namespaces",
    "persistentvolumes",
    "persistentvolumeclaims",
    "podtemplates",
    "resourcequotas",
    "storageclasses.storage.k8s.io",
    "csidrivers.storage.k8s.io",
    "csinodes.storage.k8s.io",
    "volumeattachments.storage.k8s.io",
    "volumeattributesclasses.storage.k8s.io",
    "resourceclaims.resource.k8s.io",
    "resourceclaimtemplates.resource.k8s.io",
    "resourceslices.resource.k8s.io",
    "deviceclasses.resource.k8s.io",
];

impl Store {
    /// Deletes an object, or marks it to be deleted. Answers what the server would: the object, or a Status.
    pub(in crate::sandbox) fn delete(
        &mut self,
        target: &Target,
        options: &DeleteOptions,
        now: Timestamp,
    ) -> Result<Value, ApiError> {
        let live = self.get(target)?;
        preconditions(target, &live, options)?;
        let table = target.resource.table();
        if table == "namespaces" && ["default", "kube-system", "kube-public"].contains(&target.name.as_str()) {
            return Err(ApiError::forbidden("", "namespaces", &target.name, "this namespace may not be deleted"));
        }
        let mut object = (*live).clone();
        let metadata = &mut object["metadata"];
        let mut finalizers: Vec<String> = strings(&metadata["finalizers"]);
        let had = |name: &str| finalizers.iter().any(|f| f == name);
        // Jobs and ReplicationControllers orphan by default, for old clients.
        let orphans = ["jobs.batch", "replicationcontrollers"].contains(&table.as_str());
        let policy = match options.propagation {
            Some(policy) => policy,
            None if had(ORPHAN) => Propagation::Orphan,
            None if had(FOREGROUND) => Propagation::Foreground,
            None if orphans => Propagation::Orphan,
            None => Propagation::Background,
        };
        finalizers.retain(|f| f != FOREGROUND && f != ORPHAN);
        match policy {
            Propagation::Foreground => finalizers.push(FOREGROUND.to_owned()),
            Propagation::Orphan => finalizers.push(ORPHAN.to_owned()),
            Propagation::Background => {}
        }
        if finalizers.is_empty() {
            if let Value::Object(map) = metadata {
                map.remove("finalizers");
            }
        } else {
            metadata["finalizers"] = finalizers.into();
        }
        let deleting = metadata.get("deletionTimestamp").is_some();
        let grace = if table == "pods" { pod_grace(&live, options) } else { 0 };
        let before = live["metadata"]["deletionGracePeriodSeconds"].as_i64();
        if !deleting || before.is_some_and(|b| grace < b) {
            let at = now.checked_add(SignedDuration::from_secs(grace)).unwrap_or(now);
            object["metadata"]["deletionTimestamp"] = time(at).into();
            if table == CRDS {
                // Definitions have a deletion of their own.
                terminating(&mut object, now);
                return self.finish_delete(target, &live, object, options);
            }
            object["metadata"]["deletionGracePeriodSeconds"] = grace.into();
            if !deleting && let Some(generation) = live["metadata"]["generation"].as_i64() {
                object["metadata"]["generation"] = (generation + 1).into();
            }
        }
        if table == "namespaces" {
            object["status"]["phase"] = "Terminating".into();
        }
        self.finish_delete(target, &live, object, options)
    }

    fn finish_delete(
        &mut self,
        target: &Target,
        live: &Value,
        object: Value,
        options: &DeleteOptions,
    ) -> Result<Value, ApiError> {
        let table = target.resource.table();
        if options.dry_run {
            return Ok(object);
        }
        let key = self.key(target);
        if finished(&object) {
            let gone = self.commit(&key, None);
            if RETURNS_OBJECT.contains(&table.as_str()) {
                return Ok((*gone).clone());
            }
            let mut details =
                json!({"name": target.name, "kind": target.resource.plural, "uid": gone["metadata"]["uid"]});
            if !target.resource.group.is_empty() {
                details["group"] = target.resource.group.clone().into();
            }
            return Ok(
                json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
            );
        }
        if object == *live {
            return Ok(object);
        }
        Ok((*self.commit(&key, Some(object))).clone())
    }

    /// Deletes what a list selects; answers with what was there.
    pub(in crate::sandbox) fn delete_collection(
        &mut self,
        target: &Target,
        list: &ListOptions,
        options: &DeleteOptions,
        now: Timestamp,
    ) -> Result<Vec<Arc<Value>>, ApiError> {
        let page = self.list(target, list)?;
        for object in &page.items {
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
            let one = Target { namespace: text("namespace"), name: text("name"), ..target.clone() };
            match self.delete(&one, options, now) {
                Ok(_) => {}
                Err(error) if error.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        Ok(page.items)
    }
}

fn terminating(definition: &mut Value, now: Timestamp) {
    let condition = json!({
        "type": "Terminating",
        "status": "True",
        "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
        "lastTransitionTime": time(now),
    });
    match definition["status"]["conditions"].as_array_mut() {
        Some(list) => {
            list.retain(|c| c["type"] != "Terminating");
            list.push(condition);
        }
        None => definition["status"]["conditions"] = json!([condition]),
    }
}

fn pod_grace(pod: &Value, options: &DeleteOptions) -> i64 {
    let phase = pod["status"]["phase"].as_str().unwrap_or_default();
    if pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() || phase == "Failed" || phase == "Succeeded" {
        return 0;
    }
    options.grace.or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_i64()).unwrap_or(30).max(0)
}

fn preconditions(target: &Target, live: &Value, options: &DeleteOptions) -> Result<(), ApiError> {
    let refuse = |why: String| ApiError::conflict(&target.resource.group, &target.resource.kind, &target.name, &why);
    let metadata = &live["metadata"];
    if let Some(uid) = &options.uid
        && metadata["uid"] != uid.as_str()
    {
        let live = metadata["uid"].as_str().unwrap_or_default();
        return Err(refuse(format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({live}). The object might have been deleted and then recreated"
        )));
    }
    if let Some(version) = &options.version
        && metadata["resourceVersion"] != version.as_str()
    {
        let live = metadata["resourceVersion"].as_str().unwrap_or_default();
        return Err(refuse(format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({live}). The object might have been modified"
        )));
    }
    Ok(())
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}
