//! What an expression gives: a value, and whether it came out of an `interface {}` (Go's error texts tell the difference).

use super::types::Type;
use super::value::Value;

#[derive(Clone, Debug)]
pub(super) enum Operand {
    /// No value at all: a missing key, a pipeline that gave nil. Prints `<no value>`.
    Missing,
    /// A value of its own type.
    Concrete(Value),
    /// A nil pointer of this type: an unset field of a struct.
    NilPointer(&'static str),
    /// What an `interface {}` holds, possibly nil: an element of `[]interface {}`, the result of most functions.
    Interface(Value),
}

impl Operand {
    /// The element of a container that declares its elements so.
    pub(super) fn element(declared: Type, value: Value) -> Self {
        match (declared, value) {
            (Type::Any | Type::Reflect | Type::Error, value) => Self::Interface(value),
            (Type::Object(name), Value::Nil) => Self::NilPointer(name),
            (_, value) => Self::Concrete(value),
        }
    }

    /// What a function returned.
    pub(super) fn result(value: Value) -> Self {
        if value.is_nil() { Self::Interface(value) } else { Self::Concrete(value) }
    }

    /// Out of its interface: a nil one leaves nothing.
    pub(super) fn unwrapped(self) -> Self {
        match self {
            Self::Interface(Value::Nil) => Self::Missing,
            Self::Interface(value) => Self::Concrete(value),
            other => other,
        }
    }

    /// The value for functions that take anything.
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Missing | Self::NilPointer(_) => Value::Nil,
            Self::Concrete(value) | Self::Interface(value) => value,
        }
    }

    pub(super) fn value(&self) -> Option<&Value> {
        match self {
            Self::Missing | Self::NilPointer(_) | Self::Interface(Value::Nil) => None,
            Self::Concrete(value) | Self::Interface(value) => Some(value),
        }
    }

    pub(super) fn truth(&self) -> bool {
        self.value().is_some_and(Value::truth)
    }

    /// The static type, as error texts name it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Missing => "nil",
            Self::NilPointer(name) => name,
            Self::Interface(_) => "interface {}",
            Self::Concrete(Value::Error(_)) => "error",
            Self::Concrete(value) => value.type_name(),
        }
    }
}
