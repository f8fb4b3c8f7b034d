//! How functions read their arguments: sprig's `strval` and `strslice`, and the conversions of spf13/cast.

use crate::template::{FuncError, Kind, List, Object, STRING_LIST, Str, Value, parse_float, parse_int};

/// Bytes that one call may build.
const MAX_TEXT: usize = 256 << 20;

/// The text of a value: strings as they are, everything else as `%v`.
pub(super) fn text(value: &Value) -> Str {
    match value {
        Value::String(text) => text.clone(),
        Value::Bytes(bytes) => Str::from(&**bytes),
        other => other.printed(),
    }
}

/// Sprig's `strslice`: a list as one of texts, without nils. One of texts is itself.
pub(super) fn text_list(value: &Value) -> List {
    match value {
        Value::List(list) if list.ty().name == STRING_LIST.name => list.clone(),
        Value::List(list) => {
            List::appended_from(&STRING_LIST, list.len(), texts(value).into_iter().map(Value::from).collect())
        }
        other => List::new(&STRING_LIST, texts(other).into_iter().map(Value::from).collect()),
    }
}

/// The items of a list as texts, without nils; anything else is a list of itself.
pub(super) fn texts(value: &Value) -> Vec<Str> {
    match value {
        Value::Nil => Vec::new(),
        Value::List(list) => list.items().iter().filter(|item| !item.is_nil()).map(text).collect(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| Str::from(byte.to_string())).collect(),
        other => vec![text(other)],
    }
}

/// A `[]string`.
pub(super) fn string_list<I: IntoIterator<Item = Str>>(items: I) -> Value {
    Value::List(List::new(&STRING_LIST, items.into_iter().map(Value::from).collect()))
}

/// The items of a slice; for anything else an error that says what was to be done.
pub(super) fn items<'v>(value: &'v Value, doing: &str) -> Result<std::borrow::Cow<'v, [Value]>, FuncError> {
    match value {
        Value::List(list) => Ok(list.items().into()),
        Value::Bytes(bytes) => Ok(bytes.iter().map(|byte| Value::Uint8(*byte)).collect::<Vec<_>>().into()),
        Value::Nil => Err(nil_dereference()),
        other => Err(format!("Cannot {doing} on type {}", other.kind()).into()),
    }
}

/// What Go says where a method is called on nothing.
pub(super) fn nil_dereference() -> FuncError {
    FuncError::new("runtime error: invalid memory address or nil pointer dereference")
}

/// A text of the length that a call builds, within the limit.
pub(super) fn checked(length: usize) -> Result<usize, FuncError> {
    if length > MAX_TEXT {
        Err(FuncError::new(format!("text of {length} bytes is larger than {MAX_TEXT} (limit: function output)")))
    } else {
        Ok(length)
    }
}

/// spf13/cast's `ToInt64`: what is no number is 0.
pub(super) fn to_i64(value: &Value) -> i64 {
    match value {
        Value::Bool(truth) => i64::from(*truth),
        Value::Float64(x) => truncated(*x),
        Value::Uint(n) | Value::Uint64(n) => n.cast_signed(),
        Value::String(text) => parse_int(without_zero_fraction(text)).unwrap_or(0),
        Value::Object(object) => named_number(&**object),
        other => other.as_i64().unwrap_or(0),
    }
}

/// Months and weekdays are numbers to cast.
fn named_number(object: &dyn Object) -> i64 {
    match object.kind() {
        Kind::Int => object.json().and_then(|json| json.as_i64()).unwrap_or(0),
        _ => 0,
    }
}

/// Go's conversion of a float on amd64: out of range is the smallest integer.
#[expect(clippy::cast_possible_truncation, reason = "Go truncates too; what is out of range is taken out before")]
fn truncated(x: f64) -> i64 {
    if x.is_nan() || !(-9.3e18..9.223_372_036_854_776e18).contains(&x) { i64::MIN } else { x as i64 }
}

/// spf13/cast's `ToFloat64`.
#[expect(clippy::cast_precision_loss, reason = "Go converts so too")]
pub(super) fn to_f64(value: &Value) -> f64 {
    match value {
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::Float64(x) => *x,
        Value::Uint(n) | Value::Uint64(n) => *n as f64,
        Value::String(text) => parse_float(text).unwrap_or(0.0),
        Value::Object(object) => named_number(&**object) as f64,
        other => other.as_i64().unwrap_or(0) as f64,
    }
}

/// `12.00` is `12`; any other fraction stays.
fn without_zero_fraction(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') && !whole.is_empty() => whole,
        _ => text,
    }
}

/// Sprig's `empty`.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(_) | Value::Error(_) | Value::Func(_) => false,
        other => !other.truth(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_as_spf13_does() {
        for (text, n) in [("3", 3), ("010", 8), ("0x1F", 31), ("1.0", 1), ("1.5", 0), ("x", 0), ("-4", -4), ("", 0)] {
            assert_eq!(to_i64(&Value::from(text)), n, "{text}");
        }
        assert_eq!(to_i64(&Value::from(3.9)), 3);
        assert_eq!(to_i64(&Value::from(1e300)), i64::MIN);
        assert_eq!(to_i64(&Value::Nil), 0);
        assert!((to_f64(&Value::from("1e3")) - 1000.0).abs() < f64::EPSILON);
    }
}
