//! What a pass amounts to for those who follow it: the state of each release, what is left of drift, and whether to come again.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::Action as Done;
use crate::drift::{ObjectDrift, State};
use crate::environment::{OnDrift, OnFailure};
use crate::manifest::{ObjectId, Standing};
use crate::plan::{Action, FindingKind, Verb};
use crate::report::{EnvironmentStatus, ReleaseState, ReleaseStatus};

use super::desired::DesiredRelease;
use super::look::Look;
use super::outcome::ReleaseOutcome;
use super::pass::{PassError, PassOptions, PassReport, Reconciler};
use super::source::Source;
impl Reconciler {
    pub(super) fn unreadable(&self, source: &Source, error: &PassError) -> PassReport {
        let broken = !error.retryable();
        let behind = matches!(error, PassError::Behind { .. });
        PassReport {
            status: EnvironmentStatus {
                environment: self.environment.clone(),
                revision: source.revision.clone(),
                state: match () {
                    () if broken => ReleaseState::Broken,
                    () if behind => ReleaseState::Progressing,
                    () => ReleaseState::Failed,
                },
                time: String::new(),
                messages: vec![error.to_string()],
                releases: Vec::new(),
                drift: Vec::new(),
            },
            corrected: Vec::new(),
            outcomes: BTreeMap::new(),
            plan: None,
            failed: !behind,
            retry: error.retryable(),
            again: false,
            behind,
            refused_prune: false,
            interval: None,
        }
    }

    /// What a look and its execution amount to.
    #[must_use]
    pub fn report(
        &self,
        source: &Source,
        look: Look,
        outcomes: BTreeMap<String, ReleaseOutcome>,
        options: &PassOptions,
    ) -> PassReport {
        let executed = options.apply && !outcomes.is_empty();
        let interval = look.interval().into_iter().chain(self.lookups_due()).min();
        let releases = self.release_statuses(&look, &outcomes, executed);
        let corrected_ids: BTreeSet<&ObjectId> = outcomes
            .values()
            .flat_map(|o| &o.done)
            .filter(|(_, done)| matches!(done, Done::Created | Done::Configured))
            .map(|(id, _)| id)
            .collect();
        let (mut corrected, mut left): (Vec<ObjectDrift>, Vec<ObjectDrift>) =
            look.drift.into_iter().partition(|d| corrected_ids.contains(&d.id()));
        // What others added stays.
        left.extend(corrected.iter_mut().filter_map(ObjectDrift::split_added));
        corrected.retain(|d| !d.fields.is_empty() || d.state != State::Modified);
        let policy = |release: &str| {
            let found = look.desired.releases.iter().find(|r| r.name == release).and_then(|r| r.policies.as_ref());
            found.unwrap_or(&look.desired.environment.policies).on_drift
        };
        let own = |d: &ObjectDrift| {
            let id = d.id();
            look.objects.get(&d.release).into_iter().flatten().find(|o| o.id == id).and_then(|o| o.on_drift)
        };
        let told = |d: &ObjectDrift| own(d).unwrap_or_else(|| policy(&d.release)) != OnDrift::Ignore;
        let drift: Vec<ObjectDrift> = left.into_iter().filter(told).collect();
        let refuses = |kind| matches!(kind, FindingKind::MassPrune | FindingKind::EmptyRender);
        let refused_prune = look.plan.findings.iter().any(|f| refuses(f.kind));
        let of_all = look.plan.findings.iter().filter(|f| f.release.is_empty() || refuses(f.kind));
        let place = |release: &str| if release.is_empty() { String::new() } else { format!("{release}: ") };
        let messages = of_all.map(|f| format!("{}{}", place(&f.release), f.message)).collect();
        let failed = releases.iter().any(|r| r.state >= ReleaseState::Refused);
        // Also what does not look retryable: a quota is raised, a CRD comes, a webhook lets it pass. The backoff has a cap. What is
        // to be left alone, and who waits for that, waits for another input.
        let left_alone = |name: &str| look.averted.contains_key(name) || outcomes.get(name).is_some_and(|o| o.given_up);
        let waits_in_vain = |o: &ReleaseOutcome| !o.waits_for.is_empty() && o.waits_for.iter().all(|n| left_alone(n));
        let retry = releases.iter().any(|r| r.state >= ReleaseState::Refused && !left_alone(&r.name))
            || outcomes.iter().any(|(name, o)| {
                let open = o.retryable || !o.waits_for.is_empty() || o.interrupted;
                open && !left_alone(name) && !waits_in_vain(o)
            });
        let judged = |r: &DesiredRelease| {
            let verdict = self.held.as_ref().and_then(|h| h.get(&r.name)?.inventory.verdict.as_ref());
            verdict.is_some_and(|v| v.standing == Standing::Failed && look.digests.get(&r.name) == Some(&v.digest))
        };
        // What failed just now is taken back at once.
        let goes_back = |r: &&DesiredRelease| {
            r.on_failure == OnFailure::Rollback && !look.averted.contains_key(&r.name) && judged(r)
        };
        let again =
            executed && (self.cut || (self.heeds_failures && look.desired.releases.iter().any(|r| goes_back(&r))));
        PassReport {
            status: EnvironmentStatus {
                environment: self.environment.clone(),
                revision: source.revision.clone(),
                state: EnvironmentStatus::worst(&releases),
                time: String::new(),
                messages,
                releases,
                drift,
            },
            corrected,
            outcomes,
            failed,
            retry: retry || again,
            again,
            behind: false,
            refused_prune,
            interval,
            plan: Some(look.plan),
        }
    }

    /// The environment as a look finds it.
    pub(super) fn found(&self, source: &Source, look: &Look) -> EnvironmentStatus {
        let releases = self.release_statuses(look, &BTreeMap::new(), false);
        EnvironmentStatus {
            environment: self.environment.clone(),
            revision: source.revision.clone(),
            state: EnvironmentStatus::worst(&releases),
            time: String::new(),
            messages: Vec::new(),
            releases,
            drift: look.drift.clone(),
        }
    }

    fn release_statuses(
        &self,
        look: &Look,
        outcomes: &BTreeMap<String, ReleaseOutcome>,
        executed: bool,
    ) -> Vec<ReleaseStatus> {
        let mut names: BTreeSet<&str> = look.desired.releases.iter().map(|r| r.name.as_str()).collect();
        names.extend(look.inventories.keys().map(String::as_str));
        names.extend(self.damaged.keys().map(String::as_str));
        names.into_iter().filter_map(|name| self.release_status(name, look, outcomes, executed)).collect()
    }

    pub(super) fn release_status(
        &self,
        name: &str,
        look: &Look,
        outcomes: &BTreeMap<String, ReleaseOutcome>,
        executed: bool,
    ) -> Option<ReleaseStatus> {
        let release = look.desired.releases.iter().find(|r| r.name == name);
        let planned = look.plan.releases.iter().find(|r| r.release == name);
        let held = self.held.as_ref().and_then(|h| h.get(name));
        let drifted = look.drift.iter().filter(|d| d.release == name).count();
        let added = |id: &ObjectId| look.drift.iter().any(|d| d.id() == *id && d.fields.iter().any(|f| f.added));
        let stays = |a: &&Action| a.verb == Verb::Alert || added(&a.id);
        let still_drifted = planned.map_or(0, |p| p.apply.iter().filter(stays).count());
        let mut messages: Vec<String> =
            look.plan.findings.iter().filter(|f| f.release == name).map(|f| f.message.clone()).collect();
        messages.extend(look.notes.get(name).cloned());
        let state = if let Some(problems) = look.problems.get(name) {
            messages.extend(problems.iter().cloned());
            ReleaseState::Broken
        } else if planned.is_some_and(crate::plan::ReleasePlan::refused) {
            ReleaseState::Refused
        } else if let Some(averted) = look.averted.get(name) {
            messages.extend(averted.messages());
            let outcome = outcomes.get(name);
            // Of one that is left as it is, the errors are those that were told.
            let new = outcome.filter(|_| averted.back_to.is_some());
            messages.extend(new.into_iter().flat_map(|o| o.errors.iter().chain(&o.not_ready)).cloned());
            let recovered = averted.back_to.is_none()
                && outcome.is_some_and(|o| o.errors.is_empty() && o.not_ready.is_empty() && !o.interrupted)
                && !self.unready.contains_key(name);
            if recovered {
                messages.clear();
                ReleaseState::Synced
            } else {
                ReleaseState::Failed
            }
        } else if let Some(outcome) = outcomes.get(name) {
            messages.extend(outcome.errors.iter().cloned());
            messages.extend(outcome.not_ready.iter().cloned());
            if !outcome.waits_for.is_empty() {
                messages.push(format!("waits for {}", outcome.waits_for.join(", ")));
            }
            if !outcome.errors.is_empty() || !outcome.not_ready.is_empty() {
                ReleaseState::Failed
            } else if !outcome.waits_for.is_empty() || outcome.interrupted || self.unready.contains_key(name) {
                ReleaseState::Progressing
            } else if still_drifted > 0 {
                ReleaseState::Drifted
            } else if look.held_back.contains(name) || look.notes.contains_key(name) {
                ReleaseState::Pending
            } else {
                ReleaseState::Synced
            }
        } else if planned.is_some_and(|p| p.actions().any(|a| a.verb.writes())) && (executed || drifted == 0) {
            // A stage before it is not ready, or nobody was to apply it.
            if executed { ReleaseState::Progressing } else { ReleaseState::Pending }
        } else if drifted > 0 {
            ReleaseState::Drifted
        } else if look.notes.contains_key(name) {
            ReleaseState::Pending
        } else {
            // Nobody carried anything out: what became of the last change is known all the same.
            match held.and_then(|h| h.inventory.verdict.as_ref()) {
                Some(v) if v.standing == Standing::Waiting && !executed => {
                    messages.push(format!("it was not seen ready since {}", v.since));
                    ReleaseState::Progressing
                }
                Some(v) if v.standing == Standing::Failed && !executed => {
                    messages.extend(v.why.iter().cloned());
                    ReleaseState::Failed
                }
                _ => ReleaseState::Synced,
            }
        };
        let (restless, lookups) = self.told_of_lookups(name);
        messages.extend(lookups);
        let state = if restless { state.max(ReleaseState::Failed) } else { state };
        if let (ReleaseState::Pending, Some(pending)) = (state, &look.pending)
            && pending.releases.contains_key(name)
        {
            messages.push(format!("waits for an approval: `{}`", pending.command(&self.environment)));
        }
        if release.is_none() {
            // It left Git: shown as long as something of it is there.
            let kept = held.map_or(0, |h| h.inventory.objects.len());
            let failed = outcomes.get(name).is_some_and(|o| !o.errors.is_empty());
            if kept == 0 && !failed && !look.problems.contains_key(name) {
                return None;
            }
            messages.insert(0, format!("left Git; {kept} objects stay"));
        }
        Some(ReleaseStatus {
            name: name.to_owned(),
            namespace: release
                .map(|r| r.namespace.clone())
                .or_else(|| held.map(|h| h.inventory.namespace.clone()))
                .unwrap_or_default(),
            state,
            revision: held.map(|h| h.inventory.revision.clone()).unwrap_or_default(),
            objects: held.map_or(0, |h| h.inventory.objects.len()),
            drifted: if executed { still_drifted } else { drifted },
            messages,
        })
    }
}
