//! What charts see of the cluster: its version and the API versions that it serves.

use std::sync::PoisonError;

use serde_json::Value;

use super::connect::Cluster;
use super::error::ClusterError;
use super::requests::Verb;
use super::wire::Call;

/// The API server's version (`GET /version`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerVersion {
    /// `v1.35.4`.
    pub git_version: String,
    /// `1`.
    pub major: String,
    /// `35`, with a `+` on some providers.
    pub minor: String,
}

/// What a chart's `.Capabilities` are made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// The server's version.
    pub version: ServerVersion,
    /// `apps/v1` and `apps/v1/Deployment`, sorted.
    pub api_versions: Vec<String>,
}

impl Cluster {
    /// The server's version, asked for once.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn server_version(&self) -> Result<ServerVersion, ClusterError> {
        let known = self.shared.version.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(version) = known {
            return Ok(version);
        }
        let answer = self.read(Call::get(Verb::Discovery, "/version")).await?;
        let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let version = ServerVersion { git_version: text("gitVersion"), major: text("major"), minor: text("minor") };
        *self.shared.version.lock().unwrap_or_else(PoisonError::into_inner) = Some(version.clone());
        Ok(version)
    }

    /// Version and API versions, as helm reads them from a cluster.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn capabilities(&self) -> Result<Capabilities, ClusterError> {
        let version = self.server_version().await?;
        Ok(Capabilities { version, api_versions: self.kinds().await?.api_versions() })
    }
}
