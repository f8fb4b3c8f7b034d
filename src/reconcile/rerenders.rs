//! How often a release has rendered again because something that it looks up has changed: a release that changes what it looks up
//! itself would never come to an end.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A release renders so often because of what it looks up ...
pub(super) const MOST: usize = 10;
/// ... within this time. What changes more often than that is read late.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// The last renders of one release.
#[derive(Debug, Clone, Default)]
pub(super) struct Rerenders {
    /// When each was, and whether it gave something new.
    last: VecDeque<(Instant, bool)>,
}

impl Rerenders {
    /// Whether it may render again; if not, when.
    pub(super) fn wait(&mut self, now: Instant) -> Option<Duration> {
        while self.last.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= WINDOW) {
            self.last.pop_front();
        }
        let oldest = self.last.front().filter(|_| self.last.len() >= MOST)?.0;
        Some((oldest + WINDOW).saturating_duration_since(now))
    }

    /// It rendered again.
    pub(super) fn note(&mut self, now: Instant, new: bool) {
        self.last.push_back((now, new));
    }

    /// Whether it gave something new each time, as often as it may.
    pub(super) fn is_restless(&self, now: Instant) -> bool {
        let recent = |(at, new): &&(Instant, bool)| *new && now.saturating_duration_since(*at) < WINDOW;
        self.last.iter().filter(recent).count() >= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_that_never_settles_is_slowed_down_and_told() {
        let start = Instant::now();
        let mut renders = Rerenders::default();
        for second in 0..MOST as u64 {
            let now = start + Duration::from_secs(second);
            assert_eq!(renders.wait(now), None);
            assert!(!renders.is_restless(now));
            renders.note(now, true);
        }
        let now = start + Duration::from_secs(MOST as u64);
        assert_eq!(renders.wait(now), Some(WINDOW - Duration::from_secs(MOST as u64)));
        assert!(renders.is_restless(now));
        let later = start + WINDOW;
        assert_eq!(renders.wait(later), None, "the first one is long ago");
        assert!(!renders.is_restless(later));
    }

    #[test]
    fn what_changes_nothing_is_no_restlessness() {
        let now = Instant::now();
        let mut renders = Rerenders::default();
        (0..MOST).for_each(|i| renders.note(now, i % 2 == 0));
        assert!(renders.wait(now).is_some());
        assert!(!renders.is_restless(now));
    }
}
