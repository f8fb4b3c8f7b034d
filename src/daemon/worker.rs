//! One environment's worker: passes one after the other, begun by a revision, by drift, by a timer or by a failure's backoff.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::notify::{Alert, AlertKind};
use crate::reconcile::{Event, PassOptions, PassReport, Reconciler, Source};
use crate::report::ReleaseState;

use super::alerts::Alerts;
use super::backoff::Backoff;
use super::state::State;

/// The first wait after a failed pass.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest.
const LAST_RETRY: Duration = Duration::from_secs(5 * 60);
/// Events that come within this time of each other are one pass.
const SETTLE: Duration = Duration::from_millis(20);

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
}

impl Worker {
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
        let mut told = Told::default();
        loop {
            let Some(source) = self.source.borrow_and_update().clone() else {
                tokio::select! {
                    () = self.cancel.cancelled() => return,
                    changed = self.source.changed() => if changed.is_err() { return },
                }
                continue;
            };
            self.live.borrow_and_update();
            let report = self.pass(&source).await;
            if self.cancel.is_cancelled() {
                return;
            }
            let retry = report.retry.then(|| backoff.fail(rand::random_range(0.0..1.0)));
            if retry.is_none() {
                backoff.reset();
            }
            let interval = report.interval;
            self.publish(report, &mut told);
            let timer = match (retry, interval) {
                (Some(retry), Some(interval)) => Some(retry.min(interval)),
                (retry, interval) => retry.or(interval),
            };
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
                changed = self.live.changed() => {
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
    async fn pass(&mut self, source: &Source) -> PassReport {
        let began = Instant::now();
        let stop_waiting = CancellationToken::new();
        let options =
            PassOptions { wait: true, apply: true, cancel: self.cancel.clone(), stop_waiting: stop_waiting.clone() };
        let name = self.name.clone();
        let tell = move |event: Event| match event {
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
        let report = tokio::select! {
            report = self.reconciler.pass(source, &options, &tell) => report,
            () = watcher => unreachable!("the watcher never ends"),
        };
        let now = Timestamp::now();
        #[expect(clippy::cast_precision_loss, reason = "a metric in seconds")]
        self.state.metrics.pass(&report.status, report.failed, began.elapsed(), now.as_second() as f64);
        for (verb, total) in self.reconciler.cluster().requests().iter() {
            self.state.metrics.requests(verb.name(), total);
        }
        report
    }

    fn publish(&self, mut report: PassReport, told: &mut Told) {
        report.status.time = Timestamp::now().to_string();
        for alert in told.news(&report) {
            self.alerts.send(alert);
        }
        self.state.set(report.status);
        if !report.corrected.is_empty() {
            self.state.corrected(&self.name, report.corrected);
        }
    }
}

/// What was told already: an alert is sent when something comes up, changes, or is over, not on every pass.
#[derive(Debug, Default)]
struct Told {
    /// By subject: its kind, and the text that was sent.
    open: BTreeMap<String, (AlertKind, String)>,
}

impl Told {
    fn news(&mut self, report: &PassReport) -> Vec<Alert> {
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
            let message = format!("{} is {}: {}", release.name, release.state.as_str(), release.messages.join("; "));
            current.insert(
                format!("release {}", release.name),
                (kind, release.name.clone(), message, serde_json::Value::Null),
            );
        }
        for message in &status.messages {
            let kind = if report.refused_prune { AlertKind::PruneRefused } else { AlertKind::Broken };
            current.insert(
                format!("environment {}", kind.as_str()),
                (kind, String::new(), message.clone(), serde_json::Value::Null),
            );
        }
        for (subject, (kind, release, message, details)) in &current {
            let text = format!("{message} {details}");
            if self.open.get(subject).is_none_or(|(_, said)| *said != text) {
                news.push(alert(*kind, release, message.clone(), details.clone()));
                self.open.insert(subject.clone(), (*kind, text));
            }
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

fn described(what: &str, objects: &[crate::drift::ObjectDrift]) -> String {
    let count = objects.len();
    let first = objects.first().map(crate::drift::ObjectDrift::summary).unwrap_or_default();
    let rest = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
    format!("{count} object{} {what}: {first}{rest}", if count == 1 { "" } else { "s" })
}
