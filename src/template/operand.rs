//! What an expression gives: a value, and whether it came out of an `interface {}` (Go's error texts tell the difference).

use super::types::Type;
use super::value::Value;

/// The value and its form lie beside each other, so that one goes into an argument and out of an interface without being looked at.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    form: Form,
    /// Nil where the form has no value.
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Missing,
    Concrete,
    NilPointer(&'static str),
    Interface,
}

/// An operand, looked at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Is<'v> {
    /// No value at all: a missing key, a pipeline that gave nil. Prints `<no value>`.
    Missing,
    /// A value of its own type.
    Concrete(&'v Value),
    /// A nil pointer of this type: an unset field of a struct.
    NilPointer(&'static str),
    /// What an `interface {}` holds, possibly nil: an element of `[]interface {}`, the result of most functions.
    Interface(&'v Value),
}

impl Operand {
    pub(super) const MISSING: Self = Self { form: Form::Missing, value: Value::Nil };

    pub(super) fn concrete(value: Value) -> Self {
        Self { form: Form::Concrete, value }
    }

    pub(super) fn interface(value: Value) -> Self {
        Self { form: Form::Interface, value }
    }

    pub(super) fn nil_pointer(name: &'static str) -> Self {
        Self { form: Form::NilPointer(name), value: Value::Nil }
    }

    pub(super) fn is(&self) -> Is<'_> {
        match self.form {
            Form::Missing => Is::Missing,
            Form::Concrete => Is::Concrete(&self.value),
            Form::NilPointer(name) => Is::NilPointer(name),
            Form::Interface => Is::Interface(&self.value),
        }
    }

    /// The element of a container that declares its elements so.
    pub(super) fn element(declared: Type, value: Value) -> Self {
        match declared {
            Type::Any | Type::Reflect | Type::Error => Self::interface(value),
            Type::Object(name) if value.is_nil() => Self::nil_pointer(name),
            _ => Self::concrete(value),
        }
    }

    /// What a function returned.
    pub(super) fn result(value: Value) -> Self {
        Self { form: if value.is_nil() { Form::Interface } else { Form::Concrete }, value }
    }

    /// Out of its interface: a nil one leaves nothing.
    pub(super) fn unwrapped(mut self) -> Self {
        if self.form == Form::Interface {
            self.form = if self.value.is_nil() { Form::Missing } else { Form::Concrete };
        }
        self
    }

    /// The value for functions that take anything.
    pub(super) fn into_value(self) -> Value {
        self.value
    }

    pub(super) fn value(&self) -> Option<&Value> {
        match self.form {
            Form::Missing | Form::NilPointer(_) => None,
            Form::Interface if self.value.is_nil() => None,
            Form::Concrete | Form::Interface => Some(&self.value),
        }
    }

    pub(super) fn truth(&self) -> bool {
        // Without a value it is nil, which is false.
        self.value.truth()
    }

    /// The static type, as error texts name it.
    pub(super) fn type_name(&self) -> &'static str {
        match self.is() {
            Is::Missing => "nil",
            Is::NilPointer(name) => name,
            Is::Interface(_) => "interface {}",
            Is::Concrete(Value::Error(_)) => "error",
            Is::Concrete(value) => value.type_name(),
        }
    }
}
