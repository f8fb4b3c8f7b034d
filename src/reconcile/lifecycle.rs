//! Helm's life cycle as a look finds it: what each release's content is, whether helm knows it already, which hooks it has, and
//! what somebody went back from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use serde_json::Value;

use crate::cluster::{Cluster, ClusterError, StoredRevision};
use crate::history::{Event, Hook, Revision, Status, digest};
use crate::manifest::{self, Held, Inventory, Lifecycle, Object, Progress, Redactor};
use crate::plan::{DesiredHook, Installed, LifecycleInput, Scopes, desire_hooks};
use crate::yaml;

use super::desired::DesiredRelease;

/// What somebody asked for, of one release, besides what Git says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Back to a revision of helm's history.
    Rollback {
        /// Which; `None`: the one before the last.
        version: Option<u32>,
        /// The commit that is gone back from.
        revision: String,
        /// The digest of the way back as it was planned last; empty before. Whoever else goes it (a daemon, once it is recorded)
        /// does what was asked: it is not asked for twice.
        planned: String,
    },
    /// Uninstall it, though it is in Git.
    Uninstall {
        /// Whether its history stays.
        keep_history: bool,
        /// The commit that it is uninstalled at.
        revision: String,
    },
    /// Bring about what Git says, though somebody went back from it.
    Resume,
}

impl Asked {
    /// Notes how a way back was planned: the revision that was meant stays the one that is meant.
    pub(super) fn note(&mut self, life: &Life) {
        if let (Self::Rollback { version, planned, .. }, Some(back)) = (self, life.rollback) {
            *version = Some(back);
            planned.clone_from(&life.digest);
        }
    }
}

/// Why a release's life cannot be read: the release stays as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum LifeError {
    /// The cluster cannot be asked.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// What is wrong with its hooks or its history.
    #[error("{}", .0.join("; "))]
    Release(Vec<String>),
}

/// The life of one release.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Helm's name.
    pub(super) name: String,
    /// The content's digest.
    pub(super) digest: String,
    /// The hooks, where one may run.
    pub(super) hooks: Vec<DesiredHook>,
    /// What helm's history says.
    pub(super) installed: Installed,
    /// The revision that is gone back to.
    pub(super) rollback: Option<u32>,
    /// What of Git is left alone.
    pub(super) held: Option<Held>,
    /// Somebody used helm on it since.
    pub(super) stale: bool,
    /// Somebody asked by name for it to be uninstalled.
    pub(super) confirmed: bool,
    /// What is to be recorded, where something is.
    pub(super) revision: Option<Arc<Revision>>,
    /// The objects that are in force instead of Git's.
    pub(super) instead: Option<Vec<Object>>,
    /// It was uninstalled by hand, or is about to be.
    pub(super) gone: bool,
    /// What a person should know of it.
    pub(super) note: Option<String>,
}

impl Life {
    /// Whether somebody went back from Git with it, or does so now.
    pub(super) fn is_back(&self) -> bool {
        self.instead.is_some() || self.gone
    }

    /// As a plan takes it.
    pub(super) fn input(&self) -> LifecycleInput<'_> {
        LifecycleInput {
            name: &self.name,
            digest: &self.digest,
            hooks: &self.hooks,
            installed: self.installed,
            rollback: self.rollback,
            held: self.held.clone(),
            stale: self.stale,
            confirmed: self.confirmed,
        }
    }
}

/// Revisions that were read: they are asked for once.
pub(super) type ReadRevisions = BTreeMap<(String, String, u32), Arc<Revision>>;

/// What looks into helm's histories.
pub(super) struct Histories<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) read: &'a mut ReadRevisions,
    /// Histories that were looked up beforehand, by namespace and release.
    pub(super) stored: BTreeMap<(String, String), Vec<StoredRevision>>,
    pub(super) scopes: &'a (dyn Scopes + Sync),
    pub(super) key: &'a [u8],
}

/// Namespaces that are looked into at once.
const PARALLEL: usize = 8;

impl Histories<'_> {
    /// Looks up the histories of releases that nothing is recorded of, where several share a namespace: one request for all of them.
    pub(super) async fn look_up(
        &mut self,
        releases: impl Iterator<Item = &DesiredRelease>,
    ) -> Result<(), ClusterError> {
        let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for release in releases {
            let Ok(rendered) = &release.rendered else { continue };
            names.entry(&release.namespace).or_default().push(&rendered.content.name);
        }
        let shared: Vec<(&str, Vec<&str>)> = names.into_iter().filter(|(_, names)| names.len() > 1).collect();
        let cluster = self.cluster;
        let mut lists = stream::iter(shared)
            .map(|(namespace, names)| async move { (namespace, names, cluster.histories(namespace).await) })
            .buffer_unordered(PARALLEL);
        while let Some((namespace, names, found)) = lists.next().await {
            let mut found = match found {
                // Each is asked for by itself, and tells.
                Err(error) if error.refusal().is_some_and(|r| r.code == 403) => continue,
                other => other?,
            };
            for name in names {
                let stored = found.remove(name).unwrap_or_default();
                self.stored.insert((namespace.to_owned(), name.to_owned()), stored);
            }
        }
        Ok(())
    }

    /// The life of a release that is in Git.
    pub(super) async fn of(
        &mut self,
        release: &DesiredRelease,
        inventory: Option<&Inventory>,
        asked: Option<&Asked>,
    ) -> Result<Life, LifeError> {
        let recorded = inventory.and_then(|i| i.lifecycle.as_ref());
        let is_recorded = |asked: &&Asked| match asked {
            Asked::Rollback { planned, .. } => recorded.is_some_and(|r| r.digest == *planned && r.held.is_some()),
            _ => false,
        };
        match asked.filter(|asked| !is_recorded(asked)) {
            Some(Asked::Rollback { version, revision, .. }) => {
                return self.back(release, recorded, *version, revision).await;
            }
            Some(Asked::Uninstall { revision, keep_history }) => {
                let held = Held {
                    inputs: release.inputs.clone(),
                    revision: revision.clone(),
                    version: None,
                    keep_history: *keep_history,
                };
                let mut life = self.leaving(recorded, Some(release)).await?;
                life.held = Some(held);
                life.confirmed = true;
                return Ok(life);
            }
            Some(Asked::Resume) => {}
            None => {
                if let Some((recorded, held)) = recorded.and_then(|r| Some((r, r.held.as_ref()?)))
                    && held.inputs == release.inputs
                {
                    return self.held(release, recorded, held).await;
                }
            }
        }
        let Ok(rendered) = &release.rendered else { return Ok(Life::default()) };
        let mut life = Life { name: rendered.content.name.clone(), digest: rendered.digest.clone(), ..Life::default() };
        // The same content under another name, or in another namespace, is another revision.
        if recorded.is_some_and(|r| r.says(&life.digest, &release.namespace, &life.name) && r.state == Progress::Done) {
            return Ok(life);
        }
        if recorded.is_none_or(|r| (&r.namespace, &r.name) != (&release.namespace, &life.name)) {
            life.installed = self.installed(&release.namespace, &life.name, &life.digest).await?;
        }
        if !matches!(life.installed, Installed::Same(_)) {
            life.hooks = self.hooks(&rendered.content.hooks, &release.namespace, release.veil.as_ref())?;
            life.revision = Some(Arc::new(rendered.revision()));
        }
        Ok(life)
    }

    /// Whether somebody used helm on a release that has drifted: then its history says something else than what will be in force
    /// again. One request.
    pub(super) async fn stale(
        &mut self,
        life: &mut Life,
        release: &DesiredRelease,
        recorded: &Lifecycle,
    ) -> Result<(), ClusterError> {
        if recorded.digest != life.digest || recorded.state != Progress::Done {
            return Ok(());
        }
        let stored = self.cluster.history(&recorded.namespace, &recorded.name).await?;
        let newest = stored.last().map(|s| s.version);
        // A list without ours may be of a time before it was written: it is asked for by name.
        let listed = newest >= Some(recorded.version)
            || self.cluster.revision(&recorded.namespace, &recorded.name, recorded.version).await?.is_none();
        life.stale = recorded.stale || (listed && newest != Some(recorded.version));
        if life.stale {
            life.revision = match (&life.instead, &release.rendered) {
                (None, Ok(rendered)) => Some(Arc::new(rendered.revision())),
                _ => self.revision(recorded, recorded.version).await?,
            };
        }
        Ok(())
    }

    /// What helm has deployed of a release that evenkeel knows nothing of.
    async fn installed(&mut self, namespace: &str, name: &str, wanted: &str) -> Result<Installed, LifeError> {
        let stored = match self.stored.remove(&(namespace.to_owned(), name.to_owned())) {
            Some(stored) => stored,
            None => match self.cluster.history(namespace, name).await {
                // Whoever only looks may not be allowed to see Secrets.
                Err(error) if error.refusal().is_some_and(|r| r.code == 403) => return Ok(Installed::No),
                other => other?,
            },
        };
        if stored.is_empty() {
            return Ok(Installed::Nothing);
        }
        let deployed = stored.iter().any(|s| matches!(s.status, Status::Deployed | Status::Superseded));
        if !deployed {
            return Ok(Installed::No);
        }
        let newest = stored.last().filter(|s| s.status == Status::Deployed);
        if let Some(newest) = newest
            && let Some(read) = self.cluster.revision(namespace, name, newest.version).await?
            && digest(&read.revision, self.key) == wanted
        {
            return Ok(Installed::Same(newest.version));
        }
        Ok(Installed::Other)
    }

    fn hooks(
        &self,
        hooks: &[Hook],
        namespace: &str,
        veil: Option<&Arc<Redactor>>,
    ) -> Result<Vec<DesiredHook>, LifeError> {
        // Tests run when somebody asks; what is wrong with one stops nothing else.
        let run = hooks.iter().filter(|h| h.events.iter().any(|e| e != Event::Test.as_str()));
        let hooks = desire_hooks(run, namespace, self.scopes)
            .map_err(|errors| LifeError::Release(errors.iter().map(ToString::to_string).collect()))?;
        let veiled = |hook: DesiredHook| DesiredHook { object: hook.object.veiled(veil.cloned()), ..hook };
        Ok(hooks.into_iter().map(veiled).collect())
    }

    /// The life of a release that goes: its hooks are those of the revision in force.
    pub(super) async fn leaving(
        &mut self,
        recorded: Option<&Lifecycle>,
        release: Option<&DesiredRelease>,
    ) -> Result<Life, LifeError> {
        let Some(recorded) = recorded else { return Ok(Life { gone: true, ..Life::default() }) };
        let mut life = Life { name: recorded.name.clone(), gone: true, ..Life::default() };
        // Its hooks have run when it was uninstalled.
        if recorded.held.as_ref().is_some_and(|h| h.version.is_none()) && recorded.state == Progress::Done {
            return Ok(life);
        }
        if let Some(revision) = self.revision(recorded, recorded.version).await? {
            let goes = |h: &&Hook| h.runs_at(Event::PreDelete) || h.runs_at(Event::PostDelete);
            let hooks: Vec<Hook> = revision.hooks.iter().filter(goes).cloned().collect();
            let veil = release.and_then(|release| veil_of(&revision, release));
            life.hooks = self.hooks(&hooks, &recorded.namespace, veil.as_ref())?;
        }
        Ok(life)
    }

    /// The life of a release that somebody went back from Git with.
    async fn held(&mut self, release: &DesiredRelease, recorded: &Lifecycle, held: &Held) -> Result<Life, LifeError> {
        let from = short(&held.revision);
        let Some(version) = held.version else {
            let note = Some(format!("uninstalled at {from}; it stays so until a commit changes it"));
            if recorded.state == Progress::Done {
                return Ok(Life { gone: true, note, ..Life::default() });
            }
            // The way was not gone to its end; whoever asked for it has confirmed it.
            let life = self.leaving(Some(recorded), Some(release)).await?;
            return Ok(Life { held: Some(held.clone()), confirmed: true, note, ..life });
        };
        let Some(revision) = self.revision(recorded, version).await? else {
            let lost = format!("revision {version} of helm's history, which it was rolled back to, cannot be read");
            return Err(LifeError::Release(vec![lost]));
        };
        let mut life = Life {
            name: recorded.name.clone(),
            digest: recorded.digest.clone(),
            instead: Some(objects_of(&revision, release)?),
            note: Some(format!("rolled back to revision {version}; {from} is not applied until a commit changes it")),
            ..Life::default()
        };
        if recorded.state != Progress::Done {
            // The way back was not gone to its end.
            life.rollback = Some(version);
            life.held = Some(held.clone());
            life.hooks = self.hooks(&revision.hooks, &recorded.namespace, veil_of(&revision, release).as_ref())?;
            life.revision = Some(revision);
        }
        Ok(life)
    }

    /// The life of a release that is to go back.
    async fn back(
        &mut self,
        release: &DesiredRelease,
        recorded: Option<&Lifecycle>,
        version: Option<u32>,
        from: &str,
    ) -> Result<Life, LifeError> {
        let none = || LifeError::Release(vec!["no revision of it is recorded".to_owned()]);
        let recorded = recorded.ok_or_else(none)?;
        let stored = self.cluster.history(&recorded.namespace, &recorded.name).await?;
        let newest = stored.last().ok_or_else(none)?.version;
        let version = version.unwrap_or_else(|| newest.saturating_sub(1));
        let Some(revision) = self.revision(recorded, version).await? else {
            return Err(LifeError::Release(vec![format!("release has no {version} version")]));
        };
        let content = digest(&revision, self.key);
        Ok(Life {
            name: recorded.name.clone(),
            digest: format!("{content}.{newest}"),
            hooks: self.hooks(&revision.hooks, &recorded.namespace, veil_of(&revision, release).as_ref())?,
            installed: Installed::Other,
            rollback: Some(version),
            held: Some(Held {
                inputs: release.inputs.clone(),
                revision: from.to_owned(),
                version: Some(version),
                keep_history: false,
            }),
            instead: Some(objects_of(&revision, release)?),
            revision: Some(revision),
            ..Life::default()
        })
    }

    async fn revision(&mut self, recorded: &Lifecycle, version: u32) -> Result<Option<Arc<Revision>>, ClusterError> {
        let key = (recorded.namespace.clone(), recorded.name.clone(), version);
        if let Some(known) = self.read.get(&key) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(read) = self.cluster.revision(&recorded.namespace, &recorded.name, version).await? else {
            return Ok(None);
        };
        let mut revision = read.revision;
        // A new revision is about this content, not about what became of the old one.
        for hook in &mut revision.hooks {
            (hook.started_at, hook.completed_at) = (String::new(), String::new());
            hook.phase = crate::history::Phase::None;
        }
        revision.info.deleted.clear();
        let revision = Arc::new(revision);
        self.read.insert(key, Arc::clone(&revision));
        Ok(Some(revision))
    }
}

/// The objects of a revision, and the chart's definitions as Git has them: helm never goes back with those.
fn objects_of(revision: &Revision, release: &DesiredRelease) -> Result<Vec<Object>, LifeError> {
    let place = revision.secret_name();
    let mut objects =
        manifest::parse(&revision.manifest, &place).map_err(|e| LifeError::Release(vec![e.to_string()]))?;
    let veil = veil_of(revision, release);
    objects = objects.into_iter().map(|object| object.veiled(veil.clone())).collect();
    if let Ok(rendered) = &release.rendered {
        let kept = |o: &&Object| {
            o.kind() == "CustomResourceDefinition" && o.annotation("helm.sh/resource-policy") == Some("keep")
        };
        let definitions =
            rendered.objects.iter().filter(kept).filter(|o| !objects.iter().any(|own| own.id() == o.id()));
        let definitions: Vec<Object> = definitions.cloned().collect();
        objects.extend(definitions);
    }
    Ok(objects)
}

/// Knows what is encrypted now, and what stood at the same keys in an earlier revision: what was encrypted then.
fn veil_of(revision: &Revision, release: &DesiredRelease) -> Option<Arc<Redactor>> {
    let names = [&release.name, &release.namespace];
    if release.encrypted.is_empty() {
        return None;
    }
    let mut then = BTreeSet::new();
    for layer in &release.encrypted {
        for (key, value) in layer.value() {
            if let Some(was) = revision.config.get(key) {
                texts_beside(was, Some(value), &mut then);
            }
        }
    }
    then.retain(|text| !names.iter().any(|name| name.contains(text.as_str())));
    let then = Redactor::of_texts(then);
    Some(Arc::new(release.veil.as_ref().map_or(then.clone(), |now| now.and(&then))))
}

/// The texts of `was` at the keys of `now`; all of them where that has no keys.
fn texts_beside(was: &Value, now: Option<&Value>, found: &mut BTreeSet<String>) {
    match (was, now) {
        (Value::Object(was), Some(Value::Object(now))) => {
            for (key, was) in was {
                if let Some(now) = now.get(key) {
                    texts_beside(was, Some(now), found);
                }
            }
        }
        (Value::Object(map), _) => map.values().for_each(|value| texts_beside(value, None, found)),
        (Value::Array(items), _) => items.iter().for_each(|item| texts_beside(item, None, found)),
        (Value::String(text), _) => drop(found.insert(text.clone())),
        (Value::Number(number), _) => {
            // A whole number of a values file is a float64 to helm.
            let text = number.as_f64().map_or_else(|| number.to_string(), yaml::go_float_fixed);
            found.insert(text);
        }
        (Value::Null | Value::Bool(_), _) => {}
    }
}

/// A commit as people write it.
fn short(revision: &str) -> &str {
    if revision.len() == 40 { revision.get(..12).unwrap_or(revision) } else { revision }
}
