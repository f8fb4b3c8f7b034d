//! The runtime value of templates: Go's dynamic types, cheap to clone.

use super::container::{List, Map};
use super::entries::Entries;
use super::function::Function;
use super::object::Object;
use super::text::{Bytes, Str};
use super::types::{Kind, Method};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// A Go value. Cloning copies at most a pointer; maps stay shared.
#[derive(Clone, Default)]
pub enum Value {
    /// A nil interface. (A nil map or slice is a [`Map`] or [`List`] that says so.)
    #[default]
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`: number literals, lengths, indices.
    Int(i64),
    /// `int32`
    Int32(i32),
    /// `int64`: what most arithmetic functions return.
    Int64(i64),
    /// `uint8`: one byte of an indexed string.
    Uint8(u8),
    /// `uint`
    Uint(u64),
    /// `uint64`
    Uint64(u64),
    /// `float64`: every number that came from YAML or JSON.
    Float64(f64),
    /// `complex128`
    Complex(f64, f64),
    /// `string`
    String(Str),
    /// `[]uint8`
    Bytes(Bytes),
    /// A slice.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// An `error` value.
    Error(Str),
    /// A struct or other opaque type.
    Object(Rc<dyn Object>),
    /// A function value, which `call` can call.
    Func(Rc<Function>),
}

impl Value {
    /// A `[]interface {}`.
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(List::from(items))
    }

    /// A `[]string`.
    pub fn strings<I: IntoIterator<Item = String>>(items: I) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// A `map[string]interface {}`.
    pub fn map<K: Into<Arc<str>>, I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        Self::Map(Map::from(entries.into_iter().map(|(key, value)| (key.into(), value)).collect::<Entries>()))
    }

    /// An opaque object.
    pub fn object(object: impl Object + 'static) -> Self {
        Self::Object(Rc::new(object))
    }

    /// A `[]uint8`.
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self::Bytes(Bytes::from(bytes))
    }

    /// Whether this is the nil interface.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// Whether this is nil in any way: the nil interface, or a nil map or slice.
    pub fn holds_nil(&self) -> bool {
        match self {
            Self::Nil => true,
            Self::Bytes(bytes) => bytes.is_nil(),
            Self::List(list) => list.is_nil(),
            Self::Map(map) => map.is_nil(),
            _ => false,
        }
    }

    pub(super) fn is_container(&self) -> bool {
        matches!(self, Self::List(_) | Self::Map(_))
    }

    /// The text of a `string`.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text of an argument whose parameter is declared as a string; empty for anything else.
    pub fn str(&self) -> &str {
        self.as_str().unwrap_or_default()
    }

    /// The truth of a `bool`.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The number, if this is an integer of any type that fits (floats are not integers).
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Int(n) | Self::Int64(n) => Some(n),
            Self::Int32(n) => Some(i64::from(n)),
            Self::Uint8(n) => Some(i64::from(n)),
            Self::Uint(n) | Self::Uint64(n) => i64::try_from(n).ok(),
            _ => None,
        }
    }

    /// The number, if this is a `float64`.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float64(x) => Some(*x),
            _ => None,
        }
    }

    /// The slice.
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The map.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The object, if it is of this Rust type.
    pub fn downcast<T: 'static>(&self) -> Option<&T> {
        match self {
            Self::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// Go's kind, as `kindOf` names it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Nil => Kind::Invalid,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Int32(_) => Kind::Int32,
            Self::Int64(_) => Kind::Int64,
            Self::Uint8(_) => Kind::Uint8,
            Self::Uint(_) => Kind::Uint,
            Self::Uint64(_) => Kind::Uint64,
            Self::Float64(_) => Kind::Float64,
            Self::Complex(..) => Kind::Complex128,
            Self::String(_) => Kind::String,
            Self::Bytes(_) | Self::List(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
            Self::Error(_) => Kind::Ptr,
            Self::Object(object) => object.kind(),
            Self::Func(_) => Kind::Func,
        }
    }

    /// Go's name of the type, as `typeOf` and `%T` print it (`<nil>` for nil).
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int32(_) => "int32",
            Self::Int64(_) => "int64",
            Self::Uint8(_) => "uint8",
            Self::Uint(_) => "uint",
            Self::Uint64(_) => "uint64",
            Self::Float64(_) => "float64",
            Self::Complex(..) => "complex128",
            Self::String(_) => "string",
            Self::Bytes(_) => "[]uint8",
            Self::List(list) => list.ty().name,
            Self::Map(map) => map.ty().name,
            Self::Error(_) => "*errors.errorString",
            Self::Object(object) => object.type_name(),
            Self::Func(_) => "func()",
        }
    }

    /// The methods that a template can call on it.
    pub fn methods(&self) -> &'static [Method] {
        match self {
            Self::List(list) => list.ty().methods,
            Self::Map(map) => map.ty().methods,
            Self::Object(object) => object.methods(),
            _ => &[],
        }
    }

    /// Go's truth: what `if` decides by. Empty and zero values are false, structs are true.
    pub fn truth(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(truth) => *truth,
            Self::Int(n) | Self::Int64(n) => *n != 0,
            Self::Int32(n) => *n != 0,
            Self::Uint8(n) => *n != 0,
            Self::Uint(n) | Self::Uint64(n) => *n != 0,
            Self::Float64(x) => *x != 0.0,
            Self::Complex(re, im) => *re != 0.0 || *im != 0.0,
            Self::String(text) => !text.as_bytes().is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Error(_) | Self::Object(_) | Self::Func(_) => true,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.type_name(), self)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Self {
        Self::Float64(x)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(Str::from(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(Str::from(text))
    }
}

impl From<Str> for Value {
    fn from(text: Str) -> Self {
        Self::String(text)
    }
}

impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Self {
        Self::String(Str::from(text))
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}
