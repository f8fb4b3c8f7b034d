//! The formats that gojsonschema knows; any other fits everything.

use crate::go::ip::is_ip;
use crate::go::mail::is_address;
use crate::go::regexp;
use crate::go::url::Url;

type Format = (&'static str, fn(&str) -> bool);

const FORMATS: [Format; 17] = [
    ("date", is_date),
    ("time", is_time),
    ("date-time", is_date_time),
    ("hostname", is_hostname),
    ("email", is_address),
    ("idn-email", is_address),
    ("ipv4", |text| is_ip(text) && text.contains('.')),
    ("ipv6", |text| is_ip(text) && text.contains(':')),
    ("uri", is_uri),
    ("uri-reference", is_uri_reference),
    ("iri", is_uri),
    ("iri-reference", is_uri_reference),
    ("uri-template", is_uri_template),
    ("uuid", is_uuid),
    ("regex", |text| text.is_empty() || regexp::compile(text).is_ok()),
    ("json-pointer", is_pointer),
    ("relative-json-pointer", is_relative_pointer),
];

fn find(format: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|(name, _)| *name == format)
}

/// Whether a format is checked.
pub(super) fn is_known(format: &str) -> bool {
    find(format).is_some()
}

/// Whether a text has a format.
pub(super) fn fits(format: &str, text: &str) -> bool {
    format.is_empty() || find(format).is_none_or(|(_, fits)| fits(text))
}

/// The first `length` bytes as a number, and what follows.
fn digits(text: &str, length: usize) -> Option<(u32, &str)> {
    let number = text.get(..length).filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?;
    Some((number.parse().ok()?, &text[length..]))
}

/// A date at the start (Go's `2006-01-02`), and what follows.
fn date(text: &str) -> Option<&str> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    (1..=days).contains(&day).then_some(rest)
}

/// A time at the start (Go's `15:04:05`): the hour may have one digit, the seconds a fraction.
fn time(text: &str) -> Option<&str> {
    let (hour, rest) = digits(text, 2).or_else(|| digits(text, 1))?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = digits(rest.strip_prefix(':')?, 2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let Some(fraction) = rest.strip_prefix(['.', ',']) else { return Some(rest) };
    let after = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    Some(if after.len() == fraction.len() { rest } else { after })
}

/// A zone (Go's `Z07:00`) up to the end.
fn is_zone(text: &str) -> bool {
    let offset = || {
        let (hours, rest) = digits(text.strip_prefix(['+', '-'])?, 2)?;
        let (minutes, rest) = digits(rest.strip_prefix(':')?, 2)?;
        Some(hours <= 24 && minutes <= 60 && rest.is_empty())
    };
    text == "Z" || offset() == Some(true)
}

fn is_date(text: &str) -> bool {
    date(text) == Some("")
}

fn is_time(text: &str) -> bool {
    time(text).is_some_and(|rest| rest.is_empty() || is_zone(rest))
}

fn is_date_time(text: &str) -> bool {
    let whole = || date(text)?.strip_prefix('T').and_then(time);
    is_time(text) || is_date(text) || whole().is_some_and(is_zone)
}

fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        let bytes = label.as_bytes();
        matches!((bytes.first(), bytes.last()), (Some(first), Some(last))
            if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric())
            && bytes.len() <= 63
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    };
    text.len() < 256 && text.split('.').all(label)
}

fn is_uri(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| !url.scheme.is_empty()) && !text.contains('\\')
}

fn is_uri_reference(text: &str) -> bool {
    Url::parse(text).is_ok() && !text.contains('\\')
}

/// The braces of the path are closed.
fn is_uri_template(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let mut rest = &*url.path;
    while let Some(open) = rest.iter().position(|b| *b == b'{') {
        let Some(close) = rest[open..].iter().position(|b| *b == b'}') else { return false };
        rest = &rest[open + close + 1..];
    }
    !text.contains('\\')
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.concat().bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_pointer(text: &str) -> bool {
    let escapes = |text: &str| text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    text.is_empty() || text.starts_with('/') && escapes(text)
}

fn is_relative_pointer(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = &text[..text.len() - rest.len()];
    !number.is_empty() && (number == "0" || !number.starts_with('0')) && (rest == "#" || is_pointer(rest))
}
