//! Label and field selectors of list and watch requests: text in, a test on objects out.

use serde_json::Value;

use super::error::ApiError;

/// One requirement of a label selector.
#[derive(Debug, Clone, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
    Greater(String, i64),
    Less(String, i64),
}

/// A parsed `labelSelector` and `fieldSelector`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Selector {
    labels: Vec<Requirement>,
    /// Path, wanted value, and whether it must be equal.
    fields: Vec<(String, String, bool)>,
}

/// Fields that every kind can be selected by.
const COMMON_FIELDS: &[&str] = &["metadata.name", "metadata.namespace"];

/// The fields beside name and namespace by which kube-apiserver selects built-in kinds.
fn selectable(table: &str) -> &'static [&'static str] {
    match table {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "events" | "events.events.k8s.io" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
            "regarding.kind",
            "regarding.name",
            "regarding.namespace",
            "regarding.uid",
        ],
        "secrets" => &["type"],
        "namespaces" => &["status.phase"],
        "nodes" => &["spec.unschedulable"],
        "replicasets.apps" | "replicationcontrollers" => &["status.replicas"],
        "jobs.batch" => &["status.successful"],
        "services" => &["spec.clusterIP", "spec.type"],
        _ => &[],
    }
}

/// Splits at commas outside of parentheses.
fn clauses(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&text[start..]);
    found
}

fn requirement(clause: &str) -> Option<Requirement> {
    let clause = clause.trim();
    if let Some(open) = clause.find('(') {
        let values = clause[open + 1..].strip_suffix(')')?.split(',').map(|v| v.trim().to_owned()).collect();
        let mut words = clause[..open].split_whitespace();
        let key = words.next()?.to_owned();
        return match (words.next()?, words.next()) {
            ("in", None) => Some(Requirement::In(key, values)),
            ("notin", None) => Some(Requirement::NotIn(key, values)),
            _ => None,
        };
    }
    let one = |key: &str, value: &str| (key.trim().to_owned(), vec![value.trim().to_owned()]);
    if let Some((key, value)) = clause.split_once("!=") {
        let (key, values) = one(key, value);
        return Some(Requirement::NotIn(key, values));
    }
    if let Some((key, value)) = clause.split_once("==").or_else(|| clause.split_once('=')) {
        let (key, values) = one(key, value);
        return Some(Requirement::In(key, values));
    }
    if let Some((key, value)) = clause.split_once('>') {
        return Some(Requirement::Greater(key.trim().to_owned(), value.trim().parse().ok()?));
    }
    if let Some((key, value)) = clause.split_once('<') {
        return Some(Requirement::Less(key.trim().to_owned(), value.trim().parse().ok()?));
    }
    let (key, absent) = match clause.strip_prefix('!') {
        Some(key) => (key.trim(), true),
        None => (clause, false),
    };
    if key.is_empty() || key.contains(char::is_whitespace) {
        return None;
    }
    Some(if absent { Requirement::Absent(key.to_owned()) } else { Requirement::Exists(key.to_owned()) })
}

impl Selector {
    /// Parses both selectors for the kind whose table is given (`pods`, `jobs.batch`); empty texts select everything.
    pub(super) fn parse(table: &str, labels: &str, fields: &str) -> Result<Self, ApiError> {
        let mut selector = Self::default();
        if !labels.trim().is_empty() {
            for clause in clauses(labels) {
                selector.labels.push(requirement(clause).ok_or_else(|| {
                    ApiError::bad_request(format!("unable to parse requirement: {labels:?} at {:?}", clause.trim()))
                })?);
            }
        }
        if !fields.trim().is_empty() {
            for clause in fields.split(',') {
                let (path, value, equal) = if let Some((path, value)) = clause.split_once("!=") {
                    (path, value, false)
                } else if let Some((path, value)) = clause.split_once("==").or_else(|| clause.split_once('=')) {
                    (path, value, true)
                } else {
                    return Err(ApiError::bad_request(format!("invalid field selector: {fields:?}")));
                };
                let path = path.trim();
                if !COMMON_FIELDS.contains(&path) && !selectable(table).contains(&path) {
                    let message = if selectable(table).is_empty() {
                        format!(
                            "{path:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                        )
                    } else {
                        format!("field label not supported: {path}")
                    };
                    return Err(ApiError::bad_request(message));
                }
                selector.fields.push((path.to_owned(), value.trim().to_owned(), equal));
            }
        }
        Ok(selector)
    }

    /// A selector over `matchLabels` and `matchExpressions`; one that is absent selects nothing.
    pub(super) fn from_label_selector(selector: Option<&Value>) -> Option<Self> {
        let selector = selector?.as_object()?;
        let mut labels = Vec::new();
        for (key, value) in selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
            labels.push(Requirement::In(key.clone(), vec![value.as_str()?.to_owned()]));
        }
        for expression in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
            let key = expression["key"].as_str()?.to_owned();
            let values = expression["values"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|v| v.as_str().map(str::to_owned))
                .collect();
            labels.push(match expression["operator"].as_str()? {
                "In" => Requirement::In(key, values),
                "NotIn" => Requirement::NotIn(key, values),
                "Exists" => Requirement::Exists(key),
                "DoesNotExist" => Requirement::Absent(key),
                _ => return None,
            });
        }
        Some(Self { labels, fields: Vec::new() })
    }

    /// Whether it selects everything.
    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether the object is selected.
    pub(super) fn matches(&self, object: &Value) -> bool {
        let labels = object["metadata"]["labels"].as_object();
        let label = |key: &str| labels.and_then(|l| l.get(key)).and_then(Value::as_str);
        let number = |key: &str| label(key).and_then(|v| v.parse::<i64>().ok());
        self.labels.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => label(key).is_some_and(|v| values.iter().any(|w| w == v)),
            Requirement::NotIn(key, values) => !label(key).is_some_and(|v| values.iter().any(|w| w == v)),
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Absent(key) => label(key).is_none(),
            Requirement::Greater(key, than) => number(key).is_some_and(|v| v > *than),
            Requirement::Less(key, than) => number(key).is_some_and(|v| v < *than),
        }) && self.fields.iter().all(|(path, wanted, equal)| {
            let pointer = match path.as_str() {
                // What the API calls these in selectors is not where they stand.
                "status.successful" => "/status/succeeded".to_owned(),
                "source" => "/source/component".to_owned(),
                path => format!("/{}", path.replace('.', "/")),
            };
            let found = match object.pointer(&pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Null) | None => String::new(),
                Some(other) => other.to_string(),
            };
            (found == *wanted) == *equal
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn selects(labels: &str) -> bool {
        let object = json!({"metadata": {"name": "a", "labels": {"app": "web", "tier": "front", "n": "5"}}});
        Selector::parse("pods", labels, "").unwrap().matches(&object)
    }

    #[test]
    fn label_selectors_as_kubectl_writes_them() {
        for yes in ["", "app=web", "app==web,tier", "app in (web, api)", "app notin (api),!zone", "zone!=x", "n>4"] {
            assert!(selects(yes), "{yes}");
        }
        for no in ["app=api", "!app", "zone", "app notin (web)", "tier=front,app=api", "n<5"] {
            assert!(!selects(no), "{no}");
        }
        assert!(Selector::parse("pods", "a b", "").is_err());
        assert!(Selector::parse("pods", "a in (b", "").is_err());
    }

    #[test]
    fn field_selectors_know_their_kind() {
        let pod = json!({"metadata": {"name": "a", "namespace": "n"}, "status": {"phase": "Running"}});
        let test = |fields: &str| Selector::parse("pods", "", fields).unwrap().matches(&pod);
        assert!(test("metadata.name=a,status.phase!=Pending"));
        assert!(test("spec.nodeName="));
        assert!(!test("metadata.name=b"));
        let error = Selector::parse("secrets", "", "status.phase=x").unwrap_err();
        assert_eq!(error.message, "field label not supported: status.phase");
    }
}
