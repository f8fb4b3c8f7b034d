//! Why a release is as it is: what a look at Git and the cluster says of it, with what its objects say of themselves now. Asks
//! more of the cluster than a pass would, as somebody asked; changes nothing, and needs no daemon.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cluster::{ClusterError, NotReady, Resource};
use crate::drift::ObjectDrift;
use crate::environment::{OnDrift, OnFailure};
use crate::health::{Health, Rules};
use crate::manifest::{LABEL_ENVIRONMENT, LABEL_RELEASE, Object, ObjectId, Standing, Verdict};
use crate::plan::{FindingKind, ReleasePlan, Verb};
use crate::report::{Awaited, ReleaseState, Why, remedies};

use super::desired::DesiredRelease;
use super::look::Look;
use super::pass::{PassError, Reconciler};
use super::source::{Source, WORKING_FOLDER};
use super::verdicts::last_good;

/// Objects that are named; the rest is counted.
const NAMED: usize = 5;

impl Reconciler {
    /// Why a release is as it is; `None` when neither Git nor the cluster knows it.
    ///
    /// # Errors
    /// When the environment's own files are wrong or the cluster cannot be asked.
    pub async fn why(&mut self, source: &Source, name: &str) -> Result<Option<Why>, PassError> {
        let mut look = self.look(source).await?;
        look.hold_back();
        let Some(status) = self.release_status(name, &look, &BTreeMap::new(), false) else { return Ok(None) };
        let release = look.desired.releases.iter().find(|r| r.name == name);
        if release.is_none()
            && self.held.as_ref().is_none_or(|h| !h.contains_key(name))
            && !look.problems.contains_key(name)
        {
            return Ok(None);
        }
        let record = self.held.as_ref().and_then(|h| h.get(name));
        let verdict = record.and_then(|r| r.inventory.verdict.clone());
        let mut why = Why {
            environment: self.environment.clone(),
            release: name.to_owned(),
            namespace: status.namespace.clone(),
            state: status.state,
            since: None,
            revision: source.revision.clone(),
            applied: status.revision.clone(),
            ready: record.map(|r| last_good(&r.inventory).to_owned()).unwrap_or_default(),
            because: status.messages.clone(),
            waits_for: Vec::new(),
            unblocked_by: Vec::new(),
        };
        let commit = (source.revision != WORKING_FOLDER).then(|| source.time.to_string());
        match status.state {
            ReleaseState::Broken => {
                why.since = commit;
                why.unblocked_by.push("a commit that puts this right; nothing of it is touched until then".to_owned());
                return Ok(Some(why));
            }
            ReleaseState::Refused => {
                why.since = commit;
                let about = |kind| look.plan.findings.iter().any(|f| f.kind == kind && f.release == name);
                if about(FindingKind::ForeignOwner) {
                    let text = "whoever has the object giving it up, or a commit that no longer asks for it";
                    why.unblocked_by.push(text.to_owned());
                }
                if about(FindingKind::Immutable) {
                    let text =
                        "a commit that undoes the change, or annotates the object with `evenkeel.dev/apply: recreate`";
                    why.unblocked_by.push(text.to_owned());
                }
                return Ok(Some(why));
            }
            _ => {}
        }
        why.since = verdict.as_ref().map(|v| v.since.clone());
        if let Some(planned) = look.plan.releases.iter().find(|r| r.release == name) {
            self.about_plan(&mut why, &look, planned, release, commit);
        }
        self.about_drift(&mut why, &look, release);
        let waits = self.about_objects(&mut why, &look, release, verdict.as_ref()).await?;
        if let Some(averted) = look.averted.get(name) {
            why.because = averted.messages();
            why.unblocked_by.insert(0, format!("a commit that changes what {name} renders"));
            why.unblocked_by.push(format!("`evenkeel apply {}/{name}`, which tries the same again", self.environment));
        } else if let (Some(verdict), true) = (&verdict, waits) {
            self.about_wait(&mut why, verdict, release);
        }
        Ok(Some(why))
    }

    /// What Git says and was not applied.
    fn about_plan(
        &self,
        why: &mut Why,
        look: &Look,
        planned: &ReleasePlan,
        release: Option<&DesiredRelease>,
        commit: Option<String>,
    ) {
        let name = &why.release;
        let environment = &self.environment;
        let open: Vec<&crate::plan::Action> = planned.actions().filter(|a| a.verb.writes()).collect();
        if look.held_back.contains(name) {
            why.since = commit;
            why.state = why.state.max(ReleaseState::Pending);
            why.because.push("Git asks for changes, and `onCommit: plan` has them wait".to_owned());
            if let Some(pending) = &look.pending {
                why.unblocked_by
                    .push(format!("`{}`, after a look at `evenkeel diff {environment}`", pending.command(environment)));
            }
        } else if !open.is_empty() && why.state == ReleaseState::Pending {
            why.since = commit;
            let named: Vec<String> =
                open.iter().take(NAMED).map(|a| format!("{} {}", a.verb, a.id.display())).collect();
            let rest = open.len().saturating_sub(NAMED);
            let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            why.because.push(format!("not applied yet: {}{rest}", named.join(", ")));
            let before = release.map(|r| self.not_ready_before(look, r)).unwrap_or_default();
            if before.is_empty() {
                let text = format!("the daemon's next pass, or `evenkeel apply {environment}/{name}`");
                why.unblocked_by.push(text);
            }
            why.unblocked_by.extend(before.iter().map(|a| {
                format!("{}: `evenkeel why {environment}/{}`", a.what, a.what.trim_start_matches("release "))
            }));
            why.waits_for.extend(before);
        }
        let kept = look.plan.findings.iter().filter(|f| f.release == *name || f.release.is_empty());
        for finding in kept {
            match finding.kind {
                FindingKind::MassPrune => {
                    if !why.because.contains(&finding.message) {
                        why.because.push(finding.message.clone());
                    }
                    why.unblocked_by.push(
                        "a larger `prune.maxDeletions` in environment.yaml, if the deletions are meant".to_owned(),
                    );
                }
                FindingKind::EmptyRender => {
                    why.unblocked_by.push(
                        "a release that renders something; or take it out of Git, if all of it is to go".to_owned(),
                    );
                }
                _ => {}
            }
        }
    }

    /// The releases that go before one and are not ready.
    fn not_ready_before(&self, look: &Look, release: &DesiredRelease) -> Vec<Awaited> {
        let before = look
            .desired
            .releases
            .iter()
            .filter(|other| release.depends_on.contains(&other.name) || other.group < release.group);
        let open = before.filter_map(|other| {
            let verdict = self.held.as_ref().and_then(|h| h.get(&other.name)?.inventory.verdict.as_ref());
            let needed = release.depends_on.contains(&other.name);
            let (says, since) = if look.problems.contains_key(&other.name) {
                ("it is broken".to_owned(), None)
            } else {
                match verdict {
                    Some(v) if v.standing == Standing::Waiting => {
                        ("it is not ready yet".to_owned(), Some(v.since.clone()))
                    }
                    Some(v) if v.standing == Standing::Failed && needed => {
                        ("it failed".to_owned(), Some(v.since.clone()))
                    }
                    None if look
                        .plan
                        .releases
                        .iter()
                        .any(|r| r.release == other.name && r.actions().any(|a| a.verb == Verb::Create)) =>
                    {
                        ("it was never applied".to_owned(), None)
                    }
                    _ => return None,
                }
            };
            Some(Awaited { what: format!("release {}", other.name), says, since, troubles: Vec::new() })
        });
        open.collect()
    }

    /// What others changed.
    fn about_drift(&self, why: &mut Why, look: &Look, release: Option<&DesiredRelease>) {
        let drift: Vec<&ObjectDrift> = look.drift.iter().filter(|d| d.release == why.release).collect();
        if drift.is_empty() {
            return;
        }
        why.because.extend(drift.iter().take(NAMED).map(|d| d.summary()));
        if drift.len() > NAMED {
            why.because.push(format!(
                "and {} objects more: `evenkeel drift {}/{}`",
                drift.len() - NAMED,
                why.environment,
                why.release
            ));
        }
        if why.state == ReleaseState::Drifted {
            let times = drift.iter().flat_map(|d| &d.fields).filter_map(|f| f.time);
            why.since = times.min().map(|t| t.to_string());
        }
        let policy = release
            .and_then(|r| r.policies.as_ref())
            .map_or(look.desired.environment.policies.on_drift, |p| p.on_drift);
        why.unblocked_by.push(match policy {
            OnDrift::Correct => "the daemon's next pass, which puts it right".to_owned(),
            OnDrift::Alert => format!(
                "whoever changed it, or `evenkeel apply {}/{}` with `onDrift: correct`",
                why.environment, why.release
            ),
            OnDrift::Ignore => "nobody: `onDrift: ignore` leaves it alone".to_owned(),
        });
    }

    /// What its objects say of themselves now; whether any is not ready.
    async fn about_objects(
        &self,
        why: &mut Why,
        look: &Look,
        release: Option<&DesiredRelease>,
        verdict: Option<&Verdict>,
    ) -> Result<bool, PassError> {
        let rules = release.map(|r| r.health.clone()).unwrap_or_default();
        let not_ready = self.not_ready(&why.release, &rules).await?;
        if not_ready.is_empty() {
            return Ok(false);
        }
        let redactor = look.redactor(&why.release);
        let objects: Vec<NotReady> = not_ready.iter().map(|(n, _)| n.clone()).collect();
        let troubles = self.cluster.troubles(&objects).await;
        let mut said = Vec::new();
        for (object, since) in not_ready {
            let own = troubles.get(&object.id);
            let told: Vec<String> = own
                .into_iter()
                .flatten()
                .map(|t| if t.about == object.id { t.what.clone() } else { t.display() })
                .map(|t| redactor.redact(&t))
                .collect();
            let says = redactor.redact(object.health.reason());
            said.extend(told.iter().cloned().chain([says.clone()]));
            why.waits_for.push(Awaited { what: object.id.display(), says, since, troubles: told });
        }
        if why.state == ReleaseState::Synced {
            why.state = ReleaseState::Progressing;
            let ready = verdict.filter(|v| v.standing == Standing::Ready).map(|v| v.since.clone());
            why.because.push(match ready {
                Some(time) => format!("it was ready at {time}, and is not now"),
                None => "it is as Git says, and not ready".to_owned(),
            });
            let since = why.waits_for.iter().filter_map(|w| w.since.clone()).max();
            why.since = since.or_else(|| why.since.take());
        } else {
            // What was said when it failed stands below as it is now.
            why.because.retain(|b| !b.contains(" is not ready: "));
        }
        why.unblocked_by.extend(remedies(said.iter().map(String::as_str)));
        Ok(true)
    }

    /// How long it is waited for, and what comes then.
    fn about_wait(&self, why: &mut Why, verdict: &Verdict, release: Option<&DesiredRelease>) {
        let timeout =
            release.and_then(|r| r.policies.as_ref()).map(|p| humantime::format_duration(p.timeout).to_string());
        let timeout = timeout.unwrap_or_else(|| "5m".to_owned());
        match verdict.standing {
            Standing::Waiting => why
                .because
                .push(format!("it was applied at {}; it fails when nothing comes nearer for {timeout}", verdict.since)),
            Standing::Failed => {
                why.because.push(format!("nothing came nearer for {timeout}, or an object says that it failed"));
                if release.is_some_and(|r| r.on_failure == OnFailure::Retry) {
                    why.because.push("it is tried again with growing pauses".to_owned());
                }
            }
            Standing::Ready => {}
        }
    }

    /// The objects of a release that are not ready, with their versions and since when. One list for each kind and namespace.
    async fn not_ready(&self, name: &str, rules: &Rules) -> Result<Vec<(NotReady, Option<String>)>, ClusterError> {
        let mut groups: BTreeMap<(Resource, String), BTreeMap<String, (ObjectId, String)>> = BTreeMap::new();
        let held = self.held.as_ref().and_then(|h| h.get(name));
        for (id, applied) in held.into_iter().flat_map(|r| &r.inventory.objects).filter(|(id, _)| rules.waits_for(id)) {
            let Ok(resource) = self.cluster.resource_of(id, &applied.version).await else { continue };
            let group = groups.entry((resource, id.namespace.clone())).or_default();
            group.insert(id.name.clone(), (id.clone(), applied.version.clone()));
        }
        let selector = format!("{LABEL_ENVIRONMENT}={},{LABEL_RELEASE}={name}", self.environment);
        let mut found = Vec::new();
        for ((resource, namespace), mut names) in groups {
            for object in self.cluster.list(&resource, &namespace, &selector).await? {
                let Some((id, version)) = names.remove(object.name()) else { continue };
                let health = rules.health(&object);
                if !health.is_current() {
                    found.push((NotReady { id, version, health }, changed_last(&object)));
                }
            }
            let gone = Health::InProgress("it does not exist".to_owned());
            found.extend(
                names.into_values().map(|(id, version)| (NotReady { id, version, health: gone.clone() }, None)),
            );
        }
        Ok(found)
    }
}

/// When an object's condition that is not as it should be came about: the latest change of one that is false, else of any.
fn changed_last(object: &Object) -> Option<String> {
    let conditions = object.value().pointer("/status/conditions").and_then(Value::as_array)?;
    let time = |c: &Value| c.get("lastTransitionTime").and_then(Value::as_str).map(str::to_owned);
    let bad = conditions.iter().filter(|c| c.get("status").and_then(Value::as_str) != Some("True"));
    bad.filter_map(time).max().or_else(|| conditions.iter().filter_map(time).max())
}
