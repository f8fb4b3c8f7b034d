//! Reads what a plan would update, so that the plan says which fields change, which stay as they are because they are let be, and
//! what cannot be changed in place. One read for each object that Git changes; none for those that only others changed, which
//! were read when they were compared.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::stream;

use crate::apply::{Checks, Record};
use crate::cluster::{Cluster, ClusterError};
use crate::drift::{Input, ObjectDrift, View, compare, keep};
use crate::fields::builtin_schema;
use crate::manifest::ObjectId;
use crate::plan::{Action, DesiredObject, Foreseen, Live, Plan, Verb, foretell};

use super::admission::without_admission;
use super::autoscalers::{Autoscalers, Gone};
use super::compare::{Compared, Types, input, types_of_cluster};

/// Reads at once.
const PARALLEL: usize = 8;

/// What is known before anything more is read.
pub(super) struct Known<'a> {
    pub(super) autoscalers: &'a Autoscalers,
    pub(super) objects: &'a BTreeMap<String, Vec<DesiredObject>>,
    pub(super) accounts: &'a BTreeMap<String, String>,
    pub(super) held: &'a BTreeMap<String, Record>,
    pub(super) live: &'a BTreeMap<ObjectId, Live>,
    pub(super) compared: &'a Compared,
    pub(super) checks: &'a Checks,
}

/// The plan with everything that can be foreseen of its updates.
///
/// # Errors
/// When the cluster cannot be asked.
pub(super) async fn foresee(cluster: &Cluster, known: &Known<'_>, mut plan: Plan) -> Result<Plan, ClusterError> {
    let Known { autoscalers, objects, accounts, held, live, compared, checks } = known;
    let mut foreseen: BTreeMap<ObjectId, Foreseen> = BTreeMap::new();
    let mut read: Vec<(&str, &Action)> = Vec::new();
    let drifted: BTreeMap<ObjectId, &ObjectDrift> = compared.drift.iter().map(|d| (d.id(), d)).collect();
    let mut let_be = compared.let_be.clone();
    let gone = Gone::among(plan.actions().filter(|(_, a)| a.verb == Verb::Prune).map(|(_, a)| &a.id));
    for (release, action) in plan.actions() {
        if !matches!(action.verb, Verb::Update | Verb::Adopt | Verb::Transfer) {
            continue;
        }
        let Some(seen) = live.get(&action.id) else { continue };
        let entry = held.get(&release.release).and_then(|r| r.inventory.objects.get(&action.id));
        let same = entry.is_some_and(|e| e.desired == action.hash && e.uid == seen.uid);
        match drifted.get(&action.id) {
            Some(drift) if same => {
                foreseen.insert(action.id.clone(), Foreseen::fields(drift.fields.iter().filter(|f| !f.added)));
            }
            _ => read.push((&release.release, action)),
        }
    }
    let builtin = builtin_schema();
    let known_kind =
        |a: &Action| a.object.as_ref().is_none_or(|o| builtin.type_of(o.api_version(), o.kind()).is_some());
    let rules = |release: &str, id: &ObjectId| {
        let object = objects.get(release).and_then(|objects| objects.iter().find(|o| o.id == *id));
        object.map_or(&[][..], |o| &o.ignore)
    };
    let types = if read.iter().all(|(_, a)| known_kind(a)) {
        Types::BuiltIn(builtin)
    } else {
        types_of_cluster(cluster).await?
    };
    let mut reads = stream::iter(read.iter().copied())
        .map(|(release, action)| async move { (release, action, cluster.get(&action.id, &action.version).await) })
        .buffered(PARALLEL);
    while let Some((release, action, answer)) = reads.next().await {
        let now = match answer {
            Err(ClusterError::UnknownKind { .. }) => None,
            answer => answer?,
        };
        let (Some(desired), Some(now)) = (&action.object, now) else { continue };
        let asked = Input {
            autoscaled: autoscalers.will_own_replicas_of(&action.id, &gone),
            ignore: rules(release, &action.id),
            ..input(desired, Some(&now), types.get(), release, View::Change)
        };
        let found = compare(&asked);
        let mut kept = desired.clone();
        keep(&mut kept, &found.let_be, action.verb == Verb::Adopt);
        let by = (cluster, accounts.get(release).map(String::as_str));
        let fields = found.drift.map(|d| d.fields).unwrap_or_default();
        let fields = without_admission(by, &kept, &now, fields, Some((checks, action))).await;
        foreseen.insert(action.id.clone(), Foreseen::of(&kept, &now, &fields));
        let_be.insert(action.id.clone(), found.let_be);
    }
    drop(reads);
    for action in plan.releases.iter_mut().flat_map(|r| &mut r.apply) {
        let stays = let_be.get(&action.id).filter(|fields| !fields.is_empty());
        if let (Some(object), Some(fields)) = (&mut action.object, stays) {
            keep(object, fields, action.verb == Verb::Adopt);
            action.let_be = true;
        }
    }
    Ok(foretell(plan, &foreseen))
}
