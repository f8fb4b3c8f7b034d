//! What `helm lint` says of a chart: its rules, in its order and words. `evenkeel chart lint` prints it.

mod deprecated;
mod metadata;
mod names;

use crate::chart::{Chart, ChartError, Decoder, Table, field};
use serde_json::Value;

use crate::go;
use crate::go::quote::quote;
use crate::values;
use crate::values::schema::Schema;
use crate::yaml::{self, Node};

use super::{CompiledChart, RenderOptions};

/// How much a message weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LintSeverity {
    /// A recommendation.
    Info,
    /// Against a convention.
    Warning,
    /// Stops an installation.
    Error,
}

/// One message. It prints as helm prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintMessage {
    /// How much it weighs.
    pub severity: LintSeverity,
    /// The file that it is about, from the chart's folder.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for LintMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            LintSeverity::Info => "INFO",
            LintSeverity::Warning => "WARNING",
            LintSeverity::Error => "ERROR",
        };
        write!(f, "[{severity}] {}: {}", self.path, self.message)
    }
}

/// A chart's folder, as a lint looks at it.
#[derive(Debug)]
pub struct ChartFolder<'c> {
    /// The folder, absolute.
    pub path: &'c str,
    /// The text of `Chart.yaml`.
    pub metadata: &'c str,
    /// The text of `values.yaml`, if there is one.
    pub values: Option<&'c str>,
    /// `templates` is a file.
    pub templates_is_file: bool,
    /// The chart, or why it cannot be loaded.
    pub chart: Result<&'c CompiledChart, &'c ChartError>,
}

/// Looks at a chart with values over its own.
#[must_use]
pub fn lint_chart(
    folder: &ChartFolder<'_>,
    user: &Table,
    options: &RenderOptions,
    kube_version: Option<(u32, u32)>,
) -> Vec<LintMessage> {
    let mut lint = Lint { messages: Vec::new(), kube_version };
    metadata::look(&mut lint, folder.metadata);
    match folder.values {
        None => lint.say(LintSeverity::Info, "values.yaml", "file does not exist"),
        Some(text) => {
            let schema = folder.chart.ok().and_then(|chart| chart.chart().schema.as_deref());
            lint.values(text, schema, user);
        }
    }
    if folder.templates_is_file {
        lint.say(LintSeverity::Warning, "templates/", "not a directory");
    } else {
        match folder.chart {
            Err(error) => lint.say(LintSeverity::Error, "templates/", &error.helm),
            Ok(chart) => lint.templates(chart, user, options),
        }
    }
    match folder.chart {
        Err(error) => {
            lint.say(LintSeverity::Error, "", &format!("unable to load chart\n\t{}", error.helm));
        }
        Ok(chart) => lint.dependencies(chart.chart(), folder.path),
    }
    lint.messages
}

struct Lint {
    messages: Vec<LintMessage>,
    kube_version: Option<(u32, u32)>,
}

impl Lint {
    fn say(&mut self, severity: LintSeverity, path: &str, message: &str) {
        self.messages.push(LintMessage { severity, path: path.to_owned(), message: message.to_owned() });
    }

    fn error(&mut self, path: &str, message: &str) {
        self.say(LintSeverity::Error, path, message);
    }

    fn values(&mut self, text: &str, schema: Option<&[u8]>, user: &Table) {
        let fault = match yaml::to_json(text, yaml::Numbers::Float) {
            Err(error) => format!("error converting YAML to JSON: {}", error.go_text()),
            Ok(Value::Null) => return self.schema(schema, user, &Table::new()),
            Ok(Value::Object(own)) => return self.schema(schema, user, &own),
            Ok(other) => format!(
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of type chartutil.Values",
                go::json::kind(&other)
            ),
        };
        self.error("values.yaml", &format!("unable to parse YAML: {fault}"));
    }

    /// The top's values alone against the top's schema, as helm has it.
    fn schema(&mut self, schema: Option<&[u8]>, user: &Table, own: &Table) {
        let Some(text) = schema.filter(|text| !text.is_empty()) else { return };
        let mut all = user.clone();
        values::coalesce_tables(&mut all, own, &mut Vec::new());
        if let Err(error) = Schema::parse(text).and_then(|schema| schema.check(&all)) {
            self.error("values.yaml", &error.to_string());
        }
    }

    fn templates(&mut self, chart: &CompiledChart, user: &Table, options: &RenderOptions) {
        let Ok(ready) = chart.chart().with_dependencies(user) else { return };
        // Twice, as helm does it here: what was null over a null goes with the second.
        let once = values::coalesce(&ready.defaults(), user, &mut Vec::new());
        let twice = once.and_then(|once| values::coalesce(&ready.defaults(), &once, &mut Vec::new()));
        let Ok(coalesced) = twice else { return };
        let files = match chart.files_for_lint(&ready, &coalesced, user, options) {
            Ok(files) => files,
            Err(error) => return self.error("templates/", &error.helm),
        };
        let name = &ready.metadata.name;
        for template in &ready.templates {
            let file = &template.name;
            let base = file.rsplit('/').next().unwrap_or(file);
            let extension = base.rfind('.').map_or("", |at| &base[at..]);
            if ![".yaml", ".yml", ".tpl", ".txt"].contains(&extension) {
                self.error(
                    file,
                    &format!("file extension '{extension}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt"),
                );
            }
            let text = template.text();
            if is_crd_hook(&text) {
                self.say(LintSeverity::Warning, file, "manifest is a crd-install hook. This hook is no longer supported in v3 and all CRDs should also exist the crds/ directory at the top level of the chart");
            }
            if text.contains(".Release.Time") {
                self.error(
                    file,
                    ".Release.Time has been removed in v3, please replace with the `now` function in your templates",
                );
            }
            if extension != ".yaml" {
                continue;
            }
            let rendered = files.get(&format!("{name}/{file}")).map_or("", String::as_str);
            if rendered.trim().is_empty() {
                continue;
            }
            let first = rendered.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            if first.starts_with([' ', '\t']) {
                let line = quote(first.as_bytes());
                self.say(
                    LintSeverity::Warning,
                    file,
                    &format!("document starts with an illegal indent: {line}, which may cause parsing problems"),
                );
            }
            for document in documents(rendered) {
                let read = document.and_then(|document| read(&document));
                match read {
                    Ok(Some(object)) => self.object(file, &object, rendered),
                    Ok(None) => {}
                    Err(message) => return self.error(file, &format!("unable to parse YAML: {message}")),
                }
            }
        }
    }

    fn object(&mut self, file: &str, object: &Object, rendered: &str) {
        let faults = names::faults(&object.kind, &object.name);
        if !faults.is_empty() {
            let shown = quote(object.name.as_bytes());
            let faults: Vec<String> =
                faults.iter().map(|fault| format!("metadata.name: Invalid value: {shown}: {fault}")).collect();
            let all = match &faults[..] {
                [one] => one.clone(),
                many => format!("[{}]", many.join(", ")),
            };
            let message = format!("object name does not conform to Kubernetes naming requirements: {shown}: {all}");
            self.say(LintSeverity::Warning, file, &message);
        }
        if let Some(warning) = deprecated::warning(&object.api_version, &object.kind, self.kube_version) {
            self.say(LintSeverity::Warning, file, &warning);
        }
        let workload = ["Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"].contains(&object.kind.as_str());
        if workload && !rendered.contains("matchLabels") && !rendered.contains("matchExpressions") {
            let shown = quote(object.name.as_bytes());
            let kind = &object.kind;
            self.error(file, &format!("a {kind} must contain matchLabels or matchExpressions, and {shown} does not"));
        }
        if object.kind == "List" {
            let items = yaml::parse_lenient(rendered).ok().flatten();
            let items = items.as_ref().and_then(|node| node.get("items")).map(Node::items).unwrap_or_default();
            let kept = |item: &Node| {
                item.get("metadata")
                    .and_then(|metadata| metadata.get("annotations"))
                    .is_some_and(|annotations| annotations.get("helm.sh/resource-policy").is_some())
            };
            if items.iter().any(kept) {
                self.error(file, "Annotation 'helm.sh/resource-policy' within List objects are ignored");
            }
        }
    }

    fn dependencies(&mut self, chart: &Chart, folder: &str) {
        let wanted = || chart.metadata.dependencies.iter().flatten();
        let unlisted: Vec<&str> = chart
            .dependencies
            .iter()
            .map(|held| held.metadata.name.as_str())
            .filter(|name| !wanted().any(|wanted| wanted.name == *name))
            .collect();
        if !unlisted.is_empty() {
            self.error(folder, &format!("chart metadata is missing these dependencies: {}", unlisted.join(",")));
        }
        let mut seen: Vec<&str> = Vec::new();
        let mut twice = Vec::new();
        for dependency in wanted() {
            let name = if dependency.alias.is_empty() { &dependency.name } else { &dependency.alias };
            if seen.contains(&name.as_str()) {
                twice.push(name.as_str());
            }
            seen.push(name);
        }
        if !twice.is_empty() {
            self.error(folder, &format!("multiple dependencies with name or alias: {}", twice.join(",")));
        }
        let missing: Vec<&str> = wanted()
            .map(|wanted| wanted.name.as_str())
            .filter(|name| !chart.dependencies.iter().any(|held| held.metadata.name == *name))
            .collect();
        if !missing.is_empty() {
            let message = format!("chart directory is missing these dependencies: {}", missing.join(","));
            self.say(LintSeverity::Warning, folder, &message);
        }
    }
}

/// Whether a text names helm 2's hook for definitions.
fn is_crd_hook(text: &str) -> bool {
    text.match_indices("helm.sh/hook").any(|(at, name)| {
        let rest = &text[at + name.len()..];
        let rest = rest.strip_prefix('"').unwrap_or(rest);
        rest.strip_prefix(':').is_some_and(|rest| {
            let value = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
            value.len() < rest.len() && value.starts_with("crd-install")
        })
    })
}

/// The documents of a rendered file, as Kubernetes' reader splits them: at lines that start with `---`.
fn documents(text: &str) -> Vec<Result<String, String>> {
    let mut found = Vec::new();
    if text.trim_start().starts_with('{') {
        return json_documents(text);
    }
    let mut document = String::new();
    for line in text.split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix("---") {
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                found.push(Err(format!("invalid Yaml document separator: {rest}")));
                return found;
            }
            if !document.is_empty() {
                found.push(Ok(std::mem::take(&mut document)));
                continue;
            }
        }
        document.push_str(line);
    }
    if !document.is_empty() {
        found.push(Ok(document));
    }
    found
}

/// The values of a text that starts as JSON does: it is not read as YAML then.
fn json_documents(text: &str) -> Vec<Result<String, String>> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut found = Vec::new();
    loop {
        let start = stream.byte_offset();
        match stream.next() {
            None => return found,
            Some(Ok(value)) => found.push(Ok(value.to_string())),
            Some(Err(error)) => {
                let above: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
                let message = go::json::read(text.get(start..).unwrap_or_default()).err();
                let message = message.unwrap_or_else(|| error.to_string());
                found.push(Err(format!("json: offset {}: {message}", above + error.column())));
                return found;
            }
        }
    }
}

/// What a lint reads of an object.
struct Object {
    api_version: String,
    kind: String,
    name: String,
}

fn read(text: &str) -> Result<Option<Object>, String> {
    let converting = |error: yaml::Error| format!("error converting YAML to JSON: {}", error.go_text());
    let Some(node) = yaml::parse_lenient(text).map_err(converting)? else { return Ok(None) };
    node.to_json(yaml::Numbers::Exact).map_err(converting)?;
    if node.is_null() {
        return Ok(None);
    }
    let mut decoder = Decoder::new("K8sYamlStruct");
    let mut object = Object { api_version: String::new(), kind: String::new(), name: String::new() };
    if let Some(pairs) = decoder.map(&node, "", "rules.K8sYamlStruct") {
        object.api_version = decoder.string(field(pairs, "apiVersion"), "apiVersion");
        object.kind = decoder.string(field(pairs, "kind"), "Kind");
        let metadata = field(pairs, "metadata")
            .filter(|metadata| !metadata.is_null())
            .and_then(|metadata| decoder.map(metadata, "Metadata", "rules.k8sYamlMetadata"));
        if let Some(pairs) = metadata {
            object.name = decoder.within("k8sYamlMetadata", |decoder| {
                decoder.string(field(pairs, "namespace"), "Metadata.Namespace");
                decoder.string(field(pairs, "name"), "Metadata.Name")
            });
        }
    }
    match decoder.error() {
        Some((message, _)) => Err(message),
        None => Ok(Some(object)),
    }
}
