//! Go structs and other opaque types that templates meet: chart metadata, versions, times.

use super::types::{Kind, Method, Type};
use super::value::Value;
use std::any::Any;
use std::fmt;

/// A Go value that is more than data: it has a type of its own, fields and methods.
pub trait Object: fmt::Debug {
    /// Go's name of its type, as in `*chart.Metadata` (what `%T` and `typeOf` print).
    fn type_name(&self) -> &'static str;

    /// Go's kind: [`Kind::Ptr`] for a pointer to a struct, [`Kind::Struct`] for a struct.
    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    /// An exported field. `None`: there is no such field.
    fn field(&self, name: &str) -> Option<Value>;

    /// The exported fields in declaration order, for printing and JSON. Opaque types have none.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// The declared type of a field: it decides how a nil in it reads.
    fn field_type(&self, _name: &str) -> Type {
        Type::Any
    }

    /// The methods that templates can call. A method hides a field of the same name.
    fn methods(&self) -> &'static [Method] {
        &[]
    }

    /// What Go's `String()` (or `Error()`) method gives; types without one print as their fields.
    fn string(&self) -> Option<String> {
        None
    }

    /// What its `GoString()` method gives, which `%#v` prints.
    fn go_string(&self) -> Option<String> {
        None
    }

    /// The fields as `encoding/json` names them, in its order, without those that it leaves out.
    fn json_fields(&self) -> Vec<(&'static str, Value)> {
        self.fields()
    }

    /// What the pointer's `String()` method gives where the struct itself has none: Go finds it only where it can take the
    /// address, which is where a template prints the field itself.
    fn pointer_string(&self) -> Option<String> {
        None
    }

    /// What an `interface {}` holds after the struct was put into it, where that is less than the original: a copy does not have
    /// the methods of its pointer.
    fn copied(&self) -> Option<Value> {
        None
    }

    /// The fields as go-yaml names them, in its order, without those that it leaves out.
    fn yaml_fields(&self) -> Vec<(String, Value)> {
        self.fields().into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect()
    }

    /// What `encoding/json` makes of it. `None`: an object of [`Self::json_fields`].
    fn json(&self) -> Option<serde_json::Value> {
        None
    }

    /// Whether it equals another object. By default only itself, as pointers do.
    fn equals(&self, _other: &dyn Object) -> bool {
        false
    }

    /// Itself, to downcast.
    fn as_any(&self) -> &dyn Any;
}
