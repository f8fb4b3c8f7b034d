//! The `scale` subresource: a view of an object's replicas.

use serde_json::{Value, json};

use super::store::Target;

fn paths(target: &Target) -> Option<(String, String, Option<String>)> {
    match &target.resource.custom {
        Some(custom) => custom.scale.clone(),
        None => target
            .resource
            .subresource("scale")
            .map(|_| ("/spec/replicas".to_owned(), "/status/replicas".to_owned(), None)),
    }
}

/// The selector as text, as the controllers of autoscaling read it.
fn selector(object: &Value) -> String {
    let selector = &object["spec"]["selector"];
    let labels = selector.get("matchLabels").unwrap_or(selector);
    let pairs: Vec<String> =
        labels.as_object().into_iter().flatten().filter_map(|(k, v)| v.as_str().map(|v| format!("{k}={v}"))).collect();
    pairs.join(",")
}

/// The `autoscaling/v1` Scale of an object, where its kind has one.
pub(super) fn of(target: &Target, object: &Value) -> Option<Value> {
    let (spec, status, labels) = paths(target)?;
    let metadata = &object["metadata"];
    let mut scale = json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {"name": metadata["name"], "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"],
                     "creationTimestamp": metadata["creationTimestamp"]},
        "spec": {},
        "status": {"replicas": object.pointer(&status).and_then(Value::as_i64).unwrap_or_default()},
    });
    if let Some(namespace) = metadata.get("namespace") {
        scale["metadata"]["namespace"] = namespace.clone();
    }
    if let Some(replicas) = object.pointer(&spec).and_then(Value::as_i64).filter(|r| *r != 0) {
        scale["spec"]["replicas"] = replicas.into();
    }
    let selector = match labels {
        Some(path) => object.pointer(&path).and_then(Value::as_str).unwrap_or_default().to_owned(),
        None if target.resource.custom.is_none() => selector(object),
        None => String::new(),
    };
    if !selector.is_empty() {
        scale["status"]["selector"] = selector.into();
    }
    Some(scale)
}

/// Where an object's wanted replicas are, as a JSON pointer.
pub(super) fn path(target: &Target) -> Option<String> {
    paths(target).map(|(spec, _, _)| spec)
}
