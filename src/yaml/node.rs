//! A YAML document as a tree of located nodes, with Go's types resolved and aliases and merges expanded.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::Error;
use super::key;
use super::number::fits_i64;
use crate::diagnostic::Position;

/// A located value.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: NodeValue,
    /// Where it starts. What came in by an alias stands where its anchor does.
    pub start: Position,
    /// Where it ends (the character after the last).
    pub end: Position,
}

/// A value with the type that Go gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeValue {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, and in YAML 1.1 also `yes`, `on`, `y`.
    Bool(bool),
    /// An integer in 64 bits.
    Int(i64),
    /// An integer above `i64::MAX`.
    UInt(u64),
    /// Any other number.
    Float(f64),
    /// A text; timestamps are texts too.
    String(String),
    /// A list.
    Seq(Vec<Node>),
    /// A map in the order of the text; keys are scalars.
    Map(Vec<(Node, Node)>),
}

/// How numbers become JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Every number is a float64, as Helm reads values: integers beyond 2^53 lose digits.
    Float,
    /// Integers stay integers, and a float without fraction becomes one, as Kubernetes reads objects.
    Exact,
}

pub(super) fn position(mark: super::scan::Mark) -> Position {
    let number = |n: usize| u32::try_from(n.saturating_add(1)).unwrap_or(u32::MAX);
    Position::new(number(mark.line), number(mark.column))
}

impl Node {
    /// The value of `key` in a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The key and value nodes of `key` in a map; the last one when several keys become the same text.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<(&Node, &Node)> {
        let NodeValue::Map(pairs) = &self.value else { return None };
        pairs.iter().rev().find(|(k, _)| k.key_text().as_deref() == Some(key)).map(|(k, v)| (k, v))
    }

    /// The pairs of a map (nothing for anything else).
    #[must_use]
    pub fn pairs(&self) -> &[(Node, Node)] {
        match &self.value {
            NodeValue::Map(pairs) => pairs,
            _ => &[],
        }
    }

    /// The items of a list (nothing for anything else).
    #[must_use]
    pub fn items(&self) -> &[Node] {
        match &self.value {
            NodeValue::Seq(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            NodeValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// True for null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.value, NodeValue::Null)
    }

    /// What it is, for messages: `a map`, `a list`, `a string`, `a number`, `a boolean`, `null`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.value {
            NodeValue::Null => "null",
            NodeValue::Bool(_) => "a boolean",
            NodeValue::Int(_) | NodeValue::UInt(_) | NodeValue::Float(_) => "a number",
            NodeValue::String(_) => "a string",
            NodeValue::Seq(_) => "a list",
            NodeValue::Map(_) => "a map",
        }
    }

    /// The JSON key that this node becomes as a key of a map: numbers and booleans become text as in sigs.k8s.io/yaml.
    /// `None` for what cannot be a key (null, maps, lists).
    #[must_use]
    pub fn key_text(&self) -> Option<String> {
        key::text(&self.value)
    }

    /// The value as JSON.
    ///
    /// # Errors
    /// With the place of what JSON cannot hold: infinities, not-a-number, null as a key.
    pub fn to_json(&self, numbers: Numbers) -> Result<Value, Error> {
        self.json(numbers).map_err(|first| self.bad_key().or_else(|| self.bad_number()).unwrap_or(first))
    }

    /// The first key that JSON cannot have: Go looks at all keys before it looks at a number.
    fn bad_key(&self) -> Option<Error> {
        self.items().iter().find_map(Self::bad_key).or_else(|| {
            self.pairs().iter().find_map(|(k, v)| match k.key_text() {
                Some(_) => v.bad_key(),
                None => Some(Error::bare(key::unsupported(k, v), k.start)),
            })
        })
    }

    /// The first number that JSON cannot have, where the keys of maps are sorted and the last of equal ones counts.
    fn bad_number(&self) -> Option<Error> {
        match &self.value {
            NodeValue::Float(f) => self.float(*f).err(),
            NodeValue::Seq(items) => items.iter().find_map(Self::bad_number),
            NodeValue::Map(pairs) => {
                let sorted: BTreeMap<_, _> = pairs.iter().map(|(k, v)| (k.key_text(), v)).collect();
                sorted.into_values().find_map(Self::bad_number)
            }
            _ => None,
        }
    }

    fn json(&self, numbers: Numbers) -> Result<Value, Error> {
        Ok(match &self.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(b) => Value::Bool(*b),
            #[expect(clippy::cast_precision_loss, reason = "Go reads the integers of values into float64")]
            NodeValue::Int(n) if numbers == Numbers::Float => self.float(*n as f64)?,
            #[expect(clippy::cast_precision_loss, reason = "Go reads the integers of values into float64")]
            NodeValue::UInt(n) if numbers == Numbers::Float => self.float(*n as f64)?,
            NodeValue::Int(n) => Value::from(*n),
            NodeValue::UInt(n) => Value::from(*n),
            NodeValue::Float(f) => match fits_i64(*f) {
                Some(n) if numbers == Numbers::Exact => Value::from(n),
                _ => self.float(*f)?,
            },
            NodeValue::String(s) => Value::String(s.clone()),
            NodeValue::Seq(items) => {
                Value::Array(items.iter().map(|item| item.json(numbers)).collect::<Result<_, _>>()?)
            }
            NodeValue::Map(pairs) => {
                let mut map = Map::new();
                for (k, v) in pairs {
                    let text = k.key_text().ok_or_else(|| Error::bare(key::unsupported(k, v), k.start))?;
                    map.insert(text, v.json(numbers)?);
                }
                Value::Object(map)
            }
        })
    }

    fn float(&self, f: f64) -> Result<Value, Error> {
        let name = if f.is_nan() {
            "NaN"
        } else if f > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        };
        Number::from_f64(f)
            .map(Value::Number)
            .ok_or_else(|| Error::bare(format!("json: unsupported value: {name}"), self.start))
    }
}
