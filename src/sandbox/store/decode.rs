//! Decoding what a client sent: its type is checked, what the type does not have is dropped and named, defaults are filled in.

use serde_json::{Value, json};

use super::write::Validation;
use super::{Store, Target};
use crate::sandbox::defaults;
use crate::sandbox::error::ApiError;
use crate::sandbox::schema::{Findings, Manners};

impl Store {
    /// Drops what the type does not have and says so as the validation asks, and fills in defaults. Of what is `partial`
    /// (an applied configuration) only the type is checked: `fields` knows what may stand in it.
    pub(super) fn decode(
        &self,
        target: &Target,
        object: &mut Value,
        validation: Validation,
        partial: bool,
    ) -> Result<Vec<String>, ApiError> {
        let resource = &target.resource;
        if !object.is_object() {
            return Err(ApiError::bad_request(format!(
                "cannot decode a {} from something that is no object",
                resource.kind
            )));
        }
        if object.get("metadata").is_none_or(|m| !m.is_object()) {
            object["metadata"] = json!({});
        }
        let (kind, version) =
            (object["kind"].as_str().unwrap_or_default(), object["apiVersion"].as_str().unwrap_or_default());
        if kind.is_empty() && version.is_empty() {
            object["kind"] = resource.kind.clone().into();
            object["apiVersion"] = resource.api_version().into();
        } else if kind != resource.kind || version != resource.api_version() {
            let (group, bare) = version.split_once('/').unwrap_or(("", version));
            if resource.custom.is_none() && self.registry.all().any(|r| r.kind == kind && r.group == group) {
                let package = match resource.group.split('.').next().unwrap_or_default() {
                    "" => "core",
                    name => name,
                };
                let own = &resource.kind;
                return Err(ApiError::bad_request(format!(
                    "{kind} in version {bare:?} cannot be handled as a {own}: converting ({bare}.{kind}) to ({package}.{own}): unknown conversion"
                )));
            }
            return Err(ApiError::bad_request(format!(
                "the API version in the data ({version}) and kind ({kind}) do not match the expected ({}, {})",
                resource.api_version(),
                resource.kind
            )));
        }
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        if resource.namespaced && !namespace.is_empty() && namespace != target.namespace {
            return Err(ApiError::bad_request(format!(
                "the namespace of the provided object does not match the namespace sent on the request: {namespace} != {}",
                target.namespace
            )));
        }
        let Some(node) = self.node(resource) else { return Ok(Vec::new()) };
        if partial {
            return Ok(Vec::new());
        }
        let manners = if resource.custom.is_some() { Manners::Custom } else { Manners::BuiltIn };
        let findings = self.schemas.conform(object, node, manners);
        let warnings = judge(target, object, &findings, validation)?;
        if resource.custom.is_none() {
            defaults::fill(&resource.table(), object);
        }
        Ok(warnings)
    }
}

fn judge(
    target: &Target,
    object: &Value,
    findings: &Findings,
    validation: Validation,
) -> Result<Vec<String>, ApiError> {
    let resource = &target.resource;
    if findings.too_deep {
        return Err(ApiError::bad_request("the object nests too deep"));
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if resource.custom.is_none()
        && let Some(wrong) = findings.mistyped.first()
    {
        let what = match &wrong.found {
            Value::Object(_) => "object".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(n) => format!("number {n}"),
            Value::Null => "null".to_owned(),
        };
        // Go names the path without indexes.
        let path: String =
            wrong.path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect();
        return Err(ApiError::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: json: cannot unmarshal {what} into Go struct field {}.{path} of type {}",
            resource.kind, resource.version, resource.kind, wrong.owner, wrong.go
        )));
    }
    let mut warnings = Vec::new();
    if !findings.unknown.is_empty() {
        match validation {
            Validation::Ignore => {}
            Validation::Warn => warnings.extend(findings.unknown.iter().map(|path| format!("unknown field {path:?}"))),
            Validation::Strict => {
                let list: Vec<String> = findings.unknown.iter().map(|path| format!("unknown field {path:?}")).collect();
                return Err(ApiError::bad_request(format!(
                    "{} in version {:?} cannot be handled as a {}: strict decoding error: {}",
                    resource.kind,
                    resource.version,
                    resource.kind,
                    list.join(", ")
                )));
            }
        }
    }
    let mut causes = Vec::new();
    for path in &findings.missing {
        causes.push(("FieldValueRequired", "Required value".to_owned(), path.clone()));
    }
    for wrong in &findings.mistyped {
        let (path, expected) = (&wrong.path, wrong.expected);
        let what = match &wrong.found {
            Value::Object(_) => "object",
            Value::Array(_) => "array",
            Value::String(_) => "string",
            Value::Bool(_) => "boolean",
            Value::Number(n) if n.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::Null => "null",
        };
        causes.push((
            "FieldValueTypeInvalid",
            format!("Invalid value: {what:?}: {path} in body must be of type {expected}: {what:?}"),
            path.clone(),
        ));
    }
    for (path, found, allowed) in &findings.outside {
        let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
        causes.push((
            "FieldValueNotSupported",
            format!("Unsupported value: {found}: supported values: {}", allowed.join(", ")),
            path.clone(),
        ));
    }
    if !causes.is_empty() {
        return Err(ApiError::invalid(&resource.group, &resource.kind, name, &causes));
    }
    Ok(warnings)
}
