//! Whether an object is ready, from what it says of itself: an object with its status becomes a [`Health`], by the rules of
//! kstatus (the library behind Flux and `kubectl wait`-like tools) or by a release's own expressions. The reason names what a
//! person would look for next. Called by the waits and by `why`; `environment` reads the expressions. Never asks anybody.

mod expression;
mod pod;
mod progress;
mod resource;
mod rules;
mod workload;

use serde_json::Value;

use crate::manifest::{Object, ObjectId};

pub use expression::{Expression, ExpressionError, LONGEST};
pub use pod::pod_troubles;
pub use progress::Progress;
pub use rules::{Rule, Rules};

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

/// Built-in kinds that are ready as soon as they exist, by group: waiting for them would cost a watch for nothing.
const AT_ONCE: &[(&str, &str)] = &[
    ("", "ConfigMap"),
    ("", "Endpoints"),
    ("", "LimitRange"),
    // A claim may wait for its first consumer, which may be in another release.
    ("", "PersistentVolumeClaim"),
    ("", "PodTemplate"),
    ("", "ResourceQuota"),
    ("", "Secret"),
    ("", "ServiceAccount"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("batch", "CronJob"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("networking.k8s.io", "Ingress"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("node.k8s.io", "RuntimeClass"),
    ("policy", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "StorageClass"),
];

/// Whether objects of a kind are ready as soon as they exist.
#[must_use]
pub fn is_at_once(id: &ObjectId) -> bool {
    AT_ONCE.contains(&(id.group.as_str(), id.kind.as_str()))
}

/// The health of a live object, status included, by the rules of its kind.
#[must_use]
pub fn health(object: &Object) -> Health {
    let status = Status(object.value());
    if let Some(health) = status.general() {
        return health;
    }
    let gvk = object.gvk();
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("apps", "Deployment") => workload::deployment(&status),
        ("apps", "StatefulSet") => workload::stateful_set(&status),
        ("apps", "DaemonSet") => workload::daemon_set(&status),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => workload::replica_set(&status),
        ("batch", "Job") => workload::job(&status),
        ("", "Pod") => pod::pod(&status),
        ("", "PersistentVolumeClaim") => resource::claim(&status),
        ("", "PersistentVolume") => resource::volume(&status),
        ("", "Service") => resource::service(&status),
        ("", "Namespace") => resource::namespace(&status),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => resource::definition(&status),
        ("apiregistration.k8s.io", "APIService") => resource::api_service(&status),
        ("autoscaling", "HorizontalPodAutoscaler") => resource::autoscaler(&status),
        ("certificates.k8s.io", "CertificateSigningRequest") => resource::signing_request(&status),
        // A node's `Ready` and an ingress's addresses are nobody's release; what has no rule follows the conventions.
        _ => resource::by_ready(&status),
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
        let observed = self.at("/status/observedGeneration").and_then(Value::as_i64)?;
        let generation = self.at("/metadata/generation").and_then(Value::as_i64)?;
        (observed != generation)
            .then(|| Health::waiting(format!("its controller has seen generation {observed} of {generation}")))
    }

    /// What holds for every kind: a deletion, a generation that was not seen, `Stalled` and `Reconciling`.
    fn general(&self) -> Option<Health> {
        if !self.text("/metadata/deletionTimestamp").is_empty() {
            return Some(Health::waiting("it is being deleted"));
        }
        if let Some(behind) = self.unobserved() {
            return Some(behind);
        }
        if let Some(stalled) = self.condition("Stalled")
            && stalled.is("True")
        {
            return Some(Health::Failed(format!("stalled: {}", stalled.says())));
        }
        let reconciling = self.condition("Reconciling").filter(|c| c.is("True"))?;
        Some(Health::waiting(if reconciling.says().is_empty() { "reconciling" } else { reconciling.says() }))
    }
}
