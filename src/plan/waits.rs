//! What a release waits for. Waits decide nothing about objects, so they are no part of a plan's digest; they say when its actions
//! come.

use serde::{Deserialize, Serialize};

use super::{ReleasePlan, Verb};

/// A wait of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitStep {
    /// Always [`Verb::Wait`], as other steps say what they do.
    pub verb: Verb,
    /// What is waited for: `release NAME`, `group NAME`, or `its objects` (before the hooks that come after them).
    pub until: String,
    /// Why.
    pub reason: String,
}

/// The objects of the release itself.
pub const ITS_OBJECTS: &str = "its objects";

/// Who goes before a release.
#[derive(Debug, Clone, Default)]
pub struct Before<'a> {
    /// The groups before its own, in their order.
    pub groups: Vec<&'a str>,
    /// The releases that it depends on.
    pub depends_on: &'a [String],
    /// The releases that make what its objects need: definitions, the namespace.
    pub objects_of: &'a [String],
}

impl ReleasePlan {
    /// Says what the release waits for, where it does anything at all.
    pub fn wait_for(&mut self, before: &Before<'_>) {
        let does =
            self.actions().any(super::Action::changes) || self.operation.is_some() || self.hooks().next().is_some();
        if !does || self.gone {
            return;
        }
        let step = |until: String, reason: &str| WaitStep { verb: Verb::Wait, until, reason: reason.to_owned() };
        let release = |name: &String| format!("release {name}");
        let groups = before.groups.iter().map(|g| step(format!("group {g}"), "the environment's order"));
        let needed = before.depends_on.iter().map(|n| step(release(n), "it depends on it: until it is ready"));
        let objects = before.objects_of.iter().filter(|n| !before.depends_on.contains(n));
        let objects = objects.map(|n| step(release(n), "its objects need what that makes: until it is written"));
        let own = (!self.after.is_empty())
            .then(|| step(ITS_OBJECTS.to_owned(), "the hooks after them: until they are ready"));
        self.waits = groups.chain(needed).chain(objects).chain(own).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Action;

    #[test]
    fn who_does_nothing_waits_for_nobody() {
        let id = "/ConfigMap/n/a".parse().unwrap();
        let mut release = ReleasePlan { apply: vec![Action::new(Verb::Unchanged, id)], ..ReleasePlan::default() };
        let (needed, objects) = (["db".to_owned()], ["db".to_owned(), "crds".to_owned()]);
        let before = Before { groups: vec!["first"], depends_on: &needed, objects_of: &objects };
        release.wait_for(&before);
        assert_eq!(release.waits, []);
        release.apply[0].verb = Verb::Create;
        release.wait_for(&before);
        let until: Vec<&str> = release.waits.iter().map(|w| w.until.as_str()).collect();
        assert_eq!(until, ["group first", "release db", "release crds"]);
        release.after.push(release.apply[0].clone());
        release.wait_for(&Before::default());
        assert_eq!(release.waits[0].until, ITS_OBJECTS);
    }
}
