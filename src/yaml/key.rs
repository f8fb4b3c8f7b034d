//! Keys of maps: which are equal in Go, and which text they become in JSON.

use super::number::{go_float, go_float32};
use super::{Node, NodeValue};
use crate::go::quote::quote;

/// What Go compares when a key is set in a `map[interface{}]interface{}`: the type and the value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(u64),
    String(String),
}

/// The identity of a scalar; `None` for NaN, which equals nothing, and for what is no scalar.
pub(super) fn identity(value: &NodeValue) -> Option<Identity> {
    Some(match value {
        NodeValue::Null => Identity::Null,
        NodeValue::Bool(b) => Identity::Bool(*b),
        NodeValue::Int(n) => Identity::Int(*n),
        NodeValue::UInt(n) => Identity::UInt(*n),
        // -0.0 equals 0.0.
        NodeValue::Float(f) if !f.is_nan() => Identity::Float((f + 0.0).to_bits()),
        NodeValue::String(s) => Identity::String(s.clone()),
        NodeValue::Float(_) | NodeValue::Seq(_) | NodeValue::Map(_) => return None,
    })
}

/// The text of a key in JSON. sigs.k8s.io/yaml prints float keys with the precision of 32 bits, and refuses integers
/// above `i64::MAX`.
pub(super) fn text(value: &NodeValue) -> Option<String> {
    match value {
        NodeValue::Bool(b) => Some(b.to_string()),
        NodeValue::Int(n) => Some(n.to_string()),
        NodeValue::Float(f) if f.is_nan() => Some(".nan".to_owned()),
        NodeValue::Float(f) => Some(go_float32(*f)),
        NodeValue::String(s) => Some(s.clone()),
        NodeValue::Null | NodeValue::UInt(_) | NodeValue::Seq(_) | NodeValue::Map(_) => None,
    }
}

/// The message for a key that JSON cannot have.
pub(super) fn unsupported(key: &Node, value: &Node) -> String {
    let (kind, shown) = match &key.value {
        NodeValue::UInt(n) => ("uint64", format!("{n:#x}")),
        _ => ("%!s(<nil>)", "<nil>".to_owned()),
    };
    let value = if value.is_null() { "<nil>".to_owned() } else { go_syntax(value) };
    format!("unsupported map key of type: {kind}, key: {shown}, value: {value}")
}

/// A value as Go's `%#v` prints it.
pub(super) fn go_syntax(node: &Node) -> String {
    match &node.value {
        NodeValue::Null => "interface {}(nil)".to_owned(),
        NodeValue::Bool(b) => b.to_string(),
        NodeValue::Int(n) => n.to_string(),
        NodeValue::UInt(n) => format!("{n:#x}"),
        NodeValue::Float(f) if f.is_nan() => "NaN".to_owned(),
        NodeValue::Float(f) if f.is_infinite() => if *f < 0.0 { "-Inf" } else { "+Inf" }.to_owned(),
        NodeValue::Float(f) => go_float(*f),
        NodeValue::String(s) => quote(s),
        NodeValue::Seq(items) => {
            let items: Vec<String> = items.iter().map(go_syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        NodeValue::Map(pairs) => {
            let mut pairs: Vec<String> =
                pairs.iter().map(|(k, v)| format!("{}:{}", go_syntax(k), go_syntax(v))).collect();
            // Nil comes first.
            pairs.sort_by_key(|pair| (!pair.starts_with("interface {}(nil):"), pair.clone()));
            format!("map[interface {{}}]interface {{}}{{{}}}", pairs.join(", "))
        }
    }
}
