//! Go's `text/template`: a template text and data become text.
//!
//! `render/` calls it, `functions/` adds to it. It knows neither Helm nor Kubernetes, and reads no file, clock or
//! environment. Lexer, parser, executor, values and printing follow Go's documented behaviour and its error texts
//! (<https://pkg.go.dev/text/template>, <https://pkg.go.dev/fmt>); `tests/template/` holds the cases that Go itself answered.
//!
//! ```text
//! text ─ lexer ─▶ tokens ─ parser ─▶ Set of trees ─ Engine(functions, limits, data) ─▶ text
//! ```

mod builtins;
mod container;
mod context;
mod error;
mod function;
mod json;
mod limits;
mod object;
mod print;
mod set;
mod text;
mod types;
mod value;

pub use container::{Entries, List, Map};
pub use context::{Context, Engine, MissingKey};
pub use error::{Error, ErrorKind};
pub use function::{Body, FuncError, Function, FunctionTable};
pub use json::JsonError;
pub use limits::Limits;
pub use object::Object;
pub use set::Set;
pub use text::Str;
pub use types::{
    ANY_LIST, ANY_MAP, BYTES_MAP, INT_LIST, Kind, LIST_LIST, ListType, MAP_LIST, MapType, Method, STRING_LIST,
    STRING_MAP, Signature, Type,
};
pub use value::Value;
