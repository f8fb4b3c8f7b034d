//! `Chart.yaml`: what a chart says about itself.

use serde_json::Value;

use super::decode::{Decoder, field};
use super::error::ChartError;
use super::version::Version;
use crate::go::quote::quote;
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
    /// Which of the dependencies, as they were written, is null.
    pub null_dependency: Option<usize>,
    /// Whether a maintainer is null.
    pub null_maintainer: bool,
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
    /// What a `Chart.yaml` says, not validated; errors are helm's, without the file.
    ///
    /// # Errors
    /// When the text is no YAML or a field has the wrong type.
    pub fn alone(text: &str) -> Result<Self, String> {
        let mut metadata = Self::default();
        metadata
            .read(text, "Chart.yaml", "")
            .map_err(|error| error.helm.strip_prefix(": ").map_or_else(|| error.helm.clone(), str::to_owned))?;
        Ok(metadata)
    }

    /// Reads `Chart.yaml`, or adds `requirements.yaml` to what was read. `text` is shown in errors under the name `file`.
    pub(super) fn read(&mut self, text: &str, file: &str, context: &str) -> Result<(), ChartError> {
        let node = yaml::parse_lenient(text).map_err(|error| {
            let helm = format!("{context}: error converting YAML to JSON: {}", error.go_text());
            ChartError::new(helm, error.diagnostic(file, text))
        })?;
        let Some(node) = node else { return Ok(()) };
        node.to_json(Numbers::Exact).map_err(|error| {
            let helm = format!("{context}: error converting YAML to JSON: {}", error.go_text());
            ChartError::new(helm, error.diagnostic(file, text))
        })?;
        let mut decoder = Decoder::new("Metadata");
        if let Some(pairs) = decoder.map(&node, "", "chart.Metadata") {
            self.decode(&mut decoder, pairs);
        }
        match decoder.error() {
            Some((message, position)) => Err(ChartError::placed(format!("{context}: {message}"), file, text, position)),
            None => Ok(()),
        }
    }

    /// In the order of the keys, in which Go meets them: the first mismatch is the one that is told.
    fn decode(&mut self, decoder: &mut Decoder, pairs: &[(Node, Node)]) {
        let text = |decoder: &mut Decoder, name: &str, target: &mut String| {
            if let Some(node) = field(pairs, name).filter(|node| !node.is_null()) {
                *target = decoder.string(Some(node), name);
            }
        };
        if field(pairs, "annotations").is_some() {
            self.annotations = decoder.string_map(field(pairs, "annotations"), "annotations");
        }
        text(decoder, "apiVersion", &mut self.api_version);
        text(decoder, "appVersion", &mut self.app_version);
        text(decoder, "condition", &mut self.condition);
        if let Some(list) = field(pairs, "dependencies") {
            let items = decoder.list(list, "dependencies", "[]*chart.Dependency");
            self.null_dependency = items.iter().position(Node::is_null);
            self.dependencies =
                (!list.is_null()).then(|| items.iter().filter_map(|item| Dependency::decode(decoder, item)).collect());
        }
        if field(pairs, "deprecated").is_some() {
            self.deprecated = decoder.bool(field(pairs, "deprecated"), "deprecated");
        }
        text(decoder, "description", &mut self.description);
        text(decoder, "home", &mut self.home);
        text(decoder, "icon", &mut self.icon);
        if field(pairs, "keywords").is_some() {
            self.keywords = decoder.strings(field(pairs, "keywords"), "keywords");
        }
        text(decoder, "kubeVersion", &mut self.kube_version);
        if let Some(list) = field(pairs, "maintainers") {
            let items = decoder.list(list, "maintainers", "[]*chart.Maintainer");
            self.null_maintainer = items.iter().any(Node::is_null);
            self.maintainers = items
                .iter()
                .filter_map(|item| {
                    let pairs = decoder.map(item, "maintainers", "chart.Maintainer")?;
                    Some(decoder.within("Maintainer", |decoder| Maintainer {
                        email: decoder.string(field(pairs, "email"), "maintainers.email"),
                        name: decoder.string(field(pairs, "name"), "maintainers.name"),
                        url: decoder.string(field(pairs, "url"), "maintainers.url"),
                    }))
                })
                .collect();
        }
        text(decoder, "name", &mut self.name);
        if field(pairs, "sources").is_some() {
            self.sources = decoder.strings(field(pairs, "sources"), "sources");
        }
        text(decoder, "tags", &mut self.tags);
        text(decoder, "type", &mut self.kind);
        text(decoder, "version", &mut self.version);
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
            return invalid(&format!("chart.metadata.name {} is invalid", quote(&self.name)));
        }
        if self.version.is_empty() {
            return invalid("chart.metadata.version is required");
        }
        if Version::parse(&self.version).is_err() {
            return invalid(&format!("chart.metadata.version {} is invalid", quote(&self.version)));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return invalid("chart.metadata.type must be application or library");
        }
        if self.null_maintainer {
            return invalid("maintainers must not contain empty or null nodes");
        }
        for maintainer in &mut self.maintainers {
            clean(&mut maintainer.name);
            clean(&mut maintainer.email);
            clean(&mut maintainer.url);
        }
        let mut names = std::collections::BTreeSet::new();
        let null = || invalid("dependencies must not contain empty or null nodes");
        for (at, dependency) in self.dependencies.iter_mut().flatten().enumerate() {
            if self.null_dependency == Some(at) {
                return null();
            }
            dependency.validate()?;
            let key = if dependency.alias.is_empty() { &dependency.name } else { &dependency.alias };
            if !names.insert(key.clone()) {
                return invalid(&format!("more than one dependency with name or alias {}", quote(key)));
            }
        }
        if self.null_dependency.is_some() {
            return null();
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
        Self {
            alias: decoder.string(field(pairs, "alias"), "dependencies.alias"),
            condition: decoder.string(field(pairs, "condition"), "dependencies.condition"),
            enabled: decoder.bool(field(pairs, "enabled"), "dependencies.enabled"),
            import_values: field(pairs, "import-values")
                .map_or(&[][..], |list| decoder.list(list, "dependencies.import-values", "[]interface {}"))
                .iter()
                .map(|node| node.to_json(Numbers::Float).unwrap_or_default())
                .collect(),
            name: decoder.string(field(pairs, "name"), "dependencies.name"),
            repository: decoder.string(field(pairs, "repository"), "dependencies.repository"),
            tags: decoder.strings(field(pairs, "tags"), "dependencies.tags"),
            version: decoder.string(field(pairs, "version"), "dependencies.version"),
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
            Err(format!("validation: dependency {} has disallowed characters in the alias", quote(&self.name)))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let mut metadata = Metadata::default();
        match metadata.read(text, "Chart.yaml", "cannot load Chart.yaml") {
            Err(error) => error.helm,
            Ok(()) => metadata.validate().unwrap_err(),
        }
    }

    #[test]
    fn mismatches_are_told_as_go_tells_them() {
        let wrong = |field: &str| {
            format!(
                "cannot load Chart.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go struct field {field} of type string"
            )
        };
        // By the order of the keys, and with the innermost struct.
        assert_eq!(refused("version: []\nname: []\n"), wrong("Metadata.name"));
        assert_eq!(refused("dependencies: [{name: [], alias: []}]\n"), wrong("Dependency.dependencies.alias"));
        assert_eq!(refused("maintainers: [{url: []}]\nname: []\n"), wrong("Maintainer.maintainers.url"));
        assert_eq!(
            refused("name: a\nnull: b\n"),
            "cannot load Chart.yaml: error converting YAML to JSON: unsupported map key of type: %!s(<nil>), key: <nil>, value: \"b\""
        );
    }

    #[test]
    fn null_items_are_refused() {
        let head = "apiVersion: v2\nname: a\nversion: 1.0.0\n";
        assert_eq!(
            refused(&format!("{head}maintainers: [null]\n")),
            "validation: maintainers must not contain empty or null nodes"
        );
        assert_eq!(
            refused(&format!("{head}dependencies: [{{name: b}}, null]\n")),
            "validation: dependencies must not contain empty or null nodes"
        );
    }
}
