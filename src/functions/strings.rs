//! Texts: cutting, trimming, testing, joining. Positions are bytes, as in Go.

use super::case;
use super::convert::{checked, string_list, text, texts};
use super::{fixed, rest};
use crate::go::quote::quote;
use crate::template::{FuncError, FunctionTable, Map, STRING_MAP, Signature, Str, Type, Value};

const S: Type = Type::String;
const I: Type = Type::Int;

pub(super) fn register(table: &mut FunctionTable) {
    table.add("hello", fixed(&[]), |_, _| Ok("Hello!".into()));
    table.add("upper", fixed(&[S]), |_, a| Ok(cased(&a[0], case::upper)));
    table.add("lower", fixed(&[S]), |_, a| Ok(cased(&a[0], case::lower)));
    table.add("trim", fixed(&[S]), |_, a| Ok(a[0].str().trim().into()));
    for name in ["trimall", "trimAll"] {
        table.add(name, fixed(&[S, S]), |_, a| {
            let cut: Vec<char> = a[0].str().chars().collect();
            Ok(a[1].str().trim_matches(|c| cut.contains(&c)).into())
        });
    }
    table.add("trimPrefix", fixed(&[S, S]), |_, a| {
        let (cut, text) = (a[0].str(), a[1].str());
        Ok(text.strip_prefix(cut).map_or_else(|| a[1].clone(), Value::from))
    });
    table.add("trimSuffix", fixed(&[S, S]), |_, a| {
        let (cut, text) = (a[0].str(), a[1].str());
        Ok(text.strip_suffix(cut).map_or_else(|| a[1].clone(), Value::from))
    });
    table.add("contains", fixed(&[S, S]), |_, a| Ok(a[1].str().contains(a[0].str()).into()));
    table.add("hasPrefix", fixed(&[S, S]), |_, a| Ok(a[1].str().starts_with(a[0].str()).into()));
    table.add("hasSuffix", fixed(&[S, S]), |_, a| Ok(a[1].str().ends_with(a[0].str()).into()));
    table.add("replace", fixed(&[S, S, S]), |_, a| {
        let (old, new, src) = (a[0].str(), a[1].str(), a[2].str());
        checked(src.len() + (src.len() / old.len().max(1) + 1) * new.len().saturating_sub(old.len()))?;
        Ok(src.replace(old, new).into())
    });
    table.add("repeat", fixed(&[I, S]), |_, a| Ok(repeat(a[1].str(), number(&a[0]))?.into()));
    table.add("substr", fixed(&[I, I, S]), |_, a| substring(number(&a[0]), number(&a[1]), &a[2]));
    table.add("trunc", fixed(&[I, S]), |_, a| Ok(truncate(number(&a[0]), &a[1])));
    table.add("indent", fixed(&[I, S]), |_, a| Ok(indent(number(&a[0]), a[1].str())?.into()));
    table.add("nindent", fixed(&[I, S]), |_, a| {
        let mut text = indent(number(&a[0]), a[1].str())?;
        text.insert(0, '\n');
        Ok(text.into())
    });
    table.add("quote", rest(&[]), |_, a| {
        let quoted: Vec<String> = a.iter().filter(|v| !v.is_nil()).map(|v| quote(text(v).as_bytes())).collect();
        Ok(quoted.join(" ").into())
    });
    table.add("squote", rest(&[]), |_, a| {
        let quoted: Vec<String> = a.iter().filter(|v| !v.is_nil()).map(|v| format!("'{v}'")).collect();
        Ok(quoted.join(" ").into())
    });
    table.add("cat", rest(&[]), |_, a| {
        let words: Vec<String> = a.iter().filter(|v| !v.is_nil()).map(ToString::to_string).collect();
        Ok(words.join(" ").into())
    });
    table.add("toString", fixed(&[Type::Any]), |_, a| Ok(text(&a[0]).into()));
    table.add("toStrings", fixed(&[Type::Any]), |_, a| Ok(string_list(texts(&a[0]))));
    table.add("plural", fixed(&[S, S, I]), |_, a| Ok(if number(&a[2]) == 1 { a[0].clone() } else { a[1].clone() }));
    table.add("join", fixed(&[S, Type::Any]), |_, a| {
        let parts = texts(&a[1]);
        checked(parts.iter().map(|part| part.len() + a[0].str().len()).sum())?;
        let mut bytes = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                bytes.extend_from_slice(a[0].str().as_bytes());
            }
            bytes.extend_from_slice(part.as_bytes());
        }
        Ok(Str::from(bytes).into())
    });
    table.add("splitList", fixed(&[S, S]), |_, a| Ok(string_list(split(a[1].str(), a[0].str(), -1))));
    table.add("split", fixed(&[S, S]), |_, a| Ok(numbered(split(a[1].str(), a[0].str(), -1))));
    table.add("splitn", fixed(&[S, I, S]), |_, a| Ok(numbered(split(a[2].str(), a[0].str(), number(&a[1])))));
    for name in ["base", "osBase"] {
        table.add(name, fixed(&[S]), |_, a| Ok(base(a[0].str()).into()));
    }
    for name in ["dir", "osDir"] {
        table.add(name, fixed(&[S]), |_, a| {
            let path = a[0].str();
            Ok(clean(&path[..path.rfind('/').map_or(0, |at| at + 1)]).into())
        });
    }
    for name in ["clean", "osClean"] {
        table.add(name, fixed(&[S]), |_, a| Ok(clean(a[0].str()).into()));
    }
    for name in ["ext", "osExt"] {
        table.add(name, fixed(&[S]), |_, a| {
            let path = a[0].str();
            let name = &path[path.rfind('/').map_or(0, |at| at + 1)..];
            Ok(name.rfind('.').map_or("", |at| &name[at..]).into())
        });
    }
    for name in ["isAbs", "osIsAbs"] {
        table.add(name, fixed(&[S]), |_, a| Ok(a[0].str().starts_with('/').into()));
    }
    table.add("sortAlpha", Signature::new(&[Type::Any]), |_, a| {
        let mut sorted = match &a[0] {
            Value::List(_) | Value::Bytes(_) => texts(&a[0]),
            other => vec![text(other)],
        };
        sorted.sort();
        Ok(string_list(sorted))
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

fn repeat(text: &str, count: i64) -> Result<String, FuncError> {
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

fn indent(spaces: i64, text: &str) -> Result<String, FuncError> {
    let pad = repeat(" ", spaces)?;
    let lines = text.bytes().filter(|b| *b == b'\n').count() + 1;
    checked(text.len() + lines.saturating_mul(pad.len()))?;
    let mut out = String::with_capacity(text.len() + lines * pad.len() + 1);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str(&pad);
        out.push_str(line);
    }
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
pub(super) fn split(text: &str, separator: &str, limit: i64) -> Vec<Str> {
    let limit = match limit {
        0 => return Vec::new(),
        n if n < 0 => usize::MAX,
        n => usize::try_from(n).unwrap_or(usize::MAX),
    };
    if !separator.is_empty() {
        return text.splitn(limit, separator).map(Str::from).collect();
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if parts.len() + 1 == limit {
            break;
        }
        parts.push(Str::from(&rest[..c.len_utf8()]));
        rest = &rest[c.len_utf8()..];
    }
    if !rest.is_empty() {
        parts.push(Str::from(rest));
    }
    parts
}

fn numbered(parts: Vec<Str>) -> Value {
    let entries =
        parts.into_iter().enumerate().map(|(index, part)| (format!("_{index}").into(), part.into())).collect();
    Value::Map(Map::new(&STRING_MAP, entries))
}

fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { "/" } else { trimmed.rsplit('/').next().unwrap_or(trimmed) }
}

/// Go's `path.Clean`.
pub(super) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}
