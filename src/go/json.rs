//! JSON as Go's encoding/json writes it, and the errors with which it refuses a text.

use std::ops::Range;

use std::fmt::Write as _;

use serde_json::Value;

/// How to write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// `<`, `>` and `&` become `\u003c` …
    pub(crate) escape_html: bool,
    /// Indented by two spaces.
    pub(crate) pretty: bool,
}

/// The text of a value.
pub(crate) fn write(value: &Value, style: Style) -> String {
    let mut out = String::new();
    put(&mut out, value, style, 0);
    out
}

fn put(out: &mut String, value: &Value, style: Style, depth: usize) {
    let line = |out: &mut String, depth: usize| {
        if style.pretty {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        }
    };
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(n) => match n.as_f64() {
            Some(x) if n.is_f64() => out.push_str(&float(x)),
            _ => {
                let _ = write!(out, "{n}");
            }
        },
        Value::String(text) => put_text(out, text, style.escape_html),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                put(out, item, style, depth + 1);
            }
            line(out, depth);
            out.push(']');
        }
        Value::Object(entries) if entries.is_empty() => out.push_str("{}"),
        Value::Object(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                put_text(out, key, style.escape_html);
                out.push_str(if style.pretty { ": " } else { ":" });
                put(out, item, style, depth + 1);
            }
            line(out, depth);
            out.push('}');
        }
    }
}

/// A float64: without exponent between 1e-6 and 1e21.
pub(crate) fn float(x: f64) -> String {
    let size = x.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{x:e}");
        return match text.split_once('e') {
            Some((mantissa, exponent)) if !exponent.starts_with('-') => format!("{mantissa}e+{exponent}"),
            _ => text,
        };
    }
    format!("{x}")
}

/// A text in quotes, as `json.Marshal` writes it.
#[must_use]
pub(crate) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    put_text(&mut out, text, true);
    out
}

/// A text in quotes.
pub(crate) fn put_text(out: &mut String, text: &str, escape_html: bool) {
    put_bytes(out, text.as_bytes(), escape_html);
}

/// A string of Go's, which need not be UTF-8.
pub(crate) fn put_bytes(out: &mut String, bytes: &[u8], escape_html: bool) {
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        put_chars(out, chunk.valid(), escape_html);
        out.extend(chunk.invalid().iter().map(|_| "\\ufffd"));
    }
    out.push('"');
}

fn put_chars(out: &mut String, text: &str, escape_html: bool) {
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' if escape_html => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

/// Reads JSON; every number is a float64.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    // Go refuses what is wrong before it looks at types, so its scanner's words come first.
    let mut scanner = Scanner { text: text.as_bytes(), at: 0, depth: DEPTH, too_large: Vec::new() };
    if let Some(error) = scanner.check() {
        return Err(error);
    }
    if let Some(error) = scanner.unreadable_number() {
        return Err(error);
    }
    serde_json::from_str::<Value>(&paired(text)).map(floats).map_err(|error| error.to_string())
}

/// As [`read`], for who looks at what Go has read when it meets a number that it cannot read: null stands for that.
pub(crate) fn read_partly(text: &str) -> (Result<Value, String>, Option<String>) {
    let mut scanner = Scanner { text: text.as_bytes(), at: 0, depth: DEPTH, too_large: Vec::new() };
    if scanner.check().is_some() || scanner.too_large.is_empty() {
        return (read(text), None);
    }
    let mut readable = String::with_capacity(text.len());
    let mut at = 0;
    for range in &scanner.too_large {
        readable.push_str(text.get(at..range.start).unwrap_or_default());
        readable.push_str("null");
        at = range.end;
    }
    readable.push_str(text.get(at..).unwrap_or_default());
    (read(&readable), scanner.unreadable_number())
}

/// The text with `\ufffd` in the place of each half of a surrogate pair that lacks its other half, as Go reads it.
fn paired(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return text.into();
    }
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let length = match (c, unit(at), unit(at + 6)) {
            ('\\', Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            ('\\', Some(0xd800..=0xdfff), _) => {
                out.push('\u{fffd}');
                at += 6;
                continue;
            }
            // What is escaped is not the start of an escape.
            ('\\', ..) => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
            (c, ..) => c.len_utf8(),
        };
        out.push_str(&text[at..at + length]);
        at += length;
    }
    out.into()
}

/// Checks that a text begins with a JSON value, as Go's `json.Decoder` does: what follows the value is not looked at.
pub(crate) fn check_first(text: &[u8], depth: usize) -> Result<(), String> {
    let mut scanner = Scanner { text, at: 0, depth, too_large: Vec::new() };
    scanner.value(0).map_err(|error| match scanner.at {
        at if at < text.len() => error,
        _ if text.iter().all(|b| b" \t\r\n".contains(b)) => "EOF".to_owned(),
        _ => "unexpected EOF".to_owned(),
    })
}

fn floats(value: Value) -> Value {
    match value {
        Value::Number(n) => n.as_f64().and_then(serde_json::Number::from_f64).map_or(Value::Null, Value::Number),
        Value::Array(items) => items.into_iter().map(floats).collect(),
        Value::Object(entries) => entries.into_iter().map(|(key, item)| (key, floats(item))).collect(),
        other => other,
    }
}

/// Go's JSON scanner, as far as its errors go.
struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    depth: usize,
    /// Where the numbers stand that are no float64.
    too_large: Vec<Range<usize>>,
}

const END: &str = "unexpected end of JSON input";
/// Containers inside each other (encoding/json's own limit is 10,000; serde_json's is 128).
const DEPTH: usize = 127;

impl<'t> Scanner<'t> {
    fn check(&mut self) -> Option<String> {
        let result = self.value(0).and_then(|()| {
            self.space();
            match self.text.get(self.at) {
                None => Ok(()),
                Some(_) => Err(self.wrong("after top-level value")),
            }
        });
        result.err()
    }

    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Within a word, a number or an escape, Go takes the end of the text for a space that does not belong there.
    fn wrong_within(&self, place: &str) -> String {
        if self.at < self.text.len() { self.wrong(place) } else { format!("invalid character ' ' {place}") }
    }

    fn wrong(&self, place: &str) -> String {
        let Some(byte) = self.text.get(self.at) else { return END.to_owned() };
        let shown = match byte {
            b'\'' => "'\\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            b'\n' => "'\\n'".to_owned(),
            b'\t' => "'\\t'".to_owned(),
            b'\r' => "'\\r'".to_owned(),
            0x20..=0x7e => format!("'{}'", char::from(*byte)),
            0..=0x1f | 0x7f => format!("'\\x{byte:02x}'"),
            0x80..=0x9f => format!("'\\u{byte:04x}'"),
            byte => format!("'{}'", char::from(*byte)),
        };
        format!("invalid character {shown} {place}")
    }

    fn value(&mut self, depth: usize) -> Result<(), String> {
        if depth > self.depth {
            return Err(format!("JSON nests deeper than {} (limit: JSON depth)", self.depth));
        }
        self.space();
        match self.text.get(self.at) {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.wrong("looking for beginning of value")),
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), String> {
        for expected in word.bytes() {
            if self.text.get(self.at) != Some(&expected) {
                return Err(self.wrong_within(&format!("in literal {word} (expecting '{}')", char::from(expected))));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        let start = self.at;
        self.number_text()?;
        let number: &'t [u8] = &self.text[start..self.at];
        let is_finite = std::str::from_utf8(number).ok().and_then(|n| n.parse().ok()).is_some_and(f64::is_finite);
        if !is_finite {
            self.too_large.push(start..self.at);
        }
        Ok(())
    }

    fn unreadable_number(&self) -> Option<String> {
        let number = String::from_utf8_lossy(&self.text[self.too_large.first()?.clone()]);
        Some(format!("json: cannot unmarshal number {number} into Go value of type float64"))
    }

    fn number_text(&mut self) -> Result<(), String> {
        let digits = |s: &mut Self| {
            let start = s.at;
            while s.text.get(s.at).is_some_and(u8::is_ascii_digit) {
                s.at += 1;
            }
            s.at > start
        };
        if self.text.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.text.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else if !digits(self) {
            return Err(self.wrong_within("in numeric literal"));
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            if !digits(self) {
                return Err(self.wrong_within("after decimal point in numeric literal"));
            }
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.text.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !digits(self) {
                return Err(self.wrong_within("in exponent of numeric literal"));
            }
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            self.at += rest.iter().position(|b| matches!(b, 0..=0x1f | b'"' | b'\\')).unwrap_or(rest.len());
            match self.text.get(self.at) {
                None => return Err(END.to_owned()),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(0..=0x1f) => return Err(self.wrong("in string literal")),
                Some(b'\\') => {
                    self.at += 1;
                    match self.text.get(self.at) {
                        Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => self.at += 1,
                        Some(b'u') => {
                            self.at += 1;
                            for _ in 0..4 {
                                if !self.text.get(self.at).is_some_and(u8::is_ascii_hexdigit) {
                                    return Err(self.wrong_within("in \\u hexadecimal character escape"));
                                }
                                self.at += 1;
                            }
                        }
                        _ => return Err(self.wrong_within("in string escape code")),
                    }
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), String> {
        self.at += 1;
        self.space();
        if self.text.get(self.at) == Some(&b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            self.space();
            match self.text.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.wrong("after array element")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), String> {
        self.at += 1;
        self.space();
        if self.text.get(self.at) == Some(&b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.space();
            if self.text.get(self.at) != Some(&b'"') {
                return Err(self.wrong("looking for beginning of object key string"));
            }
            self.string()?;
            self.space();
            if self.text.get(self.at) != Some(&b':') {
                return Err(self.wrong("after object key"));
            }
            self.at += 1;
            self.value(depth + 1)?;
            self.space();
            match self.text.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.wrong("after object key:value pair")),
            }
        }
    }
}

/// What Go calls the JSON value where another type was wanted.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn writes_as_go() {
        let html = Style { escape_html: true, pretty: false };
        assert_eq!(
            write(&json!({"b": "<&>\u{2028}", "a": [1.0, 1.5, 1e21, 1e-7, 1e20]}), html),
            r#"{"a":[1,1.5,1e+21,1e-7,100000000000000000000],"b":"\u003c\u0026\u003e\u2028"}"#
        );
        let pretty = Style { escape_html: false, pretty: true };
        assert_eq!(write(&json!({"a": [1], "b": {}}), pretty), "{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}");
    }

    #[test]
    fn refuses_as_go() {
        for (text, error) in [
            ("{x", "invalid character 'x' looking for beginning of object key string"),
            ("[1", "unexpected end of JSON input"),
            ("", "unexpected end of JSON input"),
            ("[1}", "invalid character '}' after array element"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("tru", "invalid character ' ' in literal true (expecting 'e')"),
            ("trux", "invalid character 'x' in literal true (expecting 'e')"),
            ("1 2", "invalid character '2' after top-level value"),
            ("\"\\q\"", "invalid character 'q' in string escape code"),
            ("01", "invalid character '1' after top-level value"),
        ] {
            assert_eq!(read(text).unwrap_err(), error, "{text}");
        }
        assert!(read(&"[".repeat(100_000)).is_err());
    }
}
