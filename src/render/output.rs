//! What `helm template` prints of a render.

use crate::chart::glob::file_match;

use super::error::RenderError;
use super::manifests::{Hook, Rendered};
use super::split::split;

/// What of it is printed.
#[derive(Debug, Clone, Default)]
pub struct TextOptions {
    /// Definitions too (`--include-crds`).
    pub include_crds: bool,
    /// No hooks (`--no-hooks`).
    pub no_hooks: bool,
    /// No test hooks (`--skip-tests`).
    pub skip_tests: bool,
    /// Only these templates, as patterns below the chart (`--show-only`).
    pub show_only: Vec<String>,
}

impl Rendered {
    /// The bytes that `helm template` prints.
    ///
    /// # Errors
    /// When a template to show does not exist.
    pub fn text_as_helm_template(&self, options: &TextOptions) -> Result<String, RenderError> {
        printed(self.manifest_text(options.include_crds), self.shown_hooks(options), &options.show_only)
    }

    /// The manifests alone, each behind its separator and source: what a post-renderer is given.
    #[must_use]
    pub fn manifest_text(&self, include_crds: bool) -> String {
        let documents = self.manifests.iter().chain(self.hooks.iter().map(|hook| &hook.manifest));
        let size = documents.map(|document| document.source.len() + document.text.len() + 20).sum();
        let mut manifest = String::with_capacity(size);
        if include_crds {
            for crd in &self.crds {
                put(&mut manifest, &crd.source, &crd.text());
            }
        }
        for document in &self.manifests {
            put(&mut manifest, &document.source, &document.text);
        }
        manifest
    }

    /// The hooks that are shown.
    pub fn shown_hooks<'r>(&'r self, options: &TextOptions) -> impl Iterator<Item = &'r Hook> + use<'r> {
        options.of_hooks(&self.hooks)
    }
}

impl TextOptions {
    /// Those of the hooks that are shown.
    pub fn of_hooks<'h>(&self, hooks: &'h [Hook]) -> impl Iterator<Item = &'h Hook> + use<'h> {
        let (none, no_tests) = (self.no_hooks, self.skip_tests);
        hooks.iter().filter(move |hook| !(none || no_tests && is_test(hook)))
    }
}

/// What helm prints: manifests, hooks behind them, and of all that only what is to be shown.
///
/// # Errors
/// When a template to show does not exist.
pub fn printed<'h>(
    manifest: String,
    hooks: impl Iterator<Item = &'h Hook>,
    show_only: &[String],
) -> Result<String, RenderError> {
    let mut out = manifest;
    out.truncate(out.trim_end().len());
    let blank = out.len() - out.trim_start().len();
    if blank > 0 {
        out.drain(..blank);
    }
    out.push('\n');
    for hook in hooks {
        put(&mut out, &hook.manifest.source, &hook.manifest.text);
    }
    if show_only.is_empty() { Ok(out) } else { only(&out, show_only) }
}

pub(super) fn put(out: &mut String, source: &str, text: &str) {
    for part in ["---\n# Source: ", source, "\n", text, "\n"] {
        out.push_str(part);
    }
}

fn is_test(hook: &Hook) -> bool {
    hook.events.iter().any(|event| event == "test")
}

fn only(text: &str, patterns: &[String]) -> Result<String, RenderError> {
    let documents: Vec<(&str, &str)> =
        split(text).into_iter().filter_map(|document| Some((below_chart(document)?, document))).collect();
    let mut out = String::new();
    for pattern in patterns {
        let mut missing = true;
        for (_, document) in documents.iter().filter(|(path, _)| file_match(pattern, path).unwrap_or(false)) {
            out.push_str("---\n");
            out.push_str(document);
            out.push('\n');
            missing = false;
        }
        if missing {
            return Err(RenderError::of(pattern, format!("could not find template {pattern} in chart")));
        }
    }
    Ok(out)
}

/// The path of a document below its chart: what stands behind the first `/` of the first `# Source: ` line.
fn below_chart(document: &str) -> Option<&str> {
    document.lines().find_map(|line| {
        let (_, source) = line.split_once("# Source: ")?;
        source.split_once('/').map(|(_, path)| path).filter(|path| !path.is_empty())
    })
}
