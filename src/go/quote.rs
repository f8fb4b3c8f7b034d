//! Go's string literals, written and read (`strconv.Quote`, `strconv.Unquote`).

use std::borrow::Cow;
use std::fmt::Write as _;

/// A Go string literal of this text, which need not be UTF-8, as `%q` prints it.
pub(crate) fn quote(text: impl AsRef<[u8]>) -> String {
    quoted(text.as_ref(), b'"', false)
}

pub(crate) fn quote_ascii(bytes: &[u8]) -> String {
    quoted(bytes, b'"', true)
}

pub(crate) fn quote_char(c: char, ascii: bool) -> String {
    let mut buffer = [0; 4];
    quoted(c.encode_utf8(&mut buffer).as_bytes(), b'\'', ascii)
}

fn quoted(bytes: &[u8], mark: u8, ascii: bool) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    let mark = char::from(mark);
    out.push(mark);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            escape(&mut out, c, mark, ascii);
        }
        for byte in chunk.invalid() {
            push(&mut out, format_args!("\\x{byte:02x}"));
        }
    }
    out.push(mark);
    out
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = out.write_fmt(text);
}

fn escape(out: &mut String, c: char, mark: char, ascii: bool) {
    if c == mark || c == '\\' {
        out.push('\\');
        out.push(c);
        return;
    }
    if if ascii { c.is_ascii() && is_print(c) } else { is_print(c) } {
        out.push(c);
        return;
    }
    match c {
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        c if c < ' ' || c == '\x7f' => push(out, format_args!("\\x{:02x}", u32::from(c))),
        c if u32::from(c) < 0x10000 => push(out, format_args!("\\u{:04x}", u32::from(c))),
        c => push(out, format_args!("\\U{:08x}", u32::from(c))),
    }
}

/// Whether Go prints the character as it is: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub(crate) fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    // Rust escapes exactly what is not printable, and a combining mark only where it opens the text.
    let mut text = String::from("a");
    text.push(c);
    text.escape_debug().nth(1) == Some(c)
}

/// Whether the text can stand between back quotes on one line.
pub(crate) fn can_backquote(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_ok_and(|text| text.chars().all(|c| c != '\u{feff}' && c != '`' && c != '\x7f' && (c >= ' ' || c == '\t')))
}

/// The text of a Go string literal, quoted with `"` or back quotes. `None`: it is not one.
pub(crate) fn unquote(literal: &str) -> Option<Cow<'_, [u8]>> {
    let inner = literal.get(1..literal.len().checked_sub(1)?)?;
    match literal.as_bytes().first()? {
        b'`' if literal.len() >= 2 => Some(if inner.contains('\r') {
            inner.replace('\r', "").into_bytes().into()
        } else {
            inner.as_bytes().into()
        }),
        b'"' => {
            if !inner.contains('\\') {
                return (!inner.contains('\n')).then(|| inner.as_bytes().into());
            }
            let mut out = Vec::with_capacity(inner.len());
            let mut rest = inner;
            while !rest.is_empty() {
                let (unit, tail) = unquote_char(rest, '"')?;
                match unit {
                    Unit::Byte(byte) => out.push(byte),
                    Unit::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                }
                rest = tail;
            }
            Some(out.into())
        }
        _ => None,
    }
}

pub(crate) enum Unit {
    Byte(u8),
    Char(char),
}

impl Unit {
    pub(crate) fn code(&self) -> u32 {
        match self {
            Self::Byte(byte) => u32::from(*byte),
            Self::Char(c) => u32::from(*c),
        }
    }
}

/// The first character of a literal's inside, and the rest.
pub(crate) fn unquote_char(text: &str, mark: char) -> Option<(Unit, &str)> {
    let mut chars = text.chars();
    let c = chars.next()?;
    if c == mark || c == '\n' {
        return None;
    }
    if c != '\\' {
        return Some((Unit::Char(c), chars.as_str()));
    }
    let escape = chars.next()?;
    let rest = chars.as_str();
    let simple = |c| Some((Unit::Char(c), rest));
    match escape {
        'a' => simple('\x07'),
        'b' => simple('\x08'),
        'f' => simple('\x0c'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\x0b'),
        '\\' => simple('\\'),
        '\'' | '"' => (escape == mark).then_some((Unit::Char(escape), rest)),
        'x' | 'u' | 'U' => {
            let length = match escape {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let digits = rest.get(..length).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
            let code = u32::from_str_radix(digits, 16).ok()?;
            let unit =
                if escape == 'x' { Unit::Byte(u8::try_from(code).ok()?) } else { Unit::Char(char::from_u32(code)?) };
            Some((unit, &rest[length..]))
        }
        '0'..='7' => {
            let digits = text.get(1..4).filter(|digits| digits.bytes().all(|b| (b'0'..=b'7').contains(&b)))?;
            let code = u8::try_from(u32::from_str_radix(digits, 8).ok()?).ok()?;
            Some((Unit::Byte(code), &text[4..]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn quotes_as_go() {
        assert_eq!(
            super::quote("a\"\\\n\u{0}\u{7f}\u{feff}é\u{301}\u{a0}"),
            r#""a\"\\\n\x00\x7f\ufeffé\u{301}\u00a0""#.replace("\\u{301}", "\u{301}")
        );
    }
}
