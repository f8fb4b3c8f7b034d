//! `evenkeel chart lint`: what `helm lint` says of charts, and on request the keys of their values that no template reads.
#![expect(clippy::disallowed_methods, reason = "the folders of charts are named on the command line and read here")]

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Refused;
use super::source::PlaceArgs;
use crate::chart::remote::{Access, Remote};
use crate::chart::{Capabilities, Chart, Table, archive, io};
use crate::cli::template::Given;
use crate::diagnostic::Diagnostic;
use crate::render::{ChartFolder, CompiledChart, LintMessage, LintSeverity, RenderOptions, lint_chart};
use crate::values::{Layer, LayerKind};

/// Arguments of `chart lint`: helm lint's.
#[derive(Debug, Args)]
pub struct ChartLintArgs {
    /// Charts: folders or .tgz files (default: the current folder).
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Values over the charts' own.
    #[command(flatten)]
    pub given: Given,
    /// Warnings fail, too.
    #[arg(long)]
    pub strict: bool,
    /// Only warnings and errors.
    #[arg(long)]
    pub quiet: bool,
    /// The charts in `charts/`, too.
    #[arg(long)]
    pub with_subcharts: bool,
    /// If set, disables JSON schema validation.
    #[arg(long)]
    pub skip_schema_validation: bool,
    /// The Kubernetes version for capabilities and deprecations.
    #[arg(long, value_name = "VERSION")]
    pub kube_version: Option<String>,
    /// Also name the keys of values.yaml that no template reads, behind what helm says.
    #[arg(long)]
    pub unused_values: bool,
    /// Where helm's files are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

pub(super) fn run(args: &ChartLintArgs, out: &mut dyn Write) -> Result<(), Refused> {
    let mut options = RenderOptions {
        release_name: "test-release".to_owned(),
        skip_schema_validation: args.skip_schema_validation,
        ..RenderOptions::default()
    };
    let mut kube_version = None;
    if let Some(version) = &args.kube_version {
        let mut capabilities = Capabilities::default();
        capabilities
            .set_version(version)
            .map_err(|message| Refused(format!("invalid kube version '{version}': {message}")))?;
        kube_version = capabilities.major.parse().ok().zip(capabilities.minor.parse().ok());
        options.capabilities = capabilities;
    }
    let mut paths = if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths.clone() };
    if args.with_subcharts {
        for path in paths.clone() {
            subcharts(&path.join("charts"), &mut paths);
        }
    }
    let user = args.given.values(&|| Remote::new(args.place.settings(), Access::default()))?;
    let (mut failed, mut noticed) = (0, 0);
    let mut unused = Vec::new();
    for path in &paths {
        let looked = look(path, &user, &options, kube_version);
        let (messages, fault) = match looked {
            Ok((messages, chart)) => {
                if let Some(chart) = chart.filter(|_| args.unused_values) {
                    unused.extend(unused_values(&chart, &user, &options));
                }
                (messages, None)
            }
            Err(fault) => (Vec::new(), Some(fault)),
        };
        let least = if args.strict { LintSeverity::Warning } else { LintSeverity::Error };
        let bad = fault.is_some() || messages.iter().any(|message| message.severity >= least);
        let notable = bad || messages.iter().any(|message| message.severity > LintSeverity::Info);
        noticed += usize::from(notable);
        if args.quiet && !notable {
            continue;
        }
        writeln!(out, "==> Linting {}", path.display())?;
        if let Some(fault) = fault {
            writeln!(out, "Error {fault}")?;
        }
        for message in messages.iter().filter(|message| !args.quiet || message.severity > LintSeverity::Info) {
            writeln!(out, "{message}")?;
        }
        failed += usize::from(bad);
        writeln!(out)?;
    }
    let summary = format!("{} chart(s) linted, {failed} chart(s) failed", paths.len());
    if failed == 0 && (!args.quiet || noticed > 0) {
        writeln!(out, "{summary}")?;
    }
    for diagnostic in unused {
        writeln!(out, "\nunused value: {diagnostic}")?;
    }
    if failed > 0 { Err(Refused(summary)) } else { Ok(()) }
}

type Looked = (Vec<LintMessage>, Option<CompiledChart>);

fn look(path: &Path, user: &Table, options: &RenderOptions, kube: Option<(u32, u32)>) -> Result<Looked, String> {
    let shown = path.display().to_string();
    if shown.ends_with(".tgz") || shown.ends_with(".tar.gz") {
        return packed(path, user, options, kube);
    }
    let metadata = match std::fs::read(path.join("Chart.yaml")) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let file = path.join("Chart.yaml");
            let message = format!("stat {}: no such file or directory", file.display());
            return Err(format!("unable to check Chart.yaml file in chart: {message}"));
        }
        Err(error) => return Err(format!("unable to check Chart.yaml file in chart: {error}")),
    };
    let values = std::fs::read(path.join("values.yaml")).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let loaded = io::load_alone(path).map(CompiledChart::new);
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    let folder = ChartFolder {
        path: &absolute,
        metadata: &metadata,
        values: values.as_deref(),
        templates_is_file: path.join("templates").is_file(),
        chart: loaded.as_ref(),
    };
    let messages = lint_chart(&folder, user, options, kube);
    Ok((messages, loaded.ok()))
}

/// A packed chart: helm unpacks it to a temporary folder first; here it stays in memory.
fn packed(path: &Path, user: &Table, options: &RenderOptions, kube: Option<(u32, u32)>) -> Result<Looked, String> {
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("unable to open tarball: open {}: no such file or directory", path.display())
        }
        _ => format!("unable to open tarball: {error}"),
    })?;
    let files = archive::unpack(&bytes).map_err(|error| format!("unable to extract tarball: {error}"))?;
    let text = |name: &str| files.iter().find(|file| file.name == name).map(|file| file.text().into_owned());
    let metadata = text("Chart.yaml").ok_or("unable to extract tarball: chart name not specified")?;
    let values = text("values.yaml");
    let loaded = Chart::load_archive(&path.display().to_string(), &bytes).map(CompiledChart::new);
    let folder = ChartFolder {
        path: &path.display().to_string(),
        metadata: &metadata,
        values: values.as_deref(),
        templates_is_file: false,
        chart: loaded.as_ref(),
    };
    let messages = lint_chart(&folder, user, options, kube);
    Ok((messages, loaded.ok()))
}

/// The charts below a `charts` folder, as helm walks it.
fn subcharts(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "Chart.yaml" {
            found.extend(path.parent().map(Path::to_owned));
        } else if name.ends_with(".tgz") || name.ends_with(".tar.gz") {
            found.push(path);
        } else if path.is_dir() && !path.is_symlink() {
            subcharts(&path, found);
        }
    }
}

/// The keys of a chart's own values that nothing reads, where they stand.
fn unused_values(chart: &CompiledChart, user: &Table, options: &RenderOptions) -> Vec<Diagnostic> {
    let (_, trace) = chart.trace(user, options);
    let Ok((coalesced, _)) = chart.values(user) else { return Vec::new() };
    let Ok(mut usage) = chart.usage(&coalesced) else { return Vec::new() };
    usage.add(&trace);
    let own = chart.chart();
    let file = own.path_of("values.yaml");
    let text = own.values_text.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    let Ok(layer) = Layer::read("chart", file.as_str(), LayerKind::ChartDefaults, &text) else { return Vec::new() };
    usage.unread(layer.value()).iter().map(|path| usage.diagnostic(&layer, path, &text)).collect()
}
