//! Turns YAML text into located nodes and JSON values, and JSON values into YAML text, as Go's sigs.k8s.io/yaml 1.4 (go-yaml
//! v2) does: that is what Helm 3.17 reads values with and what `toYaml` prints. Everything that reads or writes YAML calls
//! this. It never reads files and never panics; deep nesting and alias bombs end in an error that names the limit.
//!
//! ```text
//! text ─ scan ─▶ tokens ─ events ─▶ events ─ build (resolve) ─▶ Node ─▶ JSON ─ emit ─▶ text
//!    └─ quick (ordinary documents, where nobody asks for places) ──────▶ JSON
//! ```

mod build;
mod emit;
mod error;
mod events;
mod key;
mod node;
mod number;
mod order;
mod pretty;
mod quick;
mod resolve;
mod scan;
mod through_json;
mod timestamp;

pub use build::{ALIAS_BYTES, ANCHOR_NODES, DEPTH};
pub use emit::{EmitError, emit, emit_pretty, try_emit};
pub use error::Error;
pub use node::{Node, NodeValue, Numbers};
pub use number::{go_float, go_float_fixed};
pub use order::natural_less;
pub use pretty::Pretty;

use build::Duplicates;
use serde_json::Value;

/// The first document of `text`, located; `None` when there is none. A key written twice in a map is refused
/// (Go: `UnmarshalStrict`), but a key that came in by a merge (`<<`) may be overridden. What follows the first document is not
/// looked at, as in Go.
///
/// # Errors
/// With the place, when the text is no YAML, a tag does not fit its value, or a limit is exceeded.
pub fn parse(text: &str) -> Result<Option<Node>, Error> {
    build::Builder::new(text, Duplicates::Refused).document()
}

/// What comes back when Go writes these values as YAML and reads that: `None` when they stay the same.
///
/// # Errors
/// When Go fails (see [`try_emit`]).
pub fn read_back(values: &serde_json::Map<String, Value>) -> Result<Option<serde_json::Map<String, Value>>, EmitError> {
    let mut folded = None;
    for (key, value) in values {
        through_json::check(value)
            .and_then(|()| through_json::check_key(key))
            .and_then(|()| through_json::check_merge(key, value))
            .map_err(|message| EmitError(message.to_owned()))?;
        if let Some(value) = through_json::folded(value) {
            folded.get_or_insert_with(|| values.clone()).insert(key.clone(), value);
        }
    }
    Ok(folded)
}

/// Like [`parse`], but the last of several equal keys wins, as in Go's `Unmarshal`: for charts and values, which Helm reads so.
///
/// # Errors
/// As [`parse`], except for duplicate keys.
pub fn parse_lenient(text: &str) -> Result<Option<Node>, Error> {
    build::Builder::new(text, Duplicates::LastWins).document()
}

/// All documents of `text`, as [`parse`] reads them, but with merges as they are written: `<<` is a key.
///
/// # Errors
/// As [`parse`], for the first document that is wrong.
pub fn parse_unmerged(text: &str) -> Result<Vec<Node>, Error> {
    documents(build::Builder::new(text, Duplicates::Refused).unmerged())
}

/// All documents of `text`, in order; documents without content are left out. Of equal keys the last one wins, as where
/// Kubernetes' tools read manifests.
///
/// # Errors
/// As [`parse_lenient`], for the first document that is wrong.
pub fn parse_all(text: &str) -> Result<Vec<Node>, Error> {
    documents(build::Builder::new(text, Duplicates::LastWins))
}

fn documents(mut builder: build::Builder<'_>) -> Result<Vec<Node>, Error> {
    let mut documents = Vec::new();
    while let Some(node) = builder.document()? {
        if !(matches!(node.value, NodeValue::Null) && node.start == node.end) {
            documents.push(node);
        }
    }
    Ok(documents)
}

/// The first document as a JSON value (`Null` when there is none), read as Go's `yaml.Unmarshal` into `interface{}` does.
///
/// # Errors
/// As [`parse_lenient`], and for what JSON cannot hold: `.inf`, `.nan`, null as a key.
pub fn to_json(text: &str, numbers: Numbers) -> Result<Value, Error> {
    if let Some(value) = quick::to_json(text, numbers) {
        return Ok(value);
    }
    parse_lenient(text)?.map_or(Ok(Value::Null), |node| node.to_json(numbers))
}

/// Which part of a document is wanted.
#[derive(Debug)]
pub enum Wanted {
    /// All that is there.
    All,
    /// Of a map, the values of these keys (in any case), and of them these parts.
    Only(&'static [(&'static str, Wanted)]),
}

/// The wanted parts of the only document as [`parse_lenient`] reads it, without their places, where the text is ordinary YAML that
/// JSON can hold; `None` where only [`parse_lenient`] can tell.
#[must_use]
pub fn ordinary_parts(text: &str, wanted: &'static Wanted) -> Option<Option<Node>> {
    quick::parts(text, wanted)
}

#[cfg(test)]
mod tests;
