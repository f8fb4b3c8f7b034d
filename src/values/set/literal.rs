//! `--set-literal`: one name, and everything behind the `=` is its value.

use serde_json::{Map, Value};

use super::NESTING;
use super::place::{Stop, index, set, set_index, take_inner_list, take_inner_map, take_list, take_map, unexpected};

pub(super) fn parse(values: &mut Map<String, Value>, line: &str) -> Result<(), String> {
    match (Parser { rest: line }).key(values, 0) {
        Ok(()) | Err(Stop::End) => Ok(()),
        Err(stop) => Err(stop.text()),
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl<'t> Parser<'t> {
    /// The text up to one of `stops`, and which one it was; `None` at the end of the line.
    fn until(&mut self, stops: &[char]) -> (&'t str, Option<char>) {
        let Some(at) = self.rest.find(stops) else { return (std::mem::take(&mut self.rest), None) };
        let (text, rest) = self.rest.split_at(at);
        let mut chars = rest.chars();
        let last = chars.next();
        self.rest = chars.as_str();
        (text, last)
    }

    fn key(&mut self, map: &mut Map<String, Value>, level: usize) -> Result<(), Stop> {
        let (key, last) = self.until(&['=', '[', '.']);
        match last {
            None if key.is_empty() => Err(Stop::End),
            None => Err(Stop::Wrong(format!("key {key:?} has no value"))),
            Some('=') => {
                set(map, key, Value::from(std::mem::take(&mut self.rest)));
                Ok(())
            }
            Some('.') => {
                if level + 1 > NESTING {
                    let message =
                        format!("value name nested level is greater than maximum supported nested level of {NESTING}");
                    return Err(Stop::Wrong(message));
                }
                let (mut inner, existed) = take_map(map, key)?;
                let result = self.key(&mut inner, level + 1);
                let empty = inner.is_empty();
                if !empty || existed {
                    set(map, key, Value::Object(inner));
                }
                if empty && result.is_ok() {
                    return Err(Stop::Wrong(format!("key map {key:?} has no value")));
                }
                result
            }
            Some(_) => {
                let at = self.index()?;
                let mut list = take_list(map, key)?;
                let result = self.item(&mut list, at, level);
                set(map, key, Value::Array(list));
                result
            }
        }
    }

    fn index(&mut self) -> Result<i64, Stop> {
        match self.until(&[']']) {
            (_, None) => Err(Stop::Wrong("error parsing index: EOF".to_owned())),
            (text, Some(_)) => index(text),
        }
    }

    fn item(&mut self, list: &mut Vec<Value>, at: i64, level: usize) -> Result<(), Stop> {
        if at < 0 {
            return Err(Stop::Wrong(format!("negative {at} index not allowed")));
        }
        let (text, last) = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            return Err(unexpected(text));
        }
        match last {
            None => Err(Stop::End),
            Some('=') => set_index(list, at, Value::from(std::mem::take(&mut self.rest))),
            Some('.') => {
                let (mut inner, existed) = take_inner_map(list, at);
                let result = self.key(&mut inner, level);
                if existed || result.is_ok() {
                    set_index(list, at, Value::Object(inner))?;
                }
                result
            }
            Some(_) => {
                let next = self.index()?;
                let mut inner = take_inner_list(list, at)?;
                let result = self.item(&mut inner, next, level);
                if result.is_ok() || !inner.is_empty() {
                    set_index(list, at, Value::Array(inner))?;
                }
                result
            }
        }
    }
}
