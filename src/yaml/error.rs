//! What is wrong with a YAML text, and where.

use super::scan::{Finder, SyntaxError};
use crate::diagnostic::{Diagnostic, Position};

/// An error in a YAML text. Never retryable: the text has to change first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct Error {
    /// What is wrong, in the words of go-yaml where it has any, without the place.
    pub message: String,
    /// Where.
    pub position: Position,
    /// The line that Go would name, which is not always the true one.
    go_line: Option<u32>,
    prefix: Prefix,
}

/// What Go puts before the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    /// `yaml: `, and the line.
    Yaml,
    /// "unmarshal errors", and the line.
    Listed,
    /// Nothing: the error comes from the way to JSON.
    Bare,
}

impl Error {
    /// An error at `position`, to which Go adds no line.
    pub(super) fn new(message: impl Into<String>, position: Position) -> Self {
        Self { message: bounded(message.into()), position, go_line: None, prefix: Prefix::Yaml }
    }

    /// An error that Go lists with its line.
    pub(super) fn listed(message: impl Into<String>, position: Position, go_line: u32) -> Self {
        Self { message: message.into(), position, go_line: Some(go_line), prefix: Prefix::Listed }
    }

    /// An error of the way from YAML to JSON.
    pub(super) fn bare(message: impl Into<String>, position: Position) -> Self {
        Self { message: bounded(message.into()), position, go_line: None, prefix: Prefix::Bare }
    }

    /// A text that is no YAML. Go counts the lines of a scanner's error from 1, of a parser's from 0, and leaves the first line
    /// out. `end` is the true end of the text, where the error is not to stand behind it.
    pub(super) fn syntax(error: &SyntaxError, end: Option<Position>) -> Self {
        let place = |mark| {
            let position = super::node::position(mark);
            end.filter(|end| position > *end).unwrap_or(position)
        };
        let line = |line: usize| u32::try_from(line).unwrap_or(u32::MAX);
        let go_line = match (error.finder, error.at.line, error.context.line) {
            (Finder::Reader, ..) | (_, 0, 0) => None,
            (_, 0, context) => Some(line(context)),
            (Finder::Scanner, at, _) => Some(line(at + 1)),
            (Finder::Parser, at, _) => Some(line(at)),
        };
        Self { message: error.problem.clone(), position: place(error.at), go_line, prefix: Prefix::Yaml }
    }

    /// The text of Go's error: `yaml: line 2: mapping values are not allowed in this context`.
    #[must_use]
    pub fn go_text(&self) -> String {
        let line = self.go_line.map(|line| format!("line {line}: ")).unwrap_or_default();
        match self.prefix {
            Prefix::Yaml => format!("yaml: {line}{}", self.message),
            Prefix::Listed => format!("yaml: unmarshal errors:\n  {line}{}", self.message),
            Prefix::Bare => self.message.clone(),
        }
    }

    /// The error as a diagnostic of `file`, showing the line from `text`.
    #[must_use]
    pub fn diagnostic(&self, file: &str, text: &str) -> Diagnostic {
        Diagnostic::new(file, self.message.clone()).at(text, self.position, 1)
    }

    /// The error as a diagnostic that does not show the line, for files that hold secrets.
    #[must_use]
    pub fn diagnostic_hidden(&self, file: &str) -> Diagnostic {
        Diagnostic::new(file, self.message_without_values()).at_hidden(self.position)
    }

    /// The message without anything that stands in the text, for files that hold secrets.
    #[must_use]
    pub fn message_without_values(&self) -> String {
        let about = [
            ("cannot decode ", "a value does not fit its tag"),
            ("invalid map key: ", "a map or a list cannot be a key"),
            ("unsupported map key ", "null and numbers beyond 64 bits cannot be keys"),
            ("key ", "a key is written twice"),
            ("unknown anchor ", "unknown anchor referenced"),
            ("anchor '", "the value of an anchor contains itself"),
        ];
        about
            .iter()
            .find(|(start, _)| self.message.starts_with(start))
            .map_or(&*self.message, |(_, safe)| safe)
            .to_owned()
    }
}

/// Cuts a message that quotes a long text.
fn bounded(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
    message
}

/// Characters of a message at most.
const MESSAGE: usize = 10_000;
