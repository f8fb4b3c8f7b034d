//! What is in the cluster, for every object that an environment wants or owns, from metadata alone.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream;
use serde_json::Value;

use crate::cluster::{Cluster, ClusterError, Resource, foreign_of, mark_of, mark_text, version_digest};
use crate::manifest::{ANNOTATION_OWNER, LABEL_ENVIRONMENT, Object, ObjectId};
use crate::plan::Live;

/// An object as its metadata shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// What a plan needs.
    pub live: Live,
    /// A digest of its version.
    pub version: u64,
}

impl Seen {
    /// From an object, whole or metadata alone.
    #[must_use]
    pub(super) fn of(object: &Object) -> Self {
        let metadata = |key: &str| object.value().get("metadata").and_then(|m| m.get(key)).unwrap_or(&Value::Null);
        Self {
            version: version_digest(object.resource_version()),
            live: Live {
                uid: object.uid().to_owned(),
                mark: mark_of(metadata("managedFields")).map(mark_text),
                owner: object.annotation(ANNOTATION_OWNER).map(str::to_owned),
                same: false,
                differs: false,
                deleting: metadata("deletionTimestamp").is_string(),
                foreign: foreign_of(metadata("managedFields")),
            },
        }
    }
}

/// Kinds that more objects are asked for one by one than are listed by namespace.
const SINGLY: usize = 4;
/// Reads at once.
const PARALLEL: usize = 8;

/// Lists by label what is ours, and looks up the few that carry no label of ours (they do not exist, or are nobody's).
/// `wanted` has each object with its API version.
///
/// # Errors
/// When the cluster cannot be asked. Kinds that it does not serve have no objects.
pub(super) async fn list(
    cluster: &Cluster,
    environment: &str,
    wanted: &BTreeMap<ObjectId, String>,
) -> Result<BTreeMap<ObjectId, Seen>, ClusterError> {
    let mut found: BTreeMap<ObjectId, Seen> = BTreeMap::new();
    let resources = resources(cluster, wanted).await?;
    let selector = format!("{LABEL_ENVIRONMENT}={environment}");
    let lists: Vec<_> = stream::iter(unique(&resources))
        .map(|resource| {
            let selector = &selector;
            async move { cluster.list_metadata(&resource, "", selector).await }
        })
        .buffer_unordered(PARALLEL)
        .collect()
        .await;
    for list in lists {
        for object in served(list)? {
            found.insert(object.id(), Seen::of(&object));
        }
    }
    let missing: BTreeMap<ObjectId, String> =
        wanted.iter().filter(|(id, _)| !found.contains_key(*id)).map(|(id, v)| (id.clone(), v.clone())).collect();
    found.extend(look_up(cluster, &missing).await?);
    found.retain(|id, _| wanted.contains_key(id));
    Ok(found)
}

/// Looks up objects that no label leads to: singly when they are few of their kind and namespace, by list otherwise.
///
/// # Errors
/// When the cluster cannot be asked.
pub(super) async fn look_up(
    cluster: &Cluster,
    wanted: &BTreeMap<ObjectId, String>,
) -> Result<BTreeMap<ObjectId, Seen>, ClusterError> {
    let mut groups: BTreeMap<_, Vec<(&ObjectId, &String)>> = BTreeMap::new();
    for (id, version) in wanted {
        groups.entry((&id.group, &id.kind, &id.namespace)).or_default().push((id, version));
    }
    let mut single: Vec<(&ObjectId, &String)> = Vec::new();
    let mut listed: Vec<(Resource, &str)> = Vec::new();
    for ((_, _, namespace), members) in groups {
        if members.len() <= SINGLY {
            single.extend(members);
        } else if let Some((id, version)) = members.first() {
            match cluster.resource_of(id, version).await {
                Ok(resource) => listed.push((resource, namespace.as_str())),
                Err(ClusterError::UnknownKind { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    let mut found = BTreeMap::new();
    let mut reads = stream::iter(single)
        .map(|(id, version)| async move { cluster.get_metadata(id, version).await })
        .buffer_unordered(PARALLEL);
    while let Some(read) = reads.next().await {
        match read {
            Ok(Some(object)) => {
                found.insert(object.id(), Seen::of(&object));
            }
            Ok(None) | Err(ClusterError::UnknownKind { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    for (resource, namespace) in listed {
        for object in served(cluster.list_metadata(&resource, namespace, "").await)? {
            let id = object.id();
            if wanted.contains_key(&id) {
                found.insert(id, Seen::of(&object));
            }
        }
    }
    Ok(found)
}

/// A list; that of a kind whose definition has just gone is empty.
fn served(list: Result<Vec<Object>, ClusterError>) -> Result<Vec<Object>, ClusterError> {
    match list {
        Err(ClusterError::UnknownKind { .. }) => Ok(Vec::new()),
        other => other,
    }
}

/// The resources of the wanted objects, as far as the cluster serves them.
pub(super) async fn resources(
    cluster: &Cluster,
    wanted: &BTreeMap<ObjectId, String>,
) -> Result<Vec<Resource>, ClusterError> {
    let mut found = Vec::new();
    let mut kinds: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (id, version) in wanted {
        if !kinds.insert((&id.group, &id.kind)) {
            continue;
        }
        match cluster.resource_of(id, version).await {
            Ok(resource) => found.push(resource),
            Err(ClusterError::UnknownKind { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn unique(resources: &[Resource]) -> Vec<Resource> {
    let mut seen = BTreeSet::new();
    resources.iter().filter(|r| seen.insert((r.gvk.group.clone(), r.plural.clone()))).cloned().collect()
}
