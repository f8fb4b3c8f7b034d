//! TOML in, as BurntSushi's decoder reads it: the values that it makes, and its words for what it does not take. `fromToml`
//! calls this.

use std::collections::BTreeSet;

use super::cursor::{Cursor, Read, Wrong, is_line_end, is_space};
use super::{DEPTH, number, text};
use crate::go::quote::{quote, quote_char};
use crate::template::{ANY_LIST, List, MAP_LIST, Map, Value};

/// The map that a text holds.
///
/// # Errors
/// The message that `fromToml` puts under `Error`.
pub(in crate::functions) fn read(text: &[u8]) -> Result<Map, String> {
    let text = [&b"\xff\xfe"[..], b"\xfe\xff", b"\xef\xbb\xbf"]
        .iter()
        .find_map(|mark| text.strip_prefix(*mark))
        .unwrap_or(text);
    if text.iter().take(6).any(|byte| *byte == 0) {
        let message = "files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8";
        return Err(format!("toml: line 1: {message}"));
    }
    let mut reader = Reader {
        cursor: Cursor::new(text),
        root: Map::empty(),
        table: Vec::new(),
        key: String::new(),
        key_line: 1,
        implicit: BTreeSet::new(),
        arrays: BTreeSet::new(),
    };
    match reader.all() {
        Ok(()) => Ok(reader.root),
        Err(Wrong { line, message }) => Err(match reader.last_key() {
            key if key.is_empty() => format!("toml: line {line}: {message}"),
            key => format!("toml: line {line} (last key {}): {message}", quote(&key)),
        }),
    }
}

struct Reader<'t> {
    cursor: Cursor<'t>,
    root: Map,
    /// The table that keys belong to, from the root.
    table: Vec<String>,
    /// The last part of the key whose value is being read.
    key: String,
    /// Where that key stands.
    key_line: i64,
    /// Tables that no heading has named yet, by their keys' text.
    implicit: BTreeSet<String>,
    /// What is, or was last said to be, an array of values.
    arrays: BTreeSet<String>,
}

fn shown(key: &[String]) -> String {
    key.iter().map(|part| super::name(part)).collect::<Vec<_>>().join(".")
}

fn found(c: Option<char>) -> String {
    quote_char(c.unwrap_or('\0'), false)
}

fn found_or_end(c: Option<char>) -> String {
    c.map_or_else(|| "end of file".to_owned(), |c| format!("'{c}'"))
}

fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

impl Reader<'_> {
    fn last_key(&self) -> String {
        match (self.table.is_empty(), self.key.is_empty()) {
            (_, true) => shown(&self.table),
            (true, false) => self.key.clone(),
            (false, false) => format!("{}.{}", shown(&self.table), self.key),
        }
    }

    fn wrong_key(&self, message: String) -> Wrong {
        Wrong { line: self.key_line, message }
    }

    fn all(&mut self) -> Read<()> {
        loop {
            self.cursor.begin();
            match self.cursor.next()? {
                None => return Ok(()),
                c if is_line_end(c) || c.is_some_and(is_space) => {}
                Some('#') => self.comment()?,
                Some('[') => {
                    self.heading()?;
                    self.line_end()?;
                }
                Some(_) => {
                    self.cursor.back();
                    self.entry()?;
                    self.line_end()?;
                }
            }
        }
    }

    /// Up to the line's end, which stays.
    fn comment(&mut self) -> Read<()> {
        self.cursor.while_is(|c| !is_line_end(Some(c)))?;
        self.cursor.begin();
        Ok(())
    }

    /// What may stand behind an entry.
    fn line_end(&mut self) -> Read<()> {
        loop {
            match self.cursor.next()? {
                Some('#') => return self.comment(),
                None => {
                    self.cursor.back();
                    return Ok(());
                }
                c if is_line_end(c) => return Ok(()),
                c if c.is_some_and(is_space) => {}
                c => {
                    let found = found(c);
                    let message = format!(
                        "expected a top-level item to end with a newline, comment, or EOF, but got {found} instead"
                    );
                    return Err(self.cursor.wrong(message));
                }
            }
        }
    }

    fn heading(&mut self) -> Read<()> {
        let many = self.cursor.peek()? == Some('[');
        if many {
            self.cursor.next()?;
        }
        let mut key = Vec::new();
        loop {
            self.cursor.skip_space()?;
            match self.cursor.peek()? {
                None | Some(']') => {
                    return Err(self.cursor.wrong("unexpected end of table name (table names cannot be empty)"));
                }
                Some('.') => {
                    return Err(self.cursor.wrong("unexpected table separator (table names cannot be empty)"));
                }
                _ => self.part(&mut key)?,
            }
            self.cursor.skip_space()?;
            match self.cursor.next()? {
                Some('.') => self.cursor.begin(),
                Some(']') => break,
                c => {
                    let message = format!("expected '.' or ']' to end table name, but got {} instead", found(c));
                    return Err(self.cursor.wrong(message));
                }
            }
        }
        if many {
            match self.cursor.next()? {
                Some(']') => {}
                c => {
                    let message =
                        format!("expected end of table array name delimiter ']', but got {} instead", found(c));
                    return Err(self.cursor.wrong(message));
                }
            }
        }
        self.enter(&key, many)?;
        self.arrays.remove(&shown(&self.table));
        Ok(())
    }

    /// One part of a key.
    fn part(&mut self, key: &mut Vec<String>) -> Read<()> {
        let part = match self.cursor.next()? {
            Some(mark @ ('"' | '\'')) => text::one_line(&mut self.cursor, mark)?,
            _ => {
                self.cursor.back();
                self.cursor.while_is(is_bare)?;
                let part = self.cursor.piece().to_owned();
                self.cursor.begin();
                part
            }
        };
        if key.is_empty() {
            self.key_line = self.cursor.line;
        }
        key.push(part);
        Ok(())
    }

    /// A key and the sign behind it; the tables that it names on the way are entered.
    fn key(&mut self) -> Read<Vec<String>> {
        self.cursor.skip_space()?;
        match self.cursor.peek()? {
            None | Some('=') => return Err(self.cursor.wrong("unexpected '=': key name appears blank")),
            Some('.') => return Err(self.cursor.wrong("unexpected '.': keys cannot start with a '.'")),
            _ => {}
        }
        let mut key = Vec::new();
        loop {
            self.cursor.skip_space()?;
            match self.cursor.peek()? {
                None | Some('=') => return Err(self.cursor.wrong("unexpected '='")),
                Some('.') => return Err(self.cursor.wrong("unexpected '.'")),
                _ => self.part(&mut key)?,
            }
            self.cursor.skip_space()?;
            match self.cursor.next()? {
                None => return Err(self.cursor.wrong("unexpected EOF; expected key separator '='")),
                Some('.') => self.cursor.begin(),
                Some('=') => break,
                c => {
                    return Err(self.cursor.wrong(format!("expected '.' or '=', but got {} instead", found(c))));
                }
            }
        }
        self.key = key.pop().unwrap_or_default();
        for part in &key {
            let mut table = self.table.clone();
            table.push(part.clone());
            self.implicit.insert(shown(&table));
            self.enter(&table, false)?;
        }
        Ok(key)
    }

    fn entry(&mut self) -> Read<()> {
        let outer = self.table.clone();
        self.key()?;
        let value = self.value(false, 0)?;
        self.keep(value)?;
        self.table = outer;
        self.key.clear();
        Ok(())
    }

    /// Puts a value under the key.
    fn keep(&mut self, value: Value) -> Read<()> {
        let key = self.key.clone();
        let array = matches!(&value, Value::List(list) if list.ty().name == ANY_LIST.name);
        self.set(&key, value)?;
        let full = self.full(&key);
        if array {
            self.arrays.insert(full)
        } else {
            self.arrays.remove(&full)
        };
        Ok(())
    }

    fn full(&self, key: &str) -> String {
        let mut full = self.table.clone();
        full.push(key.to_owned());
        shown(&full)
    }

    fn value(&mut self, in_array: bool, depth: usize) -> Read<Value> {
        if depth > DEPTH {
            return Err(self.cursor.wrong(super::DEEP));
        }
        self.cursor.skip_space()?;
        let c = self.cursor.next()?;
        match c {
            Some('0'..='9') => {
                self.cursor.back();
                return number::plain(&mut self.cursor);
            }
            Some('[') => return stacker::maybe_grow(128 << 10, 1 << 20, || self.array(depth)),
            Some('{') => return stacker::maybe_grow(128 << 10, 1 << 20, || self.inline(in_array, depth)),
            Some(mark @ ('"' | '\'')) => {
                if self.cursor.accept(mark)? {
                    if self.cursor.accept(mark)? {
                        return text::many_lines(&mut self.cursor, mark).map(Value::from);
                    }
                    self.cursor.back();
                }
                return text::one_line(&mut self.cursor, mark).map(Value::from);
            }
            Some('.') => return Err(self.cursor.wrong("floats must start with a digit, not '.'")),
            Some('-' | '+') => return number::signed(&mut self.cursor),
            Some('i' | 'n') => {
                let ends = |cursor: &mut Cursor<'_>, second, third| -> Read<bool> {
                    Ok(cursor.accept(second)? && cursor.accept(third)?)
                };
                if ends(&mut self.cursor, 'n', 'f')? || ends(&mut self.cursor, 'a', 'n')? {
                    return number::float(&mut self.cursor);
                }
            }
            _ => {}
        }
        if c.is_some_and(char::is_alphabetic) {
            self.cursor.back();
            self.cursor.begin();
            self.cursor.while_is(char::is_alphabetic)?;
            let word = self.cursor.piece();
            return match word {
                "true" | "false" => {
                    self.cursor.begin();
                    Ok((word == "true").into())
                }
                word => Err(self.cursor.wrong(format!("expected value but found {} instead", quote(word)))),
            };
        }
        Err(self.cursor.wrong(match c {
            None => "unexpected EOF; expected value".to_owned(),
            c => format!("expected value but found {} instead", found(c)),
        }))
    }

    fn array(&mut self, depth: usize) -> Read<Value> {
        let own = match (self.key.is_empty(), self.table.is_empty()) {
            (true, false) => shown(&self.table),
            _ => self.full(&self.key),
        };
        self.arrays.insert(own);
        let mut items = Vec::new();
        let mut wants_value = true;
        loop {
            self.cursor.begin();
            match self.cursor.next()? {
                c if is_line_end(c) || c.is_some_and(is_space) => {}
                Some('#') => self.comment()?,
                Some(']') => break,
                Some(',') if wants_value => return Err(self.cursor.wrong("unexpected comma")),
                Some(',') => wants_value = true,
                _ if wants_value => {
                    self.cursor.back();
                    items.push(self.value(true, depth + 1)?);
                    wants_value = false;
                }
                c => {
                    let message =
                        format!("expected a comma (',') or array terminator (']'), but got {}", found_or_end(c));
                    return Err(self.cursor.wrong(message));
                }
            }
        }
        self.cursor.begin();
        Ok(Value::List(List::appended_from(&ANY_LIST, 2, items)))
    }

    fn inline(&mut self, in_array: bool, depth: usize) -> Read<Value> {
        const NEWLINE: &str = "newlines not allowed within inline tables";
        let all = Map::empty();
        let (outer, outer_key) = (self.table.clone(), std::mem::take(&mut self.key));
        let mut own = outer.clone();
        own.push(outer_key.clone());
        self.table.clone_from(&own);
        self.implicit.insert(shown(&own));
        self.enter(&own, in_array)?;
        let mut wants_entry = true;
        loop {
            self.cursor.begin();
            match self.cursor.next()? {
                c if c.is_some_and(is_space) => {}
                c if is_line_end(c) => return Err(self.cursor.wrong_before(NEWLINE)),
                Some('#') => self.comment()?,
                Some('}') => break,
                Some(',') if wants_entry => return Err(self.cursor.wrong("unexpected comma")),
                Some(',') => {
                    self.cursor.skip_space()?;
                    if self.cursor.peek()? == Some('}') {
                        return Err(self.cursor.wrong("trailing comma not allowed in inline tables"));
                    }
                    wants_entry = true;
                }
                _ if wants_entry => {
                    self.cursor.back();
                    let way = self.key()?;
                    let value = self.value(false, depth + 1)?;
                    self.keep(value.clone())?;
                    let mut within = all.clone();
                    for part in way {
                        let next = within.get(&part).unwrap_or_else(|| Map::empty().into());
                        let Value::Map(next) = next else {
                            return Err(self.wrong_key(format!("{} is not a table", quote(shown(&self.table)))));
                        };
                        within.insert(part, next.clone().into());
                        within = next;
                    }
                    within.insert(self.key.clone(), value);
                    self.table.clone_from(&own);
                    wants_entry = false;
                }
                c => {
                    let message = format!(
                        "expected a comma or an inline table terminator '}}', but got {} instead",
                        found_or_end(c)
                    );
                    return Err(self.cursor.wrong(message));
                }
            }
        }
        self.cursor.begin();
        self.table = outer;
        self.key = outer_key;
        Ok(all.into())
    }

    /// Goes into the table of this key and makes it, or one more of its array.
    fn enter(&mut self, key: &[String], many: bool) -> Read<()> {
        let Some((last, way)) = key.split_last() else { return Ok(()) };
        let mut within = self.root.clone();
        for (index, part) in way.iter().enumerate() {
            if !within.contains_key(part) {
                self.implicit.insert(shown(&way[..=index]));
                within.insert(part.as_str(), Map::empty().into());
            }
            within = match within.get(part).as_ref().and_then(innermost) {
                Some(next) => next,
                None => {
                    let key = shown(&way[..=index]);
                    return Err(self.wrong_key(format!("Key '{key}' was already created as a hash.")));
                }
            };
        }
        self.table = way.to_vec();
        if many {
            let mut tables = match within.get(last) {
                None => Vec::new(),
                Some(Value::List(list)) if list.ty().name == MAP_LIST.name => list.items().to_vec(),
                Some(_) => {
                    let message = format!("Key '{}' was already created and cannot be used as an array.", shown(key));
                    return Err(self.wrong_key(message));
                }
            };
            tables.push(Map::empty().into());
            within.insert(last.as_str(), Value::List(List::appended_from(&MAP_LIST, 4, tables)));
        } else {
            self.set(last, Map::empty().into())?;
        }
        self.table.push(last.clone());
        Ok(())
    }

    fn set(&mut self, key: &str, value: Value) -> Read<()> {
        let mut within = self.root.clone();
        for (index, part) in self.table.iter().enumerate() {
            within = match within.get(part).as_ref().and_then(innermost) {
                Some(next) => next,
                None => {
                    let key = shown(&self.table[..=index]);
                    return Err(self.wrong_key(format!("Key '{key}' has already been defined.")));
                }
            };
        }
        if within.contains_key(key) {
            let full = self.full(key);
            let array = self.arrays.contains(&full);
            if !self.implicit.remove(&full) && !array {
                return Err(self.wrong_key(format!("Key '{full}' has already been defined.")));
            }
            if !array {
                return Ok(());
            }
        }
        within.insert(key, value);
        Ok(())
    }
}

/// The table that a heading goes on in: of an array its last.
fn innermost(value: &Value) -> Option<Map> {
    match value {
        Value::Map(map) => Some(map.clone()),
        Value::List(list) if list.ty().name == MAP_LIST.name => list.items().last()?.as_map().cloned(),
        _ => None,
    }
}
