//! What the other environments of a cluster say to a plan: whether an object that carries their mark may be taken, and whether what
//! would be deleted here is wanted there. They say it through Git, at the same revision, and through their inventories.
//!
//! Asked only when a plan has doubts: when it meets another environment's object, or would delete something. What the workers of
//! one daemon have read of a revision is shared, so that this costs no second render; a command reads the others itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::cluster::{Capabilities, Cluster, ClusterError, Kinds, StoredInventory};
use crate::environment::{self, Environment};
use crate::manifest::{Inventory, ObjectId};
use crate::plan::{Doubts, Marked, Neighbours, UnknownHome};
use crate::tree::join;

use super::desired::{Ambience, DesiredEnvironment, DesiredRelease, read_environment};
use super::lookups::{Answers, Lookups};
use super::renders::RenderCache;
use super::source::{Source, WORKING_FOLDER};

/// What was read of an environment, and from what.
struct Known {
    revision: String,
    capabilities: Capabilities,
    desired: Arc<DesiredEnvironment>,
}

/// What has been read of the environments of one cluster; shared by all who reconcile one of them.
#[derive(Clone, Default)]
pub(super) struct Neighbourhood {
    known: Arc<Mutex<BTreeMap<String, Known>>>,
}

/// Where a plan is made.
pub(super) struct Here<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) source: &'a Source,
    /// The folder of the environments.
    pub(super) root: &'a str,
    pub(super) environment: &'a Environment,
    pub(super) capabilities: &'a Capabilities,
    pub(super) key: &'a [u8],
}

/// What Git says of an environment.
enum Neighbour {
    /// There is no such folder.
    Gone,
    /// A layer: never deployed.
    Abstract,
    Unreadable(String),
    Read(Arc<DesiredEnvironment>),
}

/// Everything that the answers are made from.
struct Facts<'a> {
    here: &'a Here<'a>,
    stored: Vec<StoredInventory>,
    neighbours: BTreeMap<String, Neighbour>,
    kinds: Arc<Kinds>,
}

impl Neighbourhood {
    /// Has others know what an environment is at a revision.
    pub(super) async fn publish(&self, revision: &str, capabilities: &Capabilities, desired: &Arc<DesiredEnvironment>) {
        if revision == WORKING_FOLDER || desired.incomplete {
            return;
        }
        let known =
            Known { revision: revision.to_owned(), capabilities: capabilities.clone(), desired: Arc::clone(desired) };
        self.known.lock().await.insert(desired.environment.name.clone(), known);
    }

    /// Answers the doubts of a plan. One list of inventories; renders what nobody has read yet.
    ///
    /// # Errors
    /// When the cluster cannot be asked.
    pub(super) async fn ask(&self, here: &Here<'_>, doubts: &Doubts) -> Result<Neighbours, ClusterError> {
        let stored = here.cluster.inventories("").await?;
        let kinds = here.cluster.kinds().await?;
        let mut facts = Facts { here, stored, neighbours: BTreeMap::new(), kinds };
        let mut answers = Neighbours::default();
        for (id, marked) in &doubts.departed {
            // Somebody may only say that it is theirs.
            if facts.names(id, marked) {
                answers.departed.insert(id.clone(), marked.home.clone());
            }
        }
        let gives = !doubts.leaving.is_empty() || !doubts.histories.is_empty();
        let mut asked: BTreeSet<String> =
            doubts.foreign.values().filter_map(|m| Some(m.home.split_once('/')?.0.to_owned())).collect();
        let names = discover(here).await;
        match &names {
            Ok(names) if gives => asked.extend(names.iter().filter(|n| **n != here.environment.name).cloned()),
            _ => {}
        }
        for name in asked {
            let neighbour = match &names {
                Err(error) => Neighbour::Unreadable(error.clone()),
                Ok(names) if !names.contains(&name) => Neighbour::Gone,
                Ok(_) => self.read(here, &name).await,
            };
            facts.neighbours.insert(name, neighbour);
        }
        for (id, marked) in &doubts.foreign {
            answers.given_up.insert(id.clone(), facts.given_up(id, marked).await);
        }
        if gives {
            match names {
                Ok(_) => facts.claims(doubts, &mut answers),
                Err(_) => {
                    let what = "the folder of environments".to_owned();
                    answers.unknown_home = Some(UnknownHome { what, not: "read" });
                }
            }
        }
        Ok(answers)
    }

    /// Reads an environment as it is at the revision, once for all who ask.
    async fn read(&self, here: &Here<'_>, name: &str) -> Neighbour {
        let revision = &here.source.revision;
        // Held while it is read: others wait, and find it.
        let mut all = self.known.lock().await;
        if let Some(known) = all.get(name)
            && known.revision == *revision
            && *revision != WORKING_FOLDER
            && known.capabilities == *here.capabilities
        {
            return deployed(&known.desired);
        }
        let (source, root, of) = (here.source.clone(), here.root.to_owned(), name.to_owned());
        let (capabilities, key) = (here.capabilities.clone(), here.key.to_vec());
        // Asked of the cluster as it will be when its own pass comes; what it hears is not followed here.
        let lookups = Arc::new(Lookups::new(here.cluster, Answers::new()));
        let task = tokio::task::spawn_blocking(move || {
            let ambience = Ambience { capabilities: Some(&capabilities), key: &key, lookups: Some(&lookups) };
            read_environment(&source, &root, &of, &ambience, &mut RenderCache::default())
        });
        match task.await {
            Err(error) => Neighbour::Unreadable(error.to_string()),
            Ok(Err(errors)) => Neighbour::Unreadable(first_line(&errors.to_string())),
            Ok(Ok(desired)) => {
                let desired = Arc::new(desired);
                if !desired.incomplete && *revision != WORKING_FOLDER {
                    let (revision, capabilities) = (revision.clone(), here.capabilities.clone());
                    all.insert(name.to_owned(), Known { revision, capabilities, desired: Arc::clone(&desired) });
                }
                deployed(&desired)
            }
        }
    }
}

fn deployed(desired: &Arc<DesiredEnvironment>) -> Neighbour {
    if desired.environment.is_abstract { Neighbour::Abstract } else { Neighbour::Read(Arc::clone(desired)) }
}

async fn discover(here: &Here<'_>) -> Result<Vec<String>, String> {
    let (tree, root) = (Arc::clone(&here.source.tree), here.root.to_owned());
    let task = tokio::task::spawn_blocking(move || environment::discover(tree.as_ref(), &root));
    task.await.map_err(|e| e.to_string())?.map_err(|e| first_line(&e.to_string()))
}

impl Facts<'_> {
    fn inventories<'s>(&'s self, environment: &str) -> impl Iterator<Item = &'s StoredInventory> {
        self.stored.iter().filter(move |s| s.environment == environment)
    }

    fn inventory(&self, home: &str) -> Option<&Result<Inventory, String>> {
        let (environment, release) = home.split_once('/')?;
        self.inventories(environment).find(|s| s.release == release).map(|s| &s.content)
    }

    /// Whether the inventory of whom an object says to be names this very object.
    fn names(&self, id: &ObjectId, marked: &Marked) -> bool {
        let entry = self.inventory(&marked.home).and_then(|i| i.as_ref().ok()?.objects.get(id));
        entry.is_some_and(|e| e.uid == marked.uid)
    }

    /// Whether a release owns something already: what it cannot render now is not what it waits for.
    fn owns(&self, environment: &str, release: &str) -> bool {
        let of = self.inventories(environment).find(|s| s.release == release).map(|s| &s.content);
        of.is_some_and(|content| content.as_ref().map_or(true, |i| !i.objects.is_empty()))
    }

    /// Why an object that carries another environment's mark may be taken, or why not.
    async fn given_up(&self, id: &ObjectId, marked: &Marked) -> Result<String, String> {
        let home = &marked.home;
        let Some((environment, release)) = home.split_once('/') else { return Err(format!("it belongs to {home}")) };
        let belongs = |why: &str| Err(format!("it belongs to {home}{why}"));
        if self.inventories(environment).next().is_none() {
            // Nobody here knows of that environment: another repository's, unless our own record says otherwise.
            return if marked.ours { Ok(format!("somebody marked it as {home}'s")) } else { belongs("") };
        }
        let record = match self.inventory(home) {
            Some(Err(_)) => return belongs(", whose inventory cannot be read"),
            Some(Ok(inventory)) => Some(inventory),
            None => None,
        };
        let moves = |why: &str| Ok(format!("it moves here from {home}: {why}"));
        let desired = match self.neighbours.get(environment) {
            None | Some(Neighbour::Gone) => {
                if !self.was_here(environment, record).await {
                    return belongs(", an environment that is not known to have been in this repository");
                }
                return moves("the environment left Git");
            }
            Some(Neighbour::Abstract) => return moves("the environment is deployed no more"),
            Some(Neighbour::Unreadable(error)) => {
                return belongs(&format!(", and environment {environment} cannot be read: {error}"));
            }
            Some(Neighbour::Read(desired)) => desired,
        };
        if self.is_ahead(record).await {
            return belongs(", whose revision this one did not come from");
        }
        let own = desired.releases.iter().find(|r| r.name == release);
        if let Some(Err(errors)) = own.map(|r| &r.rendered) {
            let error = errors.first().map_or_else(String::new, |e| first_line(e));
            return belongs(&format!(", which cannot be rendered: {error}"));
        }
        if own.is_some() && record.is_some_and(|i| i.lifecycle.as_ref().is_some_and(|l| l.held.is_some())) {
            return belongs(", which somebody went back from Git with");
        }
        if let Some(still) = desired.releases.iter().find(|r| self.renders(r, id)) {
            return Err(format!("it belongs to {environment}/{}", still.name));
        }
        let open = |r: &&DesiredRelease| r.rendered.is_err() && !self.owns(environment, &r.name);
        if let Some(open) = desired.releases.iter().find(open) {
            return belongs(&format!(", and {environment}/{} cannot be rendered and may want it", open.name));
        }
        moves(if own.is_none() { "the release left Git" } else { "it is rendered there no more" })
    }

    fn renders(&self, release: &DesiredRelease, id: &ObjectId) -> bool {
        ids(release, &self.kinds).any(|other| other == *id)
    }

    /// Whether a release is at a revision that the one in hand did not come from: then who asks may be the one that is behind, and
    /// what the other one has taken would look like something that it gave up.
    async fn is_ahead(&self, record: Option<&Inventory>) -> bool {
        let Some(revision) = record.map(|i| i.revision.clone()).filter(|r| *r != self.here.source.revision) else {
            return false;
        };
        let tree = Arc::clone(&self.here.source.tree);
        let asked = tokio::task::spawn_blocking(move || tree.came_from(&revision));
        matches!(asked.await, Ok(Ok(Some(false))))
    }

    /// Whether an environment without a folder was one of this repository: the commit that was applied last has it. Of what was
    /// applied from a working folder nobody knows more than that; who works from one now is taken at their word.
    async fn was_here(&self, environment: &str, record: Option<&Inventory>) -> bool {
        let any = || self.inventories(environment).find_map(|s| s.content.as_ref().ok());
        let Some(revision) = record.or_else(any).map(|i| i.revision.clone()) else { return false };
        if revision == WORKING_FOLDER {
            return self.here.source.revision == WORKING_FOLDER;
        }
        let tree = Arc::clone(&self.here.source.tree);
        let file = join(&join(self.here.root, environment), "environment.yaml");
        let task = tokio::task::spawn_blocking(move || {
            let found = tree.at_revision(&revision).ok().flatten();
            found.is_some_and(|(tree, _)| tree.read(&file).is_ok_and(|file| file.is_some()))
        });
        task.await.unwrap_or(false)
    }

    /// Who wants what would be deleted here, of all environments of the same cluster.
    fn claims(&self, doubts: &Doubts, answers: &mut Neighbours) {
        for (name, neighbour) in &self.neighbours {
            let desired = match neighbour {
                Neighbour::Gone | Neighbour::Abstract => continue,
                Neighbour::Unreadable(_) => {
                    if self.inventories(name).next().is_none() {
                        let what = format!("environment {name}");
                        answers.unknown_home.get_or_insert(UnknownHome { what, not: "read" });
                    }
                    continue;
                }
                Neighbour::Read(desired) if desired.environment.cluster != self.here.environment.cluster => continue,
                Neighbour::Read(desired) => desired,
            };
            for release in &desired.releases {
                let home = format!("{name}/{}", release.name);
                let Ok(rendered) = &release.rendered else {
                    if !self.owns(name, &release.name) {
                        let what = format!("release {home}");
                        answers.unknown_home.get_or_insert(UnknownHome { what, not: "rendered" });
                    }
                    continue;
                };
                answers.histories.insert((release.namespace.clone(), rendered.content.name.clone()));
                for id in ids(release, &self.kinds).filter(|id| doubts.leaving.contains(id)) {
                    answers.wanted.entry(id).or_insert_with(|| home.clone());
                }
            }
        }
    }
}

/// The objects that a release renders, where they will be.
fn ids<'a>(release: &'a DesiredRelease, kinds: &'a Kinds) -> impl Iterator<Item = ObjectId> + 'a {
    let objects = release.rendered.iter().flat_map(|r| &r.objects);
    objects.map(|object| {
        let id = object.id();
        let namespace = match kinds.resource(&object.gvk()).map(|r| r.namespaced) {
            Some(false) => "",
            _ if id.namespace.is_empty() => &release.namespace,
            _ => &id.namespace,
        };
        ObjectId::new(&id.group, &id.kind, namespace, &id.name)
    })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
