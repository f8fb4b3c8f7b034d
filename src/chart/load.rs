//! Files become a chart with its subcharts (helm: `loader.LoadFiles`): from a list, or from a folder of a tree.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::archive::{self, without_mark};
use super::decode::{Decoder, field};
use super::error::ChartError;
use super::ignore::Ignore;
use super::repository::Lock;
use super::{Chart, ChartFile, Dependency};
use crate::diagnostic::{Diagnostic, Position};
use crate::tree::{self, Tree};
use crate::values;
use crate::yaml::{self, Numbers};

/// Charts inside of charts.
const DEPTH: usize = 32;

impl Chart {
    /// Reads the chart in the folder `path` of a tree. Dependencies that `charts/` does not hold and whose repository is
    /// `file://…` are read from that folder of the tree.
    ///
    /// # Errors
    /// With the place in the file that is wrong.
    pub fn load(tree: &dyn Tree, path: &str) -> Result<Self, ChartError> {
        load_folder(tree, path, 0)
    }

    /// Reads a packed chart. `name` stands for it in errors.
    ///
    /// # Errors
    /// With the place in the file that is wrong.
    pub fn load_archive(name: &str, bytes: &[u8]) -> Result<Self, ChartError> {
        Self::from_archive(name, bytes, 0)
    }

    fn from_archive(name: &str, bytes: &[u8], depth: usize) -> Result<Self, ChartError> {
        let files = archive::unpack(bytes).map_err(|message| ChartError::of(name, message))?;
        from_files(files, name, depth)
    }

    /// Makes a chart of its files; paths are relative to the chart. `location` is put before them in errors.
    ///
    /// # Errors
    /// With the place in the file that is wrong.
    pub fn from_files(files: Vec<ChartFile>, location: &str) -> Result<Self, ChartError> {
        from_files(files, location, 0)
    }
}

fn load_folder(tree: &dyn Tree, path: &str, depth: usize) -> Result<Chart, ChartError> {
    let failed = |error: tree::TreeError| ChartError::of(&error.path, error.message.clone());
    let found = tree::walk(tree, path).map_err(failed)?;
    if found.is_empty() {
        return Err(ChartError::of(path, format!("path {path:?} not found")));
    }
    let ignore_file = tree::join(path, ".helmignore");
    let ignore = match tree.read(&ignore_file).map_err(failed)? {
        Some(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            Ignore::parse(&text).map_err(|error| {
                ChartError::placed(error.message.clone(), &ignore_file, &text, Position::new(error.line, 1))
            })?
        }
        None => Ignore::none(),
    };
    let mut files = Vec::new();
    for (name, size) in found {
        if ignore.ignores_file(&name) {
            continue;
        }
        if size > archive::MAX_FILE {
            let short = name.rsplit('/').next().unwrap_or(&name);
            let message = format!("chart file {short:?} is larger than the maximum file size {}", archive::MAX_FILE);
            return Err(ChartError::of(&tree::join(path, &name), message));
        }
        if let Some(bytes) = tree.read(&tree::join(path, &name)).map_err(failed)? {
            let data = if bytes.starts_with(b"\xef\xbb\xbf") { without_mark(&bytes) } else { bytes };
            files.push(ChartFile { name, data });
        }
    }
    let mut chart = from_files(files, path, depth)?;
    add_siblings(&mut chart, tree, path, depth)?;
    Ok(chart)
}

/// Reads `file://` dependencies that `charts/` does not hold.
fn add_siblings(chart: &mut Chart, tree: &dyn Tree, path: &str, depth: usize) -> Result<(), ChartError> {
    let wanted: Vec<Dependency> = chart.metadata.dependencies.iter().flatten().cloned().collect();
    for dependency in wanted {
        let Some(relative) = dependency.repository.strip_prefix("file://") else { continue };
        if chart.dependencies.iter().any(|held| held.metadata.name == dependency.name) {
            continue;
        }
        let file = tree::join(path, "Chart.yaml");
        if depth >= DEPTH {
            return Err(ChartError::of(&file, format!("charts nest deeper than {DEPTH} (limit: chart depth)")));
        }
        let folder = tree::normal(&tree::join(path, relative))
            .map_err(|error| ChartError::of(&file, format!("dependency {:?}: {error}", dependency.name)))?;
        if tree.list(&folder).ok().flatten().is_none() {
            let message = format!("dependency {:?}: there is no folder {folder}", dependency.name);
            return Err(ChartError::of(&file, message));
        }
        let mut held = load_folder(tree, &folder, depth + 1)?;
        held.set_full_path(&chart.full_path);
        chart.dependencies.push(held);
    }
    Ok(())
}

fn from_files(files: Vec<ChartFile>, location: &str, depth: usize) -> Result<Chart, ChartError> {
    if depth > DEPTH {
        return Err(ChartError::of(location, format!("charts nest deeper than {DEPTH} (limit: chart depth)")));
    }
    let mut chart = Chart { location: location.to_owned(), ..Chart::default() };
    let mut has_metadata = false;
    for file in files.iter().filter(|file| file.name == "Chart.yaml") {
        has_metadata = true;
        chart.metadata.read(&file.text(), &chart.path_of(&file.name), "cannot load Chart.yaml")?;
        if chart.metadata.api_version.is_empty() {
            chart.metadata.api_version = "v1".to_owned();
        }
    }
    let mut subcharts: BTreeMap<String, Vec<ChartFile>> = BTreeMap::new();
    for file in files {
        match file.name.as_str() {
            "Chart.yaml" => {}
            "Chart.lock" => chart.lock = read_lock(&file, &chart.path_of(&file.name), "cannot load Chart.lock")?,
            "values.yaml" => {
                chart.values = Arc::new(read_values(&file, &chart.path_of(&file.name))?);
                chart.values_text = Some(file.data);
            }
            "values.schema.json" => chart.schema = Some(file.data),
            "requirements.yaml" => {
                has_metadata = true;
                let path = chart.path_of(&file.name);
                if chart.metadata.api_version != "v1" {
                    chart.warnings.push(
                        "load.go:120: Warning: Dependencies are handled in Chart.yaml since apiVersion \"v2\". We recommend migrating dependencies to Chart.yaml."
                            .to_owned(),
                    );
                }
                chart.metadata.read(&file.text(), &path, "cannot load requirements.yaml")?;
                if chart.metadata.api_version == "v1" {
                    chart.files.push(file);
                }
            }
            "requirements.lock" => {
                chart.lock = read_lock(&file, &chart.path_of(&file.name), "cannot load requirements.lock")?;
                if chart.metadata.api_version != "v1" {
                    chart.warnings.push(
                        "load.go:138: Warning: Dependency locking is handled in Chart.lock since apiVersion \"v2\". We recommend migrating to Chart.lock."
                            .to_owned(),
                    );
                }
                if chart.metadata.api_version == "v1" {
                    chart.files.push(file);
                }
            }
            name if name.starts_with("templates/") => chart.templates.push(file),
            name if name.starts_with("charts/") && !name.ends_with(".prov") => {
                let inner = &name["charts/".len()..];
                let top = inner.split('/').next().unwrap_or(inner).to_owned();
                let name = inner.to_owned();
                subcharts.entry(top).or_default().push(ChartFile { name, data: file.data });
            }
            _ => chart.files.push(file),
        }
    }
    if !has_metadata {
        return Err(ChartError::of(&chart.path_of("Chart.yaml"), "Chart.yaml file is missing"));
    }
    let path = chart.path_of("Chart.yaml");
    chart.metadata.validate().map_err(|message| ChartError::of(&path, message))?;
    chart.full_path.clone_from(&chart.metadata.name);
    for (name, files) in subcharts {
        if name.starts_with(['_', '.']) {
            continue;
        }
        let mut held = subchart(&chart, &name, files, depth)
            .map_err(|error| error.wrap(&format!("error unpacking subchart {name} in {}", chart.metadata.name)))?;
        held.set_full_path(&chart.full_path);
        chart.dependencies.push(held);
    }
    Ok(chart)
}

fn subchart(chart: &Chart, name: &str, files: Vec<ChartFile>, depth: usize) -> Result<Chart, ChartError> {
    let location = chart.path_of(&format!("charts/{name}"));
    if !name.ends_with(".tgz") {
        let files = files
            .into_iter()
            .filter_map(|file| {
                let name = file.name.split_once('/')?.1.to_owned();
                Some(ChartFile { name, data: file.data })
            })
            .collect();
        return from_files(files, &location, depth + 1);
    }
    let Some(file) = files.first() else { return Err(ChartError::of(&location, "no files in chart archive")) };
    if file.name != name {
        let message =
            format!("error unpacking subchart tar in {}: expected {name}, got {}", chart.metadata.name, file.name);
        return Err(ChartError::of(&location, message));
    }
    Chart::from_archive(&location, &file.data, depth + 1)
}

fn read_values(file: &ChartFile, path: &str) -> Result<Map<String, Value>, ChartError> {
    let text = file.text();
    let value = yaml::to_json(&text, Numbers::Float).map_err(|error| {
        let helm = format!("cannot load values.yaml: error converting YAML to JSON: {}", error.go_text());
        ChartError::new(helm, error.diagnostic(path, &text))
    })?;
    let message = match values::as_map(value) {
        Ok(map) => return Ok(map),
        Err(message) => message,
    };
    let helm = format!("cannot load values.yaml: {message}");
    let diagnostic = Diagnostic::new(path, "values are no map").at(&text, Position::new(1, 1), 1);
    Err(ChartError::new(helm, diagnostic))
}

fn read_lock(file: &ChartFile, path: &str, context: &str) -> Result<Option<Lock>, ChartError> {
    let text = file.text();
    let failed = |error: yaml::Error| {
        let helm = format!("{context}: error converting YAML to JSON: {}", error.go_text());
        ChartError::new(helm, error.diagnostic(path, &text))
    };
    if let Some(node) = yaml::parse_lenient(&text).map_err(failed)? {
        node.to_json(Numbers::Exact).map_err(failed)?;
        let mut decoder = Decoder::new("Lock");
        if let Some(pairs) = decoder.map(&node, "", "chart.Lock") {
            if let Some(list) = field(pairs, "dependencies") {
                for item in decoder.list(list, "dependencies", "[]*chart.Dependency") {
                    Dependency::decode(&mut decoder, item);
                }
            }
            decoder.string(field(pairs, "digest"), "digest");
        }
        if let Some((message, position)) = decoder.error() {
            return Err(ChartError::placed(format!("{context}: {message}"), path, &text, position));
        }
    }
    Lock::parse(&text).map_err(|error| ChartError::of(path, format!("{context}: {error}")))
}

impl ChartFile {
    /// A file of a chart.
    pub fn new(name: impl Into<String>, data: impl Into<Arc<[u8]>>) -> Self {
        Self { name: name.into(), data: data.into() }
    }

    /// Its text; what is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        // The long way looks at every character.
        std::str::from_utf8(&self.data).map_or_else(|_| String::from_utf8_lossy(&self.data), Cow::Borrowed)
    }
}
