//! Values as go-yaml v3 finds them by reflection, for `toYamlPretty`. Called by `helm` alone.

use crate::template::{FuncError, Kind, Value};
use crate::yaml::{Pretty, go_float};

/// Parts that a value may have, those of shared parts counted each time.
const PARTS: usize = 1 << 20;
/// How deep a value may be nested.
const DEPTH: usize = 1_000;

/// The value as it is printed.
///
/// # Errors
/// For functions and complex numbers, with Go's words, and when a limit is reached.
pub(super) fn shown(value: &Value) -> Result<Pretty, FuncError> {
    Shown { parts: 0 }.value(value, 0)
}

struct Shown {
    parts: usize,
}

impl Shown {
    fn value(&mut self, value: &Value, depth: usize) -> Result<Pretty, FuncError> {
        self.parts += 1;
        if depth > DEPTH || self.parts > PARTS {
            return Err(FuncError::new(format!("limit reached: parts of one value ({PARTS}, {DEPTH} deep)")));
        }
        stacker::maybe_grow(128 << 10, 1 << 20, || self.value_here(value, depth))
    }

    fn value_here(&mut self, value: &Value, depth: usize) -> Result<Pretty, FuncError> {
        Ok(match value {
            Value::Nil => Pretty::Plain("null".to_owned()),
            Value::Float64(x) => Pretty::Plain(go_float(*x)),
            Value::String(text) => match std::str::from_utf8(text.as_bytes()) {
                Ok(text) => Pretty::Text(text.to_owned()),
                Err(_) => Pretty::Binary(text.as_bytes().to_vec()),
            },
            Value::Bytes(bytes) => {
                self.parts += bytes.len();
                Pretty::List(bytes.iter().map(|byte| Pretty::Plain(byte.to_string())).collect())
            }
            Value::List(list) => {
                Pretty::List(list.items().iter().map(|item| self.value(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            Value::Map(map) => {
                let pairs = map.snapshot();
                Pretty::Map(self.pairs(pairs.iter().map(|(key, item)| (key.to_string(), item)), depth)?)
            }
            Value::Object(object) => match object.json() {
                // A time prints itself, and a number with a name is a number.
                Some(serde_json::Value::String(text)) if object.type_name() == "time.Time" => Pretty::Plain(text),
                Some(serde_json::Value::String(text)) => Pretty::Text(text),
                Some(json) if object.kind() == Kind::Int => Pretty::Plain(json.to_string()),
                _ => {
                    let fields = object.yaml_fields();
                    Pretty::Struct(self.pairs(fields.iter().map(|(name, item)| (name.clone(), item)), depth)?)
                }
            },
            // A struct without fields that can be seen.
            Value::Error(_) => Pretty::Struct(Vec::new()),
            Value::Complex(..) | Value::Func(_) => {
                return Err(FuncError::new(format!("cannot marshal type: {}", value.type_name())));
            }
            Value::Bool(_)
            | Value::Int(_)
            | Value::Int32(_)
            | Value::Int64(_)
            | Value::Uint8(_)
            | Value::Uint(_)
            | Value::Uint64(_) => Pretty::Plain(value.to_string()),
        })
    }

    fn pairs<'v>(
        &mut self,
        pairs: impl Iterator<Item = (String, &'v Value)>,
        depth: usize,
    ) -> Result<Vec<(String, Pretty)>, FuncError> {
        pairs.map(|(key, item)| Ok((key, self.value(item, depth + 1)?))).collect()
    }
}
