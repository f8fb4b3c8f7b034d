//! Who owns which field: the sandbox's use of [`crate::fields`], with the type of each kind.

use jiff::Timestamp;
use serde_json::Value;

use super::error::ApiError;
use super::resources::ResourceType;
use super::store::{Target, WriteOptions};
use crate::fields::{
    self, ApplyError, FieldPath, FieldSet, Request, Schema, builtin_schema, reset_fields, spec_fields, status_fields,
};

/// The types of objects in the form that `fields` reads. They are copied only when a definition adds to them.
#[derive(Debug, Default)]
pub(super) struct Types {
    own: Option<Box<Schema>>,
}

impl Types {
    fn schema(&self) -> &Schema {
        self.own.as_deref().unwrap_or_else(|| builtin_schema())
    }

    /// Adds a version of a custom resource. A schema that contradicts itself leaves the fields to be deduced.
    pub(super) fn define(&mut self, resource: &ResourceType) {
        let Some(custom) = &resource.custom else { return };
        let own = self.own.get_or_insert_with(|| Box::new(builtin_schema().clone()));
        if own.add_crd(&resource.group, &resource.version, &resource.kind, Some(&custom.schema)).is_err() {
            own.remove_kind(&resource.api_version(), &resource.kind);
        }
    }

    /// Drops a version of a custom resource.
    pub(super) fn forget(&mut self, resource: &ResourceType) {
        if let Some(own) = &mut self.own {
            own.remove_kind(&resource.api_version(), &resource.kind);
        }
    }
}

/// What an endpoint ignores.
fn ignored(target: &Target) -> Option<FieldSet> {
    let resource = &target.resource;
    if resource.custom.is_none() {
        return reset_fields(&resource.api_version(), &resource.kind, &target.subresource);
    }
    match target.subresource.as_str() {
        "" if resource.has_status() => Some(status_fields()),
        "status" => Some(spec_fields()),
        _ => None,
    }
}

/// The live object as the request's version has it.
fn in_version(target: &Target, live: &Value) -> Value {
    let mut live = live.clone();
    live["apiVersion"] = target.resource.api_version().into();
    live
}

/// The object of a create, replace or patch, with its managed fields. Defaults are filled in already.
pub(super) fn update(
    types: &Types,
    target: &Target,
    live: Option<&Value>,
    object: Value,
    manager: &str,
    now: Timestamp,
) -> Value {
    let reset = ignored(target);
    let request =
        Request { schema: types.schema(), manager, subresource: &target.subresource, time: now, reset: reset.as_ref() };
    fields::update(live.map(|l| in_version(target, l)).as_ref(), object, &request)
}

/// The object after its replicas were set through `/scale`.
pub(super) fn scale(types: &Types, live: &Value, path: &str, replicas: i64, manager: &str, now: Timestamp) -> Value {
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let request = Request { schema: types.schema(), manager, subresource: "scale", time: now, reset: None };
    fields::update_scale(live, &FieldPath::of(&segments), &replicas.into(), &request)
}

/// The object after a server-side apply, with its managed fields.
pub(super) fn apply(
    types: &Types,
    target: &Target,
    live: Option<&Value>,
    config: &Value,
    options: &WriteOptions,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let reset = ignored(target);
    let request = Request {
        schema: types.schema(),
        manager: &options.manager,
        subresource: &target.subresource,
        time: now,
        reset: reset.as_ref(),
    };
    let live = live.map(|l| in_version(target, l));
    match fields::apply(live.as_ref(), config, options.force, &request) {
        Ok(merged) => Ok(merged.object),
        Err(error @ (ApplyError::ManagedFields | ApplyError::WrongVersion { .. })) => {
            Err(ApiError::bad_request(error.to_string()))
        }
        Err(ApplyError::Conflicts(conflicts)) => {
            Err(ApiError::apply_conflict(conflicts.to_string(), &conflicts.causes()))
        }
        Err(error) => Err(ApiError::unclassified(error.to_string())),
    }
}

/// Takes times of managed fields back where nothing else changed after defaults were filled in.
pub(super) fn settle(live: &Value, object: &mut Value) {
    fields::settle_times(live, object);
}
