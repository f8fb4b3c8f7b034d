//! Turns a tree of environment folders into environments: layers ordered and merged, policies typed, releases staged, every
//! mistake located. Called by the command line and the reconciler with a snapshot or a working folder; never does IO of
//! its own and never renders.

mod error;
mod model;
mod policy;

pub use error::Diagnostics;
pub use model::{BrokenRelease, Environment, LayerFile, Notify, Release, SourceText, Target};
pub use policy::{Crds, MaxDeletions, OnCommit, OnDrift, OnFailure, Policies, Prune};
