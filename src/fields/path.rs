//! One field of an object: how its path is written, compared and shown.

use crate::go::json;
use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// A value inside a path: of a list-map key or a set. Ordered and compared as the API server does: numbers by size
/// whatever their type, then strings, booleans, lists, maps, null.
#[derive(Debug, Clone)]
pub struct KeyValue(pub Value);

impl KeyValue {
    fn rank(&self) -> u8 {
        match self.0 {
            Value::Number(_) => 0,
            Value::String(_) => 1,
            Value::Bool(_) => 2,
            Value::Array(_) => 3,
            Value::Object(_) => 4,
            Value::Null => 5,
        }
    }
}

/// Compares two values as the API server orders path elements.
pub(super) fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => match (x.as_i64(), y.as_i64()) {
            (Some(x), Some(y)) => x.cmp(&y),
            _ => x.as_f64().unwrap_or(f64::NAN).total_cmp(&y.as_f64().unwrap_or(f64::NAN)),
        },
        (Value::String(x), Value::String(y)) => x.cmp(y),
        (Value::Bool(x), Value::Bool(y)) => x.cmp(y),
        (Value::Array(x), Value::Array(y)) => {
            for (x, y) in x.iter().zip(y) {
                let by = order(x, y);
                if by != Ordering::Equal {
                    return by;
                }
            }
            x.len().cmp(&y.len())
        }
        (Value::Object(x), Value::Object(y)) => {
            for ((xk, xv), (yk, yv)) in x.iter().zip(y) {
                let by = xk.cmp(yk).then_with(|| order(xv, yv));
                if by != Ordering::Equal {
                    return by;
                }
            }
            x.len().cmp(&y.len())
        }
        _ => KeyValue(a.clone()).rank().cmp(&KeyValue(b.clone()).rank()),
    }
}

impl PartialEq for KeyValue {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for KeyValue {}

impl PartialOrd for KeyValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for KeyValue {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0, &other.0)
    }
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&json_text(&self.0, false))
    }
}

/// How to get from a value to one inside it. Ordered as the API server writes them: fields, keys, values, indices.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathElement {
    /// A field of a map: `.image`.
    Field(String),
    /// An item of a list that is a map, by its key fields in order of their names: `[name="api"]`.
    Key(Vec<(String, KeyValue)>),
    /// An item of a set: `[="a"]`.
    Value(KeyValue),
    /// An item of an atomic list: `[0]`. Appears in messages only; nobody owns part of an atomic list.
    Index(i64),
}

impl PathElement {
    /// A field of a map.
    #[must_use]
    pub fn field(name: &str) -> Self {
        Self::Field(name.to_owned())
    }

    /// An item of a list that is a map.
    #[must_use]
    pub fn key<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        let mut fields: Vec<_> = fields.into_iter().map(|(name, value)| (name.to_owned(), KeyValue(value))).collect();
        fields.sort();
        Self::Key(fields)
    }

    /// As it stands in `fieldsV1`: `f:image`, `k:{"name":"api"}`, `v:"a"`, `i:0`.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(name, value)| {
                        format!("{}:{}", json_text(&Value::from(name.as_str()), false), json_text(&value.0, true))
                    })
                    .collect();
                format!("k:{{{}}}", fields.join(","))
            }
            Self::Value(value) => format!("v:{}", json_text(&value.0, true)),
            Self::Index(index) => format!("i:{index}"),
        }
    }

    /// Reads what [`PathElement::encode`] wrote. `Ok(None)` for an element type that a later Kubernetes may add: such are
    /// left out of a set, as the API server does.
    pub(super) fn decode(text: &str) -> Result<Option<Self>, &'static str> {
        let Some((kind, rest)) = text.split_once(':') else { return Err("has no colon") };
        Ok(Some(match kind {
            "f" => Self::Field(rest.to_owned()),
            "v" => Self::Value(KeyValue(serde_json::from_str(rest).map_err(|_| "holds no JSON value")?)),
            "k" => {
                let Ok(Value::Object(map)) = serde_json::from_str(rest) else { return Err("holds no JSON map") };
                Self::Key(map.into_iter().map(|(name, value)| (name, KeyValue(value))).collect())
            }
            "i" => Self::Index(rest.parse().map_err(|_| "holds no number")?),
            kind if kind.len() == 1 => return Ok(None),
            _ => return Err("has no colon after its type"),
        }))
    }
}

/// JSON in the spelling of the API server: whole floats without a fraction, and `<`, `>`, `&` escaped where it does so.
fn json_text(value: &Value, escape_html: bool) -> String {
    match value {
        Value::Number(number) if number.is_f64() => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() < 1e21 => format!("{float:.0}"),
            _ => number.to_string(),
        },
        Value::String(text) if escape_html => json::text(text),
        _ => value.to_string(),
    }
}

impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        f.write_str(",")?;
                    }
                    write!(f, "{name}={value}")?;
                }
                f.write_str("]")
            }
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// The path of a field from the object's root. Shown, and serialised, as
/// `.spec.template.spec.containers[name="api"].image`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct FieldPath(pub Vec<PathElement>);

impl FieldPath {
    /// A path of plain fields.
    #[must_use]
    pub fn of(fields: &[&str]) -> Self {
        Self(fields.iter().map(|name| PathElement::field(name)).collect())
    }

    /// The path of something inside.
    #[must_use]
    pub fn join(&self, element: PathElement) -> Self {
        let mut path = self.clone();
        path.0.push(element);
        path
    }

    /// Whether this is `other` or something inside it.
    #[must_use]
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The value at this path: through list items by their keys, values or indices. A key that an item leaves out (the
    /// protocol of a port) counts as its default when no item has it.
    #[must_use]
    pub fn get<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |value, element| match element {
            PathElement::Field(name) => value.get(name),
            PathElement::Key(fields) => {
                let items = value.as_array()?;
                let is = |item: &Value, (name, wanted): &(String, KeyValue)| {
                    item.get(name).map(|found| order(found, &wanted.0) == Ordering::Equal)
                };
                let exact = items.iter().find(|item| fields.iter().all(|field| is(item, field) == Some(true)));
                exact.or_else(|| {
                    items.iter().find(|item| {
                        let found: Vec<_> = fields.iter().filter_map(|field| is(item, field)).collect();
                        !found.is_empty() && found.iter().all(|same| *same)
                    })
                })
            }
            PathElement::Value(wanted) => {
                value.as_array()?.iter().find(|item| order(item, &wanted.0) == Ordering::Equal)
            }
            PathElement::Index(index) => value.as_array()?.get(usize::try_from(*index).ok()?),
        })
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| element.fmt(f))
    }
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn elements_survive_their_text() {
        for text in [
            "f:image",
            "f:a:b",
            "f:",
            r#"k:{"containerPort":80,"protocol":"TCP"}"#,
            r#"v:"a""#,
            "v:3",
            "v:true",
            "i:0",
            r#"v:"\u003ca\u003e""#,
        ] {
            assert_eq!(PathElement::decode(text).unwrap().unwrap().encode(), text);
        }
        assert_eq!(PathElement::decode("z:later"), Ok(None));
        for bad in ["", "f", "v:", "k:[]", "k:3", "i:x", "fields:a"] {
            assert!(PathElement::decode(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_are_compared_by_size() {
        assert_eq!(KeyValue(json!(80)), KeyValue(json!(80.0)));
        assert!(KeyValue(json!(80)) < KeyValue(json!(443)));
        assert!(KeyValue(json!(443)) < KeyValue(json!("1")));
        assert_eq!(PathElement::Value(KeyValue(json!(80.0))).encode(), "v:80");
    }

    #[test]
    fn shown_as_people_read_it() {
        let path = FieldPath::of(&["spec", "containers"])
            .join(PathElement::key([("name", json!("api"))]))
            .join(PathElement::field("image"));
        assert_eq!(path.to_string(), r#".spec.containers[name="api"].image"#);
        assert_eq!(path.get(&json!({"spec": {"containers": [{"name": "api", "image": "x"}]}})), Some(&json!("x")));
        assert_eq!(path.get(&json!({"spec": {"containers": 3}})), None);
    }
}
