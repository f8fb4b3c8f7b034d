//! `evenkeel chart package`: folders of charts become archives, as `helm package` makes them.

use std::io::Write;
use std::path::{Component, Path, PathBuf};

use clap::Args;

use super::source::{AccessArgs, PlaceArgs};
use super::{Refused, dependency, readable};
use crate::chart::io;
use crate::chart::remote::{Remote, write_file};
use crate::chart::version::Version;

/// Arguments of `chart package`.
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub struct PackageArgs {
    /// The charts' folders.
    #[arg(required = true, value_name = "CHART")]
    pub charts: Vec<PathBuf>,
    /// The version that the chart gets.
    #[arg(long = "version", value_name = "VERSION", default_value = "", hide_default_value = true)]
    pub chart_version: String,
    /// The appVersion that the chart gets.
    #[arg(long, value_name = "VERSION", default_value = "", hide_default_value = true)]
    pub app_version: String,
    /// The folder that the archive is written to.
    #[arg(short, long, value_name = "FOLDER", default_value = ".")]
    pub destination: PathBuf,
    /// Fill charts/ first, as `chart dependency update` does.
    #[arg(short = 'u', long)]
    pub dependency_update: bool,
    /// Sign the archive (not supported: an error).
    #[arg(long)]
    pub sign: bool,
    /// The name of the key that --sign takes.
    #[arg(long, value_name = "NAME")]
    pub key: Option<String>,
    /// The keys that --sign looks in.
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
    /// Where --sign reads the key's passphrase.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Who we are.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Where helm's files are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

pub(super) fn run(args: &PackageArgs, out: &mut dyn Write) -> Result<(), Refused> {
    if args.sign {
        return Err(Refused("--sign is not supported".to_owned()));
    }
    for path in &args.charts {
        let shown = path.display();
        std::fs::metadata(path).map_err(|_| Refused(format!("stat {shown}: no such file or directory")))?;
        if args.dependency_update {
            let remote = Remote::new(args.place.settings(), args.access.access());
            dependency::update(&remote, path, false, false, &mut std::io::sink())?;
        }
        let name = one(args, path)?;
        writeln!(out, "Successfully packaged chart and saved it to: {}", name.display())?;
    }
    Ok(())
}

fn one(args: &PackageArgs, path: &Path) -> Result<PathBuf, Refused> {
    if !path.is_dir() {
        return Err(Refused("Chart.yaml file is missing".to_owned()));
    }
    let mut chart = io::load_alone(path)?;
    if !args.chart_version.is_empty() {
        chart.metadata.version.clone_from(&args.chart_version);
    }
    Version::parse(&chart.metadata.version).map_err(|error| Refused(error.to_string()))?;
    if !args.app_version.is_empty() {
        chart.metadata.app_version.clone_from(&args.app_version);
    }
    chart.check_dependencies()?;
    let name = chart.archive_name();
    if name.contains('/') {
        return Err(Refused(format!("failed to save: {name:?} is not a valid chart name")));
    }
    let file = if args.destination == Path::new(".") {
        std::env::current_dir()?.join(name)
    } else {
        args.destination.join(name).components().filter(|part| *part != Component::CurDir).collect()
    };
    let time = jiff::Timestamp::now().as_second().try_into().unwrap_or(0);
    let bytes = chart.pack(time).map_err(|error| Refused(format!("failed to save: {error}")))?;
    write_file(&file, &bytes).map_err(|error| Refused(format!("failed to save: {error}")))?;
    readable(&file)?;
    Ok(file)
}
