//! What became of a release's last change, and what follows: a wait that goes on after a restart, a failure that is left alone,
//! a release that is taken back to the revision that was seen ready last.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::apply::Record;
use crate::cluster::Patience;
use crate::environment::OnFailure;
use crate::manifest::{Inventory, Standing, Verdict};
use crate::plan::DesiredObject;

use super::desired::{Ambience, DesiredEnvironment, Rendered, read_environment};
use super::lookups::{Answers, Lookups};
use super::ready::Waiting;
use super::renders::RenderCache;
use super::source::Source;

/// A release that failed and that goes its own way until Git says something else.
#[derive(Debug, Clone)]
pub struct Averted {
    /// What failed.
    pub failed: Verdict,
    /// The revision that it is taken back to; none when it is left as it is.
    pub back_to: Option<String>,
    /// Why it cannot be taken back, when it should be.
    pub stuck: Option<String>,
}

impl Averted {
    /// For people: what failed, and what was done about it.
    pub(super) fn messages(&self) -> Vec<String> {
        let failed = format!("{} failed", short(&self.failed.revision));
        let what = match (&self.back_to, &self.stuck) {
            (Some(back), _) => format!("{failed}; taken back to {} until Git says something else", short(back)),
            (None, Some(stuck)) => format!("{failed} and cannot be taken back: {stuck}"),
            (None, None) => format!("{failed}; left as it is until Git says something else"),
        };
        std::iter::once(what).chain(self.failed.why.iter().cloned()).collect()
    }
}

fn short(revision: &str) -> &str {
    if revision.len() == 40 { &revision[..12] } else { revision }
}

/// What tells one change of a release from another: the digest of its desired objects.
pub(super) fn digest(objects: &[DesiredObject]) -> String {
    let mut lines: Vec<String> = objects.iter().map(|o| format!("{} {}\n", o.id, o.hash)).collect();
    lines.sort();
    let mut digest = Sha256::new();
    lines.iter().for_each(|line| digest.update(line));
    digest.finalize().iter().take(12).map(|b| format!("{b:02x}")).collect()
}

/// The revision that a release was seen ready at last; empty when there is none.
pub(super) fn last_good(inventory: &Inventory) -> &str {
    match &inventory.verdict {
        Some(verdict) if verdict.standing == Standing::Ready => &verdict.revision,
        _ => &inventory.good,
    }
}

/// What an earlier process waited for, by release: all objects of a release that was not seen ready.
pub(super) fn resumed(held: &BTreeMap<String, Record>) -> BTreeMap<String, Waiting> {
    let open = held.iter().filter_map(|(name, record)| {
        let verdict = record.inventory.verdict.as_ref().filter(|v| v.standing != Standing::Ready)?;
        let patience = if verdict.standing == Standing::Failed { Patience::spent() } else { Patience::default() };
        let objects = record.inventory.objects.iter().filter(|(_, e)| !e.uid.is_empty());
        let objects = objects.map(|(id, e)| (id.clone(), e.version.clone())).collect();
        Some((name.clone(), Waiting { objects, patience: Arc::new(patience) }))
    });
    open.collect()
}

/// Whether a release failed with what Git wants now, and is not to be tried again.
pub(super) fn averted(record: &Record, on_failure: OnFailure, digest: &str) -> Option<Averted> {
    let verdict = record.inventory.verdict.as_ref();
    let failed = verdict.filter(|v| v.standing == Standing::Failed && v.digest == digest)?.clone();
    let averted = Averted { failed, back_to: None, stuck: None };
    match on_failure {
        OnFailure::Retry => None,
        OnFailure::Stop => Some(averted),
        OnFailure::Rollback => match last_good(&record.inventory) {
            "" => Some(Averted { stuck: Some("no revision of it was ready before".to_owned()), ..averted }),
            good => Some(Averted { back_to: Some(good.to_owned()), ..averted }),
        },
    }
}

/// Renders of revisions that releases are taken back to.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    read: BTreeMap<String, (Arc<DesiredEnvironment>, RenderCache)>,
}

impl Earlier {
    /// What a release rendered at an earlier revision.
    pub(super) async fn rendered(
        &mut self,
        source: &Source,
        (root, environment, release): (&str, &str, &str),
        revision: &str,
        (capabilities, key, lookups): (&crate::cluster::Capabilities, &[u8], &Arc<Lookups>),
    ) -> Result<Arc<Rendered>, String> {
        let known = self.read.remove(revision);
        let (same, mut cache) = match known {
            Some((read, cache)) if cache.answers().all(|(_, answers)| lookups.know(answers)) => (Some(read), cache),
            Some((_, cache)) => (None, cache),
            None => (None, RenderCache::default()),
        };
        if let Some(read) = same {
            self.read.insert(revision.to_owned(), (read, cache));
        } else {
            let (source, root, name, at) =
                (source.clone(), root.to_owned(), environment.to_owned(), revision.to_owned());
            let (capabilities, key, lookups) = (capabilities.clone(), key.to_vec(), Arc::clone(lookups));
            let task = tokio::task::spawn_blocking(move || {
                let found = source.tree.at_revision(&at).map_err(|e| e.to_string())?;
                let Some((tree, time)) = found else { return Err("that revision is not at hand".to_owned()) };
                let source = Source { tree, time, revision: at, charts: source.charts, keys: source.keys };
                let ambience = Ambience { capabilities: Some(&capabilities), key: &key, lookups: Some(&lookups) };
                let read = read_environment(&source, &root, &name, &ambience, &mut cache);
                Ok((read.map_err(|e| e.to_string())?, cache))
            });
            let (read, cache) = task.await.map_err(|e| e.to_string())??;
            self.read.insert(revision.to_owned(), (Arc::new(read), cache));
        }
        let desired = self.read.get(revision).and_then(|(d, _)| d.releases.iter().find(|r| r.name == release));
        match desired.map(|r| &r.rendered) {
            None => Err("it is no release of that revision".to_owned()),
            Some(Err(errors)) => Err(errors.join("; ")),
            Some(Ok(rendered)) => Ok(Arc::clone(rendered)),
        }
    }

    /// What those renders looked up.
    pub(super) fn answers(&self) -> impl Iterator<Item = &Answers> {
        self.read.values().flat_map(|(_, cache)| cache.answers().map(|(_, answers)| answers))
    }

    /// Forgets what nobody is taken back to.
    pub(super) fn keep(&mut self, revisions: &[&str]) {
        self.read.retain(|revision, _| revisions.contains(&revision.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(standing: Standing, digest: &str, good: &str) -> Record {
        let mut inventory = Inventory::new("staging", "clipper", "ns");
        inventory.good = good.to_owned();
        inventory.verdict = Some(Verdict {
            standing,
            since: "2026-01-01T00:00:00Z".into(),
            revision: "bad".into(),
            digest: digest.into(),
            why: vec!["no image".into()],
        });
        Record { inventory, version: None }
    }

    #[test]
    fn only_what_failed_is_averted_and_only_as_the_release_says() {
        let failed = record(Standing::Failed, "d", "good");
        assert!(averted(&failed, OnFailure::Retry, "d").is_none());
        assert!(averted(&failed, OnFailure::Stop, "other").is_none(), "Git says something else");
        let stopped = averted(&failed, OnFailure::Stop, "d").unwrap();
        assert_eq!(stopped.messages(), ["bad failed; left as it is until Git says something else", "no image"]);
        let back = averted(&failed, OnFailure::Rollback, "d").unwrap();
        assert_eq!(back.back_to.as_deref(), Some("good"));
        assert!(averted(&record(Standing::Failed, "d", ""), OnFailure::Rollback, "d").unwrap().stuck.is_some());
        assert!(averted(&record(Standing::Waiting, "d", "good"), OnFailure::Rollback, "d").is_none());
    }

    #[test]
    fn a_restart_waits_on_for_what_was_not_ready() {
        let id = "apps/Deployment/ns/a".parse().unwrap();
        let mut waiting = record(Standing::Waiting, "d", "");
        let applied = crate::manifest::Applied { uid: "u".into(), ..Default::default() };
        waiting.inventory.objects.insert(id, applied);
        let mut ready = waiting.clone();
        ready.inventory.verdict.as_mut().unwrap().standing = Standing::Ready;
        let held = BTreeMap::from([("a".to_owned(), waiting), ("b".to_owned(), ready)]);
        let resumed = resumed(&held);
        assert_eq!(resumed.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(resumed["a"].objects.len(), 1);
    }
}
