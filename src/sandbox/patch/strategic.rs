//! Strategic merge patch, as described in Kubernetes' "Strategic Merge Patch" developer guide: lists merge by the key that
//! the type names, and `$patch`, `$retainKeys`, `$setElementOrder/…` and `$deleteFromPrimitiveList/…` direct it.

use serde_json::{Map, Value};

use crate::sandbox::error::ApiError;
use crate::sandbox::schema::{MAX_DEPTH, Node, Schemas};

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";

/// Merges `patch` into `object`, whose type is `node`.
pub(super) fn merge(
    schemas: &Schemas,
    object: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    node: &Node,
    depth: usize,
) -> Result<(), ApiError> {
    if depth > MAX_DEPTH {
        return Err(ApiError::bad_request("the patch nests too deep"));
    }
    match patch.get(DIRECTIVE).and_then(Value::as_str) {
        Some("replace") => {
            *object = patch.iter().filter(|(k, _)| *k != DIRECTIVE).map(|(k, v)| (k.clone(), v.clone())).collect();
            return Ok(());
        }
        Some("delete") => {
            object.clear();
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => return Err(ApiError::bad_request(format!("unknown patch type: {other}"))),
    }
    if let Some(keep) = patch.get(RETAIN).and_then(Value::as_array) {
        object.retain(|key, _| keep.iter().any(|k| k == key));
    }
    let node = schemas.resolve(node);
    let child = |key: &str| node.properties.get(key).or(node.additional.as_deref());
    for (key, value) in patch {
        if key == DIRECTIVE || key == RETAIN || key.starts_with(ORDER) {
            continue;
        }
        if let Some(field) = key.strip_prefix(DELETE) {
            if let (Some(Value::Array(list)), Some(gone)) = (object.get_mut(field), value.as_array()) {
                list.retain(|item| !gone.contains(item));
            }
            continue;
        }
        match (value, child(key)) {
            (Value::Null, _) => {
                object.remove(key);
            }
            (Value::Object(inner), child) => {
                let fresh = Node::parse(&Value::Null);
                let child = child.unwrap_or(&fresh);
                // `x-kubernetes-patch-strategy: replace` does not occur in built-in types; maps always merge.
                let entry = object.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
                if !entry.is_object() {
                    *entry = Value::Object(Map::new());
                }
                if let Value::Object(map) = entry {
                    merge(schemas, map, inner, child, depth + 1)?;
                }
            }
            (Value::Array(items), Some(child)) if child.merges => {
                let list = match object.remove(key) {
                    Some(Value::Array(list)) => list,
                    _ => Vec::new(),
                };
                let order = patch.get(&format!("{ORDER}{key}")).and_then(Value::as_array);
                let merged = match &child.merge_key {
                    Some(by) => merge_by_key(schemas, list, items, by, child, order, depth)?,
                    None => merge_set(list, items, order),
                };
                object.insert(key.clone(), Value::Array(merged));
            }
            (value, _) => {
                object.insert(key.clone(), value.clone());
            }
        }
    }
    // An order alone also sorts.
    for (key, order) in patch {
        let Some(field) = key.strip_prefix(ORDER) else { continue };
        if patch.contains_key(field) {
            continue;
        }
        let (Some(child), Some(order)) = (child(field), order.as_array()) else { continue };
        if let Some(Value::Array(list)) = object.get_mut(field) {
            let taken = std::mem::take(list);
            *list = sorted(taken.clone(), &taken, child.merge_key.as_deref(), order);
        }
    }
    Ok(())
}

fn merge_set(mut list: Vec<Value>, items: &[Value], order: Option<&Vec<Value>>) -> Vec<Value> {
    let before = list.clone();
    for item in items {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
    match order {
        Some(order) => sorted(list, &before, None, order),
        None => list,
    }
}

fn merge_by_key(
    schemas: &Schemas,
    mut list: Vec<Value>,
    items: &[Value],
    by: &str,
    node: &Node,
    order: Option<&Vec<Value>>,
    depth: usize,
) -> Result<Vec<Value>, ApiError> {
    let fresh = Node::parse(&Value::Null);
    let item_node = node.items.as_deref().unwrap_or(&fresh);
    let before = list.clone();
    if items.iter().any(|item| item.get(DIRECTIVE).is_some_and(|d| d == "replace")) {
        return Ok(items.iter().filter(|item| item.get(DIRECTIVE).is_none()).cloned().collect());
    }
    for item in items {
        let Some(patch) = item.as_object() else {
            return Err(ApiError::bad_request(format!("a list that merges by {by} holds something that is no object")));
        };
        let Some(key) = patch.get(by) else {
            return Err(ApiError::bad_request(format!("map: {item} does not contain declared merge key: {by}")));
        };
        let at = list.iter().position(|existing| existing.get(by) == Some(key));
        match (patch.get(DIRECTIVE).and_then(Value::as_str), at) {
            (Some("delete"), Some(at)) => {
                list.remove(at);
            }
            (Some("delete"), None) => {}
            (_, Some(at)) => {
                if let Value::Object(existing) = &mut list[at] {
                    merge(schemas, existing, patch, item_node, depth + 1)?;
                }
            }
            (_, None) => {
                let mut fresh = Map::new();
                merge(schemas, &mut fresh, patch, item_node, depth + 1)?;
                list.push(Value::Object(fresh));
            }
        }
    }
    Ok(match order {
        Some(order) => sorted(list, &before, Some(by), order),
        None => list,
    })
}

/// Puts the elements that `order` names into that order; those that only the server has keep their place among what
/// stood around them before.
fn sorted(list: Vec<Value>, before: &[Value], by: Option<&str>, order: &[Value]) -> Vec<Value> {
    let key = |item: &Value| by.map_or_else(|| item.clone(), |by| item.get(by).cloned().unwrap_or_default());
    let rank = |item: &Value| order.iter().position(|o| key(o) == key(item));
    let place = |item: &Value| before.iter().position(|b| key(b) == key(item));
    let (mut named, foreign): (Vec<Value>, Vec<Value>) = list.into_iter().partition(|item| rank(item).is_some());
    named.sort_by_key(|item| rank(item));
    let mut result = Vec::with_capacity(named.len() + foreign.len());
    let mut named = named.into_iter().peekable();
    for item in foreign {
        while let Some(next) = named.peek() {
            if place(next).is_some() && place(next) < place(&item) {
                result.extend(named.next());
            } else {
                break;
            }
        }
        result.push(item);
    }
    result.extend(named);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::recorded;
    use serde_json::json;

    fn patched(mut object: Value, patch: &Value) -> Value {
        let schemas = recorded::schemas();
        let node = schemas.named("io.k8s.api.apps.v1.Deployment").unwrap();
        let (Value::Object(map), Value::Object(patch)) = (&mut object, patch) else { unreachable!() };
        merge(&schemas, map, patch, node, 0).unwrap();
        object
    }

    fn containers(list: &Value) -> Value {
        json!({"spec": {"template": {"spec": {"containers": list}}}})
    }

    #[test]
    fn containers_merge_by_name() {
        let live = containers(&json!([{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1", "args": ["x"]}]));
        let result =
            patched(live.clone(), &containers(&json!([{"name": "b", "image": "b:2", "args": ["y"]}, {"name": "c"}])));
        assert_eq!(
            result,
            containers(
                &json!([{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:2", "args": ["y"]}, {"name": "c"}])
            )
        );
        let gone = patched(live, &containers(&json!([{"name": "a", "$patch": "delete"}])));
        assert_eq!(gone, containers(&json!([{"name": "b", "image": "b:1", "args": ["x"]}])));
    }

    #[test]
    fn directives_direct() {
        let live = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}, "metadata": {"finalizers": ["a", "b"]}});
        let result = patched(
            live,
            &json!({
                "spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}},
                "metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "labels": {"x": null}},
            }),
        );
        assert_eq!(
            result,
            json!({"spec": {"strategy": {"type": "Recreate"}}, "metadata": {"finalizers": ["b"], "labels": {}}})
        );
    }

    #[test]
    fn element_order_is_set() {
        let live = containers(&json!([{"name": "side"}, {"name": "a"}, {"name": "b"}]));
        let mut patch = containers(&json!([{"name": "c"}]));
        patch["spec"]["template"]["spec"]["$setElementOrder/containers"] =
            json!([{"name": "c"}, {"name": "b"}, {"name": "a"}]);
        let result = patched(live, &patch);
        assert_eq!(result, containers(&json!([{"name": "side"}, {"name": "c"}, {"name": "b"}, {"name": "a"}])));
    }
}
