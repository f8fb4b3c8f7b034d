//! `evenkeel chart login`, `logout` and `push`: `helm registry login`, `helm registry logout` and `helm push`.
#![expect(clippy::disallowed_methods, reason = "the archive to push is named on the command line")]

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::Refused;
use super::source::{self, AccessArgs, CertificateArgs, PlaceArgs};
use crate::chart::remote::{Access, Remote, Tls};

/// Arguments of `chart login`.
#[derive(Args)]
pub struct LoginArgs {
    /// The registry: host or host:port.
    pub host: String,
    /// The user; without one, the password is an identity token.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    pub username: String,
    /// The password or token (others on this machine can see it: prefer --password-stdin).
    #[arg(short, long, default_value = "", hide_default_value = true)]
    pub password: String,
    /// Read the password or token from standard input.
    #[arg(long)]
    pub password_stdin: bool,
    /// Do not check certificates.
    #[arg(long)]
    pub insecure: bool,
    /// Ask the registry over plain HTTP.
    #[arg(long)]
    pub plain_http: bool,
    /// Certificates.
    #[command(flatten)]
    pub certificates: CertificateArgs,
    /// Where logins are kept.
    #[command(flatten)]
    pub place: PlaceArgs,
}

impl std::fmt::Debug for LoginArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginArgs").field("host", &self.host).finish_non_exhaustive()
    }
}

/// Arguments of `chart logout`.
#[derive(Debug, Args)]
pub struct LogoutArgs {
    /// The registry: host or host:port.
    pub host: String,
    /// Where logins are kept.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Arguments of `chart push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// The packed chart.
    #[arg(value_name = "ARCHIVE")]
    pub chart: PathBuf,
    /// Where to: oci://host/path.
    pub remote: String,
    /// Who we are.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Where logins are kept.
    #[command(flatten)]
    pub place: PlaceArgs,
}

pub(super) fn login(args: &LoginArgs) -> Result<(), Refused> {
    let (username, password) = credentials(args)?;
    let access = Access {
        tls: Tls {
            cert_file: args.certificates.cert_file.clone(),
            key_file: args.certificates.key_file.clone(),
            ca_file: args.certificates.ca_file.clone(),
            insecure: args.insecure,
        },
        plain_http: args.plain_http,
        ..Access::default()
    };
    let remote = Remote::new(args.place.settings(), access);
    source::run(remote.login(&args.host, &username, &password))?;
    let _ = writeln!(std::io::stderr().lock(), "Login Succeeded");
    Ok(())
}

pub(super) fn logout(args: &LogoutArgs) -> Result<(), Refused> {
    let remote = Remote::new(args.place.settings(), Access::default());
    source::run(remote.logout(&args.host))?;
    let _ = writeln!(std::io::stderr().lock(), "Removing login credentials for {}", args.host);
    Ok(())
}

pub(super) fn push(args: &PushArgs) -> Result<(), Refused> {
    let path = &args.chart;
    let shown = path.display();
    let meta = std::fs::metadata(path).map_err(|_| Refused(format!("{shown}: no such file")))?;
    if meta.is_dir() {
        return Err(Refused("cannot push directory, must provide chart archive (.tgz)".to_owned()));
    }
    let bytes = std::fs::read(path)?;
    let mut beside = path.clone().into_os_string();
    beside.push(".prov");
    let provenance = std::fs::read(Path::new(&beside)).ok();
    let written = meta.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
    let written = written.unwrap_or_else(jiff::Timestamp::now).to_zoned(jiff::tz::TimeZone::system());
    let created = go_time(&written);
    let remote = Remote::new(args.place.settings(), args.access.access());
    let pushed = source::run(remote.push(&bytes, provenance.as_deref(), &args.remote, &created))?;
    source::note("Pushed", &pushed.reference, &pushed.digest);
    Ok(())
}

/// As Go's `time.RFC3339`: seconds, `Z` for UTC.
fn go_time(time: &jiff::Zoned) -> String {
    if time.offset() == jiff::tz::Offset::UTC {
        return time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    }
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn credentials(args: &LoginArgs) -> Result<(String, String), Refused> {
    let mut username = args.username.clone();
    if args.password_stdin {
        let mut password = String::new();
        std::io::stdin().lock().take(1 << 20).read_to_string(&mut password)?;
        let password = password.strip_suffix('\n').unwrap_or(&password);
        return Ok((username, password.strip_suffix('\r').unwrap_or(password).to_owned()));
    }
    if !args.password.is_empty() {
        let _ = writeln!(
            std::io::stderr().lock(),
            "WARNING: Using --password via the CLI is insecure. Use --password-stdin."
        );
        return Ok((username, args.password.clone()));
    }
    if std::io::stdin().is_terminal() {
        // A terminal would show it.
        return Err(Refused("no password: use --password-stdin".to_owned()));
    }
    let mut lines = std::io::stdin().lock().lines();
    if username.is_empty() {
        username = lines.next().transpose()?.unwrap_or_default().trim().to_owned();
    }
    let password = lines.next().transpose()?.unwrap_or_default();
    match (username.is_empty(), password.is_empty()) {
        (true, true) => Err(Refused("token required".to_owned())),
        (false, true) => Err(Refused("password required".to_owned())),
        _ => Ok((username, password)),
    }
}
