//! What templates looked up, followed: a metadata-only watch for each object or collection, shared by all environments that read
//! it. Says when something is no longer as an environment read it; while nothing changes, nobody is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::connect::Cluster;
use super::discovery::Resource;
use super::error::ClusterError;
use super::lookup::{Sought, Versions};
use super::watch::{Scope, Sink, follow};
use super::watcher::LiveEvent;

/// What one environment's lookups may be followed of: more are read again with each pass.
pub const MAX_FOLLOWED: usize = 64;

/// How something that was looked up is, for an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is as the environment read it, or somebody will tell.
    Same,
    /// It has changed since.
    Changed,
    /// Nobody follows it: reading it tells.
    Unfollowed,
}

/// What an environment read.
struct Reader {
    read: Versions,
    /// It is something else by now.
    changed: bool,
}

/// Something that is followed.
#[derive(Default)]
struct Place {
    /// What is there; `None` before the first list.
    now: Option<Versions>,
    /// When that changed last, in changes of all places.
    changed_at: u64,
    /// Why it cannot be followed for the time being.
    lost: Option<String>,
    stop: CancellationToken,
    readers: BTreeMap<String, Reader>,
}

#[derive(Default)]
struct State {
    places: BTreeMap<Sought, Place>,
    changes: u64,
    /// Environments of which something has changed since they said last what they read.
    news: BTreeSet<String>,
    /// What is not followed, and why, by environment.
    left_out: BTreeMap<String, BTreeMap<Sought, String>>,
}

impl State {
    /// Notes that a place is not what it was; the environments that are to be told.
    fn changed(&mut self, sought: &Sought) -> Vec<String> {
        self.changes += 1;
        let Some(place) = self.places.get_mut(sought) else { return Vec::new() };
        place.changed_at = self.changes;
        let Some(now) = &place.now else { return Vec::new() };
        let mut told = Vec::new();
        for (environment, reader) in &mut place.readers {
            let was = std::mem::replace(&mut reader.changed, reader.read != *now);
            if reader.changed && !was {
                told.push(environment.clone());
            }
        }
        self.news.extend(told.iter().cloned());
        told
    }
}

/// Follows for all environments of a cluster. Cheap to clone.
#[derive(Clone)]
pub(super) struct Followed {
    state: Arc<Mutex<State>>,
    events: mpsc::UnboundedSender<LiveEvent>,
}

impl Followed {
    pub(super) fn new(events: mpsc::UnboundedSender<LiveEvent>) -> Self {
        Self { state: Arc::default(), events }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be taken before reading, for [`Followed::follow`].
    pub(super) fn mark(&self) -> u64 {
        self.state().changes
    }

    /// Whether something has changed of what an environment read since it said so last.
    pub(super) fn news(&self, environment: &str) -> bool {
        self.state().news.contains(environment)
    }

    /// How something is for an environment.
    pub(super) fn standing(&self, environment: &str, sought: &Sought) -> Standing {
        let state = self.state();
        let Some(place) = state.places.get(sought).filter(|place| place.lost.is_none()) else {
            return Standing::Unfollowed;
        };
        match place.readers.get(environment) {
            None => Standing::Unfollowed,
            Some(reader) if reader.changed => Standing::Changed,
            Some(_) => Standing::Same,
        }
    }

    /// Whether something holds for the versions that an environment read.
    pub(super) fn read_is(&self, environment: &str, sought: &Sought, holds: impl FnOnce(&Versions) -> bool) -> bool {
        let state = self.state();
        let reader = state.places.get(sought).and_then(|place| place.readers.get(environment));
        reader.is_some_and(|reader| holds(&reader.read))
    }

    /// What of an environment is not followed, and why.
    pub(super) fn left_out(&self, environment: &str) -> BTreeMap<Sought, String> {
        let state = self.state();
        let mut found = state.left_out.get(environment).cloned().unwrap_or_default();
        for (sought, place) in state.places.iter().filter(|(_, place)| place.readers.contains_key(environment)) {
            if let Some(error) = &place.lost {
                found.insert(sought.clone(), error.clone());
            }
        }
        found
    }

    /// Follows what an environment has read, and nothing else of it: with the versions where it was read since `mark` was taken,
    /// without where it is as it was. Nobody is told of changes before `mark` that it does not have.
    pub(super) fn follow(
        &self,
        cluster: &Cluster,
        environment: &str,
        wanted: BTreeMap<Sought, (Option<Versions>, Option<Resource>)>,
        mark: u64,
        stop: &CancellationToken,
    ) {
        let mut begun = Vec::new();
        let told = {
            let mut state = self.state();
            state.news.remove(environment);
            let State { places, news, left_out, .. } = &mut *state;
            for (sought, place) in &mut *places {
                if !wanted.contains_key(sought) {
                    place.readers.remove(environment);
                }
            }
            places.retain(|_, place| {
                let stays = !place.readers.is_empty();
                if !stays {
                    place.stop.cancel();
                }
                stays
            });
            let mut count = places.values().filter(|place| place.readers.contains_key(environment)).count();
            let mut out = BTreeMap::new();
            let mut told = false;
            for (sought, (read, resource)) in wanted {
                let known = places.get(&sought).is_some_and(|place| place.readers.contains_key(environment));
                if !known {
                    let reason = match &resource {
                        None => Some("the cluster does not serve its kind".to_owned()),
                        Some(resource) if !resource.watchable() => Some("its kind cannot be watched".to_owned()),
                        Some(_) if count >= MAX_FOLLOWED => {
                            Some(format!("at most {MAX_FOLLOWED} lookups of an environment are followed"))
                        }
                        Some(_) => None,
                    };
                    if let Some(reason) = reason {
                        out.insert(sought, reason);
                        continue;
                    }
                    count += 1;
                }
                let Some(read) = read else { continue };
                let place = places.entry(sought.clone()).or_insert_with(|| {
                    let mut place = Place { stop: stop.child_token(), ..Place::default() };
                    let nowhere = |r: &Resource| r.namespaced && sought.namespace.is_empty() && !sought.name.is_empty();
                    match resource {
                        // A name without its namespace: nothing will ever be there.
                        Some(resource) if nowhere(&resource) => place.now = Some(Versions::new()),
                        Some(resource) => begun.push((sought, resource, place.stop.clone())),
                        None => {}
                    }
                    place
                });
                // What the watch had before the read is older than it, and will catch up.
                let changed = place.changed_at > mark && place.now.as_ref().is_some_and(|now| *now != read);
                told |= changed;
                place.readers.insert(environment.to_owned(), Reader { read, changed });
            }
            // Also what has changed since it was taken for the same.
            told |= places.values().filter_map(|place| place.readers.get(environment)).any(|reader| reader.changed);
            if told {
                news.insert(environment.to_owned());
            }
            left_out.insert(environment.to_owned(), out);
            told
        };
        if told {
            self.tell(environment);
        }
        for (sought, resource, stop) in begun {
            let scope = Scope {
                resource,
                namespace: sought.namespace.clone(),
                labels: String::new(),
                fields: if sought.name.is_empty() { String::new() } else { format!("metadata.name={}", sought.name) },
                metadata: true,
            };
            let mut sink = PlaceSink { followed: self.clone(), sought, listed: Versions::new() };
            let cluster = cluster.clone();
            tokio::spawn(stop.run_until_cancelled_owned(async move {
                follow::<Item>(&cluster, &scope, &mut sink).await;
            }));
        }
    }

    fn tell(&self, environment: &str) {
        // Nobody listens any more when the reconciler is gone.
        let _ = self.events.send(LiveEvent::LookedUp { environment: environment.to_owned() });
    }

    fn change(&self, sought: &Sought, change: impl FnOnce(&mut Place)) {
        let told = {
            let mut state = self.state();
            let Some(place) = state.places.get_mut(sought) else { return };
            change(place);
            state.changed(sought)
        };
        told.iter().for_each(|environment| self.tell(environment));
    }
}

/// As much of an object as tells one state from another.
#[derive(Debug, Clone, Deserialize)]
struct Item {
    metadata: Fields,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Fields {
    name: String,
    namespace: String,
    resource_version: String,
}

impl Item {
    fn key(&self) -> String {
        format!("{}/{}", self.metadata.namespace, self.metadata.name)
    }
}

/// One place.
struct PlaceSink {
    followed: Followed,
    sought: Sought,
    listed: Versions,
}

impl Sink<Item> for PlaceSink {
    fn relist(&mut self) {
        self.listed.clear();
    }

    fn listed(&mut self, item: Item) {
        self.listed.insert(item.key(), item.metadata.resource_version);
    }

    fn complete(&mut self) -> ControlFlow<()> {
        let listed = std::mem::take(&mut self.listed);
        self.followed.change(&self.sought, |place| (place.now, place.lost) = (Some(listed), None));
        ControlFlow::Continue(())
    }

    fn changed(&mut self, item: Item) -> ControlFlow<()> {
        self.followed.change(&self.sought, |place| {
            place.now.get_or_insert_default().insert(item.key(), item.metadata.resource_version);
        });
        ControlFlow::Continue(())
    }

    fn deleted(&mut self, item: Item) -> ControlFlow<()> {
        self.followed.change(&self.sought, |place| {
            place.now.get_or_insert_default().remove(&item.key());
        });
        ControlFlow::Continue(())
    }

    fn resumed(&mut self) {
        self.followed.change(&self.sought, |place| place.lost = None);
    }

    fn lost(&mut self, error: &ClusterError) {
        if let Some(place) = self.followed.state().places.get_mut(&self.sought) {
            place.lost = Some(error.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(all: &[(&str, &str)]) -> Versions {
        all.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect()
    }

    fn sought() -> Sought {
        Sought { api_version: "v1".into(), kind: "Secret".into(), namespace: "ns".into(), name: "a".into() }
    }

    /// One place that `staging` has read at version 5, and a list that has told what is there.
    fn followed(now: Option<&[(&str, &str)]>) -> Followed {
        let (events, _) = mpsc::unbounded_channel();
        let followed = Followed::new(events);
        let reader = Reader { read: versions(&[("ns/a", "5")]), changed: false };
        let place = Place {
            now: now.map(versions),
            readers: BTreeMap::from([("staging".to_owned(), reader)]),
            ..Place::default()
        };
        followed.state().places.insert(sought(), place);
        followed
    }

    fn standing(followed: &Followed) -> Standing {
        followed.standing("staging", &sought())
    }

    #[test]
    fn what_is_no_longer_as_it_was_read_is_told_once() {
        let followed = followed(None);
        let sink = || PlaceSink { followed: followed.clone(), sought: sought(), listed: versions(&[("ns/a", "5")]) };
        assert!(sink().complete().is_continue());
        assert_eq!((standing(&followed), followed.news("staging")), (Standing::Same, false));
        let item = |version: &str| Item {
            metadata: Fields { name: "a".into(), namespace: "ns".into(), resource_version: version.into() },
        };
        assert!(sink().changed(item("6")).is_continue());
        assert_eq!((standing(&followed), followed.news("staging")), (Standing::Changed, true));
        assert_eq!(followed.state().changed(&sought()), Vec::<String>::new(), "it was told already");
        assert!(sink().deleted(item("6")).is_continue());
        assert_eq!(standing(&followed), Standing::Changed);
        assert_eq!(followed.standing("production", &sought()), Standing::Unfollowed);
    }

    #[tokio::test]
    async fn what_was_read_is_held_against_what_the_watch_shows() {
        let followed = followed(Some(&[("ns/a", "5")]));
        let service = tower::service_fn(|_: http::Request<kube::client::Body>| async {
            Err::<http::Response<kube::client::Body>, _>(tower::BoxError::from("nobody is asked"))
        });
        let cluster = Cluster::from_client(kube::Client::new(service, "default"), "https://test");
        let follow = |read: Option<&str>, mark: u64| {
            let read = read.map(|version| versions(&[("ns/a", version)]));
            let wanted = BTreeMap::from([(sought(), (read, None))]);
            followed.follow(&cluster, "staging", wanted, mark, &CancellationToken::new());
            (standing(&followed), followed.news("staging"))
        };
        let (same, changed) = ((Standing::Same, false), (Standing::Changed, true));
        let before = followed.mark();
        followed.change(&sought(), |place| place.now = Some(versions(&[("ns/a", "6")])));
        assert_eq!(follow(None, before), changed, "it was taken for the same, and changed during the look");
        assert_eq!(follow(Some("5"), before), changed, "it was read before it changed");
        assert_eq!(follow(Some("6"), before), same);
        assert_eq!(follow(Some("7"), followed.mark()), same, "the watch lags behind");
        followed.change(&sought(), |place| place.now = Some(versions(&[("ns/a", "7")])));
        assert_eq!((standing(&followed), followed.news("staging")), same, "it has caught up");
        let none = BTreeMap::new();
        followed.follow(&cluster, "staging", none, followed.mark(), &CancellationToken::new());
        assert_eq!(standing(&followed), Standing::Unfollowed, "nobody reads it any more");
        assert!(followed.state().places.is_empty());
    }

    #[test]
    fn what_cannot_be_followed_has_to_be_read() {
        let followed = followed(Some(&[("ns/a", "5")]));
        let mut sink = PlaceSink { followed: followed.clone(), sought: sought(), listed: Versions::new() };
        sink.lost(&ClusterError::Config("forbidden".into()));
        assert_eq!(standing(&followed), Standing::Unfollowed);
        assert_eq!(followed.left_out("staging").len(), 1);
        sink.resumed();
        assert_eq!((standing(&followed), followed.left_out("staging").len()), (Standing::Same, 0));
    }
}
