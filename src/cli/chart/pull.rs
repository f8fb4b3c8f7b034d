//! `evenkeel chart pull`: charts from repositories and registries into files, as `helm pull` does.
#![expect(clippy::disallowed_methods, reason = "charts are written where the command line says")]

use std::fs;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use clap::Args;

use super::Refused;
use super::source::{self, FetchArgs};
use crate::chart::remote::{Remote, Wanted, write_file};
use crate::chart::{Chart, archive};

/// Arguments of `chart pull`.
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub struct PullArgs {
    /// Charts: repo/chart, a URL, oci://…, or with --repo a name.
    #[arg(required = true, value_name = "CHART")]
    pub charts: Vec<String>,
    /// Unpack the chart.
    #[arg(long)]
    pub untar: bool,
    /// The folder that --untar unpacks into.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub untardir: PathBuf,
    /// The folder that the archive is written to.
    #[arg(short, long, value_name = "FOLDER", default_value = ".")]
    pub destination: PathBuf,
    /// Fetch the provenance file too, without verifying it.
    #[arg(long)]
    pub prov: bool,
    /// Which version, and where from.
    #[command(flatten)]
    pub fetch: FetchArgs,
}

pub(super) fn run(args: &PullArgs, out: &mut dyn Write) -> Result<(), Refused> {
    args.fetch.signatures.check()?;
    let remote = args.fetch.remote();
    for chart in &args.charts {
        one(args, &remote, chart, out)?;
    }
    Ok(())
}

fn one(args: &PullArgs, remote: &Remote, chart: &str, out: &mut dyn Write) -> Result<(), Refused> {
    let wanted = Wanted { chart, version: args.fetch.version(), repository: &args.fetch.repository };
    let (fetched, provenance) = source::run(async {
        let resolved = remote.resolve(&wanted).await?;
        let fetched = remote.download(&resolved).await?;
        let provenance = if args.prov { Some(remote.provenance(&resolved).await) } else { None };
        Ok((fetched, provenance))
    })?;
    source::tell(&fetched);
    let file = safe_name(&fetched.file_name)?;
    if args.untar {
        // Without the dots that would stand in messages.
        let below: PathBuf =
            args.destination.join(&args.untardir).components().filter(|c| *c != Component::CurDir).collect();
        unpack(&fetched.bytes, &below)?;
    } else {
        write(&args.destination, &file, &fetched.bytes)?;
    }
    match provenance {
        Some(Ok(bytes)) if !args.untar => write(&args.destination, &format!("{file}.prov"), &bytes)?,
        Some(Err(error)) => {
            writeln!(out, "WARNING: Verification not found for {}: {error}", crate::chart::repository::masked(chart))?;
        }
        _ => {}
    }
    Ok(())
}

/// A file's name that leads nowhere else.
fn safe_name(name: &str) -> Result<String, Refused> {
    if name.is_empty() || matches!(name, "." | "..") || name.contains(['/', '\\', '\0']) {
        return Err(Refused(format!("{name:?} cannot name a file")));
    }
    Ok(name.to_owned())
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Refused> {
    if !folder.is_dir() {
        return Err(Refused(format!("{}: no such file or directory", folder.display())));
    }
    let path = folder.join(name);
    write_file(&path, bytes).map_err(|error| Refused(error.message))?;
    readable(&path)?;
    Ok(())
}

/// A chart is no secret: everybody may read it, as what helm writes.
pub(in crate::cli) fn readable(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    Ok(())
}

/// Unpacks an archive below a folder, in a folder of the chart's name.
fn unpack(bytes: &[u8], below: &Path) -> Result<(), Refused> {
    let chart = Chart::load_archive("chart archive", bytes)?;
    let files = archive::unpack(bytes).map_err(Refused)?;
    let root = below.join(safe_name(&chart.metadata.name)?);
    if root.symlink_metadata().is_ok() {
        let message = format!("failed to untar: a file or directory with the name {} already exists", root.display());
        return Err(Refused(message));
    }
    for file in files {
        let path = root.join(&file.name);
        fs::create_dir_all(path.parent().unwrap_or(&root))?;
        fs::write(&path, &file.data)?;
    }
    Ok(())
}
