//! What a render read: values by their paths, files, capabilities, the release's fields, and whether it asked the world.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::chart::Table;
use crate::template::{Called, Reads, Watch};

use super::RenderOptions;

/// Everything that one render read. With the chart it is the render's exact key: where [`Trace::key`] is the same, a render of
/// the same chart gives the same output, unless it called one of the functions in `called`.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// The templates that took part: which subcharts were on.
    pub templates: Vec<String>,
    /// Of the values, as the top chart sees them.
    pub values: Reads,
    /// Of `.Release`.
    pub release: Reads,
    /// Of `.Capabilities`. What was asked by `APIVersions.Has` stands below that name.
    pub capabilities: Reads,
    /// Of `.Files` of each chart, by the chart's path of names: methods, with paths and patterns below them.
    pub files: BTreeMap<String, Reads>,
    /// Functions that asked for the time, randomness or the cluster, with their texts.
    pub called: BTreeSet<Called>,
}

impl Trace {
    pub(super) fn of(watch: &Watch, templates: Vec<String>, charts: &[String]) -> Self {
        let files = charts.iter().map(|chart| (chart.clone(), watch.reads(&files_root(chart))));
        Self {
            templates,
            values: watch.reads("Values"),
            release: watch.reads("Release"),
            capabilities: watch.reads("Capabilities"),
            files: files.filter(|(_, reads)| !reads.is_empty()).collect(),
            called: watch.called().clone(),
        }
    }

    /// What the render would read of these values (as [`super::CompiledChart::values`] gives them) and options. Equal keys of one
    /// trace mean equal output of one chart.
    #[must_use]
    pub fn key(&self, values: &Table, templates: &[String], options: &RenderOptions) -> String {
        let mut key = self.values.observe(&Json::Object(values.clone()));
        let release = json!({
            "Name": options.release_name, "Namespace": options.namespace, "IsUpgrade": options.is_upgrade,
            "IsInstall": !options.is_upgrade, "Revision": options.revision, "Service": "Helm",
        });
        let _ = write!(key, "\n{}\n", self.release.observe(&release));
        let asked = &self.capabilities;
        let all = asked.asked.whole;
        if all || asked.children.contains_key("KubeVersion") {
            let _ = write!(key, "{}", options.capabilities.version);
        }
        if let Some(versions) = asked.children.get("APIVersions") {
            let only_has = versions.children.keys().all(|name| &**name == "Has") && !versions.asked.keys;
            match versions.children.get("Has") {
                Some(has) if only_has && !all => {
                    for version in has.children.keys() {
                        let known = options.capabilities.api_versions.iter().any(|known| *known == **version);
                        let _ = write!(key, ",{version}={known}");
                    }
                }
                _ => {
                    let _ = write!(key, ",{:?}", options.capabilities.api_versions);
                }
            }
        } else if all {
            let _ = write!(key, ",{:?}", options.capabilities.api_versions);
        }
        let _ = write!(key, "\n{templates:?}");
        key
    }
}

/// The name under which a watch knows the files of a chart.
pub(super) fn files_root(chart: &str) -> String {
    format!("Files/{chart}")
}
