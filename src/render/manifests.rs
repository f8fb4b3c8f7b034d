//! Rendered files become manifests in helm's install order, and hooks (helm: `releaseutil.SortManifests`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::error::{RenderError, rendered_line};
use super::head::Head;
use super::split::split;
use crate::chart::ChartFile;
use crate::diagnostic::{Diagnostic, Position};
use crate::manifest::{self, Object};
use crate::yaml::{self, Node, Numbers};

const HOOK: &str = "helm.sh/hook";
const HOOK_WEIGHT: &str = "helm.sh/hook-weight";
const HOOK_DELETE: &str = "helm.sh/hook-delete-policy";

/// The events that helm knows, as they are written and as they are meant.
const EVENTS: &[(&str, &str)] = &[
    ("pre-install", "pre-install"),
    ("post-install", "post-install"),
    ("pre-delete", "pre-delete"),
    ("post-delete", "post-delete"),
    ("pre-upgrade", "pre-upgrade"),
    ("post-upgrade", "post-upgrade"),
    ("pre-rollback", "pre-rollback"),
    ("post-rollback", "post-rollback"),
    ("test", "test"),
    // Helm 2's name.
    ("test-success", "test"),
];

/// One rendered document.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The template, as helm names it in `# Source:`.
    pub source: String,
    /// The text, without separator and outer blank lines.
    pub text: String,
    /// The kind; empty where the document has none.
    pub kind: String,
}

/// A document that helm runs at an event instead of installing it.
#[derive(Debug, Clone)]
pub struct Hook {
    /// The document.
    pub manifest: Manifest,
    /// `metadata.name`
    pub name: String,
    /// When: `pre-install`, `test`, …
    pub events: Vec<String>,
    /// Lower ones run first.
    pub weight: i64,
    /// `before-hook-creation`, `hook-succeeded`, `hook-failed`.
    pub delete_policies: Vec<String>,
}

/// A file of `crds/`.
#[derive(Debug, Clone)]
pub struct Crd {
    /// As helm names it in `# Source:`.
    pub source: String,
    /// The whole file; it may hold several documents.
    pub(super) file: ChartFile,
}

/// What a chart renders to.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    /// In helm's install order.
    pub manifests: Vec<Manifest>,
    /// In helm's order of kinds; they run by weight.
    pub hooks: Vec<Hook>,
    /// The chart's definitions, subcharts' last.
    pub crds: Vec<Crd>,
    /// NOTES.txt of the chart itself, as it is.
    pub notes: String,
    /// What helm warns of on the way.
    pub warnings: Vec<String>,
}

impl Manifest {
    /// The objects of the document: none for comments alone, several for a `List`.
    ///
    /// # Errors
    /// When the document is no Kubernetes object, with the template that it came from.
    pub fn objects(&self) -> Result<Vec<Object>, RenderError> {
        let value = yaml::to_json(&manifest::ended(&self.text), Numbers::Exact)
            .map_err(|error| yaml_error(&error, &self.source, &self.text))?;
        if value.is_null() { Ok(Vec::new()) } else { objects_of(value, &self.source) }
    }
}

fn objects_of(value: Value, source: &str) -> Result<Vec<Object>, RenderError> {
    if let Value::Object(map) = &value
        && map.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"))
        && let Some(Value::Array(items)) = map.get("items")
    {
        return items.iter().map(|item| object(item.clone(), source)).collect();
    }
    Ok(vec![object(value, source)?])
}

fn object(value: Value, source: &str) -> Result<Object, RenderError> {
    Object::new(value).map_err(|error| {
        let helm = format!("unable to build kubernetes objects from release manifest: {error}");
        RenderError::new(helm, Diagnostic::new(source, error.to_string()))
    })
}

impl Crd {
    /// The whole text.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.file.text()
    }

    /// The objects of the file.
    ///
    /// # Errors
    /// When it is no YAML or holds no Kubernetes object.
    pub fn objects(&self) -> Result<Vec<Object>, RenderError> {
        objects_in(&self.text(), &self.source)
    }
}

/// The objects of a text of several documents that came from `source`.
///
/// # Errors
/// When it is no YAML or holds no Kubernetes object.
pub fn objects_in(text: &str, source: &str) -> Result<Vec<Object>, RenderError> {
    let nodes = yaml::parse_all(&manifest::ended(text)).map_err(|error| yaml_error(&error, source, text))?;
    let mut found = Vec::new();
    for node in nodes {
        let value = node.to_json(Numbers::Exact).map_err(|error| yaml_error(&error, source, text))?;
        if !value.is_null() {
            found.extend(objects_of(value, source)?);
        }
    }
    Ok(found)
}

/// What a template wrote.
pub(super) struct Written {
    pub(super) text: String,
    /// Why it is no UTF-8.
    pub(super) unreadable: Option<&'static str>,
}

/// The documents of a rendered file, with what their heads say, up to the first that is wrong.
#[derive(Default)]
pub(super) struct Documents {
    found: Vec<(String, Head)>,
    wrong: Option<RenderError>,
}

/// Takes a rendered file apart. Partials and empty files have no documents.
pub(super) fn documents(source: &str, Written { text: content, unreadable }: Written) -> Documents {
    let mut documents = Documents::default();
    if source.rsplit('/').next().is_some_and(|name| name.starts_with('_')) || content.trim().is_empty() {
        return documents;
    }
    if let Some(message) = unreadable {
        let helm = format!("YAML parse error on {source}: error converting YAML to JSON: yaml: {message}");
        documents.wrong = Some(RenderError::of(source, helm));
        return documents;
    }
    let parts = split(&content);
    let only = parts.len() == 1;
    for text in parts {
        match placed_head(source, text, &content) {
            Ok(head) if only => {
                let start = text.as_ptr().addr().saturating_sub(content.as_ptr().addr());
                let end = start + text.len();
                // Most files are one document: its text is kept, not copied.
                let mut text = content;
                text.truncate(end);
                text.drain(..start);
                documents.found.push((text, head));
                break;
            }
            Ok(head) => documents.found.push((text.to_owned(), head)),
            Err(error) => {
                documents.wrong = Some(error);
                break;
            }
        }
    }
    documents
}

impl Rendered {
    /// The objects of all manifests, in install order, each with its manifest.
    ///
    /// # Errors
    /// When a document is no Kubernetes object, with the template that it came from.
    pub fn objects(&self) -> Result<Vec<(&Manifest, Object)>, RenderError> {
        let mut found = Vec::new();
        for manifest in &self.manifests {
            found.extend(manifest.objects()?.into_iter().map(|object| (manifest, object)));
        }
        Ok(found)
    }

    /// Sorts the documents of rendered files into manifests and hooks.
    pub(super) fn sort(&mut self, files: BTreeMap<String, Documents>) -> Result<(), RenderError> {
        for (source, documents) in files {
            for (text, head) in documents.found {
                self.add(&source, text, head);
            }
            if let Some(error) = documents.wrong {
                return Err(error);
            }
        }
        self.manifests.sort_by_cached_key(|manifest| order(&manifest.kind));
        self.hooks.sort_by_cached_key(|hook| order(&hook.manifest.kind));
        Ok(())
    }

    fn add(&mut self, source: &str, text: String, head: Head) {
        let manifest = Manifest { source: source.to_owned(), text, kind: head.kind.clone() };
        let Some(events) = head.annotation(HOOK) else {
            self.manifests.push(manifest);
            return;
        };
        let names = events.split(',').map(|event| event.trim().to_lowercase());
        let known: Option<Vec<String>> = names
            .map(|name| EVENTS.iter().find(|(written, _)| *written == name).map(|(_, event)| (*event).to_owned()))
            .collect();
        let Some(known) = known else {
            self.warnings.push(format!("manifest_sorter.go:190: info: skipping unknown hook: {events:?}"));
            return;
        };
        let delete = head.annotation(HOOK_DELETE).unwrap_or_default();
        self.hooks.push(Hook {
            manifest,
            name: head.name.clone(),
            events: known,
            weight: head.annotation(HOOK_WEIGHT).and_then(|weight| weight.parse().ok()).unwrap_or(0),
            delete_policies: delete
                .split(',')
                .map(|policy| policy.trim().to_lowercase())
                .filter(|policy| !policy.is_empty())
                .collect(),
        });
    }
}

/// The head of a document that is a part of `content`; what is wrong with it is told with its line there.
fn placed_head(source: &str, text: &str, content: &str) -> Result<Head, RenderError> {
    head(source, text).map_err(|mut error| {
        if let Some(position) = error.diagnostic.position {
            let before = text.as_ptr().addr().saturating_sub(content.as_ptr().addr());
            let above = content.get(..before).map_or(0, |before| before.matches('\n').count());
            let secret = text.contains("Secret");
            let message = error.diagnostic.message.clone();
            error.rendered = Some(rendered_line(source, text, above + 1, position, &message, secret));
        }
        error
    })
}

/// What the head of a document says. Of an ordinary document the rest is only walked over; when anything is odd, all of it is
/// read.
fn head(source: &str, text: &str) -> Result<Head, RenderError> {
    if let Some(node) = yaml::ordinary_parts(text, &Head::WANTED)
        && let Ok(head) = node.as_ref().map_or_else(|| Ok(Head::default()), Head::read)
    {
        return Ok(head);
    }
    let failed = |error: yaml::Error| yaml_error(&error, source, text);
    let Some(node) = yaml::parse_lenient(text).map_err(failed)? else { return Ok(Head::default()) };
    // What JSON cannot hold is told before a field of the wrong type is.
    node.to_json(Numbers::Exact).map_err(failed)?;
    Head::read(&node).map_err(|(message, position)| {
        let diagnostic = shown(Diagnostic::new(source, message.clone()), text, position, &node);
        RenderError::new(format!("YAML parse error on {source}: {message}"), diagnostic)
    })
}

/// Where helm puts a kind: known ones have a rank, the others follow by name.
fn order(kind: &str) -> (usize, String) {
    let unknown = manifest::install_rank("");
    // Helm 3.17 does not know these two: they stand among the strangers.
    let rank = match kind {
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => unknown,
        kind => manifest::install_rank(kind),
    };
    (rank, if rank == unknown { kind.to_owned() } else { String::new() })
}

fn yaml_error(error: &yaml::Error, source: &str, text: &str) -> RenderError {
    let helm = format!("YAML parse error on {source}: error converting YAML to JSON: {}", error.go_text());
    // What was rendered may hold a secret: the line is shown only where it surely does not.
    let diagnostic =
        if text.contains("Secret") { error.diagnostic_hidden(source) } else { error.diagnostic(source, text) };
    RenderError::new(helm, diagnostic)
}

fn shown(diagnostic: Diagnostic, text: &str, position: Position, node: &Node) -> Diagnostic {
    let secret = node.get("kind").and_then(Node::as_str) == Some("Secret");
    if secret { diagnostic.at_hidden(position) } else { diagnostic.at(text, position, 1) }
}
