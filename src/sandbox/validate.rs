//! What the server refuses beyond what decoding does. Names, and of workloads what their controllers cannot do without;
//! the rest of kube-apiserver's validation, immutable fields among it, is not here.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::error::ApiError;
use super::selector::Selector;
use super::store::Target;

static SUBDOMAIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$").ok());
static LABEL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$").ok());

const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_RULE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

fn invalid(target: &Target, causes: &[(&str, String, String)]) -> ApiError {
    ApiError::invalid(&target.resource.group, &target.resource.kind, &target.name, causes)
}

fn fits(pattern: &LazyLock<Option<Regex>>, name: &str) -> bool {
    pattern.as_ref().is_none_or(|p| p.is_match(name))
}

/// Checks the name of a new object.
pub(super) fn name(target: &Target) -> Result<(), ApiError> {
    let name = target.name.as_str();
    let refuse = |reason, message: String| Err(invalid(target, &[(reason, message, "metadata.name".to_owned())]));
    if name.is_empty() {
        return refuse("FieldValueRequired", "Required value: name or generateName is required".to_owned());
    }
    if target.resource.group == "rbac.authorization.k8s.io" {
        if name == "." || name == ".." || name.contains(['/', '%']) {
            return refuse("FieldValueInvalid", format!("Invalid value: {name:?}: may not contain '/' or '%'"));
        }
        return Ok(());
    }
    let labels_only = ["namespaces", "services"].contains(&target.resource.table().as_str());
    let (pattern, rule, limit) = if labels_only { (&LABEL, LABEL_RULE, 63) } else { (&SUBDOMAIN, SUBDOMAIN_RULE, 253) };
    if name.len() > limit {
        return refuse(
            "FieldValueInvalid",
            format!("Invalid value: {name:?}: must be no more than {limit} characters"),
        );
    }
    if !fits(pattern, name) {
        return refuse("FieldValueInvalid", format!("Invalid value: {name:?}: {rule}"));
    }
    Ok(())
}

/// Checks an object before it is written; `live` is its version before.
pub(super) fn object(target: &Target, live: Option<&Value>, object: &Value) -> Result<(), ApiError> {
    let mut causes = Vec::new();
    let required = |causes: &mut Vec<_>, field: &str| {
        causes.push(("FieldValueRequired", "Required value".to_owned(), field.to_owned()));
    };
    let table = target.resource.table();
    let template = match table.as_str() {
        "pods" => Some(("spec".to_owned(), object)),
        "deployments.apps" | "statefulsets.apps" | "daemonsets.apps" | "replicasets.apps" | "jobs.batch" => {
            Some(("spec.template.spec".to_owned(), &object["spec"]["template"]))
        }
        "cronjobs.batch" => {
            Some(("spec.jobTemplate.spec.template.spec".to_owned(), &object["spec"]["jobTemplate"]["spec"]["template"]))
        }
        _ => None,
    };
    if ["deployments.apps", "statefulsets.apps", "daemonsets.apps", "replicasets.apps"].contains(&table.as_str()) {
        match Selector::from_label_selector(object["spec"].get("selector")) {
            None => required(&mut causes, "spec.selector"),
            Some(selector) if selector.is_empty() => causes.push((
                "FieldValueInvalid",
                "Invalid value: {}: empty selector is invalid for deployment".to_owned(),
                "spec.selector".to_owned(),
            )),
            Some(selector) if !selector.matches(&object["spec"]["template"]) => causes.push((
                "FieldValueInvalid",
                format!(
                    "Invalid value: {}: `selector` does not match template `labels`",
                    object["spec"]["template"]["metadata"]["labels"]
                ),
                "spec.template.metadata.labels".to_owned(),
            )),
            Some(_) => {}
        }
        if object["spec"]["replicas"].as_i64().is_some_and(|r| r < 0) {
            causes.push((
                "FieldValueInvalid",
                format!("Invalid value: {}: must be greater than or equal to 0", object["spec"]["replicas"]),
                "spec.replicas".to_owned(),
            ));
        }
        let changed = live.is_some_and(|l| l["spec"]["selector"] != object["spec"]["selector"]);
        if changed {
            causes.push((
                "FieldValueInvalid",
                format!("Invalid value: {}: field is immutable", object["spec"]["selector"]),
                "spec.selector".to_owned(),
            ));
        }
    }
    if let Some((path, template)) = template {
        if template["spec"]["containers"].as_array().is_none_or(Vec::is_empty) {
            required(&mut causes, &format!("{path}.containers"));
        }
        for (index, container) in template["spec"]["containers"].as_array().into_iter().flatten().enumerate() {
            for field in ["name", "image"] {
                if container[field].as_str().unwrap_or_default().is_empty() {
                    required(&mut causes, &format!("{path}.containers[{index}].{field}"));
                }
            }
            for (mount, volume) in container["volumeMounts"].as_array().into_iter().flatten().enumerate() {
                let volumes = template["spec"]["volumes"].as_array().into_iter().flatten();
                // Claim templates become volumes later.
                let claims = object["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten();
                let known = volumes.map(|v| &v["name"]).chain(claims.map(|c| &c["metadata"]["name"]));
                if !known.into_iter().any(|name| *name == volume["name"]) {
                    let field = format!("{path}.containers[{index}].volumeMounts[{mount}].name");
                    causes.push(("FieldValueNotFound", format!("Not found: {}", volume["name"]), field));
                }
            }
        }
    }
    if table == "services"
        && object["spec"]["type"] != "ExternalName"
        && object["spec"]["clusterIP"] != "None"
        && object["spec"]["ports"].as_array().is_none_or(Vec::is_empty)
    {
        required(&mut causes, "spec.ports");
    }
    if table == super::store::CRDS {
        definition(target, object, &mut causes);
    }
    if causes.is_empty() { Ok(()) } else { Err(invalid(target, &causes)) }
}

fn definition(target: &Target, object: &Value, causes: &mut Vec<(&'static str, String, String)>) {
    let spec = &object["spec"];
    let wanted = format!(
        "{}.{}",
        spec["names"]["plural"].as_str().unwrap_or_default(),
        spec["group"].as_str().unwrap_or_default()
    );
    if target.name != wanted {
        causes.push((
            "FieldValueInvalid",
            format!("Invalid value: {:?}: must be spec.names.plural+\".\"+spec.group", target.name),
            "metadata.name".to_owned(),
        ));
    }
    let versions = spec["versions"].as_array().map_or(&[][..], Vec::as_slice);
    if versions.iter().filter(|v| v["storage"] == true).count() != 1 {
        causes.push((
            "FieldValueInvalid",
            format!("Invalid value: {}: must have exactly one version marked as storage version", spec["versions"]),
            "spec.versions".to_owned(),
        ));
    }
    for (index, version) in versions.iter().enumerate() {
        if version.pointer("/schema/openAPIV3Schema").is_none() {
            causes.push((
                "FieldValueRequired",
                "Required value: schemas are required".to_owned(),
                format!("spec.versions[{index}].schema.openAPIV3Schema"),
            ));
        }
    }
    if !["Namespaced", "Cluster"].contains(&spec["scope"].as_str().unwrap_or_default()) {
        causes.push((
            "FieldValueNotSupported",
            format!("Unsupported value: {}: supported values: \"Cluster\", \"Namespaced\"", spec["scope"]),
            "spec.scope".to_owned(),
        ));
    }
    if spec["names"]["kind"].as_str().unwrap_or_default().is_empty() {
        causes.push(("FieldValueRequired", "Required value".to_owned(), "spec.names.kind".to_owned()));
    }
}
