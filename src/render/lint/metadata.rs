//! The rules about `Chart.yaml`.

use crate::chart::Metadata;
use crate::chart::version::Version;
use crate::go::quote::quote;
use crate::yaml::{self, Numbers};
use serde_json::Value;

use super::names::{is_email, is_request_url, is_url};
use super::{Lint, LintSeverity};

const FILE: &str = "Chart.yaml";

pub(super) fn look(lint: &mut Lint, text: &str) {
    let metadata = match Metadata::alone(text) {
        Ok(metadata) => metadata,
        Err(message) => return lint.error(FILE, &format!("unable to parse YAML\n\t{message}")),
    };
    let raw = yaml::to_json(text, Numbers::Float).unwrap_or_default();
    let mut check = |fault: Option<String>| {
        if let Some(fault) = fault {
            lint.error(FILE, &fault);
        }
    };
    check(name(&metadata.name));
    check(api_version(&metadata.api_version));
    check(no_text(&raw, "version"));
    check(version(&metadata.version));
    check(no_text(&raw, "appVersion"));
    check(maintainers(&metadata));
    let source = metadata.sources.iter().find(|source| !is_request_url(source));
    check(source.map(|source| format!("invalid source URL '{source}'")));
    if metadata.icon.is_empty() {
        lint.say(LintSeverity::Info, FILE, "icon is recommended");
    } else if !is_request_url(&metadata.icon) {
        lint.error(FILE, &format!("invalid icon URL '{}'", metadata.icon));
    }
    let api = &metadata.api_version;
    if api != "v2" && !metadata.kind.is_empty() {
        lint.error(FILE, &format!("chart type is not valid in apiVersion '{api}'. It is valid in apiVersion 'v2'"));
    }
    if api != "v2" && metadata.dependencies.as_ref().is_some_and(|all| !all.is_empty()) {
        lint.error(
            FILE,
            &format!("dependencies are not valid in the Chart file with apiVersion '{api}'. They are valid in apiVersion 'v2'"),
        );
    }
}

fn name(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("name is required".to_owned());
    }
    // Go's `filepath.Base`.
    let trimmed = name.trim_end_matches('/');
    let base = if trimmed.is_empty() { "/" } else { trimmed.rsplit('/').next().unwrap_or(trimmed) };
    (base != name).then(|| format!("chart name {} is invalid", quote(name.as_bytes())))
}

fn api_version(version: &str) -> Option<String> {
    match version {
        "" => Some("apiVersion is required. The value must be either \"v1\" or \"v2\"".to_owned()),
        "v1" | "v2" => None,
        other => Some(format!("apiVersion '{other}' is not valid. The value must be either \"v1\" or \"v2\"")),
    }
}

fn version(version: &str) -> Option<String> {
    if version.is_empty() {
        return Some("version is required".to_owned());
    }
    let (Ok(found), Ok(least)) = (Version::parse(version), Version::parse("0.0.0-0")) else {
        return Some(format!("version '{version}' is not a valid SemVer"));
    };
    let low = found.compare(&least) != std::cmp::Ordering::Greater;
    low.then(|| format!("version {version} is less than or equal to 0.0.0-0"))
}

/// Go's name of what is no text.
fn no_text(raw: &Value, key: &str) -> Option<String> {
    let kind = match raw.get(key)? {
        Value::String(_) => return None,
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    Some(format!("{key} should be of type string but it's of type {kind}"))
}

fn maintainers(metadata: &Metadata) -> Option<String> {
    metadata.maintainers.iter().find_map(|one| {
        if one.name.is_empty() {
            Some("each maintainer requires a name".to_owned())
        } else if !one.email.is_empty() && !is_email(&one.email) {
            Some(format!("invalid email '{}' for maintainer '{}'", one.email, one.name))
        } else if !one.url.is_empty() && !is_url(&one.url) {
            Some(format!("invalid url '{}' for maintainer '{}'", one.url, one.name))
        } else {
            None
        }
    })
}
