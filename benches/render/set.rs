//! Which charts are measured.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The release and namespace of every render.
pub(super) const RELEASE: &str = "rel";
pub(super) const NAMESPACE: &str = "ns";

/// What the command line asks for.
pub(super) struct Options {
    folder: PathBuf,
    only: Vec<String>,
    every: usize,
    /// Measured runs of each program for a chart.
    pub(super) rounds: usize,
    /// Part of the name of the chart that is rendered within this process (default: the one with the largest output).
    pub(super) warm: Option<String>,
}

/// A chart to render with its default values.
pub(super) struct Case {
    pub(super) id: String,
    /// Below the set's folder.
    pub(super) folder: String,
}

impl Options {
    pub(super) fn from_arguments() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts");
        let mut options = Self { folder, only: Vec::new(), every: 1, rounds: 5, warm: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
            match argument.as_str() {
                // cargo's own
                "--bench" => {}
                "--only" => options.only.push(value()),
                "--every" => options.every = value().parse().expect("a number"),
                "--rounds" => options.rounds = value().parse().expect("a number"),
                "--warm" => options.warm = Some(value()),
                folder => options.folder = PathBuf::from(folder),
            }
        }
        options
    }

    pub(super) fn root(&self) -> &Path {
        &self.folder
    }
}

/// The charts, in the order of their names.
pub(super) fn cases(options: &Options) -> Vec<Case> {
    let mut cases = match fs::read_to_string(options.folder.join("index.json")) {
        Ok(index) => listed(&serde_json::from_str(&index).expect("index.json")),
        Err(_) => found(&options.folder),
    };
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    let wanted = |case: &Case| options.only.is_empty() || options.only.iter().any(|text| case.id.contains(text));
    cases.into_iter().filter(wanted).step_by(options.every.max(1)).collect()
}

fn listed(index: &Value) -> Vec<Case> {
    let plain = |case: &&Value| {
        case["kind"] == "ok" && case["values"].is_null() && case["args"].as_array().is_none_or(Vec::is_empty)
    };
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let cases = index["cases"].as_array().expect("a list of cases");
    cases.iter().filter(plain).map(|case| Case { id: text(&case["id"]), folder: text(&case["dir"]) }).collect()
}

fn found(folder: &Path) -> Vec<Case> {
    let names = fs::read_dir(folder).expect("a folder of charts").map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let charts = names.filter(|name| folder.join(name).join("Chart.yaml").is_file());
    charts.map(|name| Case { id: name.clone(), folder: name }).collect()
}
