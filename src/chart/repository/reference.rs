//! References to charts in OCI registries (`oci://host/path/chart:tag@digest`), and URLs as they may be shown.

use std::fmt;

/// Why a text is no reference; the messages are helm's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// There is a host alone.
    #[error("invalid_reference: missing repository")]
    NoRepository,
    /// The host is none.
    #[error("invalid_reference: invalid registry")]
    Registry,
    /// The path has characters that registries do not allow (capitals, for one).
    #[error("invalid_reference: invalid repository")]
    Repository,
    /// The tag has characters that registries do not allow.
    #[error("invalid_reference: invalid tag")]
    Tag,
    /// The digest is no `sha256:` with 64 digits.
    #[error("invalid_reference: invalid digest")]
    Digest,
}

/// A chart in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Host, with the port if there is one.
    pub registry: String,
    /// The path below it.
    pub repository: String,
    /// The tag as the registry knows it (`_` for `+`), or empty.
    pub tag: String,
    /// As `sha256:…`, or empty.
    pub digest: String,
}

impl Reference {
    /// Reads a reference, with or without `oci://`. A `+` in the tag becomes the `_` that registries know it by.
    ///
    /// # Errors
    /// With helm's words.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let text = text.strip_prefix("oci://").unwrap_or(text);
        let (text, digest) = text.rsplit_once('@').unwrap_or((text, ""));
        let (registry, path) = text.split_once('/').ok_or(ReferenceError::NoRepository)?;
        let (repository, tag) = path.split_once(':').unwrap_or((path, ""));
        let tag = tag.replace('+', "_");
        let host = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        if registry.is_empty() || !registry.chars().all(host) {
            return Err(ReferenceError::Registry);
        }
        if !repository.split('/').all(is_component) {
            return Err(ReferenceError::Repository);
        }
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let good = tag.len() <= 128 && tag.starts_with(word) && tag.chars().all(|c| word(c) || c == '.' || c == '-');
        if !tag.is_empty() && !good {
            return Err(ReferenceError::Tag);
        }
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        if !digest.is_empty() && (hex.len() != 64 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))) {
            return Err(ReferenceError::Digest);
        }
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), tag, digest: digest.to_owned() })
    }

    /// The host that is asked: Docker Hub's has another name.
    #[must_use]
    pub fn host(&self) -> &str {
        if self.registry == "docker.io" { "registry-1.docker.io" } else { &self.registry }
    }

    /// The chart's name: the last part of the path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or(&self.repository)
    }

    /// With another tag; a `+` becomes `_`.
    #[must_use]
    pub fn with_tag(&self, tag: &str) -> Self {
        Self { tag: tag.replace('+', "_"), ..self.clone() }
    }
}

/// As helm prints it: the tag where there is one, else the digest.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        match (self.tag.as_str(), self.digest.as_str()) {
            ("", "") => Ok(()),
            ("", digest) => write!(f, "@{digest}"),
            (tag, _) => write!(f, ":{tag}"),
        }
    }
}

/// Lower-case letters and digits, with `.`, `_`, `__` or dashes between them.
fn is_component(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut rest = text;
    loop {
        let after = rest.trim_start_matches(alphanumeric);
        if after.len() == rest.len() {
            return false;
        }
        if after.is_empty() {
            return true;
        }
        rest = after.trim_start_matches('-');
        if rest.len() == after.len() {
            let separator = ["__", "_", "."].iter().find_map(|sign| after.strip_prefix(sign));
            let Some(next) = separator else { return false };
            rest = next;
        }
    }
}

/// Whether a chart is named by `oci://…`.
#[must_use]
pub fn is_oci(text: &str) -> bool {
    text.starts_with("oci://")
}

/// A text with the user information of every URL in it hidden.
#[must_use]
pub fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| "/?#\"'<>".contains(c) || c.is_whitespace()).unwrap_or(after.len());
        match after[..end].rfind('@') {
            Some(sign) => {
                out.push_str("***");
                rest = &after[sign..];
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_registries_allow() {
        let digest = format!("sha256:{}", "a1".repeat(32));
        let full = Reference::parse(&format!("oci://localhost:5000/a/b-c/web:1.2.3+b@{digest}")).unwrap();
        assert_eq!((full.registry.as_str(), full.repository.as_str()), ("localhost:5000", "a/b-c/web"));
        assert_eq!((full.tag.as_str(), full.digest.as_str(), full.name()), ("1.2.3_b", digest.as_str(), "web"));
        assert_eq!(full.to_string(), "localhost:5000/a/b-c/web:1.2.3_b");
        assert_eq!(Reference::parse("docker.io/a/b").unwrap().host(), "registry-1.docker.io");
        for good in ["h/a", "h/a_b", "h/a__b", "h/a.b", "h/a--b/c"] {
            assert!(Reference::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["h", "h/", "h/A", "h/a/", "h/a..b", "h/a___b", "h/-a", "h/a:+ ", "h/a@sha256:1", "u:p@h/a", "/a", "h/a:.b"]
        {
            assert!(Reference::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shows_no_password() {
        assert_eq!(
            masked("Get \"https://u:p@h/x\": and http://t@h2:1 end"),
            "Get \"https://***@h/x\": and http://***@h2:1 end"
        );
        assert_eq!(masked("https://h/a@b no@thing"), "https://h/a@b no@thing");
    }
}
