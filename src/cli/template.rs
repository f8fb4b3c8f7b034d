//! `evenkeel template`: a chart rendered to the bytes that `helm template` prints, with helm's flags and helm's first line of an
//! error.
#![expect(clippy::disallowed_methods, reason = "values files are named on the command line and read here")]

use std::io::Write;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Map, Value};

use super::chart::source::{self, FetchArgs, Missed};
use crate::chart::Capabilities;
use crate::render::{CompiledChart, NoCluster, Random, RenderError, RenderOptions, Surroundings, TextOptions};
use crate::template::Limits;
use crate::values::{self, merge_maps, set};
use crate::yaml::{self, Numbers};

/// Bytes that a file of values may have.
const MAX_VALUES: u64 = 64 << 20;

/// Values on the command line, as helm takes them.
#[derive(Debug, Clone, Default, Args)]
pub struct Given {
    /// Values from YAML files; later ones win.
    #[arg(short = 'f', long = "values", value_name = "FILE", value_delimiter = ',', allow_hyphen_values = true)]
    pub values: Vec<PathBuf>,
    /// Values, typed: key1=val1,key2=val2.
    #[arg(long, value_name = "VALUES", allow_hyphen_values = true)]
    pub set: Vec<String>,
    /// Values that are texts.
    #[arg(long, value_name = "VALUES", allow_hyphen_values = true)]
    pub set_string: Vec<String>,
    /// Values in JSON: key=jsonval.
    #[arg(long, value_name = "VALUES", allow_hyphen_values = true)]
    pub set_json: Vec<String>,
    /// One value taken as it is.
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub set_literal: Vec<String>,
    /// Values from the contents of files: key=path.
    #[arg(long, value_name = "VALUES", allow_hyphen_values = true)]
    pub set_file: Vec<String>,
}

/// Arguments of `template`: helm template's.
#[derive(Debug, Args)]
#[command(args_override_self = true, disable_version_flag = true)]
pub struct TemplateArgs {
    /// The release's name (may be left out) and the chart: a folder, a .tgz, repo/chart, a URL or oci://….
    #[arg(value_name = "[NAME] CHART", num_args = 1..=2, required = true)]
    pub name_and_chart: Vec<String>,
    /// The namespace of the release.
    #[arg(short, long, default_value = "default", allow_hyphen_values = true)]
    pub namespace: String,
    /// Values over the chart's own.
    #[command(flatten)]
    pub given: Given,
    /// Only these templates (patterns below the chart).
    #[arg(short, long, value_name = "TEMPLATE", allow_hyphen_values = true)]
    pub show_only: Vec<String>,
    /// Definitions of custom resources too.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", value_parser = go_bool, action = clap::ArgAction::Set)]
    pub include_crds: bool,
    /// No hooks.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", value_parser = go_bool, action = clap::ArgAction::Set)]
    pub no_hooks: bool,
    /// No tests.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", value_parser = go_bool, action = clap::ArgAction::Set)]
    pub skip_tests: bool,
    /// `.Release.IsUpgrade` instead of `.Release.IsInstall`.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", value_parser = go_bool, action = clap::ArgAction::Set)]
    pub is_upgrade: bool,
    /// More API versions for `.Capabilities.APIVersions`.
    #[arg(short, long, value_name = "VERSION", value_delimiter = ',')]
    pub api_versions: Vec<String>,
    /// The Kubernetes version for `.Capabilities.KubeVersion`.
    #[arg(long, value_name = "VERSION")]
    pub kube_version: Option<String>,
    /// If set, disables JSON schema validation.
    #[arg(long)]
    pub skip_schema_validation: bool,
    /// A limit of the render, when a chart needs more: fuel (steps), output (bytes) or depth (templates in each other).
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = limit)]
    pub limits: Vec<(String, u64)>,
    /// A template for the release's name.
    #[arg(long, value_name = "TEMPLATE")]
    pub name_template: Option<String>,
    /// Fill charts/ first, when something is missing there.
    #[arg(long)]
    pub dependency_update: bool,
    /// Which version of the chart, and where from.
    #[command(flatten)]
    pub fetch: FetchArgs,
}

/// A boolean as Go's flags take it: `--no-hooks=false`.
fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

/// Bytes from the operating system.
#[derive(Debug)]
struct SystemRandom;

impl Random for SystemRandom {
    fn seed(&self, _site: &str) -> [u8; 32] {
        rand::random()
    }
}

/// Renders the chart to `out`; an error goes to `err`, its first line as helm writes it. Gives the exit code.
///
/// # Errors
/// When `out` or `err` cannot be written.
pub(super) fn run(args: &TemplateArgs, out: &mut dyn Write, err: &mut dyn Write) -> std::io::Result<u8> {
    let mut warnings = Vec::new();
    let result = rendered(args, &mut warnings);
    for warning in warnings {
        writeln!(err, "{warning}")?;
    }
    match result {
        Ok(text) => {
            out.write_all(text.as_bytes())?;
            out.flush()?;
            Ok(0)
        }
        Err(Failure::Plain(message)) => {
            writeln!(err, "Error: {message}")?;
            Ok(1)
        }
        Err(Failure::Placed(error)) => {
            writeln!(err, "Error: {}", error.told())?;
            Ok(1)
        }
    }
}

/// Why nothing was rendered.
enum Failure {
    /// Helm's message is all there is.
    Plain(String),
    /// There is a place too.
    Placed(RenderError),
}

impl From<RenderError> for Failure {
    fn from(error: RenderError) -> Self {
        Self::Placed(error)
    }
}

impl From<Missed> for Failure {
    fn from(missed: Missed) -> Self {
        match missed {
            Missed::Plain(message) => Self::Plain(message),
            Missed::Chart(error) => Self::Placed(error.into()),
        }
    }
}

fn rendered(args: &TemplateArgs, warnings: &mut Vec<String>) -> Result<String, Failure> {
    let started = std::time::Instant::now();
    let (name, chart) = match &args.name_and_chart[..] {
        [name, chart] => (Some(name), chart),
        [chart] => (None, chart),
        _ => return Err(Failure::Plain("\"template\" requires at least 1 argument".to_owned())),
    };
    if name.is_some() && args.name_template.is_some() {
        return Err(Failure::Plain("cannot set --name-template and also specify a name".to_owned()));
    }
    let surroundings = Surroundings {
        lookup: Arc::new(NoCluster),
        random: Arc::new(SystemRandom),
        now: jiff::Timestamp::now(),
        monotonic: jiff::SignedDuration::try_from(started.elapsed()).ok(),
        zone: jiff::tz::TimeZone::system(),
    };
    let release_name = match &args.name_template {
        Some(template) => crate::render::name_from_template(template, &surroundings).map_err(Failure::Plain)?,
        None => name.map_or_else(|| "release-name".to_owned(), Clone::clone),
    };
    let mut capabilities = Capabilities::default();
    if let Some(version) = &args.kube_version {
        capabilities
            .set_version(version)
            .map_err(|message| Failure::Plain(format!("invalid kube version '{version}': {message}")))?;
    }
    capabilities.api_versions.extend(args.api_versions.iter().cloned());
    let values = given_values(&args.given).map_err(Failure::Plain)?;
    if args.dependency_update {
        super::chart::add_missing(&args.fetch, chart).map_err(|refused| Failure::Plain(refused.0))?;
    }
    let chart = source::load(&args.fetch, chart)?;
    let options = RenderOptions {
        release_name,
        namespace: args.namespace.clone(),
        revision: 1,
        is_upgrade: args.is_upgrade,
        capabilities,
        surroundings,
        skip_schema_validation: args.skip_schema_validation,
        limits: limits(&args.limits),
        layers: layers(&args.given),
    };
    let text = TextOptions {
        include_crds: args.include_crds,
        no_hooks: args.no_hooks,
        skip_tests: args.skip_tests,
        show_only: args.show_only.clone(),
    };
    // The process ends: what it holds is not taken apart piece by piece.
    let chart = ManuallyDrop::new(CompiledChart::new(chart));
    let rendered = ManuallyDrop::new(chart.render_noting(&values, &options, warnings)?);
    Ok(rendered.text_as_helm_template(&text)?)
}

/// `NAME=NUMBER`, with a name that there is.
fn limit(text: &str) -> Result<(String, u64), String> {
    let known = || "expected fuel=NUMBER, output=NUMBER or depth=NUMBER".to_owned();
    let (name, number) = text.split_once('=').ok_or_else(known)?;
    if !Limits::default().set(name, 0) {
        return Err(known());
    }
    Ok((name.to_owned(), number.parse().map_err(|_| known())?))
}

fn limits(given: &[(String, u64)]) -> Limits {
    let mut limits = Limits::default();
    for (name, number) in given {
        limits.set(name, *number);
    }
    limits
}

/// Where values are given, the strongest last: for error messages.
fn layers(args: &Given) -> Vec<String> {
    let files = args.values.iter().map(|path| format!("-f {}", path.display()));
    let flags = [
        ("--set-json", &args.set_json),
        ("--set", &args.set),
        ("--set-string", &args.set_string),
        ("--set-file", &args.set_file),
        ("--set-literal", &args.set_literal),
    ];
    files.chain(flags.iter().filter(|(_, given)| !given.is_empty()).map(|(flag, _)| (*flag).to_owned())).collect()
}

/// Helm's order: files, then JSON, typed, texts, files' contents, literals.
pub(super) fn given_values(args: &Given) -> Result<Map<String, Value>, String> {
    let mut values = Map::new();
    for path in &args.values {
        let shown = path.display();
        let text = read(path)?;
        let read = yaml::to_json(&text, Numbers::Float)
            .map_err(|error| format!("failed to parse {shown}: error converting YAML to JSON: {}", error.go_text()))?;
        let map = values::as_map(read).map_err(|message| format!("failed to parse {shown}: {message}"))?;
        merge_maps(&mut values, &map);
    }
    let mut file = |name: &str| read(Path::new(name));
    for (kind, lines) in [
        (set::Kind::Json, &args.set_json),
        (set::Kind::Typed, &args.set),
        (set::Kind::String, &args.set_string),
        (set::Kind::File, &args.set_file),
        (set::Kind::Literal, &args.set_literal),
    ] {
        for line in lines {
            set::apply(&mut values, kind, line, &mut file).map_err(|error| error.to_string())?;
        }
    }
    Ok(values)
}

fn read(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("open {}: no such file or directory", path.display()),
        _ => format!("open {}: {error}", path.display()),
    };
    if path == Path::new("-") {
        return std::io::read_to_string(std::io::stdin()).map_err(failed);
    }
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_VALUES {
        return Err(format!("{} is larger than {MAX_VALUES} bytes (limit: values file)", path.display()));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
