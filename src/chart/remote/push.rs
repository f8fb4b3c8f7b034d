//! Puts a packed chart into a registry, as `helm push` does: the same layers, the same annotations.

use super::Remote;
use super::error::RemoteError;
use super::oci::{CHART, CONFIG, PROVENANCE};
use crate::chart::repository::{Reference, sha256};
use crate::chart::{Chart, Metadata};
use crate::go::json;

/// What was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// As helm prints it, with the tag as the registry knows it.
    pub reference: String,
    /// The manifest's digest, with `sha256:`.
    pub digest: String,
}

impl Remote {
    /// Pushes an archive below `remote` (`oci://host/path`) under its chart's name and version. `created` is when the archive was
    /// written, in RFC 3339.
    ///
    /// # Errors
    /// When the archive is no chart, or the registry refuses it.
    pub async fn push(
        &self,
        archive: &[u8],
        provenance: Option<&[u8]>,
        remote: &str,
        created: &str,
    ) -> Result<Pushed, RemoteError> {
        let Some(path) = remote.strip_prefix("oci://") else {
            let scheme = remote.split_once("://").map_or("", |(scheme, _)| scheme);
            return Err(RemoteError::invalid(format!("scheme {scheme:?} not supported")));
        };
        let chart = Chart::load_archive(remote, archive).map_err(|error| RemoteError::invalid(error.helm))?;
        let metadata = &chart.metadata;
        let text = format!("{}/{}", path.trim_end_matches('/'), metadata.name);
        let reference = Reference::parse(&text)?.with_tag(&metadata.version);
        let registry = self.registry(&reference).await?;
        let config = metadata.to_go_json();
        let manifest = manifest(&config, archive, provenance, &annotations(metadata, created));
        for layer in [Some(archive), Some(config.as_bytes()), provenance].into_iter().flatten() {
            registry.push_layer(layer).await?;
        }
        registry.push_manifest(&manifest).await?;
        Ok(Pushed { reference: reference.to_string(), digest: format!("sha256:{}", sha256(manifest.as_bytes())) })
    }
}

fn manifest(config: &str, archive: &[u8], provenance: Option<&[u8]>, annotations: &[(String, String)]) -> String {
    let descriptor = |kind: &str, bytes: &[u8]| {
        format!(r#"{{"mediaType":{},"digest":"sha256:{}","size":{}}}"#, json::text(kind), sha256(bytes), bytes.len())
    };
    // Helm's order, so that the same chart has the same digest: by digest.
    let mut layers = vec![(sha256(archive), descriptor(CHART, archive))];
    layers.extend(provenance.map(|bytes| (sha256(bytes), descriptor(PROVENANCE, bytes))));
    layers.sort();
    let layers: Vec<String> = layers.into_iter().map(|(_, layer)| layer).collect();
    let annotations: Vec<String> =
        annotations.iter().map(|(key, value)| format!("{}:{}", json::text(key), json::text(value))).collect();
    format!(
        r#"{{"schemaVersion":2,"config":{},"layers":[{}],"annotations":{{{}}}}}"#,
        descriptor(CONFIG, config.as_bytes()),
        layers.join(","),
        annotations.join(",")
    )
}

/// What helm says of a chart beside its layers, sorted.
fn annotations(metadata: &Metadata, created: &str) -> Vec<(String, String)> {
    let mut authors = String::new();
    for (index, maintainer) in metadata.maintainers.iter().enumerate() {
        authors.push_str(&maintainer.name);
        if !maintainer.email.is_empty() {
            authors.push_str(&format!(" ({})", maintainer.email));
        }
        if index + 1 < metadata.maintainers.len() {
            authors.push_str(", ");
        }
    }
    let mut found: std::collections::BTreeMap<String, String> = [
        ("description", metadata.description.as_str()),
        ("title", &metadata.name),
        ("version", &metadata.version),
        ("url", &metadata.home),
        ("created", created),
        ("source", metadata.sources.first().map_or("", String::as_str)),
        ("authors", &authors),
    ]
    .into_iter()
    .filter(|(_, value)| !value.trim().is_empty())
    .map(|(key, value)| (format!("org.opencontainers.image.{key}"), value.to_owned()))
    .collect();
    for (key, value) in &metadata.annotations {
        if !["version", "title"].iter().any(|fixed| *key == format!("org.opencontainers.image.{fixed}")) {
            found.insert(key.clone(), value.clone());
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_what_helm_writes() {
        let metadata = Metadata {
            name: "web".into(),
            version: "1.2.3+b.1".into(),
            description: "A chart".into(),
            annotations: vec![("org.opencontainers.image.title".into(), "no".into()), ("z".into(), "y".into())],
            ..Metadata::default()
        };
        let annotations = annotations(&metadata, "2026-01-01T00:00:00Z");
        let keys: Vec<&str> = annotations.iter().map(|(key, _)| key.as_str()).collect();
        let own = ["created", "description", "title", "version"].map(|key| format!("org.opencontainers.image.{key}"));
        assert_eq!(keys, [own[0].as_str(), &own[1], &own[2], &own[3], "z"]);
        let text = manifest("{}", b"a", Some(b"b"), &annotations);
        assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap().is_object());
    }
}
