//! What the API server does to an object and its managed fields when somebody applies or updates it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::managed::strip;
use super::reconcile::reconcile;
use super::schema::DEDUCED;
use super::{
    Comparison, Conflict, Conflicts, Duplicates, Entry, FieldPath, FieldSet, ManagedError, ManagedFields, Manager,
    Schema, TypeErrors, TypeId, compare, merge, remove, same, set_of, validate,
};

/// The manager of what an object had before anybody's apply was tracked.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";
/// The manager that takes over client-side apply's fields.
const KUBECTL: &str = "kubectl";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Update entries that are kept apart at most; the oldest are merged beyond that.
const MAX_UPDATE_MANAGERS: usize = 10;
const ANCIENT: &str = "ancient-changes";

/// Who writes, when, and by which rules.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The types.
    pub schema: &'a Schema,
    /// The field manager; empty counts as `unknown`.
    pub manager: &'a str,
    /// The subresource, empty for the object itself.
    pub subresource: &'a str,
    /// The time of the write; kept in whole seconds.
    pub time: Timestamp,
    /// Fields that this endpoint does not write, and so nobody owns through it: see [`super::reset_fields`].
    pub reset: Option<&'a FieldSet>,
}

/// An object after an apply.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The object with its managed fields.
    pub object: Value,
    /// Whether anything but managed fields differs from the live object.
    pub changed: bool,
}

/// Why a configuration was not applied. None is retryable as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Others own fields that it would change. HTTP 409.
    #[error(transparent)]
    Conflicts(#[from] Conflicts),
    /// It does not fit the kind's schema. HTTP 500, as the API server has it.
    #[error("failed to create typed patch object ({0}): {1}")]
    Config(String, TypeErrors),
    /// The live object does not fit the kind's schema. HTTP 500.
    #[error("failed to create typed live object ({0}): {1}")]
    Live(String, TypeErrors),
    /// It brings managed fields of its own. HTTP 400.
    #[error("metadata.managedFields must be nil")]
    ManagedFields,
    /// It is of another version or kind than the object. HTTP 400.
    #[error("Incorrect version specified in apply patch. Specified patch version: {found}, expected: {expected}")]
    WrongVersion {
        /// The configuration's.
        found: String,
        /// The live object's.
        expected: String,
    },
    /// The live object's managed fields cannot be read. HTTP 500.
    #[error("failed to decode managed fields: {0}")]
    Managed(#[from] ManagedError),
}

/// Applies a configuration to a live object, or creates one from it.
///
/// # Errors
/// Conflicts unless `force`; a configuration or object that does not fit its schema; see [`ApplyError`].
pub fn apply(live: Option<&Value>, config: &Value, force: bool, request: &Request<'_>) -> Result<Merged, ApplyError> {
    let (api_version, kind) = type_meta(config);
    if !matches!(config.pointer("/metadata/managedFields"), None | Some(Value::Null)) {
        return Err(ApplyError::ManagedFields);
    }
    let job = Job::new(request, api_version, kind);
    let mut managed = live.map(ManagedFields::decode).transpose()?.unwrap_or_default();
    let current = match live {
        Some(live) => {
            let (expected, live_kind) = type_meta(live);
            if (expected, live_kind) != (api_version, kind) {
                return Err(ApplyError::WrongVersion { found: api_version.to_owned(), expected: expected.to_owned() });
            }
            let mut live = live.clone();
            strip(&mut live);
            live
        }
        None => Value::Object(
            [("apiVersion".to_owned(), Value::from(api_version)), ("kind".to_owned(), Value::from(kind))]
                .into_iter()
                .collect(),
        ),
    };
    let named = || object_name(config, api_version, kind);
    validate(request.schema, job.ty, config, Duplicates::Refused).map_err(|e| ApplyError::Config(named(), e))?;
    validate(request.schema, job.ty, &current, Duplicates::Allowed).map_err(|e| ApplyError::Live(named(), e))?;
    if managed.0.is_empty() && live.is_some() {
        let zero = request.schema.zero_object(api_version, kind);
        let before = Manager::updater(BEFORE_FIRST_APPLY, api_version, request.subresource);
        job.track(&zero, &current, &mut managed, &before);
    }
    let manager = Manager::applier(request.manager, request.subresource);
    let (mut object, managed) = match job.apply(&current, config, managed.clone(), &manager, force) {
        Err(conflicts) if request.manager == KUBECTL => match job.beyond_last_applied(&current, conflicts.clone()) {
            None => return Err(conflicts.into()),
            Some(rest) if rest.0.is_empty() => job.apply(&current, config, managed, &manager, true)?,
            Some(rest) => return Err(rest.into()),
        },
        result => result?,
    };
    if request.manager == KUBECTL {
        refresh_last_applied(&mut object, config);
    }
    let changed = live.is_none() || !same(&current, &object);
    managed.store(&mut object);
    if let Some(live) = live {
        settle_times(live, &mut object);
    }
    Ok(Merged { object, changed })
}

/// Takes note of who owns what after any other write: `new` is the object as it is about to be stored, defaults filled in.
/// Returns it with its managed fields. As on the API server, `managedFields` that the request brings are honoured (the way
/// to hand fields over), an empty list resets them, and an object whose fields were never tracked stays untracked.
#[must_use]
pub fn update(live: Option<&Value>, mut new: Value, request: &Request<'_>) -> Value {
    let of_live = || live.and_then(|live| ManagedFields::decode(live).ok()).unwrap_or_default();
    let mut managed = if !request.subresource.is_empty() {
        of_live()
    } else if is_reset(&new) {
        ManagedFields::default()
    } else {
        match ManagedFields::decode(&new) {
            Ok(managed) if !managed.0.is_empty() => managed,
            _ => of_live(),
        }
    };
    strip(&mut new);
    let exists = live
        .is_some_and(|live| live.pointer("/metadata/uid").and_then(Value::as_str).is_some_and(|uid| !uid.is_empty()));
    if managed.0.is_empty() && exists {
        return new;
    }
    let (api_version, kind) = type_meta(&new);
    let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
    let job = Job::new(request, &api_version, &kind);
    let current = live.map_or_else(
        || request.schema.zero_object(&api_version, &kind),
        |live| {
            let mut live = live.clone();
            strip(&mut live);
            live
        },
    );
    let manager = Manager::updater(request.manager, &api_version, request.subresource);
    job.track(&current, &new, &mut managed, &manager);
    cap(&mut managed);
    managed.store(&mut new);
    if let Some(live) = live {
        settle_times(live, &mut new);
    }
    new
}

/// Gives managed fields their former times back where nothing but times changed, so that a write that changes nothing
/// makes no new version. `apply` and `update` have done it for what they saw; to be called again when defaults or
/// admission changed the object afterwards.
pub fn settle_times(old: &Value, new: &mut Value) {
    let entries = |object: &Value| object.pointer("/metadata/managedFields").and_then(Value::as_array).cloned();
    let (Some(was), Some(mut is)) = (entries(old), entries(new)) else { return };
    if was.len() != is.len() || was.is_empty() {
        return;
    }
    for (was, is) in was.iter().zip(&mut is) {
        if let Value::Object(entry) = is {
            match was.get("time") {
                Some(time) => entry.insert("time".to_owned(), time.clone()),
                None => entry.remove("time"),
            };
        }
    }
    if was != is {
        return;
    }
    let (mut a, mut b) = (old.clone(), new.clone());
    strip(&mut a);
    strip(&mut b);
    if same(&a, &b)
        && let Some(place) = new.pointer_mut("/metadata/managedFields")
    {
        *place = Value::Array(was);
    }
}

/// `managedFields: []` or `[{}]` asks to forget them.
fn is_reset(new: &Value) -> bool {
    match new.pointer("/metadata/managedFields") {
        Some(Value::Array(entries)) => match entries.as_slice() {
            [] => true,
            [Value::Object(only)] => only.is_empty(),
            _ => false,
        },
        _ => false,
    }
}

pub(super) fn type_meta(object: &Value) -> (&str, &str) {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    (text("apiVersion"), text("kind"))
}

/// `ns/name; apps/v1, Kind=Deployment`, as the API server names an object in an error.
fn object_name(object: &Value, api_version: &str, kind: &str) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    let api_version = if api_version.contains('/') { api_version.to_owned() } else { format!("/{api_version}") };
    format!("{namespace}/{name}; {api_version}, Kind={kind}")
}

/// One write to one object.
struct Job<'a> {
    request: &'a Request<'a>,
    api_version: &'a str,
    kind: &'a str,
    ty: TypeId,
}

impl<'a> Job<'a> {
    fn new(request: &'a Request<'a>, api_version: &'a str, kind: &'a str) -> Self {
        Self { request, api_version, kind, ty: request.schema.type_or_deduced(api_version, kind) }
    }

    fn now(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.request.time.as_second()).ok()
    }

    /// The type of the kind in another version; `None` when that version is gone, and with it what was owned through it.
    /// Versions of one kind are taken to have the same fields.
    fn type_at(&self, api_version: &str) -> Option<TypeId> {
        if api_version == self.api_version {
            return Some(self.ty);
        }
        let schema = self.request.schema;
        let group = |version: &str| version.split_once('/').map_or(String::new(), |(group, _)| group.to_owned());
        schema.type_of(api_version, self.kind).or_else(|| {
            let unknown =
                group(api_version) == group(self.api_version) && !schema.knows(&group(api_version), self.kind);
            unknown.then_some(DEDUCED)
        })
    }

    fn apply(
        &self,
        live: &Value,
        config: &Value,
        mut managed: ManagedFields,
        manager: &Manager,
        force: bool,
    ) -> Result<(Value, ManagedFields), Conflicts> {
        let schema = self.request.schema;
        self.reconcile(&mut managed);
        let merged = merge(schema, self.ty, live, config).unwrap_or_else(|| Value::Object(Map::new()));
        let mut set = set_of(schema, self.ty, config);
        if let Some(reset) = self.request.reset {
            set = set.without(reset);
        }
        let last = managed.0.remove(manager);
        let time = last.as_ref().and_then(|entry| entry.time);
        managed.0.insert(manager.clone(), Entry { fields: set, api_version: self.api_version.to_owned(), time });
        let merged = self.prune(merged, &managed, last.as_ref());
        self.take(live, &merged, &mut managed, manager, force)?;
        if !same(live, &merged)
            && let Some(entry) = managed.0.get_mut(manager)
        {
            entry.time = self.now();
        }
        strip_meta(&mut managed, manager);
        Ok((merged, managed))
    }

    /// Follows an update: what differs is the manager's from now on.
    fn track(&self, live: &Value, new: &Value, managed: &mut ManagedFields, manager: &Manager) {
        self.reconcile(managed);
        // The manager's own entry is another's here: it keeps what this write did not touch.
        let writer = Manager::updater("current-operation", "", "");
        let Ok(changes) = self.take(live, new, managed, &writer, true) else { return };
        let mut set = changes.modified.union(&changes.added);
        if let Some(reset) = self.request.reset {
            set = set.without(reset);
        }
        let set = set.difference(&never_owned());
        if set.is_empty() {
            return;
        }
        let entry = managed.0.entry(manager.clone()).or_insert_with(|| Entry {
            fields: FieldSet::new(),
            api_version: self.api_version.to_owned(),
            time: None,
        });
        entry.fields.extend(&set);
        entry.time = self.now();
    }

    fn reconcile(&self, managed: &mut ManagedFields) {
        managed.0.retain(|_, entry| {
            let Some(ty) = self.type_at(&entry.api_version) else { return false };
            entry.fields = reconcile(self.request.schema, ty, &entry.fields);
            true
        });
    }

    /// Takes from every other manager the fields that the write changes.
    fn take(
        &self,
        live: &Value,
        new: &Value,
        managed: &mut ManagedFields,
        manager: &Manager,
        force: bool,
    ) -> Result<Comparison, Conflicts> {
        let mut by_version: BTreeMap<String, Comparison> = BTreeMap::new();
        let own = self.differences(self.ty, live, new);
        by_version.insert(self.api_version.to_owned(), own.clone());
        let mut conflicts = Vec::new();
        let mut lost: Vec<(Manager, FieldSet)> = Vec::new();
        managed.0.retain(|other, entry| other == manager || self.type_at(&entry.api_version).is_some());
        for (other, entry) in managed.0.iter().filter(|(other, _)| *other != manager) {
            let Some(ty) = self.type_at(&entry.api_version) else { continue };
            let changes =
                by_version.entry(entry.api_version.clone()).or_insert_with(|| self.differences(ty, live, new));
            let contested = entry.fields.intersection(&changes.modified.union(&changes.added));
            conflicts.extend(contested.paths().into_iter().map(|path| Conflict { manager: other.clone(), path }));
            lost.push((other.clone(), contested.union(&changes.removed)));
        }
        if !force && !conflicts.is_empty() {
            return Err(Conflicts(conflicts));
        }
        for (other, fields) in lost {
            if let Some(entry) = managed.0.get_mut(&other) {
                entry.fields = entry.fields.difference(&fields);
            }
        }
        managed.0.retain(|_, entry| !entry.fields.is_empty());
        Ok(own)
    }

    fn differences(&self, ty: TypeId, live: &Value, new: &Value) -> Comparison {
        let found = compare(self.request.schema, ty, live, new);
        match self.request.reset {
            Some(reset) => found.without(reset),
            None => found,
        }
    }

    /// Takes out what the manager applied last time, does not apply any more, and nobody else owns.
    fn prune(&self, merged: Value, managed: &ManagedFields, last: Option<&Entry>) -> Value {
        let Some(last) = last.filter(|last| !last.fields.is_empty()) else { return merged };
        let Some(ty) = self.type_at(&last.api_version) else { return merged };
        let schema = self.request.schema;
        let owned_before = last.fields.with_named_parents(schema, ty);
        let mut pruned = remove(schema, ty, &merged, &owned_before);

        // What others own comes back, the last version's fields first.
        let mut owned: BTreeMap<&str, FieldSet> = BTreeMap::new();
        for entry in managed.0.values() {
            owned.entry(&entry.api_version).or_default().extend(&entry.fields);
        }
        let first = owned.remove_entry(last.api_version.as_str());
        for (version, fields) in first.into_iter().chain(owned) {
            let Some(ty) = self.type_at(version) else { continue };
            let named = |set: FieldSet| set.with_named_parents(schema, ty);
            let keep = named(set_of(schema, ty, &pruned)).union(&named(fields));
            let gone = named(set_of(schema, ty, &merged)).difference(&keep);
            pruned = remove(schema, ty, &merged, &gone);
        }

        // And what the manager did not own before never goes.
        let named = |value: &Value| set_of(schema, ty, value).with_named_parents(schema, ty);
        let gone = named(&merged).difference(&named(&pruned)).intersection(&owned_before);
        remove(schema, ty, &merged, &gone)
    }

    /// The conflicts that are left when `kubectl` takes over the fields of its own client-side apply; `None` when the
    /// object was never applied that way.
    fn beyond_last_applied(&self, live: &Value, conflicts: Conflicts) -> Option<Conflicts> {
        let text =
            live.get("metadata")?.get("annotations")?.get(LAST_APPLIED)?.as_str().filter(|text| !text.is_empty())?;
        let last: Value = serde_json::from_str(text).ok()?;
        let schema = self.request.schema;
        if type_meta(&last).0 != self.api_version || validate(schema, self.ty, &last, Duplicates::Refused).is_err() {
            return None;
        }
        let found = compare(schema, self.ty, &last, live);
        let allowed = set_of(schema, self.ty, &last)
            .difference(&found.modified)
            .difference(&found.added)
            .difference(&found.removed);
        Some(Conflicts(conflicts.0.into_iter().filter(|conflict| !allowed.contains(&conflict.path.0)).collect()))
    }
}

/// Keeps client-side apply's annotation true where there is one, so that it may be used again.
fn refresh_last_applied(object: &mut Value, config: &Value) {
    let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") else { return };
    if annotations.get(LAST_APPLIED).and_then(Value::as_str).is_none_or(str::is_empty) {
        return;
    }
    let mut config = config.clone();
    if let Some(Value::Object(annotations)) = config.pointer_mut("/metadata/annotations") {
        annotations.remove(LAST_APPLIED);
    }
    annotations.insert(LAST_APPLIED.to_owned(), Value::from(format!("{config}\n")));
}

/// What identifies an object, or is the server's own, is nobody's.
fn never_owned() -> FieldSet {
    let fields = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let mut paths: Vec<FieldPath> = fields.iter().map(|field| FieldPath::of(&["metadata", field])).collect();
    paths.extend(["apiVersion", "kind", "metadata"].map(|field| FieldPath::of(&[field])));
    paths.iter().collect()
}

fn strip_meta(managed: &mut ManagedFields, manager: &Manager) {
    if let Some(entry) = managed.0.get_mut(manager) {
        entry.fields = entry.fields.difference(&never_owned());
        if entry.fields.is_empty() {
            managed.0.remove(manager);
        }
    }
}

/// Merges the oldest update entries of a version into one when there are too many.
fn cap(managed: &mut ManagedFields) {
    let updaters = managed.0.iter().filter(|(manager, _)| manager.operation == super::Operation::Update);
    let mut updaters: Vec<(i64, Manager)> =
        updaters.map(|(manager, entry)| (entry.time.map_or(0, Timestamp::as_second), manager.clone())).collect();
    updaters.sort();
    let mut count = updaters.len();
    let mut first_of: BTreeMap<String, Manager> = BTreeMap::new();
    for (_, manager) in updaters {
        if count <= MAX_UPDATE_MANAGERS {
            return;
        }
        let Some(entry) = managed.0.get(&manager).cloned() else { continue };
        let Some(first) = first_of.get(&entry.api_version) else {
            first_of.insert(entry.api_version, manager);
            continue;
        };
        let bucket = Manager::updater(ANCIENT, &entry.api_version, "");
        if !managed.0.contains_key(&bucket)
            && let Some(first) = managed.0.remove(first)
        {
            managed.0.insert(bucket.clone(), first);
        }
        managed.0.remove(&manager);
        if let Some(target) = managed.0.get_mut(&bucket) {
            target.fields.extend(&entry.fields);
            target.time = entry.time;
        }
        count -= 1;
    }
}

/// The set of fields that a whole configuration names, without those that are nobody's.
#[must_use]
pub fn owned_by(schema: &Schema, config: &Value) -> FieldSet {
    let (api_version, kind) = type_meta(config);
    let mut config = config.clone();
    strip(&mut config);
    set_of(schema, schema.type_or_deduced(api_version, kind), &config).difference(&never_owned())
}
