//! The body of a request: bounded; JSON, YAML or protobuf.

use axum::body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;

use super::protobuf;
use crate::sandbox::error::ApiError;
use crate::yaml;

/// The largest body, as kube-apiserver limits it.
pub(super) const MAX_BODY: usize = 3 * 1024 * 1024;

/// Reads a body; an empty one is `null`.
pub(super) async fn read(body: Body, media_type: &str) -> Result<Value, ApiError> {
    let bytes = match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(ApiError::too_large(MAX_BODY)),
        Err(error) => return Err(ApiError::bad_request(format!("the body could not be read: {error}"))),
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    if media_type == protobuf::MEDIA_TYPE {
        return protobuf::decode(&bytes);
    }
    if media_type.contains("protobuf") || media_type.contains("cbor") {
        return Err(ApiError::unsupported_media_type(
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
        ));
    }
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(value),
        // YAML is a superset of JSON; a client that says JSON gets JSON's errors.
        Err(error) if !media_type.contains("yaml") => {
            Err(ApiError::bad_request(format!("the object provided is unrecognized (must be of type JSON): {error}")))
        }
        Err(_) => {
            let text = std::str::from_utf8(&bytes).map_err(|_| ApiError::bad_request("the body is no UTF-8"))?;
            yaml::to_json(text, yaml::Numbers::Exact)
                .map_err(|error| ApiError::bad_request(format!("error decoding YAML: {error}")))
        }
    }
}
