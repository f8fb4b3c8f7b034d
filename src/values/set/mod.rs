//! `--set` and its sisters: Helm's little language for single values (`pkg/strvals`), read into a map of values.
//!
//! `a.b=1,list[0].c=x,names={x,y},key\.with\.dots=v`: names are separated by dots, indices stand in brackets, lists in braces, and
//! a backslash takes the meaning from the character after it. `true`, `false`, `null` and integers are typed; everything else is
//! a text. A line that fails has set what stood before the failure, as in Helm.

mod literal;
mod parser;
mod place;

use serde_json::{Map, Value};

/// The most steps that a name may have (limit: nesting of names).
pub const NESTING: usize = 30;
/// The highest index of a list (limit: index).
pub const INDEX: i64 = 65_536;

/// Which of the options a line comes from. Helm applies them in this order, whatever their order on the command line (after all
/// files of `-f`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `--set-json`: values are JSON.
    Json,
    /// `--set`: values are typed.
    Typed,
    /// `--set-string`: values are texts.
    String,
    /// `--set-file`: values are names of files, whose contents are texts.
    File,
    /// `--set-literal`: one value, a text up to the end of the line, without any escapes.
    Literal,
}

/// A line that cannot be read. Not retryable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// The line is wrong.
    #[error("failed parsing {option} data: {message}")]
    Wrong {
        /// The option.
        option: &'static str,
        /// What is wrong with it, in Helm's words.
        message: String,
    },
    /// A line of `--set-json` is wrong; Helm does not say how.
    #[error("failed parsing --set-json data {line}")]
    Json {
        /// The line.
        line: String,
        /// What is wrong with it.
        message: String,
    },
}

/// Reads a line and sets what it says in `values`. `file` gives the content of a file for [`Kind::File`].
///
/// # Errors
/// With Helm's message, when the line is wrong or a file cannot be read.
pub fn apply(
    values: &mut Map<String, Value>,
    kind: Kind,
    line: &str,
    file: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<(), SetError> {
    let wrong = |option| move |message| SetError::Wrong { option, message };
    match kind {
        Kind::Typed => parser::parse(values, line, &mut |text| Ok(parser::typed(text))).map_err(wrong("--set")),
        Kind::String => parser::parse(values, line, &mut |text| Ok(Value::from(text))).map_err(wrong("--set-string")),
        Kind::File => parser::parse(values, line, &mut |name| file(name).map(Value::from)).map_err(wrong("--set-file")),
        Kind::Literal => literal::parse(values, line).map_err(wrong("--set-literal")),
        Kind::Json => {
            parser::parse_json(values, line).map_err(|message| SetError::Json { line: line.to_owned(), message })
        }
    }
}

#[cfg(test)]
mod tests;
