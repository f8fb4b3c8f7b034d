//! Whether an object is ready, from what it says of itself: a pure function, by the rules of kstatus (the library behind Flux
//! and `kubectl wait`-like tools). The reason names what a person would look for next.

mod resource;
mod workload;

use serde_json::Value;

use crate::manifest::Object;

/// How far an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It is as it was asked to be.
    Current,
    /// It is on its way.
    InProgress(String),
    /// It will not get there without help.
    Failed(String),
}

impl Health {
    /// Whether it is ready.
    #[must_use]
    pub fn is_current(&self) -> bool {
        *self == Self::Current
    }

    /// What is missing; empty when nothing is.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Current => "",
            Self::InProgress(reason) | Self::Failed(reason) => reason,
        }
    }

    fn waiting(reason: impl Into<String>) -> Self {
        Self::InProgress(reason.into())
    }
}

/// The health of a live object, status included.
#[must_use]
pub fn health(object: &Object) -> Health {
    if !object.value().pointer("/metadata/deletionTimestamp").is_none_or(Value::is_null) {
        return Health::waiting("it is being deleted");
    }
    let status = Status(object.value());
    let gvk = object.gvk();
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("apps", "Deployment") => workload::deployment(&status),
        ("apps", "StatefulSet") => workload::stateful_set(&status),
        ("apps", "DaemonSet") => workload::daemon_set(&status),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => workload::replica_set(&status),
        ("batch", "Job") => workload::job(&status),
        ("", "Pod") => workload::pod(&status),
        ("", "PersistentVolumeClaim") => resource::claim(&status),
        ("", "Service") => resource::service(&status),
        ("", "Namespace") => resource::namespace(&status),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => resource::definition(&status),
        ("apiregistration.k8s.io", "APIService") => resource::api_service(&status),
        ("autoscaling", "HorizontalPodAutoscaler") => resource::autoscaler(&status),
        ("policy", "PodDisruptionBudget") => resource::disruption_budget(&status),
        _ => resource::by_conditions(&status),
    }
}

/// A live object, read by path.
pub(super) struct Status<'a>(&'a Value);

/// One of `status.conditions`.
pub(super) struct Condition<'a> {
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

impl Condition<'_> {
    pub(super) fn is(&self, status: &str) -> bool {
        self.status == status
    }

    /// The message, else the reason.
    pub(super) fn says(&self) -> &str {
        if self.message.is_empty() { self.reason } else { self.message }
    }
}

impl<'a> Status<'a> {
    pub(super) fn at(&self, pointer: &str) -> Option<&'a Value> {
        self.0.pointer(pointer)
    }

    pub(super) fn number(&self, pointer: &str) -> i64 {
        self.at(pointer).and_then(Value::as_i64).unwrap_or_default()
    }

    pub(super) fn text(&self, pointer: &str) -> &'a str {
        self.at(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// `spec.replicas`, one when it is not said.
    pub(super) fn replicas(&self) -> i64 {
        self.at("/spec/replicas").and_then(Value::as_i64).unwrap_or(1)
    }

    pub(super) fn condition(&self, kind: &str) -> Option<Condition<'a>> {
        let conditions = self.at("/status/conditions")?.as_array()?;
        let found = conditions.iter().find(|c| c.get("type").and_then(Value::as_str) == Some(kind))?;
        let text = |key: &str| found.get(key).and_then(Value::as_str).unwrap_or_default();
        Some(Condition { status: text("status"), reason: text("reason"), message: text("message") })
    }

    /// Whether the controller has yet to look at what was asked for last.
    pub(super) fn unobserved(&self) -> Option<Health> {
        let observed = self.at("/status/observedGeneration").and_then(Value::as_i64);
        let generation = self.at("/metadata/generation").and_then(Value::as_i64).unwrap_or_default();
        match observed {
            Some(observed) if observed < generation => {
                Some(Health::waiting(format!("its controller has seen generation {observed} of {generation}")))
            }
            _ => None,
        }
    }
}
