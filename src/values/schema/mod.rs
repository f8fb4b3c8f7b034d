//! Holds values against a chart's `values.schema.json` as helm 3.17 does, which means as gojsonschema 1.2 does: drafts 4, 6 and 7
//! and the mixture that it takes when `$schema` names none of them, its texts, its choices and its slips. `render/` calls this
//! for a chart and its subcharts. It never reads files and never asks the network: a schema with a `$ref` to another document
//! is not used ([`SchemaError::Elsewhere`]), except when it is one of the published schemas of the three drafts, which
//! gojsonschema carries, too.
//!
//! Where gojsonschema walks a map it takes Go's random order; here it is the order of the keys.
//!
//! ```text
//! text ─ document ─ references made absolute (pool) ─ compiled (compile) ─▶ Schema ─ values (check) ─▶ faults, in helm's lines
//! ```

mod check;
mod compile;
mod decimal;
mod document;
mod formats;
mod keywords;
mod metaschema;
mod outcome;
mod pool;

use serde_json::{Map, Value};

use decimal::Decimal;
use regex::Regex;

/// Containers and references inside each other in a schema.
pub const DEPTH: usize = 500;
/// Schemas inside each other, references among them, that a value is held against.
pub const CHECK_DEPTH: usize = 2_000;
/// Schemas that one document may unfold to.
pub const SCHEMAS: usize = 500_000;
/// Comparisons of a schema with a value in one check.
pub const STEPS: u64 = 5_000_000;

/// A schema, ready to check values. Made once for a chart.
#[derive(Debug)]
pub struct Schema {
    /// All schemas, the root first; they refer to each other by their place in it.
    nodes: Vec<Node>,
}

/// Why values are refused: helm's text for the chart, without the chart's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The schema is wrong, or cannot be used; one line without an end.
    #[error("{0}")]
    Schema(String),
    /// The values do not fit: a line for each fault, each with its end.
    #[error("{0}")]
    Values(String),
    /// The schema refers to a document that is not part of the chart. Helm fetches it.
    #[error("Reference {0} is not part of the chart and is not fetched")]
    Elsewhere(String),
    /// A limit was met.
    #[error("{what} (limit: {limit})")]
    Limit {
        /// What there was too much of.
        what: String,
        /// The limit's name.
        limit: &'static str,
    },
}

impl Schema {
    /// Reads a `values.schema.json`.
    ///
    /// # Errors
    /// When it is no JSON, no schema, or refers to what is not there, in gojsonschema's words.
    pub fn parse(text: &[u8]) -> Result<Self, SchemaError> {
        compile::compile(text).map(|nodes| Self { nodes })
    }

    /// Holds the coalesced values of a chart against the schema.
    ///
    /// # Errors
    /// [`SchemaError::Values`] when they do not fit.
    pub fn check(&self, values: &Map<String, Value>) -> Result<(), SchemaError> {
        check::check(&self.nodes, values)
    }
}

/// A place in [`Schema::nodes`].
type Id = usize;

/// One schema, with the keywords that it has.
#[derive(Debug, Default)]
struct Node {
    /// `true` and `false` as schemas.
    pass: Option<bool>,
    /// What `$ref` leads to; nothing else of the schema counts then.
    target: Option<Id>,
    types: Vec<Type>,
    properties: Vec<(String, Id)>,
    additional_properties: Additional,
    pattern_properties: Vec<(Regex, Id)>,
    property_names: Option<Id>,
    dependencies: Vec<(String, Dependency)>,
    items: Vec<Id>,
    /// Whether `items` is one schema for all.
    items_for_all: bool,
    additional_items: Additional,
    contains: Option<Id>,
    required: Vec<String>,
    min_properties: Option<i64>,
    max_properties: Option<i64>,
    min_items: Option<i64>,
    max_items: Option<i64>,
    min_length: Option<i64>,
    max_length: Option<i64>,
    unique_items: bool,
    multiple_of: Option<Decimal>,
    minimum: Option<Decimal>,
    maximum: Option<Decimal>,
    above: Option<Decimal>,
    below: Option<Decimal>,
    pattern: Option<(String, Regex)>,
    format: String,
    constant: Option<String>,
    choices: Vec<String>,
    any_of: Vec<Id>,
    one_of: Vec<Id>,
    all_of: Vec<Id>,
    not: Option<Id>,
    condition: Option<Id>,
    then: Option<Id>,
    otherwise: Option<Id>,
}

/// `additionalProperties` and `additionalItems`.
#[derive(Debug, Default, Clone, Copy)]
enum Additional {
    #[default]
    Allowed,
    Refused,
    Schema(Id),
}

/// What the presence of a key asks for.
#[derive(Debug)]
enum Dependency {
    Keys(Vec<String>),
    Schema(Id),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Array,
    Boolean,
    Integer,
    Number,
    Null,
    Object,
    String,
}

impl Type {
    const ALL: [Self; 7] =
        [Self::Array, Self::Boolean, Self::Integer, Self::Number, Self::Null, Self::Object, Self::String];

    fn name(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Null => "null",
            Self::Object => "object",
            Self::String => "string",
        }
    }
}

#[cfg(test)]
mod tests;
