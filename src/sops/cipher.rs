//! One value as SOPS seals it: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::symm::{Cipher, decrypt_aead};

use crate::yaml::{NodeValue, go_float_fixed};

/// A value, out of its seal.
pub(super) struct Opened {
    /// The value with the type that it had.
    pub(super) value: NodeValue,
    /// What the MAC is over.
    pub(super) bytes: Vec<u8>,
}

/// What is wrong with a sealed value; never what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Something else stands there.
    NotSealed,
    /// It has the form, but its parts are not readable.
    Malformed,
    /// It was changed, belongs to another key of the file, or to another file.
    Changed,
    /// The type is none.
    Type,
    /// The text is none of its type, or no UTF-8.
    Value,
}

/// Whether a text has the form of a sealed value.
pub(super) fn is_sealed(text: &str) -> bool {
    text.starts_with("ENC[AES256_GCM,data:") && text.ends_with(']')
}

/// Whether what is sealed is a comment.
pub(super) fn is_comment(text: &str) -> bool {
    is_sealed(text) && text.ends_with(",type:comment]")
}

/// The data key's length.
pub(super) const KEY: usize = 32;

/// Opens a value; `path` is authenticated with it.
pub(super) fn open(text: &str, key: &[u8; KEY], path: &str) -> Result<Opened, Fault> {
    if !is_sealed(text) {
        return Err(Fault::NotSealed);
    }
    let (bytes, kind) = open_bytes(text, key, path)?;
    let text = String::from_utf8(bytes).map_err(|_| Fault::Value)?;
    let value = match kind {
        // Bytes are what no text editor wrote: texts to whoever reads the values.
        "str" | "bytes" | "time" => NodeValue::String(text.clone()),
        "int" => NodeValue::Int(text.parse().map_err(|_| Fault::Value)?),
        "float" => NodeValue::Float(float(&text).ok_or(Fault::Value)?),
        "bool" => NodeValue::Bool(match text.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => true,
            "0" | "f" | "F" | "FALSE" | "false" | "False" => false,
            _ => return Err(Fault::Value),
        }),
        _ => return Err(Fault::Type),
    };
    let bytes = hashed(&value).map_or_else(|| text.into_bytes(), String::into_bytes);
    Ok(Opened { value, bytes })
}

/// What of a value the MAC is over; `None` for what is none (nothing, lists, maps).
pub(super) fn hashed(value: &NodeValue) -> Option<String> {
    match value {
        NodeValue::String(text) => Some(text.clone()),
        NodeValue::Int(number) => Some(number.to_string()),
        NodeValue::UInt(number) => Some(number.to_string()),
        NodeValue::Bool(true) => Some("True".to_owned()),
        NodeValue::Bool(false) => Some("False".to_owned()),
        NodeValue::Float(number) => Some(go_float_fixed(*number)),
        NodeValue::Null | NodeValue::Seq(_) | NodeValue::Map(_) => None,
    }
}

/// Go's `ParseFloat`, of what Go's `FormatFloat` writes.
fn float(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        _ => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// The bytes in a sealed value, and their type.
pub(super) fn open_bytes<'t>(text: &'t str, key: &[u8; KEY], path: &str) -> Result<(Vec<u8>, &'t str), Fault> {
    let inner = text.strip_prefix("ENC[AES256_GCM,data:").and_then(|rest| rest.strip_suffix(']'));
    let parts = inner.and_then(|rest| {
        let (data, rest) = rest.split_once(",iv:")?;
        let (iv, rest) = rest.split_once(",tag:")?;
        let (tag, kind) = rest.split_once(",type:")?;
        let bytes = |text: &str| STANDARD.decode(text).ok();
        Some((bytes(data)?, bytes(iv)?, bytes(tag)?, kind))
    });
    let (data, iv, tag, kind) = parts.ok_or(Fault::Malformed)?;
    // OpenSSL would take fewer bytes of a tag, too.
    if iv.is_empty() || tag.len() != 16 {
        return Err(Fault::Malformed);
    }
    let bytes = decrypt_aead(Cipher::aes_256_gcm(), key, Some(&iv), path.as_bytes(), &data, &tag);
    Ok((bytes.map_err(|_| Fault::Changed)?, kind))
}
