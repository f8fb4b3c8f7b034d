//! What is made of a text that is read quickly.

use serde_json::{Map, Number, Value};

use super::Scalar;
use crate::diagnostic::Position;
use crate::yaml::number::fits_i64;
use crate::yaml::{Node, NodeValue, Numbers, Wanted, key, resolve};

/// Makes something of a document. `None` anywhere: the long way has to read it.
pub(super) trait Sink: Copy {
    /// What a node becomes.
    type Value;
    /// A list that is being read.
    type List: Default;
    /// A map that is being read.
    type Map: Default;
    /// What a key becomes.
    type Key;
    /// Whether the text of scalars matters.
    const KEEPS: bool;

    fn scalar(self, scalar: Scalar<'_>) -> Option<Self::Value>;
    /// A value that is not there.
    fn null(self) -> Self::Value;
    fn item(self, list: &mut Self::List, value: Self::Value);
    fn list(self, list: Self::List) -> Self::Value;
    /// A key, and what reads its value; nobody, if it is not wanted.
    fn key(self, key: Scalar<'_>) -> Option<(Self::Key, Option<Self>)>;
    fn entry(self, map: &mut Self::Map, key: Self::Key, value: Self::Value) -> Option<()>;
    fn map(self, map: Self::Map) -> Self::Value;
}

/// The value of a scalar, unless it is one that JSON does not have.
fn resolved(scalar: Scalar<'_>) -> Option<NodeValue> {
    let value = resolve::scalar(None, scalar.plain, scalar.text).ok()?;
    let is_json = !matches!(value, NodeValue::Float(f) if !f.is_finite());
    is_json.then_some(value)
}

/// The text of a key that JSON can have.
fn key_text(key: Scalar<'_>) -> Option<String> {
    match resolved(key)? {
        NodeValue::String(text) => Some(text),
        other => key::text(&other),
    }
}

/// A JSON value.
#[derive(Clone, Copy)]
pub(super) struct Json(pub(super) Numbers);

impl Json {
    fn float(f: f64) -> Option<Value> {
        Number::from_f64(f).map(Value::Number)
    }
}

impl Sink for Json {
    type Value = Value;
    type List = Vec<Value>;
    type Map = Map<String, Value>;
    type Key = String;
    const KEEPS: bool = true;

    #[expect(clippy::cast_precision_loss, reason = "Go reads the integers of values into float64")]
    fn scalar(self, scalar: Scalar<'_>) -> Option<Value> {
        match (resolved(scalar)?, self.0) {
            (NodeValue::String(text), _) => Some(Value::String(text)),
            (NodeValue::Null, _) => Some(Value::Null),
            (NodeValue::Bool(b), _) => Some(Value::Bool(b)),
            (NodeValue::Int(n), Numbers::Exact) => Some(n.into()),
            (NodeValue::UInt(n), Numbers::Exact) => Some(n.into()),
            (NodeValue::Int(n), Numbers::Float) => Self::float(n as f64),
            (NodeValue::UInt(n), Numbers::Float) => Self::float(n as f64),
            (NodeValue::Float(f), Numbers::Exact) => fits_i64(f).map_or_else(|| Self::float(f), |n| Some(n.into())),
            (NodeValue::Float(f), Numbers::Float) => Self::float(f),
            (NodeValue::Seq(_) | NodeValue::Map(_), _) => None,
        }
    }

    fn null(self) -> Value {
        Value::Null
    }

    fn item(self, list: &mut Vec<Value>, value: Value) {
        list.push(value);
    }

    fn list(self, list: Vec<Value>) -> Value {
        Value::Array(list)
    }

    fn key(self, key: Scalar<'_>) -> Option<(String, Option<Self>)> {
        Some((key_text(key)?, Some(self)))
    }

    fn entry(self, map: &mut Self::Map, key: String, value: Value) -> Option<()> {
        map.insert(key, value).is_none().then_some(())
    }

    fn map(self, map: Self::Map) -> Value {
        Value::Object(map)
    }
}

/// Nothing: what is not wanted is only walked over.
#[derive(Clone, Copy)]
pub(super) struct Skip;

impl Sink for Skip {
    type Value = ();
    type List = ();
    type Map = ();
    type Key = ();
    const KEEPS: bool = false;

    fn scalar(self, scalar: Scalar<'_>) -> Option<()> {
        // Infinities and not-a-number start with a point, or with a sign and a point.
        let odd = scalar.plain && matches!(scalar.text.as_bytes(), [b'.', ..] | [b'+' | b'-', b'.', ..]);
        (!odd || resolved(scalar).is_some()).then_some(())
    }

    fn null(self) {}

    fn item(self, (): &mut (), (): ()) {}

    fn list(self, (): ()) {}

    fn key(self, key: Scalar<'_>) -> Option<((), Option<Self>)> {
        // What starts with a letter is a text, a boolean or null.
        let surely = !key.plain || key.text.starts_with(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'n' | 'N'));
        (surely || key_text(key).is_some()).then_some(((), Some(self)))
    }

    fn entry(self, (): &mut (), (): (), (): ()) -> Option<()> {
        Some(())
    }

    fn map(self, (): ()) {}
}

/// The nodes that are wanted, without their places.
#[derive(Clone, Copy)]
pub(super) struct Parts(pub(super) &'static Wanted);

fn node(value: NodeValue) -> Node {
    let nowhere = Position::new(1, 1);
    Node { value, start: nowhere, end: nowhere }
}

impl Sink for Parts {
    type Value = Node;
    type List = Vec<Node>;
    type Map = Vec<(Node, Node)>;
    type Key = NodeValue;
    const KEEPS: bool = true;

    fn scalar(self, scalar: Scalar<'_>) -> Option<Node> {
        resolved(scalar).map(node)
    }

    fn null(self) -> Node {
        node(NodeValue::Null)
    }

    fn item(self, list: &mut Vec<Node>, value: Node) {
        list.push(value);
    }

    fn list(self, list: Vec<Node>) -> Node {
        node(NodeValue::Seq(list))
    }

    fn key(self, key: Scalar<'_>) -> Option<(NodeValue, Option<Self>)> {
        let inner = match self.0 {
            Wanted::All => Some(self),
            Wanted::Only(names) => {
                let found = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key.text));
                let Some((_, inner)) = found else { return Some((NodeValue::Null, Skip.key(key)?.1.and(None))) };
                Some(Self(inner))
            }
        };
        let text = key_text(key)?;
        Some((NodeValue::String(text), inner))
    }

    fn entry(self, map: &mut Self::Map, key: NodeValue, value: Node) -> Option<()> {
        // Of equal keys the last one wins; the long way knows how.
        let known = map.iter().any(|(held, _)| held.value == key);
        map.push((node(key), value));
        (!known).then_some(())
    }

    fn map(self, map: Self::Map) -> Node {
        node(NodeValue::Map(map))
    }
}
