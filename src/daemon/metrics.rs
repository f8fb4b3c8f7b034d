//! What the daemon counts, in Prometheus' text format.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::report::{EnvironmentStatus, ReleaseState};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EnvironmentLabel {
    environment: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReleaseLabel {
    environment: String,
    release: String,
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PassLabel {
    environment: String,
    result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerbLabel {
    verb: String,
}

/// The daemon's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    states: Family<ReleaseLabel, Gauge>,
    drifted: Family<EnvironmentLabel, Gauge>,
    owned: Family<EnvironmentLabel, Gauge>,
    passes: Family<PassLabel, Counter>,
    seconds: Family<EnvironmentLabel, Histogram>,
    corrected: Family<EnvironmentLabel, Counter>,
    alerts: Family<KindLabel, Counter>,
    undelivered: Counter,
    requests: Family<VerbLabel, Gauge>,
    fetch_failures: Gauge,
    last_pass: Family<EnvironmentLabel, Gauge<f64, AtomicU64>>,
}

fn histogram() -> Histogram {
    // 5 ms to about 5 minutes.
    Histogram::new(exponential_buckets(0.005, 3.0, 11))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("evenkeel");
        let metrics = (
            Family::default(),
            Family::default(),
            Family::default(),
            Family::default(),
            Family::new_with_constructor(histogram as fn() -> Histogram),
            Family::default(),
            Family::default(),
            Counter::default(),
            Family::default(),
            Gauge::default(),
            Family::default(),
        );
        let (
            states,
            drifted,
            owned,
            passes,
            seconds,
            corrected,
            alerts,
            undelivered,
            requests,
            fetch_failures,
            last_pass,
        ) = metrics;
        registry.register("release_state", "1 for the state that a release is in", Family::clone(&states));
        registry.register("drifted_objects", "Objects that others changed", Family::clone(&drifted));
        registry.register("owned_objects", "Objects that the environment owns", Family::clone(&owned));
        registry.register("reconcile", "Passes over an environment by result", Family::clone(&passes));
        registry.register("reconcile_duration_seconds", "How long a pass took", Family::clone(&seconds));
        registry.register("drift_corrected", "Objects whose drift was put right", Family::clone(&corrected));
        registry.register("alerts", "Alerts by kind", Family::clone(&alerts));
        registry.register("alerts_undelivered", "Alerts that the webhook never took", Counter::clone(&undelivered));
        registry.register("api_requests", "Requests to the API server since the start", Family::clone(&requests));
        registry.register("git_fetch_failures", "Failed fetches in a row", Gauge::clone(&fetch_failures));
        registry.register("last_pass_timestamp_seconds", "When the last pass ended", Family::clone(&last_pass));
        Self {
            registry,
            states,
            drifted,
            owned,
            passes,
            seconds,
            corrected,
            alerts,
            undelivered,
            requests,
            fetch_failures,
            last_pass,
        }
    }
}

impl Metrics {
    /// Notes a pass.
    pub fn pass(&self, status: &EnvironmentStatus, failed: bool, took: Duration, now: f64) {
        let environment = || EnvironmentLabel { environment: status.environment.clone() };
        let result = if failed { "failed" } else { "ok" };
        self.passes
            .get_or_create(&PassLabel { environment: status.environment.clone(), result: result.to_owned() })
            .inc();
        self.seconds.get_or_create(&environment()).observe(took.as_secs_f64());
        self.drifted.get_or_create(&environment()).set(status.drift.len().try_into().unwrap_or(i64::MAX));
        let owned: usize = status.releases.iter().map(|r| r.objects).sum();
        self.owned.get_or_create(&environment()).set(owned.try_into().unwrap_or(i64::MAX));
        self.last_pass.get_or_create(&environment()).set(now);
        for release in &status.releases {
            self.release(&status.environment, &release.name, release.state);
        }
    }

    /// Notes the state of a release.
    pub fn release(&self, environment: &str, release: &str, now: ReleaseState) {
        for state in ReleaseState::ALL {
            let label = ReleaseLabel {
                environment: environment.to_owned(),
                release: release.to_owned(),
                state: state.as_str().to_owned(),
            };
            self.states.get_or_create(&label).set(i64::from(state == now));
        }
    }

    /// Forgets a release that is no more.
    pub fn forget(&self, environment: &str, release: &str) {
        for state in ReleaseState::ALL {
            self.states.remove(&ReleaseLabel {
                environment: environment.to_owned(),
                release: release.to_owned(),
                state: state.as_str().to_owned(),
            });
        }
    }

    /// Notes corrected objects.
    pub fn corrected(&self, environment: &str, objects: usize) {
        let label = EnvironmentLabel { environment: environment.to_owned() };
        self.corrected.get_or_create(&label).inc_by(objects as u64);
    }

    /// Notes an alert.
    pub fn alert(&self, kind: &str) {
        self.alerts.get_or_create(&KindLabel { kind: kind.to_owned() }).inc();
    }

    /// Notes an alert that could not be delivered.
    pub fn undelivered(&self) {
        self.undelivered.inc();
    }

    /// Sets the number of requests made so far.
    pub fn requests(&self, verb: &str, total: u64) {
        let label = VerbLabel { verb: verb.to_owned() };
        self.requests.get_or_create(&label).set(total.try_into().unwrap_or(i64::MAX));
    }

    /// Sets the failed fetches in a row.
    pub fn fetch_failures(&self, failures: u32) {
        self.fetch_failures.set(i64::from(failures));
    }

    /// The text that is scraped.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ReleaseStatus;

    #[test]
    fn a_release_is_in_one_state() {
        let metrics = Metrics::default();
        let mut status = EnvironmentStatus {
            environment: "staging".into(),
            revision: "r".into(),
            state: ReleaseState::Broken,
            time: String::new(),
            messages: Vec::new(),
            releases: vec![ReleaseStatus {
                name: "clipper".into(),
                namespace: "n".into(),
                state: ReleaseState::Broken,
                revision: String::new(),
                objects: 3,
                drifted: 0,
                messages: Vec::new(),
            }],
            drift: Vec::new(),
        };
        metrics.pass(&status, true, Duration::from_millis(7), 1.0);
        status.releases[0].state = ReleaseState::Synced;
        metrics.pass(&status, false, Duration::from_millis(7), 2.0);
        let text = metrics.text();
        let line = |l: &str| assert!(text.lines().any(|x| x == l), "{l} in\n{text}");
        line(r#"evenkeel_release_state{environment="staging",release="clipper",state="synced"} 1"#);
        line(r#"evenkeel_release_state{environment="staging",release="clipper",state="broken"} 0"#);
        line(r#"evenkeel_owned_objects{environment="staging"} 3"#);
        line(r#"evenkeel_reconcile_total{environment="staging",result="failed"} 1"#);
        assert!(text.ends_with("# EOF\n"));
        metrics.forget("staging", "clipper");
        assert!(!metrics.text().contains("state=\"synced\""));
    }
}
