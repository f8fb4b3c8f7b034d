//! Words: case, abbreviation, wrapping (Masterminds/goutils and huandu/xstrings).

use super::case::{is_lower, is_punctuation, is_title, is_upper, lower, titled, upper};
use super::encoding::raw;
use super::fixed;
use crate::go::runes;
use crate::template::{FuncError, FunctionTable, Str, Type, Value};

const S: Type = Type::String;
const I: Type = Type::Int;

pub(super) fn register(table: &mut FunctionTable) {
    table.add("title", fixed(&[S]), |_, a| Ok(title(a[0].str()).into()));
    table.add("untitle", fixed(&[S]), |_, a| Ok(untitle(a[0].str()).into()));
    table.add("swapcase", fixed(&[S]), |_, a| Ok(swap_case(a[0].str()).into()));
    table.add("camelcase", fixed(&[S]), |_, a| Ok(pascal_case(a[0].str()).into()));
    table.add("snakecase", fixed(&[S]), |_, a| Ok(Str::from(joined_words(raw(&a[0]), b'_')).into()));
    table.add("kebabcase", fixed(&[S]), |_, a| Ok(Str::from(joined_words(raw(&a[0]), b'-')).into()));
    table.add("initials", fixed(&[S]), |_, a| {
        let starts = [' '].into_iter().chain(bytewise(&a[0])).zip(bytewise(&a[0]));
        Ok(starts
            .filter(|(before, c)| before.is_whitespace() && !c.is_whitespace())
            .map(|(_, c)| c)
            .collect::<String>()
            .into())
    });
    table.add("nospace", fixed(&[S]), |_, a| {
        Ok(if bytewise(&a[0]).any(char::is_whitespace) {
            bytewise(&a[0]).filter(|c| !c.is_whitespace()).collect::<String>().into()
        } else {
            a[0].clone()
        })
    });
    table.add("abbrev", fixed(&[I, S]), |_, a| Ok(abbreviate(0, number(&a[0]), &a[1])));
    table.add("abbrevboth", fixed(&[I, I, S]), |_, a| {
        let (left, right) = (number(&a[0]), number(&a[1]));
        Ok(if left > 0 && right < 7 { a[2].clone() } else { abbreviate(left, right, &a[2]) })
    });
    table.add("wrap", fixed(&[I, S]), |_, a| wrap(number(&a[0]), b"\n", raw(&a[1]), false));
    table.add("wrapWith", fixed(&[I, S, S]), |_, a| wrap(number(&a[0]), raw(&a[1]), raw(&a[2]), true));
}

/// Each byte as a character of its own: goutils walks over texts so, which mangles whatever is not ASCII.
fn bytewise(value: &Value) -> impl Iterator<Item = char> + '_ {
    raw(value).iter().map(|byte| char::from(*byte))
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// Go's `strings.Title`: what follows a separator becomes upper case.
fn title(text: &str) -> String {
    let mut before = ' ';
    text.chars()
        .map(|c| {
            let start = separates(before);
            before = c;
            if start { titled(c) } else { c }
        })
        .collect()
}

fn separates(c: char) -> bool {
    if c.is_ascii() { !(c.is_ascii_alphanumeric() || c == '_') } else { !c.is_alphanumeric() && c.is_whitespace() }
}

fn untitle(text: &str) -> String {
    let mut start = true;
    text.chars()
        .map(|c| {
            if c.is_whitespace() {
                start = true;
                c
            } else if std::mem::take(&mut start) {
                lower(c)
            } else {
                c
            }
        })
        .collect()
}

fn swap_case(text: &str) -> String {
    let mut space = true;
    text.chars()
        .map(|c| {
            if is_upper(c) || is_title(c) {
                space = false;
                lower(c)
            } else if is_lower(c) {
                if std::mem::take(&mut space) { titled(c) } else { upper(c) }
            } else {
                space = c.is_whitespace();
                c
            }
        })
        .collect()
}

fn connects(c: char) -> bool {
    c == '-' || c == '_' || c.is_whitespace()
}

/// xstrings' `ToPascalCase`.
fn pascal_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    // Leading connectors stay.
    let (mut current, mut first_was_upper) = loop {
        match chars.next() {
            None => {
                // Nothing but connectors: the last one comes twice.
                out.extend(text.chars().next_back());
                return out;
            }
            Some(c) if connects(c) => out.push(c),
            Some(c) => break (upper(c), is_upper(c)),
        }
    };
    for next in chars {
        let before = std::mem::replace(&mut current, next);
        if connects(current) && connects(before) {
            out.push(before);
        } else if connects(before) {
            first_was_upper = is_upper(current);
            current = upper(current);
        } else {
            if first_was_upper {
                if is_upper(current) {
                    current = lower(current);
                } else {
                    first_was_upper = false;
                }
            }
            out.push(before);
        }
    }
    out.push(current);
    out
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    None,
    Number,
    Upper,
    Lower,
    Connector,
    Punctuation,
    Other,
}

fn letter(c: char) -> bool {
    // Han and the like are letters without case: they end no word.
    c.is_alphabetic() && !matches!(u32::from(c), 0x3400..)
}

/// The next character that is one, and the bytes up to its end. Where none is left, what was before goes on.
fn next_valid(text: &[u8], before: char) -> (char, usize) {
    let mut at = 0;
    while at < text.len() {
        let (c, length) = runes::first(&text[at..]);
        at += length;
        if c != char::REPLACEMENT_CHARACTER {
            return (c, at);
        }
    }
    (before, at)
}

/// Where the run ends of the characters that belong to it, and the first one that does not.
fn run(text: &[u8], from: usize, before: char, belongs: impl Fn(char) -> bool) -> (usize, Option<char>) {
    let (mut at, mut c) = (from, before);
    while at < text.len() {
        let (next, length) = next_valid(&text[at..], c);
        if !belongs(next) {
            return (at, Some(next));
        }
        (at, c) = (at + length, next);
    }
    (at, None)
}

/// The next run of characters of one kind. Bytes that are of no character belong to the character behind them.
fn next_word(text: &[u8]) -> (Word, &[u8], &[u8]) {
    if text.is_empty() {
        return (Word::None, text, text);
    }
    let (first, one) = next_valid(text, char::REPLACEMENT_CHARACTER);
    let (kind, end) = if first == char::REPLACEMENT_CHARACTER {
        (Word::None, text.len())
    } else if connects(first) {
        (Word::Connector, run(text, one, first, connects).0)
    } else if is_punctuation(first) {
        (Word::Punctuation, run(text, one, first, is_punctuation).0)
    } else if is_upper(first) {
        let (capitals, behind) = run(text, one, first, is_upper);
        let end = if capitals == one {
            run(text, one, first, |c| letter(c) && !is_upper(c)).0
        } else if behind.is_some_and(letter) {
            // The last capital starts the next word: HTTP|Status.
            last_capital(text, one, capitals, first)
        } else {
            capitals
        };
        (Word::Upper, end)
    } else if letter(first) {
        (Word::Lower, run(text, one, first, |c| letter(c) && !is_upper(c)).0)
    } else if first.is_numeric() {
        (Word::Number, run(text, one, first, char::is_numeric).0)
    } else {
        let other = |c| !(connects(c) || letter(c) || c.is_numeric() || is_punctuation(c));
        (Word::Other, run(text, one, first, other).0)
    };
    (kind, &text[..end], &text[end..])
}

/// Where the last of the characters up to `end` begins.
fn last_capital(text: &[u8], from: usize, end: usize, before: char) -> usize {
    let (mut at, mut last) = (from, from);
    while at < end {
        last = at;
        at += next_valid(&text[at..], before).1;
    }
    last
}

/// xstrings' `ToSnakeCase` and `ToKebabCase`.
fn joined_words(text: &[u8], connector: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 4);
    let put = |out: &mut Vec<u8>, kind: Word, word: &[u8]| match kind {
        Word::Upper | Word::Connector => {
            let mut at = 0;
            while at < word.len() {
                let (c, length) = runes::first(&word[at..]);
                at += length;
                let c = if connects(c) { char::from(connector) } else { lower(c) };
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        _ => out.extend_from_slice(word),
    };
    let joins = |kind: Word| !matches!(kind, Word::Connector | Word::Punctuation);
    let (mut kind, mut word, mut rest) = next_word(text);
    while !rest.is_empty() {
        if kind != Word::Connector {
            put(&mut out, kind, word);
        }
        let (before, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match before {
            Word::Number => {
                while matches!(kind, Word::Lower | Word::Number) {
                    put(&mut out, kind, word);
                    (kind, word, rest) = next_word(rest);
                }
                if kind != Word::None && joins(kind) {
                    out.push(connector);
                }
            }
            Word::Connector => put(&mut out, before, last),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if joins(kind) {
                    out.push(connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                if kind == Word::Lower {
                    // A number that letters follow starts a word: HTTP_2xx.
                    out.push(connector);
                    put(&mut out, Word::Number, number);
                    while matches!(kind, Word::Lower | Word::Number) {
                        put(&mut out, kind, word);
                        (kind, word, rest) = next_word(rest);
                    }
                    if kind != Word::None && joins(kind) {
                        out.push(connector);
                    }
                } else {
                    // Else it belongs to the word before it: bld4_floor.
                    put(&mut out, Word::Number, number);
                    if joins(kind) {
                        out.push(connector);
                    }
                }
            }
        }
    }
    put(&mut out, kind, word);
    out
}

/// goutils' `AbbreviateFull`; positions are bytes.
fn abbreviate(offset: i64, width: i64, value: &Value) -> Value {
    let Value::String(text) = value else { return "".into() };
    let bytes = text.as_bytes();
    match abbreviated(bytes, offset, width) {
        Some(short) => Str::from(short).into(),
        None => value.clone(),
    }
}

fn abbreviated(bytes: &[u8], offset: i64, width: i64) -> Option<Vec<u8>> {
    let width = usize::try_from(width).ok().filter(|width| *width >= 4)?;
    if bytes.len() <= width {
        return None;
    }
    let room = width - 3;
    let mut offset = usize::try_from(offset).unwrap_or(0).min(bytes.len());
    if bytes.len() - offset < room {
        offset = bytes.len() - room;
    }
    if offset <= 4 {
        return Some([&bytes[..room], b"..."].concat());
    }
    if width < 7 {
        return Some(Vec::new());
    }
    if offset + room < bytes.len() {
        let inner = &bytes[offset..];
        let inner = abbreviated(inner, 0, i64::try_from(room).unwrap_or(i64::MAX)).unwrap_or_else(|| inner.to_vec());
        return Some([b"...", inner.as_slice()].concat());
    }
    Some([b"...", &bytes[bytes.len() - room..]].concat())
}

/// goutils' `WrapCustom`; positions are bytes.
fn wrap(width: i64, line_end: &[u8], bytes: &[u8], cut_long_words: bool) -> Result<Value, FuncError> {
    let line_end = if line_end.is_empty() { b"\n" } else { line_end };
    let width = usize::try_from(width).unwrap_or(1).max(1);
    super::convert::checked(bytes.len().saturating_add((bytes.len() / width + 1).saturating_mul(line_end.len())))?;
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while bytes.len() - at > width {
        if bytes[at] == b' ' {
            at += 1;
            continue;
        }
        let window = &bytes[at..=at + width];
        if let Some(space) = window.iter().rposition(|b| *b == b' ') {
            out.extend_from_slice(&bytes[at..at + space]);
            at += space + 1;
        } else if cut_long_words {
            out.extend_from_slice(&bytes[at..at + width]);
            at += width;
        } else if let Some(space) = bytes[at + width..].iter().position(|b| *b == b' ') {
            out.extend_from_slice(&bytes[at..at + width + space]);
            at += width + space + 1;
        } else {
            out.extend_from_slice(&bytes[at..]);
            at = bytes.len();
            break;
        }
        out.extend_from_slice(line_end);
    }
    out.extend_from_slice(&bytes[at..]);
    Ok(Str::from(out).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_xstrings() {
        for (text, pascal) in
            [("http_server-name foo", "HttpServerNameFoo"), ("HTTPServer", "Httpserver"), ("_a_b", "_AB"), ("", "")]
        {
            assert_eq!(pascal_case(text), pascal, "{text}");
        }
        for (text, snake) in [
            ("HTTPServerName2", "http_server_name2"),
            ("a1B2", "a1_b2"),
            ("Bld4Floor", "bld4_floor"),
            ("HTTP2xx", "http_2xx"),
            ("FirstName lastName", "first_name_last_name"),
            ("x", "x"),
        ] {
            assert_eq!(joined_words(text.as_bytes(), b'_'), snake.as_bytes(), "{text}");
        }
    }

    #[test]
    fn shortens_and_wraps() {
        assert_eq!(abbreviate(0, 5, &"hello world".into()).str(), "he...");
        assert_eq!(abbreviate(5, 10, &"1234 5678 9123".into()).str(), "...5678...");
        assert_eq!(wrap(5, b"\n", b"hello world foo", false).unwrap().str(), "hello\nworld\nfoo");
        assert_eq!(wrap(3, b"\n", b"hello", true).unwrap().str(), "hel\nlo");
        assert_eq!(title("hello wOrld-x y_z"), "Hello WOrld-X Y_z");
    }
}
