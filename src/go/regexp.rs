//! Regular expressions in Go's syntax (RE2), on the regex crate: classes like `\d` are ASCII, and a few spellings differ.

use regex::Regex;

/// Compiles a pattern.
///
/// # Errors
/// In the words of Go's `regexp.Compile`.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(&translated(pattern)).map_err(|error| go_error(pattern, &error))
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
        compile(pattern).unwrap().is_match(text)
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
        assert_eq!(compile("(").unwrap_err(), "error parsing regexp: missing closing ): `(`");
    }
}
