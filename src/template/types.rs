//! Go's types, as far as templates can tell them apart: what functions declare, what containers hold, and the names that
//! error messages, `typeOf` and `kindOf` print.

use super::context::Context;
use super::function::FuncError;
use super::value::Value;
use std::fmt;

/// A Go type. Parameters of functions are declared with it, and it is the element type of lists and maps.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// `interface {}`: anything, nil included.
    Any,
    /// `reflect.Value`: anything, handed over as it is (the builtins take these).
    Reflect,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
    /// `uint8`, which Go also calls byte.
    Uint8,
    /// `uint`
    Uint,
    /// `uint64`
    Uint64,
    /// `uint32`: only a parameter; no value is of this type, a literal becomes a `uint`.
    Uint32,
    /// `float64`
    Float64,
    /// `complex128`
    Complex,
    /// `string`
    String,
    /// `[]uint8`
    Bytes,
    /// A slice.
    List(&'static ListType),
    /// A map with string keys.
    Map(&'static MapType),
    /// A struct, a pointer to one, or a named type: by its Go name, as in `*chart.Metadata` or `time.Time`.
    Object(&'static str),
    /// `error`
    Error,
    /// A function value.
    Func,
}

/// The type of a slice.
pub struct ListType {
    /// Go's name, as in `[]interface {}` or `common.VersionSet`.
    pub name: &'static str,
    /// What the elements are.
    pub elem: Type,
    /// Methods that templates can call on it.
    pub methods: &'static [Method],
}

/// The type of a map with string keys.
pub struct MapType {
    /// Go's name, as in `map[string]interface {}` or `common.Values`.
    pub name: &'static str,
    /// What the values are.
    pub elem: Type,
    /// Methods that templates can call on it. A method hides an entry of the same name.
    pub methods: &'static [Method],
}

/// A method that templates can call as `.Receiver.Name arg…`.
pub struct Method {
    /// Its Go name.
    pub name: &'static str,
    /// What it takes, without the receiver.
    pub signature: Signature,
    /// What it does: receiver, then the arguments (checked against the signature).
    pub call: fn(&mut Context<'_>, &Value, &[Value]) -> Result<Value, FuncError>,
}

/// What a function takes. Arguments are checked against it before the call, with Go's messages.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Fixed parameters in order.
    pub params: &'static [Type],
    /// The element type of a final variadic parameter.
    pub variadic: Option<Type>,
}

impl Signature {
    /// A fixed number of parameters.
    pub const fn new(params: &'static [Type]) -> Self {
        Self { params, variadic: None }
    }

    /// Fixed parameters, then any number of the type given.
    pub const fn variadic(params: &'static [Type], rest: Type) -> Self {
        Self { params, variadic: Some(rest) }
    }
}

/// `[]interface {}`
pub static ANY_LIST: ListType = ListType { name: "[]interface {}", elem: Type::Any, methods: &[] };
/// `[]string`
pub static STRING_LIST: ListType = ListType { name: "[]string", elem: Type::String, methods: &[] };
/// `[]int`
pub static INT_LIST: ListType = ListType { name: "[]int", elem: Type::Int, methods: &[] };
/// `[]map[string]interface {}`
pub static MAP_LIST: ListType = ListType { name: "[]map[string]interface {}", elem: Type::Map(&ANY_MAP), methods: &[] };
/// `[][]interface {}`
pub static LIST_LIST: ListType = ListType { name: "[][]interface {}", elem: Type::List(&ANY_LIST), methods: &[] };
/// `map[string]interface {}`
pub static ANY_MAP: MapType = MapType { name: "map[string]interface {}", elem: Type::Any, methods: &[] };
/// `map[string]string`
pub static STRING_MAP: MapType = MapType { name: "map[string]string", elem: Type::String, methods: &[] };
/// `map[string][]uint8`
pub static BYTES_MAP: MapType = MapType { name: "map[string][]uint8", elem: Type::Bytes, methods: &[] };

/// Go's kinds (`reflect.Kind`), as `kindOf` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No value: nil.
    Invalid,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
    /// `uint8`
    Uint8,
    /// `uint`
    Uint,
    /// `uint64`
    Uint64,
    /// `float64`
    Float64,
    /// `complex128`
    Complex128,
    /// `func`
    Func,
    /// `map`
    Map,
    /// `ptr`
    Ptr,
    /// `slice`
    Slice,
    /// `string`
    String,
    /// `struct`
    Struct,
}

impl Kind {
    /// Go's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint => "uint",
            Self::Uint64 => "uint64",
            Self::Float64 => "float64",
            Self::Complex128 => "complex128",
            Self::Func => "func",
            Self::Map => "map",
            Self::Ptr => "ptr",
            Self::Slice => "slice",
            Self::String => "string",
            Self::Struct => "struct",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Type {
    /// `[]interface {}`
    pub const ANY_LIST: Self = Self::List(&ANY_LIST);
    /// `[]string`
    pub const STRING_LIST: Self = Self::List(&STRING_LIST);
    /// `[]int`
    pub const INT_LIST: Self = Self::List(&INT_LIST);
    /// `map[string]interface {}`
    pub const ANY_MAP: Self = Self::Map(&ANY_MAP);
    /// `map[string]string`
    pub const STRING_MAP: Self = Self::Map(&STRING_MAP);

    /// Go's name, as error messages print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Reflect => "reflect.Value",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint => "uint",
            Self::Uint64 => "uint64",
            Self::Uint32 => "uint32",
            Self::Float64 => "float64",
            Self::Complex => "complex128",
            Self::String => "string",
            Self::Bytes => "[]uint8",
            Self::List(list) => list.name,
            Self::Map(map) => map.name,
            Self::Object(name) => name,
            Self::Error => "error",
            Self::Func => "func()",
        }
    }

    /// Whether nil is a value of this type.
    pub fn can_be_nil(self) -> bool {
        match self {
            Self::Any | Self::Reflect | Self::Bytes | Self::List(_) | Self::Map(_) | Self::Error | Self::Func => true,
            Self::Object(name) => name.starts_with('*'),
            _ => false,
        }
    }

    /// Go's zero value of the type.
    pub fn zero(self) -> Value {
        match self {
            Self::Any | Self::Reflect | Self::Object(_) | Self::Error | Self::Func => Value::Nil,
            Self::Bool => Value::Bool(false),
            Self::Int => Value::Int(0),
            Self::Int32 => Value::Int32(0),
            Self::Int64 => Value::Int64(0),
            Self::Uint8 => Value::Uint8(0),
            Self::Uint | Self::Uint32 => Value::Uint(0),
            Self::Uint64 => Value::Uint64(0),
            Self::Float64 => Value::Float64(0.0),
            Self::Complex => Value::Complex(0.0, 0.0),
            Self::String => Value::from(""),
            Self::Bytes => Value::Bytes(super::text::Bytes::NIL),
            Self::List(list) => Value::List(super::container::List::nil(list)),
            Self::Map(map) => Value::Map(super::container::Map::nil(map)),
        }
    }

    /// Whether a value can be passed where this type is wanted (Go's assignability).
    pub fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any | Self::Reflect, _)
            | (Self::Bool, Value::Bool(_))
            | (Self::Int, Value::Int(_))
            | (Self::Int32, Value::Int32(_))
            | (Self::Int64, Value::Int64(_))
            | (Self::Uint8, Value::Uint8(_))
            | (Self::Uint, Value::Uint(_))
            | (Self::Uint64, Value::Uint64(_))
            | (Self::Float64, Value::Float64(_))
            | (Self::Complex, Value::Complex(..))
            | (Self::String, Value::String(_))
            | (Self::Bytes, Value::Bytes(_))
            | (Self::Error, Value::Error(_))
            | (Self::Func, Value::Func(_)) => true,
            (Self::List(want), Value::List(list)) => assignable(want.name, list.ty().name, want.elem, list.ty().elem),
            (Self::Map(want), Value::Map(map)) => assignable(want.name, map.ty().name, want.elem, map.ty().elem),
            (Self::Object(name), Value::Object(object)) => name == object.type_name(),
            _ => false,
        }
    }
}

/// Two container types fit when they are the same, or when one of them has no name of its own and the elements agree.
fn assignable(want: &str, got: &str, want_elem: Type, got_elem: Type) -> bool {
    let unnamed = |name: &str| name.starts_with('[') || name.starts_with("map[");
    want == got || ((unnamed(want) || unnamed(got)) && want_elem.name() == got_elem.name())
}

impl fmt::Debug for ListType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for MapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
