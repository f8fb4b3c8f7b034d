//! `evenkeel chart show`: a chart's metadata, values, readme and custom resource definitions, byte for byte as `helm show` prints
//! them.

use std::fmt::Write as _;
use std::io::Write;

use clap::{Args, ValueEnum};

use super::Refused;
use super::source::{self, FetchArgs};
use crate::chart::Chart;
use crate::yaml::{self, Numbers};

/// Arguments of `chart show`.
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub struct ShowArgs {
    /// What to show.
    #[arg(value_enum)]
    pub what: Part,
    /// The chart: a folder, a .tgz, repo/chart, a URL or oci://….
    pub chart: String,
    /// With `values`: what a path leads to (not supported: an error).
    #[arg(long, value_name = "PATH")]
    pub jsonpath: Option<String>,
    /// Which version, and where from.
    #[command(flatten)]
    pub fetch: FetchArgs,
}

/// A part of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Everything.
    All,
    /// Chart.yaml.
    Chart,
    /// The custom resource definitions.
    Crds,
    /// The readme.
    Readme,
    /// values.yaml.
    Values,
}

pub(super) fn run(args: &ShowArgs, out: &mut dyn Write) -> Result<(), Refused> {
    if args.jsonpath.as_ref().is_some_and(|path| !path.is_empty()) {
        return Err(Refused("--jsonpath is not supported".to_owned()));
    }
    let chart = source::load(&args.fetch, &args.chart)?;
    out.write_all(shown(&chart, args.what).as_bytes())?;
    Ok(())
}

/// The text of a part.
fn shown(chart: &Chart, part: Part) -> String {
    let mut out = String::new();
    let wanted = |which: Part| part == which || part == Part::All;
    let separate = |out: &mut String| {
        if part == Part::All {
            out.push_str("---\n");
        }
    };
    if wanted(Part::Chart) {
        let _ = writeln!(out, "{}", chart.metadata.to_yaml());
    }
    if wanted(Part::Values)
        && let Some(text) = &chart.values_text
    {
        let text = String::from_utf8_lossy(text);
        // For helm a file without a value is no values.
        if yaml::to_json(&text, Numbers::Float).is_ok_and(|value| !value.is_null()) {
            separate(&mut out);
            let _ = writeln!(out, "{text}");
        }
    }
    if wanted(Part::Readme) {
        let readme = chart
            .files
            .iter()
            .find(|file| ["readme.md", "readme.txt", "readme"].iter().any(|name| file.name.eq_ignore_ascii_case(name)));
        if let Some(readme) = readme {
            separate(&mut out);
            let _ = writeln!(out, "{}", readme.text());
        }
    }
    if wanted(Part::Crds) {
        let crds = chart.crds();
        if crds.first().is_some_and(|(_, first)| !first.data.starts_with(b"---")) {
            separate(&mut out);
        }
        for (_, crd) in crds {
            let _ = writeln!(out, "{}", crd.text());
        }
    }
    out
}
