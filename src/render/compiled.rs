//! A chart whose templates are parsed once and rendered many times.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::chart::version::is_compatible;
use crate::chart::{Chart, Table, TemplatePath};
use crate::functions::{self, ROOT, without_no_value};
use crate::template::{Dialect, Engine, FunctionTable, MissingKey, Set};
use crate::values;

use super::RenderOptions;
use super::error::RenderError;
use super::manifests::{Crd, Rendered};
use super::scope::Scopes;

/// Helm's suffix of the file that becomes the notes.
const NOTES: &str = "NOTES.txt";

/// Sets of parsed templates that are kept: one for each choice of enabled subcharts that was met.
const KEPT: usize = 8;

/// A chart, ready to be rendered with any values. Shared between threads.
#[derive(Debug)]
pub struct CompiledChart {
    chart: Chart,
    /// Parsed templates by the paths of those that take part: which subcharts do depends on the values.
    sets: Mutex<BTreeMap<Vec<String>, Arc<Set>>>,
}

impl CompiledChart {
    /// Of a chart as it was loaded. Templates are parsed when they are first needed.
    #[must_use]
    pub fn new(chart: Chart) -> Self {
        Self { chart, sets: Mutex::default() }
    }

    /// The chart.
    #[must_use]
    pub fn chart(&self) -> &Chart {
        &self.chart
    }

    /// Renders the chart with what a user gives over its values.
    ///
    /// # Errors
    /// When the chart, the values or a template is wrong, with helm's message and the place.
    pub fn render(&self, user: &Table, options: &RenderOptions) -> Result<Rendered, RenderError> {
        let chart_file = self.chart.path_of("Chart.yaml");
        let of_chart = |message: String| RenderError::of(&chart_file, message);
        if self.chart.is_library() || !matches!(self.chart.metadata.kind.as_str(), "" | "application") {
            return Err(of_chart(format!("{} charts are not installable", self.chart.metadata.kind)));
        }
        self.chart.check_dependencies().map_err(|message| {
            of_chart(format!(
                "An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: {message}"
            ))
        })?;
        check_name(&options.release_name).map_err(of_chart)?;
        let chart = self.chart.with_dependencies(user).map_err(of_chart)?;
        let mut rendered = Rendered::default();
        let values = values::coalesce(&chart.defaults(), user, &mut rendered.warnings)
            .map_err(|error| of_chart(error.to_string()))?;
        let wanted = &chart.metadata.kube_version;
        if !wanted.is_empty() && !is_compatible(wanted, &options.capabilities.version) {
            return Err(of_chart(format!(
                "chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {}",
                options.capabilities.version
            )));
        }
        let mut files = self.execute(&chart, &values, options)?;
        let own_notes = format!("{}/templates/{NOTES}", chart.metadata.name);
        rendered.notes = files.get(&own_notes).cloned().unwrap_or_default();
        files.retain(|path, _| !path.ends_with(NOTES));
        rendered.crds = chart.crds().into_iter().map(|(source, file)| Crd { source, file: file.clone() }).collect();
        rendered.sort(files)?;
        Ok(rendered)
    }

    /// The text of every template that is not a partial, by path.
    fn execute(
        &self,
        chart: &Chart,
        values: &Table,
        options: &RenderOptions,
    ) -> Result<BTreeMap<String, String>, RenderError> {
        let templates = chart.templates_in_order();
        let mut table = FunctionTable::new();
        functions::register(&mut table, &options.surroundings);
        let set = self.parsed(&templates, &table)?;
        let scopes = Scopes::new(chart, values, options);
        let mut engine = Engine::new(&set, &table, MissingKey::Zero, options.limits.clone());
        let mut files = BTreeMap::new();
        for template in &templates {
            if template.path.rsplit('/').next().is_some_and(|name| name.starts_with('_')) {
                continue;
            }
            let dot = scopes.dot(&template.chart, &template.path, &template.base);
            let text = engine
                .execute(&template.path, dot)
                .map_err(|error| RenderError::of_template(&error, &template.path, &finder(&templates)))?;
            files.insert(template.path.clone(), without_no_value(text.into()).as_str().to_owned());
        }
        Ok(files)
    }

    fn parsed(&self, templates: &[TemplatePath<'_>], table: &FunctionTable) -> Result<Arc<Set>, RenderError> {
        let key: Vec<String> = templates.iter().map(|template| template.path.clone()).collect();
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = sets.get(&key) {
            return Ok(Arc::clone(set));
        }
        let mut set = Set::named(ROOT, Dialect::Go1_23);
        for template in templates {
            set.parse(&template.path, &template.file.text(), table)
                .map_err(|error| RenderError::of_template(&error, &template.path, &finder(templates)))?;
        }
        let set = Arc::new(set);
        if sets.len() >= KEPT {
            sets.clear();
        }
        sets.insert(key, Arc::clone(&set));
        Ok(set)
    }
}

/// Location and text of a template by its name.
fn finder<'t>(templates: &'t [TemplatePath<'t>]) -> impl Fn(&str) -> Option<(String, std::borrow::Cow<'t, str>)> {
    move |name| {
        let template = templates.iter().find(|template| template.path == name)?;
        Some((template.location.clone(), template.file.text()))
    }
}

/// The release's name from a template that sees no data (`--name-template`).
///
/// # Errors
/// With the engine's message.
pub fn name_from_template(text: &str, surroundings: &functions::Surroundings) -> Result<String, String> {
    let mut table = FunctionTable::new();
    functions::register(&mut table, surroundings);
    let mut set = Set::named("name-template", Dialect::Go1_23);
    set.parse("name-template", text, &table).map_err(|error| error.to_string())?;
    let mut engine = Engine::new(&set, &table, MissingKey::Default, crate::template::Limits::default());
    engine.execute("name-template", crate::template::Value::Nil).map_err(|error| error.to_string())
}

/// Helm's rule for names of releases.
fn check_name(name: &str) -> Result<(), String> {
    const PATTERN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
    let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |part: &str| {
        let bytes = part.as_bytes();
        matches!(bytes, [first, .., last] if edge(*first) && edge(*last)) | matches!(bytes, [one] if edge(*one))
            && bytes.iter().all(|b| edge(*b) || *b == b'-')
    };
    if name.len() <= 53 && name.split('.').all(part) {
        return Ok(());
    }
    Err(format!(
        "release name {name:?}: invalid release name, must match regex {PATTERN} and the length must not be longer than 53"
    ))
}
