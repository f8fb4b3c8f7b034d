//! `Chart.yaml`: what a chart says about itself.

use serde_json::Value;

use super::decode::{Decoder, field};
use super::error::ChartError;
use super::version::Version;
use crate::yaml::{self, Node, Numbers};

/// What `Chart.yaml` holds (helm: `chart.Metadata`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// The chart's name; of an aliased subchart, the alias.
    pub name: String,
    /// The project's page.
    pub home: String,
    /// Where the source is.
    pub sources: Vec<String>,
    /// The chart's version.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// Words to search for.
    pub keywords: Vec<String>,
    /// Who looks after it.
    pub maintainers: Vec<Maintainer>,
    /// A picture.
    pub icon: String,
    /// `v1` or `v2`.
    pub api_version: String,
    /// Unused by helm, kept for templates that print it.
    pub condition: String,
    /// Unused by helm, kept for templates that print it.
    pub tags: String,
    /// The version of what the chart deploys.
    pub app_version: String,
    /// Whether the chart is not to be used any more.
    pub deprecated: bool,
    /// Free keys and values, in the order of the keys.
    pub annotations: Vec<(String, String)>,
    /// Which versions of Kubernetes it runs on.
    pub kube_version: String,
    /// What it depends on. `None` and empty differ for helm.
    pub dependencies: Option<Vec<Dependency>>,
    /// `application`, `library` or nothing.
    pub kind: String,
}

/// Someone who looks after a chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Maintainer {
    /// The name.
    pub name: String,
    /// The mail address.
    pub email: String,
    /// A page.
    pub url: String,
}

/// A chart that a chart depends on (helm: `chart.Dependency`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dependency {
    /// The name of the chart; the alias, once dependencies were processed.
    pub name: String,
    /// A range of versions.
    pub version: String,
    /// Where it comes from.
    pub repository: String,
    /// Paths into the values that switch it, the first that exists wins.
    pub condition: String,
    /// Tags that switch it.
    pub tags: Vec<String>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// What of its values the parent takes over: texts, or maps of `child` and `parent`.
    pub import_values: Vec<Value>,
    /// The name that it goes by in this chart.
    pub alias: String,
}

impl Metadata {
    /// Reads `Chart.yaml`, or adds `requirements.yaml` to what was read. `text` is shown in errors under the name `file`.
    pub(super) fn read(&mut self, text: &str, file: &str, context: &str) -> Result<(), ChartError> {
        let node = yaml::parse_lenient(text).map_err(|error| {
            let helm = format!("{context}: error converting YAML to JSON: {}", error.go_text());
            ChartError::new(helm, error.diagnostic(file, text))
        })?;
        let Some(node) = node else { return Ok(()) };
        let mut decoder = Decoder::new("Metadata");
        if let Some(pairs) = decoder.map(&node, "", "chart.Metadata") {
            self.decode(&mut decoder, pairs);
        }
        match decoder.error() {
            Some((message, position)) => Err(ChartError::placed(format!("{context}: {message}"), file, text, position)),
            None => Ok(()),
        }
    }

    fn decode(&mut self, decoder: &mut Decoder, pairs: &[(Node, Node)]) {
        let mut text = |name: &str, target: &mut String| {
            if let Some(node) = field(pairs, name).filter(|node| !node.is_null()) {
                *target = decoder.string(Some(node), name);
            }
        };
        text("name", &mut self.name);
        text("home", &mut self.home);
        text("version", &mut self.version);
        text("description", &mut self.description);
        text("icon", &mut self.icon);
        text("apiVersion", &mut self.api_version);
        text("condition", &mut self.condition);
        text("tags", &mut self.tags);
        text("appVersion", &mut self.app_version);
        text("kubeVersion", &mut self.kube_version);
        text("type", &mut self.kind);
        if field(pairs, "deprecated").is_some() {
            self.deprecated = decoder.bool(field(pairs, "deprecated"), "deprecated");
        }
        if field(pairs, "sources").is_some() {
            self.sources = decoder.strings(field(pairs, "sources"), "sources");
        }
        if field(pairs, "keywords").is_some() {
            self.keywords = decoder.strings(field(pairs, "keywords"), "keywords");
        }
        if field(pairs, "annotations").is_some() {
            self.annotations = decoder.string_map(field(pairs, "annotations"), "annotations");
        }
        if let Some(list) = field(pairs, "maintainers") {
            self.maintainers = decoder
                .list(list, "maintainers", "[]*chart.Maintainer")
                .iter()
                .filter_map(|item| {
                    let pairs = decoder.map(item, "maintainers", "chart.Maintainer")?;
                    Some(decoder.within("Maintainer", |decoder| Maintainer {
                        name: decoder.string(field(pairs, "name"), "maintainers.name"),
                        email: decoder.string(field(pairs, "email"), "maintainers.email"),
                        url: decoder.string(field(pairs, "url"), "maintainers.url"),
                    }))
                })
                .collect();
        }
        if let Some(list) = field(pairs, "dependencies").filter(|node| !node.is_null()) {
            self.dependencies = Some(
                decoder
                    .list(list, "dependencies", "[]*chart.Dependency")
                    .iter()
                    .filter_map(|item| Dependency::decode(decoder, item))
                    .collect(),
            );
        }
    }

    /// Helm's checks, with its cleaning of the texts that templates print.
    pub(super) fn validate(&mut self) -> Result<(), String> {
        for text in [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ] {
            clean(text);
        }
        self.sources.iter_mut().chain(&mut self.keywords).for_each(clean);
        let invalid = |message: &str| Err(format!("validation: {message}"));
        if self.api_version.is_empty() {
            return invalid("chart.metadata.apiVersion is required");
        }
        if self.name.is_empty() {
            return invalid("chart.metadata.name is required");
        }
        if self.name.contains('/') || matches!(self.name.as_str(), "." | "..") {
            return invalid(&format!("chart.metadata.name {} is invalid", quoted(&self.name)));
        }
        if self.version.is_empty() {
            return invalid("chart.metadata.version is required");
        }
        if Version::parse(&self.version).is_err() {
            return invalid(&format!("chart.metadata.version {} is invalid", quoted(&self.version)));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return invalid("chart.metadata.type must be application or library");
        }
        for maintainer in &mut self.maintainers {
            clean(&mut maintainer.name);
            clean(&mut maintainer.email);
            clean(&mut maintainer.url);
        }
        let mut names = std::collections::BTreeSet::new();
        for dependency in self.dependencies.iter_mut().flatten() {
            dependency.validate()?;
            let key = if dependency.alias.is_empty() { &dependency.name } else { &dependency.alias };
            if !names.insert(key.clone()) {
                return invalid(&format!("more than one dependency with name or alias {}", quoted(key)));
            }
        }
        Ok(())
    }
}

impl Dependency {
    pub(super) fn decode(decoder: &mut Decoder, item: &Node) -> Option<Self> {
        let pairs = decoder.map(item, "dependencies", "chart.Dependency")?;
        Some(decoder.within("Dependency", |decoder| Self::decode_fields(decoder, pairs)))
    }

    fn decode_fields(decoder: &mut Decoder, pairs: &[(Node, Node)]) -> Self {
        let imports = field(pairs, "import-values")
            .map_or(&[][..], |list| decoder.list(list, "dependencies.import-values", "[]interface {}"));
        Self {
            name: decoder.string(field(pairs, "name"), "dependencies.name"),
            version: decoder.string(field(pairs, "version"), "dependencies.version"),
            repository: decoder.string(field(pairs, "repository"), "dependencies.repository"),
            condition: decoder.string(field(pairs, "condition"), "dependencies.condition"),
            tags: decoder.strings(field(pairs, "tags"), "dependencies.tags"),
            enabled: decoder.bool(field(pairs, "enabled"), "dependencies.enabled"),
            import_values: imports.iter().map(|node| node.to_json(Numbers::Float).unwrap_or_default()).collect(),
            alias: decoder.string(field(pairs, "alias"), "dependencies.alias"),
        }
    }

    fn validate(&mut self) -> Result<(), String> {
        for text in [&mut self.name, &mut self.version, &mut self.repository, &mut self.condition] {
            clean(text);
        }
        self.tags.iter_mut().for_each(clean);
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if self.alias.bytes().all(allowed) {
            Ok(())
        } else {
            Err(format!("validation: dependency {} has disallowed characters in the alias", quoted(&self.name)))
        }
    }
}

/// Spaces of every kind become plain ones, and what cannot be printed goes away (helm: `sanitizeString`).
fn clean(text: &mut String) {
    if text.chars().any(|c| (c.is_whitespace() && c != ' ') || c.is_control()) {
        *text = text
            .chars()
            .filter_map(|c| if c.is_whitespace() { Some(' ') } else { (!c.is_control()).then_some(c) })
            .collect();
    }
}

/// As Go's `%q`, for the names that stand in messages.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}
