//! What goes wrong in a template: Go's text, and the place as data.

use super::place::Place;

/// A template failed to parse or to execute. It prints as Go prints it:
/// `template: NAME:LINE:COLUMN: executing "NAME" at <NODE>: MESSAGE`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    /// Go's whole text.
    pub text: String,
    /// What went wrong.
    pub kind: ErrorKind,
    /// The template (the name it was parsed under), if the error has a place.
    pub template: String,
    /// Line in it, from 1; 0 if unknown.
    pub line: usize,
    /// Column in it: Go's byte offset in the line, from 0. Parse errors have none.
    pub column: Option<usize>,
    /// The message without its place.
    pub message: String,
    /// The error of the template that the failing call ran.
    pub cause: Option<Box<Error>>,
    /// The real place, if the error has one.
    pub place: Option<Box<Place>>,
    /// The `{{template}}` actions that led from the start of the execution to the place, innermost first.
    pub calls: Vec<Place>,
    /// The innermost action that was still open where the text ended or went wrong.
    pub opened: Option<Box<Place>>,
}

/// Which step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is not a template.
    Parse,
    /// The template failed while running.
    Execute,
    /// There is no template of this name.
    NotFound,
    /// A limit was reached: the message names it.
    Limit,
    /// Go's own engine panics here; who calls it decides what becomes of that.
    Panic,
}

impl Error {
    pub(super) fn unplaced(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            text: message.clone(),
            kind,
            template: String::new(),
            line: 0,
            column: None,
            message,
            cause: None,
            place: None,
            calls: Vec::new(),
            opened: None,
        }
    }
}
