//! What `onCommit: plan` makes wait, and what lets it go on: an approval of exactly those changes, recorded in the cluster by
//! `evenkeel approve`. The digest is one of what would be done, not of a commit: another commit that asks for the same needs no
//! second approval, and anything that changes what would be done needs one. What was begun under an approval is finished under
//! it, whatever was done of it already.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::apply::{record_approval, remove_approval};
use crate::cluster::{Approval, StoredApproval};
use crate::environment::OnCommit;
use crate::plan::{Action, OperationKind, ReleasePlan, digest_of};

use super::look::Look;
use super::outcome::ReleaseOutcome;
use super::pass::{PassError, Reconciler};
use super::source::Source;

/// Changes from Git that wait for an approval.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pending {
    /// The digest that is approved; empty while the cluster has no key, so that nobody can tell.
    pub digest: String,
    /// What Git wants of the releases that wait: the digests of their desired objects, empty for one that left Git.
    pub releases: BTreeMap<String, String>,
    /// How many objects change.
    pub changes: usize,
}

impl Pending {
    /// What a person does about it.
    #[must_use]
    pub fn command(&self, environment: &str) -> String {
        let digest = if self.digest.is_empty() { "DIGEST" } else { &self.digest };
        format!("evenkeel approve {environment} {digest}")
    }
}

impl Look {
    /// Whether the changes of a release wait: those from Git, and not what somebody went back to.
    fn waits(&self, release: &ReleasePlan) -> bool {
        let of = self.desired.releases.iter().find(|r| r.name == release.release);
        let policies = of.and_then(|r| r.policies.as_ref()).unwrap_or(&self.desired.environment.policies);
        policies.on_commit == OnCommit::Plan
            && !self.averted.contains_key(&release.release)
            && !self.gone_back.contains(&release.release)
    }

    /// Whether a release's step in helm's life cycle waits; drift is put right without asking.
    fn step_waits(&self, release: &ReleasePlan) -> bool {
        let step = release.operation.as_ref().is_some_and(|o| o.kind != OperationKind::Correct);
        step && self.waits(release)
    }

    /// The changes of a release that wait: all that come from Git.
    fn waiting<'a>(&'a self, release: &'a ReleasePlan) -> impl Iterator<Item = &'a Action> {
        let waits = self.waits(release);
        let owned = self.inventories.get(&release.release);
        let corrects = move |a: &Action| owned.and_then(|i| i.objects.get(&a.id)).is_some_and(|e| e.desired == a.hash);
        let apply = release.apply.iter().filter(move |a| a.verb.writes() && !corrects(a));
        apply.chain(release.prune.iter().filter(|a| a.changes())).filter(move |_| waits)
    }

    /// What waits for an approval; none where nothing does.
    pub(super) fn find_pending(&self, keyed: bool) -> Option<Pending> {
        let mut pending = Pending::default();
        for release in &self.plan.releases {
            let count = self.waiting(release).count();
            if count > 0 || self.step_waits(release) {
                pending.changes += count;
                let digest = self.digests.get(&release.release).cloned().unwrap_or_default();
                pending.releases.insert(release.release.clone(), digest);
            }
        }
        if pending.releases.is_empty() {
            return None;
        }
        if keyed {
            let waiting = self.plan.releases.iter().filter(|r| pending.releases.contains_key(&r.release));
            pending.digest = digest_of(waiting.map(|r| (r, r.hooks().chain(self.waiting(r)).collect())));
        }
        Some(pending)
    }

    /// Whether changes of any release need an approval.
    fn asks_for_approvals(&self) -> bool {
        let releases = self.desired.releases.iter().filter_map(|r| r.policies.as_ref());
        releases.chain([&self.desired.environment.policies]).any(|policies| policies.on_commit == OnCommit::Plan)
    }

    /// Takes out of the plan what waits. Drift is still corrected, to what was applied last.
    pub(super) fn hold_back(&mut self) {
        let held: BTreeMap<String, BTreeSet<_>> = self
            .plan
            .releases
            .iter()
            .filter(|r| self.waits(r))
            .map(|r| (r.release.clone(), self.waiting(r).map(|a| a.id.clone()).collect::<BTreeSet<_>>()))
            .collect();
        let pending = self.pending.as_ref();
        for release in &mut self.plan.releases {
            let Some(ids) = held.get(&release.release) else { continue };
            release.apply.retain(|a| !ids.contains(&a.id));
            // Also what is only struck off the inventory: it comes with the rest.
            release.prune.clear();
            release.without_operation();
            if pending.is_some_and(|p| p.releases.contains_key(&release.release)) {
                self.held_back.insert(release.release.clone());
            }
        }
    }
}

/// Whether an approval is one of these changes, or of changes of which these are left.
fn holds(approval: &Approval, pending: &Pending) -> bool {
    if !approval.digest.is_empty() && approval.digest == pending.digest {
        return true;
    }
    approval.begun && pending.releases.iter().all(|(name, digest)| approval.releases.get(name) == Some(digest))
}

/// What became of `evenkeel approve`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approved {
    /// It is recorded.
    Recorded(Pending),
    /// Nothing waits.
    Nothing,
    /// Something else waits than what was approved.
    Differs(Pending),
}

impl Reconciler {
    /// Records that somebody approves of what waits, when its digest begins with the one given.
    ///
    /// # Errors
    /// When Git or the cluster cannot be read, or the cluster refuses.
    pub async fn approve(&mut self, source: &Source, digest: &str) -> Result<Approved, PassError> {
        self.prepare().await?;
        let look = self.look(source).await?;
        let Some(pending) = look.pending else { return Ok(Approved::Nothing) };
        if digest.len() < SHORTEST || !pending.digest.starts_with(digest) {
            return Ok(Approved::Differs(pending));
        }
        let approval = Approval {
            digest: pending.digest.clone(),
            revision: source.revision.clone(),
            time: Timestamp::now().to_string(),
            releases: pending.releases.clone(),
            begun: false,
        };
        let stored = self.cluster.approval(&self.environment).await?;
        let version = stored.as_ref().map(|s| s.resource_version.as_str());
        record_approval(&self.cluster, &self.environment, &approval, version).await?;
        Ok(Approved::Recorded(pending))
    }

    /// Holds back what waits, unless it is approved: then the approval is noted as begun, and given back.
    pub(super) async fn heed_approval(&mut self, look: &mut Look) -> Option<Approval> {
        let Some(pending) = look.pending.clone() else {
            // A pass that was cut short, or a process that died, may have left nothing but its approval.
            if look.asks_for_approvals() && !self.approvals_settled {
                self.approvals_settled = self.settle_approval().await;
            }
            return None;
        };
        self.approvals_settled = false;
        if let Some(view) = &self.view {
            view.follow_approval(&self.cluster, &self.environment);
        }
        match self.begin_approved(&pending).await {
            Ok(Some(approval)) => return Some(approval),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the approval cannot be read or noted; changes from Git wait"),
        }
        look.hold_back();
        None
    }

    async fn begin_approved(&self, pending: &Pending) -> Result<Option<Approval>, PassError> {
        let Some(StoredApproval { mut approval, resource_version }) = self.cluster.approval(&self.environment).await?
        else {
            return Ok(None);
        };
        if !holds(&approval, pending) {
            // Git says something else by now: what was begun is over, and what says the same later is new.
            if approval.begun {
                remove_approval(&self.cluster, &self.environment, &resource_version).await?;
            }
            return Ok(None);
        }
        if !approval.begun {
            approval.begun = true;
            record_approval(&self.cluster, &self.environment, &approval, Some(&resource_version)).await?;
        }
        Ok(Some(approval))
    }

    /// Nothing waits: an approval that was begun is used up, whoever began it. One request. Whether that is known now.
    async fn settle_approval(&self) -> bool {
        let settled = async {
            if let Some(stored) = self.cluster.approval(&self.environment).await?.filter(|s| s.approval.begun) {
                remove_approval(&self.cluster, &self.environment, &stored.resource_version).await?;
            }
            Ok::<(), PassError>(())
        };
        let settled = settled.await;
        if let Err(error) = &settled {
            tracing::warn!(%error, "whether an approval was left behind cannot be told; asked again");
        }
        settled.is_ok()
    }

    /// Takes an approval away when everything that it was about is done.
    pub(super) async fn use_up(&self, approval: &Approval, outcomes: &BTreeMap<String, ReleaseOutcome>) {
        let done = |name: &String| {
            outcomes.get(name).is_none_or(|o| o.errors.is_empty() && o.waits_for.is_empty() && !o.interrupted)
        };
        if !approval.releases.keys().all(done) {
            return;
        }
        let removed = async {
            match self.cluster.approval(&self.environment).await? {
                Some(stored) if stored.approval == *approval => {
                    remove_approval(&self.cluster, &self.environment, &stored.resource_version).await?;
                }
                _ => {}
            }
            Ok::<(), PassError>(())
        };
        if let Err(error) = removed.await {
            tracing::warn!(%error, "the approval that was used cannot be taken away");
        }
    }
}

/// The fewest digits of a digest that name it.
const SHORTEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_is_one_of_what_would_be_done() {
        let releases = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        let pending = Pending { digest: "d".into(), releases: releases.clone(), changes: 2 };
        let mut approval = Approval { digest: "d".into(), releases, ..Approval::default() };
        assert!(holds(&approval, &pending));
        let rest = Pending { digest: "e".into(), releases: BTreeMap::from([("b".into(), "2".into())]), changes: 1 };
        assert!(!holds(&approval, &rest), "another digest is another plan");
        approval.begun = true;
        assert!(holds(&approval, &rest), "what is left of one that was begun");
        let newer = Pending { digest: "f".into(), releases: BTreeMap::from([("b".into(), "3".into())]), changes: 1 };
        assert!(!holds(&approval, &newer), "Git says something else by now");
        assert!(!holds(&Approval::default(), &Pending::default()), "no digest is no approval");
    }
}
