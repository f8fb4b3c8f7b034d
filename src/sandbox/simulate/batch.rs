//! Jobs: pods until enough have succeeded, or too many have failed.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::replicas::pod;
use super::world::{CONTROLLER, World, condition, count, deleting, ready};
use crate::sandbox::store::{Key, is_true};

fn size(value: &Value, other: usize) -> usize {
    value.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(other)
}

fn finished(job: &Value) -> bool {
    is_true(job, "Complete") || is_true(job, "Failed")
}

/// When a Job that has ended is to be deleted.
pub(super) fn expires(job: &Value) -> Option<Timestamp> {
    let ttl = job["spec"]["ttlSecondsAfterFinished"].as_i64()?;
    let ended = job["status"]["conditions"]
        .as_array()?
        .iter()
        .find(|c| (c["type"] == "Complete" || c["type"] == "Failed") && c["status"] == "True")?;
    let ended: Timestamp = ended["lastTransitionTime"].as_str()?.parse().ok()?;
    ended.checked_add(SignedDuration::from_secs(ttl)).ok()
}

/// Looks at a Job that changed, or whose pods did.
pub(super) fn reconcile(world: &mut World<'_>, key: &Key, job: &Value) {
    if finished(job) {
        return;
    }
    let spec = &job["spec"];
    let now = world.time();
    let pods = world.controlled(job, "pods");
    let of_phase = |phase: &str| pods.iter().filter(|(_, p)| p["status"]["phase"] == phase).count();
    let (succeeded, failed) = (of_phase("Succeeded"), of_phase("Failed"));
    let mut active: Vec<_> = pods
        .iter()
        .filter(|(_, p)| !deleting(p) && p["status"]["phase"] != "Succeeded" && p["status"]["phase"] != "Failed")
        .collect();
    if spec["suspend"] == true {
        for (pod, _) in &active {
            world.delete(pod);
        }
        world.status(key, CONTROLLER, |status| {
            condition(status, "Suspended", "True", "JobSuspended", "Job suspended", &now);
        });
        return;
    }
    let parallelism = size(&spec["parallelism"], 1);
    let completions = size(&spec["completions"], 1);
    let backoff = size(&spec["backoffLimit"], 6);
    let done = succeeded >= completions;
    let over = failed > backoff;
    let mut started = 0;
    if done || over {
        for (pod, _) in active.drain(..) {
            world.delete(pod);
        }
    } else {
        let wanted = parallelism.min(completions - succeeded);
        for _ in active.len()..wanted {
            if world.create(pod(job, &spec["template"], &format!("{}-", key.name))).is_some() {
                started += 1;
            }
        }
    }
    let running = active.len() + started;
    let live = active.iter().filter(|(_, p)| ready(p)).count();
    world.status(key, CONTROLLER, |status| {
        if status.get("startTime").is_none() {
            status["startTime"] = now.clone().into();
        }
        count(status, "active", running);
        count(status, "succeeded", succeeded);
        count(status, "failed", failed);
        status["ready"] = live.into();
        status["terminating"] = 0.into();
        status["uncountedTerminatedPods"] = json!({});
        let mut end = |kind: &str, reason: &str, message: &str| {
            condition(status, kind, "True", reason, message, &now);
            for entry in status["conditions"].as_array_mut().into_iter().flatten() {
                if entry.get("lastProbeTime").is_none() {
                    entry["lastProbeTime"] = now.clone().into();
                }
            }
        };
        if done {
            let message = "Reached expected number of succeeded pods";
            end("SuccessCriteriaMet", "CompletionsReached", message);
            end("Complete", "CompletionsReached", message);
            status["completionTime"] = now.clone().into();
        } else if over {
            let message = "Job has reached the specified backoff limit";
            end("FailureTarget", "BackoffLimitExceeded", message);
            end("Failed", "BackoffLimitExceeded", message);
        }
    });
}
