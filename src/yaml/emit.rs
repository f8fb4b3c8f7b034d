//! Writes JSON values as YAML, byte for byte as Go's `sigs.k8s.io/yaml.Marshal`: what Helm's `toYaml` prints.
//!
//! Go turns the value into JSON, reads that as YAML and writes what it read in go-yaml v2's block style: keys in natural
//! order, lists at their key's indentation, long lines folded at a space after column 80.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};

use super::number::{go_float, json_integer};
use super::pretty::{self, Pretty};
use super::{order, resolve, through_json};

/// Why a value cannot be written: Go's message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EmitError(pub String);

/// The value as YAML, ending in a line break. Where Go would refuse a text (control characters that YAML does not allow),
/// it is written with escapes.
#[must_use]
pub fn emit(value: &Value) -> String {
    let mut emitter = Emitter::default();
    emitter.document(value);
    emitter.out
}

/// The value as YAML as Go writes it.
///
/// # Errors
/// When Go fails: on U+007F and the control characters U+0080 to U+009F except U+0085, U+FFFE and U+FFFF; and on keys that take
/// more than 1,024 characters as JSON.
pub fn try_emit(value: &Value) -> Result<String, EmitError> {
    through_json::check(value).map_err(|message| EmitError(message.to_owned()))?;
    Ok(match through_json::folded(value) {
        Some(folded) => emit(&folded),
        None => emit(value),
    })
}

/// The value as YAML, byte for byte as go-yaml v3 writes Go's values with an indentation of 2: what Helm's `toYamlPretty`
/// prints. Lists stand deeper than their key, lines are not folded.
#[must_use]
pub fn emit_pretty(value: &Pretty) -> String {
    let mut emitter = Emitter { pretty: true, whitespace: true, indention: true, ..Emitter::default() };
    emitter.pretty_node(value, Context::Root);
    emitter.write_indent();
    emitter.out
}

/// Where a node stands, as far as it matters to how it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Root,
    Item,
    Value,
    SimpleKey,
    LongKey,
}

#[derive(Default)]
struct Emitter {
    out: String,
    column: usize,
    indent: Option<usize>,
    /// The last character was white space (or nothing was written yet).
    whitespace: bool,
    /// Only indentation and `-`, `?`, `:` stand on this line.
    indention: bool,
    /// As go-yaml v3 rather than v2 through JSON.
    pretty: bool,
}

const STEP: usize = 2;
/// The column after which a line is folded at its next space.
const WIDTH: usize = 80;
/// Bytes of a key that still stands before its `:` on one line.
const SIMPLE_KEY: usize = 128;

impl Emitter {
    fn document(&mut self, value: &Value) {
        self.whitespace = true;
        self.indention = true;
        self.node(value, Context::Root);
        self.write_indent();
    }

    fn node(&mut self, value: &Value, context: Context) {
        match value {
            Value::Null => self.plain("null", false),
            Value::Bool(b) => self.plain(if *b { "true" } else { "false" }, false),
            Value::Number(n) => self.plain(&number(n), false),
            Value::String(s) => self.string(s, context),
            Value::Array(items) if items.is_empty() => self.empty("[", "]"),
            Value::Object(map) if map.is_empty() => self.empty("{", "}"),
            Value::Array(items) => self.list(items, context),
            Value::Object(map) => self.map(map),
        }
    }

    fn list(&mut self, items: &[Value], context: Context) {
        let outer = self.indent;
        let indentless = matches!(context, Context::Value | Context::LongKey) && !self.indention;
        self.increase_indent(indentless);
        for item in items {
            self.write_indent();
            self.indicator("-", true, true);
            self.node(item, Context::Item);
        }
        self.indent = outer;
    }

    fn map(&mut self, map: &Map<String, Value>) {
        let outer = self.indent;
        self.increase_indent(false);
        let mut keys: Vec<&str> = map.keys().map(String::as_str).collect();
        order::sort(&mut keys, order::natural_less);
        for key in keys {
            self.key(key);
            self.node(&map[key], Context::Value);
        }
        self.indent = outer;
    }

    fn key(&mut self, key: &str) {
        self.write_indent();
        if key.len() <= SIMPLE_KEY && !key.contains(is_break) {
            self.string(key, Context::SimpleKey);
            self.indicator(":", false, false);
        } else {
            self.indicator("?", true, true);
            self.string(key, Context::LongKey);
            self.write_indent();
            self.indicator(":", true, true);
        }
    }

    fn pretty_node(&mut self, value: &Pretty, context: Context) {
        match value {
            Pretty::Plain(text) => self.plain(text, false),
            Pretty::Text(text) => self.string(text, context),
            Pretty::Binary(bytes) => {
                self.indicator("!!binary", true, false);
                let text = pretty::base64(bytes);
                if text.contains('\n') {
                    self.string(&text, context);
                } else {
                    self.plain(&text, false);
                }
            }
            Pretty::List(items) if items.is_empty() => self.empty("[", "]"),
            Pretty::Map(pairs) | Pretty::Struct(pairs) if pairs.is_empty() => self.empty("{", "}"),
            Pretty::List(items) => {
                let outer = self.indent;
                self.increase_indent(false);
                for item in items {
                    self.write_indent();
                    self.indicator("-", true, true);
                    self.pretty_node(item, Context::Item);
                }
                self.indent = outer;
            }
            Pretty::Map(pairs) => {
                let values: HashMap<&str, &Pretty> = pairs.iter().map(|(key, value)| (&**key, value)).collect();
                let mut keys: Vec<&str> = pairs.iter().map(|(key, _)| &**key).collect();
                order::sort(&mut keys, order::natural_less_v3);
                self.pretty_pairs(keys.into_iter().filter_map(|key| Some((key, *values.get(key)?))));
            }
            Pretty::Struct(pairs) => self.pretty_pairs(pairs.iter().map(|(key, value)| (&**key, value))),
        }
    }

    fn pretty_pairs<'v>(&mut self, pairs: impl Iterator<Item = (&'v str, &'v Pretty)>) {
        let outer = self.indent;
        self.increase_indent(false);
        for (key, value) in pairs {
            self.key(key);
            self.pretty_node(value, Context::Value);
        }
        self.indent = outer;
    }

    fn empty(&mut self, open: &str, close: &str) {
        self.indicator(open, true, false);
        self.whitespace = true;
        self.indicator(close, false, false);
    }

    fn string(&mut self, text: &str, context: Context) {
        let shape = if self.pretty { Shape::with_tabs(text) } else { Shape::of(text) };
        let folds = context != Context::SimpleKey && !self.pretty;
        let outer = self.indent;
        // A scalar at the root is indented like the content of a flow collection.
        self.indent = Some(outer.map_or(STEP, |n| n + STEP));
        if text.contains('\n') {
            if shape.block_allowed && context != Context::SimpleKey {
                self.literal(text);
            } else {
                self.double_quoted(text, folds);
            }
        } else if resolve::needs_quotes(text) || (self.pretty && is_octal(text)) {
            self.double_quoted(text, folds);
        } else if shape.plain_allowed {
            self.plain(text, folds);
        } else if shape.single_quoted_allowed {
            self.single_quoted(text, folds);
        } else {
            self.double_quoted(text, folds);
        }
        self.indent = outer;
    }

    fn plain(&mut self, text: &str, folds: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        let mut after_space = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let fold = folds && c == ' ' && !after_space && self.column > WIDTH && chars.peek() != Some(&' ');
            if fold {
                self.write_indent();
            } else {
                self.put(c);
            }
            self.indention = fold;
            after_space = c == ' ';
        }
        self.whitespace = false;
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str, folds: bool) {
        self.indicator("'", true, false);
        let (mut after_space, mut breaks, mut first) = (false, false, true);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == ' ' {
                let inner = !first && chars.peek().is_some_and(|next| *next != ' ');
                if folds && inner && !after_space && self.column > WIDTH {
                    self.write_indent();
                } else {
                    self.put(c);
                }
                after_space = true;
            } else if is_break(c) {
                self.put_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if c == '\'' {
                    self.put('\'');
                }
                self.put(c);
                self.indention = false;
                (after_space, breaks) = (false, false);
            }
            first = false;
        }
        self.indicator("'", false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn double_quoted(&mut self, text: &str, folds: bool) {
        self.indicator("\"", true, false);
        // go-yaml looks for the byte order mark at the start of the text rather than at the character.
        let all = text.starts_with('\u{feff}');
        let (mut after_space, mut first) = (false, true);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if all || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.escape(c);
                after_space = false;
            } else if c == ' ' {
                if folds && !first && !after_space && self.column > WIDTH && chars.peek().is_some() {
                    self.write_indent();
                    if chars.peek() == Some(&' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                after_space = true;
            } else {
                self.put(c);
                after_space = false;
            }
            first = false;
        }
        self.indicator("\"", false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn escape(&mut self, c: char) {
        let code = u32::from(c);
        let short = match code {
            0x00 => '0',
            0x07 => 'a',
            0x08 => 'b',
            0x09 => 't',
            0x0a => 'n',
            0x0b => 'v',
            0x0c => 'f',
            0x0d => 'r',
            0x1b => 'e',
            0x22 => '"',
            0x5c => '\\',
            0x85 => 'N',
            0xa0 => '_',
            0x2028 => 'L',
            0x2029 => 'P',
            _ => '\0',
        };
        let written = match code {
            _ if short != '\0' => format!("\\{short}"),
            ..=0xff => format!("\\x{code:02X}"),
            0x100..=0xffff => format!("\\u{code:04X}"),
            _ => format!("\\U{code:08X}"),
        };
        for c in written.chars() {
            self.put(c);
        }
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator("2", false, false);
        }
        let mut last = text.chars().rev();
        match (last.next().is_some_and(is_break), last.next()) {
            (false, _) => self.indicator("-", false, false),
            (true, None) => self.indicator("+", false, false),
            (true, Some(c)) if is_break(c) => self.indicator("+", false, false),
            (true, Some(_)) => {}
        }
        self.put_break('\n');
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for c in text.chars() {
            if is_break(c) {
                self.put_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.put(c);
                self.indention = false;
                breaks = false;
            }
        }
    }

    fn increase_indent(&mut self, indentless: bool) {
        self.indent = Some(match self.indent {
            None => 0,
            Some(n) if indentless => n,
            Some(n) => n + STEP,
        });
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break('\n');
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, needs_whitespace: bool, is_indention: bool) {
        if needs_whitespace && !self.whitespace {
            self.put(' ');
        }
        for c in text.chars() {
            self.put(c);
        }
        self.whitespace = false;
        self.indention = self.indention && is_indention;
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
    }
}

/// In which styles a text can be written.
struct Shape {
    plain_allowed: bool,
    single_quoted_allowed: bool,
    block_allowed: bool,
}

impl Shape {
    /// go-yaml v3 lets tabs stand in blocks.
    fn with_tabs(text: &str) -> Self {
        if text.contains('\t') {
            let block_allowed = Self::of(&text.replace('\t', "x")).block_allowed;
            Self { plain_allowed: false, single_quoted_allowed: false, block_allowed }
        } else {
            Self::of(text)
        }
    }

    fn of(text: &str) -> Self {
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut line_breaks) = (false, false);
        let (mut break_space, mut space_break) = (false, false);
        let (mut previous_space, mut previous_break) = (false, false);
        let mut after_white = true;
        let mut chars = text.chars().peekable();
        let mut first = true;
        while let Some(c) = chars.next() {
            let before_white = chars.peek().is_none_or(|c| matches!(c, ' ' | '\t'));
            indicators |= match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
                    if first =>
                {
                    true
                }
                '?' | '-' if first => before_white,
                ':' => before_white,
                '#' => after_white,
                _ => false,
            };
            special |= !is_printable(c);
            if c == ' ' {
                break_space |= previous_break;
                (previous_space, previous_break) = (true, false);
            } else if is_break(c) {
                line_breaks = true;
                space_break |= previous_space;
                (previous_space, previous_break) = (false, true);
            } else {
                (previous_space, previous_break) = (false, false);
            }
            after_white = matches!(c, ' ' | '\t' | '\0') || is_break(c);
            first = false;
        }
        let edge = |c: char| c == ' ' || is_break(c);
        let edges = text.starts_with(edge) || text.ends_with(edge);
        let odd = special || break_space || space_break;
        Self {
            plain_allowed: !(odd || indicators || line_breaks || edges),
            single_quoted_allowed: !odd,
            block_allowed: !(special || space_break || text.is_empty() || text.ends_with(' ')),
        }
    }
}

/// YAML 1.2's octal numbers, which go-yaml v3 alone writes in quotes.
fn is_octal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).strip_prefix("0o").map(|digits| digits.replace('_', ""));
    digits.is_some_and(|digits| i64::from_str_radix(&digits, 8).is_ok())
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// go-yaml v2 prints the basic multilingual plane alone, without tabs and control characters.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{fffd}') && c != '\u{feff}'
}

/// A number as it comes out of Go: written as JSON, read as YAML, printed.
fn number(n: &Number) -> String {
    if n.is_i64() || n.is_u64() {
        return n.to_string();
    }
    let f = n.as_f64().unwrap_or_default();
    let Some(digits) = json_integer(f) else { return go_float(f) };
    if digits == "-0" {
        "0".to_owned()
    } else if digits.parse::<i64>().is_ok() || digits.parse::<u64>().is_ok() {
        digits
    } else {
        go_float(f)
    }
}
