//! Kinds of Kubernetes that are deprecated: recorded from the client library that helm 3.17 is built with (client-go 0.32).

/// The minor version of Kubernetes that a lint assumes: the one that helm 3.17 is built for.
const ASSUMED: u32 = 32;

/// API version, kind, the minor versions of Kubernetes 1 in which it is deprecated and gone (0: not known), what replaces it.
#[rustfmt::skip]
const DEPRECATED: &[(&str, &str, u32, u32, &str)] = &[
    ("admissionregistration.k8s.io/v1alpha1", "MutatingAdmissionPolicy", 35, 38, ""),
    ("admissionregistration.k8s.io/v1alpha1", "MutatingAdmissionPolicyBinding", 35, 38, ""),
    ("admissionregistration.k8s.io/v1alpha1", "ValidatingAdmissionPolicy", 29, 32, ""),
    ("admissionregistration.k8s.io/v1alpha1", "ValidatingAdmissionPolicyBinding", 29, 32, ""),
    ("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration", 16, 22, "admissionregistration.k8s.io/v1 MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1beta1", "ValidatingAdmissionPolicy", 31, 34, ""),
    ("admissionregistration.k8s.io/v1beta1", "ValidatingAdmissionPolicyBinding", 31, 34, ""),
    ("admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration", 16, 22, "admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration"),
    ("apps/v1beta1", "ControllerRevision", 8, 16, "apps/v1 ControllerRevision"),
    ("apps/v1beta1", "Deployment", 8, 16, "apps/v1 Deployment"),
    ("apps/v1beta1", "DeploymentRollback", 8, 16, "apps/v1 DeploymentRollback"),
    ("apps/v1beta1", "Scale", 8, 16, "autoscaling/v1 Scale"),
    ("apps/v1beta1", "StatefulSet", 8, 16, "apps/v1 StatefulSet"),
    ("apps/v1beta2", "ControllerRevision", 9, 16, "apps/v1 ControllerRevision"),
    ("apps/v1beta2", "DaemonSet", 9, 16, "apps/v1 DaemonSet"),
    ("apps/v1beta2", "Deployment", 9, 16, "apps/v1 Deployment"),
    ("apps/v1beta2", "ReplicaSet", 9, 16, "apps/v1 ReplicaSet"),
    ("apps/v1beta2", "Scale", 9, 16, "autoscaling/v1 Scale"),
    ("apps/v1beta2", "StatefulSet", 9, 16, "apps/v1 StatefulSet"),
    ("authentication.k8s.io/v1alpha1", "SelfSubjectReview", 29, 32, ""),
    ("authentication.k8s.io/v1beta1", "SelfSubjectReview", 30, 33, ""),
    ("authentication.k8s.io/v1beta1", "TokenReview", 19, 22, "authentication.k8s.io/v1 TokenReview"),
    ("authorization.k8s.io/v1beta1", "LocalSubjectAccessReview", 19, 22, "authorization.k8s.io/v1 LocalSubjectAccessReview"),
    ("authorization.k8s.io/v1beta1", "SelfSubjectAccessReview", 19, 22, "authorization.k8s.io/v1 SelfSubjectAccessReview"),
    ("authorization.k8s.io/v1beta1", "SelfSubjectRulesReview", 19, 22, "authorization.k8s.io/v1 SelfSubjectRulesReview"),
    ("authorization.k8s.io/v1beta1", "SubjectAccessReview", 19, 22, "authorization.k8s.io/v1 SubjectAccessReview"),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler", 22, 25, "autoscaling/v2 HorizontalPodAutoscaler"),
    ("autoscaling/v2beta1", "HorizontalPodAutoscalerList", 22, 25, "autoscaling/v2beta2 HorizontalPodAutoscalerList"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler", 23, 26, "autoscaling/v2 HorizontalPodAutoscaler"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscalerList", 22, 25, ""),
    ("batch/v1beta1", "CronJob", 21, 25, "batch/v1 CronJob"),
    ("certificates.k8s.io/v1alpha1", "ClusterTrustBundle", 34, 37, ""),
    ("certificates.k8s.io/v1beta1", "CertificateSigningRequest", 19, 22, "certificates.k8s.io/v1 CertificateSigningRequest"),
    ("coordination.k8s.io/v1alpha2", "LeaseCandidate", 35, 38, ""),
    ("coordination.k8s.io/v1beta1", "Lease", 19, 22, "coordination.k8s.io/v1 Lease"),
    ("discovery.k8s.io/v1beta1", "EndpointSlice", 21, 25, "discovery.k8s.io/v1 EndpointSlice"),
    ("discovery.k8s.io/v1beta1", "EndpointSliceList", 21, 25, "discovery.k8s.io/v1 EndpointSlice"),
    ("events.k8s.io/v1beta1", "Event", 22, 25, ""),
    ("extensions/v1beta1", "DaemonSet", 8, 16, "apps/v1 DaemonSet"),
    ("extensions/v1beta1", "Deployment", 8, 16, "apps/v1 Deployment"),
    ("extensions/v1beta1", "DeploymentRollback", 8, 16, ""),
    ("extensions/v1beta1", "Ingress", 14, 22, "networking.k8s.io/v1 Ingress"),
    ("extensions/v1beta1", "NetworkPolicy", 9, 16, "networking.k8s.io/v1 NetworkPolicy"),
    ("extensions/v1beta1", "ReplicaSet", 8, 16, "apps/v1 ReplicaSet"),
    ("extensions/v1beta1", "Scale", 2, 16, ""),
    ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema", 23, 26, "flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema"),
    ("flowcontrol.apiserver.k8s.io/v1beta1", "PriorityLevelConfiguration", 23, 26, "flowcontrol.apiserver.k8s.io/v1beta3 PriorityLevelConfiguration"),
    ("flowcontrol.apiserver.k8s.io/v1beta2", "FlowSchema", 26, 29, "flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema"),
    ("flowcontrol.apiserver.k8s.io/v1beta2", "PriorityLevelConfiguration", 26, 29, "flowcontrol.apiserver.k8s.io/v1beta3 PriorityLevelConfiguration"),
    ("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", 29, 32, "flowcontrol.apiserver.k8s.io/v1 FlowSchema"),
    ("flowcontrol.apiserver.k8s.io/v1beta3", "PriorityLevelConfiguration", 29, 32, "flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration"),
    ("networking.k8s.io/v1alpha1", "IPAddress", 30, 33, ""),
    ("networking.k8s.io/v1alpha1", "ServiceCIDR", 30, 33, ""),
    ("networking.k8s.io/v1beta1", "IPAddress", 34, 37, ""),
    ("networking.k8s.io/v1beta1", "Ingress", 19, 22, "networking.k8s.io/v1 Ingress"),
    ("networking.k8s.io/v1beta1", "IngressClass", 19, 22, "networking.k8s.io/v1 IngressClassList"),
    ("networking.k8s.io/v1beta1", "IngressClassList", 19, 22, "networking.k8s.io/v1 IngressClassList"),
    ("networking.k8s.io/v1beta1", "ServiceCIDR", 34, 37, ""),
    ("node.k8s.io/v1beta1", "RuntimeClass", 22, 25, ""),
    ("policy/v1beta1", "Eviction", 22, 25, ""),
    ("policy/v1beta1", "PodDisruptionBudget", 21, 25, "policy/v1 PodDisruptionBudget"),
    ("rbac.authorization.k8s.io/v1beta1", "ClusterRole", 17, 22, "rbac.authorization.k8s.io/v1 ClusterRole"),
    ("rbac.authorization.k8s.io/v1beta1", "ClusterRoleBinding", 17, 22, "rbac.authorization.k8s.io/v1 ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1beta1", "Role", 17, 22, "rbac.authorization.k8s.io/v1 Role"),
    ("rbac.authorization.k8s.io/v1beta1", "RoleBinding", 17, 22, "rbac.authorization.k8s.io/v1 RoleBinding"),
    ("resource.k8s.io/v1alpha3", "DeviceClass", 34, 37, "resource.k8s.io/v1beta1 DeviceClass"),
    ("resource.k8s.io/v1alpha3", "ResourceClaim", 34, 37, "resource.k8s.io/v1beta1 ResourceClaim"),
    ("resource.k8s.io/v1alpha3", "ResourceClaimTemplate", 34, 37, "resource.k8s.io/v1beta1 ResourceClaimTemplate"),
    ("resource.k8s.io/v1alpha3", "ResourceSlice", 34, 37, "resource.k8s.io/v1beta1 ResourceSlice"),
    ("resource.k8s.io/v1beta1", "DeviceClass", 35, 38, ""),
    ("resource.k8s.io/v1beta1", "ResourceClaim", 35, 38, ""),
    ("resource.k8s.io/v1beta1", "ResourceClaimTemplate", 35, 38, ""),
    ("resource.k8s.io/v1beta1", "ResourceSlice", 35, 38, ""),
    ("scheduling.k8s.io/v1beta1", "PriorityClass", 14, 22, "scheduling.k8s.io/v1 PriorityClass"),
    ("storage.k8s.io/v1alpha1", "CSIStorageCapacity", 21, 24, "storage.k8s.io/v1beta1 CSIStorageCapacity"),
    ("storage.k8s.io/v1alpha1", "VolumeAttachment", 21, 24, "storage.k8s.io/v1 VolumeAttachment"),
    ("storage.k8s.io/v1alpha1", "VolumeAttributesClass", 32, 35, ""),
    ("storage.k8s.io/v1beta1", "CSIDriver", 19, 22, "storage.k8s.io/v1 CSIDriver"),
    ("storage.k8s.io/v1beta1", "CSINode", 17, 22, "storage.k8s.io/v1 CSINode"),
    ("storage.k8s.io/v1beta1", "CSINodeList", 17, 22, "storage.k8s.io/v1 CSINode"),
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity", 24, 27, "storage.k8s.io/v1 CSIStorageCapacity"),
    ("storage.k8s.io/v1beta1", "StorageClass", 19, 22, "storage.k8s.io/v1 StorageClass"),
    ("storage.k8s.io/v1beta1", "VolumeAttachment", 19, 22, "storage.k8s.io/v1 VolumeAttachment"),
    ("storage.k8s.io/v1beta1", "VolumeAttributesClass", 34, 37, ""),
    ("storagemigration.k8s.io/v1alpha1", "StorageVersionMigration", 33, 36, ""),
    ("v1", "ComponentStatus", 19, 0, ""),
];

/// Helm's warning for a kind that is deprecated in a version of Kubernetes.
pub(super) fn warning(api_version: &str, kind: &str, version: Option<(u32, u32)>) -> Option<String> {
    let (major, minor) = version.unwrap_or((1, ASSUMED));
    let exact = DEPRECATED.iter().find(|row| (row.0, row.1) == (api_version, kind));
    let of_list = || {
        let item = kind.strip_suffix("List")?;
        DEPRECATED.iter().find(|row| (row.0, row.1) == (api_version, item))
    };
    let (row, list) = match exact {
        Some(row) => (row, false),
        None => (of_list()?, true),
    };
    let (_, _, deprecated, gone, replacement) = *row;
    if major < 1 || major == 1 && minor < deprecated {
        return None;
    }
    let mut text = format!("{api_version} {kind} is deprecated in v1.{deprecated}+");
    if gone > 0 {
        text.push_str(&format!(", unavailable in v1.{gone}+"));
    }
    if !replacement.is_empty() {
        text.push_str(&format!("; use {replacement}{}", if list { "List" } else { "" }));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::warning;

    #[test]
    fn kinds_are_deprecated_from_a_version_on() {
        assert_eq!(
            warning("networking.k8s.io/v1beta1", "Ingress", None).as_deref(),
            Some(
                "networking.k8s.io/v1beta1 Ingress is deprecated in v1.19+, unavailable in v1.22+; use networking.k8s.io/v1 Ingress"
            )
        );
        assert_eq!(warning("networking.k8s.io/v1beta1", "Ingress", Some((1, 18))), None);
        assert_eq!(warning("apps/v1", "Deployment", None), None);
        assert!(
            warning("batch/v1beta1", "CronJobList", None)
                .is_some_and(|text| text.ends_with("; use batch/v1 CronJobList"))
        );
    }
}
