//! Two managers that take one field from each other, again and again.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::fields::FieldPath;
use crate::manifest::ObjectId;

/// A field that two managers fight over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loop {
    /// The object.
    pub object: ObjectId,
    /// The field.
    pub path: FieldPath,
    /// The two managers; the one that wrote last is second.
    pub managers: [String; 2],
    /// How often the field went from one to the other.
    pub turns: usize,
}

/// Remembers who wrote which field, and finds the fields that go A, B, A. Time is passed in; nothing is remembered for
/// longer than the window.
#[derive(Debug, Clone)]
pub struct LoopDetector {
    turns: usize,
    window: SignedDuration,
    writers: BTreeMap<(ObjectId, FieldPath), VecDeque<(Timestamp, String)>>,
}

impl LoopDetector {
    /// A loop is a field that changed hands between two managers at least `turns` times (two for A, B, A) within `window`.
    #[must_use]
    pub fn new(turns: usize, window: SignedDuration) -> Self {
        Self { turns: turns.max(2), window, writers: BTreeMap::new() }
    }

    /// Takes note that a manager wrote a field: another's name when drift is seen, our own when it is corrected. Returns
    /// the loop that this closes; correcting such a field should stop until [`LoopDetector::forget`].
    pub fn wrote(&mut self, object: &ObjectId, path: &FieldPath, manager: &str, now: Timestamp) -> Option<Loop> {
        let writers = self.writers.entry((object.clone(), path.clone())).or_default();
        let oldest = now.checked_sub(self.window).unwrap_or(Timestamp::MIN);
        writers.retain(|(time, _)| *time >= oldest);
        if writers.back().is_none_or(|(_, last)| last != manager) {
            writers.push_back((now, manager.to_owned()));
            if writers.len() > self.turns + 1 {
                writers.pop_front();
            }
        }
        if writers.len() <= self.turns {
            return None;
        }
        let (first, second) = (&writers[0].1, &writers[1].1);
        let alternates =
            writers.iter().enumerate().all(|(at, (_, who))| who == if at % 2 == 0 { first } else { second });
        if !alternates {
            return None;
        }
        let last = &writers[writers.len() - 1].1;
        let other = if last == first { second } else { first };
        Some(Loop {
            object: object.clone(),
            path: path.clone(),
            managers: [other.clone(), last.clone()],
            turns: writers.len() - 1,
        })
    }

    /// Starts an object anew: its desired state changed, or somebody asked for it.
    pub fn forget(&mut self, object: &ObjectId) {
        self.writers.retain(|(known, _), _| known != object);
    }

    /// Drops what is older than the window.
    pub fn expire(&mut self, now: Timestamp) {
        let oldest = now.checked_sub(self.window).unwrap_or(Timestamp::MIN);
        self.writers.retain(|_, writers| writers.back().is_some_and(|(time, _)| *time >= oldest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[test]
    fn back_and_forth_is_a_loop() {
        let id: ObjectId = "apps/Deployment/ns/a".parse().unwrap();
        let path = FieldPath::of(&["spec", "replicas"]);
        let mut detector = LoopDetector::new(2, SignedDuration::from_mins(5));
        assert_eq!(detector.wrote(&id, &path, "keda", at(0)), None);
        assert_eq!(detector.wrote(&id, &path, "keda", at(1)), None, "one write seen twice");
        assert_eq!(detector.wrote(&id, &path, "evenkeel", at(2)), None);
        let found = detector.wrote(&id, &path, "keda", at(3)).unwrap();
        assert_eq!(found.managers, ["evenkeel".to_owned(), "keda".to_owned()]);
        assert_eq!(found.turns, 2);
        detector.forget(&id);
        assert_eq!(detector.wrote(&id, &path, "evenkeel", at(4)), None);
    }

    #[test]
    fn three_managers_or_much_time_are_none() {
        let id: ObjectId = "apps/Deployment/ns/a".parse().unwrap();
        let path = FieldPath::of(&["spec", "replicas"]);
        let mut detector = LoopDetector::new(2, SignedDuration::from_secs(10));
        for (manager, second) in [("a", 0), ("evenkeel", 1), ("b", 2), ("a", 20), ("evenkeel", 40), ("a", 60)] {
            assert_eq!(detector.wrote(&id, &path, manager, at(second)), None, "{manager}");
        }
        detector.expire(at(100));
        assert!(detector.writers.is_empty());
    }

    #[test]
    fn more_turns_may_be_asked_for() {
        let id: ObjectId = "apps/Deployment/ns/a".parse().unwrap();
        let path = FieldPath::of(&["spec"]);
        let mut detector = LoopDetector::new(4, SignedDuration::from_mins(5));
        let writers = ["a", "evenkeel", "a", "evenkeel", "a"];
        let found: Vec<bool> = (0i64..)
            .zip(writers)
            .map(|(second, manager)| detector.wrote(&id, &path, manager, at(second)).is_some())
            .collect();
        assert_eq!(found, [false, false, false, false, true]);
    }
}
