//! Whether somebody else is ahead: a release was brought to a revision that the one in hand did not come from. Two daemons over one
//! environment, one of them slow to hear of commits, would undo each other's work: what the newer one made would look like something
//! that Git gave up. The one that is behind looks at the repository again before it does anything.

use std::collections::BTreeMap;

use super::pass::{PassError, Reconciler};
use super::source::{Source, WORKING_FOLDER};
use crate::apply::Record;

/// After so many looks at the repository, it is certain that it has nothing newer: history was rewritten, or somebody applied what
/// was never pushed. The first look may have begun before the other's revision was there.
const LOOKS: u64 = 2;

/// What is known of the revisions that releases are at.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    /// The revision in hand.
    of: String,
    /// Revisions that it came from.
    known: BTreeMap<String, bool>,
    /// Revisions that it did not come from, with the looks at the repository before that was noticed.
    ahead: BTreeMap<String, u64>,
}

/// Whether it is a commit's name: a working folder has none.
fn is_commit(revision: &str) -> bool {
    !revision.is_empty() && revision != WORKING_FOLDER
}

impl Reconciler {
    /// The first release that is at a revision which is not known to be older, while the repository may still have that.
    pub(super) async fn overtaken(&mut self, source: &Source) -> Result<Option<(String, String)>, PassError> {
        // Somebody named the revision: it is meant.
        let Some(looks) = source.tree.looks() else { return Ok(None) };
        // What somebody went back from is a revision that the release was at, too: who has not heard of it would undo that.
        let revisions = |name: &String, record: &Record| {
            let gone_back = record.inventory.lifecycle.as_ref().and_then(|l| Some(l.held.as_ref()?.revision.clone()));
            let at = [Some(record.inventory.revision.clone()), gone_back];
            at.into_iter().flatten().map(|revision| (revision, name.clone())).collect::<Vec<_>>()
        };
        let held = self.held.iter().flatten().flat_map(|(name, record)| revisions(name, record));
        let at: BTreeMap<String, String> =
            held.filter(|(revision, _)| *revision != source.revision && is_commit(revision)).collect();
        if self.lineage.of != source.revision {
            self.lineage.of.clone_from(&source.revision);
            self.lineage.known.clear();
        }
        let open: Vec<String> = at.keys().filter(|r| !self.lineage.known.contains_key(*r)).cloned().collect();
        if !open.is_empty() {
            let tree = source.tree.clone();
            let asked = tokio::task::spawn_blocking(move || {
                let ask = |revision: String| tree.came_from(&revision).map(|known| (revision, known.unwrap_or(true)));
                open.into_iter().map(ask).collect::<Result<BTreeMap<_, _>, _>>()
            });
            let known = asked.await.map_err(|e| PassError::Internal(e.to_string()))?;
            self.lineage.known.extend(known.map_err(|e| PassError::Internal(e.to_string()))?);
        }
        self.lineage.ahead.retain(|revision, _| at.contains_key(revision));
        for (revision, release) in at {
            if self.lineage.known.get(&revision).is_none_or(|older| *older) {
                continue;
            }
            let noticed = *self.lineage.ahead.entry(revision.clone()).or_insert(looks);
            if looks < noticed + LOOKS {
                return Ok(Some((release, revision)));
            }
        }
        Ok(None)
    }
}
