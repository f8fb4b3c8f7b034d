//! Everything about environments that can be checked without a cluster: specs, charts, templates, schemas, manifests, values that
//! nobody reads. `evenkeel lint` prints what is found; nothing is kept and nothing is asked of a cluster.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::diagnostic::Diagnostic;
use crate::environment::{self, ChartSource, Diagnostics, Release};
use crate::manifest::{self, Object, ObjectId, Redactor};
use crate::plan::Annotations;
use crate::render::{CompiledChart, LintSeverity, RenderError, Usage};
use crate::values::{Layer, LayerKind};

use super::desired::{Ambience, chart_layers, load_chart, render_options};
use super::lint_chart;
use super::lint_references::{self, Reference};
use super::source::Source;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something cannot be deployed as it is written.
    Error,
    /// Something is written that has no effect, or is written twice.
    Warning,
    /// Something in a chart's own defaults: whoever keeps the chart may care.
    Note,
}

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// `environment.yaml`, `release.yaml`, or what stands beside them.
    Spec,
    /// A chart that is missing or broken.
    Chart,
    /// A template that fails.
    Template,
    /// Values that a chart's schema refuses.
    Schema,
    /// A document that is no Kubernetes object.
    Manifest,
    /// An object that is written twice.
    Duplicate,
    /// A name that an object gives and nothing renders.
    Reference,
    /// A key that no template reads.
    UnusedValue,
}

impl Subject {
    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Chart => "chart",
            Self::Template => "template",
            Self::Schema => "schema",
            Self::Manifest => "manifest",
            Self::Duplicate => "duplicate",
            Self::Reference => "reference",
            Self::UnusedValue => "unusedValue",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// The environment in which it was found first.
    pub environment: String,
    /// The release, if it is one's.
    pub release: Option<String>,
    /// Where, and what.
    pub diagnostic: Diagnostic,
}

impl Finding {
    /// As JSON, as `docs/output.md` has it.
    #[must_use]
    pub fn json(&self) -> Value {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        json!({
            "severity": severity, "subject": self.subject.name(), "environment": self.environment,
            "release": self.release, "file": self.diagnostic.file,
            "line": self.diagnostic.position.map(|p| p.line), "column": self.diagnostic.position.map(|p| p.column),
            "message": self.diagnostic.message, "notes": self.diagnostic.notes, "hint": self.diagnostic.hint,
        })
    }
}

/// What a lint looked at and found.
#[derive(Debug, Default)]
pub struct Lint {
    /// How many environments were read.
    pub environments: usize,
    /// How many releases were rendered or tried.
    pub releases: usize,
    /// What is wrong, each once, in order of file and place.
    pub findings: Vec<Finding>,
    /// Keys by file: in how many releases the file was a layer, and which keys nobody read, in how many.
    unused: BTreeMap<String, Unused>,
    /// Whether notes count, and what a chart should hold for its readers is asked for.
    strict: bool,
    charts: BTreeMap<String, (CompiledChart, Usage)>,
}

#[derive(Debug, Default)]
struct Unused {
    layers: usize,
    keys: BTreeMap<Vec<String>, (usize, Finding)>,
}

/// Looks at environments, or at one release of one. `tell` is called before each release. With `strict`, a chart of the repository has to
/// have what its readers need (a README, a schema of its values, notes), and what is only worth a note counts.
///
/// # Errors
/// When the tree cannot be read at all.
pub fn lint(
    source: &Source,
    root: &str,
    names: &[String],
    release: Option<&str>,
    strict: bool,
    tell: &dyn Fn(&str),
) -> Result<Lint, Diagnostics> {
    let mut lint = Lint { strict, ..Lint::default() };
    for name in names {
        lint.environments += 1;
        lint.environment(source, root, name, release, tell);
    }
    let unused = std::mem::take(&mut lint.unused);
    for (_, file) in unused {
        // A layer that several releases share may have keys for one of them alone.
        lint.findings
            .extend(file.keys.into_values().filter(|(count, _)| *count == file.layers).map(|(_, found)| found));
    }
    let place = |finding: &Finding| (finding.diagnostic.file.clone(), finding.diagnostic.position);
    lint.findings.sort_by(|a, b| {
        place(a).cmp(&place(b)).then(a.severity.cmp(&b.severity)).then(a.diagnostic.message.cmp(&b.diagnostic.message))
    });
    // A mistake in a layer is found again in every environment that stands on it.
    lint.findings.dedup_by(|a, b| a.diagnostic == b.diagnostic && a.subject == b.subject);
    Ok(lint)
}

impl Lint {
    /// Whether anything was found that weighs more than a note, or anything at all where notes count.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|finding| self.strict || finding.severity < Severity::Note)
    }

    fn environment(&mut self, source: &Source, root: &str, name: &str, only: Option<&str>, tell: &dyn Fn(&str)) {
        let loaded = match environment::load(source.tree.as_ref(), root, name, &source.keys) {
            Ok(loaded) => loaded,
            Err(Diagnostics(wrong)) => {
                self.findings.extend(wrong.into_iter().map(|diagnostic| Finding {
                    severity: Severity::Error,
                    subject: Subject::Spec,
                    environment: name.to_owned(),
                    release: None,
                    diagnostic,
                }));
                return;
            }
        };
        let mut objects: BTreeMap<ObjectId, String> = BTreeMap::new();
        let mut references: Vec<(String, Diagnostic, Reference)> = Vec::new();
        let before = self.findings.len();
        for release in &loaded.releases {
            let own = match release {
                Ok(release) => &release.name,
                Err(broken) => &broken.name,
            };
            if only.is_some_and(|only| only != own) {
                continue;
            }
            tell(&format!("{name}/{own}"));
            self.releases += 1;
            match release {
                Err(broken) => {
                    for diagnostic in &broken.diagnostics {
                        self.found(Severity::Error, Subject::Spec, name, own, diagnostic.clone());
                    }
                }
                // What is only a layer need not be whole.
                Ok(_) if loaded.is_abstract => {}
                Ok(release) => self.release(source, name, release, &mut objects, &mut references),
            }
        }
        // Only where everything of it is known can something be missing.
        let whole = only.is_none() && self.findings[before..].iter().all(|f| f.severity > Severity::Error);
        for (release, diagnostic, reference) in references {
            if whole && !objects.contains_key(&reference.to) {
                self.found(reference.severity, Subject::Reference, name, &release, diagnostic);
            }
        }
    }

    fn found(
        &mut self,
        severity: Severity,
        subject: Subject,
        environment: &str,
        release: &str,
        diagnostic: Diagnostic,
    ) {
        self.findings.push(Finding {
            severity,
            subject,
            environment: environment.to_owned(),
            release: Some(release.to_owned()),
            diagnostic,
        });
    }

    fn release(
        &mut self,
        source: &Source,
        environment: &str,
        release: &Release,
        objects: &mut BTreeMap<ObjectId, String>,
        references: &mut Vec<(String, Diagnostic, Reference)>,
    ) {
        let mut made: Vec<(String, Object)> = Vec::new();
        // A layer that is never deployed need not be locked.
        if let Some(place) = release.chart.as_ref().filter(|place| !matches!(place, ChartSource::Unlocked(_))) {
            match self.chart(source, place) {
                Ok(()) => {
                    let whole = self.rendered(source, environment, release, place.key(), &mut made);
                    if let ChartSource::Folder(folder) = place {
                        self.looked_at(source, environment, release, folder, whole);
                    }
                }
                Err(error) => {
                    self.found(Severity::Error, Subject::Chart, environment, &release.name, told(&error));
                }
            }
        }
        for file in &release.manifests {
            match manifest::parse(&file.text, &file.path) {
                Ok(found) => made.extend(found.into_iter().map(|object| (file.path.clone(), object))),
                Err(diagnostic) => {
                    self.found(Severity::Error, Subject::Manifest, environment, &release.name, diagnostic);
                }
            }
        }
        for (from, object) in made {
            let mut id = object.id();
            if id.namespace.is_empty() {
                id = ObjectId::new(&id.group, &id.kind, &release.namespace, &id.name);
            }
            let shown = id.display();
            for reference in lint_references::of(&object, &id.namespace) {
                let message =
                    format!("{shown} names {}, {}, which nothing here renders", reference.to.display(), reference.what);
                references.push((release.name.clone(), Diagnostic::new(&*from, message), reference));
            }
            let place = format!("{environment}/{}: {from}", release.name);
            for wrong in Annotations::of(&object).err().unwrap_or_default() {
                let diagnostic = Diagnostic::new(&*from, format!("{shown}: {wrong}"));
                self.found(Severity::Error, Subject::Manifest, environment, &release.name, diagnostic);
            }
            match objects.get(&id) {
                Some(first) => {
                    let diagnostic = Diagnostic::new(from, format!("{shown} is written twice"))
                        .note(format!("by {place}"))
                        .note(format!("and by {first}"));
                    self.found(Severity::Error, Subject::Duplicate, environment, &release.name, diagnostic);
                }
                None => {
                    objects.insert(id, place);
                }
            }
        }
    }

    /// Loads a chart once.
    fn chart(&mut self, source: &Source, place: &ChartSource) -> Result<(), RenderError> {
        if !self.charts.contains_key(place.key()) {
            let chart = CompiledChart::new(load_chart(source, place)?);
            let usage = chart.usage(&chart.chart().values)?;
            self.charts.insert(place.key().to_owned(), (chart, usage));
        }
        Ok(())
    }

    /// Renders a release and notes what is wrong; whether nothing is.
    fn rendered(
        &mut self,
        source: &Source,
        environment: &str,
        release: &Release,
        path: &str,
        made: &mut Vec<(String, Object)>,
    ) -> bool {
        let Some((chart, usage)) = self.charts.get(path) else { return false };
        let options = render_options(source, release, &Ambience::default());
        let (rendered, trace) = chart.trace(&release.values.value, &options);
        let mut usage = usage.clone();
        usage.add(&trace);
        // Texts in the values of this release may be templates themselves.
        if let Ok((values, _)) = chart.values(&release.values.value)
            && let Ok(own) = chart.usage(&values)
        {
            usage.join(&own);
        }
        let mut wrong = Vec::new();
        // A template's name in helm's words, as the file that it is.
        let own = format!("{}/", chart.chart().metadata.name);
        let located = |source: &str| match source.strip_prefix(&own) {
            Some(file) => chart.chart().path_of(file),
            None => source.to_owned(),
        };
        match rendered {
            Err(error) => wrong.push(error),
            Ok(rendered) => {
                for crd in &rendered.crds {
                    match crd.objects() {
                        Ok(found) => made.extend(found.into_iter().map(|object| (located(&crd.source), object))),
                        Err(error) => wrong.push(error),
                    }
                }
                for manifest in rendered.manifests.iter().chain(rendered.hooks.iter().map(|hook| &hook.manifest)) {
                    match manifest.objects() {
                        Ok(found) => made.extend(found.into_iter().map(|object| (located(&manifest.source), object))),
                        Err(error) => wrong.push(error),
                    }
                }
            }
        }
        let layers: Vec<_> = release.values.layers().to_vec();
        let defaults = chart.chart().with_all_dependencies();
        let mut below = Vec::new();
        // What cannot be read was told by the chart's own error.
        let _ = chart_layers(&defaults, &mut Vec::new(), &mut below);
        let whole = wrong.is_empty();
        for error in wrong {
            let subject = subject(&error);
            let mut told = told(&error);
            if let Some(secrets) = &release.secrets {
                told = without(secrets, told);
            }
            self.found(Severity::Error, subject, environment, &release.name, told);
        }
        for layer in layers.iter().map(AsRef::as_ref).chain(&below) {
            self.unused(source, environment, release, layer, &usage);
        }
        whole
    }

    /// What helm's lint says of the release's chart. Of a chart that does not render, its errors are told already.
    fn looked_at(&mut self, source: &Source, environment: &str, release: &Release, folder: &str, whole: bool) {
        let Some((chart, _)) = self.charts.get(folder) else { return };
        let options = render_options(source, release, &Ambience::default());
        let tree = source.tree.as_ref();
        for (weight, diagnostic) in
            lint_chart::messages(tree, folder, chart, &release.values.value, &options, self.strict)
        {
            let severity = match weight {
                LintSeverity::Error if !whole => continue,
                LintSeverity::Error => Severity::Error,
                LintSeverity::Warning => Severity::Warning,
                LintSeverity::Info => Severity::Note,
            };
            self.found(severity, Subject::Chart, environment, &release.name, diagnostic);
        }
    }

    /// Notes the keys of a layer that this release does not read.
    fn unused(&mut self, source: &Source, environment: &str, release: &Release, layer: &Layer, usage: &Usage) {
        let default = layer.kind == LayerKind::ChartDefaults;
        let file = self.unused.entry(layer.file.clone()).or_default();
        file.layers += 1;
        for path in usage.unread(layer.value()) {
            if let Some((count, _)) = file.keys.get_mut(&path) {
                *count += 1;
                continue;
            }
            let text = source.tree.read(&layer.file).ok().flatten();
            let text = text.map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
            let diagnostic = usage.diagnostic(layer, &path, &text);
            let finding = Finding {
                severity: if default { Severity::Note } else { Severity::Warning },
                subject: Subject::UnusedValue,
                environment: environment.to_owned(),
                release: Some(release.name.clone()),
                diagnostic,
            };
            file.keys.insert(path, (1, finding));
        }
    }
}

fn subject(error: &RenderError) -> Subject {
    if error.helm.starts_with("values don't meet the specifications of the schema") {
        Subject::Schema
    } else if error.helm.starts_with("YAML parse error") || error.helm.starts_with("unable to build kubernetes") {
        Subject::Manifest
    } else if ["template: ", "parse error", "execution error"].iter().any(|start| error.helm.starts_with(start)) {
        Subject::Template
    } else {
        Subject::Chart
    }
}

/// The place, with helm's words where they say something else.
fn told(error: &RenderError) -> Diagnostic {
    let diagnostic = (*error.diagnostic).clone();
    if error.helm.contains(&diagnostic.message) && diagnostic.position.is_none() {
        return diagnostic;
    }
    let helm = error.helm.clone();
    if diagnostic.message == helm { diagnostic } else { diagnostic.note(format!("helm: {helm}")) }
}

/// Without what was encrypted of the values.
fn without(secrets: &Redactor, mut diagnostic: Diagnostic) -> Diagnostic {
    let parts = [Some(&mut diagnostic.message), diagnostic.source_line.as_mut(), diagnostic.hint.as_mut()];
    for text in parts.into_iter().flatten().chain(&mut diagnostic.notes) {
        *text = secrets.without_values(text);
    }
    diagnostic
}

/// How many errors, warnings and notes there are.
#[must_use]
pub fn counts(findings: &[Finding]) -> (usize, usize, usize) {
    let count = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    (count(Severity::Error), count(Severity::Warning), count(Severity::Note))
}
