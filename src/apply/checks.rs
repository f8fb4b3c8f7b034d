//! What the server has said yes to in dry runs, so that a release that failed is not asked about as a whole again: one dry run for
//! one desired object over one live version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::Taken;
use crate::manifest::ObjectId;
use crate::plan::{Action, Verb};

/// What a dry run that succeeded said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Whether the object exists already.
    pub exists: bool,
    /// The fields that others have and that the apply would take.
    pub taken: Vec<Taken>,
}

/// What a dry run is about.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    /// The digest of the desired object.
    desired: String,
    /// Whether it is to be made anew.
    anew: bool,
    /// Who writes it.
    account: Option<String>,
    /// The live object's version; none when there is no such object.
    live: Option<u64>,
}

/// Dry runs of earlier attempts, and the live versions that the attempt at hand was planned over.
#[derive(Debug, Default)]
pub struct Checks(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    live: BTreeMap<ObjectId, u64>,
    passed: BTreeMap<ObjectId, (Asked, Passed)>,
}

impl Checks {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an attempt: `live` has a digest of the version of every object that is there, `written` what is about to be written.
    /// All else is forgotten.
    pub fn begin(&self, live: BTreeMap<ObjectId, u64>, written: &BTreeSet<&ObjectId>) {
        let mut state = self.lock();
        state.live = live;
        state.live.retain(|id, _| written.contains(id));
        state.passed.retain(|id, _| written.contains(id));
    }

    /// What the server said to just this.
    pub(super) fn known(&self, action: &Action, account: Option<&str>) -> Option<Passed> {
        let state = self.lock();
        let (asked, passed) = state.passed.get(&action.id)?;
        (*asked == asked_of(&state, action, account)).then(|| passed.clone())
    }

    /// Notes a dry run that succeeded.
    pub fn note(&self, action: &Action, account: Option<&str>, passed: &Passed) {
        let mut state = self.lock();
        let asked = asked_of(&state, action, account);
        state.passed.insert(action.id.clone(), (asked, passed.clone()));
    }

    /// It was written, or the server has changed its mind.
    pub(super) fn forget(&self, id: &ObjectId) {
        self.lock().passed.remove(id);
    }
}

fn asked_of(state: &State, action: &Action, account: Option<&str>) -> Asked {
    Asked {
        desired: action.hash.clone(),
        anew: action.verb == Verb::Recreate,
        account: account.map(str::to_owned),
        live: state.live.get(&action.id).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(hash: &str, verb: Verb) -> Action {
        let id = "apps/Deployment/ns/a".parse().unwrap();
        Action { hash: hash.into(), ..Action::new(verb, id) }
    }

    #[test]
    fn only_just_the_same_is_known() {
        let checks = Checks::default();
        let update = action("h", Verb::Update);
        let over = |version: u64| {
            checks.begin(BTreeMap::from([(update.id.clone(), version)]), &BTreeSet::from([&update.id]));
        };
        let passed = Passed { exists: true, taken: Vec::new() };
        over(7);
        assert_eq!(checks.known(&update, None), None);
        checks.note(&update, None, &passed);
        assert_eq!(checks.known(&update, None), Some(passed));
        assert_eq!(checks.known(&update, Some("deployer")), None, "somebody else writes");
        assert_eq!(checks.known(&action("other", Verb::Update), None), None);
        assert_eq!(checks.known(&action("h", Verb::Recreate), None), None);
        over(8);
        assert_eq!(checks.known(&update, None), None, "the live object has changed");
        over(7);
        assert!(checks.known(&update, None).is_some());
        checks.begin(BTreeMap::new(), &BTreeSet::from([&update.id]));
        assert_eq!(checks.known(&update, None), None, "it is gone");
        over(7);
        checks.forget(&update.id);
        assert_eq!(checks.known(&update, None), None);
    }
}
