//! Regular expressions: sprig's functions over Go's syntax ([`regexp`]).

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex::Regex;

use super::convert::{checked, string_list, to_i64};
use super::fixed;
use crate::go::quote::quote;
use crate::go::regexp;
use crate::template::{FuncError, FunctionTable, List, STRING_LIST, Str, Type, Value};

const S: Type = Type::String;
const I: Type = Type::Int;

/// Compiled patterns that are kept.
const KEPT: usize = 512;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Result<Rc<Regex>, String>>> = RefCell::default();
}

pub(super) fn register(table: &mut FunctionTable) {
    table.add("regexMatch", fixed(&[S, S]), |_, a| {
        Ok(compiled(a[0].str()).is_ok_and(|regex| regex.is_match(a[1].str())).into())
    });
    table.add("mustRegexMatch", fixed(&[S, S]), |_, a| Ok(must(&a[0])?.is_match(a[1].str()).into()));
    both(table, ["regexFind", "mustRegexFind"], &[S, S], |regex, a| {
        Ok(regex.find(a[1].str()).map_or("", |found| found.as_str()).into())
    });
    both(table, ["regexFindAll", "mustRegexFindAll"], &[S, S, I], |regex, a| {
        let limit = usize::try_from(to_i64(&a[2])).unwrap_or(usize::MAX);
        Ok(nil_if_empty(regex.find_iter(a[1].str()).take(limit).map(|found| Str::from(found.as_str())).collect()))
    });
    both(table, ["regexReplaceAll", "mustRegexReplaceAll"], &[S, S, S], |regex, a| {
        let (text, template) = (a[1].str(), a[2].str());
        let mut out = String::new();
        let mut at = 0;
        for found in regex.captures_iter(text) {
            let Some(whole) = found.get(0) else { continue };
            out.push_str(&text[at..whole.start()]);
            found.expand(template, &mut out);
            checked(out.len())?;
            at = whole.end();
        }
        out.push_str(&text[at..]);
        Ok(out.into())
    });
    both(table, ["regexReplaceAllLiteral", "mustRegexReplaceAllLiteral"], &[S, S, S], |regex, a| {
        let hits = regex.find_iter(a[1].str()).count();
        checked(a[1].str().len() + hits.saturating_mul(a[2].str().len()))?;
        Ok(regex.replace_all(a[1].str(), regex::NoExpand(a[2].str())).into_owned().into())
    });
    both(table, ["regexSplit", "mustRegexSplit"], &[S, S, I], |regex, a| {
        let limit = to_i64(&a[2]);
        let parts = split(regex, a[0].str(), a[1].str(), limit);
        Ok(if limit == 0 { nil_if_empty(parts) } else { string_list(parts) })
    });
    table.add("regexQuoteMeta", fixed(&[S]), |_, a| {
        let special = |c| "\\.+*?()|[]{}^$".contains(c);
        let mut out = String::new();
        for c in a[0].str().chars() {
            if special(c) {
                out.push('\\');
            }
            out.push(c);
        }
        Ok(out.into())
    });
}

/// Where Go found nothing, it made no slice.
fn nil_if_empty(found: Vec<Str>) -> Value {
    if found.is_empty() { Value::List(List::nil(&STRING_LIST)) } else { string_list(found) }
}

/// A function that panics on a bad pattern, and the one that returns the error.
fn both(
    table: &mut FunctionTable,
    names: [&'static str; 2],
    params: &'static [Type],
    call: fn(&Regex, &[Value]) -> Result<Value, FuncError>,
) {
    table.add(names[0], fixed(params), move |_, a| {
        let regex = compiled(a[0].str()).map_err(|error| {
            let pattern = a[0].str();
            let shown = if pattern.contains('`') { quote(pattern.as_bytes()) } else { format!("`{pattern}`") };
            FuncError::new(format!("regexp: Compile({shown}): {error}"))
        })?;
        call(&regex, a)
    });
    table.add(names[1], fixed(params), move |_, a| call(&*must(&a[0])?, a));
}

fn must(pattern: &Value) -> Result<Rc<Regex>, FuncError> {
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
fn split(regex: &Regex, pattern: &str, text: &str, limit: i64) -> Vec<Str> {
    if limit == 0 {
        return Vec::new();
    }
    if !pattern.is_empty() && text.is_empty() {
        return vec![Str::from("")];
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for found in regex.find_iter(text) {
        if parts.len() + 1 == limit {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            parts.push(Str::from(&text[begin..end]));
        }
        begin = found.end();
    }
    if end != text.len() {
        parts.push(Str::from(&text[begin..]));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_go() {
        let parts = |pattern: &str, text: &str, limit| {
            let parts = split(&compiled(pattern).unwrap(), pattern, text, limit);
            parts.iter().map(|part| part.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(parts("a", "banana", -1), ["b", "n", "n", ""]);
        assert_eq!(parts("a", "banana", 2), ["b", "nana"]);
        assert_eq!(parts("z+", "pizza", -1), ["pi", "a"]);
        assert_eq!(parts("", "abc", -1), ["a", "b", "c"]);
        assert_eq!(parts(",", "", -1), [""]);
    }
}
