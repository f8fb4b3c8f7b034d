//! Lists. Elements never change: every function makes a new list.

use super::convert::{is_empty, items, nil_dereference, to_i64};
use super::{fixed, rest};
use crate::template::{ANY_LIST, FuncError, FunctionTable, LIST_LIST, List, Type, Value};

const A: Type = Type::Any;

pub(super) fn register(table: &mut FunctionTable) {
    for name in ["list", "tuple"] {
        table.add(name, rest(&[]), |_, a| Ok(Value::list(a.to_vec())));
    }
    for name in ["append", "push", "mustAppend", "mustPush"] {
        table.add(name, fixed(&[A, A]), |_, a| {
            let mut all = items(&a[0], "push")?.into_owned();
            let before = all.len();
            all.push(a[1].clone());
            Ok(Value::List(List::appended_to(&ANY_LIST, before, all)))
        });
    }
    for name in ["prepend", "mustPrepend"] {
        table.add(name, fixed(&[A, A]), |_, a| {
            let mut all = vec![a[1].clone()];
            all.extend_from_slice(&items(&a[0], "prepend")?);
            Ok(Value::List(List::appended_to(&ANY_LIST, 1, all)))
        });
    }
    for name in ["first", "mustFirst"] {
        table.add(name, fixed(&[A]), |_, a| Ok(items(&a[0], "find first")?.first().cloned().unwrap_or_default()));
    }
    for name in ["last", "mustLast"] {
        table.add(name, fixed(&[A]), |_, a| Ok(items(&a[0], "find last")?.last().cloned().unwrap_or_default()));
    }
    for name in ["rest", "mustRest"] {
        table.add(name, fixed(&[A]), |_, a| {
            Ok(items(&a[0], "find rest")?.split_first().map_or_else(nothing, |(_, rest)| Value::list(rest.to_vec())))
        });
    }
    for name in ["initial", "mustInitial"] {
        table.add(name, fixed(&[A]), |_, a| {
            let all = items(&a[0], "find initial")?;
            Ok(all.split_last().map_or_else(nothing, |(_, initial)| Value::list(initial.to_vec())))
        });
    }
    for name in ["reverse", "mustReverse"] {
        table.add(name, fixed(&[A]), |_, a| {
            Ok(Value::list(items(&a[0], "find reverse")?.iter().rev().cloned().collect()))
        });
    }
    for name in ["compact", "mustCompact"] {
        table.add(name, fixed(&[A]), |_, a| {
            Ok(appended(items(&a[0], "compact")?.iter().filter(|item| !is_empty(item)).cloned().collect()))
        });
    }
    for name in ["uniq", "mustUniq"] {
        table.add(name, fixed(&[A]), |ctx, a| {
            let all = items(&a[0], "find uniq")?;
            let mut found: Vec<Value> = Vec::new();
            for item in all.iter() {
                ctx.spend(1 + found.len() as u64 / 8)?;
                if !contains(&found, item) {
                    found.push(item.clone());
                }
            }
            Ok(appended(found))
        });
    }
    for name in ["without", "mustWithout"] {
        table.add(name, rest(&[A]), |ctx, a| {
            let all = items(&a[0], "find without")?;
            ctx.spend((all.len() as u64).saturating_mul(a.len() as u64) / 8)?;
            Ok(appended(all.iter().filter(|item| !contains(&a[1..], item)).cloned().collect()))
        });
    }
    for name in ["has", "mustHas"] {
        table.add(name, fixed(&[A, A]), |_, a| {
            if a[1].is_nil() {
                return Ok(false.into());
            }
            Ok(contains(&items(&a[1], "find has")?, &a[0]).into())
        });
    }
    for name in ["slice", "mustSlice"] {
        table.add(name, rest(&[A]), |_, a| slice(a));
    }
    table.add("concat", rest(&[]), |_, a| {
        let mut all = Vec::new();
        for list in a {
            match list {
                Value::List(list) => all.extend_from_slice(list.items()),
                Value::Bytes(_) => all.extend(items(list, "concat")?.into_owned()),
                Value::Nil => return Err(nil_dereference()),
                other => return Err(format!("Cannot concat type {} as list", other.kind()).into()),
            }
        }
        Ok(if all.is_empty() { nothing() } else { appended(all) })
    });
    for name in ["chunk", "mustChunk"] {
        table.add(name, fixed(&[Type::Int, A]), |_, a| {
            let all = match &a[1] {
                Value::List(_) | Value::Bytes(_) | Value::Nil => items(&a[1], "chunk")?,
                other => return Err(format!("Cannot chunk type {}", other.kind()).into()),
            };
            let chunks = chunks(&all, to_i64(&a[0])).ok_or("runtime error: makeslice: len out of range")?;
            Ok(Value::List(List::new(&LIST_LIST, chunks)))
        });
    }
}

/// Sprig counts the chunks in floats before it makes them; a size below 1 gives none, one or a panic.
fn chunks(all: &[Value], size: i64) -> Option<Vec<Value>> {
    if let Some(size) = usize::try_from(size).ok().filter(|size| *size > 0) {
        return Some(all.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect());
    }
    let length = i64::try_from(all.len()).ok()?;
    if size == 0 || length == 0 {
        return None;
    }
    match (length - 1).checked_div(size)? - i64::from((length - 1) % size != 0) + 1 {
        0 => Some(Vec::new()),
        1 if length % size == 0 => None,
        1 => Some(vec![Value::list(all.to_vec())]),
        _ => None,
    }
}

/// What appending one after the other gives.
fn appended(items: Vec<Value>) -> Value {
    Value::List(List::appended(&ANY_LIST, items))
}

/// A nil slice.
fn nothing() -> Value {
    Value::List(List::nil(&ANY_LIST))
}

pub(super) fn contains(items: &[Value], wanted: &Value) -> bool {
    items.iter().any(|item| item.deep_equal(wanted))
}

fn slice(a: &[Value]) -> Result<Value, FuncError> {
    let (list, indices) = (&a[0], &a[1..]);
    let all = match list {
        Value::List(_) | Value::Bytes(_) => items(list, "slice")?,
        Value::Nil => return Err(nil_dereference()),
        other => return Err(format!("list should be type of slice or array but {}", other.kind()).into()),
    };
    if all.is_empty() {
        return Ok(Value::Nil);
    }
    let start = indices.first().map_or(0, to_i64);
    let end = indices.get(1).map_or_else(|| i64::try_from(all.len()).unwrap_or(i64::MAX), to_i64);
    let part = usize::try_from(start).ok().zip(usize::try_from(end).ok()).and_then(|(start, end)| match list {
        Value::List(list) => list.part(start, end).map(Value::List),
        Value::Bytes(bytes) => (start <= end && end <= bytes.len()).then(|| Value::Bytes(bytes.part(start..end))),
        _ => None,
    });
    part.ok_or_else(|| "reflect.Value.Slice: slice index out of bounds".into())
}
