//! Defaults and choices.

use super::convert::is_empty;
use super::{fixed, rest};
use crate::template::{FunctionTable, Type, Value};

const A: Type = Type::Any;

pub(super) fn register(table: &mut FunctionTable) {
    table.add("default", rest(&[A]), |_, a| Ok(a.get(1).filter(|given| !is_empty(given)).unwrap_or(&a[0]).clone()));
    table.add("empty", fixed(&[A]), |_, a| Ok(is_empty(&a[0]).into()));
    table.add("coalesce", rest(&[]), |_, a| Ok(a.iter().find(|v| !is_empty(v)).cloned().unwrap_or(Value::Nil)));
    table.add("all", rest(&[]), |_, a| Ok((!a.iter().any(is_empty)).into()));
    table.add("any", rest(&[]), |_, a| Ok((!a.iter().all(is_empty)).into()));
    table.add("ternary", fixed(&[A, A, Type::Bool]), |_, a| {
        Ok(if a[2].as_bool() == Some(true) { a[0].clone() } else { a[1].clone() })
    });
}
