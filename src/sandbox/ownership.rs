//! Who owns which field: the sandbox's use of [`crate::fields`], with the type of each kind.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use super::error::ApiError;
use super::store::{Store, Target, WriteOptions};

/// The types of custom resources in the form that `fields` reads, made when they are first needed.
#[derive(Debug, Default)]
pub(super) struct Types {
    custom: HashMap<(String, String), ()>,
}

impl Types {
    /// Drops what is known of a definition.
    pub(super) fn forget(&mut self, definition: &str) {
        self.custom.retain(|(name, _), ()| name != definition);
    }
}
/// PLACEHOLDER
pub(super) fn update(
    store: &mut Store,
    target: &Target,
    live: Option<&Value>,
    object: Value,
    manager: &str,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let _ = (store, target, live, manager, now);
    Ok(object)
}
pub(super) fn apply(
    store: &mut Store,
    target: &Target,
    live: Option<&Value>,
    config: &Value,
    options: &WriteOptions,
    now: Timestamp,
) -> Result<Option<Value>, ApiError> {
    let _ = (store, target, options, now);
    let mut o = live.cloned().unwrap_or(Value::Null);
    json_patch::merge(&mut o, config);
    Ok(Some(o))
}
