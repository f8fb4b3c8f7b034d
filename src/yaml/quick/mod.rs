//! The fast way through ordinary YAML: block maps and lists, flow collections, every style of scalar, comments. It answers
//! `None` for everything else (anchors, tags, directives, `?` keys, several documents, tabs for indentation, keys written
//! twice) and for whatever looks wrong: the long way (`scan`, `events`, `build`) reads that, and has the last word on what is an error. What is answered
//! here is what the long way answers; a test compares both over the recorded texts and over generated ones.
//!
//! ```text
//! text ─ Scanner (block) ─ flow, scalar ─▶ Sink: a JSON value, or a located head
//! ```

mod block;
mod flow;
mod scalar;
mod sink;

use std::borrow::Cow;

use serde_json::Value;

use super::{Node, Numbers, Wanted};
use block::Scanner;
use sink::{Json, Parts};

/// Levels of nesting that are read here.
const DEPTH: usize = 64;

/// Bytes of a key that are surely within the limit of 1,024 characters for a simple key.
const KEY: usize = 1_000;

/// The text as JSON; `None` if the long way has to read it.
pub(super) fn to_json(text: &str, numbers: Numbers) -> Option<Value> {
    let mut scanner = Scanner::new(text)?;
    Some(scanner.document(Json(numbers))?.unwrap_or_default())
}

/// The wanted part of the document (see [`super::ordinary_parts`]). `Some(None)`: there is no document.
pub(super) fn parts(text: &str, wanted: &'static Wanted) -> Option<Option<Node>> {
    Scanner::new(text)?.document(Parts(wanted))
}

/// A scalar: its text, and whether it was written plain, so that it may be something else than a text.
struct Scalar<'t> {
    text: Cow<'t, str>,
    plain: bool,
}

/// Whether every character is one that YAML allows and that means here what it seems to mean: no tabs are looked for, but
/// carriage returns, Unicode's line breaks and byte order marks are left to the long way.
fn is_ordinary(text: &str) -> bool {
    let odd = |b: u8| (b < b' ' && b != b'\n' && b != b'\t') || b == 0x7f;
    if text.bytes().fold(false, |found, b| found | odd(b)) {
        return false;
    }
    text.is_ascii()
        || !text.contains(|c: char| {
            matches!(c, '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        })
}

#[cfg(test)]
mod tests;
