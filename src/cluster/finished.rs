//! Waits for one object to run to its end, or to be gone: hooks. It is the object with the UID that was made and no other one
//! under its name; one that ended and was collected before anybody looked is asked for in its events.

use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::connect::Cluster;
use super::discovery::Resource;
use super::error::ClusterError;
use super::read::typed;
use super::wait::Patience;
use super::watch::{Scope, Sink, follow};
use super::wire::JSON;
use crate::health::health;
use crate::manifest::{Gvk, ObjectId};

/// The label that the pods of a Job carry, with its UID.
const OF_JOB: &str = "batch.kubernetes.io/controller-uid";
/// How often an object that a list does not have is asked for by name before it counts as gone, and the pause between.
const LOOKS: usize = 3;
const LOOK: Duration = Duration::from_millis(500);

/// How an object's run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finished {
    /// It did what it should; a kind that does not run has done so as soon as it exists.
    Succeeded,
    /// It did not: what it says of itself.
    Failed(String),
    /// It is not there any more, and nobody knows how it ended.
    Gone,
    /// It runs still, and nothing of it has come nearer for too long: what it says of itself.
    TimedOut(String),
    /// The wait was cut short.
    Cancelled,
}

impl Cluster {
    /// Waits until the object with that UID has run to its end, as helm does for its hooks: a Job is complete or failed, a Pod
    /// succeeded or failed; other kinds are done at once. The time is that in which neither the object nor, of a Job, its pods come
    /// nearer. Costs a watch, of a Job two.
    ///
    /// # Errors
    /// When the kind is not served. A server that cannot be reached is waited for.
    pub async fn wait_finished(
        &self,
        id: &ObjectId,
        version: &str,
        uid: &str,
        timeout: Duration,
        cancel: &CancellationToken,
    ) -> Result<Finished, ClusterError> {
        if !runs(id) {
            return Ok(Finished::Succeeded);
        }
        let mut ended = self.watch_one(id, version, uid, timeout, cancel, false).await?;
        for _ in 0..LOOKS {
            // A list may be of a time before it was made.
            if ended != Finished::Gone || self.get_metadata(id, version).await?.is_none_or(|live| live.uid() != uid) {
                break;
            }
            tokio::time::sleep(LOOK).await;
            ended = self.watch_one(id, version, uid, timeout, cancel, false).await?;
        }
        Ok(match ended {
            Finished::Failed(said) => Finished::Failed(self.with_cause(id, uid, said).await),
            Finished::Gone => self.told_by_events(id, uid).await,
            other => other,
        })
    }

    /// Waits until the object with that UID is gone; says whether it is.
    ///
    /// # Errors
    /// When the kind is not served.
    pub async fn wait_gone(
        &self,
        id: &ObjectId,
        version: &str,
        uid: &str,
        timeout: Duration,
        cancel: &CancellationToken,
    ) -> Result<bool, ClusterError> {
        Ok(self.watch_one(id, version, uid, timeout, cancel, true).await? == Finished::Gone)
    }

    async fn watch_one(
        &self,
        id: &ObjectId,
        version: &str,
        uid: &str,
        timeout: Duration,
        cancel: &CancellationToken,
        until_gone: bool,
    ) -> Result<Finished, ClusterError> {
        let resource = self.resource_of(id, version).await?;
        let scope = Scope {
            resource: resource.clone(),
            namespace: id.namespace.clone(),
            labels: String::new(),
            fields: format!("metadata.name={}", id.name),
            metadata: false,
        };
        let patience = Patience::default();
        let (says, nearer) = (String::new(), &patience);
        let mut sink = One { resource, uid, until_gone, nearer, seen: false, says, ended: None };
        let over = tokio::select! {
            () = follow::<Value>(self, &scope, &mut sink) => None,
            () = self.follow_pods(id, uid, &patience), if !until_gone && id.kind == "Job" => None,
            () = patience.over(timeout) => Some(false),
            () = cancel.cancelled() => Some(true),
        };
        Ok(match (over, sink.ended) {
            (_, Some(ended)) => ended,
            (Some(true), None) => Finished::Cancelled,
            _ => Finished::TimedOut(sink.says),
        })
    }

    /// Follows the pods of a Job. All are one: what the second attempt does again is no progress. Never ends.
    async fn follow_pods(&self, job: &ObjectId, uid: &str, nearer: &Patience) {
        match self.resource(&Gvk::new("v1", "Pod")).await {
            Ok(resource) => {
                let id = resource.id(&job.namespace, &job.name);
                let scope = Scope {
                    resource: resource.clone(),
                    namespace: job.namespace.clone(),
                    labels: format!("{OF_JOB}={uid}"),
                    fields: String::new(),
                    metadata: false,
                };
                follow::<Value>(self, &scope, &mut Pods { resource, id, nearer }).await;
            }
            Err(error) => tracing::warn!(%error, job = %job.display(), "its pods cannot be followed"),
        }
        std::future::pending::<()>().await;
    }

    /// How an object ended that was collected: the Job controller tells it in an event.
    async fn told_by_events(&self, id: &ObjectId, uid: &str) -> Finished {
        let Ok(events) = self.events_of(id, uid).await else { return Finished::Gone };
        let text = |event: &Value, key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        for event in &events {
            match text(event, "reason").as_str() {
                "Completed" => return Finished::Succeeded,
                "BackoffLimitExceeded" | "DeadlineExceeded" | "PodFailurePolicy" | "FailedIndexes" => {
                    return Finished::Failed(text(event, "message"));
                }
                _ => {}
            }
        }
        Finished::Gone
    }

    async fn events_of(&self, id: &ObjectId, uid: &str) -> Result<Vec<Value>, ClusterError> {
        let resource = self.resource(&Gvk::new("v1", "Event")).await?;
        let fields = format!("involvedObject.uid={uid}");
        let page = self.page(&resource.collection(&id.namespace), "", &fields, JSON, "").await?;
        // A server that does not select by this field answers with everything.
        let own = |event: &Value| event.pointer("/involvedObject/uid").and_then(Value::as_str) == Some(uid);
        Ok(page.items.into_iter().filter(own).collect())
    }

    /// What a failed Job's last pod says, behind what the Job says.
    async fn with_cause(&self, id: &ObjectId, uid: &str, said: String) -> String {
        if id.kind != "Job" {
            return said;
        }
        let Ok(resource) = self.resource(&Gvk::new("v1", "Pod")).await else { return said };
        let labels = format!("{OF_JOB}={uid}");
        let Ok(page) = self.page(&resource.collection(&id.namespace), &labels, "", JSON, "").await else { return said };
        let mut pods: Vec<&Value> = page.items.iter().collect();
        pods.sort_by_key(|pod| pod.pointer("/metadata/creationTimestamp").and_then(Value::as_str).unwrap_or_default());
        match pods.iter().rev().find_map(|pod| pod_cause(pod)) {
            Some(cause) if said.is_empty() => cause,
            Some(cause) => format!("{said}; {cause}"),
            None => said,
        }
    }
}

/// Whether a kind runs to an end.
fn runs(id: &ObjectId) -> bool {
    matches!((id.group.as_str(), id.kind.as_str()), ("batch", "Job") | ("", "Pod"))
}

struct One<'a> {
    resource: Resource,
    uid: &'a str,
    until_gone: bool,
    nearer: &'a Patience,
    seen: bool,
    says: String,
    ended: Option<Finished>,
}

impl One<'_> {
    fn look(&mut self, item: &Value) -> ControlFlow<()> {
        if item.pointer("/metadata/uid").and_then(Value::as_str) != Some(self.uid) {
            return ControlFlow::Continue(());
        }
        self.seen = true;
        if self.until_gone {
            return ControlFlow::Continue(());
        }
        if let Ok(object) = typed(item.clone(), &self.resource) {
            self.nearer.observe(&object.id(), &object, &health(&object));
        }
        match if self.resource.gvk.kind == "Job" { job(item) } else { pod(item) } {
            Ok(ended) => {
                self.ended = Some(ended);
                ControlFlow::Break(())
            }
            Err(says) => {
                self.says = says;
                ControlFlow::Continue(())
            }
        }
    }
}

impl Sink<Value> for One<'_> {
    fn relist(&mut self) {
        self.seen = false;
    }

    fn listed(&mut self, item: Value) {
        let _ = self.look(&item);
    }

    fn complete(&mut self) -> ControlFlow<()> {
        if !self.seen {
            self.ended = Some(Finished::Gone);
        }
        if self.ended.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn changed(&mut self, item: Value) -> ControlFlow<()> {
        self.look(&item)
    }

    fn deleted(&mut self, item: Value) -> ControlFlow<()> {
        if item.pointer("/metadata/uid").and_then(Value::as_str) != Some(self.uid) {
            return ControlFlow::Continue(());
        }
        // Its last words may be that it is complete.
        if self.look(&item).is_continue() {
            self.ended = Some(Finished::Gone);
        }
        ControlFlow::Break(())
    }

    fn vanished(&mut self) {
        self.ended = Some(Finished::Gone);
    }

    fn resumed(&mut self) {}

    fn lost(&mut self, error: &ClusterError) {
        tracing::warn!(kind = %self.resource.gvk, %error, "waiting for a server that cannot be followed");
    }
}

/// The pods of a Job.
struct Pods<'a> {
    resource: Resource,
    /// What all of them are.
    id: ObjectId,
    nearer: &'a Patience,
}

impl Sink<Value> for Pods<'_> {
    fn relist(&mut self) {}

    fn listed(&mut self, item: Value) {
        let _ = self.changed(item);
    }

    fn complete(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn changed(&mut self, item: Value) -> ControlFlow<()> {
        if let Ok(pod) = typed(item, &self.resource) {
            self.nearer.observe(&self.id, &pod, &health(&pod));
        }
        ControlFlow::Continue(())
    }

    fn deleted(&mut self, _: Value) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn resumed(&mut self) {}

    fn lost(&mut self, error: &ClusterError) {
        tracing::debug!(%error, "the pods of a Job cannot be followed; trying again until they can");
    }
}

/// How a Job ended, or what it says while it runs.
fn job(item: &Value) -> Result<Finished, String> {
    let conditions = item.pointer("/status/conditions").and_then(Value::as_array);
    for condition in conditions.into_iter().flatten() {
        let text = |key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default();
        match (text("type"), text("status")) {
            ("Complete", "True") => return Ok(Finished::Succeeded),
            ("Failed", "True") => {
                let said = if text("message").is_empty() { text("reason") } else { text("message") };
                return Ok(Finished::Failed(said.to_owned()));
            }
            _ => {}
        }
    }
    let count = |key: &str| item.pointer(&format!("/status/{key}")).and_then(Value::as_i64).unwrap_or_default();
    Err(format!("{} active, {} failed", count("active"), count("failed")))
}

/// How a Pod ended, or what it says while it runs.
fn pod(item: &Value) -> Result<Finished, String> {
    match item.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default() {
        "Succeeded" => Ok(Finished::Succeeded),
        "Failed" => Ok(Finished::Failed(pod_cause(item).unwrap_or_else(|| "it failed".to_owned()))),
        phase => Err(pod_cause(item).unwrap_or_else(|| format!("it is {}", phase.to_lowercase()))),
    }
}

/// Why a Pod's container ended or waits, or why the Pod as a whole does not run.
fn pod_cause(pod: &Value) -> Option<String> {
    let statuses = ["initContainerStatuses", "containerStatuses"];
    let containers = statuses.iter().filter_map(|s| pod.pointer(&format!("/status/{s}"))?.as_array()).flatten();
    for container in containers {
        let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
        let state = |path: &str| container.pointer(path).filter(|v| v.is_object());
        if let Some(ended) = state("/state/terminated").or_else(|| state("/lastState/terminated")) {
            let code = ended.get("exitCode").and_then(Value::as_i64).unwrap_or_default();
            if code != 0 {
                let said = ["message", "reason"].iter().find_map(|k| ended.get(k)?.as_str()).unwrap_or_default();
                let said = if said.is_empty() { String::new() } else { format!(" ({})", said.trim()) };
                return Some(format!("container {name} exited with code {code}{said}"));
            }
        }
        if let Some(waits) = state("/state/waiting") {
            let text = |key: &str| waits.get(key).and_then(Value::as_str).unwrap_or_default();
            if !matches!(text("reason"), "" | "ContainerCreating" | "PodInitializing") {
                return Some(
                    format!("container {name} waits: {} {}", text("reason"), text("message")).trim().to_owned(),
                );
            }
        }
    }
    let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).filter(|t| !t.is_empty());
    let unscheduled = pod.pointer("/status/conditions").and_then(Value::as_array).and_then(|conditions| {
        let found = conditions.iter().find(|c| c["type"] == "PodScheduled" && c["status"] == "False")?;
        found.get("message")?.as_str()
    });
    text("/status/message").or(unscheduled).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn jobs_and_pods_say_how_they_ended() {
        let complete = json!({"status": {"conditions": [{"type": "SuccessCriteriaMet", "status": "True"},
            {"type": "Complete", "status": "True"}]}});
        assert_eq!(job(&complete), Ok(Finished::Succeeded));
        let failed = json!({"status": {"conditions": [{"type": "Failed", "status": "True", "message": "too often"}]}});
        assert_eq!(job(&failed), Ok(Finished::Failed("too often".into())));
        assert_eq!(job(&json!({"status": {"active": 1}})), Err("1 active, 0 failed".into()));
        let pod_failed = json!({"status": {"phase": "Failed", "containerStatuses": [
            {"name": "a", "state": {"terminated": {"exitCode": 3, "reason": "Error"}}}]}});
        assert_eq!(pod(&pod_failed), Ok(Finished::Failed("container a exited with code 3 (Error)".into())));
        let pending = json!({"status": {"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "message": "no node"}]}});
        assert_eq!(pod(&pending), Err("no node".into()));
    }
}
