//! Which chart is meant, and how it is had: helm's flags and files become settings, and a name becomes a chart. A path comes
//! first, as with helm.
#![expect(clippy::disallowed_methods, reason = "the command line is where the process's environment is read")]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Refused;
use crate::chart::remote::{Access, Fetched, Remote, RemoteError, Settings, Tls, Wanted};
use crate::chart::{Chart, ChartError, archive, io};

/// What helm tells where a tag has an underscore.
const UNDERSCORE: &str = "
OCI artifact references (e.g. tags) do not support the plus sign (+). To support
storing semantic versions, Helm adopts the convention of changing plus (+) to
an underscore (_) in chart version tags when pushing to a registry and back to
a plus (+) when pulling from a registry.";

/// Where helm's files are, and whether the network may be used.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Chart repositories")]
pub struct PlaceArgs {
    /// Helm's list of repositories (default: HELM_REPOSITORY_CONFIG, ~/.config/helm/repositories.yaml).
    #[arg(long, value_name = "FILE")]
    pub repository_config: Option<PathBuf>,
    /// Helm's folder of indexes (default: HELM_REPOSITORY_CACHE, ~/.cache/helm/repository).
    #[arg(long, value_name = "FOLDER")]
    pub repository_cache: Option<PathBuf>,
    /// Logins to registries (default: HELM_REGISTRY_CONFIG, ~/.config/helm/registry/config.json; then Docker's).
    #[arg(long, value_name = "FILE")]
    pub registry_config: Option<PathBuf>,
    /// Use what is in the cache alone.
    #[arg(long)]
    pub offline: bool,
}

/// The certificate that we show and those that we trust.
#[derive(Debug, Clone, Default, Args)]
pub struct CertificateArgs {
    /// A client certificate in PEM.
    #[arg(long, value_name = "FILE")]
    pub cert_file: Option<PathBuf>,
    /// Its key in PEM.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// The authorities that are trusted instead of the machine's, in PEM.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// Whether charts must be signed, and by whom.
#[derive(Debug, Clone, Default, Args)]
pub struct SignatureArgs {
    /// Verify the signature (not supported yet: an error).
    #[arg(long)]
    pub verify: bool,
    /// The keys that --verify trusts.
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
}

impl SignatureArgs {
    /// Refuses what is not there yet rather than to skip a check.
    pub(super) fn check(&self) -> Result<(), Refused> {
        if self.verify {
            let message = "--verify is not supported yet: signatures are not checked (chart pull --prov fetches the provenance file)";
            return Err(Refused(message.to_owned()));
        }
        Ok(())
    }
}

/// Who we are and whom we trust.
#[derive(Clone, Default, Args)]
#[command(next_help_heading = "Chart repositories")]
pub struct AccessArgs {
    /// The user at the repository or registry.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub username: String,
    /// The password at the repository or registry.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub password: String,
    /// Certificates.
    #[command(flatten)]
    pub certificates: CertificateArgs,
    /// Do not check certificates.
    #[arg(long)]
    pub insecure_skip_tls_verify: bool,
    /// Ask registries over plain HTTP.
    #[arg(long)]
    pub plain_http: bool,
}

impl std::fmt::Debug for AccessArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessArgs").field("plain_http", &self.plain_http).finish_non_exhaustive()
    }
}

/// Which version of a chart, and where from: helm's flags.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Chart repositories")]
pub struct FetchArgs {
    /// A version of the chart, or a range of versions (default: the newest).
    #[arg(long = "version", value_name = "RANGE", default_value = "", hide_default_value = true)]
    pub range: String,
    /// Pre-releases too: --version '>0.0.0-0'.
    #[arg(long)]
    pub devel: bool,
    /// The URL of the repository that has the chart.
    #[arg(long = "repo", value_name = "URL", default_value = "", hide_default_value = true)]
    pub repository: String,
    /// Send user and password to every host that an index points to.
    #[arg(long)]
    pub pass_credentials: bool,
    /// Signatures.
    #[command(flatten)]
    pub signatures: SignatureArgs,
    /// Who we are.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Where helm's files are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

impl PlaceArgs {
    /// The settings: flags, helm's variables, defaults.
    pub(in crate::cli) fn settings(&self) -> Settings {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = variable("HOME").unwrap_or_default();
        let folder = |own: &str, xdg: &str, default: &str| {
            variable(own).unwrap_or_else(|| variable(xdg).unwrap_or_else(|| home.join(default)).join("helm"))
        };
        let config = folder("HELM_CONFIG_HOME", "XDG_CONFIG_HOME", ".config");
        let cache = folder("HELM_CACHE_HOME", "XDG_CACHE_HOME", ".cache");
        let file = |given: &Option<PathBuf>, name: &str, default: PathBuf| {
            given.clone().or_else(|| variable(name)).unwrap_or(default)
        };
        Settings {
            repository_config: file(
                &self.repository_config,
                "HELM_REPOSITORY_CONFIG",
                config.join("repositories.yaml"),
            ),
            repository_cache: file(&self.repository_cache, "HELM_REPOSITORY_CACHE", cache.join("repository")),
            registry_config: file(&self.registry_config, "HELM_REGISTRY_CONFIG", config.join("registry/config.json")),
            docker_config: Some(variable("DOCKER_CONFIG").unwrap_or_else(|| home.join(".docker")).join("config.json")),
            cache: crate::cli::source::cache_folder().join("charts"),
            offline: self.offline,
        }
    }
}

impl AccessArgs {
    pub(in crate::cli) fn access(&self) -> Access {
        Access {
            username: self.username.clone(),
            password: self.password.clone(),
            pass_credentials: false,
            tls: Tls {
                cert_file: self.certificates.cert_file.clone(),
                key_file: self.certificates.key_file.clone(),
                ca_file: self.certificates.ca_file.clone(),
                insecure: self.insecure_skip_tls_verify,
            },
            plain_http: self.plain_http,
        }
    }
}

impl FetchArgs {
    /// What fetches with these flags.
    pub(in crate::cli) fn remote(&self) -> Remote {
        let access = Access { pass_credentials: self.pass_credentials, ..self.access.access() };
        Remote::new(self.place.settings(), access)
    }

    /// The range of versions.
    pub(super) fn version(&self) -> &str {
        if self.range.is_empty() && self.devel { ">0.0.0-0" } else { &self.range }
    }
}

/// A chart could not be had: with a place in it, or without.
pub(in crate::cli) enum Missed {
    /// Helm's message.
    Plain(String),
    /// The chart is there and wrong.
    Chart(ChartError),
}

impl From<Missed> for Refused {
    fn from(missed: Missed) -> Self {
        match missed {
            Missed::Plain(message) => Self(message),
            Missed::Chart(error) => error.into(),
        }
    }
}

/// Where a chart is.
pub(in crate::cli) enum Located {
    /// On this machine.
    Path(PathBuf),
    /// Fetched.
    Archive(Fetched),
}

impl Located {
    /// Reads the chart.
    pub(in crate::cli) fn load(&self) -> Result<Chart, Missed> {
        match self {
            Self::Path(path) => io::load(path).map_err(Missed::Chart),
            Self::Archive(fetched) => {
                archive::ensure(&fetched.file_name, &fetched.bytes).map_err(Missed::Plain)?;
                Chart::load_archive(&fetched.from, &fetched.bytes).map_err(Missed::Chart)
            }
        }
    }
}

/// Finds the chart that is named: a folder or archive, else in a repository or registry, from which it is fetched.
pub(in crate::cli) fn locate(args: &FetchArgs, name: &str) -> Result<Located, Missed> {
    args.signatures.check().map_err(|Refused(message)| Missed::Plain(message))?;
    let path = Path::new(name);
    if path.exists() {
        return Ok(Located::Path(path.to_owned()));
    }
    if path.is_absolute() || name.starts_with('.') {
        return Err(Missed::Plain(format!("path {name:?} not found")));
    }
    let wanted = Wanted { chart: name, version: args.version(), repository: &args.repository };
    let fetched = run(args.remote().fetch(&wanted)).map_err(|Refused(message)| Missed::Plain(message))?;
    tell(&fetched);
    Ok(Located::Archive(fetched))
}

/// Loads the chart that is named.
pub(in crate::cli) fn load(args: &FetchArgs, name: &str) -> Result<Chart, Missed> {
    locate(args, name)?.load()
}

/// Says what was pulled from a registry, as helm does.
pub(super) fn tell(fetched: &Fetched) {
    if let Some((reference, digest)) = &fetched.pulled {
        note("Pulled", reference, digest);
    }
}

/// What helm says on standard error after it pulled or pushed.
pub(super) fn note(done: &str, reference: &str, digest: &str) {
    let mut err = std::io::stderr().lock();
    // Nobody has to listen.
    let _ = writeln!(err, "{done}: {reference}\nDigest: {digest}");
    if reference.contains('_') {
        let _ = writeln!(err, "{reference} contains an underscore.\n{UNDERSCORE}");
    }
}

/// Runs what fetches, on a runtime of its own.
pub(in crate::cli) fn run<T>(work: impl Future<Output = Result<T, RemoteError>>) -> Result<T, Refused> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    // What still waits (a credential helper) is not waited for.
    runtime.shutdown_background();
    done.map_err(|error| Refused(error.message))
}
