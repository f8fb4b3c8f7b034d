//! An in-memory Kubernetes API server.
mod defaults;
mod error;
mod ownership;
mod patch;
mod quantity;
mod recorded;
mod resources;
mod scale;
mod schema;
mod selector;
mod store;
mod validate;
