//! What others changed: an object whose mark is no longer the inventory's is read once and compared field by field.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream;

use crate::apply::Record;
use crate::cluster::{Cluster, ClusterError, mark_of, mark_text};
use crate::drift::{Comparison, Input, LetBe, ObjectDrift, State, View, compare, keep, needs_read};
use crate::fields::{Schema, builtin_schema};
use crate::manifest::{Applied, FIELD_MANAGER, Object, ObjectId};
use crate::plan::{DesiredObject, Live};

use super::admission::without_admission;
use super::autoscalers::Autoscalers;

/// Reads at once.
const PARALLEL: usize = 8;

/// What a comparison of everything that may have drifted needs.
pub(super) struct Compare<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) autoscalers: &'a Autoscalers,
    pub(super) objects: &'a BTreeMap<String, Vec<DesiredObject>>,
    /// The users that releases are written as, where that is not ourselves.
    pub(super) accounts: &'a BTreeMap<String, String>,
    pub(super) held: &'a BTreeMap<String, Record>,
    /// Releases of which what others add is told, too.
    pub(super) strict: &'a BTreeSet<String>,
    /// What others own of objects of such releases and was found to be nothing to tell of: not read again.
    pub(super) harmless: &'a mut BTreeMap<ObjectId, u64>,
    /// Digests of the versions of what is there.
    pub(super) versions: &'a BTreeMap<ObjectId, u64>,
    /// Objects that say what Git says, of which a field is no longer ours, with the version that was compared: any other is read.
    pub(super) lost: &'a mut BTreeMap<ObjectId, u64>,
    /// Whether drift of an object is put right, by its release's policy or its own.
    pub(super) corrects: &'a (dyn Fn(&str, &DesiredObject) -> bool + Sync),
}

/// What was found.
#[derive(Default)]
pub(super) struct Compared {
    /// What is to be told, by object.
    pub(super) drift: Vec<ObjectDrift>,
    /// What is let be of the objects that were read.
    pub(super) let_be: BTreeMap<ObjectId, Vec<LetBe>>,
    /// Objects of which nothing is let be any longer, and that are as Git says.
    pub(super) settled: BTreeSet<ObjectId>,
}

impl Compare<'_> {
    /// Compares what drifted; an object that still says what Git says is noted as `same` in `live`. An object that Git changed in
    /// the same breath is compared with what Git says now.
    pub(super) async fn drifted(self, live: &mut BTreeMap<ObjectId, Live>) -> Result<Compared, ClusterError> {
        let mut found = Compared::default();
        let mut read: Vec<(&str, &DesiredObject)> = Vec::new();
        for (release, objects) in self.objects {
            let Some(record) = self.held.get(release) else { continue };
            for object in objects {
                let Some(entry) = record.inventory.objects.get(&object.id).filter(|e| is_settled(e)) else { continue };
                if object.left_alone(live.contains_key(&object.id)) {
                    continue;
                }
                match live.get(&object.id) {
                    None => found.drift.push(ObjectDrift::new(&object.object, release, State::Missing)),
                    Some(seen) if self.is_to_be_read(release, object, entry, seen) => read.push((release, object)),
                    Some(_) => {}
                }
            }
        }
        let cluster = self.cluster;
        let schema = schema_for(cluster, &read).await?;
        let mut reads = stream::iter(read)
            .map(|(release, object)| async move { (release, object, cluster.get(&object.id, &object.version).await) })
            .buffered(PARALLEL);
        while let Some((release, object, answer)) = reads.next().await {
            let now = answer?;
            let asked = Input {
                strict: self.strict.contains(release),
                autoscaled: self.autoscalers.own_replicas_of(&object.id),
                ignore: &object.ignore,
                ..input(&object.object, now.as_ref(), schema.get(), release, View::Drift)
            };
            let Comparison { mut drift, let_be, lost } = compare(&asked);
            if let (Some(found), Some(now)) = (&mut drift, &now) {
                let mut sent = object.object.clone();
                keep(&mut sent, &let_be, false);
                let by = (cluster, self.accounts.get(release).map(String::as_str));
                let fields = std::mem::take(&mut found.fields);
                found.fields = without_admission(by, &sent, now, fields, None).await;
            }
            let drift = drift.filter(|d| !(d.state == State::Modified && d.fields.is_empty()));
            let same = drift.as_ref().is_none_or(ObjectDrift::is_only_added);
            // A field that was taken and put back is taken back where we may write; else the object is followed as a whole.
            // So is one that was read as it was before the watch saw it changed: a stale answer proves nothing.
            let read = now.as_ref().and_then(|n| n.value().pointer("/metadata/managedFields")).and_then(mark_of);
            let stale = live.get(&object.id).is_some_and(|seen| read.map(mark_text) != seen.mark);
            let take_back = same && (lost || stale) && (self.corrects)(release, object);
            if let Some(seen) = live.get_mut(&object.id) {
                (seen.same, seen.differs) = (same && !take_back && !stale, !same || take_back);
            }
            // One that differs again is followed still: its mark was taken for known when it did not.
            let followed = !take_back && (lost || (!same && self.lost.contains_key(&object.id)));
            match self.versions.get(&object.id).filter(|_| followed) {
                Some(version) => drop(self.lost.insert(object.id.clone(), *version)),
                None => drop(self.lost.remove(&object.id)),
            }
            if let Some(seen) = live.get(&object.id).filter(|_| same) {
                if let_be.is_empty() {
                    found.settled.insert(object.id.clone());
                }
                if asked.strict && drift.is_none() {
                    self.harmless.insert(object.id.clone(), seen.foreign);
                }
            }
            if !let_be.is_empty() {
                found.let_be.insert(object.id.clone(), let_be);
            }
            found.drift.extend(drift);
        }
        drop(reads);
        found.drift.sort_by_key(ObjectDrift::id);
        Ok(found)
    }

    fn is_to_be_read(&self, release: &str, object: &DesiredObject, entry: &Applied, seen: &Live) -> bool {
        let others_added = || {
            seen.foreign != 0
                && self.strict.contains(release)
                && self.harmless.get(&object.id).is_none_or(|known| *known != seen.foreign)
        };
        // What was let be was somebody's who is no longer there.
        let back = || entry.let_be && object.ignore.is_empty() && !self.autoscalers.own_replicas_of(&object.id);
        let another = || {
            let is = |known: &u64| self.versions.get(&object.id) != Some(known) || (self.corrects)(release, object);
            self.lost.get(&object.id).is_some_and(is)
        };
        needs_read(seen.mark.as_deref(), &seen.uid, entry) || others_added() || back() || another()
    }
}

/// An entry without a UID was written before an apply that did not end: what is there is not drift but work in progress.
fn is_settled(entry: &Applied) -> bool {
    !entry.uid.is_empty()
}

/// What a comparison asks, with nothing let be.
pub(super) fn input<'a>(
    desired: &'a Object,
    live: Option<&'a Object>,
    schema: &'a Schema,
    release: &'a str,
    view: View,
) -> Input<'a> {
    Input {
        desired,
        live,
        schema,
        release,
        manager: FIELD_MANAGER,
        ignore: &[],
        autoscaled: false,
        strict: false,
        view,
    }
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
