//! What others changed: an object whose mark is no longer the inventory's is read once and compared field by field.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::stream;

use crate::apply::Record;
use crate::cluster::{Cluster, ClusterError};
use crate::drift::{Input, ObjectDrift, State, View, compare, needs_read};
use crate::fields::{Schema, builtin_schema};
use crate::manifest::{Applied, FIELD_MANAGER, Object, ObjectId};
use crate::plan::{DesiredObject, Live};

use super::autoscalers::Autoscalers;

/// Reads at once.
const PARALLEL: usize = 8;

/// Compares what drifted; an object that still says what Git says is noted as `same` in `live`. An object that Git changed in
/// the same breath is compared with what Git says now.
pub(super) async fn compare_drifted(
    cluster: &Cluster,
    autoscalers: &Autoscalers,
    objects: &BTreeMap<String, Vec<DesiredObject>>,
    held: &BTreeMap<String, Record>,
    live: &mut BTreeMap<ObjectId, Live>,
) -> Result<Vec<ObjectDrift>, ClusterError> {
    let mut found = Vec::new();
    let mut read: Vec<(&str, &DesiredObject)> = Vec::new();
    for (release, objects) in objects {
        let Some(record) = held.get(release) else { continue };
        for object in objects {
            let Some(entry) = record.inventory.objects.get(&object.id).filter(|e| is_settled(e)) else { continue };
            if object.left_alone(live.contains_key(&object.id)) {
                continue;
            }
            match live.get(&object.id) {
                None => found.push(ObjectDrift::new(&object.object, release, State::Missing)),
                Some(seen) if needs_read(seen.mark.as_deref(), &seen.uid, entry) => read.push((release, object)),
                Some(_) => {}
            }
        }
    }
    let schema = schema_for(cluster, &read).await?;
    let mut reads = stream::iter(read)
        .map(|(release, object)| async move { (release, object, cluster.get(&object.id, &object.version).await) })
        .buffered(PARALLEL);
    while let Some((release, object, answer)) = reads.next().await {
        let now = answer?;
        let autoscaled = autoscalers.own_replicas_of(&object.id);
        match compare(&input(&object.object, now.as_ref(), schema.get(), release, autoscaled, View::Drift)) {
            Some(drift) => found.push(drift),
            None => {
                if let Some(seen) = live.get_mut(&object.id) {
                    seen.same = true;
                }
            }
        }
    }
    drop(reads);
    found.sort_by_key(ObjectDrift::id);
    Ok(found)
}

/// An entry without a UID was written before an apply that did not end: what is there is not drift but work in progress.
fn is_settled(entry: &Applied) -> bool {
    !entry.uid.is_empty()
}

/// What a comparison asks.
pub(super) fn input<'a>(
    desired: &'a Object,
    live: Option<&'a Object>,
    schema: &'a Schema,
    release: &'a str,
    autoscaled: bool,
    view: View,
) -> Input<'a> {
    Input { desired, live, schema, release, manager: FIELD_MANAGER, ignore: &[], autoscaled, view }
}

/// The types of built-in kinds, or those of the whole cluster where a custom kind is among the objects.
pub(super) enum Types {
    /// Recorded: no request.
    BuiltIn(&'static Schema),
    /// The cluster's own.
    Live(Box<Schema>),
}

impl Types {
    pub(super) fn get(&self) -> &Schema {
        match self {
            Self::BuiltIn(schema) => schema,
            Self::Live(schema) => schema,
        }
    }
}

async fn schema_for(cluster: &Cluster, objects: &[(&str, &DesiredObject)]) -> Result<Types, ClusterError> {
    let builtin = builtin_schema();
    let known = |o: &Object| builtin.type_of(o.api_version(), o.kind()).is_some();
    if objects.iter().all(|(_, o)| known(&o.object)) {
        return Ok(Types::BuiltIn(builtin));
    }
    types_of_cluster(cluster).await
}

/// The types that the cluster publishes, custom ones included.
pub(super) async fn types_of_cluster(cluster: &Cluster) -> Result<Types, ClusterError> {
    match Schema::from_openapi(cluster.openapi().await?.as_ref()) {
        Ok(schema) => Ok(Types::Live(Box::new(schema))),
        Err(error) => {
            tracing::warn!(%error, "the cluster's schemas cannot be read; custom kinds are compared without types");
            Ok(Types::BuiltIn(builtin_schema()))
        }
    }
}
