//! How many requests were made, by verb: `/metrics` shows it, and tests prove by it that a steady state costs none.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a request does, in the words of Kubernetes' RBAC, and what belongs to no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// One object read.
    Get,
    /// One page of a list.
    List,
    /// A watch opened.
    Watch,
    /// A server-side apply.
    Apply,
    /// A server-side apply that changes nothing.
    DryRun,
    /// Another patch.
    Patch,
    /// A creation.
    Create,
    /// A replacement.
    Update,
    /// A deletion.
    Delete,
    /// Discovery, version and OpenAPI.
    Discovery,
}

impl Verb {
    /// Every verb, in the order of the counters.
    pub const ALL: [Self; 10] = [
        Self::Get,
        Self::List,
        Self::Watch,
        Self::Apply,
        Self::DryRun,
        Self::Patch,
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Discovery,
    ];

    /// The name, as a metric's label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Apply => "apply",
            Self::DryRun => "dry_run",
            Self::Patch => "patch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Discovery => "discovery",
        }
    }
}

/// The counters themselves.
#[derive(Debug, Default)]
pub(crate) struct Counters([AtomicU64; Verb::ALL.len()]);

impl Counters {
    pub(crate) fn count(&self, verb: Verb) {
        self.0[verb as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Requests {
        Requests(std::array::from_fn(|i| self.0[i].load(Ordering::Relaxed)))
    }
}

/// The counters at one time. Every attempt counts, retries too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Requests([u64; Verb::ALL.len()]);

impl Requests {
    /// The requests of one verb.
    #[must_use]
    pub fn of(&self, verb: Verb) -> u64 {
        self.0[verb as usize]
    }

    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Every verb with its count, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Verb, u64)> + '_ {
        Verb::ALL.into_iter().zip(self.0)
    }

    /// What was added since an earlier reading.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].saturating_sub(earlier.0[i])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_its_own_counter() {
        let counters = Counters::default();
        for verb in Verb::ALL {
            assert_eq!(Verb::ALL[verb as usize], verb);
            counters.count(verb);
        }
        let before = counters.read();
        counters.count(Verb::Get);
        let new = counters.read().since(&before);
        assert_eq!((before.total(), new.total(), new.of(Verb::Get)), (10, 1, 1));
    }
}
