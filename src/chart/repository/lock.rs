//! `Chart.lock`: the versions that a chart's dependencies were resolved to, and the digest that tells when `Chart.yaml` has moved on.

use super::digest::sha256;
use crate::chart::encode::yaml_of;
use crate::chart::{Decoder, Dependency, field};
use crate::go::json;
use crate::yaml;

/// A lock file (helm: `chart.Lock`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lock {
    /// When it was written, in RFC 3339.
    pub generated: String,
    /// The digest of what was asked for and what it became.
    pub digest: String,
    /// The dependencies with their exact versions.
    pub dependencies: Vec<Dependency>,
}

impl Lock {
    /// Reads a lock file; `None` when it says nothing.
    ///
    /// # Errors
    /// With Go's message.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let node =
            yaml::parse_lenient(text).map_err(|error| format!("error converting YAML to JSON: {}", error.go_text()))?;
        let mut decoder = Decoder::new("Lock");
        let Some(pairs) = node.as_ref().and_then(|node| decoder.map(node, "", "chart.Lock")) else {
            return decoder.error().map_or(Ok(None), |(message, _)| Err(message));
        };
        let lock = Self {
            generated: decoder.string(field(pairs, "generated"), "generated"),
            digest: decoder.string(field(pairs, "digest"), "digest"),
            dependencies: field(pairs, "dependencies")
                .map(|list| decoder.list(list, "dependencies", "[]*chart.Dependency"))
                .unwrap_or_default()
                .iter()
                .filter_map(|item| Dependency::decode(&mut decoder, item))
                .collect(),
        };
        match decoder.error() {
            Some((message, _)) => Err(message),
            None => Ok(Some(lock)),
        }
    }

    /// As `json.Marshal` writes helm's `chart.Lock`.
    #[must_use]
    pub fn to_go_json(&self) -> String {
        let generated = if self.generated.is_empty() { "0001-01-01T00:00:00Z" } else { &self.generated };
        format!(
            r#"{{"generated":{},"digest":{},"dependencies":{}}}"#,
            json::text(generated),
            json::text(&self.digest),
            list(Some(&self.dependencies))
        )
    }

    /// As helm writes it.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        yaml_of(&self.to_go_json())
    }
}

/// The digest of a lock: over what `Chart.yaml` asks for and what it was resolved to (helm: `resolver.HashReq`).
#[must_use]
pub fn hash_dependencies(wanted: Option<&[Dependency]>, locked: &[Dependency]) -> String {
    format!("sha256:{}", sha256(format!("[{},{}]", list(wanted), list(Some(locked))).as_bytes()))
}

/// The digest that helm 2 put into `requirements.lock` (helm: `resolver.HashV2Req`).
#[must_use]
pub fn hash_dependencies_v2(wanted: Option<&[Dependency]>) -> String {
    format!("sha256:{}", sha256(format!(r#"{{"dependencies":{}}}"#, list(wanted)).as_bytes()))
}

fn list(dependencies: Option<&[Dependency]>) -> String {
    match dependencies {
        None => "null".to_owned(),
        Some(all) => format!("[{}]", all.iter().map(Dependency::to_go_json).collect::<Vec<_>>().join(",")),
    }
}
