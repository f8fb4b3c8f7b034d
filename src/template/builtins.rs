//! Go's own functions, except `and` and `or`, which do not evaluate all their arguments and so live in the executor.

use super::compare::{self, Order};
use super::context::Context;
use super::error::{Error, ErrorKind};
use super::escape;
use super::function::FuncError;
use super::limits::MAX_TEXT;
use super::operand::{Is, Operand};
use super::print::{sprint, sprint_action, sprintln};
use super::printf::sprintf;
use super::set::Dialect;
use super::text::Str;
use super::types::{Kind, Signature, Type};
use super::value::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builtin {
    And,
    Or,
    Not,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Len,
    Index,
    Slice,
    Print,
    Printf,
    Println,
    Html,
    Js,
    UrlQuery,
    Call,
}

const NAMES: [(&str, Builtin); 19] = [
    ("and", Builtin::And),
    ("or", Builtin::Or),
    ("not", Builtin::Not),
    ("eq", Builtin::Eq),
    ("ne", Builtin::Ne),
    ("lt", Builtin::Lt),
    ("le", Builtin::Le),
    ("gt", Builtin::Gt),
    ("ge", Builtin::Ge),
    ("len", Builtin::Len),
    ("index", Builtin::Index),
    ("slice", Builtin::Slice),
    ("print", Builtin::Print),
    ("printf", Builtin::Printf),
    ("println", Builtin::Println),
    ("html", Builtin::Html),
    ("js", Builtin::Js),
    ("urlquery", Builtin::UrlQuery),
    ("call", Builtin::Call),
];

/// The builtin of this name.
pub(super) fn find(name: &str) -> Option<Builtin> {
    NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, builtin)| builtin)
}

impl Builtin {
    pub(super) fn signature(self) -> Signature {
        match self {
            Self::Not | Self::Len => Signature::new(&[Type::Reflect]),
            Self::Ne | Self::Lt | Self::Le | Self::Gt | Self::Ge => Signature::new(&[Type::Reflect, Type::Reflect]),
            Self::And | Self::Or | Self::Eq | Self::Index | Self::Slice | Self::Call => {
                Signature::variadic(&[Type::Reflect], Type::Reflect)
            }
            Self::Printf => Signature::variadic(&[Type::String], Type::Any),
            Self::Print | Self::Println | Self::Html | Self::Js | Self::UrlQuery => Signature::variadic(&[], Type::Any),
        }
    }

    /// Runs it. `callee` is the text of the function that `call` is given.
    pub(super) fn run(
        self,
        context: &mut Context<'_>,
        args: &mut Vec<Operand>,
        callee: &dyn Fn() -> String,
    ) -> Result<Operand, FuncError> {
        let dialect = context.dialect();
        let pair = |args: &[Operand]| compare::lt(&args[0], &args[1], dialect);
        let bool = |truth: bool| Operand::concrete(Value::Bool(truth));
        Ok(match self {
            Self::And | Self::Or => Operand::MISSING,
            Self::Not => bool(!args[0].truth()),
            Self::Eq => bool(compare::eq(&args[0], &args[1..], dialect)?),
            Self::Ne => bool(!compare::eq(&args[0], &args[1..], dialect)?),
            Self::Lt => bool(pair(args)? == Order::Less),
            Self::Le => bool(pair(args)? == Order::Less || compare::eq(&args[0], &args[1..], dialect)?),
            Self::Gt => bool(pair(args)? != Order::Less && !compare::eq(&args[0], &args[1..], dialect)?),
            Self::Ge => bool(pair(args)? != Order::Less),
            Self::Len => Operand::concrete(Value::Int(length(&args[0])?)),
            Self::Index => {
                let mut args = args.drain(..);
                index(args.next().unwrap_or(Operand::MISSING), args)?
            }
            Self::Slice => Operand::concrete(slice(&args[0], &args[1..], dialect)?),
            Self::Call => call(context, args, callee)?,
            Self::Print | Self::Println | Self::Printf | Self::Html | Self::Js | Self::UrlQuery => {
                let mut values = context.spare.values();
                values.extend(args.drain(..).map(Operand::into_value));
                let text = self.text(&values);
                context.spare.keep_values(values);
                if text.as_bytes().len() > MAX_TEXT {
                    return Err(limit_reached(format!("limit reached: text ({MAX_TEXT} bytes)")));
                }
                context.spend(text.as_bytes().len() as u64 / 64)?;
                Operand::concrete(Value::String(text))
            }
        })
    }

    fn text(self, args: &[Value]) -> Str {
        match self {
            Self::Print => sprint(args),
            Self::Println => sprintln(args),
            Self::Printf => match args.split_first() {
                Some((Value::String(format), rest)) => sprintf(format.as_bytes(), rest),
                _ => Str::from(""),
            },
            Self::Html => Str::from(escape::html(joined(args).as_bytes())),
            Self::Js => Str::from(escape::js(joined(args).as_bytes())),
            _ => Str::from(escape::url_query(joined(args).as_bytes())),
        }
    }
}

fn limit_reached(message: String) -> FuncError {
    FuncError { cause: Some(Box::new(Error::unplaced(ErrorKind::Limit, message.clone()))), message }
}

/// The operands of an escaping function as one text. A nil among them reads as in an action.
fn joined(args: &[Value]) -> Str {
    match args {
        [Value::String(text)] => text.clone(),
        _ => {
            let printable: Vec<Value> =
                args.iter().map(|arg| if arg.is_nil() { Value::from("<no value>") } else { arg.clone() }).collect();
            sprint_action(&printable)
        }
    }
}

fn length(item: &Operand) -> Result<i64, FuncError> {
    let length = match item.is() {
        Is::Missing => return Err(FuncError::new("reflect: call of reflect.Value.Type on zero Value")),
        Is::NilPointer(_) | Is::Interface(Value::Nil) => return Err(FuncError::new("len of nil pointer")),
        Is::Concrete(value) | Is::Interface(value) => match value {
            Value::String(text) => text.as_bytes().len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::List(list) => list.len(),
            Value::Map(map) => map.len(),
            other => return Err(FuncError::new(format!("len of type {}", pointed(other)))),
        },
    };
    Ok(i64::try_from(length).unwrap_or(i64::MAX))
}

/// The name of the type behind a pointer.
fn pointed(value: &Value) -> &'static str {
    let name = value.type_name();
    name.strip_prefix('*').unwrap_or(name)
}

/// An index into something of this length.
fn position(index: &Operand, limit: usize) -> Result<usize, FuncError> {
    let value = index.value().ok_or_else(|| FuncError::new("cannot index slice/array with nil"))?;
    let n = match value {
        Value::Uint(n) | Value::Uint64(n) => *n as i64,
        // Months and weekdays are numbers with names.
        Value::Object(object) if object.kind() == Kind::Int => {
            object.json().and_then(|json| json.as_i64()).unwrap_or_default()
        }
        _ => value
            .as_i64()
            .ok_or_else(|| FuncError::new(format!("cannot index slice/array with type {}", value.type_name())))?,
    };
    usize::try_from(n).ok().filter(|&n| n <= limit).ok_or_else(|| FuncError::new(format!("index out of range: {n}")))
}

fn index(item: Operand, indexes: impl Iterator<Item = Operand>) -> Result<Operand, FuncError> {
    let mut item = item.unwrapped();
    if item.value().is_none() {
        return Err(FuncError::new("index of untyped nil"));
    }
    for index in indexes {
        let Some(value) = item.value().cloned() else { return Err(FuncError::new("index of nil pointer")) };
        item = match &value {
            Value::String(text) => {
                let at = position(&index, text.as_bytes().len())?;
                Operand::concrete(Value::Uint8(*element(text.as_bytes(), at, "string")?))
            }
            Value::Bytes(bytes) => {
                let at = position(&index, bytes.len())?;
                Operand::concrete(Value::Uint8(*element(bytes, at, "slice")?))
            }
            Value::List(list) => {
                let at = position(&index, list.len())?;
                Operand::element(list.ty().elem, element(list.items(), at, "slice")?.clone())
            }
            Value::Map(map) => {
                let key = match index.value() {
                    Some(Value::String(key)) => key,
                    Some(other) => {
                        let got = other.type_name();
                        return Err(FuncError::new(format!("value has type {got}; should be string")));
                    }
                    None => return Err(FuncError::new("value is nil; should be of type string")),
                };
                let elem = map.ty().elem;
                Operand::element(elem, map.get(key).unwrap_or_else(|| elem.zero()))
            }
            other => return Err(FuncError::new(format!("can't index item of type {}", pointed(other)))),
        };
    }
    Ok(item)
}

/// Go lets the length itself through its own check and then panics.
fn element<'v, T>(items: &'v [T], at: usize, what: &str) -> Result<&'v T, FuncError> {
    items.get(at).ok_or_else(|| FuncError::new(format!("reflect: {what} index out of range")))
}

fn slice(item: &Operand, indexes: &[Operand], dialect: Dialect) -> Result<Value, FuncError> {
    let Some(value) = item.value() else { return Err(FuncError::new("slice of untyped nil")) };
    if indexes.len() > 3 {
        return Err(FuncError::new(format!("too many slice indexes: {}", indexes.len())));
    }
    let length = match value {
        Value::String(_) if indexes.len() == 3 => return Err(FuncError::new("cannot 3-index slice a string")),
        Value::String(text) => text.as_bytes().len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.capacity(),
        other => {
            // Pointers are followed since Go 1.24.
            let name = if dialect == Dialect::Go1_23 { other.type_name() } else { pointed(other) };
            return Err(FuncError::new(format!("can't slice item of type {name}")));
        }
    };
    let end = if let Value::List(list) = value { list.len() } else { length };
    let mut range = [0, end, length];
    for (slot, index) in range.iter_mut().zip(indexes) {
        if matches!(index.is(), Is::Interface(_)) {
            // Unlike `index`, this one does not look into interfaces.
            return Err(FuncError::new("cannot index slice/array with type interface {}"));
        }
        *slot = position(index, length)?;
    }
    let [from, to, capacity] = range;
    for (low, high) in [(from, to), (to, capacity)].into_iter().take(if indexes.len() == 3 { 2 } else { 1 }) {
        if low > high {
            return Err(FuncError::new(format!("invalid slice index: {low} > {high}")));
        }
    }
    Ok(match value {
        Value::String(text) => Value::String(Str::from(&text.as_bytes()[from..to])),
        Value::Bytes(bytes) => Value::Bytes(bytes.part(from..to)),
        Value::List(list) => list.part(from, to).map_or(Value::Nil, Value::List),
        other => other.clone(),
    })
}

fn call(context: &mut Context<'_>, args: &mut Vec<Operand>, callee: &dyn Fn() -> String) -> Result<Operand, FuncError> {
    let mut args = args.drain(..);
    let function = match args.next().map(Operand::into_value) {
        None | Some(Value::Nil) => return Err(FuncError::new("call of nil")),
        Some(Value::Func(function)) => function,
        Some(other) => {
            return Err(FuncError::new(format!("non-function {} of type {}", callee(), other.type_name())));
        }
    };
    let Signature { params, variadic } = function.signature;
    let args: Vec<Value> = args.map(Operand::into_value).collect();
    let fits = if variadic.is_some() { args.len() >= params.len() } else { args.len() == params.len() };
    if !fits {
        let want = if variadic.is_some() { "want at least" } else { "want" };
        return Err(FuncError::new(format!(
            "wrong number of args for {}: got {} {want} {}",
            callee(),
            args.len(),
            params.len()
        )));
    }
    let mut prepared = Vec::with_capacity(args.len());
    for (i, arg) in args.into_iter().enumerate() {
        let want = params.get(i).copied().or(variadic).unwrap_or(Type::Any);
        prepared.push(if arg.is_nil() && want.can_be_nil() {
            want.zero()
        } else if arg.is_nil() {
            return Err(FuncError::new(format!("arg {i}: value is nil; should be of type {}", want.name())));
        } else if want.accepts(&arg) {
            arg
        } else if let Some(arg) = converted(&arg, want) {
            arg
        } else {
            return Err(FuncError::new(format!(
                "arg {i}: value has type {}; should be {}",
                arg.type_name(),
                want.name()
            )));
        });
    }
    context.call(&function, &prepared).map(Operand::result)
}

/// `call` converts between integer types (with Go's wrapping), which a plain call does not.
fn converted(value: &Value, want: Type) -> Option<Value> {
    let bits = match value {
        Value::Uint(n) | Value::Uint64(n) => *n as i64,
        _ => value.as_i64()?,
    };
    Some(match want {
        Type::Int => Value::Int(bits),
        Type::Int32 => Value::Int32(bits as i32),
        Type::Int64 => Value::Int64(bits),
        Type::Uint8 => Value::Uint8(bits as u8),
        Type::Uint => Value::Uint(bits as u64),
        Type::Uint64 => Value::Uint64(bits as u64),
        _ => return None,
    })
}
