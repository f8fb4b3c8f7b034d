//! In which order releases go, as events come: a release may begin the moment the last thing that it waits for is there.
//! Knows names and edges alone; who is ready is told.

use std::collections::{BTreeMap, BTreeSet};

/// How far a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// Not begun.
    Pending,
    /// Its objects are being written.
    Begun,
    /// Its objects are written.
    Written,
    /// Ready, failed, or not to be touched: nobody waits for it any longer.
    Settled,
}

/// What a release waits for.
#[derive(Debug)]
struct Place {
    step: Step,
    group: usize,
    /// To be settled.
    after: BTreeSet<String>,
    /// To be written.
    objects_of: BTreeSet<String>,
}

/// The releases of a plan and how far each is.
#[derive(Debug, Default)]
pub(super) struct Order {
    places: BTreeMap<String, Place>,
    /// How many releases of each group are not settled.
    open: BTreeMap<usize, usize>,
}

impl Order {
    /// Adds a release of a group: it begins when every release of a lower group, and every one that it depends on, is settled.
    pub(super) fn add(&mut self, name: &str, group: usize, depends_on: &[String]) {
        let after = depends_on.iter().cloned().collect();
        let place = Place { step: Step::Pending, group, after, objects_of: BTreeSet::new() };
        if self.places.insert(name.to_owned(), place).is_none() {
            *self.open.entry(group).or_default() += 1;
        }
    }

    /// Has `later` wait until the objects of `earlier` are written (its CRDs, its namespace), unless `earlier` waits for `later`
    /// already, in whichever way.
    pub(super) fn objects_first(&mut self, earlier: &str, later: &str) {
        if earlier != later
            && !self.waits(earlier, later)
            && let Some(place) = self.places.get_mut(later)
        {
            place.objects_of.insert(earlier.to_owned());
        }
    }

    /// Whether `name` waits for `other`, over any number of others.
    fn waits(&self, name: &str, other: &str) -> bool {
        let (Some(from), Some(to)) = (self.places.get(name), self.places.get(other)) else { return false };
        if from.group > to.group {
            return true;
        }
        let mut seen = BTreeSet::new();
        let mut open = vec![name];
        while let Some(at) = open.pop() {
            if at == other {
                return true;
            }
            let Some(place) = self.places.get(at).filter(|_| seen.insert(at)) else { continue };
            open.extend(place.after.iter().chain(&place.objects_of).map(String::as_str));
        }
        false
    }

    /// The releases that may begin now, in order of name; they count as begun.
    pub(super) fn begin(&mut self) -> Vec<String> {
        let first_open = self.open.iter().find(|(_, count)| **count > 0).map(|(group, _)| *group);
        let at_least = |name: &String, step: Step| self.places.get(name).is_none_or(|p| p.step >= step);
        let free = |place: &Place| {
            place.step == Step::Pending
                && first_open.is_none_or(|first| place.group <= first)
                && place.after.iter().all(|n| at_least(n, Step::Settled))
                && place.objects_of.iter().all(|n| at_least(n, Step::Written))
        };
        let names: Vec<String> = self.places.iter().filter(|(_, p)| free(p)).map(|(name, _)| name.clone()).collect();
        for name in &names {
            self.reach(name, Step::Begun);
        }
        names
    }

    /// Its objects are written.
    pub(super) fn written(&mut self, name: &str) {
        self.reach(name, Step::Written);
    }

    /// It is ready, or will not be: whoever waits for it may look again.
    pub(super) fn settled(&mut self, name: &str) {
        self.reach(name, Step::Settled);
    }

    fn reach(&mut self, name: &str, step: Step) {
        let Some(place) = self.places.get_mut(name) else { return };
        if step == Step::Settled
            && place.step != Step::Settled
            && let Some(open) = self.open.get_mut(&place.group)
        {
            *open -= 1;
        }
        place.step = place.step.max(step);
    }

    /// Whether somebody who has not begun waits for it.
    pub(super) fn is_awaited(&self, name: &str) -> bool {
        let Some(own) = self.places.get(name) else { return false };
        self.places.values().any(|p| p.step == Step::Pending && (p.group > own.group || p.after.contains(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn order(lines: &[(&str, usize, &[&str])]) -> Order {
        let mut order = Order::default();
        for (name, group, needs) in lines {
            order.add(name, *group, &needs.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        }
        order
    }

    #[test]
    fn a_release_begins_with_its_last_dependency_and_waits_for_nobody_else() {
        let mut order = order(&[
            ("db", 0, &[]),
            ("cache", 0, &[]),
            ("api", 0, &["db", "cache"]),
            ("web", 0, &["api"]),
            ("slow", 0, &[]),
        ]);
        assert_eq!(order.begin(), ["cache", "db", "slow"]);
        order.settled("db");
        assert_eq!(order.begin(), [""; 0]);
        order.written("cache");
        assert_eq!(order.begin(), [""; 0], "written is not ready");
        order.settled("cache");
        assert_eq!(order.begin(), ["api"], "although `slow` is not ready");
        assert!(order.is_awaited("api") && !order.is_awaited("slow"));
        order.settled("api");
        assert_eq!(order.begin(), ["web"]);
    }

    #[test]
    fn groups_go_one_after_the_other() {
        let mut order = order(&[("a", 0, &[]), ("b", 0, &[]), ("c", 1, &[]), ("d", 2, &[])]);
        assert_eq!(order.begin(), ["a", "b"]);
        order.settled("a");
        assert!(order.begin().is_empty());
        order.settled("b");
        order.settled("b");
        assert_eq!(order.begin(), ["c"]);
        order.settled("c");
        assert_eq!(order.begin(), ["d"]);
    }

    #[test]
    fn objects_of_another_come_first_unless_that_makes_a_circle() {
        let mut order = order(&[("instances", 0, &[]), ("crds", 0, &[]), ("operator", 0, &["instances"])]);
        order.objects_first("crds", "instances");
        order.objects_first("operator", "instances");
        assert_eq!(order.begin(), ["crds"]);
        order.written("crds");
        assert_eq!(order.begin(), ["instances"]);
        order.settled("instances");
        assert_eq!(order.begin(), ["operator"]);
    }

    #[test]
    fn what_is_not_there_is_waited_for_by_nobody() {
        assert_eq!(order(&[("a", 3, &["elsewhere"])]).begin(), ["a"]);
    }

    proptest! {
        /// Whatever the edges, everything begins in the end, each once, and nothing before what it depends on.
        #[test]
        fn nothing_is_left_behind(groups in prop::collection::vec(0_usize..3, 1..12), edges in prop::collection::vec((0_usize..12, 0_usize..12), 0..20),
            soft in prop::collection::vec((0_usize..12, 0_usize..12), 0..20)) {
            let name = |i: usize| format!("r{i:02}");
            let mut order = Order::default();
            let mut depends: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (i, group) in groups.iter().enumerate() {
                // As the configuration is checked: only on earlier ones of the same or a lower group.
                let needs: Vec<String> = edges.iter().filter(|(a, b)| *a == i && b < a && groups[*b] <= *group).map(|(_, b)| name(*b)).collect();
                order.add(&name(i), *group, &needs);
                depends.insert(name(i), needs);
            }
            for (a, b) in soft {
                order.objects_first(&name(a), &name(b));
            }
            let mut settled = BTreeSet::new();
            while settled.len() < groups.len() {
                let begun = order.begin();
                prop_assert!(!begun.is_empty());
                for one in begun {
                    prop_assert!(depends[&one].iter().all(|n| settled.contains(n)));
                    order.written(&one);
                    order.settled(&one);
                    prop_assert!(settled.insert(one));
                }
            }
        }
    }
}
