//! The index of an HTTP repository (`index.yaml`): which versions of which charts it has, and where their archives are.

use std::collections::BTreeMap;

use crate::chart::version::{Constraint, Version, VersionError};
use crate::chart::{Decoder, field};
use crate::yaml;

/// An index cannot be used, or has not what is wanted. The messages are helm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Nothing is in it.
    #[error("empty index.yaml file")]
    Empty,
    /// It does not say what it is.
    #[error("no API version specified")]
    NoApiVersion,
    /// It is no YAML, or of another shape.
    #[error("{0}")]
    Malformed(String),
    /// The chart is not in it.
    #[error("no chart name found")]
    NoChart,
    /// The chart is in it, without any version.
    #[error("no chart version found")]
    NoVersions,
    /// No version is in the range.
    #[error("no chart version found for {0}-{1}")]
    NoVersion(String, String),
    /// The range is none.
    #[error(transparent)]
    Range(#[from] VersionError),
}

/// One version of a chart in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartVersion {
    /// The version as it is written.
    pub version: String,
    /// Where its archive is: absolute, or relative to the repository.
    pub urls: Vec<String>,
    /// The SHA-256 of its archive, or empty.
    pub digest: String,
}

/// An index, the versions of every chart from the newest to the oldest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    entries: BTreeMap<String, Vec<ChartVersion>>,
}

impl Index {
    /// Reads an index. What helm would leave out (no name, no version, an unknown type) is left out.
    ///
    /// # Errors
    /// When it is empty, malformed, or has no API version.
    pub fn parse(text: &str) -> Result<Self, IndexError> {
        if text.is_empty() {
            return Err(IndexError::Empty);
        }
        let node = yaml::parse(text)
            .map_err(|error| IndexError::Malformed(format!("error converting YAML to JSON: {}", error.go_text())))?;
        let mut decoder = Decoder::new("IndexFile");
        let pairs = node.as_ref().and_then(|node| decoder.map(node, "", "repo.IndexFile")).unwrap_or_default();
        let mut entries = BTreeMap::new();
        let charts = field(pairs, "entries")
            .and_then(|node| decoder.map(node, "entries", "map[string]repo.ChartVersions"))
            .unwrap_or_default();
        for (name, list) in charts {
            let Some(name) = name.key_text() else { continue };
            let mut versions: Vec<(Option<Version>, ChartVersion)> = Vec::new();
            for item in decoder.list(list, "entries", "repo.ChartVersions") {
                let Some(fields) = decoder.map(item, "entries", "repo.ChartVersion") else { continue };
                let version = decoder.string(field(fields, "version"), "entries.version");
                let kind = decoder.string(field(fields, "type"), "entries.type");
                let own_name = decoder.string(field(fields, "name"), "entries.name");
                let urls = decoder.strings(field(fields, "urls"), "entries.urls");
                let digest = decoder.string(field(fields, "digest"), "entries.digest");
                let parsed = Version::parse(&version).ok();
                if own_name.is_empty() || parsed.is_none() || !matches!(kind.as_str(), "" | "application" | "library") {
                    continue;
                }
                versions.push((parsed, ChartVersion { version, urls, digest }));
            }
            versions.sort_by(|(a, _), (b, _)| match (a, b) {
                (Some(a), Some(b)) => b.compare(a),
                _ => std::cmp::Ordering::Equal,
            });
            entries.insert(name, versions.into_iter().map(|(_, version)| version).collect());
        }
        let api_version = decoder.string(field(pairs, "apiVersion"), "apiVersion");
        if let Some((message, _)) = decoder.error() {
            return Err(IndexError::Malformed(message));
        }
        if api_version.is_empty() { Err(IndexError::NoApiVersion) } else { Ok(Self { entries }) }
    }

    /// The newest version of a chart in a range: of exactly that text, else by precedence. An empty range takes the newest
    /// that is no pre-release.
    ///
    /// # Errors
    /// When there is none, or the range is none.
    pub fn get(&self, name: &str, range: &str) -> Result<&ChartVersion, IndexError> {
        let versions = self.entries.get(name).ok_or(IndexError::NoChart)?;
        if versions.is_empty() {
            return Err(IndexError::NoVersions);
        }
        let constraint = Constraint::parse(if range.is_empty() { "*" } else { range })?;
        if let Some(exact) = versions.iter().find(|version| version.version == range) {
            return Ok(exact);
        }
        versions
            .iter()
            .find(|held| Version::parse(&held.version).is_ok_and(|version| constraint.check(&version)))
            .ok_or_else(|| IndexError::NoVersion(name.to_owned(), range.to_owned()))
    }

    /// All versions of a chart, the newest first.
    #[must_use]
    pub fn versions(&self, name: &str) -> Option<&[ChartVersion]> {
        self.entries.get(name).map(Vec::as_slice)
    }

    /// The names of all charts.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The version whose archive is at this URL.
    #[must_use]
    pub fn at_url(&self, url: &str) -> Option<&ChartVersion> {
        self.entries.values().flatten().find(|version| version.urls.iter().any(|own| own == url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: 1.0.0, urls: [a-1.0.0.tgz], digest: x}\n  \
                        - {name: a, version: 2.0.0-rc.1, urls: [b]}\n  - {name: a, version: 1.10.0+b, urls: [c]}\n  \
                        - {name: a, version: nonsense}\n  - {name: a, version: 3.0.0, type: strange}\n  b: []\n";

    #[test]
    fn the_newest_stable_version_of_a_range() {
        let index = Index::parse(TEXT).unwrap();
        let of = |range: &str| index.get("a", range).map(|v| v.version.clone());
        assert_eq!(of("").unwrap(), "1.10.0+b");
        assert_eq!(of("1.0.0").unwrap(), "1.0.0");
        assert_eq!(of("~1.0").unwrap(), "1.0.0");
        assert_eq!(of(">0.0.0-0").unwrap(), "2.0.0-rc.1");
        assert_eq!(of("1.10.0").unwrap(), "1.10.0+b");
        assert_eq!(of(">9").unwrap_err().to_string(), "no chart version found for a->9");
        assert_eq!(of("bad bad").unwrap_err().to_string(), "improper constraint: bad bad");
        assert_eq!(index.get("b", "").unwrap_err(), IndexError::NoVersions);
        assert_eq!(index.get("c", "").unwrap_err(), IndexError::NoChart);
        assert_eq!(index.versions("a").unwrap().len(), 3);
    }

    #[test]
    fn json_is_yaml_and_nonsense_is_an_error() {
        assert!(Index::parse(r#"{"apiVersion":"v1","entries":{"a":[{"name":"a","version":"1.0.0"}]}}"#).is_ok());
        assert_eq!(Index::parse("").unwrap_err(), IndexError::Empty);
        assert_eq!(Index::parse("entries: {}").unwrap_err(), IndexError::NoApiVersion);
        for bad in ["entries: 3\napiVersion: v1", "<html>", "apiVersion: v1\napiVersion: v1", "\t"] {
            assert!(Index::parse(bad).is_err(), "{bad}");
        }
    }
}
