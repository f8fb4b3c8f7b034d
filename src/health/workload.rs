//! Workloads: replicas rolled out, jobs done, pods running.

use serde_json::Value;

use super::{Health, Status};

/// A Deployment is current when every replica is of the newest template and available, and none of an older one is left.
pub(super) fn deployment(status: &Status<'_>) -> Health {
    if let Some(progressing) = status.condition("Progressing")
        && progressing.reason == "ProgressDeadlineExceeded"
    {
        return Health::Failed(format!("the rollout does not progress: {}", failure(status, progressing.message)));
    }
    if status.at("/status/observedGeneration").is_none() {
        return Health::waiting("its controller has not seen it yet");
    }
    let wanted = status.replicas();
    let number = |name: &str| status.number(&format!("/status/{name}"));
    let (updated, total) = (number("updatedReplicas"), number("replicas"));
    let (available, ready) = (number("availableReplicas"), number("readyReplicas"));
    if updated < wanted {
        let paused = status.at("/spec/paused").and_then(Value::as_bool) == Some(true);
        let paused = if paused { "; the deployment is paused" } else { "" };
        return Health::waiting(failure(status, &format!("{updated} of {wanted} replicas are updated{paused}")));
    }
    if total > updated {
        return Health::waiting(format!("{} old replicas are still there", total - updated));
    }
    if available < wanted {
        let what = if ready < wanted {
            format!("{ready} of {wanted} replicas are ready")
        } else {
            format!("{available} of {wanted} replicas are available")
        };
        return Health::waiting(failure(status, &what));
    }
    match status.condition("Available") {
        Some(available) if !available.is("True") => Health::waiting(format!("not available: {}", available.says())),
        _ => Health::Current,
    }
}

/// What stands in the way of creating pods (a quota, a webhook) says more than a count.
fn failure(status: &Status<'_>, otherwise: &str) -> String {
    match status.condition("ReplicaFailure") {
        Some(failure) if failure.is("True") => format!("{otherwise}: {}", failure.says()),
        _ => otherwise.to_owned(),
    }
}

/// A StatefulSet is current when all replicas above its partition are of the newest revision and ready.
pub(super) fn stateful_set(status: &Status<'_>) -> Health {
    if status.at("/status/observedGeneration").is_none() {
        return Health::waiting("its controller has not seen it yet");
    }
    if status.text("/spec/updateStrategy/type") == "OnDelete" {
        return Health::Current;
    }
    let wanted = status.replicas();
    let number = |name: &str| status.number(&format!("/status/{name}"));
    let (ready, updated) = (number("readyReplicas"), number("updatedReplicas"));
    let partition = status.number("/spec/updateStrategy/rollingUpdate/partition").clamp(0, wanted);
    if number("replicas") > wanted {
        return Health::waiting(format!("{} replicas too many", number("replicas") - wanted));
    }
    if ready < wanted {
        return Health::waiting(format!("{ready} of {wanted} replicas are ready"));
    }
    if updated < wanted - partition {
        return Health::waiting(format!("{updated} of {} replicas are updated", wanted - partition));
    }
    let revisions = ("/status/currentRevision", "/status/updateRevision");
    if partition == 0 && status.text(revisions.0) != status.text(revisions.1) {
        return Health::waiting("the rollout is about to end");
    }
    Health::Current
}

/// A DaemonSet is current when it runs, updated and available, on every node that it should.
pub(super) fn daemon_set(status: &Status<'_>) -> Health {
    if status.at("/status/observedGeneration").is_none() {
        return Health::waiting("its controller has not seen it yet");
    }
    let number = |name: &str| status.number(&format!("/status/{name}"));
    if status.at("/status/desiredNumberScheduled").is_none() {
        return Health::waiting("its nodes are not counted yet");
    }
    let wanted = number("desiredNumberScheduled");
    if status.text("/spec/updateStrategy/type") != "OnDelete" && number("updatedNumberScheduled") < wanted {
        return Health::waiting(format!("{} of {wanted} pods are updated", number("updatedNumberScheduled")));
    }
    for (name, word) in [("numberReady", "ready"), ("numberAvailable", "available")] {
        if number(name) < wanted {
            return Health::waiting(format!("{} of {wanted} pods are {word}", number(name)));
        }
    }
    Health::Current
}

/// A ReplicaSet is current when all replicas are available.
pub(super) fn replica_set(status: &Status<'_>) -> Health {
    let wanted = status.replicas();
    let (available, total) = (status.number("/status/availableReplicas"), status.number("/status/replicas"));
    if available < wanted {
        return Health::waiting(failure(status, &format!("{available} of {wanted} replicas are available")));
    }
    if total > wanted {
        return Health::waiting(format!("{} replicas too many", total - wanted));
    }
    match status.condition("ReplicaFailure") {
        Some(failure) if failure.is("True") => Health::waiting(failure.says()),
        _ => Health::Current,
    }
}

/// A Job is current when it is complete, or suspended on purpose.
pub(super) fn job(status: &Status<'_>) -> Health {
    if let Some(failed) = status.condition("Failed")
        && failed.is("True")
    {
        return Health::Failed(format!("the job failed: {}", failed.says()));
    }
    let done = |kind| status.condition(kind).is_some_and(|c| c.is("True"));
    if done("Complete") || done("SuccessCriteriaMet") {
        return Health::Current;
    }
    if status.at("/spec/suspend").and_then(Value::as_bool) == Some(true) {
        return Health::Current;
    }
    let number = |name: &str| status.number(&format!("/status/{name}"));
    let (active, succeeded, failed) = (number("active"), number("succeeded"), number("failed"));
    Health::waiting(format!("the job runs: {active} active, {succeeded} succeeded, {failed} failed"))
}

#[cfg(test)]
mod tests {
    use super::super::{Health, health};
    use crate::manifest::Object;
    use serde_json::{Value, json};

    fn of(version: &str, kind: &str, generation: u32, spec: &Value, status: &Value) -> Health {
        let object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "a", "generation": generation},
            "spec": spec, "status": status});
        health(&Object::new(object).unwrap())
    }

    #[test]
    fn deployments() {
        let deployment = |status: Value| of("apps/v1", "Deployment", 2, &json!({"replicas": 2}), &status);
        let reason = |status: Value| deployment(status).reason().to_owned();
        assert_eq!(reason(json!({})), "its controller has not seen it yet");
        assert_eq!(reason(json!({"observedGeneration": 1})), "its controller has seen generation 1 of 2");
        assert_eq!(reason(json!({"observedGeneration": 2, "updatedReplicas": 1})), "1 of 2 replicas are updated");
        assert_eq!(
            reason(json!({"observedGeneration": 2, "updatedReplicas": 2, "replicas": 3})),
            "1 old replicas are still there"
        );
        assert_eq!(
            reason(json!({"observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "readyReplicas": 1})),
            "1 of 2 replicas are ready"
        );
        assert_eq!(
            reason(json!({"observedGeneration": 2, "replicas": 0, "conditions": [
                {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}]})),
            "0 of 2 replicas are updated: exceeded quota"
        );
        let stuck =
            deployment(json!({"observedGeneration": 2, "conditions": [{"type": "Progressing", "status": "False",
            "reason": "ProgressDeadlineExceeded", "message": "timed out"}]}));
        assert_eq!(stuck, Health::Failed("the rollout does not progress: timed out".into()));
        assert!(
            deployment(json!({"observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "readyReplicas": 2,
            "availableReplicas": 2, "conditions": [{"type": "Available", "status": "True"}]}))
            .is_current()
        );
    }

    #[test]
    fn stateful_sets_and_daemon_sets() {
        let set = |spec: Value, status: Value| of("apps/v1", "StatefulSet", 1, &spec, &status);
        let ready = json!({"observedGeneration": 1, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 1,
            "currentRevision": "a", "updateRevision": "b"});
        assert_eq!(set(json!({"replicas": 3}), ready.clone()).reason(), "1 of 3 replicas are updated");
        let partition = json!({"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}});
        assert!(set(partition, ready).is_current());

        let daemon = |status: Value| of("apps/v1", "DaemonSet", 1, &json!({}), &status);
        assert_eq!(
            daemon(json!({"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2,
            "numberReady": 1}))
            .reason(),
            "1 of 2 pods are ready"
        );
        assert!(daemon(json!({"observedGeneration": 1, "desiredNumberScheduled": 0})).is_current(), "no node wants it");
    }

    #[test]
    fn jobs_and_pods() {
        let job = |status: Value| of("batch/v1", "Job", 1, &json!({}), &status);
        assert!(job(json!({"conditions": [{"type": "Complete", "status": "True"}]})).is_current());
        assert_eq!(
            job(json!({"conditions": [{"type": "Failed", "status": "True", "message": "backoff limit"}]})),
            Health::Failed("the job failed: backoff limit".into())
        );
        let pod = |status: Value| of("v1", "Pod", 1, &json!({}), &status);
        assert_eq!(
            pod(json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]})).reason(),
            "not scheduled: 0/1 nodes"
        );
        assert_eq!(
            pod(json!({"phase": "Pending", "containerStatuses": [
            {"name": "app", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]}))
            .reason(),
            "container app: ImagePullBackOff: no such image"
        );
        assert!(pod(json!({"phase": "Succeeded"})).is_current());
    }
}
