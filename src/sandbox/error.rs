//! What the server answers when it refuses: a `meta/v1` Status with the code, reason and message that kube-apiserver uses.

use serde_json::{Value, json};

/// A refusal. `code` is the HTTP status; `reason` is one of the machine-readable reasons of `meta/v1`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(super) struct ApiError {
    /// The HTTP status.
    pub(super) code: u16,
    /// `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, …
    pub(super) reason: &'static str,
    /// For people, as kube-apiserver words it.
    pub(super) message: String,
    /// `details` of the Status, where there are any.
    pub(super) details: Option<Value>,
}

/// `deployments.apps`, or `pods` in the core group.
fn qualified(group: &str, plural: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

fn details(group: &str, kind: &str, name: &str) -> Value {
    let mut details = json!({"kind": kind});
    if !group.is_empty() {
        details["group"] = group.into();
    }
    if !name.is_empty() {
        details["name"] = name.into();
    }
    details
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    /// 404 for an object.
    #[must_use]
    pub(super) fn not_found(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} {name:?} not found", qualified(group, plural));
        Self { details: Some(details(group, plural, name)), ..Self::new(404, "NotFound", message) }
    }

    /// 404 for a path that names no resource.
    #[must_use]
    pub(super) fn no_such_path() -> Self {
        Self {
            details: Some(json!({})),
            ..Self::new(404, "NotFound", "the server could not find the requested resource")
        }
    }

    /// 409 for a name that is taken.
    #[must_use]
    pub(super) fn already_exists(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", qualified(group, plural));
        Self { details: Some(details(group, plural, name)), ..Self::new(409, "AlreadyExists", message) }
    }

    /// 409 for a write that did not see the newest version, or whose precondition does not hold.
    #[must_use]
    pub(super) fn conflict(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", qualified(group, plural));
        Self { details: Some(details(group, plural, name)), ..Self::new(409, "Conflict", message) }
    }

    /// 409 for a server-side apply over fields of others: `(manager, message, path)` of each.
    #[must_use]
    pub(super) fn apply_conflict(message: impl Into<String>, causes: &[(String, String)]) -> Self {
        let causes: Vec<Value> = causes
            .iter()
            .map(|(message, field)| json!({"reason": "FieldManagerConflict", "message": message, "field": field}))
            .collect();
        Self { details: Some(json!({"causes": causes})), ..Self::new(409, "Conflict", message) }
    }

    /// 422 with one cause a field: `(reason, message, field)`, as (`FieldValueRequired`, `Required value`, `spec.x`).
    #[must_use]
    pub(super) fn invalid(group: &str, kind: &str, name: &str, causes: &[(&str, String, String)]) -> Self {
        let subject = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let lines: Vec<String> = causes.iter().map(|(_, message, field)| format!("{field}: {message}")).collect();
        let text = match &lines[..] {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let mut details = details(group, kind, name);
        details["causes"] = causes
            .iter()
            .map(|(reason, message, field)| json!({"reason": reason, "message": message, "field": field}))
            .collect();
        Self { details: Some(details), ..Self::new(422, "Invalid", format!("{subject} {name:?} is invalid: {text}")) }
    }

    /// 400.
    #[must_use]
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 403.
    #[must_use]
    pub(super) fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", qualified(group, plural));
        Self { details: Some(details(group, plural, name)), ..Self::new(403, "Forbidden", message) }
    }

    /// 410: the version is no longer in the history.
    #[must_use]
    pub(super) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 405.
    #[must_use]
    pub(super) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self { details: Some(json!({})), ..Self::new(405, "MethodNotAllowed", message) }
    }

    /// 406.
    #[must_use]
    pub(super) fn not_acceptable(accepted: &str) -> Self {
        Self::new(406, "NotAcceptable", format!("only the following media types are accepted: {accepted}"))
    }

    /// 415.
    #[must_use]
    pub(super) fn unsupported_media_type(accepted: &str) -> Self {
        Self::new(
            415,
            "UnsupportedMediaType",
            format!("the body of the request was in an unknown format - accepted media types include: {accepted}"),
        )
    }

    /// 415 for a patch of a media type that there is none of.
    #[must_use]
    pub(super) fn unsupported_patch() -> Self {
        Self { details: Some(json!({})), ..Self::new(415, "UnsupportedMediaType", "415: Unsupported Media Type") }
    }

    /// 413.
    #[must_use]
    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(413, "RequestEntityTooLarge", format!("Request entity too large: limit is {limit}"))
    }

    /// 504: a resourceVersion that is newer than the server.
    #[must_use]
    pub(super) fn too_new(asked: u64, current: u64) -> Self {
        Self {
            details: Some(json!({
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1
            })),
            ..Self::new(504, "Timeout", format!("Too large resource version: {asked}, current: {current}"))
        }
    }

    /// 500.
    #[must_use]
    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalError", message)
    }

    /// 500 without a reason, as the real server answers when an applied configuration does not fit its schema.
    #[must_use]
    pub(super) fn unclassified(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    /// 501: known, and left out of the sandbox on purpose.
    #[must_use]
    pub(super) fn not_simulated(what: &str) -> Self {
        Self::new(501, "NotImplemented", format!("the sandbox runs no containers, so it cannot serve {what}"))
    }

    /// The `meta/v1` Status.
    #[must_use]
    pub(super) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if self.reason.is_empty()
            && let Value::Object(map) = &mut status
        {
            map.remove("reason");
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_real_server() {
        assert_eq!(ApiError::not_found("apps", "deployments", "x").message, "deployments.apps \"x\" not found");
        assert_eq!(ApiError::already_exists("", "pods", "x").message, "pods \"x\" already exists");
        let invalid = ApiError::invalid(
            "apps",
            "Deployment",
            "x",
            &[("FieldValueRequired", "Required value".into(), "spec.selector".into())],
        );
        assert_eq!(invalid.message, "Deployment.apps \"x\" is invalid: spec.selector: Required value");
        assert_eq!(invalid.status()["details"]["causes"][0]["field"], "spec.selector");
    }
}
