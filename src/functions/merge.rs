//! Merging maps (dario.cat/mergo) and copying them deeply (mitchellh/copystructure).

use super::convert::is_empty;
use crate::chart::version::Version;
use crate::template::{Context, FuncError, Map, Type, Value};

/// Maps inside of maps.
const DEPTH: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overwrite {
    Yes,
    No,
}

/// Merges `source` into `target`: maps deep; else the target's value stays unless it is empty, or `overwrite` says so.
pub(super) fn into(ctx: &mut Context<'_>, target: &Map, source: &Map, overwrite: Overwrite) -> Result<(), FuncError> {
    merge(ctx, target, source, overwrite, 0)
}

fn merge(
    ctx: &mut Context<'_>,
    target: &Map,
    source: &Map,
    overwrite: Overwrite,
    depth: usize,
) -> Result<(), FuncError> {
    if depth > DEPTH {
        return Err(format!("maps nest deeper than {DEPTH} (limit: merge depth)").into());
    }
    if target.same(source) {
        return Ok(());
    }
    for (key, new) in source.snapshot() {
        ctx.spend(1)?;
        let old = target.get(&key);
        if new.is_nil() {
            if overwrite == Overwrite::Yes {
                put(target, source, key, new)?;
            }
            continue;
        }
        if let (Some(Value::Map(below)), Value::Map(above)) = (&old, &new) {
            merge(ctx, below, above, overwrite, depth + 1)?;
            continue;
        }
        if overwrite == Overwrite::Yes || old.as_ref().is_none_or(is_empty) {
            put(target, source, key, new)?;
        }
    }
    Ok(())
}

fn put(target: &Map, source: &Map, key: std::sync::Arc<str>, value: Value) -> Result<(), FuncError> {
    let (wanted, given) = (target.ty().elem, source.ty().elem);
    if !matches!(wanted, Type::Any) && wanted.name() != given.name() {
        let (wanted, given) = (wanted.name(), given.name());
        return Err(
            format!("reflect.Value.SetMapIndex: value of type {given} is not assignable to type {wanted}").into()
        );
    }
    if target.insert(key, value) { Ok(()) } else { Err("assignment to entry in nil map".into()) }
}

/// A copy that shares no map or list.
pub(super) fn copy(ctx: &mut Context<'_>, value: &Value, depth: usize) -> Result<Value, FuncError> {
    if depth > DEPTH {
        return Err(format!("values nest deeper than {DEPTH} (limit: copy depth)").into());
    }
    ctx.spend(1)?;
    Ok(match value {
        Value::List(list) if list.is_nil() => value.clone(),
        Value::List(list) => {
            let items = list.items().iter().map(|item| copy(ctx, item, depth + 1)).collect::<Result<_, _>>()?;
            Value::List(list.remade(items))
        }
        Value::Map(map) if map.is_nil() => value.clone(),
        Value::Map(map) => {
            let mut entries = crate::template::Entries::new();
            for (key, value) in map.snapshot() {
                entries.insert(key, copy(ctx, &value, depth + 1)?);
            }
            Value::Map(Map::new(map.ty(), entries))
        }
        // A version keeps everything in private fields, which are not copied.
        Value::Object(object) if object.as_any().is::<Version>() => Value::object(Version::default()),
        other => other.clone(),
    })
}
