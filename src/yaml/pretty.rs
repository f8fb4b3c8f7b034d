//! Go's values as go-yaml v3 sees them, without a way through JSON: what Helm's `toYamlPretty` prints.

use base64::Engine as _;

/// A value to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pretty {
    /// What is printed as it is: null, a boolean, a number, a time.
    Plain(String),
    /// A text.
    Text(String),
    /// A text that is no UTF-8.
    Binary(Vec<u8>),
    /// A slice.
    List(Vec<Pretty>),
    /// A map: its keys are sorted.
    Map(Vec<(String, Pretty)>),
    /// A struct: its fields stay in their order.
    Struct(Vec<(String, Pretty)>),
}

/// Characters on a line of base64.
const LINE: usize = 70;

/// Bytes as the text of a `!!binary`: on one line while they fit.
pub(super) fn base64(bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    if text.len() < LINE {
        return text;
    }
    let mut lines = String::new();
    for (index, c) in text.chars().enumerate() {
        if index > 0 && index % LINE == 0 {
            lines.push('\n');
        }
        lines.push(c);
    }
    lines.push('\n');
    lines
}
