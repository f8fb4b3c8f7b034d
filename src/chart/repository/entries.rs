//! Helm's list of repositories (`repositories.yaml`): the names that stand before the slash in `repo/chart`.

use std::fmt;

use crate::chart::{Decoder, field};
use crate::yaml;

/// One repository of the list.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RepositoryEntry {
    /// The name that it goes by.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// The user of basic authentication, or empty.
    pub username: String,
    /// The password of basic authentication, or empty.
    pub password: String,
    /// A client certificate, or empty.
    pub cert_file: String,
    /// The key of the client certificate, or empty.
    pub key_file: String,
    /// The authorities that are trusted instead of the machine's, or empty.
    pub ca_file: String,
    /// Whether certificates are not checked.
    pub insecure_skip_tls_verify: bool,
    /// Whether user and password may go to other hosts.
    pub pass_credentials_all: bool,
}

impl fmt::Debug for RepositoryEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RepositoryEntry")
            .field("name", &self.name)
            .field("url", &super::masked(&self.url))
            .finish_non_exhaustive()
    }
}

/// Reads `repositories.yaml`.
///
/// # Errors
/// With Go's message, when it is no YAML or of another shape.
pub fn repositories(text: &str) -> Result<Vec<RepositoryEntry>, String> {
    let node =
        yaml::parse_lenient(text).map_err(|error| format!("error converting YAML to JSON: {}", error.go_text()))?;
    let Some(node) = node else { return Ok(Vec::new()) };
    let mut decoder = Decoder::new("File");
    let pairs = decoder.map(&node, "", "repo.File").unwrap_or_default();
    let mut found = Vec::new();
    if let Some(list) = field(pairs, "repositories") {
        for item in decoder.list(list, "repositories", "[]*repo.Entry") {
            let Some(pairs) = decoder.map(item, "repositories", "repo.Entry") else { continue };
            let mut text = |name: &str| decoder.string(field(pairs, name), &format!("repositories.{name}"));
            found.push(RepositoryEntry {
                name: text("name"),
                url: text("url"),
                username: text("username"),
                password: text("password"),
                cert_file: text("certFile"),
                key_file: text("keyFile"),
                ca_file: text("caFile"),
                insecure_skip_tls_verify: decoder
                    .bool(field(pairs, "insecure_skip_tls_verify"), "repositories.insecure_skip_tls_verify"),
                pass_credentials_all: decoder
                    .bool(field(pairs, "pass_credentials_all"), "repositories.pass_credentials_all"),
            });
        }
    }
    match decoder.error() {
        Some((message, _)) => Err(message),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_as_helm_writes_it() {
        let text = "apiVersion: \"\"\ngenerated: \"0001-01-01T00:00:00Z\"\nrepositories:\n- caFile: /ca\n  name: a\n  \
                    pass_credentials_all: true\n  password: hush\n  url: https://u:hush@example.org/charts\n  username: u\n";
        let read = repositories(text).unwrap();
        assert_eq!((read[0].name.as_str(), read[0].ca_file.as_str(), read[0].pass_credentials_all), ("a", "/ca", true));
        assert!(!format!("{read:?}").contains("hush"));
        assert_eq!(repositories("").unwrap(), []);
        assert!(repositories("repositories: 3").is_err());
    }
}
