//! Charts from elsewhere: turns what a user writes (`repo/chart`, a URL, `oci://…`, a name with `--repo`) into a chart's archive, checked
//! against its digest and kept in a cache. `evenkeel template` and `evenkeel chart` call it, and whoever renders environments
//! fetches locked charts here. It does IO (network, cache, files of logins) and knows neither values nor templates; what the
//! texts mean that it reads is `repository/`'s to know.

mod cache;
mod dependencies;
mod error;
mod http;
mod locate;
mod logins;
mod oci;
mod push;

pub use dependencies::Dependencies;
pub use error::{RemoteError, RemoteErrorKind};
pub use http::Tls;
pub use locate::{Resolved, Wanted};
pub use push::Pushed;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::Url;

use self::cache::{Cache, Known};
use self::error::RemoteErrorKind as Kind;
use self::http::{Basic, Get, Http};
use self::locate::Source;
use self::oci::Registry;
use super::repository::{Login, Reference, same_digest, sha256};

/// Bytes that a packed chart may have.
const MAX_ARCHIVE: u64 = super::archive::MAX_CHART;
/// Bytes that an index may have.
const MAX_INDEX: u64 = 200 << 20;
/// Bytes that a provenance file may have.
const MAX_PROVENANCE: u64 = 1 << 20;

/// Where this machine keeps what fetching needs. The command line reads it from flags and the process's environment.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Helm's list of repositories.
    pub repository_config: PathBuf,
    /// Helm's folder of indexes: read where the network may not be used and our own cache has none.
    pub repository_cache: PathBuf,
    /// Helm's file of logins to registries.
    pub registry_config: PathBuf,
    /// Docker's file of logins.
    pub docker_config: Option<PathBuf>,
    /// Our cache of charts.
    pub cache: PathBuf,
    /// Whether the network may not be used.
    pub offline: bool,
}

/// Who we are and whom we trust, as far as the command line says it.
#[derive(Clone, Default)]
pub struct Access {
    /// The user of basic authentication, or empty.
    pub username: String,
    /// The password, or empty.
    pub password: String,
    /// Whether user and password go to other hosts than the repository's.
    pub pass_credentials: bool,
    /// Certificates.
    pub tls: Tls,
    /// Whether registries are asked over plain HTTP.
    pub plain_http: bool,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("tls", &self.tls).field("plain_http", &self.plain_http).finish_non_exhaustive()
    }
}

/// A chart as a lock names it.
#[derive(Debug, Clone, Copy)]
pub struct Locked<'a> {
    /// The chart with its exact version.
    pub wanted: Wanted<'a>,
    /// The digest of the archive.
    pub digest: &'a str,
    /// In a registry: the digest of the manifest, with `sha256:`, or empty.
    pub manifest: &'a str,
}

/// A chart's archive.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The `.tgz`.
    pub bytes: Arc<[u8]>,
    /// Its SHA-256, 64 hexadecimal digits.
    pub digest: String,
    /// The name that helm saves it under.
    pub file_name: String,
    /// Where it came from, to be shown.
    pub from: String,
    /// From a registry: the reference as helm prints it and the manifest's digest.
    pub pulled: Option<(String, String)>,
    /// Whether it comes with a provenance file, as far as that is known.
    pub provenance: Option<bool>,
}

/// Fetches charts. One for a command or a daemon: connections and clients are kept.
#[derive(Debug)]
pub struct Remote {
    settings: Settings,
    access: Access,
    http: Http,
    cache: Cache,
}

impl Remote {
    /// With these settings.
    #[must_use]
    pub fn new(settings: Settings, access: Access) -> Self {
        let cache = Cache::new(settings.cache.clone());
        Self { settings, access, http: Http::default(), cache }
    }

    /// Finds and fetches a chart.
    ///
    /// # Errors
    /// In helm's words where helm has some; see [`RemoteErrorKind`].
    pub async fn fetch(&self, wanted: &Wanted<'_>) -> Result<Fetched, RemoteError> {
        let resolved = self.resolve(wanted).await?;
        self.download(&resolved).await
    }

    /// The archive with this digest, from the cache alone.
    #[must_use]
    pub fn cached(&self, digest: &str) -> Option<Arc<[u8]>> {
        self.cache.archive(digest).map(Arc::from)
    }

    /// Fetches a chart as its lock names it.
    ///
    /// # Errors
    /// As [`Remote::fetch`], and when the archive is another one than the lock says.
    pub async fn fetch_locked(&self, locked: &Locked<'_>) -> Result<Arc<[u8]>, RemoteError> {
        if let Some(bytes) = self.cached(locked.digest) {
            return Ok(bytes);
        }
        if self.settings.offline {
            let Wanted { chart, version, .. } = locked.wanted;
            return Err(RemoteError::offline(format!("the chart {chart} {version} ({})", locked.digest)));
        }
        let mut resolved = self.resolve(&locked.wanted).await?;
        if let Source::Oci(reference) = &mut resolved.source
            && !locked.manifest.is_empty()
        {
            // The tag may have moved; what was locked is still there.
            locked.manifest.clone_into(&mut reference.digest);
        }
        let fetched = self.download(&resolved).await?;
        if !same_digest(&fetched.digest, locked.digest) {
            return Err(RemoteError::untrusted(format!(
                "{} has the digest sha256:{}, the lock says {}",
                resolved.shown(),
                fetched.digest,
                locked.digest
            )));
        }
        Ok(fetched.bytes)
    }

    /// Fetches what was found: from the cache when its digest is known and there.
    ///
    /// # Errors
    /// As [`Remote::fetch`].
    pub async fn download(&self, resolved: &Resolved) -> Result<Fetched, RemoteError> {
        match &resolved.source {
            Source::Http { url, digest, login, tls } => {
                let login = login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
                self.download_http(url, digest.as_deref(), login, tls).await
            }
            Source::Oci(reference) => self.download_oci(reference, &resolved.file_name()).await,
        }
    }

    /// A file at a URL, as it is: values that a command line names.
    ///
    /// # Errors
    /// In helm's words.
    pub async fn file(&self, address: &str, limit: u64) -> Result<Vec<u8>, RemoteError> {
        let url = Url::parse(address).map_err(|error| RemoteError::invalid(format!("parse {address:?}: {error}")))?;
        if self.settings.offline {
            return Err(RemoteError::offline(address));
        }
        let get = Get { url: &url, basic: None, accept: "*/*", etag: None, limit: (limit, "values file") };
        let answer = self.http.get(&self.access.tls, &get).await?;
        if answer.status.as_u16() != 200 {
            let message = format!("failed to fetch {address} : {}", answer.status_text());
            return Err(RemoteError::new(Kind::NotFound, message));
        }
        Ok(answer.body)
    }

    async fn download_http(
        &self,
        url: &Url,
        digest: Option<&str>,
        login: Basic<'_>,
        tls: &Tls,
    ) -> Result<Fetched, RemoteError> {
        let name = url.as_str();
        let known = self.cache.known(name);
        let mut bytes = digest.and_then(|digest| self.cache.archive(digest));
        if bytes.is_none() && self.settings.offline {
            let usable = known.as_ref().filter(|known| digest.is_none_or(|digest| same_digest(digest, &known.archive)));
            bytes = usable.and_then(|known| self.cache.archive(&known.archive));
            if bytes.is_none() {
                return Err(RemoteError::offline(format!("the chart {name}")));
            }
        }
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => {
                let accept = "application/gzip,application/octet-stream";
                let get = Get { url, basic: login, accept, etag: None, limit: (MAX_ARCHIVE, "chart archive") };
                let bytes = self.get(tls, &get).await?;
                let found = sha256(&bytes);
                if let Some(digest) = digest.filter(|digest| !same_digest(digest, &found)) {
                    return Err(RemoteError::untrusted(format!(
                        "the chart {name} has the digest sha256:{found}, its repository's index says {digest}"
                    )));
                }
                let archive = self.cache.keep_archive(&bytes)?;
                self.cache.remember(name, &Known { archive, manifest: String::new(), provenance: None })?;
                bytes
            }
        };
        let file_name = url.path().rsplit('/').next().unwrap_or_default().to_owned();
        Ok(Fetched {
            digest: sha256(&bytes),
            bytes: Arc::from(bytes),
            file_name: percent_encoding::percent_decode_str(&file_name).decode_utf8_lossy().into_owned(),
            from: super::repository::masked(name),
            pulled: None,
            provenance: known.and_then(|known| known.provenance),
        })
    }

    async fn download_oci(&self, reference: &Reference, file_name: &str) -> Result<Fetched, RemoteError> {
        let name =
            format!("oci://{}/{}:{}@{}", reference.registry, reference.repository, reference.tag, reference.digest);
        // A digest names one manifest for ever; a tag has to be asked for.
        let remembered = self.cache.known(&name).filter(|_| self.settings.offline || !reference.digest.is_empty());
        let cached = remembered.and_then(|known| self.cache.archive(&known.archive).map(|bytes| (known, bytes)));
        let (known, bytes) = match cached {
            Some(found) => found,
            None if self.settings.offline => return Err(RemoteError::offline(format!("the chart oci://{reference}"))),
            None => {
                let registry = self.registry(reference).await?;
                let manifest = registry.manifest().await?;
                let bytes = match self.cache.archive(&manifest.chart.0) {
                    Some(bytes) => bytes,
                    None => registry.chart(&manifest).await?,
                };
                self.cache.keep_archive(&bytes)?;
                self.cache.remember(&name, &manifest.known())?;
                (manifest.known(), bytes)
            }
        };
        Ok(Fetched {
            digest: known.archive,
            bytes: Arc::from(bytes),
            file_name: file_name.to_owned(),
            from: format!("oci://{reference}"),
            pulled: Some((reference.to_string(), known.manifest)),
            provenance: known.provenance,
        })
    }

    /// The provenance file beside a chart. Its signature is not checked.
    ///
    /// # Errors
    /// When there is none, or it cannot be had.
    pub async fn provenance(&self, resolved: &Resolved) -> Result<Vec<u8>, RemoteError> {
        if self.settings.offline {
            return Err(RemoteError::offline(format!("the provenance file of {}", resolved.shown())));
        }
        match &resolved.source {
            Source::Http { url, login, tls, .. } => {
                let mut beside = url.clone();
                beside.set_path(&format!("{}.prov", url.path()));
                let basic = login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
                let limit = (MAX_PROVENANCE, "provenance file");
                self.get(tls, &Get { url: &beside, basic, accept: "*/*", etag: None, limit }).await
            }
            Source::Oci(reference) => {
                let registry = self.registry(reference).await?;
                let manifest = registry.manifest().await?;
                registry.provenance(&manifest).await
            }
        }
    }

    /// Lets a registry check a login and keeps it.
    ///
    /// # Errors
    /// When the registry refuses it or the file of logins cannot be written.
    pub async fn login(&self, host: &str, username: &str, password: &str) -> Result<(), RemoteError> {
        let login = if username.is_empty() {
            Login::Identity(password.to_owned())
        } else {
            Login::Basic { username: username.to_owned(), password: password.to_owned() }
        };
        let reference = Reference {
            registry: host.to_owned(),
            repository: String::new(),
            tag: String::new(),
            digest: String::new(),
        };
        let registry =
            Registry::new(&self.http, &self.access.tls, &reference, Some(login.clone()), self.access.plain_http);
        registry.check_login().await?;
        let (settings, host) = (self.settings.clone(), host.to_owned());
        blocking(move || logins::keep(&settings, &host, &login)).await
    }

    /// Forgets a login.
    ///
    /// # Errors
    /// When the file of logins cannot be read or written.
    pub async fn logout(&self, host: &str) -> Result<(), RemoteError> {
        let (settings, host) = (self.settings.clone(), host.to_owned());
        blocking(move || logins::forget(&settings, &host)).await
    }

    /// A registry with the login for it: the command line's, else a stored one.
    async fn registry(&self, reference: &Reference) -> Result<Registry<'_>, RemoteError> {
        let (username, password) = (self.access.username.clone(), self.access.password.clone());
        let login = if !username.is_empty() && !password.is_empty() {
            Some(Login::Basic { username, password })
        } else {
            let (settings, host) = (self.settings.clone(), reference.registry.clone());
            blocking(move || logins::find(&settings, &host)).await?
        };
        Ok(Registry::new(&self.http, &self.access.tls, reference, login, self.access.plain_http))
    }

    /// A file over HTTP, with helm's words for what is no 200.
    async fn get(&self, tls: &Tls, get: &Get<'_>) -> Result<Vec<u8>, RemoteError> {
        let answer = self.http.get(tls, get).await?;
        if answer.status.as_u16() == 200 {
            return Ok(answer.body);
        }
        Err(refused(get.url, &answer))
    }
}

fn refused(url: &Url, answer: &http::Answer) -> RemoteError {
    let kind = match answer.status.as_u16() {
        401 | 403 => Kind::Unauthorized,
        404 | 410 => Kind::NotFound,
        429 | 500.. => Kind::Unreachable,
        _ => Kind::Untrusted,
    };
    RemoteError::new(kind, format!("failed to fetch {url} : {}", answer.status_text()))
}

/// Runs what may wait for a disk or a helper beside the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RemoteError> + Send + 'static,
) -> Result<T, RemoteError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(RemoteError::storage(format!("a task ended: {error}"))))
}

/// Writes a file as a whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), RemoteError> {
    cache::write(path, bytes)
}
