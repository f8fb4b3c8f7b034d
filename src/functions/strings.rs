//! Texts: cutting, trimming, testing, joining. Positions are bytes, as in Go.

use super::case;
use memchr::memmem;

use super::convert::{checked, string_list, text, text_list, texts};
use super::encoding::raw;
use super::{fixed, rest};
use crate::go::quote::quote;
use crate::go::runes;
use crate::template::{FuncError, FunctionTable, List, Map, STRING_LIST, STRING_MAP, Signature, Str, Type, Value};

const S: Type = Type::String;
const I: Type = Type::Int;

pub(super) fn register(table: &mut FunctionTable) {
    table.add("hello", fixed(&[]), |_, _| Ok("Hello!".into()));
    table.add("upper", fixed(&[S]), |_, a| Ok(cased(&a[0], case::upper)));
    table.add("lower", fixed(&[S]), |_, a| Ok(cased(&a[0], case::lower)));
    table.add("trim", fixed(&[S]), |_, a| Ok(trimmed(&a[0], char::is_whitespace)));
    for name in ["trimall", "trimAll"] {
        table.add(name, fixed(&[S, S]), |_, a| {
            let cut: Vec<char> = a[0].str().chars().collect();
            Ok(trimmed(&a[1], |c| cut.contains(&c)))
        });
    }
    table.add("trimPrefix", fixed(&[S, S]), |_, a| {
        Ok(raw(&a[1]).strip_prefix(raw(&a[0])).map_or_else(|| a[1].clone(), |rest| Str::from(rest).into()))
    });
    table.add("trimSuffix", fixed(&[S, S]), |_, a| {
        Ok(raw(&a[1]).strip_suffix(raw(&a[0])).map_or_else(|| a[1].clone(), |rest| Str::from(rest).into()))
    });
    table.add("contains", fixed(&[S, S]), |_, a| Ok(memmem::find(raw(&a[1]), raw(&a[0])).is_some().into()));
    table.add("hasPrefix", fixed(&[S, S]), |_, a| Ok(raw(&a[1]).starts_with(raw(&a[0])).into()));
    table.add("hasSuffix", fixed(&[S, S]), |_, a| Ok(raw(&a[1]).ends_with(raw(&a[0])).into()));
    table.add("replace", fixed(&[S, S, S]), |_, a| {
        let (old, new, src) = (raw(&a[0]), raw(&a[1]), raw(&a[2]));
        checked(src.len() + (src.len() / old.len().max(1) + 1) * new.len().saturating_sub(old.len()))?;
        Ok(replaced(src, old, new).map_or_else(|| a[2].clone(), |text| Str::from(text).into()))
    });
    table.add("repeat", fixed(&[I, S]), |_, a| Ok(Str::from(repeat(raw(&a[1]), number(&a[0]))?).into()));
    table.add("substr", fixed(&[I, I, S]), |_, a| substring(number(&a[0]), number(&a[1]), &a[2]));
    table.add("trunc", fixed(&[I, S]), |_, a| Ok(truncate(number(&a[0]), &a[1])));
    table.add("indent", fixed(&[I, S]), |_, a| Ok(Str::from(indent("", number(&a[0]), raw(&a[1]))?).into()));
    table.add("nindent", fixed(&[I, S]), |_, a| Ok(Str::from(indent("\n", number(&a[0]), raw(&a[1]))?).into()));
    table.add("quote", rest(&[]), |_, a| {
        let quoted: Vec<String> = a.iter().filter(|v| !v.is_nil()).map(|v| quote(text(v).as_bytes())).collect();
        Ok(quoted.join(" ").into())
    });
    table.add("squote", rest(&[]), |_, a| Ok(printed(a, b"'")));
    table.add("cat", rest(&[]), |_, a| Ok(printed(a, b"")));
    table.add("toString", fixed(&[Type::Any]), |_, a| Ok(text(&a[0]).into()));
    table.add("toStrings", fixed(&[Type::Any]), |_, a| Ok(Value::List(text_list(&a[0]))));
    table.add("plural", fixed(&[S, S, I]), |_, a| Ok(if number(&a[2]) == 1 { a[0].clone() } else { a[1].clone() }));
    table.add("join", fixed(&[S, Type::Any]), |_, a| {
        let parts = texts(&a[1]);
        checked(parts.iter().map(|part| part.len() + a[0].str().len()).sum())?;
        let mut bytes = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                bytes.extend_from_slice(raw(&a[0]));
            }
            bytes.extend_from_slice(part.as_bytes());
        }
        Ok(Str::from(bytes).into())
    });
    table.add("splitList", fixed(&[S, S]), |_, a| Ok(string_list(split(raw(&a[1]), raw(&a[0]), -1))));
    table.add("split", fixed(&[S, S]), |_, a| Ok(numbered(split(raw(&a[1]), raw(&a[0]), -1))));
    table.add("splitn", fixed(&[S, I, S]), |_, a| Ok(numbered(split(raw(&a[2]), raw(&a[0]), number(&a[1])))));
    for name in ["base", "osBase"] {
        table.add(name, fixed(&[S]), |_, a| Ok(Str::from(base(raw(&a[0]))).into()));
    }
    for name in ["dir", "osDir"] {
        table.add(name, fixed(&[S]), |_, a| {
            let path = raw(&a[0]);
            Ok(Str::from(clean(&path[..after_slash(path)])).into())
        });
    }
    for name in ["clean", "osClean"] {
        table.add(name, fixed(&[S]), |_, a| Ok(Str::from(clean(raw(&a[0]))).into()));
    }
    for name in ["ext", "osExt"] {
        table.add(name, fixed(&[S]), |_, a| {
            let path = raw(&a[0]);
            let name = &path[after_slash(path)..];
            Ok(Str::from(memchr::memrchr(b'.', name).map_or(&name[..0], |at| &name[at..])).into())
        });
    }
    for name in ["isAbs", "osIsAbs"] {
        table.add(name, fixed(&[S]), |_, a| Ok(a[0].str().starts_with('/').into()));
    }
    table.add("sortAlpha", Signature::new(&[Type::Any]), |_, a| {
        let sorted = match &a[0] {
            Value::List(_) | Value::Bytes(_) => text_list(&a[0]),
            other => List::new(&STRING_LIST, vec![text(other).into()]),
        };
        sorted.sort_by(|a, b| raw(a).cmp(raw(b)));
        Ok(Value::List(sorted))
    });
}

/// Letter by letter, which is not always what the language has: ß stays.
fn cased(value: &Value, case: fn(char) -> char) -> Value {
    value.str().chars().map(case).collect::<String>().into()
}

/// Bytes beyond which Go does not even try.
const GO_LARGEST: i64 = 1 << 48;

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// Without the characters of this kind at both ends.
fn trimmed(value: &Value, cut: impl Fn(char) -> bool) -> Value {
    let Value::String(text) = value else { return "".into() };
    let start = text.len() - text.trim_start_matches(&cut).len();
    let end = text.trim_end_matches(&cut).len();
    if start == 0 && end == text.len() { value.clone() } else { text.part(start..end.max(start)).into() }
}

/// All of `old` become `new`; an empty one stands before every character and at the end. `None`: there is none.
fn replaced(text: &[u8], old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    if old.is_empty() {
        while at < text.len() {
            let length = runes::length(&text[at..]);
            out.extend_from_slice(new);
            out.extend_from_slice(&text[at..at + length]);
            at += length;
        }
        out.extend_from_slice(new);
        return Some(out);
    }
    for found in memmem::find_iter(text, old) {
        out.extend_from_slice(&text[at..found]);
        out.extend_from_slice(new);
        at = found + old.len();
    }
    if at == 0 {
        return None;
    }
    out.extend_from_slice(&text[at..]);
    Some(out)
}

/// Values as `%v` prints them, between marks; nil is left out.
fn printed(values: &[Value], mark: &[u8]) -> Value {
    let mut out = Vec::new();
    for (index, value) in values.iter().filter(|value| !value.is_nil()).enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(mark);
        out.extend_from_slice(value.printed().as_bytes());
        out.extend_from_slice(mark);
    }
    Str::from(out).into()
}

fn repeat(text: &[u8], count: i64) -> Result<Vec<u8>, FuncError> {
    let count = usize::try_from(count).map_err(|_| FuncError::new("strings: negative Repeat count"))?;
    match text.len().checked_mul(count).and_then(|length| i64::try_from(length).ok()) {
        None => return Err(FuncError::new("strings: Repeat output length overflow")),
        Some(length) if length > GO_LARGEST => {
            return Err(FuncError::new("runtime error: makeslice: len out of range"));
        }
        Some(_) => {}
    }
    checked(text.len().saturating_mul(count))?;
    Ok(text.repeat(count))
}

fn indent(before: &str, spaces: i64, text: &[u8]) -> Result<Vec<u8>, FuncError> {
    let pad = repeat(b" ", spaces)?;
    let lines = memchr::memchr_iter(b'\n', text).count() + 1;
    checked(text.len() + lines.saturating_mul(pad.len()))?;
    let mut out = Vec::with_capacity(before.len() + text.len() + lines * pad.len());
    out.extend_from_slice(before.as_bytes());
    out.extend_from_slice(&pad);
    let mut at = 0;
    for end in memchr::memchr_iter(b'\n', text) {
        out.extend_from_slice(&text[at..=end]);
        out.extend_from_slice(&pad);
        at = end + 1;
    }
    out.extend_from_slice(&text[at..]);
    Ok(out)
}

fn substring(start: i64, end: i64, value: &Value) -> Result<Value, FuncError> {
    let Value::String(text) = value else { return Ok("".into()) };
    let bytes = text.as_bytes();
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let range = if start < 0 {
        if end < 0 {
            return Err(format!("runtime error: slice bounds out of range [:{end}]").into());
        }
        if end > length {
            return Err(format!("runtime error: slice bounds out of range [:{end}] with length {length}").into());
        }
        0..end
    } else {
        let end = if end < 0 || end > length { length } else { end };
        if start > end {
            return Err(format!("runtime error: slice bounds out of range [{start}:{end}]").into());
        }
        start..end
    };
    let at = |n: i64| usize::try_from(n).unwrap_or(0);
    Ok(Str::from(&bytes[at(range.start)..at(range.end)]).into())
}

fn truncate(count: i64, value: &Value) -> Value {
    let Value::String(text) = value else { return "".into() };
    let bytes = text.as_bytes();
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if wanted >= bytes.len() {
        value.clone()
    } else if count < 0 {
        Str::from(&bytes[bytes.len() - wanted..]).into()
    } else {
        Str::from(&bytes[..wanted]).into()
    }
}

/// Go's `strings.SplitN`; an empty separator splits into characters.
pub(super) fn split(text: &[u8], separator: &[u8], limit: i64) -> Vec<Str> {
    let limit = match limit {
        0 => return Vec::new(),
        n if n < 0 => usize::MAX,
        n => usize::try_from(n).unwrap_or(usize::MAX),
    };
    let mut parts = Vec::new();
    let mut at = 0;
    if separator.is_empty() {
        while at < text.len() && parts.len() + 1 < limit {
            let length = runes::length(&text[at..]);
            parts.push(Str::from(&text[at..at + length]));
            at += length;
        }
        if at < text.len() {
            parts.push(Str::from(&text[at..]));
        }
        return parts;
    }
    for found in memmem::find_iter(text, separator) {
        if parts.len() + 1 >= limit {
            break;
        }
        parts.push(Str::from(&text[at..found]));
        at = found + separator.len();
    }
    parts.push(Str::from(&text[at..]));
    parts
}

fn numbered(parts: Vec<Str>) -> Value {
    let entries =
        parts.into_iter().enumerate().map(|(index, part)| (format!("_{index}").into(), part.into())).collect();
    Value::Map(Map::new(&STRING_MAP, entries))
}

/// Where what is behind the last slash begins.
fn after_slash(path: &[u8]) -> usize {
    memchr::memrchr(b'/', path).map_or(0, |at| at + 1)
}

fn base(path: &[u8]) -> &[u8] {
    if path.is_empty() {
        return b".";
    }
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at + 1);
    let trimmed = &path[..end];
    if trimmed.is_empty() { b"/" } else { &trimmed[after_slash(trimmed)..] }
}

/// Go's `path.Clean`.
pub(super) fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            b".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (rooted, parts.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}
