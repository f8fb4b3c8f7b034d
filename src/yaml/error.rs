//! What is wrong with a YAML text, and where.

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
    /// True where Go collects the error and prints it below "unmarshal errors".
    listed: bool,
}

impl Error {
    /// An error at `position`, to which Go adds no line.
    pub(super) fn new(message: impl Into<String>, position: Position) -> Self {
        Self { message: message.into(), position, go_line: None, listed: false }
    }

    /// An error that Go lists with its line.
    pub(super) fn listed(message: impl Into<String>, position: Position, go_line: u32) -> Self {
        Self { message: message.into(), position, go_line: Some(go_line), listed: true }
    }

    /// A scanner's or parser's error. Go counts the lines of a scanner's error from 1, of a parser's from 0, and leaves
    /// the first line out.
    pub(super) fn syntax(error: &libyaml_safer::Error) -> Self {
        let mark = error.problem_mark().or_else(|| error.context_mark());
        let line_of = |mark: Option<libyaml_safer::Mark>| mark.map_or(0, |m| u32::try_from(m.line).unwrap_or(u32::MAX));
        let problem = line_of(error.problem_mark());
        let go_line = if problem != 0 {
            problem.saturating_add(u32::from(error.kind() == libyaml_safer::ErrorKind::Scanner))
        } else {
            line_of(error.context_mark())
        };
        Self {
            message: error.problem().to_owned(),
            position: mark.map_or(Position::new(1, 1), super::node::position),
            go_line: (go_line != 0).then_some(go_line),
            listed: false,
        }
    }

    /// The text of Go's error: `yaml: line 2: mapping values are not allowed in this context`.
    #[must_use]
    pub fn go_text(&self) -> String {
        match (self.listed, self.go_line) {
            (true, Some(line)) => format!("yaml: unmarshal errors:\n  line {line}: {}", self.message),
            (false, Some(line)) => format!("yaml: line {line}: {}", self.message),
            (_, None) => format!("yaml: {}", self.message),
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
        Diagnostic::new(file, self.message.clone()).at_hidden(self.position)
    }
}
