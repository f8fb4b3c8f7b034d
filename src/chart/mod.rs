//! Turns a chart's folder or archive into a chart: metadata, values, templates, files, subcharts; and a chart with values into the
//! one that is rendered (dependencies switched, aliased, their values imported). The environment's releases and
//! `evenkeel template` load charts here, `render/` renders them. Reads trees and bytes; only `io` touches a disk.

pub mod archive;
mod capabilities;
mod decode;
mod dependencies;
mod encode;
mod error;
pub mod glob;
mod ignore;
pub mod io;
mod load;
mod metadata;
mod package;
pub mod remote;
pub mod repository;
pub mod version;

pub use capabilities::Capabilities;
pub use error::ChartError;
pub use ignore::{Ignore, IgnoreError};
pub use metadata::{Dependency, Maintainer, Metadata};

pub(crate) use decode::{Decoder, field};

use std::cmp::Reverse;
use std::sync::Arc;

use crate::values::ChartValues;

/// A map of values.
pub type Table = serde_json::Map<String, serde_json::Value>;

/// A file of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartFile {
    /// The path from the chart's root, with `/`.
    pub name: String,
    /// The bytes, without a byte order mark.
    pub data: Arc<[u8]>,
}

/// A chart with its subcharts.
#[derive(Debug, Clone, Default)]
pub struct Chart {
    /// What `Chart.yaml` says.
    pub metadata: Metadata,
    /// What `values.yaml` holds; numbers are float64.
    pub values: Arc<Table>,
    /// `values.yaml` as it is written.
    pub values_text: Option<Arc<[u8]>>,
    /// `Chart.lock` or `requirements.lock`.
    pub lock: Option<repository::Lock>,
    /// `values.schema.json`.
    pub schema: Option<Arc<[u8]>>,
    /// Files below `templates/`.
    pub templates: Vec<ChartFile>,
    /// All other files.
    pub files: Vec<ChartFile>,
    /// The charts in `charts/`.
    pub dependencies: Vec<Chart>,
    /// Where the chart was read from: a folder of the repository or a path; put before file names in errors.
    pub location: String,
    /// What helm warns of while it loads the chart; its lines.
    pub warnings: Vec<String>,
    /// The path of names under which helm knows it, as `top/charts/sub`. Helm links a subchart to the chart that took it last,
    /// so that it may be another path than that of the charts that lead here.
    full_path: String,
}

/// A template with the names that helm gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplatePath {
    /// As `top/charts/sub/templates/a.yaml`.
    pub path: String,
    /// As `top/charts/sub/templates`.
    pub base: String,
    /// Which chart it belongs to: indices into `dependencies`, from the top.
    pub chart: Vec<usize>,
    /// The file.
    pub file: ChartFile,
    /// The file as a person finds it: below the chart's location.
    pub location: String,
}

impl Chart {
    /// Whether the chart only helps others.
    #[must_use]
    pub fn is_library(&self) -> bool {
        self.metadata.kind.eq_ignore_ascii_case("library")
    }

    /// The values of the chart and its subcharts, to coalesce with what a user gives.
    #[must_use]
    pub fn defaults(&self) -> ChartValues<'_> {
        ChartValues {
            name: &self.metadata.name,
            values: &self.values,
            dependencies: self.dependencies.iter().map(Self::defaults).collect(),
        }
    }

    /// A file of this chart as a person finds it.
    #[must_use]
    pub fn path_of(&self, name: &str) -> String {
        crate::tree::join(&self.location, name)
    }

    fn set_full_path(&mut self, above: &str) {
        self.full_path = format!("{above}/charts/{}", self.metadata.name);
        for held in &mut self.dependencies {
            held.set_full_path(&self.full_path);
        }
    }

    /// Calls `visit` for this chart and all below it: path of names, indices from the top, chart.
    pub fn visit<'c>(&'c self, visit: &mut dyn FnMut(&str, &[usize], &'c Chart)) {
        fn below<'c>(
            chart: &'c Chart,
            path: &str,
            at: &mut Vec<usize>,
            visit: &mut dyn FnMut(&str, &[usize], &'c Chart),
        ) {
            visit(path, at, chart);
            for (index, held) in chart.dependencies.iter().enumerate() {
                at.push(index);
                below(held, &held.full_path, at, visit);
                at.pop();
            }
        }
        below(self, &self.metadata.name, &mut Vec::new(), visit);
    }

    /// All templates in the order in which helm parses and renders them: the deepest first, then by name backwards. Of a
    /// library only the partials count.
    #[must_use]
    pub fn templates_in_order(&self) -> Vec<TemplatePath> {
        let mut found: std::collections::BTreeMap<String, TemplatePath> = std::collections::BTreeMap::new();
        self.visit(&mut |path, at, chart| {
            for file in &chart.templates {
                let name = file.name.rsplit('/').next().unwrap_or(&file.name);
                if chart.is_library() && !name.starts_with('_') {
                    continue;
                }
                let template = TemplatePath {
                    path: format!("{path}/{}", file.name),
                    base: format!("{path}/templates"),
                    chart: at.to_vec(),
                    file: file.clone(),
                    location: chart.path_of(&file.name),
                };
                found.insert(template.path.clone(), template);
            }
        });
        let mut templates: Vec<_> = found.into_values().collect();
        // They stand in the order of their paths: the stable sort has to look at the depth alone.
        templates.reverse();
        templates.sort_by_cached_key(|template| Reverse(template.path.bytes().filter(|b| *b == b'/').count()));
        templates
    }

    /// The custom resource definitions in `crds/`, subcharts' after the chart's own: path and file.
    #[must_use]
    pub fn crds(&self) -> Vec<(String, &ChartFile)> {
        let mut found = Vec::new();
        self.visit(&mut |path, _, chart| {
            for file in &chart.files {
                let manifest = [".yaml", ".yml", ".json"].iter().any(|end| file.name.ends_with(end));
                if file.name.starts_with("crds/") && manifest {
                    found.push((format!("{path}/{}", file.name), file));
                }
            }
        });
        found
    }
}
