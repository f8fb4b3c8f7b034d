//! `evenkeel lock`: what the releases of an environment ask for of charts from elsewhere becomes a version and a digest, in the
//! `release.lock` beside each. A lock that fits stays as it is, unless `--upgrade` is given.

use clap::Args;

use super::args::{SourceArgs, Target};
use super::chart::source::{self as chart_source, AccessArgs, PlaceArgs};
use super::console::{Console, errors_json};
use super::error::CliError;
use super::{Outcome, source};
use crate::chart::Chart;
use crate::chart::remote::{Remote, RemoteError, Wanted, write_file};
use crate::environment::{ChartSource, LockedChart, RemoteChart};

/// Arguments of `lock`.
#[derive(Debug, Args)]
pub struct LockArgs {
    /// An environment, or one release of it.
    #[arg(value_name = "ENV[/RELEASE]")]
    pub target: String,
    /// Look for newer versions in the ranges of locks that fit, too.
    #[arg(long)]
    pub upgrade: bool,
    /// Where the environments are.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Who we are.
    #[command(flatten)]
    pub access: AccessArgs,
}

/// A release and its chart.
struct Work {
    release: String,
    asked: RemoteChart,
    held: Option<LockedChart>,
}

pub(super) fn run(args: &LockArgs, console: &Console) -> Outcome {
    if args.source.rev.is_some() {
        return Err(CliError::user("locks are written into the working folder; a revision cannot change"));
    }
    let target = Target::parse(&args.target);
    let opened = source::open(&args.source)?;
    let environment = source::environment(&opened, &args.source, &target)?;
    let mut work = Vec::new();
    for release in &environment.releases {
        let (name, chart, held) = match release {
            Ok(release) => match &release.chart {
                Some(ChartSource::Locked(locked)) => (&release.name, Some(locked.asked.clone()), Some(locked.clone())),
                Some(place) => (&release.name, place.remote().cloned(), None),
                None => continue,
            },
            Err(broken) => (&broken.name, broken.remote.clone(), None),
        };
        if let Some(asked) = chart.filter(|_| target.release.as_deref().is_none_or(|wanted| wanted == name)) {
            work.push(Work { release: name.clone(), asked, held });
        }
    }
    let place = PlaceArgs { offline: args.source.offline, ..PlaceArgs::default() };
    let remote = Remote::new(place.settings(), args.access.access());
    let (mut errors, mut written, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for Work { release, asked, held } in work {
        let shown = format!("{}/{release}", target.environment);
        let kept = held.filter(|_| !args.upgrade);
        let (locked, state) = match kept {
            Some(locked) => (locked, "unchanged"),
            None => match locked(&remote, &asked) {
                Ok(locked) => (locked, "locked"),
                Err(message) => {
                    errors.push(CliError::user(format!("{shown}: {message}")));
                    continue;
                }
            },
        };
        if state == "locked" {
            let path = args.source.repo.join(&asked.lock);
            if let Err(error) = write_file(&path, locked.to_yaml().as_bytes()).and_then(|()| {
                super::chart::readable(&path).map_err(|error| {
                    RemoteError::new(crate::chart::remote::RemoteErrorKind::Storage, error.to_string())
                })
            }) {
                errors.push(CliError::user(format!("{shown}: {error}")));
                continue;
            }
        }
        lines.push(format!("{shown}: {} {} {} ({state}: {})", asked.chart, locked.version, locked.digest, asked.lock));
        written.push(serde_json::json!({
            "release": release, "chart": asked.chart, "repository": asked.repository, "version": locked.version,
            "digest": locked.digest, "provenance": locked.provenance, "lock": asked.lock, "changed": state == "locked",
        }));
    }
    if console.json() {
        console.value(&serde_json::json!({
            "environment": target.environment, "locks": written, "errors": errors_json(&errors),
        }));
    } else if lines.is_empty() && errors.is_empty() {
        console.note("no release asks for a chart from elsewhere");
    } else if !lines.is_empty() {
        console.text(&lines.join("\n"));
    }
    Ok(console.finish(&errors, 0))
}

/// What a chart from elsewhere is now.
fn locked(remote: &Remote, asked: &RemoteChart) -> Result<LockedChart, String> {
    let wanted = Wanted { chart: &asked.chart, version: &asked.range, repository: &asked.repository };
    let (fetched, version) = chart_source::run(async {
        let resolved = remote.resolve(&wanted).await?;
        let mut fetched = remote.download(&resolved).await?;
        if fetched.provenance.is_none() {
            fetched.provenance = match remote.provenance(&resolved).await {
                Ok(_) => Some(true),
                Err(error) if error.kind == crate::chart::remote::RemoteErrorKind::NotFound => Some(false),
                Err(_) => None,
            };
        }
        Ok((fetched, resolved.version))
    })
    .map_err(|refused| refused.0)?;
    let chart = Chart::load_archive(&fetched.from, &fetched.bytes).map_err(|error| error.diagnostic.to_string())?;
    Ok(LockedChart {
        asked: asked.clone(),
        // As the repository writes it, since it is asked for by this.
        version: if version.is_empty() { chart.metadata.version } else { version },
        digest: format!("sha256:{}", fetched.digest),
        manifest: fetched.pulled.map(|(_, digest)| digest).unwrap_or_default(),
        provenance: fetched.provenance,
    })
}
