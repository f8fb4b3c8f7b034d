//! The server's OpenAPI v2 document: the schemas of every kind, custom ones included, that the typed merge needs.

use std::sync::Arc;

use serde_json::Value;

use super::connect::Cluster;
use super::error::ClusterError;
use super::requests::Verb;
use super::wire::Call;

/// The document with the server's tag for it.
pub(super) struct CachedSchema {
    etag: Option<String>,
    document: Arc<Value>,
}

impl Cluster {
    /// The OpenAPI v2 document. Kept; a later call asks with the tag, and an unchanged document costs one empty answer.
    ///
    /// # Errors
    /// When the server cannot be asked or has no such document.
    pub async fn openapi(&self) -> Result<Arc<Value>, ClusterError> {
        let mut cached = self.shared.schema.lock().await;
        let mut call = Call::get(Verb::Discovery, "/openapi/v2");
        call.etag = cached.as_ref().and_then(|c| c.etag.clone());
        let answer = self.exchange(&call).await?;
        if answer.code == 304
            && let Some(known) = cached.as_ref()
        {
            return Ok(known.document.clone());
        }
        let document = Arc::new(answer.json(&call)?);
        *cached = Some(CachedSchema { etag: answer.etag, document: document.clone() });
        Ok(document)
    }
}
