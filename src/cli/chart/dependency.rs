//! `evenkeel chart dependency`: what a chart depends on, listed, resolved and fetched as `helm dependency` does.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::Refused;
use super::source::{self, AccessArgs, FetchArgs, PlaceArgs, SignatureArgs};
use crate::chart::remote::{Dependencies, Remote};
use crate::chart::version::{Constraint, Version};
use crate::chart::{Chart, Dependency, io};

/// Arguments of `chart dependency`.
#[derive(Debug, Args)]
pub struct DependencyArgs {
    /// The command.
    #[command(subcommand)]
    pub command: DependencyCommand,
}

/// What can be done with a chart's dependencies.
#[derive(Debug, Subcommand)]
pub enum DependencyCommand {
    /// List what a chart depends on, and whether it is there.
    #[command(visible_alias = "ls")]
    List {
        /// The chart.
        #[arg(default_value = ".")]
        chart: PathBuf,
        /// The widest that a column may be.
        #[arg(long, value_name = "COLUMNS", default_value_t = 80)]
        max_col_width: usize,
        /// Where helm's files are.
        #[command(flatten)]
        place: Box<PlaceArgs>,
    },
    /// Resolve versions anew, fill charts/ and write Chart.lock.
    #[command(visible_alias = "up")]
    Update(FillArgs),
    /// Fill charts/ with what Chart.lock names.
    Build(FillArgs),
}

/// Arguments of `update` and `build`.
#[derive(Debug, Args)]
pub struct FillArgs {
    /// The chart's folder.
    #[arg(default_value = ".")]
    pub chart: PathBuf,
    /// Do not say that indexes are asked for again.
    #[arg(long)]
    pub skip_refresh: bool,
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

pub(super) fn run(args: &DependencyArgs, out: &mut (dyn Write + Send)) -> Result<(), Refused> {
    match &args.command {
        DependencyCommand::List { chart, max_col_width, .. } => list(&clean(chart), *max_col_width, out),
        DependencyCommand::Update(args) => fill(args, false, out),
        DependencyCommand::Build(args) => fill(args, true, out),
    }
}

fn fill(args: &FillArgs, build: bool, out: &mut (dyn Write + Send)) -> Result<(), Refused> {
    args.signatures.check()?;
    let remote = Remote::new(args.place.settings(), args.access.access());
    update(&remote, &clean(&args.chart), args.skip_refresh, build, out)
}

/// Fills a chart's `charts/`.
pub(super) fn update(
    remote: &Remote,
    chart: &Path,
    skip_refresh: bool,
    build: bool,
    out: &mut (dyn Write + Send),
) -> Result<(), Refused> {
    let now = jiff::Zoned::now();
    let now = match now.offset() {
        jiff::tz::Offset::UTC => now.timestamp().to_string(),
        _ => now.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string(),
    };
    let work = Dependencies { remote, chart, skip_refresh, now };
    if build { source::run(work.build(out, &source::tell)) } else { source::run(work.update(out, &source::tell)) }
}

/// Fills `charts/` when something is missing there, before a chart is rendered; says so on standard output, as helm does.
pub(in crate::cli) fn add_missing(args: &FetchArgs, chart: &str) -> Result<(), Refused> {
    let path = Path::new(chart);
    if !path.is_dir() || io::load_alone(path)?.check_dependencies().is_ok() {
        return Ok(());
    }
    update(&args.remote(), path, false, false, &mut std::io::stdout())
}

/// As Go's `filepath.Clean`, as far as it shows in messages.
fn clean(path: &Path) -> PathBuf {
    let cleaned: PathBuf = path.components().collect();
    match cleaned.strip_prefix("./") {
        Ok(rest) if !rest.as_os_str().is_empty() => rest.to_owned(),
        _ => cleaned,
    }
}

fn list(chart_path: &Path, width: usize, out: &mut dyn Write) -> Result<(), Refused> {
    let shown = chart_path.display();
    if !chart_path.exists() {
        return Err(Refused(format!("stat {shown}: no such file or directory")));
    }
    let chart = if chart_path.is_dir() { io::load_alone(chart_path)? } else { io::load(chart_path)? };
    let Some(wanted) = &chart.metadata.dependencies else {
        writeln!(out, "WARNING: no dependencies at {shown}/charts")?;
        return Ok(());
    };
    let mut rows = vec![["NAME", "VERSION", "REPOSITORY", "STATUS"].map(str::to_owned)];
    for dependency in wanted {
        let Dependency { name, version, repository, .. } = dependency;
        let status = status(chart_path, dependency, &chart);
        rows.push([name.clone(), version.clone(), crate::chart::repository::masked(repository), status]);
    }
    write!(out, "{}\n\n", table(&rows, width))?;
    missing(chart_path, wanted, out)
}

/// Columns as helm's tables have them: cells filled up to the widest of their column, tabs between them.
fn table(rows: &[[String; 4]], limit: usize) -> String {
    let cut = |cell: &str| {
        if cell.chars().count() <= limit {
            return cell.to_owned();
        }
        let short: String = cell.chars().take(limit.saturating_sub(3)).collect();
        format!("{short}...")
    };
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| cut(cell)).collect()).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..4).map(width).collect();
    let line = |row: &Vec<String>| {
        row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect::<Vec<_>>().join("\t")
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Helm's word for the state of a dependency.
fn status(chart_path: &Path, dependency: &Dependency, chart: &Chart) -> String {
    let fits = |version: &str| {
        if version == dependency.version {
            return None;
        }
        match (Constraint::parse(&dependency.version), Version::parse(version)) {
            (Ok(constraint), Ok(version)) if constraint.check(&version) => None,
            (Ok(_), Ok(_)) => Some("wrong version".to_owned()),
            _ => Some("invalid version".to_owned()),
        }
    };
    let prefix = format!("{}-", dependency.name);
    let mut archives: Vec<PathBuf> = std::fs::read_dir(chart_path.join("charts"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&prefix) && name.ends_with(".tgz")
        })
        .collect();
    if archives.len() > 1 {
        archives.retain(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let version = name.trim_end_matches(".tgz").trim_start_matches(&prefix);
            Version::parse(version).is_ok_and(|parsed| parsed.to_string() == version)
        });
        if archives.len() > 1 {
            return "too many matches".to_owned();
        }
    }
    if let Some(archive) = archives.first() {
        return match io::load(archive) {
            Err(_) => "corrupt".to_owned(),
            Ok(held) if held.metadata.name != dependency.name => "misnamed".to_owned(),
            Ok(held) => fits(&held.metadata.version).unwrap_or_else(|| "ok".to_owned()),
        };
    }
    match chart.dependencies.iter().rev().find(|held| held.metadata.name == dependency.name) {
        None => "missing".to_owned(),
        Some(held) => fits(&held.metadata.version).unwrap_or_else(|| "unpacked".to_owned()),
    }
}

/// Names what is in `charts/` and nobody asks for.
fn missing(chart_path: &Path, wanted: &[Dependency], out: &mut dyn Write) -> Result<(), Refused> {
    let folder = chart_path.join("charts");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if !path.is_dir() && path.extension().is_none_or(|end| end != "tgz") {
            continue;
        }
        let shown = path.display().to_string();
        let held = if path.is_dir() { io::load_alone(&path) } else { io::load(&path) };
        match held {
            Err(_) => writeln!(out, "WARNING: {shown:?} is not a chart.")?,
            Ok(held) if !wanted.iter().any(|dependency| dependency.name == held.metadata.name) => {
                writeln!(out, "WARNING: {shown:?} is not in Chart.yaml.")?;
            }
            Ok(_) => {}
        }
    }
    Ok(())
}
