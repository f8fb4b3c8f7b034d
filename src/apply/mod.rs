//! Server-side apply, prune and the inventory: the only module that writes to a cluster.
//!
//! Turns a release's objects and what it owned before into writes, in order and bounded, and into one [`Action`] for each
//! object. Called by reconcile with decisions that are already made: nothing here chooses what to apply or to delete; what it
//! adds is proof (an object that is deleted is provably ours) and consistency (the inventory names every object at any time).

mod adopt;
mod approve;
mod checks;
mod delete;
mod error;
mod finalizers;
mod history;
mod hooks;
mod key;
mod lifecycle;
mod object;
mod record;
mod recreate;
mod release;

pub use adopt::Owner;
pub use approve::{record_approval, remove_approval};
pub use checks::{Checks, Passed};
pub use delete::{Removed, Spared, delete_object};
pub use error::{ApplyError, Taken};
pub use history::{delete_history, record_revision, rewrite_revision};
pub use hooks::{HookOptions, run_hooks};
pub use key::ensure_key;
pub use lifecycle::{finish_release, finish_uninstall, record_tests};
pub use object::{Accept, Action, Before, DryRun, Written, apply_object, dry_run, stamp};
pub use record::{ANNOTATION_CREATED_FOR, delete_inventory, ensure_namespace, write_inventory};
pub use release::{ObjectResult, OnObject, Options, Record, ReleaseReport, apply_release, prune_release};
