//! Field paths and sets, schemas, managed fields and the typed merge of server-side apply.
//!
//! Turns *an object and a configuration* into *the merged object and who owns which field*, as kube-apiserver does
//! (Kubernetes enhancement 555, "Server-side Apply"; the rules of structured-merge-diff v6). `drift/` reads ownership
//! with it, `sandbox/` serves apply with it. Nothing here talks to a cluster, reads a clock or a file: time and schemas come as arguments.
//!
//! Every value is a [`serde_json::Value`]; every walk follows a [`Schema`], which says for each list whether it is
//! atomic, a set or a map of items, and for each map whether it is one field or many.

mod apply;
mod codec;
mod compare;
mod conflict;
mod managed;
mod merge;
mod openapi;
mod path;
mod reconcile;
mod remove;
mod reset;
mod scale;
mod schema;
mod set;
mod typed;
mod zero;

pub use apply::{ApplyError, Merged, Request, apply, owned_by, settle_times, update};
pub use codec::FieldsError;
pub use compare::{Comparison, compare, same};
pub use conflict::{Conflict, Conflicts};
pub use managed::{CONTROLLERS, Entry, ManagedError, ManagedFields, Manager, Operation};
pub use merge::merge;
pub use openapi::SchemaError;
pub use path::{FieldPath, KeyValue, PathElement};
pub use remove::{extract, remove};
pub use reset::{reset_fields, spec_fields, status_fields};
pub use scale::update_scale;
pub use schema::{
    Atom, Field, Format, List, ListKind, MapType, Scalar, Schema, TypeId, builtin_schema, recorded_schemas,
};
pub use set::FieldSet;
pub use typed::{Duplicates, TypeError, TypeErrors, element_of, set_of, validate};
