//! A chart whose templates are parsed once and rendered many times.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::chart::version::is_compatible;
use crate::chart::{Chart, Table, TemplatePath};
use crate::functions::{self, ROOT, touch, without_no_value};
use crate::go::runes::not_utf8;
use crate::template::{Dialect, Engine, Frozen, FunctionTable, MissingKey, Set, Watch};
use crate::values;

use super::RenderOptions;
use super::error::{Partial, RenderError};
use super::manifests::{Crd, Rendered, Written};
use super::missing::Ground;
use super::output::put;
use super::reading::{Sink, reading};
use super::schema::Schemas;
use super::scope::Scopes;
use super::trace::Trace;

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
    schemas: Schemas,
    /// What the last values made of the chart: it is asked for its values, and then rendered with them.
    prepared: Mutex<Option<Arc<Prepared>>>,
}

/// A chart with the values of one user.
#[derive(Debug)]
struct Prepared {
    user: Table,
    /// With the subcharts that take part.
    chart: Chart,
    /// What templates see.
    values: Table,
    /// The same, to begin a render with.
    data: OnceLock<Frozen>,
    /// In helm's order.
    templates: Vec<TemplatePath>,
    warnings: Vec<String>,
}

impl CompiledChart {
    /// Of a chart as it was loaded. Templates are parsed when they are first needed.
    #[must_use]
    pub fn new(chart: Chart) -> Self {
        Self { chart, sets: Mutex::default(), schemas: Schemas::default(), prepared: Mutex::default() }
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
        let mut warnings = Vec::new();
        let mut rendered = self.render_noting(user, options, &mut warnings)?;
        rendered.warnings = warnings;
        Ok(rendered)
    }

    /// As [`CompiledChart::render`], but what helm would warn of goes into `warnings`, where it is when the render fails, too.
    ///
    /// # Errors
    /// When the chart, the values or a template is wrong, with helm's message and the place.
    pub fn render_noting(
        &self,
        user: &Table,
        options: &RenderOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Rendered, RenderError> {
        self.render_with(user, options, warnings, None)
    }

    /// Renders the chart and says what was read on the way, up to the error if there is one.
    pub fn trace(&self, user: &Table, options: &RenderOptions) -> (Result<Rendered, RenderError>, Trace) {
        let mut trace = Trace::default();
        let rendered = self.render_with(user, options, &mut Vec::new(), Some(&mut trace));
        (rendered, trace)
    }

    /// The values that the templates would see, and the templates that would take part: what [`Trace::key`] asks.
    ///
    /// # Errors
    /// When the values do not fit the chart.
    pub fn values(&self, user: &Table) -> Result<(Table, Vec<String>), RenderError> {
        let prepared = self.prepared(user, &mut Vec::new())?;
        Ok((prepared.values.clone(), prepared.templates.iter().map(|template| template.path.clone()).collect()))
    }

    /// Dependencies processed, values coalesced; what helm would warn of goes into `warnings`, also when it fails.
    fn prepared(&self, user: &Table, warnings: &mut Vec<String>) -> Result<Arc<Prepared>, RenderError> {
        let last = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(prepared) = last.filter(|prepared| prepared.user == *user) {
            warnings.extend_from_slice(&prepared.warnings);
            return Ok(prepared);
        }
        let of_chart = |message: String| RenderError::of(&self.chart.path_of("Chart.yaml"), message);
        let before = warnings.len();
        let chart = self.chart.with_dependencies_noting(user, warnings).map_err(of_chart)?;
        let values =
            values::coalesce(&chart.defaults(), user, warnings).map_err(|error| of_chart(error.to_string()))?;
        let templates = chart.templates_in_order();
        let warnings = warnings.get(before..).unwrap_or_default().to_vec();
        let prepared =
            Arc::new(Prepared { user: user.clone(), data: OnceLock::new(), chart, values, templates, warnings });
        *self.prepared.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&prepared));
        Ok(prepared)
    }

    /// What the templates write when `required` and `fail` let everything pass, as in a lint.
    pub(super) fn files_for_lint(
        &self,
        chart: &Chart,
        values: &Table,
        user: &Table,
        options: &RenderOptions,
    ) -> Result<BTreeMap<String, String>, RenderError> {
        if !options.skip_schema_validation {
            self.schemas.check(chart, values, &mut Vec::new())?;
        }
        let ground = Ground { chart, values, user, layers: &options.layers };
        let templates = &chart.templates_in_order();
        let mut files = BTreeMap::new();
        let data = &OnceLock::new();
        self.execute(&Run { ground, data, templates, options, lint: true }, None, &mut |path, written| {
            files.insert(path, written.text);
        })?;
        Ok(files)
    }

    fn render_with(
        &self,
        user: &Table,
        options: &RenderOptions,
        warnings: &mut Vec<String>,
        trace: Option<&mut Trace>,
    ) -> Result<Rendered, RenderError> {
        loading(&self.chart, warnings);
        let chart_file = self.chart.path_of("Chart.yaml");
        let of_chart = |message: String| RenderError::of(&chart_file, message);
        if self.chart.is_library() || !matches!(self.chart.metadata.kind.as_str(), "" | "application") {
            return Err(of_chart(format!("{} charts are not installable", self.chart.metadata.kind)));
        }
        if self.chart.metadata.deprecated {
            warnings.push("WARNING: This chart is deprecated".to_owned());
        }
        self.chart.check_dependencies().map_err(|message| {
            of_chart(format!(
                "An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: {message}"
            ))
        })?;
        check_name(&options.release_name).map_err(of_chart)?;
        let prepared = self.prepared(user, warnings)?;
        if !options.skip_schema_validation {
            self.schemas.check(&prepared.chart, &prepared.values, warnings)?;
        }
        self.render_prepared(&prepared, user, options, warnings, trace).map_err(|mut error| {
            if options.keep_partial {
                error.partial.get_or_insert_default();
            }
            error
        })
    }

    /// What helm does with a chart that may be rendered: from here on it shows what there is when something fails.
    fn render_prepared(
        &self,
        prepared: &Prepared,
        user: &Table,
        options: &RenderOptions,
        warnings: &mut Vec<String>,
        trace: Option<&mut Trace>,
    ) -> Result<Rendered, RenderError> {
        let Prepared { chart, values, data, templates, .. } = prepared;
        let mut rendered = Rendered::default();
        let wanted = &chart.metadata.kube_version;
        if !wanted.is_empty() && !is_compatible(wanted, &options.capabilities.version) {
            let file = self.chart.path_of("Chart.yaml");
            let message = format!(
                "chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {}",
                options.capabilities.version
            );
            return Err(RenderError::of(&file, message));
        }
        let run = Run {
            ground: Ground { chart, values, user, layers: &options.layers },
            data,
            templates,
            options,
            lint: false,
        };
        let own_notes = format!("{}/templates/{NOTES}", chart.metadata.name);
        let bytes = templates.iter().map(|template| template.file.data.len()).sum();
        let mut kept = options.keep_partial.then(BTreeMap::new);
        let files = reading(bytes, |sink| {
            self.execute(&run, trace, &mut |path, written| {
                if let Some(kept) = kept.as_mut().filter(|_| !path.ends_with(NOTES)) {
                    kept.insert(path.clone(), written.text.clone());
                }
                if path == own_notes {
                    rendered.notes = written.text;
                } else if !path.ends_with(NOTES) {
                    sink(path, written);
                }
            })
        })?;
        rendered.crds = chart.crds().into_iter().map(|(source, file)| Crd { source, file: file.clone() }).collect();
        let sorted = rendered.sort(files);
        warnings.append(&mut rendered.warnings);
        sorted.map_err(|error| {
            let mut error = self.located(&run, error);
            let hooks = std::mem::take(&mut rendered.hooks);
            error.partial = kept.map(|files| Box::new(Partial { text: as_they_are(&files), hooks }));
            error
        })?;
        Ok(rendered)
    }

    /// Hands over the text of every template that is not a partial, in the order in which helm executes them.
    fn execute(&self, run: &Run<'_>, trace: Option<&mut Trace>, sink: &mut Sink<'_>) -> Result<(), RenderError> {
        let chart = run.ground.chart;
        let templates = run.templates;
        let mut table = FunctionTable::new();
        functions::register(&mut table, &run.options.surroundings);
        if run.lint {
            functions::register_for_lint(&mut table);
        }
        let set = self.parsed(chart, templates, &table)?;
        let scopes = Scopes::new(chart, run.data(&set), run.options);
        let mut engine = Engine::new(&set, &table, MissingKey::Zero, run.options.limits.clone());
        if trace.is_some() {
            let mut watch = Watch::new(touch);
            scopes.show(&mut watch, chart);
            engine.set_watch(watch);
        }
        let mut failed = None;
        for template in templates {
            if template.path.rsplit('/').next().is_some_and(|name| name.starts_with('_')) {
                continue;
            }
            let dot = scopes.dot(&template.chart, &template.path, &template.base);
            match engine.execute_bytes(&template.path, dot) {
                Ok(text) => {
                    let (text, unreadable) = match String::from_utf8(text) {
                        Ok(text) => (text, None),
                        Err(error) => {
                            let bytes = error.into_bytes();
                            (String::from_utf8_lossy(&bytes).into_owned(), not_utf8(&bytes))
                        }
                    };
                    let text = without_no_value(&text).unwrap_or(text);
                    sink(template.path.clone(), Written { text, unreadable });
                }
                Err(error) => {
                    let notes = run.ground.notes(&error, template, &set);
                    failed = Some(RenderError::of_template(&error, &template.path, &finder(templates), &notes));
                    break;
                }
            }
        }
        if let (Some(trace), Some(watch)) = (trace, engine.watch()) {
            let mut charts = Vec::new();
            chart.visit(&mut |path, _, _| charts.push(path.to_owned()));
            *trace = Trace::of(watch, templates.iter().map(|template| template.path.clone()).collect(), &charts);
        }
        failed.map_or(Ok(()), Err)
    }

    /// An error of a rendered file, told at the line of the template that wrote what is wrong. The template is executed again,
    /// followed this time; if it writes something else than before, the error stays as it is.
    fn located(&self, run: &Run<'_>, error: RenderError) -> RenderError {
        let Some(wrong) = error.rendered.clone() else { return error };
        let chart = run.ground.chart;
        let templates = run.templates;
        let mut table = FunctionTable::new();
        functions::register(&mut table, &run.options.surroundings);
        let Ok(set) = self.parsed(chart, templates, &table) else { return error };
        let scopes = Scopes::new(chart, run.data(&set), run.options);
        let mut engine = Engine::new(&set, &table, MissingKey::Zero, run.options.limits.clone());
        let mut watch = Watch::new(touch);
        watch.follow_output();
        engine.set_watch(watch);
        for template in templates {
            if template.path.rsplit('/').next().is_some_and(|name| name.starts_with('_')) {
                continue;
            }
            let dot = scopes.dot(&template.chart, &template.path, &template.base);
            let Ok(text) = engine.execute(&template.path, dot) else { return error };
            if template.path != wrong.source {
                continue;
            }
            // Both ends of the line: what is wrong is in what was written last before its end.
            let start: usize = text.split_inclusive('\n').take(wrong.line.saturating_sub(1)).map(str::len).sum();
            let Some(line) = text.get(start..).and_then(|rest| rest.lines().next()) else { return error };
            let same = wrong.text.as_deref().is_none_or(|seen| line.trim_end().ends_with(seen.trim()));
            let Some(origin) = engine.watch().and_then(|watch| watch.origin_of(&text, start, start + line.len()))
            else {
                return error;
            };
            let find = templates.iter().find(|template| *template.path == *origin.source);
            return match find {
                Some(found) if same => {
                    error.written_by(&found.location, &found.file.text(), origin.line, wrong.text.is_none())
                }
                _ => error,
            };
        }
        error
    }

    pub(super) fn parsed(
        &self,
        chart: &Chart,
        templates: &[TemplatePath],
        table: &FunctionTable,
    ) -> Result<Arc<Set>, RenderError> {
        let key: Vec<String> = templates.iter().map(|template| template.path.clone()).collect();
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = sets.get(&key) {
            return Ok(Arc::clone(set));
        }
        let mut set = Set::named(ROOT, Dialect::Go1_23);
        for template in templates {
            set.parse(&template.path, &template.file.text(), table).map_err(|error| {
                let (none, empty) = (Table::new(), Set::new());
                let ground = Ground { chart, values: &none, user: &none, layers: &[] };
                let notes = ground.notes(&error, template, &empty);
                RenderError::of_template(&error, &template.path, &finder(templates), &notes)
            })?;
        }
        let set = Arc::new(set);
        if sets.len() >= KEPT {
            sets.clear();
        }
        sets.insert(key, Arc::clone(&set));
        Ok(set)
    }
}

/// Rendered files, partials too, as helm shows them when one of them is no YAML.
fn as_they_are(files: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    for (source, text) in files.iter().filter(|(_, text)| !text.trim().is_empty()) {
        put(&mut out, source, text);
    }
    out
}

/// What helm warns of while it loads a chart and its subcharts.
fn loading(chart: &Chart, warnings: &mut Vec<String>) {
    warnings.extend_from_slice(&chart.warnings);
    chart.dependencies.iter().for_each(|held| loading(held, warnings));
}

/// One render: what it runs on, and with which options.
struct Run<'r> {
    ground: Ground<'r>,
    /// The values, to begin with.
    data: &'r OnceLock<Frozen>,
    templates: &'r [TemplatePath],
    options: &'r RenderOptions,
    /// `required` and `fail` do nothing.
    lint: bool,
}

impl Run<'_> {
    /// The values, to begin with.
    fn data(&self, set: &Set) -> &Frozen {
        self.data.get_or_init(|| Frozen::of_map(self.ground.values, set))
    }
}

/// Location of a template by its name.
fn finder(templates: &[TemplatePath]) -> impl Fn(&str) -> Option<String> {
    move |name| templates.iter().find(|template| template.path == name).map(|template| template.location.clone())
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
