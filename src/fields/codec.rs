//! `fieldsV1`: a field set as JSON, in the API server's own spelling and order.

use serde_json::{Map, Value};

use super::set::Node;
use super::{FieldSet, PathElement};

/// How deep a field set may be nested; JSON of the API server never is deeper.
const MAX_DEPTH: usize = 128;

/// Text that is no `fieldsV1`. Not retryable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// Not JSON at all.
    #[error("not JSON: {0}")]
    Json(String),
    /// Something else than a map where a map of path elements belongs.
    #[error("expected a map of path elements")]
    NotAMap,
    /// A key that is no path element.
    #[error("path element `{0}` {1}")]
    Element(String, &'static str),
    /// Nested deeper than 128 levels.
    #[error("nested too deeply")]
    TooDeep,
}

impl FieldSet {
    /// Reads `fieldsV1`. Elements of types unknown here are left out, as the API server does.
    ///
    /// # Errors
    /// When it is not a tree of path elements.
    pub fn from_json(value: &Value) -> Result<Self, FieldsError> {
        Ok(read(value, 0)?.0)
    }

    /// Reads the text of `fieldsV1`.
    ///
    /// # Errors
    /// As [`FieldSet::from_json`], and when it is no JSON.
    pub fn from_text(text: &str) -> Result<Self, FieldsError> {
        Self::from_json(&serde_json::from_str(text).map_err(|error| FieldsError::Json(error.to_string()))?)
    }

    /// As a JSON value. Its keys are in the order of `serde_json`, which is that of their text.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        for (element, node) in &self.nodes {
            let mut inner = node.children.to_json();
            if let Value::Object(inner) = &mut inner
                && node.member
                && !inner.is_empty()
            {
                inner.insert(".".to_owned(), Value::Object(Map::new()));
            }
            map.insert(element.encode(), inner);
        }
        Value::Object(map)
    }

    /// As text, byte for byte as the API server writes it: `.` first, then fields, keys, values, each in order of what
    /// they are, not of their text (`80` before `443`).
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write(false, &mut out);
        out
    }

    fn write(&self, itself: bool, out: &mut String) {
        out.push('{');
        let mut first = true;
        let mut comma = |out: &mut String| {
            if !first {
                out.push(',');
            }
            first = false;
        };
        if itself && !self.is_empty() {
            comma(out);
            out.push_str("\".\":{}");
        }
        for (element, node) in &self.nodes {
            comma(out);
            out.push_str(&Value::from(element.encode()).to_string());
            out.push(':');
            node.children.write(node.member, out);
        }
        out.push('}');
    }
}

/// The set below, and whether the element itself is a member: it is when `.` says so or when there is nothing below.
fn read(value: &Value, depth: usize) -> Result<(FieldSet, bool), FieldsError> {
    if depth > MAX_DEPTH {
        return Err(FieldsError::TooDeep);
    }
    let map = match value {
        Value::Object(map) => map,
        Value::Null => return Ok((FieldSet::new(), true)),
        _ => return Err(FieldsError::NotAMap),
    };
    let mut set = FieldSet::new();
    let mut member = false;
    for (key, inner) in map {
        if key == "." {
            member = true;
            continue;
        }
        let element = PathElement::decode(key).map_err(|why| FieldsError::Element(key.clone(), why))?;
        let Some(element) = element else { continue };
        let (children, inside) = read(inner, depth + 1)?;
        // Two spellings of one element (`k:` with its fields in another order) mean the same.
        let node: &mut Node = set.nodes.entry(element).or_default();
        node.member |= inside;
        node.children.extend(&children);
    }
    set.prune();
    let member = member || set.is_empty();
    Ok((set, member))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_servers_bytes_survive() {
        for text in [
            "{}",
            r#"{"f:data":{".":{},"f:a":{}}}"#,
            r#"{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{}}}"#,
            r#"{"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{}},"k:{\"port\":443,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}}}}"#,
            r#"{"f:metadata":{"f:finalizers":{".":{},"v:\"x/y\"":{}}}}"#,
        ] {
            let set = FieldSet::from_text(text).unwrap();
            assert_eq!(set.to_text(), text);
            assert_eq!(FieldSet::from_json(&set.to_json()).unwrap(), set);
        }
    }

    #[test]
    fn hostile_text_is_an_error() {
        for bad in
            ["", "[]", "3", r#"{"x":{}}"#, r#"{"f:a":3}"#, r#"{"k:{":{}}"#, r#"{"f:a":{"i:99999999999999999999":{}}}"#]
        {
            assert!(FieldSet::from_text(bad).is_err(), "{bad}");
        }
        let deep = format!("{}{}{}", r#"{"f:a":"#.repeat(100), "{}", "}".repeat(100));
        assert_eq!(FieldSet::from_text(&deep).unwrap().len(), 1);
        let deep = format!("{}{}{}", r#"{"f:a":"#.repeat(5000), "{}", "}".repeat(5000));
        assert!(FieldSet::from_text(&deep).is_err());
        let mut deep = Value::Object(Map::new());
        for _ in 0..1000 {
            deep = Value::Object([("f:a".to_owned(), deep)].into_iter().collect());
        }
        assert_eq!(FieldSet::from_json(&deep), Err(FieldsError::TooDeep));
    }

    #[test]
    fn what_a_later_kubernetes_adds_is_left_out() {
        let set = FieldSet::from_text(r#"{"f:a":{"z:new":{}},"z:b":{"f:c":{}}}"#).unwrap();
        assert_eq!(set.to_text(), r#"{"f:a":{}}"#);
    }

    /// Any JSON at all, with keys that often look like path elements.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), Just(Value::Object(Map::new()))];
        leaf.prop_recursive(5, 40, 5, |inner| {
            let key = prop_oneof![
                Just(".".to_owned()),
                "f:[a-c.\"\\\\]{0,3}",
                "v:(\"[a<]\"|1|1\\.0|true|null|\\[\\]|x)",
                "k:\\{\"[ab]\":(1|\"x\"|null)\\}",
                "[kvi]:.{0,4}",
                ".{0,3}",
            ];
            prop_oneof![
                4 => proptest::collection::btree_map(key, inner.clone(), 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
                1 => proptest::collection::vec(inner, 0..3).prop_map(Value::Array),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_breaks_it_and_what_is_read_survives(value in any_json()) {
            if let Ok(set) = FieldSet::from_json(&value) {
                prop_assert_eq!(&FieldSet::from_text(&set.to_text()).unwrap(), &set);
                prop_assert_eq!(&FieldSet::from_json(&set.to_json()).unwrap(), &set);
                prop_assert_eq!(set.len(), set.paths().len());
                prop_assert!(set.difference(&set).is_empty());
                prop_assert_eq!(&set.union(&set), &set);
                prop_assert_eq!(&set.intersection(&set), &set);
            }
        }
    }
}
