//! `evenkeel template`: a chart rendered to the bytes that `helm template` prints, with helm's flags and helm's first line of an
//! error.

mod args;
mod folder;
mod given;
mod live;
mod postrender;

use std::io::Write;
use std::mem::ManuallyDrop;
use std::sync::Arc;

pub(super) use args::TemplateArgs;
pub(super) use given::Given;

use self::folder::OutputFolder;
use self::live::Live;
use super::chart::source::{self, Missed};
use crate::chart::Capabilities;
use crate::render::{
    Clock, CompiledChart, NoCluster, Random, RenderError, RenderOptions, Rendered, Surroundings, TextOptions, printed,
};

/// The release's name where none is given.
const RELEASE_NAME: &str = "release-name";
/// What may stand behind `--dry-run=`, and whether the cluster may then be asked.
const DRY_RUNS: [(&str, bool); 6] =
    [("", false), ("false", true), ("true", false), ("none", true), ("client", false), ("server", true)];

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
    let result = produced(args, &mut warnings, out);
    for warning in warnings {
        writeln!(err, "{warning}")?;
    }
    let message = match result {
        Ok(text) => {
            out.write_all(text.as_bytes())?;
            out.flush()?;
            return Ok(0);
        }
        Err(Failure::Plain(message)) => message,
        Err(Failure::Placed(error)) => error.told(),
    };
    out.flush()?;
    writeln!(err, "Error: {message}")?;
    Ok(1)
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

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Plain(message)
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

/// What is printed behind what `out` was told on the way.
fn produced(args: &TemplateArgs, warnings: &mut Vec<String>, out: &mut dyn Write) -> Result<String, Failure> {
    let started = std::time::Instant::now();
    let post_renderer = args.post_renderer.find()?;
    if args.name_and_chart.is_empty() {
        return Err(Failure::Plain("\"helm template\" requires at least 1 argument".to_owned()));
    }
    let mut capabilities = Capabilities::default();
    if !args.kube_version.is_empty() {
        let version = &args.kube_version;
        capabilities.set_version(version).map_err(|message| format!("invalid kube version '{version}': {message}"))?;
    }
    capabilities.api_versions.extend(args.api_versions.iter().cloned());
    let (name, chart_name) = name_and_chart(args)?;
    let mut surroundings = Surroundings {
        lookup: Arc::new(NoCluster),
        random: Arc::new(SystemRandom),
        now: Clock::at(jiff::Timestamp::now()),
        monotonic: jiff::SignedDuration::try_from(started.elapsed()).ok(),
        zone: jiff::tz::TimeZone::system(),
        resolve: args.enable_dns.then_some(addresses as fn(&str) -> Vec<String>),
    };
    let release_name = match name {
        Some(name) => name.to_owned(),
        None if args.name_template.is_empty() => RELEASE_NAME.to_owned(),
        None => crate::render::name_from_template(&args.name_template, &surroundings)?,
    };
    let located = source::locate(&args.fetch, chart_name)?;
    let values = args.given.values(&|| args.fetch.remote())?;
    if args.dependency_update {
        super::chart::add_missing(&args.fetch, chart_name).map_err(|refused| refused.0)?;
    }
    let chart = located.load()?;
    let Some((_, ask)) = DRY_RUNS.iter().find(|(name, _)| *name == args.dry_run) else {
        let message = "Invalid dry-run flag. Flag must one of the following: false, true, none, client, server";
        return Err(Failure::Plain(message.to_owned()));
    };
    let mut live = None;
    if *ask || args.validate {
        let cluster = Arc::new(Live::new(args.global.connect_options())?);
        if *ask {
            surroundings.lookup = cluster.clone();
        }
        if args.validate {
            capabilities = cluster.capabilities()?;
            live = Some(cluster);
        }
    }
    args.install.check_labels()?;
    let options = RenderOptions {
        release_name,
        namespace: args.global.namespace(),
        revision: 1,
        is_upgrade: args.is_upgrade,
        capabilities,
        surroundings,
        skip_schema_validation: args.skip_schema_validation,
        limits: args::limits(&args.limits),
        layers: args.given.layers(),
        keep_partial: args.global.debug(),
    };
    let text = TextOptions {
        include_crds: args.include_crds,
        no_hooks: args.no_hooks,
        skip_tests: args.skip_tests,
        show_only: args.show_only.clone(),
    };
    // The process ends: what it holds is not taken apart piece by piece.
    let chart = ManuallyDrop::new(CompiledChart::new(chart));
    let rendered = match chart.render_noting(&values, &options, warnings) {
        Ok(rendered) => ManuallyDrop::new(rendered),
        Err(mut error) => {
            if let Some(partial) = error.partial.take() {
                let shown = printed(partial.text, text.of_hooks(&partial.hooks), &text.show_only)?;
                write(out, &shown)?;
            }
            return Err(error.into());
        }
    };
    if args.output_dir.is_empty() && post_renderer.is_none() && live.is_none() {
        return Ok(rendered.text_as_helm_template(&text)?);
    }
    let mut folder = (!args.output_dir.is_empty()).then(|| {
        let release = args.release_name.then_some(options.release_name.as_str());
        OutputFolder::new(&args.output_dir, release, out)
    });
    let made = manifests(&rendered, &text, folder.as_mut(), post_renderer.as_ref());
    let manifest = match made {
        Ok(manifest) => manifest,
        Err(message) => {
            if options.keep_partial && folder.is_none() {
                write(out, &printed(String::new(), rendered.shown_hooks(&text), &text.show_only)?)?;
            }
            return Err(message.into());
        }
    };
    if let Some(live) = live {
        let owned = (!options.is_upgrade && !args.install.take_ownership).then_some(options.release_name.as_str());
        live.check(&manifest, &options.namespace, owned)?;
    }
    match &mut folder {
        Some(folder) => {
            folder.hooks(rendered.shown_hooks(&text))?;
            Ok(printed(manifest, std::iter::empty(), &text.show_only)?)
        }
        None => Ok(printed(manifest, rendered.shown_hooks(&text), &text.show_only)?),
    }
}

/// The manifests as one text: none of them where they went into a folder, and what the post-renderer makes of that.
fn manifests(
    rendered: &Rendered,
    text: &TextOptions,
    folder: Option<&mut OutputFolder<'_>>,
    post_renderer: Option<&postrender::PostRenderer<'_>>,
) -> Result<String, String> {
    let manifest = match folder {
        Some(folder) => {
            folder.manifests(rendered, text.include_crds)?;
            String::new()
        }
        None => rendered.manifest_text(text.include_crds),
    };
    match post_renderer {
        Some(program) => program.run(manifest),
        None => Ok(manifest),
    }
}

fn write(out: &mut dyn Write, text: &str) -> Result<(), String> {
    out.write_all(text.as_bytes()).map_err(|error| error.to_string())
}

/// Helm's reading of its arguments.
fn name_and_chart(args: &TemplateArgs) -> Result<(Option<&str>, &str), Failure> {
    let refused = |message: &str| Err(Failure::Plain(message.to_owned()));
    match &args.name_and_chart[..] {
        [] => Ok((None, "")),
        [chart] => Ok((None, chart)),
        [_, _] if args.install.generate_name => refused("cannot set --generate-name and also specify a name"),
        [_, _] if !args.name_template.is_empty() => refused("cannot set --name-template and also specify a name"),
        [name, chart] => Ok((Some(name), chart)),
        [_, _, more @ ..] => {
            refused(&format!("expected at most two arguments, unexpected arguments: {}", more.join(", ")))
        }
    }
}

/// The addresses of a host, as the machine's resolver knows them.
fn addresses(host: &str) -> Vec<String> {
    let found = std::net::ToSocketAddrs::to_socket_addrs(&(host, 0));
    found.map(|found| found.map(|address| address.ip().to_string()).collect()).unwrap_or_default()
}
