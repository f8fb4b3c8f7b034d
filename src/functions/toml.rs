//! TOML as BurntSushi's encoder writes it (keys sorted, plain values first, then tables, two spaces for each level), and read
//! into the values that its decoder makes.

mod cursor;
mod number;
mod read;
mod text;

pub(super) use read::read;

use super::dates;
use crate::template::{List, Value};

/// Maps inside of maps.
const DEPTH: usize = 1_000;

const NIL_ELEMENT: &str = "toml: cannot encode array with nil element";
const NO_KEY: &str = "toml: top-level values must be Go maps or structs";
const DEEP: &str = "values nest deeper than 1000 (limit: toml depth)";

/// The text of a value.
///
/// # Errors
/// The text of the encoder's error, which is what `toToml` prints then.
pub(super) fn write(value: &Value) -> Result<String, String> {
    let mut out = String::new();
    encode(&mut out, &[], value)?;
    Ok(out)
}

/// What a value is in TOML.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Nothing,
    Plain,
    Table,
    Tables,
}

fn shape(value: &Value, depth: usize) -> Result<Shape, String> {
    if depth > DEPTH {
        return Err(DEEP.to_owned());
    }
    Ok(match value {
        value if value.holds_nil() => Shape::Nothing,
        Value::Map(_) => Shape::Table,
        Value::List(list) => {
            let mut all = !list.is_empty();
            for item in list.items() {
                match shape(item, depth + 1)? {
                    Shape::Nothing => return Err(NIL_ELEMENT.to_owned()),
                    Shape::Table => {}
                    Shape::Plain | Shape::Tables => all = false,
                }
            }
            if all { Shape::Tables } else { Shape::Plain }
        }
        Value::Object(object) if object.string().is_none() => Shape::Table,
        Value::Func(_) | Value::Complex(..) => return Err(format!("unsupported type: {}", value.kind())),
        _ => Shape::Plain,
    })
}

fn encode(out: &mut String, path: &[&str], value: &Value) -> Result<(), String> {
    if path.len() > DEPTH {
        return Err(DEEP.to_owned());
    }
    match shape(value, 0)? {
        // A nil slice that stands alone is written as any other.
        Shape::Nothing if path.is_empty() && matches!(value, Value::List(_) | Value::Bytes(_)) => {
            key_value(out, path, value, false)
        }
        Shape::Nothing => Ok(()),
        Shape::Plain => key_value(out, path, value, false),
        Shape::Table => {
            if path.len() == 1 {
                newline(out);
            }
            if !path.is_empty() {
                heading(out, path, "[", "]");
            }
            table(out, path, value)
        }
        Shape::Tables if path.is_empty() => Err(NO_KEY.to_owned()),
        Shape::Tables => {
            for item in value.as_list().map_or(&[][..], List::items) {
                newline(out);
                heading(out, path, "[[", "]]");
                table(out, path, item)?;
            }
            Ok(())
        }
    }
}

fn newline(out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
}

fn heading(out: &mut String, path: &[&str], open: &str, close: &str) {
    let full: Vec<String> = path.iter().map(|part| name(part)).collect();
    out.push_str(&"  ".repeat(path.len() - 1));
    out.push_str(open);
    out.push_str(&full.join("."));
    out.push_str(close);
    out.push('\n');
}

fn entries(value: &Value) -> Vec<(String, Value)> {
    match value {
        Value::Map(map) => map.snapshot().into_iter().map(|(key, value)| (key.to_string(), value)).collect(),
        Value::Object(object) => {
            let mut all = Vec::new();
            for (name, value) in object.fields() {
                match value {
                    // The chart's metadata is embedded: its fields are the chart's.
                    Value::Object(_) if name == "Metadata" => all.extend(entries(&value)),
                    value => all.push((name.to_owned(), value)),
                }
            }
            all
        }
        _ => Vec::new(),
    }
}

/// Plain values first, then what makes tables of its own.
type Parted = (Vec<(String, Value)>, Vec<(String, Value)>);

fn parted(value: &Value) -> Result<Parted, String> {
    let (mut direct, mut below) = (Vec::new(), Vec::new());
    for (key, value) in entries(value) {
        let makes_table = matches!(shape(&value, 0)?, Shape::Table | Shape::Tables);
        if makes_table { &mut below } else { &mut direct }.push((key, value));
    }
    Ok((direct, below))
}

fn table(out: &mut String, path: &[&str], value: &Value) -> Result<(), String> {
    let (direct, below) = parted(value)?;
    for (key, value) in direct.iter().chain(&below).filter(|(_, value)| !value.holds_nil()) {
        let path: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
        stacker::maybe_grow(128 << 10, 1 << 20, || encode(out, &path, value))?;
    }
    Ok(())
}

fn key_value(out: &mut String, path: &[&str], value: &Value, inline: bool) -> Result<(), String> {
    let Some((key, above)) = path.split_last() else { return element(out, value, 0) };
    out.push_str(&"  ".repeat(above.len()));
    out.push_str(&name(key));
    out.push_str(" = ");
    element(out, value, 0)?;
    if !inline {
        out.push('\n');
    }
    Ok(())
}

fn element(out: &mut String, value: &Value, depth: usize) -> Result<(), String> {
    if depth > DEPTH {
        return Err(DEEP.to_owned());
    }
    match value {
        Value::String(text) => string(out, text),
        Value::Bool(_)
        | Value::Int(_)
        | Value::Int32(_)
        | Value::Int64(_)
        | Value::Uint8(_)
        | Value::Uint(_)
        | Value::Uint64(_) => out.push_str(&value.to_string()),
        Value::Float64(x) if x.is_nan() => out.push_str("nan"),
        Value::Float64(x) if x.is_infinite() => out.push_str(if *x < 0.0 { "-inf" } else { "inf" }),
        Value::Float64(x) => {
            let text = crate::template::format_float(*x, b'f', None);
            out.push_str(&text);
            if !text.contains('.') {
                out.push_str(".0");
            }
        }
        Value::List(list) => {
            out.push('[');
            for (index, item) in list.items().iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                stacker::maybe_grow(128 << 10, 1 << 20, || element(out, item, depth + 1))?;
            }
            out.push(']');
        }
        Value::Bytes(bytes) => {
            let digits: Vec<String> = bytes.iter().map(ToString::to_string).collect();
            out.push_str(&format!("[{}]", digits.join(", ")));
        }
        Value::Object(object) if object.string().is_some() => match dates::toml(value) {
            Some(text) => out.push_str(&text),
            None => string(out, &object.string().unwrap_or_default()),
        },
        Value::Map(_) | Value::Object(_) => {
            let (direct, below) = parted(value)?;
            out.push('{');
            for (all, comma_at_end) in [(&direct, !below.is_empty()), (&below, false)] {
                for (index, (key, value)) in all.iter().enumerate().filter(|(_, (_, value))| !value.holds_nil()) {
                    key_value(out, &[key], value, true)?;
                    if comma_at_end || index + 1 < all.len() {
                        out.push_str(", ");
                    }
                }
            }
            out.push('}');
        }
        Value::Nil | Value::Error(_) | Value::Complex(..) | Value::Func(_) => {
            return Err(format!("unexpected type: {}", value.type_name()));
        }
    }
    Ok(())
}

fn name(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if key.is_empty() {
        return "\"\"".to_owned();
    }
    if key.chars().all(bare) {
        return key.to_owned();
    }
    let mut out = String::new();
    string(&mut out, key);
    out
}

fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '\u{7f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
