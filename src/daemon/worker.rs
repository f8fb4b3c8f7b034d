//! One environment's worker: passes one after the other, begun by a revision, by drift, by a timer or by a failure's backoff.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::drift::{Loop, LoopDetector, ObjectDrift};
use crate::notify::{Alert, AlertKind};
use crate::reconcile::{Event, PassOptions, PassReport, Reconciler, Source};
use crate::report::{EnvironmentStatus, ReleaseState};

use super::alerts::Alerts;
use super::backoff::Backoff;
use super::state::State;

/// The first wait after a failed pass.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest.
const LAST_RETRY: Duration = Duration::from_secs(5 * 60);
/// A loop is a field that changes hands so often ...
const LOOP_TURNS: usize = 4;
/// ... within this time.
const LOOP_WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// While a loop lasts, changes in the cluster begin a pass no sooner than this.
const LOOP_PAUSE: Duration = Duration::from_secs(60);
/// What our own writes are called in a loop.
const OURSELVES: &str = "evenkeel";
/// Events that come within this time of each other are one pass.
const SETTLE: Duration = Duration::from_millis(10);

/// What a worker listens to.
pub(super) struct Worker {
    pub(super) name: String,
    pub(super) state: Arc<State>,
    pub(super) alerts: Alerts,
    /// The revision in force.
    pub(super) source: watch::Receiver<Option<Source>>,
    /// Counts the changes that the watches saw in this environment.
    pub(super) live: watch::Receiver<u64>,
    pub(super) reconciler: Reconciler,
    pub(super) cancel: CancellationToken,
    /// What was told before the worker began.
    pub(super) told: Told,
}

impl Worker {
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
        let mut told = std::mem::take(&mut self.told);
        let mut loops = LoopDetector::new(LOOP_TURNS, LOOP_WINDOW);
        let mut revision = String::new();
        loop {
            let Some(source) = self.source.borrow_and_update().clone() else {
                tokio::select! {
                    () = self.cancel.cancelled() => return,
                    changed = self.source.changed() => if changed.is_err() { return },
                }
                continue;
            };
            if revision != source.revision {
                revision.clone_from(&source.revision);
                loops = LoopDetector::new(LOOP_TURNS, LOOP_WINDOW);
            }
            self.live.borrow_and_update();
            let random = rand::random_range(0.0..1.0);
            let report = self.pass(&source, backoff.coming(random)).await;
            if self.cancel.is_cancelled() {
                return;
            }
            let again = report.again;
            if report.behind {
                self.state.request_refresh();
            }
            let retry =
                report.retry.then(|| backoff.fail(random)).map(|pause| if again { Duration::ZERO } else { pause });
            if retry.is_none() {
                backoff.reset();
            }
            let interval = report.interval;
            let found = fought_over(&mut loops, &report.corrected, Timestamp::now());
            let pause = (!found.is_empty()).then_some(LOOP_PAUSE);
            self.publish(report, &found, &mut told);
            // While a loop lasts, the pause is the timer: neither drift nor a retry comes sooner.
            let timer = pause.or(match (retry, interval) {
                (Some(retry), Some(interval)) => Some(retry.min(interval)),
                (retry, interval) => retry.or(interval),
            });
            if let Some(wait) = retry {
                tracing::info!(environment = %self.name, failures = backoff.failures(), wait = ?wait, "the next attempt");
            }
            let sleep = async {
                match timer {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.cancel.cancelled() => return,
                changed = self.source.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    backoff.reset();
                }
                changed = self.live.changed(), if pause.is_none() => {
                    if changed.is_err() {
                        return;
                    }
                    backoff.reset();
                    tokio::time::sleep(SETTLE).await;
                }
                () = sleep => {}
            }
        }
    }

    /// One pass; a new input ends its wait for readiness, and nothing else of it.
    async fn pass(&mut self, source: &Source, retry_after: Duration) -> PassReport {
        let began = Instant::now();
        let stop_waiting = CancellationToken::new();
        let options = PassOptions {
            wait: true,
            apply: true,
            cancel: self.cancel.clone(),
            stop_waiting: stop_waiting.clone(),
            retry_after: Some(retry_after),
        };
        let name = self.name.clone();
        let state = Arc::clone(&self.state);
        // Shown once something takes its time: most passes are over before anybody could look.
        let found: Mutex<Option<EnvironmentStatus>> = Mutex::new(None);
        let tell = move |event: Event| match event {
            Event::Looked(status) => *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(*status),
            Event::Release { release: now } => {
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(status) = found.as_mut() else { return };
                if let Some(release) = status.releases.iter_mut().find(|r| r.name == now.name) {
                    *release = now;
                }
                status.state = EnvironmentStatus::worst(&status.releases);
                status.time = Timestamp::now().to_string();
                state.under_way(status.clone());
            }
            Event::Object { release, id, done, reason } => {
                tracing::info!(environment = %name, %release, object = %id.display(), %reason, "{done}");
            }
            Event::Waiting { pending, what } => {
                tracing::debug!(environment = %name, pending, %what, "waiting");
            }
        };
        let mut revision = self.source.clone();
        let watcher = async move {
            // Drift ends a wait, too: the reconciler sees to that.
            if revision.changed().await.is_err() {
                return std::future::pending().await;
            }
            stop_waiting.cancel();
            std::future::pending::<()>().await;
        };
        let mut report = tokio::select! {
            report = self.reconciler.pass(source, &options, &tell) => report,
            () = watcher => unreachable!("the watcher never ends"),
        };
        if report.plan.is_none() {
            report.status = self.state.unseen(report.status);
        }
        let now = Timestamp::now();
        #[expect(clippy::cast_precision_loss, reason = "a metric in seconds")]
        self.state.metrics.pass(&report.status, report.failed, began.elapsed(), now.as_second() as f64);
        for (verb, total) in self.reconciler.cluster().requests().iter() {
            self.state.metrics.requests(verb.name(), total);
        }
        report
    }

    fn publish(&self, mut report: PassReport, loops: &[Loop], told: &mut Told) {
        report.status.time = Timestamp::now().to_string();
        for alert in told.news(&report, loops) {
            self.alerts.send(alert);
        }
        self.state.set(report.status);
        if !report.corrected.is_empty() {
            self.state.corrected(&self.name, report.corrected);
        }
    }
}

/// The fields of corrected objects that somebody and evenkeel set in turn.
fn fought_over(detector: &mut LoopDetector, corrected: &[ObjectDrift], now: Timestamp) -> Vec<Loop> {
    detector.expire(now);
    let mut found = Vec::new();
    for object in corrected {
        let id = object.id();
        for field in &object.fields {
            let theirs = detector.wrote(&id, &field.path, &field.manager, now);
            found.extend(detector.wrote(&id, &field.path, OURSELVES, now).or(theirs));
        }
    }
    found
}

/// What was told already: an alert is sent when something comes up, changes, or is over, not on every pass.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// By subject: its kind, and the text that was sent.
    open: BTreeMap<String, (AlertKind, String)>,
}

impl Told {
    /// The environment as a whole was told of already.
    pub(super) fn environment(kind: AlertKind, message: &str) -> Self {
        let text = format!("{message} {}", serde_json::Value::Null);
        Self { open: BTreeMap::from([(format!("environment {}", kind.as_str()), (kind, text))]) }
    }

    fn news(&mut self, report: &PassReport, loops: &[Loop]) -> Vec<Alert> {
        let status = &report.status;
        let alert = |kind, release: &str, message: String, details| Alert {
            kind,
            environment: status.environment.clone(),
            release: release.to_owned(),
            revision: status.revision.clone(),
            time: status.time.clone(),
            message,
            details,
        };
        let mut news = Vec::new();
        if !report.corrected.is_empty() {
            let details = serde_json::to_value(&report.corrected).unwrap_or_default();
            news.push(alert(AlertKind::DriftCorrected, "", described("corrected", &report.corrected), details));
        }
        let mut current: BTreeMap<String, (AlertKind, String, String, serde_json::Value)> = BTreeMap::new();
        if !status.drift.is_empty() {
            let details = serde_json::to_value(&status.drift).unwrap_or_default();
            let message = described("drifted", &status.drift);
            current.insert("drift".to_owned(), (AlertKind::Drift, String::new(), message, details));
        }
        for release in &status.releases {
            let kind = match release.state {
                ReleaseState::Broken => AlertKind::Broken,
                ReleaseState::Failed | ReleaseState::Refused => AlertKind::Failed,
                _ => continue,
            };
            let message = format!("{} is {}: {}", release.name, release.state.as_str(), release.messages.join("\n"));
            current.insert(
                format!("release {}", release.name),
                (kind, release.name.clone(), message, serde_json::Value::Null),
            );
        }
        // Who is behind for long does not reach the repository, and that is told already.
        if !status.messages.is_empty() && !report.behind {
            let kind = match status.state {
                _ if report.refused_prune => AlertKind::PruneRefused,
                ReleaseState::Failed if report.plan.is_none() => AlertKind::Failed,
                _ => AlertKind::Broken,
            };
            current.insert(
                format!("environment {}", kind.as_str()),
                (kind, String::new(), status.messages.join("; "), serde_json::Value::Null),
            );
        }
        for l in loops {
            let message = format!(
                "loop: {} and {} set {} of {} in turn; it is put right at most once in {} s while that lasts",
                l.managers[0],
                l.managers[1],
                l.path,
                l.object.display(),
                LOOP_PAUSE.as_secs()
            );
            // One of them is always ours, in whichever place: the same loop is told once.
            let subject = format!("loop {} {}", l.object.display(), l.path);
            current.insert(subject, (AlertKind::Drift, String::new(), message, serde_json::Value::Null));
        }
        for (subject, (kind, release, message, details)) in &current {
            let text = format!("{} {details}", news_of(message));
            if self.open.get(subject).is_none_or(|(_, said)| *said != text) {
                news.push(alert(*kind, release, message.clone(), details.clone()));
                self.open.insert(subject.clone(), (*kind, text));
            }
        }
        if report.plan.is_none() {
            // Nothing could be looked at: nothing is known to be over.
            return news;
        }
        let over: Vec<String> = self.open.keys().filter(|s| !current.contains_key(*s)).cloned().collect();
        for subject in over {
            if let Some((kind, _)) = self.open.remove(&subject) {
                let release = subject.strip_prefix("release ").unwrap_or_default();
                // Drift that was corrected has said so already.
                if kind != AlertKind::Drift || report.corrected.is_empty() {
                    news.push(alert(
                        AlertKind::Resolved,
                        release,
                        format!("{subject}: {} is over", kind.as_str()),
                        serde_json::Value::Null,
                    ));
                }
            }
        }
        news
    }
}

/// What makes an alert another one: not what stands in the way of an object that is not ready (counts, names of pods), which
/// changes with every look.
fn news_of(message: &str) -> String {
    let mut below = false;
    let told = message.lines().filter(|line| {
        below = line.contains(" is not ready: ") || (below && line.starts_with("  "));
        !(below && line.starts_with("  "))
    });
    told.collect::<Vec<_>>().join("\n")
}

fn described(what: &str, objects: &[crate::drift::ObjectDrift]) -> String {
    let count = objects.len();
    let first = objects.first().map(crate::drift::ObjectDrift::summary).unwrap_or_default();
    let rest = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
    format!("{count} object{} {what}: {first}{rest}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::{FieldDrift, State as DriftState};
    use crate::fields::FieldPath;
    use crate::plan::Plan;
    use crate::report::ReleaseStatus;

    fn report(state: ReleaseState, messages: &[&str], read: bool) -> PassReport {
        let release = ReleaseStatus {
            name: "clipper".into(),
            namespace: "ns".into(),
            state: ReleaseState::Failed,
            revision: String::new(),
            objects: 3,
            drifted: 0,
            messages: vec!["no".into()],
        };
        PassReport {
            status: EnvironmentStatus {
                environment: "staging".into(),
                revision: "r".into(),
                state,
                time: String::new(),
                messages: messages.iter().map(|m| (*m).to_owned()).collect(),
                releases: if read && state == ReleaseState::Failed { vec![release] } else { Vec::new() },
                drift: Vec::new(),
            },
            corrected: Vec::new(),
            outcomes: BTreeMap::new(),
            plan: read.then(|| Plan {
                environment: "staging".into(),
                revision: "r".into(),
                digest: String::new(),
                releases: Vec::new(),
                findings: Vec::new(),
            }),
            failed: state >= ReleaseState::Refused,
            retry: false,
            again: false,
            behind: false,
            refused_prune: false,
            interval: None,
        }
    }

    #[test]
    fn an_outage_resolves_nothing() {
        let kinds = |news: Vec<Alert>| news.into_iter().map(|a| a.kind).collect::<Vec<_>>();
        let mut told = Told::default();
        assert_eq!(kinds(told.news(&report(ReleaseState::Failed, &[], true), &[])), [AlertKind::Failed]);
        assert_eq!(kinds(told.news(&report(ReleaseState::Failed, &["down"], false), &[])), [AlertKind::Failed]);
        assert_eq!(kinds(told.news(&report(ReleaseState::Broken, &["typo"], false), &[])), [AlertKind::Broken]);
        assert_eq!(kinds(told.news(&report(ReleaseState::Broken, &["typo"], false), &[])), []);
        let over = told.news(&report(ReleaseState::Synced, &[], true), &[]);
        assert_eq!(kinds(over), [AlertKind::Resolved; 3]);
    }

    #[test]
    fn a_pod_of_another_name_is_no_news() {
        let told = |pod: &str| {
            news_of(&format!("a is failed: Deployment ns/a is not ready: 0 of 1\n  Pod ns/{pod}: exited\nb"))
        };
        assert_eq!(told("a-1"), told("a-2"));
        assert_eq!(told("a-1"), "a is failed: Deployment ns/a is not ready: 0 of 1\nb");
        assert_eq!(news_of("typo\n  | x\n  ^"), "typo\n  | x\n  ^");
    }

    #[test]
    fn what_was_told_before_the_worker_is_over_once() {
        let mut told = Told::environment(AlertKind::Broken, "typo");
        assert!(told.news(&report(ReleaseState::Broken, &["typo"], false), &[]).is_empty());
        assert_eq!(told.news(&report(ReleaseState::Synced, &[], true), &[])[0].kind, AlertKind::Resolved);
    }

    #[test]
    fn a_field_that_is_corrected_again_and_again_is_a_loop() {
        let object = ObjectDrift {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: "ns".into(),
            name: "a".into(),
            release: "clipper".into(),
            state: DriftState::Modified,
            fields: vec![FieldDrift {
                path: FieldPath::of(&["spec", "replicas"]),
                desired: None,
                live: None,
                manager: "keda".into(),
                operation: None,
                subresource: String::new(),
                time: None,
                added: false,
            }],
        };
        let mut detector = LoopDetector::new(LOOP_TURNS, LOOP_WINDOW);
        let found: Vec<usize> = (0..6)
            .map(|minute| {
                let now = Timestamp::from_second(1_000_000 + minute * 60).unwrap();
                fought_over(&mut detector, std::slice::from_ref(&object), now).len()
            })
            .collect();
        assert_eq!(found, [0, 0, 1, 1, 1, 1], "also at one correction a minute");
        let mut told = Told::default();
        let found = fought_over(&mut detector, &[object], Timestamp::from_second(1_000_360).unwrap());
        let news = told.news(&report(ReleaseState::Synced, &[], true), &found);
        assert!(news[0].message.starts_with("loop: keda and evenkeel set .spec.replicas"), "{}", news[0].message);
    }
}
