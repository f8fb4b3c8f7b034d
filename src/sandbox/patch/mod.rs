//! The patches that a client can send, applied to a JSON object: JSON patch (RFC 6902), JSON merge patch (RFC 7386) and
//! Kubernetes' strategic merge patch. Server-side apply is not one of them: it is in [`super::ownership`].

mod strategic;

use serde_json::Value;

use super::error::ApiError;
use super::schema::{Node, Schemas};

/// How many operations a JSON patch may have, as kube-apiserver limits it.
const MAX_OPERATIONS: usize = 10_000;

/// The media type of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PatchKind {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl PatchKind {
    /// From a `Content-Type` without parameters.
    pub(super) fn of(media_type: &str) -> Option<Self> {
        Some(match media_type {
            "application/json-patch+json" => Self::Json,
            "application/merge-patch+json" => Self::Merge,
            "application/strategic-merge-patch+json" => Self::Strategic,
            "application/apply-patch+yaml" | "application/apply-patch+json" => Self::Apply,
            _ => return None,
        })
    }
}

/// The object after the patch. `schema` gives merge keys to strategic patches.
pub(super) fn apply(
    object: &Value,
    patch: &Value,
    kind: PatchKind,
    schema: Option<(&Schemas, &Node)>,
) -> Result<Value, ApiError> {
    let mut patched = object.clone();
    match kind {
        PatchKind::Json => {
            let operations: Vec<json_patch::PatchOperation> = serde_json::from_value(patch.clone())
                .map_err(|e| ApiError::bad_request(format!("error decoding patch: {e}")))?;
            if operations.len() > MAX_OPERATIONS {
                return Err(ApiError::too_large(MAX_OPERATIONS));
            }
            json_patch::patch(&mut patched, &operations).map_err(|e| ApiError {
                code: 422,
                reason: "Invalid",
                message: format!("the server rejected our request due to an error in our request: {e}"),
                details: None,
            })?;
        }
        PatchKind::Merge | PatchKind::Apply => json_patch::merge(&mut patched, patch),
        PatchKind::Strategic => {
            let Some((schemas, node)) = schema else {
                return Err(ApiError::unsupported_media_type(
                    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
                ));
            };
            let (Value::Object(map), Value::Object(patch)) = (&mut patched, patch) else {
                return Err(ApiError::bad_request("a strategic merge patch is an object"));
            };
            strategic::merge(schemas, map, patch, node, 0)?;
        }
    }
    Ok(patched)
}
