//! OpenAPI v3 documents of each group version, put together from the recorded schemas and from CustomResourceDefinitions, for
//! `kubectl explain`, `apply` and `edit`. Paths are there for what kubectl reads in them: the query parameters of patches.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::recorded;
use super::resources::{Registry, ResourceType};
use super::schema::OBJECT_META;

/// `/openapi/v3`: where each document is.
pub(super) fn index(registry: &Registry) -> Value {
    let mut paths = Map::new();
    for (group, versions) in registry.versions() {
        for version in versions {
            let path = if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
            // The real server adds a hash so that clients may keep the document; without one they ask again.
            let url = format!("/openapi/v3/{path}");
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": paths})
}

fn parameter(name: &str, kind: &str) -> Value {
    json!({"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": true}})
}

fn type_name(resource: &ResourceType) -> String {
    // As kube-apiserver names the types of custom resources: the group reversed, the version, the kind.
    let reversed: Vec<&str> = resource.group.rsplit('.').collect();
    format!("{}.{}.{}", reversed.join("."), resource.version, resource.kind)
}

fn references(value: &Value, found: &mut BTreeSet<String>, queue: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next())
                && found.insert(name.to_owned())
            {
                queue.push(name.to_owned());
            }
            map.values().for_each(|inner| references(inner, found, queue));
        }
        Value::Array(list) => list.iter().for_each(|inner| references(inner, found, queue)),
        _ => {}
    }
}

/// The document of a group version, or nothing when it is not served.
pub(super) fn document(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    let resources = registry.of_version(group, version);
    if resources.is_empty() {
        return None;
    }
    let mut components = recorded::components();
    let mut queue = Vec::new();
    let mut wanted = BTreeSet::new();
    let mut paths = Map::new();
    let mut custom = Map::new();
    for resource in &resources {
        let gvk = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
        let name = if let Some(definition) = &resource.custom {
            let name = type_name(resource);
            let mut schema = definition.schema.clone();
            schema["type"] = "object".into();
            if !schema["properties"].is_object() {
                schema["properties"] = json!({});
            }
            for field in ["apiVersion", "kind"] {
                schema["properties"][field] = json!({"type": "string"});
            }
            schema["properties"]["metadata"] =
                json!({"allOf": [{"$ref": format!("#/components/schemas/{OBJECT_META}")}]});
            schema["x-kubernetes-group-version-kind"] = json!([gvk]);
            references(&schema, &mut wanted, &mut queue);
            custom.insert(name.clone(), schema);
            Some(name)
        } else {
            components
                .iter()
                .find(|(_, schema)| {
                    let all = schema["x-kubernetes-group-version-kind"].as_array();
                    all.is_some_and(|all| all.len() == 1 && all[0] == gvk)
                })
                .map(|(name, _)| name.clone())
        };
        let Some(name) = name else { continue };
        if wanted.insert(name.clone()) {
            queue.push(name.clone());
        }
        let prefix = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let collection = if resource.namespaced {
            format!("{prefix}/namespaces/{{namespace}}/{}", resource.plural)
        } else {
            format!("{prefix}/{}", resource.plural)
        };
        let content = json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}});
        let responses = json!({"200": {"description": "OK", "content": content}});
        let write = [
            parameter("dryRun", "string"),
            parameter("fieldManager", "string"),
            parameter("fieldValidation", "string"),
        ];
        let mut patch = write.to_vec();
        patch.push(parameter("force", "boolean"));
        paths.insert(
            format!("{collection}/{{name}}"),
            json!({
                "get": {"x-kubernetes-action": "get", "x-kubernetes-group-version-kind": gvk, "responses": responses},
                "put": {"x-kubernetes-action": "put", "x-kubernetes-group-version-kind": gvk, "parameters": write, "responses": responses},
                "patch": {"x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": gvk, "parameters": patch, "responses": responses},
            }),
        );
        paths.insert(
            collection,
            json!({
                "post": {"x-kubernetes-action": "post", "x-kubernetes-group-version-kind": gvk, "parameters": write, "responses": responses},
            }),
        );
    }
    let mut schemas = Map::new();
    while let Some(name) = queue.pop() {
        if let Some(schema) = components.remove(&name) {
            references(&schema, &mut wanted, &mut queue);
            schemas.insert(name, schema);
        }
    }
    schemas.extend(custom);
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "components": {"schemas": schemas},
    }))
}

/// `/openapi/v2` in JSON: the types alone, without paths.
pub(super) fn definitions(registry: &Registry) -> Value {
    fn older(value: &mut Value) {
        match value {
            Value::Object(map) => {
                // v2 knows no `oneOf`; a reference with siblings is written flat.
                if map.remove("oneOf").is_some() {
                    map.insert("type".to_owned(), "string".into());
                }
                map.remove("default");
                if let Some(Value::Array(all)) = map.remove("allOf")
                    && let Some(Value::Object(one)) = all.into_iter().next()
                {
                    map.extend(one);
                }
                if let Some(Value::String(reference)) = map.get_mut("$ref") {
                    *reference = reference.replace("#/components/schemas/", "#/definitions/");
                }
                map.values_mut().for_each(older);
            }
            Value::Array(list) => list.iter_mut().for_each(older),
            _ => {}
        }
    }
    let mut definitions = Value::Object(recorded::components());
    for resource in registry.all() {
        let Some(custom) = &resource.custom else { continue };
        let mut schema = custom.schema.clone();
        schema["x-kubernetes-group-version-kind"] =
            json!([{"group": resource.group, "version": resource.version, "kind": resource.kind}]);
        definitions[type_name(resource)] = schema;
    }
    older(&mut definitions);
    let info = json!({"title": "Kubernetes", "version": registry.version()["gitVersion"]});
    json!({"swagger": "2.0", "info": info, "paths": {}, "definitions": definitions})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_holds_all_that_it_refers_to() {
        let registry = Registry::recorded();
        let apps = document(&registry, "apps", "v1").unwrap();
        let schemas = apps["components"]["schemas"].as_object().unwrap();
        assert!(schemas.contains_key("io.k8s.api.core.v1.PodSpec"));
        assert!(!schemas.contains_key("io.k8s.api.core.v1.Node"));
        let patch = &apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
        assert!(patch["parameters"].as_array().unwrap().iter().any(|p| p["name"] == "fieldValidation"));
        assert!(document(&registry, "apps", "v9").is_none());
        assert_eq!(index(&registry)["paths"]["api/v1"]["serverRelativeURL"], "/openapi/v3/api/v1");
    }
}
