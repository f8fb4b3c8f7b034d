//! Maps and lists on the way to a value: found, or made, as Helm does.

use serde_json::{Map, Value};

use super::INDEX;

/// Why reading a line stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The line is at its end. At the start of a name this is how a line ends well.
    End,
    /// The line is wrong.
    Wrong(String),
}

impl Stop {
    /// The stop as the cause of another error.
    pub(super) fn text(self) -> String {
        match self {
            Self::End => "EOF".to_owned(),
            Self::Wrong(message) => message,
        }
    }
}

/// Sets a key; an empty name sets nothing.
pub(super) fn set(map: &mut Map<String, Value>, key: &str, value: Value) {
    if !key.is_empty() {
        map.insert(key.to_owned(), value);
    }
}

/// Sets an item of a list, which grows with nulls.
pub(super) fn set_index(list: &mut Vec<Value>, index: i64, value: Value) -> Result<(), Stop> {
    if index < 0 {
        return Err(Stop::Wrong(format!("negative {index} index not allowed")));
    }
    if index > INDEX {
        let message = format!("index of {index} is greater than maximum supported index of {INDEX}");
        return Err(Stop::Wrong(message));
    }
    let index = usize::try_from(index).unwrap_or_default();
    if list.len() <= index {
        list.resize(index + 1, Value::Null);
    }
    list[index] = value;
    Ok(())
}

/// Takes the list that a key holds, or a new one. Something else there is an error, and stays.
pub(super) fn take_list(map: &mut Map<String, Value>, key: &str) -> Result<Vec<Value>, Stop> {
    match map.remove(key) {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list),
        Some(other) => {
            let stop = Stop::Wrong(format!("unable to parse key: {}", conversion(&other, "[]interface {}")));
            map.insert(key.to_owned(), other);
            Err(stop)
        }
    }
}

/// Takes the map that a key holds, or a new one; the second is true when it was there. Something else there is an error.
pub(super) fn take_map(map: &mut Map<String, Value>, key: &str) -> Result<(Map<String, Value>, bool), Stop> {
    match map.remove(key) {
        None => Ok((Map::new(), false)),
        Some(Value::Object(inner)) => Ok((inner, true)),
        Some(other) => {
            let stop = Stop::Wrong(format!("unable to parse key: {}", conversion(&other, "map[string]interface {}")));
            map.insert(key.to_owned(), other);
            Err(stop)
        }
    }
}

/// Takes the list that is an item of a list, or a new one.
pub(super) fn take_inner_list(list: &mut [Value], index: i64) -> Result<Vec<Value>, Stop> {
    match item(list, index) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(inner)) => Ok(std::mem::take(inner)),
        Some(other) => Err(Stop::Wrong(format!("unable to parse key: {}", conversion(other, "[]interface {}")))),
    }
}

/// Takes the map that is an item of a list (whatever else is there is replaced by one), or a new one; the second is true when
/// the list has such an item.
pub(super) fn take_inner_map(list: &mut [Value], index: i64) -> (Map<String, Value>, bool) {
    match item(list, index) {
        None => (Map::new(), false),
        Some(Value::Object(inner)) => (std::mem::take(inner), true),
        Some(other) => {
            *other = Value::Null;
            (Map::new(), true)
        }
    }
}

fn item(list: &mut [Value], index: i64) -> Option<&mut Value> {
    list.get_mut(usize::try_from(index).ok()?)
}

/// Reads an index as Go's `strconv.Atoi`.
pub(super) fn index(text: &str) -> Result<i64, Stop> {
    text.parse().map_err(|_| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let why = if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            "value out of range"
        } else {
            "invalid syntax"
        };
        Stop::Wrong(format!("error parsing index: strconv.Atoi: parsing {text:?}: {why}"))
    })
}

/// Text between `]` and what follows an index, as Go prints characters.
pub(super) fn unexpected(text: &str) -> Stop {
    let shown: Vec<String> = text.chars().map(|c| format!("{c:?}")).collect();
    Stop::Wrong(format!("unexpected data at end of array index: [{}]", shown.join(" ")))
}

/// The error of a Go type assertion that fails.
fn conversion(found: &Value, wanted: &str) -> String {
    let kind = match found {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    format!("interface conversion: interface {{}} is {kind}, not {wanted}")
}
