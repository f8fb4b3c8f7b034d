//! Kubernetes' protobuf bodies as JSON: `kubectl create deployment` and its like speak nothing else. Field numbers were
//! recorded from the published `generated.proto` files; answers are always JSON, which every such client takes.
//!
//! Go writes every field that is no pointer, zero or not, and JSON drops most zeros: so texts that are empty, and zeros and
//! `false` outside of [`POINTERS`], are dropped here.

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine as _;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::sandbox::error::ApiError;
use crate::sandbox::recorded;
use crate::sandbox::schema::MAX_DEPTH;
use crate::sandbox::store::time;

/// The media type.
pub(super) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";
const MAGIC: &[u8] = b"k8s\0";
const UNKNOWN: &str = "k8s.io.apimachinery.pkg.runtime.Unknown";
const META: &str = "k8s.io.apimachinery.pkg.apis.meta.v1.";

/// Fields that are pointers in Go and whose zero says something.
const POINTERS: &[&str] = &[
    "replicas",
    "minReplicas",
    "parallelism",
    "completions",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "terminationGracePeriodSeconds",
    "gracePeriodSeconds",
    "runAsUser",
    "runAsGroup",
    "runAsNonRoot",
    "allowPrivilegeEscalation",
    "readOnlyRootFilesystem",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "optional",
    "suspend",
    "immutable",
    "controller",
    "blockOwnerDeletion",
];

struct Field {
    name: &'static str,
    kind: &'static str,
    repeated: bool,
    map: bool,
}

type Messages = HashMap<&'static str, HashMap<u64, Field>>;

static MESSAGES: LazyLock<Messages> = LazyLock::new(|| {
    let text: &'static str = Box::leak(recorded::messages().into_boxed_str());
    let mut all: Messages = HashMap::new();
    let mut current = "";
    for line in text.lines() {
        let mut words = line.split(' ');
        match (words.next(), words.next(), words.next()) {
            (Some("m"), Some(name), None) => {
                current = name;
                all.insert(name, HashMap::new());
            }
            (Some(number), Some(name), Some(kind)) => {
                let (repeated, map) = (kind.starts_with("[]"), kind.starts_with("{}"));
                let kind = kind.trim_start_matches(['[', ']', '{', '}']);
                if let (Ok(number), Some(message)) = (number.parse(), all.get_mut(current)) {
                    message.insert(number, Field { name, kind, repeated, map });
                }
            }
            _ => {}
        }
    }
    all
});

fn bad(what: &str) -> ApiError {
    ApiError::bad_request(format!("the body is no protobuf of Kubernetes: {what}"))
}

/// One field on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Result<u64, ApiError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.0.split_first().ok_or_else(|| bad("it ends within a number"))?;
            self.0 = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(bad("a number is too long"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], ApiError> {
        if length > self.0.len() {
            return Err(bad("it ends within a field"));
        }
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(taken)
    }

    fn next(&mut self) -> Result<Option<(u64, Wire<'a>)>, ApiError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.varint()?),
            1 => {
                self.take(8)?;
                Wire::Other
            }
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| bad("a field is too long"))?;
                Wire::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Wire::Other
            }
            _ => return Err(bad("a field of an unknown kind")),
        };
        Ok(Some((tag >> 3, wire)))
    }
}

fn text(bytes: &[u8]) -> Result<Value, ApiError> {
    std::str::from_utf8(bytes).map(Value::from).map_err(|_| bad("a text is no UTF-8"))
}

#[expect(clippy::cast_possible_wrap, reason = "negative numbers are written as their two's complement")]
fn signed(number: u64) -> i64 {
    number as i64
}

/// A message whose JSON is no object.
fn special(kind: &str, bytes: &[u8]) -> Result<Option<Value>, ApiError> {
    let mut numbers: HashMap<u64, u64> = HashMap::new();
    let mut texts: HashMap<u64, &[u8]> = HashMap::new();
    let known = [
        "k8s.io.apimachinery.pkg.api.resource.Quantity",
        "k8s.io.apimachinery.pkg.util.intstr.IntOrString",
        "k8s.io.apimachinery.pkg.runtime.RawExtension",
    ];
    let of_meta = kind.strip_prefix(META).unwrap_or_default();
    if !known.contains(&kind) && !["Time", "MicroTime", "Duration", "FieldsV1"].contains(&of_meta) {
        return Ok(None);
    }
    let mut reader = Reader(bytes);
    while let Some((number, wire)) = reader.next()? {
        match wire {
            Wire::Number(value) => {
                numbers.insert(number, value);
            }
            Wire::Bytes(value) => {
                texts.insert(number, value);
            }
            Wire::Other => {}
        }
    }
    let number = |field: u64| numbers.get(&field).copied().map_or(0, signed);
    let first = texts.get(&1).copied().unwrap_or_default();
    let json = || serde_json::from_slice(first).map_err(|_| bad("a raw value is no JSON"));
    Ok(Some(match (kind, of_meta) {
        (_, "Time" | "MicroTime") if bytes.is_empty() => Value::Null,
        (_, "Time") => Timestamp::from_second(number(1)).map_or(Value::Null, |t| time(t).into()),
        (_, "MicroTime") => {
            let at = Timestamp::new(number(1), i32::try_from(number(2)).unwrap_or(0));
            at.map_or(Value::Null, |t| t.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string().into())
        }
        (_, "Duration") => format!("{}s", number(1) / 1_000_000_000).into(),
        (_, "FieldsV1") => json()?,
        (kind, _) if kind.ends_with("RawExtension") => json()?,
        (kind, _) if kind.ends_with("IntOrString") => match number(1) {
            0 => number(2).into(),
            _ => text(texts.get(&3).copied().unwrap_or_default())?,
        },
        _ => text(first)?,
    }))
}

fn scalar(field: &Field, wire: &Wire<'_>) -> Result<Value, ApiError> {
    Ok(match (field.kind, wire) {
        ("string", Wire::Bytes(bytes)) => text(bytes)?,
        ("bytes", Wire::Bytes(bytes)) => base64::engine::general_purpose::STANDARD.encode(bytes).into(),
        ("bool", Wire::Number(number)) => (*number != 0).into(),
        (_, Wire::Number(number)) => signed(*number).into(),
        _ => Value::Null,
    })
}

fn value(field: &Field, wire: &Wire<'_>, depth: usize) -> Result<Value, ApiError> {
    match wire {
        Wire::Bytes(bytes) if MESSAGES.contains_key(field.kind) => message(field.kind, bytes, depth + 1),
        _ => scalar(field, wire),
    }
}

fn says_nothing(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0) && !POINTERS.contains(&name),
        Value::Bool(flag) => !flag && !POINTERS.contains(&name),
        _ => false,
    }
}

/// Whether a message's fields stand in its parent's JSON: Go embeds it, and the schema does not know its name.
fn embedded(kind: &str, field: &Field) -> bool {
    let Some(rest) = kind.strip_prefix("k8s.io.") else { return false };
    let schemas = recorded::schemas();
    schemas.named(&format!("io.k8s.{rest}")).is_some_and(|node| !node.properties.contains_key(field.name))
}

fn message(kind: &str, bytes: &[u8], depth: usize) -> Result<Value, ApiError> {
    if depth > MAX_DEPTH {
        return Err(bad("it nests too deep"));
    }
    if let Some(value) = special(kind, bytes)? {
        return Ok(value);
    }
    let fields = MESSAGES.get(kind).ok_or_else(|| bad(&format!("unknown type {kind}")))?;
    let mut object = Map::new();
    let mut reader = Reader(bytes);
    while let Some((number, wire)) = reader.next()? {
        let Some(field) = fields.get(&number) else { continue };
        if field.map {
            let Wire::Bytes(entry) = wire else { continue };
            let (mut key, mut found) = (String::new(), Value::Null);
            let mut reader = Reader(entry);
            while let Some((number, wire)) = reader.next()? {
                match (number, &wire) {
                    (1, Wire::Bytes(bytes)) => key = text(bytes)?.as_str().unwrap_or_default().to_owned(),
                    (2, _) => found = value(field, &wire, depth)?,
                    _ => {}
                }
            }
            let map = object.entry(field.name).or_insert_with(|| Value::Object(Map::new()));
            map[key.as_str()] = found;
            continue;
        }
        let found = value(field, &wire, depth)?;
        if field.repeated {
            let list = object.entry(field.name).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(found);
            }
        } else if let (Value::Object(inner), true) = (&found, embedded(kind, field)) {
            object.extend(inner.clone());
        } else if !says_nothing(field.name, &found) {
            object.insert(field.name.to_owned(), found);
        }
    }
    Ok(Value::Object(object))
}

/// Decodes a body.
pub(super) fn decode(body: &[u8]) -> Result<Value, ApiError> {
    let envelope = body.strip_prefix(MAGIC).ok_or_else(|| bad("it does not begin as one"))?;
    let envelope = message(UNKNOWN, envelope, 0)?;
    let meta = &envelope["typeMeta"];
    let (api_version, kind) =
        (meta["apiVersion"].as_str().unwrap_or_default(), meta["kind"].as_str().unwrap_or_default());
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let schemas = recorded::schemas();
    let name = match schemas.of_kind(group, version, kind) {
        Some(name) => name.replacen("io.k8s.", "k8s.io.", 1),
        None => format!("{META}{kind}"),
    };
    let raw = envelope["raw"].as_str().unwrap_or_default();
    let raw = base64::engine::general_purpose::STANDARD.decode(raw).unwrap_or_default();
    let mut object = message(&name, &raw, 0)?;
    object["apiVersion"] = api_version.into();
    object["kind"] = kind.into();
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        out.extend_from_slice(bytes);
        out
    }

    fn body(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &meta), field(2, raw)].concat()
    }

    #[test]
    fn a_config_map_and_an_embedded_volume() {
        let metadata = [field(1, b"a"), field(2, b""), field(8, b"")].concat();
        let entry = [field(1, b"k"), field(2, b"v")].concat();
        let raw = [field(1, &metadata), field(2, &entry)].concat();
        assert_eq!(
            decode(&body("v1", "ConfigMap", &raw)).unwrap(),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}})
        );
        // Pod.spec.volumes[0] with an emptyDir, which stands in `volumeSource` on the wire alone.
        let source = field(2, b"");
        let volume = [field(1, b"tmp"), field(2, &source)].concat();
        let raw = [field(1, &field(1, b"p")), field(2, &field(1, &volume))].concat();
        let pod = decode(&body("v1", "Pod", &raw)).unwrap();
        assert_eq!(pod["spec"]["volumes"], json!([{"name": "tmp", "emptyDir": {}}]));
    }

    #[test]
    fn nothing_hostile_panics() {
        let good = body("v1", "ConfigMap", &field(1, &field(1, b"a")));
        for end in 0..good.len() {
            let _ = decode(&good[..end]);
        }
        for index in 4..good.len() {
            let mut bytes = good.clone();
            bytes[index] ^= 0xff;
            let _ = decode(&bytes);
        }
        assert!(decode(b"{}").is_err());
    }
}
