//! What was rendered, kept for as long as it would come out the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::render::CompiledChart;

use super::desired::{Ambience, Rendered};
use super::lookups::Answers;
use super::rerenders::Rerenders;

/// What a release renders, or everything that is wrong with it.
pub(super) type Outcome = Result<Arc<Rendered>, Vec<String>>;

/// Renders of earlier passes, by release: used again while everything that they depend on is the same.
#[derive(Debug, Default)]
pub struct RenderCache {
    renders: BTreeMap<String, Kept>,
    /// Parsed charts by path, with the digest of the folder that they stand in.
    charts: BTreeMap<String, (String, Arc<CompiledChart>)>,
    /// How often releases rendered again because of what they look up.
    rerenders: BTreeMap<String, Rerenders>,
    /// Releases that look up something else by now and may not render again yet: when they may.
    late: BTreeMap<String, Instant>,
}

/// One render.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// What it depends on in Git and the cluster's abilities.
    pub(super) key: String,
    pub(super) rendered: Outcome,
    /// What it looked up.
    pub(super) answers: Answers,
}

impl RenderCache {
    /// Begins to read an environment.
    pub(super) fn begin(&mut self) {
        self.late.clear();
    }

    /// Keeps these renders, and no others.
    pub(super) fn end(&mut self, renders: BTreeMap<String, Kept>) {
        self.rerenders.retain(|name, _| renders.contains_key(name));
        self.renders = renders;
        // A chart that no render stands on is somebody's past.
        self.charts.retain(|_, (_, chart)| Arc::strong_count(chart) > 1);
    }

    /// A chart that was parsed, if it is still the same.
    pub(super) fn chart(&self, name: &str, digest: &str) -> Option<Arc<CompiledChart>> {
        self.charts.get(name).filter(|(known, _)| known == digest).map(|(_, chart)| Arc::clone(chart))
    }

    /// Keeps a chart that was parsed.
    pub(super) fn keep_chart(&mut self, name: String, digest: String, chart: Arc<CompiledChart>) {
        self.charts.insert(name, (digest, chart));
    }

    /// What was looked up, by release.
    pub(super) fn answers(&self) -> impl Iterator<Item = (&str, &Answers)> {
        self.renders.iter().map(|(name, kept)| (name.as_str(), &kept.answers))
    }

    /// When a release that has to wait renders again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.late.values().min().copied()
    }

    /// Whether a release looks up something else by now and may not render again yet.
    pub(super) fn is_late(&self, release: &str) -> bool {
        self.late.contains_key(release)
    }

    /// Whether a release renders something new whenever what it looks up has changed, without an end.
    pub(super) fn is_restless(&self, release: &str) -> bool {
        self.rerenders.get(release).is_some_and(|renders| renders.is_restless(Instant::now()))
    }

    /// What a release rendered before, as far as that is still so, or has to do for now.
    pub(super) fn still(&mut self, name: &str, key: &str, ambience: &Ambience<'_>) -> Option<Kept> {
        let kept = self.renders.get(name).filter(|kept| kept.key == key)?;
        if !ambience.lookups.is_none_or(|lookups| lookups.are_same(&kept.answers)) {
            let now = Instant::now();
            let wait = self.rerenders.entry(name.to_owned()).or_default().wait(now)?;
            self.late.insert(name.to_owned(), now + wait);
        }
        Some(kept.clone())
    }

    /// Notes a render. Where it replaces one of the same key, what it looked up made the difference; any other begins anew.
    pub(super) fn note(&mut self, name: &str, next: &Kept) {
        let Some(before) = self.renders.get(name).filter(|kept| kept.key == next.key) else {
            self.rerenders.remove(name);
            return;
        };
        let new = match (&before.rendered, &next.rendered) {
            (Ok(before), Ok(next)) => before.digest != next.digest,
            (Err(before), Err(next)) => before != next,
            _ => true,
        };
        self.rerenders.entry(name.to_owned()).or_default().note(Instant::now(), new);
    }
}
