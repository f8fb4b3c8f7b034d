//! Questions about access: in the sandbox everybody may do everything.

use serde_json::{Value, json};

use crate::sandbox::resources::ResourceType;

/// The answer to a review, or nothing when the resource is none.
pub(super) fn answer(resource: &ResourceType, question: &Value) -> Option<Value> {
    let mut answer = question.clone();
    if !answer.is_object() {
        answer = json!({});
    }
    let status = match (resource.group.as_str(), resource.kind.as_str()) {
        ("authorization.k8s.io", "SelfSubjectRulesReview") => json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": false,
        }),
        ("authorization.k8s.io", _) => json!({"allowed": true, "reason": "the sandbox allows everything"}),
        ("authentication.k8s.io", "SelfSubjectReview") => {
            json!({"userInfo": {"username": "sandbox", "groups": ["system:masters", "system:authenticated"]}})
        }
        ("authentication.k8s.io", _) => json!({"authenticated": false, "user": {}}),
        _ => return None,
    };
    answer["apiVersion"] = resource.api_version().into();
    answer["kind"] = resource.kind.clone().into();
    answer["status"] = status;
    Some(answer)
}
