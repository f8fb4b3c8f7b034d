//! Regular expressions: sprig's functions over Go's syntax ([`regexp`]).

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use regex::Regex;

use super::convert::{checked, to_i64};
use super::encoding::raw;
use super::fixed;
use crate::go::quote::{can_backquote, quote};
use crate::go::regexp;
use crate::template::{FuncError, FunctionTable, List, STRING_LIST, Str, Type, Value};

const S: Type = Type::String;
const I: Type = Type::Int;

/// How many matches Go makes room for at first.
const FOUND_AT_ONCE: usize = 10;

/// Compiled patterns that are kept.
const KEPT: usize = 512;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Result<Rc<Regex>, String>>> = RefCell::default();
}

pub(super) fn register(table: &mut FunctionTable) {
    table
        .add("regexMatch", fixed(&[S, S]), |_, a| Ok(must(&a[0]).is_ok_and(|regex| regex.is_match(a[1].str())).into()));
    table.add("mustRegexMatch", fixed(&[S, S]), |_, a| Ok(must(&a[0])?.is_match(a[1].str()).into()));
    both(table, ["regexFind", "mustRegexFind"], &[S, S], |regex, a| {
        Ok(regex.find(a[1].str()).map_or_else(|| "".into(), |found| part(&a[1], found.range()).into()))
    });
    both(table, ["regexFindAll", "mustRegexFindAll"], &[S, S, I], |regex, a| {
        let limit = usize::try_from(to_i64(&a[2])).unwrap_or(usize::MAX);
        let found: Vec<Value> =
            regex.find_iter(a[1].str()).take(limit).map(|found| part(&a[1], found.range()).into()).collect();
        Ok(Value::List(if found.is_empty() {
            List::nil(&STRING_LIST)
        } else {
            List::appended_from(&STRING_LIST, FOUND_AT_ONCE, found)
        }))
    });
    both(table, ["regexReplaceAll", "mustRegexReplaceAll"], &[S, S, S], |regex, a| {
        let (text, template) = (a[1].str(), a[2].str());
        replaced(regex, &a[1], |found, out| {
            let mut new = String::new();
            found.expand(template, &mut new);
            out.extend_from_slice(new.as_bytes());
            checked(out.len() + text.len())
        })
    });
    both(table, ["regexReplaceAllLiteral", "mustRegexReplaceAllLiteral"], &[S, S, S], |regex, a| {
        replaced(regex, &a[1], |_, out| {
            out.extend_from_slice(raw(&a[2]));
            checked(out.len() + a[1].str().len())
        })
    });
    both(table, ["regexSplit", "mustRegexSplit"], &[S, S, I], |regex, a| {
        let limit = to_i64(&a[2]);
        Ok(Value::List(split(regex, a[0].str(), &a[1], limit)))
    });
    table.add("regexQuoteMeta", fixed(&[S]), |_, a| {
        let special = |c| "\\.+*?()|[]{}^$".contains(c);
        let mut out = Vec::new();
        for byte in raw(&a[0]) {
            if special(char::from(*byte)) {
                out.push(b'\\');
            }
            out.push(*byte);
        }
        Ok(Str::from(out).into())
    });
}

/// What stands in a text at these places of its characters, with its exact bytes.
fn part(text: &Value, range: Range<usize>) -> Str {
    Str::from(bytes_of(text, range))
}

fn bytes_of(text: &Value, range: Range<usize>) -> &[u8] {
    match text {
        Value::String(text) => text.bytes_of(range),
        _ => &[],
    }
}

/// The text with something else for each match.
fn replaced(
    regex: &Regex,
    text: &Value,
    mut put: impl FnMut(&regex::Captures<'_>, &mut Vec<u8>) -> Result<usize, FuncError>,
) -> Result<Value, FuncError> {
    let mut out = Vec::new();
    let mut at = None;
    for found in regex.captures_iter(text.str()) {
        let Some(whole) = found.get(0) else { continue };
        out.extend_from_slice(bytes_of(text, at.unwrap_or(0)..whole.start()));
        put(&found, &mut out)?;
        at = Some(whole.end());
    }
    let Some(at) = at else { return Ok(text.clone()) };
    out.extend_from_slice(bytes_of(text, at..text.str().len()));
    Ok(Str::from(out).into())
}

/// A function that panics on a bad pattern, and the one that returns the error.
fn both(
    table: &mut FunctionTable,
    names: [&'static str; 2],
    params: &'static [Type],
    call: fn(&Regex, &[Value]) -> Result<Value, FuncError>,
) {
    table.add(names[0], fixed(params), move |_, a| {
        let regex = must(&a[0]).map_err(|error| {
            let pattern = raw(&a[0]);
            let shown = if can_backquote(pattern) { format!("`{}`", a[0].str()) } else { quote(pattern) };
            FuncError::new(format!("regexp: Compile({shown}): {}", error.message))
        })?;
        call(&regex, a)
    });
    table.add(names[1], fixed(params), move |_, a| call(&*must(&a[0])?, a));
}

fn must(pattern: &Value) -> Result<Rc<Regex>, FuncError> {
    if let Err(error) = std::str::from_utf8(raw(pattern)) {
        let rest = Str::from(&raw(pattern)[error.valid_up_to()..]);
        return Err(format!("error parsing regexp: invalid UTF-8: `{rest}`").into());
    }
    compiled(pattern.str()).map_err(FuncError::new)
}

fn compiled(pattern: &str) -> Result<Rc<Regex>, String> {
    COMPILED.with_borrow_mut(|kept| {
        if let Some(known) = kept.get(pattern) {
            return known.clone();
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        let made = regexp::compile(pattern).map(Rc::new);
        kept.insert(pattern.to_owned(), made.clone());
        made
    })
}

/// Go's `Regexp.Split`.
fn split(regex: &Regex, pattern: &str, value: &Value, limit: i64) -> List {
    let text = value.str();
    if limit == 0 {
        return List::nil(&STRING_LIST);
    }
    if !pattern.is_empty() && text.is_empty() {
        return List::new(&STRING_LIST, vec!["".into()]);
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let found: Vec<Range<usize>> = regex.find_iter(text).take(limit).map(|found| found.range()).collect();
    let mut parts: Vec<Value> = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for found in &found {
        if parts.len() + 1 == limit {
            break;
        }
        end = found.start;
        if found.end != 0 {
            parts.push(part(value, begin..end).into());
        }
        begin = found.end;
    }
    if end != text.len() {
        parts.push(part(value, begin..text.len()).into());
    }
    List::appended_from(&STRING_LIST, found.len(), parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_go() {
        let parts = |pattern: &str, text: &str, limit| {
            let parts = split(&compiled(pattern).unwrap(), pattern, &text.into(), limit);
            parts.items().iter().map(|part| part.str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(parts("a", "banana", -1), ["b", "n", "n", ""]);
        assert_eq!(parts("a", "banana", 2), ["b", "nana"]);
        assert_eq!(parts("z+", "pizza", -1), ["pi", "a"]);
        assert_eq!(parts("", "abc", -1), ["a", "b", "c"]);
        assert_eq!(parts(",", "", -1), [""]);
    }
}
