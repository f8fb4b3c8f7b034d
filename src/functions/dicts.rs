//! Maps. `set`, `unset` and the merges change the caller's map, as in sprig.

use super::convert::text;
use super::merge::{self, Overwrite};
use super::{fixed, rest};
use crate::template::{ANY_LIST, ANY_MAP, FuncError, FunctionTable, List, Map, STRING_LIST, Signature, Type, Value};

const A: Type = Type::Any;
const S: Type = Type::String;
const M: Type = Type::Map(&ANY_MAP);

pub(super) fn register(table: &mut FunctionTable) {
    table.add("dict", rest(&[]), |_, a| {
        let dict = Map::empty();
        for pair in a.chunks(2) {
            dict.insert(text(&pair[0]).to_shared(), pair.get(1).cloned().unwrap_or_else(|| "".into()));
        }
        Ok(dict.into())
    });
    table.add("get", fixed(&[M, S]), |_, a| Ok(map(&a[0]).get(a[1].str()).unwrap_or_else(|| "".into())));
    table.add("set", fixed(&[M, S, A]), |_, a| {
        if !map(&a[0]).insert(a[1].str(), a[2].clone()) {
            return Err("assignment to entry in nil map".into());
        }
        Ok(a[0].clone())
    });
    table.add("unset", fixed(&[M, S]), |_, a| {
        map(&a[0]).remove(a[1].str());
        Ok(a[0].clone())
    });
    table.add("hasKey", fixed(&[M, S]), |_, a| Ok(map(&a[0]).contains_key(a[1].str()).into()));
    table.add("pluck", Signature::variadic(&[S], M), |_, a| {
        Ok(Value::List(List::appended(&ANY_LIST, a[1..].iter().filter_map(|dict| map(dict).get(a[0].str())).collect())))
    });
    // Go's order is random here; ours is that of the keys.
    table.add("keys", Signature::variadic(&[], M), |_, a| {
        let keys = a.iter().flat_map(|dict| map(dict).snapshot()).map(|(key, _)| Value::from(key)).collect();
        Ok(Value::List(List::appended(&STRING_LIST, keys)))
    });
    table.add("values", fixed(&[M]), |_, a| {
        Ok(Value::List(List::appended(&ANY_LIST, map(&a[0]).snapshot().into_iter().map(|(_, value)| value).collect())))
    });
    table.add("pick", Signature::variadic(&[M], S), |_, a| {
        let picked = Map::empty();
        for key in &a[1..] {
            if let Some(value) = map(&a[0]).get(key.str()) {
                picked.insert(key.str(), value);
            }
        }
        Ok(picked.into())
    });
    table.add("omit", Signature::variadic(&[M], S), |_, a| {
        let left = Map::empty();
        for (key, value) in map(&a[0]).snapshot() {
            if !a[1..].iter().any(|omitted| omitted.str() == &*key) {
                left.insert(key, value);
            }
        }
        Ok(left.into())
    });
    for (names, overwrite) in
        [(["merge", "mustMerge"], Overwrite::No), (["mergeOverwrite", "mustMergeOverwrite"], Overwrite::Yes)]
    {
        for name in names {
            table.add(name, Signature::variadic(&[M], M), move |ctx, a| {
                let mut target = map(&a[0]);
                for source in a[1..].iter().map(map).filter(|source| !source.is_nil()) {
                    // Nothing to merge into: a new map, which the caller does not see.
                    if target.is_nil() {
                        target = Map::empty();
                    }
                    merge::into(ctx, &target, &source, overwrite)?;
                }
                Ok(target.into())
            });
        }
    }
    for name in ["deepCopy", "mustDeepCopy"] {
        table.add(name, fixed(&[A]), |ctx, a| match &a[0] {
            Value::Nil => Err("reflect: call of reflect.Value.Type on zero Value".into()),
            value => merge::copy(ctx, value, 0),
        });
    }
    table.add("dig", rest(&[]), |_, a| dig(a));
}

/// The map of an argument that was declared as one.
fn map(value: &Value) -> Map {
    value.as_map().cloned().unwrap_or_else(|| Map::nil(&ANY_MAP))
}

fn dig(a: &[Value]) -> Result<Value, FuncError> {
    let [path @ .., default, dict] = a else { return Err("dig needs at least three arguments".into()) };
    if path.is_empty() {
        return Err("dig needs at least three arguments".into());
    }
    let mut at = asserted_map(dict)?;
    let mut keys = Vec::with_capacity(path.len());
    for key in path {
        let Value::String(key) = key else { return Err(not_a(key, "string")) };
        keys.push(key);
    }
    for (index, key) in keys.iter().enumerate() {
        let Some(step) = at.get(key) else { return Ok(default.clone()) };
        if index + 1 == keys.len() {
            return Ok(step);
        }
        at = asserted_map(&step)?;
    }
    Ok(default.clone())
}

/// Go's type assertion: the type itself, not one that is assignable.
fn asserted_map(value: &Value) -> Result<Map, FuncError> {
    match value {
        Value::Map(map) if map.ty().name == ANY_MAP.name => Ok(map.clone()),
        other => Err(not_a(other, ANY_MAP.name)),
    }
}

fn not_a(value: &Value, wanted: &str) -> FuncError {
    let found = if value.is_nil() { "nil" } else { value.type_name() };
    format!("interface conversion: interface {{}} is {found}, not {wanted}").into()
}
