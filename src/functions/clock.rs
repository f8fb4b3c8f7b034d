//! The time that a render sees, which knows whether it was asked for: what nobody asks for the time stays the same when it passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

/// A clock that stands still. Clones are one clock.
#[derive(Debug, Clone)]
pub struct Clock {
    time: Timestamp,
    asked: Arc<AtomicBool>,
}

impl Clock {
    /// A clock that says this.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self { time, asked: Arc::default() }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.asked.store(true, Ordering::Relaxed);
        self.time
    }

    /// Whether anybody asked.
    #[must_use]
    pub fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}
