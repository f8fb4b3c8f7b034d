//! What objects name that has to be there beside them: the workload that an autoscaler scales, the Service behind an Ingress, the account
//! that pods run as. Where a whole environment is looked at, a name that nothing in it renders is a mistake, or somebody else's object.

use serde_json::Value;

use super::lint::Severity;
use crate::manifest::{Object, ObjectId};

/// A name that an object gives, and how much it weighs that nothing of it is rendered.
pub(super) struct Reference {
    pub(super) to: ObjectId,
    pub(super) severity: Severity,
    /// What it is to the object that names it.
    pub(super) what: &'static str,
}

/// What an object in a namespace refers to.
pub(super) fn of(object: &Object, namespace: &str) -> Vec<Reference> {
    let value = object.value();
    let text = |at: &Value, pointer: &str| at.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let mut found = Vec::new();
    let mut refer = |group: &str, kind: &str, name: String, severity: Severity, what: &'static str| {
        found.push(Reference { to: ObjectId::new(group, kind, namespace, &name), severity, what });
    };
    match object.kind() {
        "HorizontalPodAutoscaler" | "ScaledObject" => {
            if let Some(name) = text(value, "/spec/scaleTargetRef/name") {
                let version = text(value, "/spec/scaleTargetRef/apiVersion").unwrap_or_else(|| "apps/v1".to_owned());
                let kind = text(value, "/spec/scaleTargetRef/kind").unwrap_or_else(|| "Deployment".to_owned());
                let group = version.split_once('/').map_or("", |(group, _)| group);
                refer(group, &kind, name, Severity::Warning, "what it scales");
            }
        }
        "Ingress" => {
            let rules = value.pointer("/spec/rules").and_then(Value::as_array).into_iter().flatten();
            let paths = rules.filter_map(|rule| rule.pointer("/http/paths")?.as_array()).flatten();
            let default = value.pointer("/spec/defaultBackend");
            for backend in paths.filter_map(|path| path.get("backend")).chain(default) {
                if let Some(name) = text(backend, "/service/name") {
                    refer("", "Service", name, Severity::Warning, "the Service behind it");
                }
            }
        }
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => {
            let account = text(value, "/spec/template/spec/serviceAccountName");
            if let Some(name) = account.filter(|name| !name.is_empty() && name != "default") {
                // Accounts of others are common: where their rights are given.
                refer("", "ServiceAccount", name, Severity::Note, "the account of its pods");
            }
        }
        _ => {}
    }
    found
}
