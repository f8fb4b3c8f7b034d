//! Charts that are not in the repository: what a release asks for, and the `release.lock` beside it that says what that is
//! to be, down to the digest.

use super::fields::{Fields, Text};
use super::files;
use super::located::Located;
use crate::diagnostic::Diagnostic;
use crate::tree::Tree;

const API_VERSION: &str = "evenkeel.dev/v1alpha1";
const KIND: &str = "ReleaseLock";
const KEYS: [&str; 9] =
    ["apiVersion", "kind", "chart", "repository", "range", "version", "digest", "manifest", "provenance"];

/// A chart from elsewhere, as a release asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteChart {
    /// `oci://…`, a URL of an archive, or with `repository` a name.
    pub chart: String,
    /// The URL of a repository, or empty.
    pub repository: String,
    /// A version, a range of versions, or empty for the newest.
    pub range: String,
    /// The path of the lock file: beside the highest `release.yaml` that has a word in it.
    pub lock: String,
}

/// What a lock file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockedChart {
    /// What was asked for.
    pub asked: RemoteChart,
    /// The version that it became.
    pub version: String,
    /// The digest of the archive, as `sha256:…`.
    pub digest: String,
    /// In a registry: the digest of the manifest, as `sha256:…`; else empty.
    pub manifest: String,
    /// Whether the archive came with a provenance file.
    pub provenance: Option<bool>,
}

impl LockedChart {
    /// The text of a lock file.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut text = format!("# Written by `evenkeel lock`.\napiVersion: {API_VERSION}\nkind: {KIND}\n");
        let quoted = |value: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:+".contains(c);
            let number = value.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
            let safe = !number && value.chars().all(plain) && !value.ends_with(':');
            if safe { value.to_owned() } else { serde_json::Value::from(value).to_string() }
        };
        for (key, value) in [
            ("chart", &self.asked.chart),
            ("repository", &self.asked.repository),
            ("range", &self.asked.range),
            ("version", &self.version),
            ("digest", &self.digest),
            ("manifest", &self.manifest),
        ] {
            if !value.is_empty() {
                text.push_str(&format!("{key}: {}\n", quoted(value)));
            }
        }
        if let Some(provenance) = self.provenance {
            text.push_str(&format!("provenance: {provenance}\n"));
        }
        text
    }
}

/// What a release says of its chart, in one place.
pub(super) struct Asked<'a> {
    pub(super) chart: &'a Text,
    pub(super) repository: Option<&'a Text>,
    pub(super) version: Option<&'a Text>,
}

impl Asked<'_> {
    /// The chart as it is asked for. `folders` are the layers' folders of the release, lowest first.
    pub(super) fn remote(&self, folders: &[(&str, String)], errors: &mut Vec<Diagnostic>) -> RemoteChart {
        let text = |text: Option<&Text>| text.map(|text| text.text.trim().to_owned()).unwrap_or_default();
        let rank = |text: &Text| {
            folders
                .iter()
                .rposition(|(_, folder)| text.place.source.path.rsplit_once('/').is_some_and(|(f, _)| f == folder))
        };
        let highest = [Some(self.chart), self.repository, self.version].into_iter().flatten().filter_map(rank).max();
        let folder = highest.and_then(|index| folders.get(index)).map_or("", |(_, folder)| folder);
        for part in [Some(self.chart), self.repository].into_iter().flatten() {
            self.check(part, errors);
        }
        RemoteChart {
            chart: text(Some(self.chart)),
            repository: text(self.repository),
            range: text(self.version),
            lock: crate::tree::join(folder, "release.lock"),
        }
    }

    fn check(&self, part: &Text, errors: &mut Vec<Diagnostic>) {
        let is_repository = self.repository.is_some_and(|repository| std::ptr::eq(repository, part));
        let Some((scheme, rest)) = part.text.split_once("://") else {
            if is_repository {
                let error = part.place.error("a repository is a URL");
                errors.push(error.hint("write https://…, or oci://… for a registry"));
            }
            return;
        };
        if !["https", "http", "oci"].contains(&scheme) {
            let error = part.place.error(format!("charts cannot come from `{scheme}://…`"));
            errors.push(error.suggest(scheme, ["https", "http", "oci"]));
        }
        if rest.split(['/', '?', '#']).next().is_some_and(|host| host.contains('@')) {
            // The line would show the password.
            let mut error = part.place.error("a user or password in a URL of a repository that others read");
            error.source_line = None;
            errors.push(error.hint("log in where evenkeel runs: `evenkeel chart login`, or helm's repositories.yaml"));
        }
        if !is_repository && self.repository.is_some() {
            let error = part.place.error("both a chart with its address and a `repository`");
            errors.push(error.hint("with `repository`, write the chart's name alone"));
        }
    }
}

/// The lock of a chart; nothing (and what is wrong) when there is none that fits.
pub(super) fn read(
    tree: &dyn Tree,
    target: &str,
    asked: &RemoteChart,
    at: &Text,
    errors: &mut Vec<Diagnostic>,
) -> Option<LockedChart> {
    let hint = format!("run `evenkeel lock {target}` and commit {}", asked.lock);
    let text = match files::text(tree, &asked.lock) {
        Ok(Some(text)) => text,
        Ok(None) => {
            let message = format!("the chart `{}` is not locked: there is no {}", at.text, asked.lock);
            errors.push(at.place.error(message).hint(hint));
            return None;
        }
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    let content = match Located::read(&asked.lock, text) {
        Ok(content) => content,
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    let before = errors.len();
    let mut fields = Fields::open(&content, &KEYS, |_| None, errors);
    for (key, expected) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        if let Some(text) = fields.needed(key).filter(|text| text.text != expected) {
            fields.report(text.place.error(format!("`{key}` must be `{expected}`")));
        }
    }
    let mut of = |key: &str| fields.text(key).map(|text| text.text).unwrap_or_default();
    let found =
        RemoteChart { chart: of("chart"), repository: of("repository"), range: of("range"), lock: asked.lock.clone() };
    let manifest = of("manifest");
    let version = fields.needed("version").map(|text| text.text).unwrap_or_default();
    let digest = fields.needed("digest");
    let provenance = fields.flag("provenance");
    if let Some(digest) = digest.as_ref().filter(|digest| !is_sha256(&digest.text)) {
        let error = digest.place.error("no digest: `sha256:` and 64 hexadecimal digits");
        fields.report(error.hint(hint.clone()));
    }
    if errors.len() > before {
        return None;
    }
    if found != *asked {
        let said = |chart: &RemoteChart| {
            let from = if chart.repository.is_empty() { String::new() } else { format!(" from {}", chart.repository) };
            let range = if chart.range.is_empty() { String::new() } else { format!(" {}", chart.range) };
            format!("`{}{range}`{from}", chart.chart)
        };
        let message = format!("{} is the lock of {}, the release asks for {}", asked.lock, said(&found), said(asked));
        errors.push(at.place.error(message).hint(hint));
        return None;
    }
    Some(LockedChart {
        asked: found,
        version,
        digest: digest.map(|d| d.text).unwrap_or_default(),
        manifest,
        provenance,
    })
}

fn is_sha256(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
