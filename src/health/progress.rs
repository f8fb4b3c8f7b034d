//! Whether an object that is waited for comes nearer. What counts is what was not there before in the same wait: a counter
//! beyond its highest value so far, a condition or phase of a state and reason not seen yet, fewer old replicas than ever, a
//! container that starts or ends well for the first time. A container that crashes and comes up in turn is no progress, and no wait is fed for ever.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Health;
use crate::manifest::Object;

/// Fields of `status` that grow as an object comes nearer.
const COUNTERS: &[&str] = &[
    "observedGeneration",
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "currentReplicas",
    "fullyLabeledReplicas",
    "currentNumberScheduled",
    "updatedNumberScheduled",
    "numberReady",
    "numberAvailable",
    "ready",
    "succeeded",
];
/// States that are remembered of one object (limit: what comes later is no progress).
const STATES: usize = 100;

/// What was seen of one object in one wait.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    begun: bool,
    counters: BTreeMap<&'static str, i64>,
    fewest_old: Option<i64>,
    states: BTreeSet<String>,
}

impl Progress {
    /// Notes how an object is; whether it has come nearer since it was seen first.
    pub fn observe(&mut self, object: &Object, health: &Health) -> bool {
        let status = object.value().get("status").unwrap_or(&Value::Null);
        let mut nearer = false;
        for name in COUNTERS {
            if let Some(count) = status.get(name).and_then(Value::as_i64) {
                let highest = self.counters.entry(name).or_insert(0);
                nearer |= count > *highest;
                *highest = count.max(*highest);
            }
        }
        let count = |name: &str| status.get(name).and_then(Value::as_i64);
        if let (Some(all), Some(updated)) = (count("replicas"), count("updatedReplicas")) {
            let old = all - updated;
            nearer |= self.fewest_old.is_some_and(|fewest| old < fewest);
            self.fewest_old = Some(self.fewest_old.map_or(old, |fewest| fewest.min(old)));
        }
        for condition in status.get("conditions").and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default();
            nearer |= self.is_new(format!("{} {} {}", text("type"), text("status"), text("reason")));
        }
        if let Some(phase) = status.get("phase").and_then(Value::as_str) {
            nearer |= self.is_new(format!("phase {phase}"));
        }
        for list in ["initContainerStatuses", "containerStatuses"] {
            for container in status.get(list).and_then(Value::as_array).into_iter().flatten() {
                let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
                let runs = container.pointer("/state/running").is_some();
                let code = container.pointer("/state/terminated/exitCode").and_then(Value::as_i64);
                nearer |= runs && self.is_new(format!("container {name} runs"));
                nearer |= code == Some(0) && self.is_new(format!("container {name} is done"));
            }
        }
        if health.is_current() {
            nearer |= self.is_new("current".to_owned());
        }
        std::mem::replace(&mut self.begun, true) && nearer
    }

    fn is_new(&mut self, state: String) -> bool {
        self.states.len() < STATES && self.states.insert(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn observe(progress: &mut Progress, status: Value) -> bool {
        let object = Object::new(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "status": status}),
        )
        .unwrap();
        let health = super::super::health(&object);
        progress.observe(&object, &health)
    }

    #[test]
    fn what_was_not_there_before_is_progress() {
        let mut progress = Progress::default();
        assert!(
            !observe(&mut progress, json!({"replicas": 3, "updatedReplicas": 1})),
            "the first look is where it begins"
        );
        assert!(observe(&mut progress, json!({"replicas": 4, "updatedReplicas": 2})));
        assert!(!observe(&mut progress, json!({"replicas": 4, "updatedReplicas": 2})));
        assert!(observe(&mut progress, json!({"replicas": 3, "updatedReplicas": 2})), "an old one less");
        let available = |status: &str| json!({"conditions": [{"type": "Available", "status": status, "reason": "r"}]});
        assert!(observe(&mut progress, available("False")));
        assert!(observe(&mut progress, available("True")));
    }

    #[test]
    fn a_container_starts_and_ends_well_once() {
        let mut progress = Progress::default();
        let pod = |first: Value, second: Value| json!({"initContainerStatuses": [{"name": "a", "state": first}, {"name": "b", "state": second}]});
        let (waits, runs) = (json!({"waiting": {}}), json!({"running": {"startedAt": "t"}}));
        let (done, failed) = (json!({"terminated": {"exitCode": 0}}), json!({"terminated": {"exitCode": 1}}));
        observe(&mut progress, pod(waits.clone(), waits.clone()));
        assert!(observe(&mut progress, pod(runs.clone(), waits.clone())));
        assert!(!observe(&mut progress, pod(failed, waits.clone())));
        assert!(!observe(&mut progress, pod(runs.clone(), waits.clone())), "it starts again");
        assert!(observe(&mut progress, pod(done.clone(), waits)));
        assert!(observe(&mut progress, pod(done.clone(), runs)), "the next one starts");
        assert!(observe(&mut progress, pod(done.clone(), done)));
    }

    #[test]
    fn to_and_fro_is_none() {
        let mut progress = Progress::default();
        let up = json!({"readyReplicas": 1, "conditions": [{"type": "Available", "status": "True"}]});
        let down = json!({"readyReplicas": 0, "conditions": [{"type": "Available", "status": "False"}]});
        observe(&mut progress, down.clone());
        assert!(observe(&mut progress, up.clone()));
        for _ in 0..3 {
            assert!(!observe(&mut progress, down.clone()));
            assert!(!observe(&mut progress, up.clone()));
        }
    }

    #[test]
    fn nobody_feeds_a_wait_for_ever() {
        let mut progress = Progress::default();
        let told = (0..1000)
            .filter(|n| {
                observe(
                    &mut progress,
                    json!({"conditions": [{"type": "A", "status": "True", "reason": n.to_string()}]}),
                )
            })
            .count();
        assert!(told < 101, "{told}");
    }
}
