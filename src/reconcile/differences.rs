//! What applying would change, object by object, for `diff` and for whoever reviews a plan.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use serde::Serialize;

use crate::cluster::{Cluster, ClusterError};
use crate::drift::{Compared, FieldDrift, ObjectDrift, State, View, compare};
use crate::fields::builtin_schema;
use crate::manifest::{ObjectId, Redactor};
use crate::plan::{Action, Verb};

use super::admission::without_admission;
use super::compare::{Types, input, types_of_cluster};
use super::look::Look;

/// Reads at once.
const PARALLEL: usize = 8;

/// One object that applying would change, or that others changed and the policy leaves.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Which one.
    pub object: ObjectId,
    /// Its release.
    pub release: String,
    /// What would be done.
    pub verb: Verb,
    /// Why.
    pub reason: String,
    /// A unified diff of YAML, live to desired, secret values masked; empty when only ownership would change.
    pub diff: String,
    /// Both sides, for other ways to show them.
    #[serde(skip)]
    pub compared: Compared,
}

/// The differences of what a look plans, in its order. `key` marks secret values, so that equal ones look equal. One read for each object that is there and would change.
///
/// # Errors
/// When the cluster cannot be asked.
pub async fn differences(cluster: &Cluster, look: &Look, key: &[u8]) -> Result<Vec<Difference>, ClusterError> {
    let changes: Vec<(&str, &Action)> = look
        .plan
        .actions()
        .filter(|(_, a)| a.changes() || matches!(a.verb, Verb::Alert | Verb::Refuse))
        .map(|(release, action)| (release.release.as_str(), action))
        .collect();
    let builtin = builtin_schema();
    let custom = changes.iter().filter_map(|(_, a)| a.object.as_ref());
    let types = if custom.clone().all(|o| builtin.type_of(o.api_version(), o.kind()).is_some()) {
        Types::BuiltIn(builtin)
    } else {
        types_of_cluster(cluster).await?
    };
    let types = &types;
    let mut made = stream::iter(changes)
        .map(|(release, action)| async move {
            let veil = look.veil(release);
            difference(cluster, types, (release, action), (key, veil)).await
        })
        .buffered(PARALLEL);
    let mut found = Vec::new();
    while let Some(difference) = made.next().await {
        found.push(difference?);
    }
    Ok(found)
}

async fn difference(
    cluster: &Cluster,
    types: &Types,
    (release, action): (&str, &Action),
    (key, veil): (&[u8], Option<&Arc<Redactor>>),
) -> Result<Difference, ClusterError> {
    let live = match action.verb {
        Verb::Create => None,
        _ => match cluster.get(&action.id, &action.version).await {
            Err(ClusterError::UnknownKind { .. }) => None,
            answer => answer?,
        },
    };
    let compared = match &action.object {
        None => {
            let drift = ObjectDrift::of_id(&action.id, &action.version, release, State::Extra);
            let live = live.map(|live| live.veiled(veil.cloned()));
            Compared::new(None, live.as_ref(), &drift, Some(key))
        }
        Some(desired) => {
            // What is let be stands in the action's object as it is.
            let found = compare(&input(desired, live.as_ref(), types.get(), release, View::Change));
            let mut drift = found.drift;
            if let (Some(drift), Some(live)) = (&mut drift, &live) {
                let fields = std::mem::take(&mut drift.fields);
                drift.fields = match action.verb {
                    // The plan knows already what would change.
                    verb if verb.writes() => {
                        let planned = |f: &FieldDrift| action.fields.iter().any(|a| a.path == f.path.to_string());
                        fields.into_iter().filter(planned).collect()
                    }
                    _ => without_admission((cluster, None), desired, live, fields, None).await,
                };
            }
            drift.map(|drift| Compared::new(Some(desired), live.as_ref(), &drift, Some(key))).unwrap_or_default()
        }
    };
    Ok(Difference {
        object: action.id.clone(),
        release: release.to_owned(),
        verb: action.verb,
        reason: action.reason.clone(),
        diff: if compared == Compared::default() { String::new() } else { compared.unified() },
        compared,
    })
}
