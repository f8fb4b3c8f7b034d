//! One case: a chart and values, and what evenkeel answers to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use evenkeel::chart::Chart;
use evenkeel::render::{Clock, CompiledChart, RenderOptions, Surroundings, TextOptions};
use evenkeel::tree::MemoryTree;
use evenkeel::values::{self, merge_maps, set};
use evenkeel::yaml::{self, Numbers};
use serde_json::{Map, Value, json};

/// What is printed, or the error without `Error: `.
pub(super) type Answer = Result<String, String>;

/// What helm adds to an error that it has a manifest for.
const ADVICE: &str = "\n\nUse --debug flag to render out invalid YAML";

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Case {
    /// Files of the chart by path. `Chart.yaml` is added unless it is there.
    pub(super) files: BTreeMap<String, String>,
    /// Values files, for `-f`.
    pub(super) values: Vec<String>,
    /// Arguments of `--set`.
    pub(super) set: Vec<String>,
}

impl Case {
    pub(super) fn json(&self) -> Value {
        json!({ "files": self.files, "values": self.values, "set": self.set })
    }

    pub(super) fn from_json(json: &Value) -> Self {
        let texts = |key: &str| {
            json[key].as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let file = |(path, text): (&String, &Value)| (path.clone(), text.as_str().unwrap().to_owned());
        let files = json["files"].as_object().into_iter().flatten().map(file).collect();
        Self { files, values: texts("values"), set: texts("set") }
    }

    /// evenkeel's answer, in this process.
    pub(super) fn evenkeel(&self) -> Answer {
        let mut all = Map::new();
        for (index, text) in self.values.iter().enumerate() {
            let read = yaml::to_json(text, Numbers::Float).map_err(|error| {
                format!("failed to parse {index}.yaml: error converting YAML to JSON: {}", error.go_text())
            })?;
            let map = values::as_map(read).map_err(|message| format!("failed to parse {index}.yaml: {message}"))?;
            merge_maps(&mut all, &map);
        }
        for line in &self.set {
            set::apply(&mut all, set::Kind::Typed, line, &mut |_| Err("no files".to_owned()))
                .map_err(|error| error.to_string())?;
        }
        let mut tree = MemoryTree::default();
        for (path, text) in &self.files {
            tree.insert(format!("c/{path}"), text.as_str());
        }
        let chart = Chart::load(&tree, "c").map_err(|error| error.helm)?;
        let surroundings = Surroundings { now: Clock::at(jiff::Timestamp::now()), ..Surroundings::default() };
        let options = RenderOptions { release_name: "x".to_owned(), surroundings, ..RenderOptions::default() };
        let rendered = CompiledChart::new(chart).render(&all, &options).map_err(|error| error.helm)?;
        rendered.text_as_helm_template(&TextOptions::default()).map_err(|error| error.helm)
    }

    /// The real helm's answer.
    pub(super) fn helm(&self, helm: &Path) -> Answer {
        let folder = tempfile::tempdir().unwrap();
        let chart = folder.path().join("chart");
        for (path, text) in &self.files {
            let file = chart.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let mut command = Command::new(helm);
        command.current_dir(folder.path()).env("TZ", "UTC").args(["template", "x", "chart"]);
        for (index, text) in self.values.iter().enumerate() {
            let file = format!("{index}.yaml");
            std::fs::write(folder.path().join(&file), text).unwrap();
            command.args(["-f", &file]);
        }
        for line in &self.set {
            command.args(["--set", line]);
        }
        let output = command.output().unwrap();
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let start = text.find("Error: ").map_or(0, |at| at + "Error: ".len());
        let error = text[start..].strip_suffix('\n').unwrap_or(&text[start..]);
        Err(error.strip_suffix(ADVICE).unwrap_or(error).to_owned())
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (path, text) in self.files.iter().filter(|(path, _)| *path != "Chart.yaml") {
            writeln!(f, "── {path}\n{}", text.trim_end_matches('\n'))?;
        }
        for (index, text) in self.values.iter().enumerate() {
            writeln!(f, "── -f {index}.yaml\n{}", text.trim_end_matches('\n'))?;
        }
        for line in &self.set {
            writeln!(f, "── --set {line}")?;
        }
        Ok(())
    }
}
