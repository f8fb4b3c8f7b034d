//! Revisions written as helm writes them: a new one, the ones before it superseded, the oldest forgotten. Whatever a pass that
//! died left behind is put right by the next: a revision is found again by the digest of its content.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use super::error::ApplyError;
use super::record::{ensure_namespace, post};
use crate::cluster::wire::Call;
use crate::cluster::{Cluster, ReadRevision, StoredRevision, Verb};
use crate::history::{
    ANNOTATION_DIGEST, LARGEST, MAX_HISTORY, Revision, SECRET_FIELD, SECRET_TYPE, Status, encode, secret_name,
};
use crate::manifest::{FIELD_MANAGER, Gvk};

/// How often a number that somebody else has just taken is chosen anew.
const RACES: usize = 4;

/// Writes what became of a release, and returns helm's number of it. The revision's own number and the time of the first
/// deployment are found here (where `first` says that there was none, its number is tried before anything is read); a revision with
/// the same digest that is the newest already is written anew rather than followed by
/// another. With the status `deployed`, the revisions before become `superseded`; of all, the last ten stay.
///
/// # Errors
/// What the server says. Retryable as that is: the same call goes on where this one ended.
pub async fn record_revision(
    cluster: &Cluster,
    revision: &Revision,
    digest: &str,
    first: bool,
) -> Result<u32, ApplyError> {
    let mut revision = revision.clone();
    if first {
        revision.version = 1;
        match create(cluster, &revision, digest).await {
            Ok(()) => return Ok(1),
            // Somebody was faster, or an attempt before this one was: what is there is read.
            Err(error) if is_conflict(&error) => {}
            Err(error) => return Err(error),
        }
    }
    for race in 1.. {
        let stored = cluster.history(&revision.namespace, &revision.name).await?;
        let newest = stored.last();
        let again = newest.filter(|newest| newest.digest.as_deref() == Some(digest)).map(|newest| newest.version);
        let number = again.unwrap_or_else(|| newest.map_or(1, |newest| newest.version + 1));
        // The one that was in force says when the release began, and is the one to be superseded.
        let before = stored.iter().rev().find(|s| s.status == Status::Deployed && s.version != number);
        let before = match before.or(newest) {
            Some(before) => cluster.revision(&revision.namespace, &revision.name, before.version).await?,
            None => None,
        };
        revision.version = number;
        if let Some(before) = &before {
            if !before.revision.info.first_deployed.is_empty() {
                revision.info.first_deployed.clone_from(&before.revision.info.first_deployed);
            }
            for (key, value) in &before.revision.labels {
                revision.labels.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        let written = match again {
            Some(_) => put(cluster, &revision, Some(digest), None).await,
            None => create(cluster, &revision, digest).await,
        };
        match written {
            Ok(()) => {}
            Err(error) if is_conflict(&error) && race < RACES => continue,
            Err(error) => return Err(error),
        }
        if revision.info.status == Status::Deployed {
            supersede(cluster, &revision, &stored, before).await?;
        }
        forget(cluster, &revision, &stored).await?;
        return Ok(number);
    }
    unreachable!("the loop ends by returning")
}

/// Marks every other revision that says `deployed` as superseded.
async fn supersede(
    cluster: &Cluster,
    now: &Revision,
    stored: &[StoredRevision],
    read: Option<ReadRevision>,
) -> Result<(), ApplyError> {
    let mut read = read;
    for old in stored.iter().filter(|s| s.status == Status::Deployed && s.version != now.version) {
        let mut known = read.take().filter(|read| read.revision.version == old.version);
        for race in 1.. {
            let read = match known.take() {
                Some(known) => Some(known),
                None => cluster.revision(&now.namespace, &now.name, old.version).await?,
            };
            let deployed = read.filter(|read| read.revision.info.status == Status::Deployed);
            let Some(ReadRevision { mut revision, resource_version, digest }) = deployed else { break };
            revision.info.status = Status::Superseded;
            match put(cluster, &revision, digest.as_deref(), Some(&resource_version)).await {
                // Helm was faster: it may have said the same, or something else.
                Err(error) if is_conflict(&error) && race < RACES => {}
                // It took it away.
                Err(error) if is_gone(&error) => break,
                other => {
                    other?;
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Deletes the oldest revisions above helm's limit; never the one in force.
async fn forget(cluster: &Cluster, now: &Revision, stored: &[StoredRevision]) -> Result<(), ApplyError> {
    let older: Vec<&StoredRevision> = stored.iter().filter(|s| s.version != now.version).collect();
    let surplus = (older.len() + 1).saturating_sub(MAX_HISTORY);
    // A failed revision supersedes nothing: the last one that was deployed is still in force.
    let in_force = older.iter().rev().find(|s| s.status == Status::Deployed).map(|s| s.version);
    let in_force = in_force.filter(|_| now.info.status != Status::Deployed);
    for old in older.iter().filter(|s| Some(s.version) != in_force).take(surplus) {
        delete_revision(cluster, &now.namespace, &now.name, old.version).await?;
    }
    Ok(())
}

/// Writes a revision that is there already, as it is given. With `read`, only over that version of it.
///
/// # Errors
/// What the server says.
pub async fn rewrite_revision(cluster: &Cluster, read: &ReadRevision) -> Result<(), ApplyError> {
    put(cluster, &read.revision, read.digest.as_deref(), Some(&read.resource_version)).await
}

/// Deletes every revision of a release, the oldest first, as `helm uninstall` does. One request, and one for each.
///
/// # Errors
/// What the server says.
pub async fn delete_history(cluster: &Cluster, namespace: &str, release: &str) -> Result<(), ApplyError> {
    for stored in cluster.history(namespace, release).await? {
        delete_revision(cluster, namespace, release, stored.version).await?;
    }
    Ok(())
}

async fn delete_revision(cluster: &Cluster, namespace: &str, release: &str, version: u32) -> Result<(), ApplyError> {
    let resource = cluster.resource(&Gvk::new("v1", "Secret")).await?;
    let mut call = Call::get(Verb::Delete, resource.path(namespace, &secret_name(release, version)));
    call.method = Method::DELETE;
    match cluster.write(call).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn create(cluster: &Cluster, revision: &Revision, digest: &str) -> Result<(), ApplyError> {
    let resource = cluster.resource(&Gvk::new("v1", "Secret")).await?;
    let mut labels = revision.secret_labels();
    labels.insert("createdAt".to_owned(), seconds());
    let call = post(resource.collection(&revision.namespace), &secret(revision, labels, Some(digest)));
    match cluster.write(call.clone()).await {
        // No namespace is made for a release that came to nothing.
        Err(error) if error.is_not_found() && revision.info.status == Status::Failed => {}
        // A release whose objects all live elsewhere.
        Err(error) if error.is_not_found() => {
            ensure_namespace(cluster, &revision.namespace, &revision.name).await?;
            cluster.write(call).await?;
        }
        other => {
            other?;
        }
    }
    Ok(())
}

async fn put(
    cluster: &Cluster,
    revision: &Revision,
    digest: Option<&str>,
    read: Option<&str>,
) -> Result<(), ApplyError> {
    let resource = cluster.resource(&Gvk::new("v1", "Secret")).await?;
    let mut labels = revision.secret_labels();
    labels.insert("modifiedAt".to_owned(), seconds());
    let mut object = secret(revision, labels, digest);
    if let Some(read) = read {
        object["metadata"]["resourceVersion"] = Value::from(read);
    }
    let path = resource.path(&revision.namespace, &revision.secret_name());
    let mut call = Call::get(Verb::Update, path).query("fieldManager", FIELD_MANAGER);
    call.method = Method::PUT;
    call.body = object.to_string().into_bytes();
    cluster.write(call).await?;
    Ok(())
}

fn secret(revision: &Revision, labels: BTreeMap<String, String>, digest: Option<&str>) -> Value {
    let packed = encode(revision, LARGEST);
    if !packed.left_out.is_empty() {
        let left_out = packed.left_out.join(", ");
        tracing::info!(release = %revision.name, %left_out, "the revision is too large for a Secret; recorded without");
    }
    let mut object = json!({
        "apiVersion": "v1", "kind": "Secret", "type": SECRET_TYPE,
        "metadata": {"name": revision.secret_name(), "namespace": revision.namespace, "labels": labels},
        "data": {SECRET_FIELD: STANDARD.encode(packed.text)},
    });
    if let Some(digest) = digest {
        object["metadata"]["annotations"] = json!({ANNOTATION_DIGEST: digest});
    }
    object
}

/// What helm writes beside the release's labels: Unix seconds.
fn seconds() -> String {
    jiff::Timestamp::now().as_second().to_string()
}

fn is_conflict(error: &ApplyError) -> bool {
    matches!(error, ApplyError::Cluster(error) if error.is_conflict())
}

fn is_gone(error: &ApplyError) -> bool {
    matches!(error, ApplyError::Cluster(error) if error.is_not_found())
}
