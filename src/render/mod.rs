//! Turns a chart and values into manifests, hooks, definitions and notes: the bytes are helm's, and every manifest is also an
//! object. `evenkeel template`, the environment's releases and the reconciler call this. It asks the cluster, a source of
//! randomness and the time only through [`Surroundings`], and never reads files.
//!
//! ```text
//! chart ─ dependencies ─ values coalesced ─ templates executed ─ split ─ sorted by kind ─▶ Rendered
//! ```

mod compiled;
mod error;
mod files;
mod head;
mod lint;
mod manifests;
mod missing;
mod output;
mod reading;
mod schema;
mod scope;
mod split;
mod structs;
mod trace;
mod usage;

pub use crate::functions::{Clock, Lookup, NoCluster, Random, Seeded, Surroundings};
pub use compiled::{CompiledChart, name_from_template};
pub use error::{Partial, RenderError};
pub use lint::{ChartFolder, LintMessage, LintSeverity, lint_chart};
pub use manifests::{Crd, Hook, Manifest, Rendered, objects_in};
pub use output::{TextOptions, printed};
pub use trace::Trace;
pub use usage::Usage;

use crate::chart::{Capabilities, Chart, Table};
use crate::template::Limits;

/// What a render depends on besides the chart and the values.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// `.Release.Name`
    pub release_name: String,
    /// `.Release.Namespace`
    pub namespace: String,
    /// `.Release.Revision`
    pub revision: i64,
    /// `.Release.IsUpgrade`; `.Release.IsInstall` is its opposite.
    pub is_upgrade: bool,
    /// `.Capabilities`
    pub capabilities: Capabilities,
    /// The cluster, randomness and time, as functions see them.
    pub surroundings: Surroundings,
    /// Whether `values.schema.json` is not looked at.
    pub skip_schema_validation: bool,
    /// What the templates may cost.
    pub limits: Limits,
    /// Where the values that are given over the chart's come from, the strongest last: files and flags, for error messages.
    pub layers: Vec<String>,
    /// Whether an error brings what was rendered up to it (`template --debug`).
    pub keep_partial: bool,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            release_name: "release-name".to_owned(),
            namespace: "default".to_owned(),
            revision: 1,
            is_upgrade: false,
            capabilities: Capabilities::default(),
            surroundings: Surroundings::default(),
            skip_schema_validation: false,
            limits: Limits::default(),
            layers: Vec::new(),
            keep_partial: false,
        }
    }
}

/// Renders a chart once. Whoever renders a chart many times keeps a [`CompiledChart`].
///
/// # Errors
/// When the chart, the values or a template is wrong, with helm's message and the place.
pub fn render(chart: &Chart, values: &Table, options: &RenderOptions) -> Result<Rendered, RenderError> {
    CompiledChart::new(chart.clone()).render(values, options)
}

#[cfg(test)]
mod tests;
