//! Turns a tree of environment folders into environments: layers ordered and merged, policies typed, releases staged, every
//! mistake located. Called by the command line and the reconciler with a snapshot or a working folder; never does IO of
//! its own and never renders.

mod digest;
mod error;
mod fields;
mod files;
mod health;
mod ignore;
mod layers;
mod load;
mod located;
mod lock;
mod model;
mod names;
mod policy;
mod release;
mod spec;
mod stages;
mod substitute;
mod unsupported;

pub use error::Diagnostics;
pub use files::discover;
pub use load::load;
pub use lock::{LockedChart, RemoteChart};
pub use model::{BrokenRelease, ChartSource, Environment, Notify, Release, SourceText, Target};
pub use policy::{Crds, MaxDeletions, OnCommit, OnDrift, OnFailure, Policies, Prune};

#[cfg(test)]
mod tests;
