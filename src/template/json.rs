//! Values from and to JSON.

use super::container::{List, Map};
use super::entries::Entries;
use super::limits::{MAX_VALUE_DEPTH, MAX_VALUES};
use super::types::{ANY_LIST, ANY_MAP};
use super::value::Value;
use crate::go::json::{self, Style};
use base64::Engine as _;
use std::sync::Arc;

/// A value cannot be written as JSON. The text is `encoding/json`'s.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// A number that JSON does not have.
    #[error("json: unsupported value: {0}")]
    Number(String),
    /// A function, a complex number.
    #[error("json: unsupported type: {0}")]
    Type(&'static str),
    /// Too many parts (shared parts count each time).
    #[error("limit reached: values in one value ({MAX_VALUES})")]
    Size,
    /// Nested too deep, or a map that contains itself.
    #[error("json: unsupported value: encountered a cycle via {0}")]
    Cycle(&'static str),
}

/// An `int64` where it is an integer that fits, else a `uint64` or `float64`.
pub(super) fn number(n: &serde_json::Number) -> Value {
    match (n.as_i64(), n.as_u64()) {
        (Some(n), _) => Value::Int64(n),
        (None, Some(n)) => Value::Uint64(n),
        _ => Value::Float64(n.as_f64().unwrap_or(f64::NAN)),
    }
}

impl From<&serde_json::Value> for Value {
    /// Integers become `int64`, all other numbers `float64`; objects `map[string]interface {}`, arrays `[]interface {}`.
    fn from(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Nil,
            serde_json::Value::Bool(truth) => Self::Bool(*truth),
            serde_json::Value::Number(n) => number(n),
            serde_json::Value::String(text) => Self::from(text.as_str()),
            serde_json::Value::Array(items) => {
                Self::List(List::appended(&ANY_LIST, items.iter().map(Self::from).collect()))
            }
            serde_json::Value::Object(entries) => Self::Map(Map::new(
                &ANY_MAP,
                entries.iter().map(|(key, value)| (Arc::from(key.as_str()), Self::from(value))).collect::<Entries>(),
            )),
        }
    }
}

impl Value {
    /// As `encoding/json` writes it: byte slices as base64, nil slices and maps as null, whole floats as integers where they
    /// fit (JSON has one kind of number).
    ///
    /// # Errors
    /// NaN and infinities, functions, and values nested too deep.
    pub fn to_json(&self) -> Result<serde_json::Value, JsonError> {
        self.json_at(0, &mut 0)
    }

    fn json_at(&self, depth: usize, visited: &mut usize) -> Result<serde_json::Value, JsonError> {
        stacker::maybe_grow(128 << 10, 1 << 20, || self.json_here(depth, visited))
    }

    fn json_here(&self, depth: usize, visited: &mut usize) -> Result<serde_json::Value, JsonError> {
        if depth > MAX_VALUE_DEPTH {
            return Err(JsonError::Cycle(self.type_name()));
        }
        *visited += 1;
        if *visited > MAX_VALUES {
            return Err(JsonError::Size);
        }
        Ok(match self {
            Self::Nil => serde_json::Value::Null,
            Self::Bool(truth) => (*truth).into(),
            Self::Int(n) | Self::Int64(n) => (*n).into(),
            Self::Int32(n) => (*n).into(),
            Self::Uint8(n) => (*n).into(),
            Self::Uint(n) | Self::Uint64(n) => (*n).into(),
            Self::Float64(x) => serde_json::Number::from_f64(*x)
                .map(serde_json::Value::Number)
                .ok_or_else(|| JsonError::Number(Self::Float64(*x).to_string()))?,
            Self::String(text) => text.as_str().into(),
            Self::Bytes(bytes) if bytes.is_nil() => serde_json::Value::Null,
            Self::Bytes(bytes) => base64::engine::general_purpose::STANDARD.encode(&**bytes).into(),
            Self::List(list) if list.is_nil() => serde_json::Value::Null,
            Self::List(list) => {
                list.items().iter().map(|item| item.json_at(depth + 1, visited)).collect::<Result<Vec<_>, _>>()?.into()
            }
            Self::Map(map) if map.is_nil() => serde_json::Value::Null,
            Self::Map(map) => map
                .entries()
                .iter()
                .map(|(key, value)| Ok((key.to_string(), value.json_at(depth + 1, visited)?)))
                .collect::<Result<serde_json::Map<_, _>, _>>()?
                .into(),
            Self::Object(object) => match object.json() {
                Some(json) => json,
                None => object
                    .json_fields()
                    .into_iter()
                    .map(|(name, value)| Ok((name.to_owned(), value.json_at(depth + 1, visited)?)))
                    .collect::<Result<serde_json::Map<_, _>, _>>()?
                    .into(),
            },
            Self::Error(_) => serde_json::Value::Object(serde_json::Map::new()),
            Self::Complex(..) | Self::Func(_) => return Err(JsonError::Type(self.type_name())),
        })
    }
}

impl Value {
    /// The text that `encoding/json` makes of it: maps by key, structs in the order of their fields.
    ///
    /// # Errors
    /// As [`Value::to_json`].
    pub(crate) fn to_json_text(&self, style: Style) -> Result<String, JsonError> {
        let mut writer = Writer { out: String::new(), style, visited: 0 };
        writer.put(self, 0)?;
        Ok(writer.out)
    }
}

struct Writer {
    out: String,
    style: Style,
    visited: usize,
}

impl Writer {
    fn put(&mut self, value: &Value, depth: usize) -> Result<(), JsonError> {
        stacker::maybe_grow(128 << 10, 1 << 20, || self.put_here(value, depth))
    }

    fn put_here(&mut self, value: &Value, depth: usize) -> Result<(), JsonError> {
        match value {
            Value::List(list) if !list.is_nil() => {
                self.count(value, depth)?;
                self.collection('[', ']', depth, list.items().iter(), |writer, item| writer.put(item, depth + 1))
            }
            Value::Map(map) if !map.is_nil() => {
                self.count(value, depth)?;
                let entries = map.snapshot();
                self.collection('{', '}', depth, entries.iter(), |writer, (key, item)| {
                    writer.pair(key, item, depth + 1)
                })
            }
            Value::Object(object) if object.json().is_none() => {
                self.count(value, depth)?;
                let fields = object.json_fields();
                self.collection('{', '}', depth, fields.iter(), |writer, (key, item)| writer.pair(key, item, depth + 1))
            }
            Value::String(text) => {
                self.count(value, depth)?;
                json::put_bytes(&mut self.out, text.as_bytes(), self.style.escape_html);
                Ok(())
            }
            scalar => {
                let json = scalar.json_at(depth, &mut self.visited)?;
                self.out.push_str(&json::write(&json, self.style));
                Ok(())
            }
        }
    }

    fn count(&mut self, value: &Value, depth: usize) -> Result<(), JsonError> {
        if depth > MAX_VALUE_DEPTH {
            return Err(JsonError::Cycle(value.type_name()));
        }
        self.visited += 1;
        if self.visited > MAX_VALUES { Err(JsonError::Size) } else { Ok(()) }
    }

    fn pair(&mut self, key: &str, value: &Value, depth: usize) -> Result<(), JsonError> {
        json::put_text(&mut self.out, key, self.style.escape_html);
        self.out.push_str(if self.style.pretty { ": " } else { ":" });
        self.put(value, depth)
    }

    fn collection<T>(
        &mut self,
        open: char,
        close: char,
        depth: usize,
        items: impl ExactSizeIterator<Item = T>,
        mut put: impl FnMut(&mut Self, T) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        let empty = items.len() == 0;
        self.out.push(open);
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.line(depth + 1);
            put(self, item)?;
        }
        if !empty {
            self.line(depth);
        }
        self.out.push(close);
        Ok(())
    }

    fn line(&mut self, depth: usize) {
        if self.style.pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", depth));
        }
    }
}
