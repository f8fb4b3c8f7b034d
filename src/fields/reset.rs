//! Fields that an endpoint of the API server ignores: writes to them there are undone, so nobody owns them through it.

use super::{FieldPath, FieldSet};

/// Groups and kinds with a status endpoint; their main endpoint ignores `status`.
const WITH_STATUS: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "Pod",
            "Node",
            "Namespace",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "ReplicationController",
            "ResourceQuota",
            "Service",
        ],
    ),
    ("apps", &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("autoscaling", &["HorizontalPodAutoscaler"]),
    ("batch", &["CronJob", "Job"]),
    ("certificates.k8s.io", &["CertificateSigningRequest"]),
    ("networking.k8s.io", &["Ingress", "ServiceCIDR"]),
    ("policy", &["PodDisruptionBudget"]),
    ("storage.k8s.io", &["VolumeAttachment"]),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("admissionregistration.k8s.io", &["ValidatingAdmissionPolicy"]),
    ("resource.k8s.io", &["ResourceClaim"]),
];

/// What the endpoint of a built-in kind ignores; `None` when nothing. Custom resources: [`status_fields`] on the main
/// endpoint and [`spec_fields`] on `/status`, when their definition has that subresource.
#[must_use]
pub fn reset_fields(api_version: &str, kind: &str, subresource: &str) -> Option<FieldSet> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let with_status = WITH_STATUS.iter().any(|(g, kinds)| *g == group && kinds.contains(&kind));
    match subresource {
        "" if with_status => Some(status_fields()),
        "status" => Some(status_endpoint(group, kind)),
        _ => None,
    }
}

fn set(paths: &[&[&str]]) -> FieldSet {
    let paths: Vec<FieldPath> = paths.iter().map(|path| FieldPath::of(path)).collect();
    paths.iter().collect()
}

/// `.status`.
#[must_use]
pub fn status_fields() -> FieldSet {
    set(&[&["status"]])
}

/// What `/status` of a custom resource ignores: everything but the status.
#[must_use]
pub fn spec_fields() -> FieldSet {
    set(&[&["spec"], &["metadata"]])
}

fn status_endpoint(group: &str, kind: &str) -> FieldSet {
    match (group, kind) {
        ("apps", "Deployment") => set(&[&["spec"], &["metadata", "labels"]]),
        ("", "Pod") => set(&[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]]),
        (
            "apiextensions.k8s.io" | "apiregistration.k8s.io" | "networking.k8s.io",
            "CustomResourceDefinition" | "APIService" | "ServiceCIDR",
        ) => set(&[&["spec"], &["metadata"]]),
        ("resource.k8s.io", _) => set(&[&["spec"], &["metadata"]]),
        _ => set(&[&["spec"]]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_endpoint_leaves_the_status() {
        let deployment = reset_fields("apps/v1", "Deployment", "").unwrap();
        assert!(deployment.contains(&FieldPath::of(&["status"]).0));
        assert!(reset_fields("apps/v1", "Deployment", "status").unwrap().contains(&FieldPath::of(&["spec"]).0));
        assert!(reset_fields("v1", "ConfigMap", "").is_none());
        assert!(reset_fields("example.com/v1", "Deployment", "").is_none());
    }
}
