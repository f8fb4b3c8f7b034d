//! The key that makes random values of templates sticky. `apply/` makes it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::connect::Cluster;
use super::error::ClusterError;
use crate::manifest::Gvk;

/// The Secret that holds the key.
pub(crate) const KEY_SECRET: &str = "evenkeel-key";
/// The field of its data.
pub(crate) const KEY_FIELD: &str = "key";

impl Cluster {
    /// The key; `None` when there is none yet, or it is damaged. One request.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn render_key(&self) -> Result<Option<Vec<u8>>, ClusterError> {
        let resource = self.resource(&Gvk::new("v1", "Secret")).await?;
        let id = resource.id(self.system_namespace(), KEY_SECRET);
        let secret = self.get(&id, "v1").await?;
        let data = secret.as_ref().and_then(|s| s.value().get("data")?.get(KEY_FIELD)).and_then(Value::as_str);
        Ok(data.and_then(|data| STANDARD.decode(data).ok()).filter(|key| key.len() >= 16))
    }
}
