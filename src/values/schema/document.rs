//! A JSON text as items that refer to each other by their place, with numbers as they are written (Go: `json.Decoder` with
//! `UseNumber`). References in it are rewritten in place.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::decimal::{Decimal, Unreadable};
use super::{DEPTH, SchemaError};
use crate::go::json::{self, Style};

pub(super) type Item = usize;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    String(String),
    Array(Vec<Item>),
    Object(BTreeMap<String, Item>),
}

/// The items of all documents.
#[derive(Debug, Default)]
pub(super) struct Documents {
    pub(super) items: Vec<Json>,
}

/// What Go calls the kind of a value. A number whose exponent is too large makes gojsonschema panic here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    String,
    Array,
    Object,
    Other,
}

impl Documents {
    /// Adds the first JSON value of a text.
    pub(super) fn read(&mut self, text: &[u8]) -> Result<Item, SchemaError> {
        json::check_first(text, DEPTH).map_err(SchemaError::Schema)?;
        let text = std::str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text), Cow::Borrowed);
        Ok(Reader { bytes: text.as_bytes(), text: &text, at: 0, into: self }.value())
    }

    pub(super) fn get(&self, item: Item) -> &Json {
        &self.items[item]
    }

    pub(super) fn object(&self, item: Item) -> Option<&BTreeMap<String, Item>> {
        match self.get(item) {
            Json::Object(map) => Some(map),
            _ => None,
        }
    }

    pub(super) fn text(&self, item: Item) -> Option<&str> {
        match self.get(item) {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn kind(&self, item: Item) -> Result<Kind, SchemaError> {
        Ok(match self.get(item) {
            Json::Bool(_) => Kind::Bool,
            Json::String(_) => Kind::String,
            Json::Array(_) => Kind::Array,
            Json::Object(_) => Kind::Object,
            Json::Null => Kind::Other,
            Json::Number(text) if Decimal::read(text) == Err(Unreadable::Exponent) => {
                return Err(panicked("runtime error: invalid memory address or nil pointer dereference"));
            }
            Json::Number(_) => Kind::Other,
        })
    }

    /// The value as Go writes it after numbers have become float64: what `const` and `enum` compare.
    pub(super) fn canonical(&self, item: Item) -> Result<String, SchemaError> {
        Ok(canonical(&self.value(item)?))
    }

    fn value(&self, item: Item) -> Result<Value, SchemaError> {
        Ok(match self.get(item) {
            Json::Null => Value::Null,
            Json::Bool(truth) => Value::Bool(*truth),
            Json::String(text) => Value::String(text.clone()),
            Json::Array(items) => items.iter().map(|item| self.value(*item)).collect::<Result<_, _>>()?,
            Json::Object(map) => Value::Object(
                map.iter().map(|(key, item)| Ok((key.clone(), self.value(*item)?))).collect::<Result<_, _>>()?,
            ),
            Json::Number(text) => {
                text.parse().ok().and_then(serde_json::Number::from_f64).map(Value::Number).ok_or_else(|| {
                    SchemaError::Schema(format!("json: cannot unmarshal number {text} into Go value of type float64"))
                })?
            }
        })
    }
}

/// A value as Go writes it after numbers have become float64.
pub(super) fn canonical(value: &Value) -> String {
    json::write(value, Style { escape_html: true, pretty: false })
}

/// Helm's text for a panic of gojsonschema.
pub(super) fn panicked(message: &str) -> SchemaError {
    SchemaError::Schema(format!("unable to validate schema: {message}"))
}

/// Takes a text apart that is known to begin with a JSON value.
struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    into: &'t mut Documents,
}

impl Reader<'_> {
    fn space(&mut self) {
        while self.bytes.get(self.at).is_some_and(|b| b" \t\r\n".contains(b)) {
            self.at += 1;
        }
    }

    /// Whether the next byte that is no space is this one; it is taken then.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn put(&mut self, json: Json) -> Item {
        self.into.items.push(json);
        self.into.items.len() - 1
    }

    fn value(&mut self) -> Item {
        stacker::maybe_grow(64 << 10, 1 << 20, || self.value_here())
    }

    fn value_here(&mut self) -> Item {
        self.space();
        match self.bytes.get(self.at) {
            Some(b'{') => {
                self.at += 1;
                let mut map = BTreeMap::new();
                while !self.take(b'}') && self.at < self.bytes.len() {
                    self.space();
                    let key = self.string();
                    self.take(b':');
                    map.insert(key, self.value());
                    self.take(b',');
                }
                self.put(Json::Object(map))
            }
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                while !self.take(b']') && self.at < self.bytes.len() {
                    items.push(self.value());
                    self.take(b',');
                }
                self.put(Json::Array(items))
            }
            Some(b'"') => {
                let text = self.string();
                self.put(Json::String(text))
            }
            _ => {
                let start = self.at;
                let ends = |b: &u8| b" \t\r\n,]}".contains(b);
                self.at = self.bytes[start..].iter().position(ends).map_or(self.bytes.len(), |end| start + end);
                let json = match &self.text[start..self.at] {
                    word if word.starts_with("null") => Json::Null,
                    word if word.starts_with("true") => Json::Bool(true),
                    word if word.starts_with("false") => Json::Bool(false),
                    word => {
                        let end = word.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'));
                        Json::Number(word[..end.unwrap_or(word.len())].to_owned())
                    }
                };
                self.put(json)
            }
        }
    }

    fn string(&mut self) -> String {
        self.at += 1;
        let mut out = String::new();
        let mut plain = self.at;
        while let Some(rest) = self.bytes.get(self.at..) {
            self.at += memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
            if self.bytes.get(self.at) != Some(&b'\\') {
                break;
            }
            out.push_str(&self.text[plain..self.at]);
            let c = self.escape();
            out.push(c);
            plain = self.at;
        }
        self.at = self.at.min(self.bytes.len());
        out.push_str(&self.text[plain.min(self.at)..self.at]);
        self.at += 1;
        out
    }

    fn escape(&mut self) -> char {
        let kind = self.bytes.get(self.at + 1).copied().unwrap_or_default();
        self.at += 2;
        match kind {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.code(self.at);
                self.at += 4;
                if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
                    let second = self.code(self.at + 2);
                    if (0xdc00..0xe000).contains(&second) {
                        self.at += 6;
                        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                    }
                }
                char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => char::from(other),
        }
    }

    fn code(&self, at: usize) -> u32 {
        self.text.get(at..at + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or_default()
    }
}
