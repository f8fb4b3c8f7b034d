//! An in-memory Kubernetes API server on loopback, for demos, tests and rehearsals: `kubectl`, kube clients and evenkeel
//! itself talk to it as to a real one. It shares nothing but the vocabulary with the rest of evenkeel, so that it stays
//! an independent witness.
//!
//! ```text
//! http/ ── requests ──▶ store/ (objects, history) ──▶ changes ──▶ watches
//!                          ▲                            │
//!                          └──── simulate/ ◀────────────┘   (controllers: workloads, namespaces, garbage)
//! ```
//!
//! What it serves, and its schemas, were recorded from kube-apiserver 1.35.4 (`recorded`). What it does not do, yet:
//! conversion between versions of one kind (objects keep the shape that they were written in), validation beyond types,
//! names and what workloads need (`validate`), CEL rules and patterns of custom schemas, admission plugins and webhooks,
//! authentication and authorization (everybody may do everything), answers in protobuf (requests are read), quotas, node
//! ports, endpoints, lists at an old version, CronJob schedules and autoscaling. Which kinds get defaults stands in
//! `defaults`. Objects are kept as trees of values, some 40 KiB each with their managed fields: room for thousands, not for
//! hundreds of thousands.

mod defaults;
mod error;
mod http;
mod openapi;
mod ownership;
mod patch;
mod quantity;
mod recorded;
mod resources;
mod scale;
mod schema;
mod selector;
mod simulate;
mod store;
mod table;
mod validate;

pub use http::{CONTEXT, Options, Server};
