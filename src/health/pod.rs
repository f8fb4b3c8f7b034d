//! Pods: whether one is ready, and what stands in its way.

use serde_json::Value;

use super::{Health, Status};
use crate::manifest::Object;

/// What a container waits for on its normal way.
const ON_ITS_WAY: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// A Pod is current when it is ready, or ended well. One that ended badly, or whose containers end again and again, failed.
pub(super) fn pod(status: &Status<'_>) -> Health {
    match status.text("/status/phase") {
        "Succeeded" => return Health::Current,
        "Failed" => {
            let said = [status.text("/status/message"), status.text("/status/reason")];
            let said = said.into_iter().find(|s| !s.is_empty()).map(str::to_owned);
            let said = said.or_else(|| troubles(status).into_iter().next());
            let said = said.unwrap_or_else(|| "it ended with an error".to_owned());
            return Health::Failed(format!("the pod failed: {said}"));
        }
        _ => {}
    }
    if status.condition("Ready").is_some_and(|c| c.is("True")) {
        return Health::Current;
    }
    let reason = troubles(status).into_iter().next().unwrap_or_else(|| "the pod is not ready".to_owned());
    let crashes = status.text("/status/phase") == "Running"
        && containers(status).any(|(_, c)| text(c, "/state/waiting/reason") == "CrashLoopBackOff");
    if crashes { Health::Failed(reason) } else { Health::waiting(reason) }
}

/// What stands in the way of a pod, the most telling first: that no node takes it, what its containers wait for, with which
/// code they ended last, which are not ready. Empty for a pod that is ready, ended well, or is on its way.
///
/// Messages are the cluster's own words and may hold secrets: whoever prints them masks them.
#[must_use]
pub fn pod_troubles(pod: &Object) -> Vec<String> {
    let status = Status(pod.value());
    if status.text("/status/phase") == "Succeeded" || status.condition("Ready").is_some_and(|c| c.is("True")) {
        return Vec::new();
    }
    troubles(&status)
}

fn troubles(status: &Status<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let (reason, message) = (status.text("/status/reason"), status.text("/status/message"));
    if !reason.is_empty() || !message.is_empty() {
        found.push(said(reason, message));
    }
    if let Some(scheduled) = status.condition("PodScheduled")
        && scheduled.is("False")
    {
        let why =
            if scheduled.reason == "SchedulingGated" { "held back by a scheduling gate" } else { "not scheduled" };
        found.push(format!("{why}: {}", scheduled.says()));
    }
    let mut idle = Vec::new();
    for (kind, container) in containers(status) {
        let name = text(container, "/name");
        let last = ended(container, "/lastState/terminated");
        let waits = text(container, "/state/waiting/reason");
        if !waits.is_empty() && !ON_ITS_WAY.contains(&waits) {
            let waiting = said(waits, text(container, "/state/waiting/message"));
            let after = last.map(|last| format!("; it {last}")).unwrap_or_default();
            found.push(format!("{kind} {name}: {waiting}{after}"));
        } else if let Some(ended) = ended(container, "/state/terminated") {
            found.push(format!("{kind} {name} {ended}"));
        } else if let Some(last) = last {
            found.push(format!("{kind} {name} is up again; it {last}"));
        } else if container.pointer("/state/running").is_some()
            && container.get("ready").and_then(Value::as_bool) == Some(false)
            && kind == "container"
        {
            idle.push(format!("{kind} {name} runs and is not ready"));
        }
    }
    found.extend(idle);
    found
}

/// How a container ended when it did not end well, and how often it was begun anew.
fn ended(container: &Value, pointer: &str) -> Option<String> {
    let terminated = container.pointer(pointer).filter(|t| t.is_object())?;
    let code = terminated.get("exitCode").and_then(Value::as_i64).unwrap_or_default();
    let reason = text(terminated, "/reason");
    if code == 0 && matches!(reason, "Completed" | "") {
        return None;
    }
    let signal = terminated.get("signal").and_then(Value::as_i64).filter(|s| *s > 0);
    let mut words = match signal {
        Some(signal) => format!("was ended by signal {signal}"),
        None => format!("exited with code {code}"),
    };
    if !reason.is_empty() && reason != "Error" {
        words.push_str(&format!(" ({reason})"));
    }
    let restarts = container.get("restartCount").and_then(Value::as_i64).unwrap_or_default();
    if restarts > 0 {
        words.push_str(&format!(", begun anew {restarts} times"));
    }
    let message = text(terminated, "/message").trim();
    if !message.is_empty() {
        words.push_str(&format!(": {message}"));
    }
    Some(words)
}

fn containers<'a>(status: &Status<'a>) -> impl Iterator<Item = (&'static str, &'a Value)> + use<'a> {
    let lists = [("init container", "/status/initContainerStatuses"), ("container", "/status/containerStatuses")];
    let of = |(kind, pointer)| Some((kind, status.at(pointer)?.as_array()?));
    let lists: Vec<(&'static str, &'a Vec<Value>)> = lists.into_iter().filter_map(of).collect();
    lists.into_iter().flat_map(|(kind, list)| list.iter().map(move |c| (kind, c)))
}

fn said(reason: &str, message: &str) -> String {
    match (reason, message.trim()) {
        (reason, "") => reason.to_owned(),
        ("", message) => message.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(status: Value) -> Object {
        Object::new(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "status": status})).unwrap()
    }

    #[test]
    fn the_most_telling_comes_first() {
        let crashing = pod(json!({"phase": "Running", "containerStatuses": [
            {"name": "side", "ready": true, "state": {"running": {}}},
            {"name": "app", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
             "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]}));
        assert_eq!(
            pod_troubles(&crashing),
            ["container app: CrashLoopBackOff: back-off 40s; it exited with code 137 (OOMKilled), begun anew 4 times"]
        );
        assert!(matches!(super::super::health(&crashing), Health::Failed(_)));
        let unready = pod(json!({"phase": "Running", "containerStatuses": [
            {"name": "a", "ready": false, "state": {"running": {}}},
            {"name": "b", "ready": false, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}));
        assert_eq!(pod_troubles(&unready), ["container b: ImagePullBackOff", "container a runs and is not ready"]);
        let init = pod(json!({"phase": "Pending", "initContainerStatuses": [
            {"name": "migrate", "state": {"terminated": {"exitCode": 2, "reason": "Error", "message": "no table"}}}],
            "containerStatuses": [{"name": "a", "ready": false, "state": {"waiting": {"reason": "PodInitializing"}}}]}));
        assert_eq!(pod_troubles(&init), ["init container migrate exited with code 2: no table"]);
    }

    #[test]
    fn a_pod_that_is_well_says_nothing() {
        assert!(pod_troubles(&pod(json!({"phase": "Succeeded"}))).is_empty());
        assert!(
            pod_troubles(&pod(json!({"phase": "Pending", "containerStatuses": [
            {"name": "a", "state": {"waiting": {"reason": "ContainerCreating"}}}]})))
            .is_empty()
        );
        assert!(
            pod_troubles(&pod(json!({"conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [
            {"name": "a", "lastState": {"terminated": {"exitCode": 1}}}]})))
            .is_empty()
        );
    }
}
