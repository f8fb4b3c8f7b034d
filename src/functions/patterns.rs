//! Regular expressions in Go's syntax (RE2), on the regex crate: classes like `\d` are ASCII, and a few spellings differ.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex::Regex;

use super::convert::{checked, string_list, to_i64};
use super::fixed;
use crate::template::{FuncError, FunctionTable, Str, Type, Value, quote};

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
        Ok(string_list(regex.find_iter(a[1].str()).take(limit).map(|found| Str::from(found.as_str()))))
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
        Ok(string_list(split(regex, a[0].str(), a[1].str(), to_i64(&a[2]))))
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
        let made = Regex::new(&translated(pattern)).map(Rc::new).map_err(|error| go_error(pattern, &error));
        kept.insert(pattern.to_owned(), made.clone());
        made
    })
}

/// Go's words for the most common mistakes.
fn go_error(pattern: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    let what = if text.contains("unclosed group") {
        format!("missing closing ): `{pattern}`")
    } else if text.contains("unopened group") {
        format!("unexpected ): `{pattern}`")
    } else if text.contains("unclosed character class") {
        format!("missing closing ]: `{}`", pattern.find('[').map_or(pattern, |at| &pattern[at..]))
    } else if text.contains("repetition operator missing expression") {
        let at = pattern.find(['*', '+', '?']).unwrap_or(0);
        format!("missing argument to repetition operator: `{}`", pattern[at..].chars().next().unwrap_or('*'))
    } else {
        format!("invalid expression: `{pattern}`")
    };
    format!("error parsing regexp: {what}")
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

/// A pattern of Go's in the regex crate's spelling.
fn translated(pattern: &str) -> String {
    let chars: Vec<char> = pattern.chars().collect();
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut at = 0;
    let mut class_start: Option<usize> = None;
    while at < chars.len() {
        let c = chars[at];
        match (c, class_start) {
            ('\\', _) if chars.get(at + 1) == Some(&'Q') && class_start.is_none() => {
                let from = at + 2;
                let end = (from..chars.len()).find(|i| chars[*i] == '\\' && chars.get(i + 1) == Some(&'E'));
                let literal: String = chars[from..end.unwrap_or(chars.len())].iter().collect();
                out.push_str(&regex::escape(&literal));
                at = end.map_or(chars.len(), |end| end + 2);
                continue;
            }
            ('\\', inside) => {
                let Some(next) = chars.get(at + 1) else {
                    out.push('\\');
                    break;
                };
                let open = if inside.is_some() { "" } else { "[" };
                let close = if inside.is_some() { "" } else { "]" };
                match next {
                    'd' => out.push_str(&format!("{open}0-9{close}")),
                    'w' => out.push_str(&format!("{open}0-9A-Za-z_{close}")),
                    's' => out.push_str(&format!("{open}\\t\\n\\f\\r {close}")),
                    'D' => out.push_str("[^0-9]"),
                    'W' => out.push_str("[^0-9A-Za-z_]"),
                    'S' => out.push_str("[^\\t\\n\\f\\r ]"),
                    'b' if inside.is_none() => out.push_str("(?-u:\\b)"),
                    next => {
                        out.push('\\');
                        out.push(*next);
                    }
                }
                at += 2;
                // A range cannot start with a class: the hyphen behind one stands for itself.
                if inside.is_some() && "dwsDWS".contains(*next) && chars.get(at) == Some(&'-') {
                    out.push_str("\\-");
                    at += 1;
                }
                continue;
            }
            ('[', None) => {
                out.push('[');
                at += 1;
                if chars.get(at) == Some(&'^') {
                    out.push('^');
                    at += 1;
                }
                if chars.get(at) == Some(&']') {
                    out.push_str("\\]");
                    at += 1;
                }
                class_start = Some(at);
                continue;
            }
            ('[', Some(_)) => {
                let posix = chars.get(at + 1) == Some(&':');
                let end = (at + 2..chars.len()).find(|i| chars[*i] == ':' && chars.get(i + 1) == Some(&']'));
                if let (true, Some(end)) = (posix, end) {
                    out.extend(&chars[at..end + 2]);
                    at = end + 2;
                    continue;
                }
                out.push_str("\\[");
            }
            (']', Some(_)) => {
                class_start = None;
                out.push(']');
            }
            ('&' | '~', Some(_)) => {
                out.push('\\');
                out.push(c);
            }
            ('{', None) if !is_repetition(&chars[at..]) => out.push_str("\\{"),
            (c, _) => out.push(c),
        }
        at += 1;
    }
    out
}

/// `{2}`, `{2,}`, `{2,5}`; any other brace stands for itself.
fn is_repetition(chars: &[char]) -> bool {
    let Some(end) = chars.iter().position(|c| *c == '}') else { return false };
    let inner: String = chars[1..end].iter().collect();
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match inner.split_once(',') {
        None => number(&inner),
        Some((low, high)) => number(low) && (high.is_empty() || number(high)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        compiled(pattern).unwrap().is_match(text)
    }

    #[test]
    fn gos_syntax() {
        assert!(!matches("^\\d$", "٣"));
        assert!(matches("^[\\w.-]+$", "a.b-c_9"));
        assert!(matches("^[\\w-\\.]+$", "a.b-c"));
        assert!(matches("^[[a]$", "["));
        assert!(matches("^[]a]$", "]"));
        assert!(matches("^a{,2}$", "a{,2}"));
        assert!(matches("^[[:alpha:]]+$", "abc"));
        assert!(matches("^\\Qa.b\\E$", "a.b"));
        assert!(matches("^[a&&b]+$", "&ab"));
        assert_eq!(compiled("(").unwrap_err(), "error parsing regexp: missing closing ): `(`");
    }

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
