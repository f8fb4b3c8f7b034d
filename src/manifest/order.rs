//! Helm's install order: namespaces and policies first, workloads late, webhooks last. Kinds that helm does not know come
//! after all that it knows, by name of the kind (helm: `pkg/releaseutil/kind_sorter.go`).

use std::cmp::Ordering;

use super::Object;

const INSTALL: &[&str] = &[
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// The place of a kind in helm's install order; unknown kinds share the last one.
#[must_use]
pub fn install_rank(kind: &str) -> usize {
    INSTALL.iter().position(|k| *k == kind).unwrap_or(INSTALL.len())
}

/// Compares two kinds as helm installs them: unknown kinds among each other by name.
fn by_kind(a: &str, b: &str) -> Ordering {
    let (ra, rb) = (install_rank(a), install_rank(b));
    if ra == INSTALL.len() && rb == INSTALL.len() { a.cmp(b) } else { ra.cmp(&rb) }
}

/// Sorts into helm's install order; objects of one kind keep their order.
pub fn sort_for_install<T>(items: &mut [T], object: impl Fn(&T) -> &Object) {
    items.sort_by(|a, b| by_kind(object(a).kind(), object(b).kind()));
}

/// Sorts for deletion, the reverse of installation; objects of one kind are reversed too.
pub fn sort_for_uninstall<T>(items: &mut [T], kind: impl Fn(&T) -> &str) {
    items.reverse();
    items.sort_by(|a, b| by_kind(kind(b), kind(a)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_first_webhooks_late_strangers_last() {
        let mut kinds = ["Zebra", "Deployment", "Antelope", "Service", "Namespace", "ValidatingWebhookConfiguration"];
        kinds.sort_by(|a, b| by_kind(a, b));
        assert_eq!(
            kinds,
            ["Namespace", "Service", "Deployment", "ValidatingWebhookConfiguration", "Antelope", "Zebra"]
        );
        sort_for_uninstall(&mut kinds, |k| k);
        assert_eq!(
            kinds,
            ["Zebra", "Antelope", "ValidatingWebhookConfiguration", "Deployment", "Service", "Namespace"]
        );
    }
}
