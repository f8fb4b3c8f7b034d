//! From a kubeconfig (or the pod's own credentials) to a cluster that can be asked.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use openssl::x509::X509;

use super::discovery::{Kinds, Resource};
use super::error::ClusterError;
use super::openapi::CachedSchema;
use super::requests::{Counters, Requests};
use super::version::ServerVersion;
use crate::manifest::Gvk;

/// The namespace of evenkeel's own objects, unless told otherwise.
pub const SYSTEM_NAMESPACE: &str = "evenkeel-system";
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Writes on their way at a time, whoever makes them: more do not make an API server faster (`just bench-live`).
const WRITES: usize = 32;

/// Which cluster, and as whom.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// A kubeconfig; without one, `KUBECONFIG` and the default place, then the pod's own credentials.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig; its current one by default.
    pub context: Option<String>,
    /// Only the pod's own credentials.
    pub in_cluster: bool,
    /// Where the inventories are; [`SYSTEM_NAMESPACE`] by default.
    pub system_namespace: Option<String>,
    /// What comes before the kubeconfig.
    pub overrides: Overrides,
}

/// Parts of a configuration that a command line gives, as helm's `--kube-…` flags do. Empty ones change nothing.
#[derive(Clone, Default)]
pub struct Overrides {
    /// The server's address.
    pub server: Option<String>,
    /// A bearer token, instead of all other credentials.
    pub token: Option<String>,
    /// Whom to impersonate.
    pub user: Option<String>,
    /// The groups to impersonate.
    pub groups: Vec<String>,
    /// The authorities that are trusted, in PEM.
    pub authorities: Option<PathBuf>,
    /// Whether the server's certificate is not checked.
    pub insecure: bool,
    /// The name that the certificate is checked for.
    pub server_name: Option<String>,
}

impl std::fmt::Debug for Overrides {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overrides").field("server", &self.server).field("user", &self.user).finish_non_exhaustive()
    }
}

impl Overrides {
    /// A configuration with these parts replaced.
    #[expect(clippy::disallowed_methods, reason = "a command line names this file")]
    fn apply(&self, config: &mut Config) -> Result<(), String> {
        if let Some(server) = &self.server {
            let server = if server.contains("://") { server.clone() } else { format!("http://{server}") };
            config.cluster_url = server.parse().map_err(|error| format!("{server}: {error}"))?;
        }
        if let Some(token) = &self.token {
            config.auth_info = AuthInfo { token: Some(token.clone().into()), ..AuthInfo::default() };
        }
        if let Some(user) = &self.user {
            config.auth_info.impersonate = Some(user.clone());
        }
        if !self.groups.is_empty() {
            config.auth_info.impersonate_groups = Some(self.groups.clone());
        }
        if let Some(path) = &self.authorities {
            let data = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let read = X509::stack_from_pem(&data).and_then(|all| all.iter().map(|one| one.to_der()).collect());
            config.root_cert = Some(read.map_err(|error| format!("{}: {error}", path.display()))?);
        }
        config.accept_invalid_certs |= self.insecure;
        if let Some(name) = &self.server_name {
            config.tls_server_name = Some(name.clone());
        }
        Ok(())
    }
}

/// The namespace that a configuration means where none is named: its context's, a pod's own, or `default`. Asks no server, and what
/// cannot be read counts as not there.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "a pod is told by its variables where it runs, and a file names its namespace"
)]
pub fn namespace_of(options: &ConnectOptions) -> String {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let files: Vec<Kubeconfig> = match (&options.kubeconfig, set("KUBECONFIG")) {
        (Some(path), _) => Kubeconfig::read_from(path).into_iter().collect(),
        // Files of the list that are not there are passed over; of what several say, the first counts.
        (None, Some(list)) => {
            std::env::split_paths(&list).filter_map(|path| Kubeconfig::read_from(path).ok()).collect()
        }
        (None, None) => Kubeconfig::read().into_iter().collect(),
    };
    let current = files.iter().filter_map(|file| file.current_context.clone()).find(|name| !name.is_empty());
    let of_context = options.context.clone().or(current).and_then(|name| {
        let found = files.into_iter().flat_map(|file| file.contexts).find(|context| context.name == name)?;
        found.context?.namespace
    });
    if let Some(namespace) = of_context.filter(|name| !name.is_empty()) {
        return namespace;
    }
    let account = Path::new("/var/run/secrets/kubernetes.io/serviceaccount");
    if set("KUBERNETES_SERVICE_HOST").is_none()
        || set("KUBERNETES_SERVICE_PORT").is_none()
        || !account.join("token").is_file()
    {
        return "default".to_owned();
    }
    let own = || std::fs::read_to_string(account.join("namespace")).ok();
    let own = set("POD_NAMESPACE").or_else(|| own().map(|text| text.trim().to_owned()));
    own.filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned())
}

/// A cluster: cheap to clone, every clone shares connections, caches and counters.
#[derive(Clone)]
pub struct Cluster {
    pub(super) shared: Arc<Shared>,
    /// Whom writes and lookups impersonate.
    pub(super) actor: Option<Arc<str>>,
}

/// What the clones share.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) server: String,
    pub(super) system_namespace: String,
    pub(super) default_namespace: String,
    pub(super) counters: Counters,
    /// The kinds, and a lock that lets one discovery run at a time.
    pub(super) kinds: Mutex<Option<Arc<Kinds>>>,
    pub(super) discovering: tokio::sync::Mutex<()>,
    pub(super) version: Mutex<Option<ServerVersion>>,
    pub(super) schema: tokio::sync::Mutex<Option<CachedSchema>>,
    /// Writes that are on their way.
    pub(super) writes: tokio::sync::Semaphore,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("server", &self.shared.server).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Reads the configuration and builds the client. Makes no request: the first one shows whether the server is there.
    ///
    /// # Errors
    /// [`ClusterError::Config`] when there is no usable configuration.
    pub async fn connect(options: ConnectOptions) -> Result<Self, ClusterError> {
        let config_error = |e: &dyn std::error::Error| ClusterError::Config(with_causes(e));
        let choose = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
        let mut config = if options.in_cluster {
            Config::incluster().map_err(|e| config_error(&e))?
        } else if let Some(path) = &options.kubeconfig {
            let file = Kubeconfig::read_from(path).map_err(|e| config_error(&e))?;
            Config::from_custom_kubeconfig(file, &choose).await.map_err(|e| config_error(&e))?
        } else {
            match Config::from_kubeconfig(&choose).await {
                Ok(config) => config,
                Err(_) if options.overrides.server.is_some() => Config::new(http::Uri::from_static("http://localhost")),
                Err(e) if options.context.is_none() => Config::incluster().map_err(|_| config_error(&e))?,
                Err(e) => return Err(config_error(&e)),
            }
        };
        options.overrides.apply(&mut config).map_err(ClusterError::Config)?;
        // Retries are ours (`wire`), so that they are counted and end in one place.
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        if config.cluster_url.host().is_some_and(is_loopback) {
            config.proxy_url = None;
        }
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|e| config_error(&e))?;
        Ok(Self::assemble(client, server, namespace, options.system_namespace))
    }

    /// Over a client that exists: tests put a service of their own under it.
    #[must_use]
    pub fn from_client(client: Client, server: &str) -> Self {
        let namespace = client.default_namespace().to_owned();
        Self::assemble(client, server.to_owned(), namespace, None)
    }

    /// The same cluster through another client (one with faults between, or as somebody else), with counters and caches of its
    /// own.
    #[must_use]
    pub fn through(&self, client: Client) -> Self {
        let Shared { server, default_namespace, system_namespace, .. } = &*self.shared;
        Self::assemble(client, server.clone(), default_namespace.clone(), Some(system_namespace.clone()))
    }

    /// The same cluster, written to as a user that this one may impersonate; reads stay its own, but for lookups.
    #[must_use]
    pub fn acting_as(&self, user: Option<&str>) -> Self {
        Self { shared: Arc::clone(&self.shared), actor: user.map(Arc::from) }
    }

    fn assemble(client: Client, server: String, default_namespace: String, system: Option<String>) -> Self {
        Self {
            actor: None,
            shared: Arc::new(Shared {
                client,
                server,
                system_namespace: system.unwrap_or_else(|| SYSTEM_NAMESPACE.to_owned()),
                default_namespace,
                counters: Counters::default(),
                kinds: Mutex::new(None),
                discovering: tokio::sync::Mutex::new(()),
                version: Mutex::new(None),
                schema: tokio::sync::Mutex::new(None),
                writes: tokio::sync::Semaphore::new(WRITES),
            }),
        }
    }

    /// The client below: a test builds another cluster over it, with faults between.
    #[must_use]
    pub fn client(&self) -> Client {
        self.shared.client.clone()
    }

    /// The server's address, for people.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.shared.server
    }

    /// The namespace of evenkeel's own objects.
    #[must_use]
    pub fn system_namespace(&self) -> &str {
        &self.shared.system_namespace
    }

    /// The namespace that the kubeconfig's context names; `default` where it names none.
    #[must_use]
    pub fn default_namespace(&self) -> &str {
        &self.shared.default_namespace
    }

    /// The requests made so far.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.shared.counters.read()
    }

    /// The kinds that the server serves, discovered once.
    ///
    /// # Errors
    /// When discovery fails.
    pub async fn kinds(&self) -> Result<Arc<Kinds>, ClusterError> {
        let known = self.known_kinds();
        match known {
            Some(kinds) => Ok(kinds),
            None => self.discover(None).await,
        }
    }

    /// The kinds, discovered again: a CRD was applied or an unknown kind appeared.
    ///
    /// # Errors
    /// When discovery fails; the kinds known so far stay.
    pub async fn refresh_kinds(&self) -> Result<Arc<Kinds>, ClusterError> {
        self.discover(self.known_kinds()).await
    }

    /// The resource of a kind; an unknown one is asked for once more.
    ///
    /// # Errors
    /// [`ClusterError::UnknownKind`] with the nearest that exists, or what discovery says.
    pub async fn resource(&self, gvk: &Gvk) -> Result<Resource, ClusterError> {
        if let Some(resource) = self.kinds().await?.resource(gvk) {
            return Ok(resource.clone());
        }
        self.refresh_kinds().await?.require(gvk).cloned()
    }

    fn known_kinds(&self) -> Option<Arc<Kinds>> {
        self.shared.kinds.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs discovery unless another task has just replaced `stale`.
    async fn discover(&self, stale: Option<Arc<Kinds>>) -> Result<Arc<Kinds>, ClusterError> {
        let _one = self.shared.discovering.lock().await;
        match (self.known_kinds(), &stale) {
            (Some(now), None) => return Ok(now),
            (Some(now), Some(stale)) if !Arc::ptr_eq(&now, stale) => return Ok(now),
            _ => {}
        }
        let kinds = Arc::new(super::discovery::discover(self).await?);
        *self.shared.kinds.lock().unwrap_or_else(PoisonError::into_inner) = Some(kinds.clone());
        Ok(kinds)
    }
}

/// An error with what caused it, each said once.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_kubeconfig_is_named() {
        let options = ConnectOptions { kubeconfig: Some("/nowhere/kubeconfig".into()), ..ConnectOptions::default() };
        let error = Cluster::connect(options).await.unwrap_err();
        assert!(error.to_string().contains("/nowhere/kubeconfig"), "{error}");
        assert!(!error.retryable());
    }

    #[test]
    fn loopback_needs_no_proxy() {
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        assert!(!is_loopback("10.0.0.1") && !is_loopback("example.com"));
    }
}
