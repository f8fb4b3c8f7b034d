//! What can go wrong while rendering: helm's message, and the place in the chart.

use crate::chart::ChartError;
use crate::diagnostic::{Diagnostic, Position};
use crate::functions::{ERROR_END, ERROR_START};
use crate::template;

/// A render failed. Not retryable until the chart, the values or (for `lookup`) the cluster changes.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{helm}")]
pub struct RenderError {
    /// Helm's own message, without `Error: `.
    pub helm: String,
    /// The place, in evenkeel's form.
    pub diagnostic: Box<Diagnostic>,
}

/// Gives the location and the text of a template by its name.
pub(super) type Find<'f, 't> = dyn Fn(&str) -> Option<(String, std::borrow::Cow<'t, str>)> + 'f;

impl From<ChartError> for RenderError {
    fn from(error: ChartError) -> Self {
        Self { helm: error.helm, diagnostic: error.diagnostic }
    }
}

impl RenderError {
    /// An error of the chart or file at `location`.
    pub(super) fn of(location: &str, helm: impl Into<String>) -> Self {
        let helm = helm.into();
        Self { diagnostic: Box::new(Diagnostic::new(location, helm.clone())), helm }
    }

    /// An error with a place of its own.
    pub(super) fn new(helm: impl Into<String>, diagnostic: Diagnostic) -> Self {
        Self { helm: helm.into(), diagnostic: Box::new(diagnostic) }
    }

    /// A template's error; `find` gives the location and text of a template by its name.
    pub(super) fn of_template<'t>(error: &template::Error, file: &str, find: &Find<'_, 't>) -> Self {
        let helm = match error.kind {
            template::ErrorKind::Parse => clean_parse_error(file, &error.text),
            template::ErrorKind::Execute => clean_exec_error(file, &error.text),
            template::ErrorKind::NotFound | template::ErrorKind::Limit => error.text.clone(),
        };
        // The innermost failing template is where the mistake is; the frames above it led there.
        let mut frames = vec![error];
        while let Some(cause) = frames.last().and_then(|frame| frame.cause.as_deref()) {
            frames.push(cause);
        }
        let place = frames.iter().rev().find(|frame| frame.line > 0 && find(&frame.template).is_some());
        let message = frames.last().map_or_else(|| helm.clone(), |frame| plain(&frame.message));
        let mut diagnostic = match place.and_then(|frame| Some((frame, find(&frame.template)?))) {
            Some((frame, (location, text))) => {
                let line = u32::try_from(frame.line).unwrap_or(u32::MAX);
                let column = column(&text, frame.line, frame.column);
                Diagnostic::new(location, message).at(&text, Position::new(line, column), 1)
            }
            None => Diagnostic::new(find(file).map_or_else(|| file.to_owned(), |(location, _)| location), message),
        };
        for frame in frames.iter().rev().filter(|frame| frame.line > 0).skip(1) {
            diagnostic = diagnostic.note(format!("included from {}:{}", frame.template, frame.line));
        }
        Self { helm, diagnostic: Box::new(diagnostic) }
    }
}

/// Go's columns count bytes from 0; ours count characters from 1.
fn column(text: &str, line: usize, bytes: Option<usize>) -> u32 {
    let Some(bytes) = bytes else { return 1 };
    let source = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let chars = source.char_indices().take_while(|(at, _)| *at < bytes).count();
    u32::try_from(chars).unwrap_or(u32::MAX).saturating_add(1)
}

/// A message without the marks that helm puts around those of `fail` and `required`.
fn plain(message: &str) -> String {
    marked(message).unwrap_or(message).to_owned()
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
