//! `--set`, `--set-string`, `--set-file` and `--set-json`.

use serde_json::{Map, Number, Value};

use super::NESTING;
use super::place::{Stop, index, set, set_index, take_inner_list, take_inner_map, take_list, take_map, unexpected};

/// Turns the text of a value into the value.
type Read<'r> = dyn FnMut(&str) -> Result<Value, String> + 'r;

pub(super) fn parse(values: &mut Map<String, Value>, line: &str, read: &mut Read<'_>) -> Result<(), String> {
    Parser { rest: line, read: Some(read) }.run(values)
}

pub(super) fn parse_json(values: &mut Map<String, Value>, line: &str) -> Result<(), String> {
    Parser { rest: line, read: None }.run(values)
}

/// A value of `--set`.
pub(super) fn typed(text: &str) -> Value {
    if text.eq_ignore_ascii_case("true") {
        Value::Bool(true)
    } else if text.replace('ſ', "s").eq_ignore_ascii_case("false") {
        // Go's case folding knows the long s.
        Value::Bool(false)
    } else if text.eq_ignore_ascii_case("null") {
        Value::Null
    } else if text == "0" {
        Value::from(0_i64)
    } else {
        // What starts with a zero stays a text.
        let integer = if text.starts_with('0') { None } else { text.parse::<i64>().ok() };
        integer.map_or_else(|| Value::from(text), Value::from)
    }
}

struct Parser<'t, 'r, 'f> {
    rest: &'t str,
    /// `None`: values are JSON.
    read: Option<&'r mut Read<'f>>,
}

impl Parser<'_, '_, '_> {
    fn run(&mut self, values: &mut Map<String, Value>) -> Result<(), String> {
        loop {
            match self.key(values, 0) {
                Ok(()) => {}
                Err(Stop::End) => return Ok(()),
                Err(Stop::Wrong(message)) => return Err(message),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    /// The text up to one of `stops`, without its escapes, and which one it was; `None` at the end of the line.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        while let Some(c) = self.next() {
            if stops.contains(&c) {
                return (text, Some(c));
            }
            match c {
                '\\' => match self.next() {
                    Some(escaped) => text.push(escaped),
                    None => return (text, None),
                },
                _ => text.push(c),
            }
        }
        (text, None)
    }

    fn key(&mut self, map: &mut Map<String, Value>, level: usize) -> Result<(), Stop> {
        let (key, last) = self.until(&['=', '[', ',', '.']);
        match last {
            None if key.is_empty() => Err(Stop::End),
            None => Err(Stop::Wrong(format!("key {key:?} has no value"))),
            Some('[') => {
                let at = self.index()?;
                let mut list = take_list(map, &key)?;
                let result = self.item(&mut list, at, level);
                set(map, &key, Value::Array(list));
                result
            }
            Some('=') if self.read.is_none() => {
                let (value, more) = self.json()?;
                set(map, &key, value);
                if more {
                    self.empty();
                }
                Ok(())
            }
            Some('=') => match self.list()? {
                Listed::List(list) => {
                    set(map, &key, Value::Array(list));
                    Ok(())
                }
                Listed::End => {
                    set(map, &key, Value::from(""));
                    Err(Stop::End)
                }
                Listed::NoList => {
                    let (text, _) = self.until(&[',']);
                    let value = self.value(&text);
                    // Helm sets null when a file cannot be read.
                    set(map, &key, value.as_ref().map_or(Value::Null, Value::clone));
                    value.map(|_| ())
                }
            },
            Some('.') => {
                if level + 1 > NESTING {
                    let message =
                        format!("value name nested level is greater than maximum supported nested level of {NESTING}");
                    return Err(Stop::Wrong(message));
                }
                let (mut inner, existed) = take_map(map, &key)?;
                let result = self.key(&mut inner, level + 1);
                let empty = inner.is_empty();
                if !empty || existed {
                    set(map, &key, Value::Object(inner));
                }
                if empty && result.is_ok() {
                    return Err(Stop::Wrong(format!("key map {key:?} has no value")));
                }
                result
            }
            Some(_) => {
                set(map, &key, Value::from(""));
                Err(Stop::Wrong(format!("key {key:?} has no value (cannot end with ,)")))
            }
        }
    }

    /// What stands after `[`: the index and the bracket that closes it.
    fn index(&mut self) -> Result<i64, Stop> {
        match self.until(&[']']) {
            (_, None) => Err(Stop::Wrong("error parsing index: EOF".to_owned())),
            (text, Some(_)) => index(&text),
        }
    }

    fn item(&mut self, list: &mut Vec<Value>, at: i64, level: usize) -> Result<(), Stop> {
        if at < 0 {
            return Err(Stop::Wrong(format!("negative {at} index not allowed")));
        }
        let (text, last) = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            return Err(unexpected(&text));
        }
        match last {
            None => Err(Stop::End),
            Some('=') if self.read.is_none() => {
                let (value, more) = self.json()?;
                set_index(list, at, value)?;
                if more {
                    self.empty();
                }
                Ok(())
            }
            Some('=') => {
                let value = match self.list()? {
                    Listed::List(items) => Value::Array(items),
                    Listed::End => Value::from(""),
                    Listed::NoList => {
                        let (text, _) = self.until(&[',']);
                        self.value(&text)?
                    }
                };
                set_index(list, at, value)
            }
            Some('[') => {
                let next = self.index()?;
                let mut inner = take_inner_list(list, at)?;
                let result = self.item(&mut inner, next, level);
                if result.is_ok() || !inner.is_empty() {
                    set_index(list, at, Value::Array(inner))?;
                }
                result
            }
            Some(_) => {
                let (mut inner, existed) = take_inner_map(list, at);
                let result = self.key(&mut inner, level);
                if existed || result.is_ok() {
                    set_index(list, at, Value::Object(inner))?;
                }
                result
            }
        }
    }

    fn value(&mut self, text: &str) -> Result<Value, Stop> {
        match &mut self.read {
            Some(read) => read(text).map_err(Stop::Wrong),
            None => Ok(Value::Null),
        }
    }

    /// A list in braces, when there is one.
    fn list(&mut self) -> Result<Listed, Stop> {
        match self.rest.chars().next() {
            None => return Ok(Listed::End),
            Some('{') => self.next(),
            Some(_) => return Ok(Listed::NoList),
        };
        let mut items = Vec::new();
        loop {
            let (text, last) = self.until(&[',', '}']);
            match last {
                None => return Err(Stop::Wrong("list must terminate with '}'".to_owned())),
                Some('}') => {
                    self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                    items.push(self.value(&text)?);
                    return Ok(Listed::List(items));
                }
                Some(_) => items.push(self.value(&text)?),
            }
        }
    }

    /// A JSON value, or null when there is none; the second is true when there may be more behind it.
    fn json(&mut self) -> Result<(Value, bool), Stop> {
        if self.empty() {
            return Ok((Value::Null, false));
        }
        let mut stream = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value)) => {
                let used = stream.byte_offset();
                self.rest = &self.rest[used..];
                Ok((float64(value), true))
            }
            Some(Err(error)) => Err(Stop::Wrong(error.to_string())),
            None => Err(Stop::End),
        }
    }

    /// Skips white space, and a comma; true when that or the end of the line is what comes.
    fn empty(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(',') {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => self.rest.is_empty(),
        }
    }
}

enum Listed {
    List(Vec<Value>),
    NoList,
    End,
}

/// Go reads every number of JSON as a float64.
fn float64(value: Value) -> Value {
    match value {
        Value::Number(n) => n.as_f64().and_then(Number::from_f64).map_or(Value::Number(n), Value::Number),
        Value::Array(items) => Value::Array(items.into_iter().map(float64).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(k, v)| (k, float64(v))).collect()),
        other => other,
    }
}
