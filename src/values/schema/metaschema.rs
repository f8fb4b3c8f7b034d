//! The published schemas of the drafts, which a `$ref` may name: what each keyword has to be.

use serde_json::{Map, Value, json};

use super::pool::Draft;

/// The text of a draft's schema.
pub(super) fn text(draft: Draft) -> String {
    let old = draft == Draft::Four;
    let whole = if old { "positiveInteger" } else { "nonNegativeInteger" };
    let whole_or_none = format!("{whole}Default0");
    let definition = |name: &str| json!({"$ref": format!("#/definitions/{name}")});
    let schema = json!({"$ref": "#"});
    let names = json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true});
    let mut definitions = Map::new();
    definitions.insert("schemaArray".to_owned(), json!({"type": "array", "minItems": 1, "items": schema}));
    definitions.insert(whole.to_owned(), json!({"type": "integer", "minimum": 0}));
    definitions.insert(whole_or_none.clone(), json!({"allOf": [definition(whole), {"default": 0}]}));
    let mut types = super::Type::ALL.map(super::Type::name);
    types.sort_unstable();
    definitions.insert("simpleTypes".to_owned(), json!({"enum": types}));
    definitions.insert("stringArray".to_owned(), if old { with(names, "minItems", json!(1)) } else { names });

    let mut properties = Map::new();
    let mut put = |keys: &[&str], value: Value| {
        properties.extend(keys.iter().map(|key| ((*key).to_owned(), value.clone())));
    };
    put(&["$schema", "title", "description", "format"], json!({"type": "string"}));
    put(&["maximum", "minimum"], json!({"type": "number"}));
    put(&["maxLength", "maxItems", "maxProperties"], definition(whole));
    put(&["minLength", "minItems", "minProperties"], definition(&whole_or_none));
    put(&["pattern"], json!({"type": "string", "format": "regex"}));
    put(&["items"], json!({"anyOf": [schema, definition("schemaArray")]}));
    put(&["uniqueItems"], json!({"type": "boolean"}));
    put(&["required"], definition("stringArray"));
    put(&["enum"], json!({"type": "array", "minItems": 1, "uniqueItems": true}));
    put(&["allOf", "anyOf", "oneOf"], definition("schemaArray"));
    put(&["not"], schema.clone());
    put(&["default"], json!({}));
    let by_name = json!({"type": "object", "additionalProperties": schema});
    put(&["definitions", "properties", "patternProperties"], by_name.clone());
    let dependency = json!({"anyOf": [schema, definition("stringArray")]});
    put(&["dependencies"], json!({"type": "object", "additionalProperties": dependency}));
    let some = json!({"type": "array", "items": definition("simpleTypes"), "minItems": 1, "uniqueItems": true});
    put(&["type"], json!({"anyOf": [definition("simpleTypes"), some]}));
    if old {
        put(&["id"], json!({"type": "string"}));
        put(&["multipleOf"], json!({"type": "number", "minimum": 0, "exclusiveMinimum": true}));
        put(&["exclusiveMaximum", "exclusiveMinimum"], json!({"type": "boolean"}));
        put(&["additionalItems", "additionalProperties"], json!({"anyOf": [{"type": "boolean"}, schema]}));
    } else {
        put(&["$id", "$ref"], json!({"type": "string", "format": "uri-reference"}));
        put(&["$schema"], json!({"type": "string", "format": "uri"}));
        put(&["multipleOf"], json!({"type": "number", "exclusiveMinimum": 0}));
        put(&["exclusiveMaximum", "exclusiveMinimum"], json!({"type": "number"}));
        put(&["additionalItems", "additionalProperties", "contains", "propertyNames"], schema.clone());
        put(&["const"], json!({}));
        put(&["examples"], json!({"type": "array", "items": {}}));
    }
    if draft == Draft::Seven {
        put(&["if", "then", "else"], schema);
        put(&["$comment", "contentMediaType", "contentEncoding"], json!({"type": "string"}));
        put(&["readOnly"], json!({"type": "boolean"}));
        put(&["patternProperties"], with(by_name, "propertyNames", json!({"format": "regex"})));
    }

    let address = Draft::PUBLISHED.iter().find(|(d, _)| *d == draft).map_or("", |(_, address)| *address);
    let mut root = json!({
        "$schema": format!("{address}#"),
        "definitions": definitions,
        "properties": properties,
        "type": if old { json!("object") } else { json!(["object", "boolean"]) },
    });
    root[if old { "id" } else { "$id" }] = json!(format!("{address}#"));
    if old {
        root["dependencies"] = json!({"exclusiveMaximum": ["maximum"], "exclusiveMinimum": ["minimum"]});
    }
    root.to_string()
}

fn with(mut schema: Value, key: &str, value: Value) -> Value {
    schema[key] = value;
    schema
}
