//! The key that makes random values of templates sticky: 32 random bytes in a Secret of evenkeel's namespace, made once.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::error::ApplyError;
use super::record::{ensure_namespace, post};
use crate::cluster::{Cluster, KEY_FIELD, KEY_SECRET};
use crate::manifest::Gvk;

/// The cluster's key, made when there is none. One request when it exists.
///
/// # Errors
/// What the server says. Retryable as that is.
pub async fn ensure_key(cluster: &Cluster) -> Result<Vec<u8>, ApplyError> {
    if let Some(key) = cluster.render_key().await? {
        return Ok(key);
    }
    let mut key = [0_u8; 32];
    rand::fill(&mut key);
    ensure_namespace(cluster, cluster.system_namespace(), "evenkeel").await?;
    let resource = cluster.resource(&Gvk::new("v1", "Secret")).await?;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "evenkeel.dev/key", "immutable": true,
        "metadata": {"name": KEY_SECRET, "namespace": cluster.system_namespace()},
        "data": {KEY_FIELD: STANDARD.encode(key)},
    });
    match cluster.write(post(resource.collection(cluster.system_namespace()), &secret)).await {
        Ok(_) => Ok(key.to_vec()),
        // Another evenkeel was faster: its key is the one.
        Err(error) if error.is_conflict() => {
            cluster.render_key().await?.ok_or_else(|| ApplyError::KeyDamaged(KEY_SECRET.to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}
