//! evenkeel keeps Kubernetes clusters equal to a Git repository of environment folders.
//!
//! Data flows one way, and this page is the map. A module uses only modules that stand above it here
//! (`tests/layering.rs` holds that), and everything between the two edges (Git on one side, the cluster on the
//! other) is pure and synchronous.
//!
//! ```text
//! git ─▶ environment + values ─▶ chart ─▶ render(template, functions) ─▶ manifest
//!                                                                           │ desired
//! cluster (watch, inventory) ── live ──▶ drift ──▶ plan ──▶ apply ──▶ report ──▶ notify, web
//! ```

// Vocabulary: pure data that every step speaks.
pub mod diagnostic;
pub mod go;
pub mod tree;
pub mod yaml;
pub mod fields;
pub mod manifest;
pub mod health;

// Desired state: from a revision to rendered objects.
pub mod git;
pub mod sops;
pub mod values;
pub mod environment;
pub mod chart;
pub mod template;
pub mod functions;
pub mod render;
pub mod history;

// Live state.
pub mod cluster;

// Decide: pure.
pub mod drift;
pub mod plan;

// Act and tell.
pub mod apply;
pub mod report;
pub mod notify;

// Compose.
pub mod reconcile;
pub mod daemon;
pub mod web;
pub mod sandbox;
pub mod cli;
