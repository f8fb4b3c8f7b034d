//! The steps of a history: what a commit changes, and what others do in the cluster.

use proptest::prelude::*;
use proptest::sample::select;

use super::repository::{ENVIRONMENTS, Home, KINDS, Key, NAMES, NAMESPACES, Place, RELEASES, Release, Repository};

/// What a commit changes.
#[derive(Debug, Clone)]
pub(super) enum Commit {
    /// An object is added, changed, or moved here from wherever it was.
    Put { home: Home, key: Key, says: u8 },
    /// An object goes.
    Drop { home: Home, key: Key },
    /// A release goes.
    Remove { home: Home },
    /// A release's folder moves: to another name, or to another environment.
    Move { from: Home, to: Home },
    /// A release goes to another namespace.
    Namespace { home: Home, namespace: &'static str },
    /// A release is broken.
    Break { home: Home },
    /// Everything is mended.
    Mend,
    /// Everything of an environment moves to the other one, and its folder goes.
    Vacate { environment: &'static str },
}

/// What others do to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touch {
    /// A field that is ours.
    Edit,
    /// A field that is nobody's.
    Extra,
    Delete,
    /// Our labels.
    Unlabel,
    /// Our annotation.
    Disown,
    /// Who manages which field.
    ClearFields,
    /// An object of their own beside it, with its labels and annotations.
    Copy,
    /// An object of their own where there is none: nobody's, until Git wants it.
    Plant,
}

/// What happens between two rounds of passes.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) commits: Vec<Commit>,
    pub(super) touches: Vec<(Touch, Place)>,
    /// Whether the processes are other ones from now on.
    pub(super) restart: bool,
    /// Whether the second environment's pass comes first.
    pub(super) reverse: bool,
}

fn home() -> impl Strategy<Value = Home> {
    (select(&ENVIRONMENTS[..]), select(&RELEASES[..]))
}

fn key() -> impl Strategy<Value = Key> {
    (select(&KINDS[..]), select(&NAMES[..])).prop_map(|((_, kind), name)| Key { kind, name })
}

fn commit() -> impl Strategy<Value = Commit> {
    prop_oneof![
        8 => (home(), key(), 0_u8..4).prop_map(|(home, key, says)| Commit::Put { home, key, says }),
        2 => (home(), key()).prop_map(|(home, key)| Commit::Drop { home, key }),
        1 => home().prop_map(|home| Commit::Remove { home }),
        3 => (home(), home()).prop_map(|(from, to)| Commit::Move { from, to }),
        1 => (home(), select(&NAMESPACES[..])).prop_map(|(home, namespace)| Commit::Namespace { home, namespace }),
        1 => home().prop_map(|home| Commit::Break { home }),
        2 => Just(Commit::Mend),
        1 => select(&ENVIRONMENTS[..]).prop_map(|environment| Commit::Vacate { environment }),
    ]
}

fn touch() -> impl Strategy<Value = (Touch, Place)> {
    let kinds = [
        Touch::Edit,
        Touch::Extra,
        Touch::Delete,
        Touch::Unlabel,
        Touch::Disown,
        Touch::ClearFields,
        Touch::Copy,
        Touch::Plant,
    ];
    (select(kinds.to_vec()), select(&NAMESPACES[..]), key())
        .prop_map(|(touch, namespace, key)| (touch, (namespace, key)))
}

fn batch() -> impl Strategy<Value = Batch> {
    let (commits, touches) = (prop::collection::vec(commit(), 0..5), prop::collection::vec(touch(), 0..4));
    (commits, touches, any::<bool>(), any::<bool>()).prop_map(|(commits, touches, restart, reverse)| Batch {
        commits,
        touches,
        restart,
        reverse,
    })
}

/// A few batches.
pub(super) fn history() -> impl Strategy<Value = Vec<Batch>> {
    prop::collection::vec(batch(), 1..7)
}

impl Repository {
    /// Whether helm's name of a release would be another one's, too.
    fn is_taken(&self, name: &str, namespace: &str, but: Home) -> bool {
        self.releases.iter().any(|(home, r)| *home != but && home.1 == name && r.namespace == namespace)
    }

    /// Makes a change, where it makes sense: an object is never rendered twice, and what a broken release has stays there, because
    /// nobody can know. `stuck` are objects that a broken release owns in the cluster.
    pub(super) fn change(&mut self, commit: &Commit, stuck: &dyn Fn(Place) -> bool) {
        match *commit {
            Commit::Put { home, key, says } => {
                let namespace = self.releases.get(&home).map_or("shared", |r| r.namespace);
                let broken = |home: &Home| self.releases.get(home).is_some_and(|r| r.broken);
                let now = self.home_of((namespace, key));
                let taken = !self.releases.contains_key(&home) && self.is_taken(home.1, namespace, home);
                if broken(&home) || now.as_ref().is_some_and(broken) || taken || stuck((namespace, key)) {
                    return;
                }
                if let Some(now) = now
                    && let Some(release) = self.releases.get_mut(&now)
                {
                    release.objects.remove(&key);
                }
                let new = || Release {
                    namespace,
                    chart: home.1 == "two",
                    broken: false,
                    objects: std::collections::BTreeMap::new(),
                };
                self.releases.entry(home).or_insert_with(new).objects.insert(key, says);
            }
            Commit::Drop { home, key } => {
                if let Some(release) = self.releases.get_mut(&home).filter(|r| !r.broken) {
                    release.objects.remove(&key);
                }
            }
            Commit::Remove { home } => {
                self.releases.remove(&home);
            }
            Commit::Move { from, to } => {
                let Some(release) = self.releases.get(&from) else { return };
                if !self.releases.contains_key(&to) && !self.is_taken(to.1, release.namespace, from) {
                    let release = self.releases.remove(&from).unwrap();
                    self.releases.insert(to, Release { chart: to.1 == "two", ..release });
                }
            }
            Commit::Namespace { home, namespace } => {
                let Some(release) = self.releases.get(&home).filter(|r| !r.broken) else { return };
                let free = release.objects.keys().all(|key| {
                    let there = (namespace, *key);
                    self.home_of(there).is_none_or(|other| other == home) && !stuck(there)
                });
                if free && !self.is_taken(home.1, namespace, home) {
                    self.releases.get_mut(&home).unwrap().namespace = namespace;
                }
            }
            Commit::Break { home } => {
                if let Some(release) = self.releases.get_mut(&home) {
                    release.broken = true;
                }
            }
            Commit::Mend => self.releases.values_mut().for_each(|r| r.broken = false),
            Commit::Vacate { environment } => {
                let other = ENVIRONMENTS.into_iter().find(|e| *e != environment).unwrap();
                for name in RELEASES {
                    self.change(&Commit::Move { from: (environment, name), to: (other, name) }, stuck);
                }
                // What found no room stays, and the folder with it.
                if !self.releases.keys().any(|(e, _)| *e == environment) {
                    self.folders.remove(environment);
                }
            }
        }
        self.tidy();
    }
}
