//! Go's `text/template`: a template text and data become text.
//!
//! `render/` calls it, `functions/` adds to it. It knows neither Helm nor Kubernetes, and reads no file, clock or
//! environment. Lexer, parser, executor, values and printing follow Go's documented behaviour and its error texts
//! (<https://pkg.go.dev/text/template>, <https://pkg.go.dev/fmt>); `tests/parity/text_template/` holds the cases that Go itself answered.
//!
//! ```text
//! text ─ lexer ─▶ tokens ─ parser ─▶ Set of trees ─ Engine(functions, limits, data) ─▶ text
//! ```

mod analysis;
mod ast;
mod builtins;
mod compare;
mod container;
mod context;
mod entries;
mod error;
mod escape;
mod eval;
mod exec;
mod float;
mod frozen;
mod function;
mod json;
mod lexer;
mod limits;
mod names;
mod number;
mod object;
mod operand;
mod parser;
mod place;
mod print;
mod printf;
mod reads;
mod set;
mod spare;
mod text;
mod touch;
mod types;
mod value;
mod watch;

#[cfg(test)]
mod tests;

pub use analysis::{Analysis, DataPath};
pub use container::{List, Map};
pub use context::{Context, Engine, MissingKey};
pub use entries::Entries;
pub use error::{Error, ErrorKind};
pub use float::format_float;
pub use frozen::Frozen;
pub use function::{Body, FuncError, Function, FunctionTable};
pub use json::JsonError;
pub use limits::Limits;
pub use number::{parse_float, parse_int, parse_uint};
pub use object::Object;
pub use place::Place;
pub use reads::{Asked, EVERY, Reads};
pub use set::{Dialect, Set};
pub use text::{Bytes, Str};
pub use touch::Touch;
pub use types::{
    ANY_LIST, ANY_MAP, BYTES_MAP, INT_LIST, Kind, LIST_LIST, ListType, MAP_LIST, MapType, Method, STRING_LIST,
    STRING_MAP, Signature, Type,
};
pub use value::Value;
pub use watch::{Called, Origin, Watch};
