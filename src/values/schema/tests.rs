//! What is asked of helm (tests/values/schema.jsonl), and hostile schemas.

use serde_json::json;

use super::*;
use crate::yaml::{self, Numbers};

fn refused(schema: &Value, values: &Value) -> String {
    let result =
        Schema::parse(schema.to_string().as_bytes()).and_then(|schema| schema.check(values.as_object().unwrap()));
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn nothing_hostile_gets_far() {
    // A schema that is itself.
    assert!(refused(&json!({"$ref": "#"}), &json!({})).ends_with("(limit: schema depth)"));
    assert!(refused(&json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}), &json!({})).ends_with("(limit: schema depth)"));
    // One that doubles at each step.
    let mut definitions = Map::new();
    for step in 0..40 {
        let next = json!({"$ref": format!("#/definitions/d{}", step + 1)});
        definitions.insert(format!("d{step}"), json!({"allOf": [next, next]}));
    }
    definitions.insert("d40".to_owned(), json!({}));
    let doubling = json!({"definitions": definitions, "$ref": "#/definitions/d0"});
    assert!(refused(&doubling, &json!({})).ends_with("(limit: schema steps)"));
    // One that nests.
    let deep = format!("{}{{}}{}", "{\"not\":".repeat(5000), "}".repeat(5000));
    assert!(Schema::parse(deep.as_bytes()).unwrap_err().to_string().ends_with("(limit: JSON depth)"));
    let refs: Map<String, Value> =
        (0..2000).map(|i| (format!("d{i}"), json!({"not": {"$ref": format!("#/definitions/d{}", i + 1)}}))).collect();
    let chain = refused(&json!({"definitions": refs}), &json!({}));
    assert!(chain.ends_with("(limit: schema depth)"), "{chain}");
    // A number with a million digits, and one with a large exponent.
    let long = format!("{{\"maximum\": {}}}", "9".repeat(1_000_000));
    assert!(Schema::parse(long.as_bytes()).unwrap_err().to_string().ends_with("(limit: digits)"));
    assert_eq!(refused(&json!({"multipleOf": 1e-300}), &json!({"a": 1})), "");
}

/// What helm would say, or nothing.
fn said(schema: &[u8], values: &Value) -> String {
    // YAML does not take control characters as they are.
    let escaped = |c: char| {
        if ('\u{7f}'..='\u{9f}').contains(&c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }
    };
    let text: String = values.to_string().chars().map(escaped).collect();
    let values = yaml::to_json(&text, Numbers::Float).unwrap();
    let values = values.as_object().unwrap();
    let again = match yaml::read_back(values) {
        Ok(again) => again.unwrap_or_else(|| values.clone()),
        Err(error) => return error.to_string(),
    };
    let result = Schema::parse(schema).and_then(|schema| schema.check(&again));
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn says_what_helm_says() {
    let mut wrong = Vec::new();
    for line in include_str!("../../../tests/values/schema.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let schema = case["text"].as_str().map_or_else(|| case["schema"].to_string(), str::to_owned);
        let mut ours = said(schema.as_bytes(), &case["values"]);
        if case["unordered"] == true {
            let mut lines: Vec<&str> = ours.split_inclusive('\n').collect();
            lines.sort_unstable();
            ours = lines.concat();
        }
        let helms = case["error"].as_str().unwrap_or_default();
        if ours != helms {
            wrong.push(format!("{schema}\n  values {}\n  helm {helms:?}\n  ours {ours:?}", case["values"]));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}
