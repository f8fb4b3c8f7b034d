//! What is told while a plan is carried out, and what came of each release.

use crate::apply::{Action as Done, ApplyError, ObjectResult, ReleaseReport};
use crate::manifest::ObjectId;
use crate::report::{EnvironmentStatus, ReleaseStatus};
/// What happens while a plan is carried out.
#[derive(Debug, Clone)]
pub enum Event {
    /// The environment as it was found, before anything is done.
    Looked(Box<EnvironmentStatus>),
    /// A release is in another state than before, while others still go on.
    Release {
        /// How it is.
        release: ReleaseStatus,
    },
    /// An object was written or deleted.
    Object {
        /// Its release.
        release: String,
        /// Which one.
        id: ObjectId,
        /// What became of it.
        done: Done,
        /// Why it was touched.
        reason: String,
    },
    /// Objects are waited for.
    Waiting {
        /// How many there are.
        pending: usize,
        /// What was heard of one of them.
        what: String,
    },
}

/// What became of a release.
#[derive(Debug, Clone, Default)]
pub struct ReleaseOutcome {
    /// Objects by what became of them.
    pub done: Vec<(ObjectId, Done)>,
    /// Why it did not succeed, first cause first.
    pub errors: Vec<String>,
    /// Whether the same pass may succeed later by itself.
    pub retryable: bool,
    /// What it waits for, when it was not begun.
    pub waits_for: Vec<String>,
    /// Objects that were not ready in time, with the reason.
    pub not_ready: Vec<String>,
    /// Whether it was cut short, by an interruption or by news.
    pub interrupted: bool,
    /// It failed for a reason that trying again does not mend by itself, and its release says not to.
    pub given_up: bool,
    /// Whether the inventory has to be read again: another writer, or a write whose fate is unknown.
    pub(super) inventory_lost: bool,
    /// Whether another writer was there first.
    pub(super) overtaken: bool,
}

impl ReleaseOutcome {
    pub(super) fn failed(&self) -> bool {
        !self.errors.is_empty() || !self.not_ready.is_empty() || !self.waits_for.is_empty() || self.interrupted
    }

    /// Whether another writer was there first, so that what is left has to be planned anew.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        self.overtaken
    }

    /// Takes what became of the rest: what was done stays done, all else is as the later attempt left it.
    pub fn follow(&mut self, later: Self) {
        let done = std::mem::take(&mut self.done);
        *self = later;
        self.done.splice(0..0, done);
    }

    /// Notes an error of the release as a whole.
    pub(super) fn fail(&mut self, error: &ApplyError) {
        match error {
            ApplyError::Interrupted => self.interrupted = true,
            error => {
                self.retryable |= error.retryable();
                self.overtaken |= matches!(error, ApplyError::InventoryChanged { .. });
                self.inventory_lost |= !error.is_of_a_hook();
                self.errors.push(error.to_string());
            }
        }
    }

    pub(super) fn take(&mut self, report: &ReleaseReport) {
        for object in &report.objects {
            if let Ok(done) = object.outcome {
                self.done.push((object.id.clone(), done));
            }
        }
        for (id, error) in report.errors() {
            match error {
                ApplyError::Interrupted => self.interrupted = true,
                error => {
                    self.retryable |= error.retryable();
                    self.overtaken |= matches!(error, ApplyError::InventoryChanged { .. });
                    // An error of the release as a whole may be one of its inventory.
                    self.inventory_lost |= id.is_none() && !error.is_of_a_hook();
                    let text = error.to_string();
                    let name = id.map(ObjectId::display).unwrap_or_default();
                    // (An error of the release as a whole has no name.)
                    self.errors.push(if text.starts_with(&name) { text } else { format!("{name}: {text}") });
                }
            }
        }
    }
}

/// Tells what became of an object.
pub(super) fn told(release: &str, result: &ObjectResult, tell: &(dyn Fn(Event) + Send + Sync)) {
    if let Ok(done) = result.outcome {
        for taken in &result.taken {
            tracing::info!(object = %result.id.display(), field = %taken.field, manager = %taken.manager, "took a field back");
        }
        tell(Event::Object { release: release.to_owned(), id: result.id.clone(), done, reason: result.reason.clone() });
    }
}
