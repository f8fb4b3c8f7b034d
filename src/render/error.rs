//! What can go wrong while rendering: helm's message, and the place in the chart.

use crate::chart::ChartError;
use crate::diagnostic::{Diagnostic, Position};
use crate::functions::{ERROR_END, ERROR_START, ROOT};
use crate::template::{self, Limits, Place};

use super::manifests::Hook;

/// A render failed. Not retryable until the chart, the values or (for `lookup`) the cluster changes.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{helm}")]
pub struct RenderError {
    /// Helm's own message, without `Error: `.
    pub helm: String,
    /// The place, in evenkeel's form.
    pub diagnostic: Box<Diagnostic>,
    /// The line of a rendered file that is no YAML, if that is what is wrong.
    pub(super) rendered: Option<Box<RenderedLine>>,
    /// What was there when it failed, where [`RenderOptions::keep_partial`](super::RenderOptions::keep_partial) asks for it and
    /// templates were about to be executed.
    pub partial: Option<Box<Partial>>,
}

/// What a failed render leaves for who looks for the fault.
#[derive(Debug, Clone, Default)]
pub struct Partial {
    /// The rendered files as they are, when one of them is no YAML.
    pub text: String,
    /// The hooks that were found before it.
    pub hooks: Vec<Hook>,
}

/// A line of a rendered file.
#[derive(Debug, Clone)]
pub(super) struct RenderedLine {
    /// The template.
    pub(super) source: String,
    /// The line in the whole file, from 1.
    pub(super) line: usize,
    /// The line and column in its document.
    pub(super) position: Position,
    /// The line itself, unless it may be secret.
    pub(super) text: Option<String>,
    /// What is wrong with it.
    pub(super) message: String,
}

/// Gives the location of a template by its name.
pub(super) type Find<'f> = dyn Fn(&str) -> Option<String> + 'f;

impl From<ChartError> for RenderError {
    fn from(error: ChartError) -> Self {
        Self { helm: error.helm, diagnostic: error.diagnostic, rendered: None, partial: None }
    }
}

impl RenderError {
    /// An error of the chart or file at `location`.
    pub(super) fn of(location: &str, helm: impl Into<String>) -> Self {
        let helm = helm.into();
        Self::new(helm.clone(), Diagnostic::new(location, helm))
    }

    /// An error with a place of its own.
    pub(super) fn new(helm: impl Into<String>, diagnostic: Diagnostic) -> Self {
        Self { helm: helm.into(), diagnostic: Box::new(diagnostic), rendered: None, partial: None }
    }

    /// The error as a command or a report tells it: helm's message first, then the place.
    #[must_use]
    pub fn told(&self) -> String {
        let told = self.diagnostic.to_string();
        let bare = self.diagnostic.position.is_none() && self.diagnostic.notes.is_empty();
        if bare && self.diagnostic.hint.is_none() && self.diagnostic.message == self.helm {
            return self.helm.clone();
        }
        format!("{}\n\n{told}", self.helm)
    }

    /// A template's error; `find` gives the location of a template by its name, `context` is what is said of the chart.
    pub(super) fn of_template(error: &template::Error, file: &str, find: &Find<'_>, context: &[String]) -> Self {
        let helm = match error.kind {
            template::ErrorKind::Parse => clean_parse_error(file, &error.text),
            template::ErrorKind::Execute => clean_exec_error(file, &error.text),
            template::ErrorKind::NotFound | template::ErrorKind::Limit => error.text.clone(),
            template::ErrorKind::Panic => format!("rendering template failed: {}", error.text),
        };
        let innermost = innermost(error);
        let message = plain(&innermost.message);
        let frames = frames(error);
        let shown = |place: &Place| {
            find(&place.source).unwrap_or_else(|| {
                if &*place.source == ROOT { "text given to tpl".to_owned() } else { place.source.to_string() }
            })
        };
        let mut diagnostic = match frames.last() {
            Some(place) => {
                let (line, column) = place.position();
                Diagnostic::new(shown(place), message).at(&place.text, Position::new(line, column), place.width())
            }
            None => Diagnostic::new(find(file).unwrap_or_else(|| file.to_owned()), message),
        };
        if let Some(opened) = &innermost.opened {
            let (line, column) = opened.position();
            let note = format!("`{}` at {}:{line}:{column} is not closed by an `end`", opened.node, shown(opened));
            diagnostic = diagnostic.note(note);
        }
        let mut stack: Vec<(String, usize)> = Vec::new();
        for (index, place) in frames.iter().enumerate().rev() {
            let mut told = Vec::new();
            if *place.define != *place.source {
                told.push(format!("in template {:?}", &*place.define));
            }
            if let Some(above) = index.checked_sub(1).and_then(|above| frames.get(above)) {
                let (line, column) = above.position();
                told.push(format!("called from {}:{line}:{column}", shown(above)));
            }
            let told = told.join(", ");
            match stack.last_mut() {
                Some((last, times)) if *last == told => *times += 1,
                _ if told.is_empty() => {}
                _ => stack.push((told, 1)),
            }
        }
        for (told, times) in stack {
            diagnostic = diagnostic.note(if times > 1 { format!("{told}, {times} times") } else { told });
        }
        for note in context {
            diagnostic = diagnostic.note(note.clone());
        }
        if let Some(limit) = Limits::named_in(&innermost.message).filter(|_| error.kind == template::ErrorKind::Limit) {
            diagnostic = diagnostic.hint(format!(
                "no chart that is known comes near this limit; `evenkeel template --limit {limit}=NUMBER` raises it"
            ));
        }
        Self::new(helm, diagnostic)
    }

    /// An error of a rendered file, told at the template's line that wrote it.
    pub(super) fn written_by(mut self, location: &str, text: &str, line: usize, secret: bool) -> Self {
        let Some(rendered) = self.rendered.take() else { return self };
        let source = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let indent = source.chars().take_while(|c| c.is_whitespace()).count();
        let at = Position::new(
            u32::try_from(line).unwrap_or(u32::MAX),
            u32::try_from(indent).unwrap_or_default().saturating_add(1),
        );
        let message = format!("what this line writes is no YAML: {}", rendered.message);
        let mut diagnostic = Diagnostic::new(location, message).at(text, at, source.trim().chars().count().max(1));
        let place = format!("line {} of the document, column {}", rendered.position.line, rendered.position.column);
        diagnostic = diagnostic.note(match &rendered.text {
            Some(text) if !secret => format!("{place}: {}", text.trim_end()),
            _ => place,
        });
        self.diagnostic = Box::new(diagnostic);
        self
    }
}

/// The error of the template where the mistake is.
fn innermost(error: &template::Error) -> &template::Error {
    let mut at = error;
    while let Some(cause) = at.cause.as_deref().filter(|cause| cause.place.is_some()) {
        at = cause;
    }
    at
}

/// The places that lead to the mistake, outermost first; the last is the mistake's.
pub(super) fn frames(error: &template::Error) -> Vec<Place> {
    let mut found = Vec::new();
    let mut at = Some(error);
    while let Some(error) = at {
        found.extend(error.calls.iter().rev().cloned());
        found.extend(error.place.as_deref().cloned());
        at = error.cause.as_deref();
    }
    found
}

/// A message without the marks that helm puts around those of `fail` and `required`.
fn plain(message: &str) -> String {
    let message = marked(message).unwrap_or(message);
    // `error calling x: template: …` of an inner template is told by its frames.
    message.to_owned()
}

/// What stands between helm's marks, up to the last end.
fn marked(text: &str) -> Option<&str> {
    let start = text.find(ERROR_START)? + ERROR_START.len();
    let end = text.rfind(ERROR_END)?;
    text.get(start..end)
}

/// Helm: `cleanupParseError`.
fn clean_parse_error(file: &str, text: &str) -> String {
    let tokens: Vec<&str> = text.split(": ").collect();
    match tokens[..] {
        [_, location, .., message] => format!("parse error at ({location}): {message}"),
        [_, message] => format!("parse error at ({message}): {message}"),
        _ => format!("parse error in ({file}): {text}"),
    }
}

/// Helm: `cleanupExecError`.
fn clean_exec_error(file: &str, text: &str) -> String {
    let mut tokens = text.splitn(3, ": ");
    let (Some(_), Some(location), Some(rest)) = (tokens.next(), tokens.next(), tokens.next()) else {
        return format!("execution error in ({file}): {text}");
    };
    match marked(rest) {
        Some(message) => format!("execution error at ({location}): {message}"),
        None => text.to_owned(),
    }
}

/// A chart's name for a note.
pub(super) fn chart_note(names: &[String], version: &str) -> String {
    match names {
        [one] => format!("chart: {one} {version}"),
        [above @ .., own] => format!("chart: {own} {version}, a dependency of {}", above.join(" > ")),
        [] => String::new(),
    }
}

/// The line of a rendered document.
pub(super) fn rendered_line(
    source: &str,
    text: &str,
    first_line: usize,
    position: Position,
    message: &str,
    secret: bool,
) -> Box<RenderedLine> {
    let line = position.line.max(1) as usize;
    let shown = text.lines().nth(line - 1).map(str::to_owned).filter(|_| !secret);
    Box::new(RenderedLine {
        source: source.to_owned(),
        line: first_line + line - 1,
        position,
        text: shown,
        message: message.to_owned(),
    })
}
