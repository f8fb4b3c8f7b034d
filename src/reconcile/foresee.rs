//! Reads what a plan would update, so that the plan says which fields change and what cannot be changed in place. One read for each
//! object that Git changes; none for those that only others changed, which were read when they were compared.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::stream;

use crate::apply::Record;
use crate::cluster::{Cluster, ClusterError};
use crate::drift::{ObjectDrift, View, compare};
use crate::fields::builtin_schema;
use crate::manifest::ObjectId;
use crate::plan::{Action, Foreseen, Live, Plan, Verb, foretell};

use super::autoscalers::Autoscalers;
use super::compare::{Types, input, types_of_cluster};

/// Reads at once.
const PARALLEL: usize = 8;

/// The plan with everything that can be foreseen of its updates.
///
/// # Errors
/// When the cluster cannot be asked.
pub(super) async fn foresee(
    cluster: &Cluster,
    autoscalers: &Autoscalers,
    held: &BTreeMap<String, Record>,
    live: &BTreeMap<ObjectId, Live>,
    drift: &[ObjectDrift],
    plan: Plan,
) -> Result<Plan, ClusterError> {
    let mut foreseen: BTreeMap<ObjectId, Foreseen> = BTreeMap::new();
    let mut read: Vec<(&str, &Action)> = Vec::new();
    let drifted: BTreeMap<ObjectId, &ObjectDrift> = drift.iter().map(|d| (d.id(), d)).collect();
    for (release, action) in plan.actions() {
        if !matches!(action.verb, Verb::Update | Verb::Adopt | Verb::Transfer) {
            continue;
        }
        let Some(seen) = live.get(&action.id) else { continue };
        let entry = held.get(&release.release).and_then(|r| r.inventory.objects.get(&action.id));
        let same = entry.is_some_and(|e| e.desired == action.hash && e.uid == seen.uid);
        match drifted.get(&action.id) {
            Some(drift) if same => {
                foreseen.insert(action.id.clone(), Foreseen::fields(&drift.fields));
            }
            _ => read.push((&release.release, action)),
        }
    }
    let builtin = builtin_schema();
    let known = |a: &Action| a.object.as_ref().is_none_or(|o| builtin.type_of(o.api_version(), o.kind()).is_some());
    let types =
        if read.iter().all(|(_, a)| known(a)) { Types::BuiltIn(builtin) } else { types_of_cluster(cluster).await? };
    let mut reads = stream::iter(read.iter().copied())
        .map(|(release, action)| async move { (release, action, cluster.get(&action.id, &action.version).await) })
        .buffered(PARALLEL);
    while let Some((release, action, answer)) = reads.next().await {
        let now = match answer {
            Err(ClusterError::UnknownKind { .. }) => None,
            answer => answer?,
        };
        let (Some(desired), Some(now)) = (&action.object, now) else { continue };
        let autoscaled = autoscalers.own_replicas_of(&action.id);
        let found = compare(&input(desired, Some(&now), types.get(), release, autoscaled, View::Change));
        let fields = found.map(|d| d.fields).unwrap_or_default();
        foreseen.insert(action.id.clone(), Foreseen::of(desired, &now, &fields));
    }
    drop(reads);
    Ok(foretell(plan, &foreseen))
}
