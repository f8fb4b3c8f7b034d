//! Numbers and times of TOML, out of a cursor that stands at their first character.

use super::cursor::{Cursor, Read, Wrong};
use crate::functions::dates;
use crate::go::quote::{quote, quote_char};
use crate::template::Value;

/// What a number turned out to be.
#[derive(Clone, Copy)]
enum Kind {
    Integer,
    Float,
    Time,
}

/// What begins with a digit.
pub(super) fn plain(cursor: &mut Cursor<'_>) -> Read<Value> {
    let zero = cursor.next()? == Some('0');
    if zero {
        for (mark, name, digit) in [
            ('b', "a binary", (|c| matches!(c, '0' | '1')) as fn(char) -> bool),
            ('o', "an octal", |c| ('0'..='7').contains(&c)),
            ('x', "a hexidecimal", |c| c.is_ascii_hexdigit()),
        ] {
            if cursor.accept(mark)? {
                let next = cursor.peek()?;
                if !next.is_some_and(digit) {
                    let text = format!("not {name} number: '{}{}'", cursor.piece(), next.unwrap_or('\0'));
                    return Err(cursor.wrong(text));
                }
                cursor.while_is(|c| digit(c) || c == '_')?;
                return integer(cursor);
            }
        }
    }
    // A zero is followed by one digit at least where it begins a time.
    cursor.while_is(|c| c.is_ascii_digit())?;
    let many = !zero || cursor.piece().len() > 1;
    match cursor.peek()? {
        Some('-' | ':') if many => value(cursor, Kind::Time),
        Some('_') => decimal(cursor),
        Some('.' | 'e' | 'E') => value(cursor, Kind::Float),
        _ => value(cursor, Kind::Integer),
    }
}

/// What a sign stands before, behind it.
pub(super) fn signed(cursor: &mut Cursor<'_>) -> Read<Value> {
    let first = cursor.next()?;
    match first {
        Some(c @ ('i' | 'n')) => {
            let (second, third) = if c == 'i' { ('n', 'f') } else { ('a', 'n') };
            if !cursor.accept(second)? || !cursor.accept(third)? {
                return Err(cursor.wrong(format!("invalid float: '{}'", cursor.piece())));
            }
            float(cursor)
        }
        Some('.') => Err(cursor.wrong("floats must start with a digit, not '.'")),
        Some('0') if matches!(cursor.peek()?, Some('b' | 'o' | 'x')) => {
            let next = cursor.peek()?.unwrap_or('\0');
            Err(cursor.wrong(format!("cannot use sign with non-decimal numbers: '{}{next}'", cursor.piece())))
        }
        Some(c) if c.is_ascii_digit() => decimal(cursor),
        other => Err(cursor.wrong(format!("expected a digit but got {}", quote_char(other.unwrap_or('\0'), false)))),
    }
}

fn decimal(cursor: &mut Cursor<'_>) -> Read<Value> {
    cursor.while_is(|c| c.is_ascii_digit() || c == '_')?;
    let fraction = matches!(cursor.peek()?, Some('.' | 'e' | 'E'));
    value(cursor, if fraction { Kind::Float } else { Kind::Integer })
}

fn value(cursor: &mut Cursor<'_>, kind: Kind) -> Read<Value> {
    match kind {
        Kind::Integer => integer(cursor),
        Kind::Float => {
            cursor.while_is(|c| c.is_ascii_digit() || "_.-+eE".contains(c))?;
            float(cursor)
        }
        Kind::Time => {
            cursor.while_is(|c| c.is_ascii_digit() || "-:Tt .Zz+".contains(c))?;
            let text = cursor.piece().trim().replace('z', "Z").replace(['t', ' '], "T");
            cursor.begin();
            dates::from_toml(&text).ok_or_else(|| wrong(cursor, format!("invalid datetime: {}", quote(&text))))
        }
    }
}

/// Of the line where the piece ends, also at the end of the text.
fn wrong(cursor: &Cursor<'_>, message: String) -> Wrong {
    Wrong { line: cursor.line, message }
}

fn integer(cursor: &mut Cursor<'_>) -> Read<Value> {
    let text = cursor.piece();
    cursor.begin();
    let shown = quote(text);
    if !underscores_stand_between_digits(text) {
        return Err(wrong(cursor, format!("Invalid integer {shown}: underscores must be surrounded by digits")));
    }
    if leads_with_zero(text) {
        return Err(wrong(cursor, format!("Invalid integer {shown}: cannot have leading zeroes")));
    }
    let plain = text.replace('_', "");
    let (digits, radix) = match plain.get(..2) {
        Some("0b") => (&plain[2..], 2),
        Some("0o") => (&plain[2..], 8),
        Some("0x") => (&plain[2..], 16),
        _ => (plain.as_str(), 10),
    };
    let read = i64::from_str_radix(digits, radix);
    read.map(Value::Int64).map_err(|_| wrong(cursor, format!("{text} is out of range for int64")))
}

/// The float that was read.
pub(super) fn float(cursor: &mut Cursor<'_>) -> Read<Value> {
    let text = cursor.piece();
    cursor.begin();
    let shown = quote(text);
    let mut parts = text.split(['.', 'e', 'E']).filter(|part| !part.is_empty()).peekable();
    let first = parts.peek().copied().unwrap_or_default();
    if !parts.all(underscores_stand_between_digits) {
        return Err(wrong(cursor, format!("Invalid float {shown}: underscores must be surrounded by digits")));
    }
    if leads_with_zero(first) {
        return Err(wrong(cursor, format!("Invalid float {shown}: cannot have leading zeroes")));
    }
    if text.split('.').skip(1).any(|behind| !behind.starts_with(|c: char| c.is_ascii_digit())) {
        return Err(wrong(cursor, format!("Invalid float {shown}: '.' must be followed by one or more digits")));
    }
    let Ok(number) = text.replace('_', "").parse::<f64>() else {
        return Err(wrong(cursor, format!("Invalid float value: {shown}")));
    };
    if number.is_infinite() && !text.ends_with("inf") {
        return Err(wrong(cursor, format!("{text} is out of range for float64")));
    }
    Ok(Value::Float64(number))
}

fn leads_with_zero(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']);
    match text.as_bytes() {
        [b'0', next, ..] => !matches!(next, b'b' | b'o' | b'x'),
        _ => unsigned.is_some_and(|digits| digits.len() > 1 && digits.starts_with('0')),
    }
}

fn underscores_stand_between_digits(text: &str) -> bool {
    if matches!(text, "nan" | "+nan" | "-nan" | "inf" | "+inf" | "-inf") {
        return true;
    }
    let mut digit = false;
    for c in text.chars() {
        if c == '_' && !digit {
            return false;
        }
        digit = c.is_ascii_hexdigit();
    }
    digit
}
