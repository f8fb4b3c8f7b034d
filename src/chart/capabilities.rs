//! What the cluster can do, as templates ask it through `.Capabilities`.

use super::version::Version;

/// The Kubernetes version and API versions that templates see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// As `v1.32.0`.
    pub version: String,
    /// As `1`.
    pub major: String,
    /// As `32`.
    pub minor: String,
    /// `apps/v1`, and with a live cluster also `apps/v1/Deployment`.
    pub api_versions: Vec<String>,
}

/// What `helm template` of helm 3.17 assumes without a cluster: the API groups that its Kubernetes client knows.
const DEFAULT_API_VERSIONS: &[&str] = &[
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "autoscaling/v2beta1",
    "autoscaling/v2beta2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1alpha1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha1",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1alpha1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
];

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            version: "v1.32.0".to_owned(),
            major: "1".to_owned(),
            minor: "32".to_owned(),
            api_versions: DEFAULT_API_VERSIONS.iter().map(|&v| v.to_owned()).collect(),
        }
    }
}

impl Capabilities {
    /// Replaces the Kubernetes version (`--kube-version`).
    ///
    /// # Errors
    /// With helm's message, when the text is no version.
    pub fn set_version(&mut self, text: &str) -> Result<(), String> {
        let version = Version::parse(text).map_err(|error| error.to_string())?;
        self.version = format!("v{version}");
        self.major = version.major.to_string();
        self.minor = version.minor.to_string();
        Ok(())
    }

    /// Whether an API version is known.
    #[must_use]
    pub fn has(&self, api_version: &str) -> bool {
        self.api_versions.iter().any(|known| known == api_version)
    }
}
