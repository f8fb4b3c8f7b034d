//! What a user wrote becomes the place of one archive: names of repositories are looked up, ranges of versions resolved.
#![expect(clippy::disallowed_methods, reason = "this is the edge where helm's list of repositories is read")]

use std::cmp::Ordering;
use std::path::PathBuf;

use reqwest::Url;

use super::error::{RemoteError, RemoteErrorKind};
use super::http::{Get, Tls};
use super::oci::same_origin;
use super::{MAX_INDEX, Remote, refused};
use crate::chart::repository::{Index, Reference, RepositoryEntry, is_oci, masked, repositories};
use crate::chart::version::{Constraint, Version};

/// A chart as it is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// `repo/chart`, a URL, `oci://…`, or with `repository` a name.
    pub chart: &'a str,
    /// A version or a range, or empty for the newest.
    pub version: &'a str,
    /// The URL of a repository (`--repo`), or empty.
    pub repository: &'a str,
}

/// One archive, and how it is had.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub(super) source: Source,
    /// The version, as far as it is known before the archive is.
    pub version: String,
}

#[derive(Clone)]
pub(super) enum Source {
    Http {
        url: Url,
        /// What the index says of it.
        digest: Option<String>,
        login: Option<(String, String)>,
        tls: Tls,
    },
    Oci(Reference),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http { url, .. } => f.write_str(&masked(url.as_str())),
            Self::Oci(reference) => write!(f, "oci://{reference}"),
        }
    }
}

impl Resolved {
    /// Where it is, as it may be shown.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{:?}", self.source)
    }

    /// Where it is, as helm shows it.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.source {
            Source::Http { url, .. } => masked(url.as_str()),
            // Helm turns the underscore back, as nobody but registries wants it.
            Source::Oci(reference) if reference.digest.is_empty() => {
                format!("oci://{}/{}:{}", reference.registry, reference.repository, reference.tag.replace('_', "+"))
            }
            Source::Oci(reference) => format!("oci://{reference}"),
        }
    }

    /// The name that helm saves it under.
    pub(super) fn file_name(&self) -> String {
        match &self.source {
            Source::Http { url, .. } => url.path().rsplit('/').next().unwrap_or_default().to_owned(),
            Source::Oci(reference) => {
                let name = reference.name();
                let tag = reference.tag.replace('_', "+");
                let hex = reference.digest.trim_start_matches("sha256:");
                match (tag.is_empty(), hex.is_empty()) {
                    (_, true) => format!("{name}-{tag}.tgz"),
                    (true, false) => format!("{name}@sha256-{hex}.tgz"),
                    (false, false) => format!("{name}:{tag}@sha256-{hex}.tgz"),
                }
            }
        }
    }
}

/// A repository as it is asked.
pub(super) struct Place {
    pub(super) url: String,
    login: Option<(String, String)>,
    pass_credentials: bool,
    tls: Tls,
    /// Its name in helm's list.
    name: Option<String>,
}

impl Place {
    /// User and password, where they may be sent to `url`.
    fn login_for(&self, url: &Url) -> Option<(String, String)> {
        let own = Url::parse(&self.url).ok()?;
        self.login.clone().filter(|_| self.pass_credentials || same_origin(&own, url))
    }
}

impl Remote {
    /// Finds what a user asks for; helm's order: a registry, a repository given by URL, a URL, a repository given by name.
    ///
    /// # Errors
    /// In helm's words.
    pub async fn resolve(&self, wanted: &Wanted<'_>) -> Result<Resolved, RemoteError> {
        let (chart, version) = (wanted.chart.trim(), wanted.version.trim());
        if !wanted.repository.is_empty() {
            if is_oci(wanted.repository) {
                let joined = format!("{}/{chart}", wanted.repository.trim_end_matches('/'));
                return self.resolve_oci(&joined, version).await;
            }
            return self.resolve_in_url(chart, version, wanted.repository).await;
        }
        if is_oci(chart) {
            return self.resolve_oci(chart, version).await;
        }
        if chart.contains("://") {
            return self.resolve_url(chart);
        }
        let shown = || {
            RemoteError::invalid(format!(
                "non-absolute URLs should be in form of repo_name/path_to_chart, got: {chart}"
            ))
        };
        let (name, chart) = chart.split_once('/').ok_or_else(shown)?;
        let entries = self.repositories()?;
        let entry = entries.iter().find(|entry| entry.name == name);
        let entry = entry.ok_or_else(|| RemoteError::invalid(format!("repo {name} not found")))?;
        if entry.url.is_empty() {
            return Err(RemoteError::invalid(format!("no URL found for repository {name}")));
        }
        let place = self.place(entry);
        let index = self.index(&place).await?;
        let found = index.get(chart, version).map_err(|error| {
            RemoteError::from(error)
                .wrap(format!("chart {chart:?} matching {version} not found in {name} index. (try 'helm repo update')"))
        })?;
        let no_urls = || RemoteError::untrusted(format!("chart {:?} has no downloadable URLs", wanted.chart));
        let address = found.urls.first().ok_or_else(no_urls)?;
        self.archive_at(&place, address, &found.digest, &found.version).await
    }

    /// `--repo URL`.
    async fn resolve_in_url(&self, chart: &str, version: &str, repository: &str) -> Result<Resolved, RemoteError> {
        let place = self.place_at(repository)?;
        let context = format!("looks like {repository:?} is not a valid chart repository or cannot be reached");
        let index = self.index(&place).await.map_err(|error| match error.kind {
            RemoteErrorKind::Offline => error,
            _ => error.wrap(&context),
        })?;
        let name = match version {
            "" => format!("chart {chart:?}"),
            version => format!("chart {chart:?} version {version:?}"),
        };
        let found = index.get(chart, version).map_err(|error| {
            let kind = RemoteError::from(error).kind;
            RemoteError::new(kind, format!("{name} not found in {repository} repository"))
        })?;
        let no_urls = || RemoteError::untrusted(format!("{name} has no downloadable URLs"));
        let address = found.urls.first().ok_or_else(no_urls)?;
        self.archive_at(&place, address, &found.digest, &found.version).await
    }

    /// An archive by its URL. A repository of helm's list that it lies in lends its login.
    fn resolve_url(&self, chart: &str) -> Result<Resolved, RemoteError> {
        let url = parse_http(chart)?;
        let entries = self.repositories()?;
        let owner = entries.iter().find(|entry| {
            let base = Url::parse(&format!("{}/", entry.url.trim_end_matches('/')));
            base.is_ok_and(|base| same_origin(&base, &url) && url.path().starts_with(base.path()))
        });
        let place = match owner.filter(|_| self.access.username.is_empty()) {
            Some(entry) => self.place(entry),
            None => self.place_at(chart)?,
        };
        let login = place.login_for(&url);
        let source = Source::Http { url, digest: None, login, tls: place.tls };
        Ok(Resolved { source, version: String::new() })
    }

    async fn resolve_oci(&self, chart: &str, version: &str) -> Result<Resolved, RemoteError> {
        let reference = Reference::parse(chart)?;
        let tag = reference.tag.replace('_', "+");
        if !tag.is_empty() && !version.is_empty() && tag != version {
            let text = format!("chart reference and version mismatch: {version} is not {tag}");
            return Err(RemoteError::invalid(text));
        }
        let version = if version.is_empty() { tag.as_str() } else { version };
        if !reference.digest.is_empty() {
            return Ok(Resolved { version: version.to_owned(), source: Source::Oci(reference) });
        }
        let tag = if Version::parse(version).is_ok() {
            version.to_owned()
        } else {
            let versions = self.oci_versions(&reference).await?;
            if versions.is_empty() {
                let text = format!("Unable to locate any tags in provided repository: {chart}");
                return Err(RemoteError::new(RemoteErrorKind::NotFound, text));
            }
            matching(&versions, version)?
        };
        Ok(Resolved { source: Source::Oci(reference.with_tag(&tag)), version: tag })
    }

    /// The versions among the tags of a registry's repository, the newest first.
    pub(crate) async fn oci_versions(&self, reference: &Reference) -> Result<Vec<String>, RemoteError> {
        let name = format!("{}/{}", reference.registry, reference.repository);
        let tags = if self.settings.offline {
            self.cache
                .tags(&name)
                .ok_or_else(|| RemoteError::offline(format!("the list of versions of oci://{name}")))?
        } else {
            let tags = self.registry(reference).await?.tags().await?;
            self.cache.keep_tags(&name, &tags)?;
            tags
        };
        let strict = |version: &Version| version.to_string() == version.original;
        let mut versions: Vec<Version> =
            tags.iter().filter_map(|tag| Version::parse(&tag.replace('_', "+")).ok()).filter(strict).collect();
        versions.sort_by(|a, b| match b.compare(a) {
            Ordering::Equal => b.metadata.cmp(&a.metadata),
            other => other,
        });
        Ok(versions.into_iter().map(|version| version.original).collect())
    }

    async fn archive_at(
        &self,
        place: &Place,
        address: &str,
        digest: &str,
        version: &str,
    ) -> Result<Resolved, RemoteError> {
        let address = join(&place.url, address)?;
        if is_oci(&address) {
            // An index may point into a registry.
            return self.resolve_oci(&address, "").await;
        }
        let url = parse_http(&address)?;
        let login = place.login_for(&url);
        let digest = Some(digest.to_owned()).filter(|digest| !digest.trim().is_empty());
        let source = Source::Http { url, digest, login, tls: place.tls.clone() };
        Ok(Resolved { source, version: version.to_owned() })
    }

    /// The index of a repository: asked for again unless the server says that it has not changed.
    pub(super) async fn index(&self, place: &Place) -> Result<Index, RemoteError> {
        let text = self.index_text(place).await?;
        // Large indexes take a moment to read: not on the runtime's own threads.
        super::blocking(move || Ok(Index::parse(&text)?)).await
    }

    async fn index_text(&self, place: &Place) -> Result<String, RemoteError> {
        let url = parse_http(&join(&place.url, "index.yaml")?)?;
        let held = self.cache.index(url.as_str());
        if self.settings.offline {
            let helms = || {
                let file = self.settings.repository_cache.join(format!("{}-index.yaml", place.name.as_deref()?));
                std::fs::read_to_string(file).ok()
            };
            let text = held.map(|(text, _)| text).or_else(helms);
            return text.ok_or_else(|| RemoteError::offline(format!("the index of {}", place.url)));
        }
        let login = place.login_for(&url);
        let get = Get {
            url: &url,
            basic: login.as_ref().map(|(user, password)| (user.as_str(), password.as_str())),
            accept: "*/*",
            etag: held.as_ref().and_then(|(_, etag)| etag.as_deref()),
            limit: (MAX_INDEX, "index"),
        };
        let answer = self.http.get(&place.tls, &get).await?;
        match (answer.status.as_u16(), held) {
            (304, Some((text, _))) => Ok(text),
            (200, _) => {
                let etag = answer.etag();
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                self.cache.keep_index(url.as_str(), &text, etag.as_deref())?;
                Ok(text)
            }
            _ => Err(refused(&url, &answer)),
        }
    }

    /// A chart of a repository by its URL; a repository of helm's list lends its login.
    pub(crate) async fn resolve_dependency(
        &self,
        chart: &str,
        version: &str,
        repository: &str,
    ) -> Result<Resolved, RemoteError> {
        let entries = self.repositories()?;
        let same = |entry: &&RepositoryEntry| entry.url.trim_end_matches('/') == repository.trim_end_matches('/');
        let place = match entries.iter().find(same) {
            Some(entry) => self.place(entry),
            None => self.place_at(repository)?,
        };
        let index = self.index(&place).await?;
        let found = index.get(chart, version)?;
        let no_urls = || RemoteError::untrusted(format!("chart {chart:?} has no downloadable URLs"));
        let address = found.urls.first().ok_or_else(no_urls)?;
        self.archive_at(&place, address, &found.digest, &found.version).await
    }

    /// Helm's list of repositories; none when there is no list.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn repositories(&self) -> Result<Vec<RepositoryEntry>, RemoteError> {
        let file = &self.settings.repository_config;
        match std::fs::read_to_string(file) {
            Ok(text) => {
                repositories(&text).map_err(|error| RemoteError::storage(format!("{}: {error}", file.display())))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(RemoteError::storage(format!("{}: {error}", file.display()))),
        }
    }

    pub(super) fn place(&self, entry: &RepositoryEntry) -> Place {
        let file = |name: &str| (!name.is_empty()).then(|| PathBuf::from(name));
        let own = Tls {
            cert_file: file(&entry.cert_file),
            key_file: file(&entry.key_file),
            ca_file: file(&entry.ca_file),
            insecure: entry.insecure_skip_tls_verify,
        };
        let login = (!entry.username.is_empty() && !entry.password.is_empty())
            .then(|| (entry.username.clone(), entry.password.clone()));
        let given = self.access.tls != Tls::default();
        Place {
            url: entry.url.clone(),
            login: login.or_else(|| self.given_login()),
            pass_credentials: entry.pass_credentials_all || self.access.pass_credentials,
            tls: if given && own == Tls::default() { self.access.tls.clone() } else { own },
            name: Some(entry.name.clone()),
        }
    }

    pub(super) fn place_at(&self, url: &str) -> Result<Place, RemoteError> {
        parse_http(url)?;
        Ok(Place {
            url: url.to_owned(),
            login: self.given_login(),
            pass_credentials: self.access.pass_credentials,
            tls: self.access.tls.clone(),
            name: None,
        })
    }

    fn given_login(&self) -> Option<(String, String)> {
        let given = !self.access.username.is_empty() && !self.access.password.is_empty();
        given.then(|| (self.access.username.clone(), self.access.password.clone()))
    }
}

/// The first of the versions (newest first) that is this text, else that is in this range.
pub(super) fn matching(versions: &[String], range: &str) -> Result<String, RemoteError> {
    if let Some(exact) = versions.iter().find(|version| *version == range) {
        return Ok(exact.clone());
    }
    let constraint = Constraint::parse(if range.is_empty() { "*" } else { range })
        .map_err(|error| RemoteError::invalid(error.to_string()))?;
    let inside = |version: &&String| Version::parse(version).is_ok_and(|version| constraint.check(&version));
    versions.iter().find(inside).cloned().ok_or_else(|| {
        RemoteError::new(
            RemoteErrorKind::NotFound,
            format!("Could not locate a version matching provided version string {range}"),
        )
    })
}

/// An address of an index over the repository's own; the query of the repository stays (helm: `ResolveReferenceURL`).
fn join(base: &str, address: &str) -> Result<String, RemoteError> {
    if Url::parse(address).is_ok() {
        return Ok(address.to_owned());
    }
    let mut folder = parse_http(base)?;
    let query = folder.query().map(str::to_owned);
    let path = format!("{}/", folder.path().trim_end_matches('/'));
    folder.set_path(&path);
    folder.set_query(None);
    let mut joined =
        folder.join(address).map_err(|_| RemoteError::invalid(format!("failed to parse {address} as URL")))?;
    joined.set_query(query.as_deref());
    Ok(joined.into())
}

fn parse_http(text: &str) -> Result<Url, RemoteError> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(url) => Err(RemoteError::invalid(format!("could not find protocol handler for: {}", url.scheme()))),
        Err(_) => Err(RemoteError::invalid(format!("invalid chart URL format: {text}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_an_index() {
        for (base, address, joined) in [
            ("http://h/charts", "a.tgz", "http://h/charts/a.tgz"),
            ("http://h/charts/", "x/a.tgz", "http://h/charts/x/a.tgz"),
            ("http://h/charts?token=1", "a.tgz", "http://h/charts/a.tgz?token=1"),
            ("http://h/charts", "/a.tgz", "http://h/a.tgz"),
            ("http://h/charts", "../a.tgz", "http://h/a.tgz"),
            ("http://h/charts", "https://o/a.tgz", "https://o/a.tgz"),
            ("http://h", "a-1.0.0+b.tgz", "http://h/a-1.0.0+b.tgz"),
            ("http://u:p@h/c", "a.tgz", "http://u:p@h/c/a.tgz"),
        ] {
            assert_eq!(join(base, address).unwrap(), joined);
        }
        assert_eq!(join("ftp://h", "a").unwrap_err().message, "could not find protocol handler for: ftp");
        assert!(join("nonsense", "a").is_err());
    }

    #[test]
    fn the_first_version_in_a_range() {
        let versions = ["2.0.0-rc.1", "1.10.0", "1.9.0"].map(str::to_owned);
        assert_eq!(matching(&versions, "").unwrap(), "1.10.0");
        assert_eq!(matching(&versions, "<1.10").unwrap(), "1.9.0");
        assert_eq!(matching(&versions, "2.0.0-rc.1").unwrap(), "2.0.0-rc.1");
        let none = matching(&versions, ">9").unwrap_err();
        assert_eq!(none.message, "Could not locate a version matching provided version string >9");
    }
}
