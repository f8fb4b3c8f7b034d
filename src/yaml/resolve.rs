//! Which type go-yaml v2 gives a scalar: YAML 1.1 as Go takes it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::NodeValue;
use super::number::{Integer, integer};
use super::timestamp::is_timestamp;

const STR: &str = "tag:yaml.org,2002:str";
const BOOL: &str = "tag:yaml.org,2002:bool";
const INT: &str = "tag:yaml.org,2002:int";
const FLOAT: &str = "tag:yaml.org,2002:float";
const NULL: &str = "tag:yaml.org,2002:null";
const TIMESTAMP: &str = "tag:yaml.org,2002:timestamp";
const BINARY: &str = "tag:yaml.org,2002:binary";
/// The tag of a merge key.
pub(super) const MERGE: &str = "tag:yaml.org,2002:merge";

/// What a plain text is taken for.
enum Plain {
    Null,
    Bool(bool),
    Int(Integer),
    Float(f64),
    Timestamp,
    Str,
}

impl Plain {
    fn tag(&self) -> &'static str {
        match self {
            Self::Null => NULL,
            Self::Bool(_) => BOOL,
            Self::Int(_) => INT,
            Self::Float(_) => FLOAT,
            Self::Timestamp => TIMESTAMP,
            Self::Str => STR,
        }
    }

    fn value(self, text: Cow<'_, str>) -> NodeValue {
        match self {
            Self::Null => NodeValue::Null,
            Self::Bool(b) => NodeValue::Bool(b),
            Self::Int(Integer::Signed(n)) => NodeValue::Int(n),
            Self::Int(Integer::Unsigned(n)) => NodeValue::UInt(n),
            Self::Float(f) => NodeValue::Float(f),
            Self::Timestamp | Self::Str => NodeValue::String(text.into_owned()),
        }
    }
}

/// go-yaml's form of a float: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn is_float_form(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = after_digits(rest);
    let rest = match (rest.len() - whole.len(), whole.strip_prefix('.')) {
        (0, None) => return false,
        (0, Some(fraction)) => {
            let rest = after_digits(fraction);
            if rest.len() == fraction.len() {
                return false;
            }
            rest
        }
        (_, Some(fraction)) => after_digits(fraction),
        (_, None) => whole,
    };
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else { return rest.is_empty() };
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    !exponent.is_empty() && after_digits(exponent).is_empty()
}

fn after_digits(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_digit())
}

/// Its form of a float that starts with a dot: `\.[0-9](_?[0-9])*([eE][-+]?[0-9](_?[0-9])*)?`.
fn is_dotted_form(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('.').and_then(after_grouped) else { return false };
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else { return rest.is_empty() };
    after_grouped(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)) == Some("")
}

/// What follows `[0-9](_?[0-9])*`.
fn after_grouped(text: &str) -> Option<&str> {
    let mut rest = text.strip_prefix(|c: char| c.is_ascii_digit())?;
    loop {
        let ungrouped = rest.strip_prefix('_').unwrap_or(rest);
        match ungrouped.strip_prefix(|c: char| c.is_ascii_digit()) {
            Some(next) => rest = next,
            None => return Some(rest),
        }
    }
}

/// YAML 1.1's numbers to base 60: `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`.
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = text.split(':');
    let grouped = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let first = parts.next().unwrap_or_default();
    let mut some = false;
    let sixties = parts.all(|part| {
        some = true;
        matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9'])
    });
    some && sixties && first.starts_with(|c: char| c.is_ascii_digit()) && grouped(first) && grouped(fraction)
}

/// The value of a scalar with this tag. A scalar without a tag is resolved when it is `plain`, else it is a text.
///
/// # Errors
/// With go-yaml's message, when the text does not fit the tag.
pub(super) fn scalar(tag: Option<&str>, plain: bool, text: Cow<'_, str>) -> Result<NodeValue, String> {
    let Some(tag) = tag.filter(|t| !t.is_empty()) else {
        return Ok(if plain { resolve(None, &text).value(text) } else { NodeValue::String(text.into_owned()) });
    };
    match tag {
        STR => Ok(NodeValue::String(text.into_owned())),
        BINARY => STANDARD
            .decode(text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect::<Vec<u8>>())
            .map(|bytes| NodeValue::String(String::from_utf8_lossy(&bytes).into_owned()))
            .map_err(|_| "!!binary value contains invalid base64 data".to_owned()),
        BOOL | INT | FLOAT | NULL | TIMESTAMP => {
            let found = resolve(Some(tag), &text);
            match found {
                #[expect(clippy::cast_precision_loss, reason = "Go converts so")]
                Plain::Int(Integer::Signed(n)) if tag == FLOAT => Ok(NodeValue::Float(n as f64)),
                found if found.tag() == tag => Ok(found.value(text)),
                found => Err(format!("cannot decode {} `{text}` as a {}", short(found.tag()), short(tag))),
            }
        }
        _ => Ok(NodeValue::String(text.into_owned())),
    }
}

/// True when a text would be read back as something else than a text (or once was, base 60), so that it needs quotes.
pub(super) fn needs_quotes(text: &str) -> bool {
    !matches!(resolve(None, text), Plain::Str) || (text.contains(':') && is_base_60(text))
}

fn short(tag: &str) -> String {
    tag.strip_prefix("tag:yaml.org,2002:").map_or_else(|| tag.to_owned(), |name| format!("!!{name}"))
}

fn resolve(tag: Option<&str>, text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Plain::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Plain::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Plain::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Plain::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Plain::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match text.as_bytes()[0] {
        b'.' if is_dotted_form(text) => float(&text.replace('_', "")).map_or(Plain::Str, Plain::Float),
        b'0'..=b'9' | b'+' | b'-' => digits(tag, text),
        _ => Plain::Str,
    }
}

/// What starts with a digit or a sign: a timestamp, an integer or a float, with `_` wherever one likes.
fn digits(tag: Option<&str>, text: &str) -> Plain {
    if tag.is_none_or(|t| t == TIMESTAMP) && is_timestamp(text) {
        return Plain::Timestamp;
    }
    let plain = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    if let Some(found) = integer(&plain) {
        return Plain::Int(found);
    }
    if is_float_form(&plain)
        && let Some(f) = float(&plain)
    {
        return Plain::Float(f);
    }
    // Go reads what follows `0b` once more, now with a sign of its own.
    let again = match plain.strip_prefix("0b") {
        Some(bits) => i64::from_str_radix(bits, 2).ok(),
        None => plain.strip_prefix("-0b").and_then(|bits| i64::from_str_radix(&format!("-{bits}"), 2).ok()),
    };
    again.map_or(Plain::Str, |n| Plain::Int(Integer::Signed(n)))
}

/// A float that is in range.
fn float(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|f| f.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;
    use regex::Regex;

    proptest! {
        #[test]
        fn forms_are_those_of_go_yaml(text in r"[-+.:_eE0-9x]{0,12}|[-+]?[0-9_]{1,3}(:[0-9]{1,2}){0,3}(\.[0-9_]*)?|[-+]?[0-9]{0,3}\.?[0-9]{0,3}([eE][-+]?[0-9_]{0,2})?") {
            let form = |regex: &str| Regex::new(regex).unwrap().is_match(&text);
            prop_assert_eq!(is_float_form(&text), form(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"));
            prop_assert_eq!(is_dotted_form(&text), form(r"^\.[0-9](_?[0-9])*([eE][-+]?[0-9](_?[0-9])*)?$"));
            prop_assert_eq!(is_base_60(&text), form(r"^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$"));
        }
    }
}
