//! TOML as BurntSushi's encoder writes it: keys sorted, plain values first, then tables, two spaces for each level.

use serde_json::{Map, Value};

/// The text of a map.
///
/// # Errors
/// When the value is no map (the text of the encoder's error).
pub(super) fn write(value: &Value) -> Result<String, String> {
    let Value::Object(map) = value else {
        return Err("toml: top-level values must be Go maps or structs".to_owned());
    };
    let mut out = String::new();
    table(&mut out, map, &[]);
    Ok(out)
}

fn table(out: &mut String, map: &Map<String, Value>, path: &[&str]) {
    let indent = "  ".repeat(path.len());
    for (key, value) in map.iter().filter(|(_, value)| !value.is_null() && !is_table(value)) {
        out.push_str(&indent);
        out.push_str(&name(key));
        out.push_str(" = ");
        inline(out, value);
        out.push('\n');
    }
    for (key, value) in map.iter().filter(|(_, value)| is_table(value)) {
        let inner: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
        let full: Vec<String> = inner.iter().map(|part| name(part)).collect();
        let full = full.join(".");
        match value {
            Value::Object(map) => {
                heading(out, &indent, &format!("[{full}]"));
                table(out, map, &inner);
            }
            Value::Array(items) => {
                for item in items {
                    heading(out, &indent, &format!("[[{full}]]"));
                    if let Value::Object(map) = item {
                        table(out, map, &inner);
                    }
                }
            }
            _ => {}
        }
    }
}

fn heading(out: &mut String, indent: &str, text: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(indent);
    out.push_str(text);
    out.push('\n');
}

fn is_table(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_object),
        _ => false,
    }
}

fn inline(out: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(n) => match n.as_f64() {
            Some(x) if n.is_f64() => {
                let text = crate::template::format_float(x, b'f', None);
                out.push_str(&text);
                if !text.contains('.') {
                    out.push_str(".0");
                }
            }
            _ => out.push_str(&n.to_string()),
        },
        Value::String(text) => string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                inline(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, item)) in map.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                out.push_str(&name(key));
                out.push_str(" = ");
                inline(out, item);
            }
            out.push('}');
        }
    }
}

fn name(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.chars().all(bare) {
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
