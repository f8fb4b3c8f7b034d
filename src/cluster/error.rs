//! What can go wrong between evenkeel and an API server, and whether it may pass by itself.

use std::time::Duration;

use serde_json::Value;

use crate::manifest::Gvk;

/// One cause that the server names, as a conflicting or an invalid field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// A word for machines, as `FieldManagerConflict`.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// The field's path, as `.spec.replicas`; empty where the cause is not about a field.
    pub field: String,
}

/// The server's answer to a request that it did not fulfil (`metav1.Status`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// The reason for machines, as `Invalid` or `Conflict`; empty where there is none.
    pub reason: String,
    /// The server's sentence.
    pub message: String,
    /// The causes that it names.
    pub causes: Vec<Cause>,
    /// When the server wants to be asked again.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads an answer's body; a body that is no `Status` becomes the message.
    #[must_use]
    pub(crate) fn read(code: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match serde_json::from_slice::<Value>(body) {
            Ok(status) if status.get("kind").and_then(Value::as_str) == Some("Status") => {
                let details = status.get("details").cloned().unwrap_or_default();
                let causes = details.get("causes").and_then(Value::as_array).cloned().unwrap_or_default();
                let seconds = details.get("retryAfterSeconds").and_then(Value::as_u64).filter(|s| *s > 0);
                Self {
                    code: status.get("code").and_then(Value::as_u64).and_then(|c| c.try_into().ok()).unwrap_or(code),
                    reason: text(&status, "reason"),
                    message: text(&status, "message"),
                    causes: causes
                        .iter()
                        .map(|c| Cause {
                            reason: text(c, "reason"),
                            message: text(c, "message"),
                            field: text(c, "field"),
                        })
                        .collect(),
                    retry_after: retry_after.or(seconds.map(Duration::from_secs)),
                }
            }
            _ => {
                let text = String::from_utf8_lossy(&body[..body.len().min(300)]).trim().to_owned();
                let message = if text.is_empty() { format!("the server answered with status {code}") } else { text };
                Self { code, message, retry_after, ..Self::default() }
            }
        }
    }

    /// Whether the same request may succeed later without anyone changing anything.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self.code {
            408 | 429 | 502 | 503 | 504 => true,
            403 => self.causes.iter().any(|c| c.reason == "NamespaceTerminating"),
            // The typed merge of server-side apply says 500 for fields that the schema does not know (Kubernetes 1.35).
            500 => !self.message.contains("failed to create typed patch object"),
            _ => false,
        }
    }
}

/// Why a request to a cluster failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClusterError {
    /// The kubeconfig or the in-cluster configuration is unusable. Not retryable.
    #[error("{0}")]
    Config(String),
    /// The server could not be reached, or the connection broke. Retryable.
    #[error("cannot reach the API server at {server}: {reason}")]
    Unreachable {
        /// Its address.
        server: String,
        /// What the connection said.
        reason: String,
    },
    /// The server did not answer in time. Retryable.
    #[error("the API server at {server} did not answer within {}", humantime::format_duration(*after))]
    Timeout {
        /// Its address.
        server: String,
        /// How long was waited.
        after: Duration,
    },
    /// The credentials could not be made (an exec plugin failed, a token file is missing). Retryable: plugins recover.
    #[error("no credentials for the API server: {0}")]
    Credentials(String),
    /// The server refused. Retryable as [`Refusal::retryable`] says.
    #[error("{}", .0.message)]
    Refused(Box<Refusal>),
    /// The server answered what nobody can read. Not retryable.
    #[error("the answer to {request} cannot be read: {reason}")]
    Answer {
        /// Method and path.
        request: String,
        /// Why.
        reason: String,
    },
    /// The server serves no such kind. Retryable in the sense that a CRD may come: plans ask again after one is applied.
    #[error("the cluster serves no {} in {}{}", gvk.kind, gvk.api_version(), hint.as_deref().map(|h| format!("; {h}")).unwrap_or_default())]
    UnknownKind {
        /// What was asked for.
        gvk: Gvk,
        /// The nearest that is served.
        hint: Option<String>,
    },
}

impl ClusterError {
    /// Whether the same request may succeed later without anyone changing anything.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Credentials(_) => true,
            Self::Refused(refusal) => refusal.retryable(),
            Self::Config(_) | Self::Answer { .. } | Self::UnknownKind { .. } => false,
        }
    }

    /// The server's refusal, when there was one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the object (or its namespace) does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.refusal().is_some_and(|r| r.code == 404)
    }

    /// Whether the path is not served at all: the kind went with its definition, or its version is not served any more. Of an
    /// object that does not exist, the server says another thing.
    #[must_use]
    pub fn is_unserved(&self) -> bool {
        self.refusal().is_some_and(|r| {
            r.code == 404
                && (r.message.contains("could not find the requested resource") || r.message.contains("page not found"))
        })
    }

    /// Whether another writer was faster, or a precondition does not hold.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.refusal().is_some_and(|r| r.code == 409)
    }

    /// Whether a watch or a page must start again from a fresh list: the version is too old (410), or from a server whose
    /// history this one does not have (it was restored, or is another one).
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.refusal().is_some_and(|r| {
            r.code == 410
                || r.reason == "Expired"
                || r.causes.iter().any(|c| c.reason == "ResourceVersionTooLarge")
                || r.message.contains("Too large resource version")
                || (r.code == 400 && r.message.contains("resource version"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(code: u16, body: &Value) -> ClusterError {
        ClusterError::Refused(Box::new(Refusal::read(code, body.to_string().as_bytes(), None)))
    }

    #[test]
    fn a_status_is_read() {
        let error = refused(
            409,
            &json!({"kind": "Status", "code": 409, "reason": "Conflict", "message": "Apply failed with 1 conflict",
            "details": {"causes": [{"reason": "FieldManagerConflict", "message": "conflict with \"x\"", "field": ".spec.replicas"}]}}),
        );
        assert!(error.is_conflict() && !error.retryable());
        assert_eq!(error.to_string(), "Apply failed with 1 conflict");
        assert_eq!(error.refusal().unwrap().causes[0].field, ".spec.replicas");
    }

    #[test]
    fn what_is_no_status_is_still_said() {
        let error = ClusterError::Refused(Box::new(Refusal::read(502, b"bad gateway\n", None)));
        assert_eq!(error.to_string(), "bad gateway");
        assert!(error.retryable());
        assert_eq!(Refusal::read(500, b"", None).message, "the server answered with status 500");
    }

    #[test]
    fn a_missing_kind_is_no_missing_object() {
        let unserved = "the server could not find the requested resource";
        assert!(refused(404, &json!({"kind": "Status", "code": 404, "message": unserved})).is_unserved());
        assert!(ClusterError::Refused(Box::new(Refusal::read(404, b"404 page not found\n", None))).is_unserved());
        let missing = "configmaps \"a\" not found";
        assert!(!refused(404, &json!({"kind": "Status", "code": 404, "message": missing})).is_unserved());
    }

    #[test]
    fn old_and_foreign_versions_ask_for_a_list() {
        assert!(refused(410, &json!({"kind": "Status", "code": 410, "reason": "Expired"})).is_expired());
        assert!(
            refused(
                504,
                &json!({"kind": "Status", "code": 504, "reason": "Timeout", "message": "Too large resource version: 9, current: 3"})
            )
            .is_expired()
        );
        assert!(!refused(404, &json!({"kind": "Status", "code": 404})).is_expired());
    }
}
