//! What a value goes through in Go before it is written as YAML: it becomes JSON, and that is read as YAML. Almost nothing
//! changes on the way; this is what does.

use serde_json::Value;

/// Characters of a key, as JSON, that YAML's scanner still takes for one.
const KEY: usize = 1024;

/// Refuses what Go cannot read back: characters that YAML does not allow, and keys that are too long for it.
pub(super) fn check(value: &Value) -> Result<(), &'static str> {
    match value {
        Value::String(text) => allowed(text),
        Value::Array(items) => items.iter().try_for_each(check),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            check_key(key)?;
            check(value)
        }),
        _ => Ok(()),
    }
}

/// Refuses what Go writes as YAML but does not read again: a key `<<`, which is a merge then, over something else than maps.
pub(super) fn check_merges(value: &Value) -> Result<(), &'static str> {
    match value {
        Value::Array(items) => items.iter().try_for_each(check_merges),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| check_merge(key, value)),
        _ => Ok(()),
    }
}

/// The same of a key and its value.
pub(super) fn check_merge(key: &str, value: &Value) -> Result<(), &'static str> {
    let merges = match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().all(Value::is_object),
        _ => false,
    };
    if key == "<<" && !merges {
        return Err("yaml: map merge requires map or sequence of maps as the value");
    }
    check_merges(value)
}

/// The same of a key.
pub(super) fn check_key(key: &str) -> Result<(), &'static str> {
    allowed(key)?;
    if quoted_width(key) > KEY || key.contains('\u{85}') {
        return Err("yaml: did not find expected ',' or '}'");
    }
    Ok(())
}

fn allowed(text: &str) -> Result<(), &'static str> {
    let forbidden = |c| matches!(c, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) { Err("yaml: control characters are not allowed") } else { Ok(()) }
}

/// How many characters a text takes as a JSON string of Go's.
fn quoted_width(text: &str) -> usize {
    let width = |c| match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => 6,
        _ => 1,
    };
    2 + text.chars().map(width).sum::<usize>()
}

/// The value with its texts folded at U+0085, which JSON leaves as it is and YAML takes for a line break; `None` when there is
/// none.
pub(super) fn folded(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if text.contains('\u{85}') => Some(Value::String(fold(text))),
        Value::Array(items) if items.iter().any(|item| folded(item).is_some()) => {
            Some(Value::Array(items.iter().map(|item| folded(item).unwrap_or_else(|| item.clone())).collect()))
        }
        Value::Object(map) if map.values().any(|value| folded(value).is_some()) => Some(Value::Object(
            map.iter().map(|(key, value)| (key.clone(), folded(value).unwrap_or_else(|| value.clone()))).collect(),
        )),
        _ => None,
    }
}

/// One break becomes a space, several become one less; the spaces around go.
fn fold(text: &str) -> String {
    let mut out = String::new();
    let mut parts = text.split('\u{85}').peekable();
    let mut breaks = 0;
    let mut first = true;
    while let Some(part) = parts.next() {
        let part = if first { part } else { part.trim_start_matches(' ') };
        let part = if parts.peek().is_some() { part.trim_end_matches(' ') } else { part };
        if !first {
            breaks += 1;
        }
        if !part.is_empty() || parts.peek().is_none() {
            match breaks {
                0 => {}
                1 => out.push(' '),
                n => out.push_str(&"\n".repeat(n - 1)),
            }
            breaks = 0;
            out.push_str(part);
        }
        first = false;
    }
    out
}
