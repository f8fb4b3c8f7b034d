//! Create, update, patch and server-side apply: decode, default, merge, own, check, commit.

use std::sync::Arc;

use jiff::Timestamp;
use rand::RngExt as _;
use serde_json::{Map, Value};

use super::{Key, MAX_OBJECTS, Store, Target, time};
use crate::sandbox::error::ApiError;
use crate::sandbox::patch::{self, PatchKind};
use crate::sandbox::{defaults, ownership, scale, validate};

/// What to do about fields that the type does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::sandbox) enum Validation {
    Ignore,
    #[default]
    Warn,
    Strict,
}

/// Who writes, and how.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct WriteOptions {
    pub(in crate::sandbox) manager: String,
    pub(in crate::sandbox) dry_run: bool,
    pub(in crate::sandbox) force: bool,
    pub(in crate::sandbox) validation: Validation,
}

impl WriteOptions {
    /// A plain write by a manager.
    pub(in crate::sandbox) fn by(manager: &str) -> Self {
        Self { manager: manager.to_owned(), ..Self::default() }
    }
}

/// What a write did.
#[derive(Debug)]
pub(in crate::sandbox) struct Written {
    pub(in crate::sandbox) object: Arc<Value>,
    pub(in crate::sandbox) created: bool,
    pub(in crate::sandbox) warnings: Vec<String>,
}

/// How many random characters `generateName` gets.
const SUFFIX: usize = 5;
/// The alphabet of generated names: no vowels, nothing to mistake.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

pub(in crate::sandbox) fn random_suffix() -> String {
    let mut random = rand::rng();
    (0..SUFFIX).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
}

impl Store {
    /// Creates an object.
    pub(in crate::sandbox) fn create(
        &mut self,
        target: &Target,
        mut object: Value,
        options: &WriteOptions,
        now: Timestamp,
    ) -> Result<Written, ApiError> {
        let mut target = target.clone();
        let warnings = self.decode(&target, &mut object, options.validation, false)?;
        if object["metadata"].get("resourceVersion").is_some_and(|v| v.as_str() != Some("")) {
            return Err(ApiError::internal("resourceVersion should not be set on objects to be created"));
        }
        self.name(&mut target, &mut object)?;
        self.check_namespace(&target)?;
        let key = self.key(&target);
        if self.object(&key).is_some() {
            return Err(ApiError::already_exists(&target.resource.group, &target.resource.plural, &target.name));
        }
        if target.resource.has_status() {
            remove(&mut object, "status");
        }
        let mut object = ownership::update(&self.fields, &target, None, object, &options.manager, now);
        begin(&mut object, now);
        self.prepare(&target, &mut object, None);
        self.finish_create(&target, &key, object, options, warnings)
    }

    fn finish_create(
        &mut self,
        target: &Target,
        key: &Key,
        mut object: Value,
        options: &WriteOptions,
        warnings: Vec<String>,
    ) -> Result<Written, ApiError> {
        validate::object(target, None, &object)?;
        if self.count >= MAX_OBJECTS {
            return Err(ApiError::forbidden(
                &target.resource.group,
                &target.resource.plural,
                &target.name,
                &format!("the sandbox holds at most {MAX_OBJECTS} objects"),
            ));
        }
        if options.dry_run {
            object["metadata"]["resourceVersion"] = Value::String(String::new());
            remove(&mut object["metadata"], "resourceVersion");
            return Ok(Written { object: Arc::new(object), created: true, warnings });
        }
        Ok(Written { object: self.commit(key, Some(object)), created: true, warnings })
    }

    /// Replaces an object, or its subresource. A PUT of an object that does not exist answers 404 here.
    pub(in crate::sandbox) fn update(
        &mut self,
        target: &Target,
        mut object: Value,
        options: &WriteOptions,
        now: Timestamp,
    ) -> Result<Written, ApiError> {
        let live = self.get(target)?;
        if target.subresource == "scale" {
            return self.update_scale(target, &live, &object, options, now);
        }
        let warnings = self.decode(target, &mut object, options.validation, false)?;
        if object["metadata"]["name"] != target.name.as_str() {
            return Err(ApiError::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                object["metadata"]["name"].as_str().unwrap_or_default(),
                target.name
            )));
        }
        self.check_version(target, &live, &object)?;
        self.replace(target, &live, object, options, warnings, now)
    }

    /// Patches an object, or its subresource; server-side apply is in [`Store::apply`].
    pub(in crate::sandbox) fn patch(
        &mut self,
        target: &Target,
        body: &Value,
        kind: PatchKind,
        options: &WriteOptions,
        now: Timestamp,
    ) -> Result<Written, ApiError> {
        if kind == PatchKind::Apply && target.subresource != "scale" {
            return self.apply(target, body.clone(), options, now);
        }
        let live = self.get(target)?;
        if target.subresource == "scale" {
            let scale = scale::of(target, &live).ok_or_else(ApiError::no_such_path)?;
            let patched =
                patch::apply(&scale, body, if kind == PatchKind::Strategic { PatchKind::Merge } else { kind }, None)?;
            return self.update_scale(target, &live, &patched, options, now);
        }
        // The patch is written in the request's version, whatever the object is stored in.
        let mut current = (*live).clone();
        current["apiVersion"] = target.resource.api_version().into();
        let schema = if target.resource.custom.is_some() { None } else { self.node(&target.resource) };
        let mut object = patch::apply(&current, body, kind, schema.map(|node| (&*self.schemas, node)))?;
        let warnings = self.decode(target, &mut object, options.validation, false)?;
        if object["metadata"]["name"] != target.name.as_str() {
            return Err(ApiError::invalid(
                &target.resource.group,
                &target.resource.kind,
                &target.name,
                &[(
                    "FieldValueInvalid",
                    format!("Invalid value: {}: field is immutable", object["metadata"]["name"]),
                    "metadata.name".into(),
                )],
            ));
        }
        self.check_version(target, &live, &object)?;
        self.replace(target, &live, object, options, warnings, now)
    }

    /// Server-side apply: creates the object, or merges the configuration into it.
    fn apply(
        &mut self,
        target: &Target,
        mut config: Value,
        options: &WriteOptions,
        now: Timestamp,
    ) -> Result<Written, ApiError> {
        if config["metadata"]
            .get("managedFields")
            .is_some_and(|m| !m.is_null() && m.as_array().is_none_or(|l| !l.is_empty()))
        {
            return Err(ApiError::bad_request("metadata.managedFields must be nil"));
        }
        let warnings = self.decode(target, &mut config, options.validation, true)?;
        if config["metadata"]["name"] != target.name.as_str() {
            config["metadata"]["name"] = target.name.clone().into();
        }
        if !target.subresource.is_empty() {
            // Of a status, the status alone is applied.
            if let Value::Object(map) = &mut config {
                map.retain(|key, _| ["apiVersion", "kind", "metadata", "status"].contains(&key.as_str()));
            }
        } else if target.resource.has_status() {
            remove(&mut config, "status");
        }
        let key = self.key(target);
        let live = self.object(&key);
        if let Some(live) = &live {
            self.check_version(target, live, &config)?;
            if config["metadata"].get("uid").is_some_and(|uid| *uid != live["metadata"]["uid"]) {
                return Err(uid_mismatch(target, &config, live));
            }
        } else {
            if config["metadata"].get("uid").is_some() {
                return Err(ApiError::conflict(
                    &target.resource.group,
                    &target.resource.plural,
                    &target.name,
                    &format!(
                        "uid mismatch: the provided object specified uid {}, and no existing object was found",
                        config["metadata"]["uid"].as_str().unwrap_or_default()
                    ),
                ));
            }
            if !target.subresource.is_empty() {
                return Err(target.not_found());
            }
            self.check_namespace(target)?;
        }
        let mut object = ownership::apply(&self.fields, target, live.as_deref(), &config, options, now)?;
        if target.resource.namespaced {
            object["metadata"]["namespace"] = target.namespace.clone().into();
        }
        self.decode(target, &mut object, Validation::Ignore, false)?;
        match live {
            Some(live) => {
                self.prepare(target, &mut object, Some(&live));
                self.finish_update(target, &live, object, options, warnings)
            }
            None => {
                self.name(&mut target.clone(), &mut object)?;
                begin(&mut object, now);
                self.prepare(target, &mut object, None);
                self.finish_create(target, &key, object, options, warnings)
            }
        }
    }

    fn update_scale(
        &mut self,
        target: &Target,
        live: &Value,
        wanted: &Value,
        options: &WriteOptions,
        now: Timestamp,
    ) -> Result<Written, ApiError> {
        self.check_version(target, live, wanted)?;
        let replicas = wanted["spec"]["replicas"].as_i64().unwrap_or_default();
        if replicas < 0 {
            return Err(ApiError::invalid(
                "autoscaling",
                "Scale",
                &target.name,
                &[(
                    "FieldValueInvalid",
                    format!("Invalid value: {replicas}: must be greater than or equal to 0"),
                    "spec.replicas".into(),
                )],
            ));
        }
        let path = scale::path(target).ok_or_else(ApiError::no_such_path)?;
        let object = ownership::scale(&self.fields, live, &path, replicas, &options.manager, now);
        let mut written = self.finish_update(target, live, object, options, Vec::new())?;
        if let Some(scale) = scale::of(target, &written.object) {
            written.object = Arc::new(scale);
        }
        Ok(written)
    }

    /// What `replace`, `patch` and controllers share once the wanted object is known.
    pub(in crate::sandbox) fn replace(
        &mut self,
        target: &Target,
        live: &Value,
        mut object: Value,
        options: &WriteOptions,
        warnings: Vec<String>,
        now: Timestamp,
    ) -> Result<Written, ApiError> {
        if object["metadata"].get("uid").is_some_and(|uid| uid.as_str() != Some("") && *uid != live["metadata"]["uid"])
        {
            return Err(uid_mismatch(target, &object, live));
        }
        keep(target, live, &mut object);
        let mut object = ownership::update(&self.fields, target, Some(live), object, &options.manager, now);
        self.prepare(target, &mut object, Some(live));
        self.finish_update(target, live, object, options, warnings)
    }

    fn finish_update(
        &mut self,
        target: &Target,
        live: &Value,
        mut object: Value,
        options: &WriteOptions,
        warnings: Vec<String>,
    ) -> Result<Written, ApiError> {
        system_fields(live, &mut object);
        ownership::settle(live, &mut object);
        if target.subresource.is_empty() || target.subresource == "scale" {
            bump_generation(target, live, &mut object);
        } else {
            copy(live, &mut object, "generation");
        }
        validate::object(target, Some(live), &object)?;
        if *live == object {
            return Ok(Written { object: Arc::new(live.clone()), created: false, warnings });
        }
        if options.dry_run {
            return Ok(Written { object: Arc::new(object), created: false, warnings });
        }
        let key = self.key(target);
        if finished(&object) {
            // The last finalizer of an object in deletion went away with this write.
            let object = self.commit_then_delete(&key, object);
            return Ok(Written { object, created: false, warnings });
        }
        Ok(Written { object: self.commit(&key, Some(object)), created: false, warnings })
    }

    fn commit_then_delete(&mut self, key: &Key, object: Value) -> Arc<Value> {
        // The real server deletes with the state of this write, in one step.
        let place = (key.namespace.clone(), key.name.clone());
        if let Some(table) = self.tables.get_mut(&key.table)
            && let Some(slot) = table.objects.get_mut(&place)
        {
            let previous = std::mem::replace(slot, Arc::new(object));
            let current = Arc::clone(slot);
            self.unindex(&previous, key);
            self.index(&current, key);
        }
        self.commit(key, None)
    }

    fn name(&self, target: &mut Target, object: &mut Value) -> Result<(), ApiError> {
        let metadata = &mut object["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default().to_owned();
        let name = match (name.is_empty(), metadata["generateName"].as_str()) {
            (true, Some(prefix)) if !prefix.is_empty() => {
                let limit = 63 - SUFFIX;
                let prefix: String = prefix.chars().take(limit).collect();
                format!("{prefix}{}", random_suffix())
            }
            _ => name,
        };
        metadata["name"] = name.clone().into();
        target.name = name;
        if target.resource.namespaced {
            metadata["namespace"] = target.namespace.clone().into();
        } else {
            remove(metadata, "namespace");
        }
        validate::name(target)
    }

    fn check_namespace(&self, target: &Target) -> Result<(), ApiError> {
        if !target.resource.namespaced {
            return Ok(());
        }
        let Some(namespace) = self.look("namespaces", "", &target.namespace) else {
            return Err(ApiError::not_found("", "namespaces", &target.namespace));
        };
        if namespace["metadata"].get("deletionTimestamp").is_some() {
            return Err(ApiError::forbidden(
                &target.resource.group,
                &target.resource.plural,
                &target.name,
                &format!(
                    "unable to create new content in namespace {} because it is being terminated",
                    target.namespace
                ),
            ));
        }
        Ok(())
    }

    fn check_version(&self, target: &Target, live: &Value, object: &Value) -> Result<(), ApiError> {
        let wanted = object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        if wanted.is_empty() || live["metadata"]["resourceVersion"] == wanted {
            return Ok(());
        }
        Err(ApiError::conflict(
            &target.resource.group,
            &target.resource.plural,
            &target.name,
            "the object has been modified; please apply your changes to the latest version and try again",
        ))
    }

    /// What the server sets by itself, and nobody owns.
    fn prepare(&self, target: &Target, object: &mut Value, live: Option<&Value>) {
        if target.resource.custom.is_some() {
            return;
        }
        defaults::prepare(&target.resource.table(), object, live);
        if target.resource.table() == "services" {
            defaults::service_address(object, live, || self.free_cluster_ip());
        }
    }
}

fn uid_mismatch(target: &Target, object: &Value, live: &Value) -> ApiError {
    ApiError::conflict(
        &target.resource.group,
        &target.resource.plural,
        &target.name,
        &format!(
            "Precondition failed: UID in precondition: {}, UID in object meta: {}",
            object["metadata"]["uid"].as_str().unwrap_or_default(),
            live["metadata"]["uid"].as_str().unwrap_or_default()
        ),
    )
}

fn remove(value: &mut Value, key: &str) {
    if let Value::Object(map) = value {
        map.remove(key);
    }
}

fn copy(live: &Value, object: &mut Value, field: &str) {
    match live["metadata"].get(field) {
        Some(value) => object["metadata"][field] = value.clone(),
        None => remove(&mut object["metadata"], field),
    }
}

/// What the server gives to a new object.
fn begin(object: &mut Value, now: Timestamp) {
    let metadata = &mut object["metadata"];
    metadata["uid"] = uuid::Uuid::new_v4().to_string().into();
    metadata["creationTimestamp"] = time(now).into();
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
        remove(metadata, field);
    }
    if object.get("spec").is_some_and(Value::is_object) && has_generation(object) {
        object["metadata"]["generation"] = 1.into();
    } else {
        remove(&mut object["metadata"], "generation");
    }
}

/// The built-in kinds with a spec whose generation the server does not count.
const NO_GENERATION: &[&str] = &[
    "Namespace",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Service",
    "ResourceQuota",
    "LimitRange",
    "Lease",
    "HorizontalPodAutoscaler",
    "CertificateSigningRequest",
    "VolumeAttachment",
    "CSIDriver",
    "CSINode",
];

fn has_generation(object: &Value) -> bool {
    let built_in = object["apiVersion"].as_str().is_some_and(|v| !v.contains('.') || v.contains(".k8s.io/"));
    !(built_in && object["kind"].as_str().is_some_and(|k| NO_GENERATION.contains(&k)))
}

/// What a client cannot change.
fn system_fields(live: &Value, object: &mut Value) {
    for field in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "name",
        "namespace",
        "generateName",
    ] {
        copy(live, object, field);
    }
    object["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
}

/// Keeps what this request may not touch: the status of an object, everything but the status of a status.
fn keep(target: &Target, live: &Value, object: &mut Value) {
    match target.subresource.as_str() {
        "" if target.resource.has_status() => match live.get("status") {
            Some(status) => object["status"] = status.clone(),
            None => remove(object, "status"),
        },
        "" => {}
        "finalize" => {
            let finalizers = object["spec"]["finalizers"].clone();
            let managed = object["metadata"]["managedFields"].clone();
            *object = live.clone();
            object["metadata"]["managedFields"] = managed;
            object["spec"]["finalizers"] = finalizers;
        }
        _ => {
            let status = object.get("status").cloned();
            let metadata: Map<String, Value> = match &object["metadata"] {
                Value::Object(map) => map.clone(),
                _ => Map::new(),
            };
            *object = live.clone();
            match status {
                Some(status) => object["status"] = status,
                None => remove(object, "status"),
            }
            match metadata.get("managedFields") {
                Some(managed) => object["metadata"]["managedFields"] = managed.clone(),
                None => remove(&mut object["metadata"], "managedFields"),
            }
            // Built-in kinds also take annotations (a Deployment's revision is set that way); custom ones do not.
            if target.resource.custom.is_none() {
                match metadata.get("annotations") {
                    Some(annotations) => object["metadata"]["annotations"] = annotations.clone(),
                    None => remove(&mut object["metadata"], "annotations"),
                }
            }
        }
    }
}

fn bump_generation(target: &Target, live: &Value, object: &mut Value) {
    let Some(before) = live["metadata"]["generation"].as_i64() else {
        remove(&mut object["metadata"], "generation");
        return;
    };
    let without = |value: &Value| -> Value {
        let mut value = value.clone();
        remove(&mut value, "metadata");
        if target.resource.has_status() {
            remove(&mut value, "status");
        }
        value
    };
    let changed = if target.resource.custom.is_some() {
        without(live) != without(object)
    } else {
        live.get("spec") != object.get("spec")
    };
    object["metadata"]["generation"] = (before + i64::from(changed)).into();
}

/// Whether an object in deletion has nothing left to wait for.
pub(super) fn finished(object: &Value) -> bool {
    let metadata = &object["metadata"];
    metadata.get("deletionTimestamp").is_some()
        && metadata["finalizers"].as_array().is_none_or(Vec::is_empty)
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or_default() == 0
        && !(object["kind"] == "Namespace" && object["spec"]["finalizers"].as_array().is_some_and(|f| !f.is_empty()))
}
