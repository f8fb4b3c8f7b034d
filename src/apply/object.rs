//! One object written: server-side apply, forced, with the manager `evenkeel`.
//!
//! Force is the policy because Git is the truth for every field that it names: a pass that stops at the first hand-made change
//! would correct nothing. What force takes is not taken silently: [`dry_run`] asks without force first, and the server answers
//! with each field and who has it.
//!
//! Fields that the schema does not know are errors (`fieldValidation=Strict`): a typo that the server drops without a word is
//! the bug that nobody finds.

use http::Method;
use serde_json::Value;

use super::adopt::{Owner, migrated, migration_patch};
use super::error::{ApplyError, Taken, conflicts, is_being_deleted};
use crate::cluster::wire::{Call, JSON, METADATA};
use crate::cluster::{Cluster, ClusterError, Resource, Verb, mark_of, mark_text, typed};
use crate::manifest::{ANNOTATION_OWNER, FIELD_MANAGER, LABEL_ENVIRONMENT, LABEL_RELEASE, Object, ObjectId, owner_of};

const APPLY_PATCH: &str = "application/apply-patch+yaml";
const JSON_PATCH: &str = "application/json-patch+json";
/// How often a write that lost a race is made again.
const RACES: usize = 4;

/// What became of an object, in Flux's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It did not exist.
    Created,
    /// It was changed.
    Configured,
    /// It was as it should be.
    Unchanged,
    /// It was deleted.
    Deleted,
    /// It was left alone, on purpose.
    Skipped,
    /// A hook: it was made, and did what it should.
    Ran,
}

impl Action {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
            Self::Skipped => "skipped",
            Self::Ran => "ran",
        }
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// What is known of the live object before it is written. Knowing spares a request.
#[derive(Debug, Clone, Default)]
pub enum Before {
    /// Nothing: its metadata is read first.
    #[default]
    Unknown,
    /// It does not exist.
    Absent,
    /// It exists; at least its metadata, managed fields included.
    Live(Box<Object>),
}

/// An applied object.
#[derive(Debug, Clone)]
pub struct Written {
    /// What happened.
    pub action: Action,
    /// The metadata of the object as the server has it now.
    pub live: Object,
    /// The mark of our managed fields, as the inventory holds it.
    pub mark: String,
    /// Whether it existed and was nobody's.
    pub adopted: bool,
}

/// Whose object an apply may take over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Accept {
    /// Nobody's and our own.
    #[default]
    Own,
    /// This one's, too, which hands it over.
    From(Owner),
}

/// What an apply would do.
#[derive(Debug, Clone)]
pub struct DryRun {
    /// Whether the object exists already.
    pub exists: bool,
    /// The object as it would be.
    pub result: Object,
    /// The fields that others have and that the apply would take.
    pub taken: Vec<Taken>,
}

/// Sets what makes an object a release's: two labels for selectors, and the annotation that names the object itself.
pub fn stamp(object: &mut Object, owner: &Owner) {
    let named = owner_of(&object.id(), &owner.environment, &owner.release);
    let labels = [(LABEL_ENVIRONMENT, owner.environment.as_str()), (LABEL_RELEASE, owner.release.as_str())];
    // What is desired bears them already: changing it would cost a copy.
    if labels.iter().any(|(label, value)| object.label(label) != Some(value)) {
        labels.iter().for_each(|(label, value)| object.set_label(label, value));
    }
    if object.annotation(ANNOTATION_OWNER) != Some(&named) {
        object.set_annotation(ANNOTATION_OWNER, &named);
    }
}

fn apply_call(resource: &Resource, object: &Object, force: bool, dry_run: bool) -> Call {
    let mut call =
        Call::get(if dry_run { Verb::DryRun } else { Verb::Apply }, resource.path(object.namespace(), object.name()))
            .query("fieldManager", FIELD_MANAGER)
            .query("fieldValidation", "Strict")
            .query("force", if force { "true" } else { "false" });
    if dry_run {
        call = call.query("dryRun", "All");
    }
    call.method = Method::PATCH;
    call.content_type = APPLY_PATCH;
    // What is asked of the answer stands in the metadata.
    call.accept = METADATA;
    // JSON is YAML.
    call.body = object.json().into_owned();
    call
}

/// What an apply would do, the server's admission included, and whose fields it would take. One request; two when fields
/// would be taken.
///
/// # Errors
/// What the apply would say: an unknown field, an invalid value, a webhook's denial, a missing namespace (404).
pub async fn dry_run(cluster: &Cluster, object: &Object) -> Result<DryRun, ApplyError> {
    try_apply(cluster, object, JSON).await
}

/// The same for one who wants to know whether the server would take the object: of the result, there is the metadata.
///
/// # Errors
/// As [`dry_run`].
pub(super) async fn rehearse(cluster: &Cluster, object: &Object) -> Result<DryRun, ApplyError> {
    try_apply(cluster, object, METADATA).await
}

async fn try_apply(cluster: &Cluster, object: &Object, accept: &'static str) -> Result<DryRun, ApplyError> {
    let resource = cluster.resource(&object.gvk()).await?;
    let call = |force| apply_call(&resource, object, force, true).accept(accept);
    let (error, taken) = match cluster.write(call(false)).await {
        Ok((code, value)) => {
            return Ok(DryRun { exists: code != 201, result: typed(value, &resource)?, taken: Vec::new() });
        }
        Err(error) => match conflicts(&error) {
            Some(taken) => (error, taken),
            None => return Err(ApplyError::of(error, object)),
        },
    };
    tracing::debug!(id = %object.id(), %error, "the apply takes fields");
    let (_, value) = cluster.write(call(true)).await.map_err(|error| ApplyError::of(error, object))?;
    Ok(DryRun { exists: true, result: typed(value, &resource)?, taken })
}

/// Applies an object of a release.
///
/// One request when `before` is known, one more when it is not, one more when ownership is migrated.
///
/// # Errors
/// [`ApplyError::OwnedByAnother`], [`ApplyError::BeingDeleted`], or what the server says.
pub async fn apply_object(
    cluster: &Cluster,
    object: &Object,
    owner: &Owner,
    before: Before,
    accept: Accept,
) -> Result<Written, ApplyError> {
    // A copy of its own: what is looked into is forgotten with it.
    let mut object = object.at_rest();
    stamp(&mut object, owner);
    let id = object.id();
    let resource = cluster.resource(&object.gvk()).await?;
    let mut before = before;
    for race in 1.. {
        let live = match std::mem::take(&mut before) {
            Before::Absent => None,
            Before::Live(live) => Some(*live),
            Before::Unknown => cluster.get_metadata(&id, &resource.gvk.version).await?,
        };
        if let Some(live) = &live {
            check(&id, live, owner, &accept)?;
        }
        let result = write(cluster, &resource, &object, live.as_ref()).await;
        match result {
            Err(error) if error.is_conflict() && race < RACES => {
                tracing::debug!(%id, %error, "lost a race, writing again");
            }
            Err(error) => return Err(ApplyError::of(error, &object)),
            Ok((code, value)) => {
                let written = typed(value, &resource)?;
                let action = match &live {
                    _ if code == 201 => Action::Created,
                    Some(live) if live.resource_version() == written.resource_version() => Action::Unchanged,
                    _ => Action::Configured,
                };
                let adopted = live.as_ref().is_some_and(|live| Owner::named_by(&id, live).is_none());
                return Ok(Written { action, mark: mark(&written), live: written, adopted });
            }
        }
    }
    unreachable!("the loop ends by returning")
}

/// Refuses what is another's or on its way out.
fn check(id: &ObjectId, live: &Object, owner: &Owner, accept: &Accept) -> Result<(), ApplyError> {
    if is_being_deleted(live) {
        return Err(ApplyError::BeingDeleted(id.clone()));
    }
    match Owner::named_by(id, live) {
        Some(other) if other != *owner => {
            if *accept == Accept::From(other.clone()) {
                return Ok(());
            }
            Err(ApplyError::OwnedByAnother { id: id.clone(), environment: other.environment, release: other.release })
        }
        _ => Ok(()),
    }
}

/// Migrates ownership where that is due, then applies; and once more where the server has just invented a co-owner.
async fn write(
    cluster: &Cluster,
    resource: &Resource,
    object: &Object,
    live: Option<&Object>,
) -> Result<(u16, Value), ClusterError> {
    if let Some(live) = live {
        migrate(cluster, resource, live).await?;
    }
    let (code, value) = cluster.write(apply_call(resource, object, true, false)).await?;
    let written = typed(value, resource)?;
    // An object without managed fields: the server gives all its fields to `before-first-apply` at our first apply.
    match migrate(cluster, resource, &written).await? {
        Some(value) => Ok((code, value)),
        None => Ok((code, written.into_value())),
    }
}

async fn migrate(cluster: &Cluster, resource: &Resource, live: &Object) -> Result<Option<Value>, ClusterError> {
    let Some(entries) = migrated(live, &now()) else { return Ok(None) };
    let mut call =
        Call::get(Verb::Patch, resource.path(live.namespace(), live.name())).query("fieldManager", FIELD_MANAGER);
    call.method = Method::PATCH;
    call.content_type = JSON_PATCH;
    call.body = migration_patch(live, entries).to_string().into_bytes();
    Ok(Some(cluster.write(call).await?.1))
}

/// The mark of a written object, as the inventory holds it.
pub(super) fn mark(live: &Object) -> String {
    live.value().pointer("/metadata/managedFields").and_then(mark_of).map(mark_text).unwrap_or_default()
}

/// The time that a migrated entry gets, as Kubernetes writes times: UTC, in whole seconds.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds() {
        let now = now();
        assert_eq!((now.len(), &now[19..]), (20, "Z"), "{now}");
    }
}
