//! Layers and their provenance.

use super::*;
use serde_json::{Value, json};

fn layer(name: &str, kind: LayerKind, text: &str) -> Layer {
    Layer::read(name, format!("{name}/values.yaml"), kind, text).unwrap()
}

#[test]
fn says_where_a_value_came_from() {
    let merged = merge_layers(vec![
        layer("base", LayerKind::Values, "image:\n  tag: v1\nreplicas: 1\nold: 1\n"),
        layer("production", LayerKind::Values, "image:\n  tag: v2\nold: null\n"),
    ])
    .with_defaults(layer("chart", LayerKind::ChartDefaults, "image: {tag: latest, name: x}\nold: 3\n"));
    assert_eq!(Value::Object(merged.value.clone()), json!({"image": {"tag": "v2", "name": "x"}, "replicas": 1.0}));
    let all = explain(&merged, None).unwrap();
    let lines: Vec<String> = all
        .iter()
        .map(|e| {
            let over: Vec<String> = e
                .overrides
                .iter()
                .map(|o| format!("{}:{}={}", o.origin.layer, o.origin.line.unwrap(), o.value))
                .collect();
            format!("{} {:?} {}:{} over {}", e.path, e.value, e.origin.layer, e.origin.line.unwrap(), over.join(","))
        })
        .collect();
    assert_eq!(
        lines,
        [
            "image.name Some(String(\"x\")) chart:1 over ",
            "image.tag Some(String(\"v2\")) production:2 over base:2=\"v1\",chart:1=\"latest\"",
            "old None production:3 over base:4=1.0,chart:2=3.0",
            "replicas Some(Number(1.0)) base:3 over ",
        ]
    );
}

const COALESCE: &str = include_str!("../../tests/values/coalesce.jsonl");

fn chart_values(value: &Value) -> ChartValues {
    ChartValues {
        name: value["name"].as_str().unwrap().to_owned(),
        values: value["values"].as_object().unwrap().clone(),
        dependencies: value["dependencies"].as_array().into_iter().flatten().map(chart_values).collect(),
    }
}

/// Integers and floats alike: the tables went through Go's JSON.
fn floats(value: &Value) -> Value {
    match value {
        Value::Number(n) => Value::from(n.as_f64().unwrap()),
        Value::Array(items) => items.iter().map(floats).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), floats(v))).collect(),
        other => other.clone(),
    }
}

#[test]
fn coalesces_as_helm_does() {
    let mut wrong = Vec::new();
    for line in COALESCE.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let mut user = serde_json::Map::new();
        for file in case["files"].as_array().into_iter().flatten() {
            merge_maps(&mut user, floats(file).as_object().unwrap());
        }
        let mut chart = chart_values(&case["chart"]);
        fn all_floats(chart: &mut ChartValues) {
            chart.values = floats(&Value::Object(chart.values.clone())).as_object().unwrap().clone();
            chart.dependencies.iter_mut().for_each(all_floats);
        }
        all_floats(&mut chart);
        let mut warnings = Vec::new();
        let ours = coalesce(&chart, &user, &mut warnings);
        let go = case.get("values").map(floats);
        warnings.sort();
        let mut expected: Vec<&str> =
            case["warnings"].as_array().into_iter().flatten().map(|w| w.as_str().unwrap()).collect();
        expected.sort_unstable();
        match (&ours, &go) {
            (Ok(ours), Some(go)) if Value::Object(ours.clone()) == *go && warnings == expected => {}
            (Err(error), None) if case["error"].as_str().unwrap().contains(&error.to_string()) => {}
            _ => wrong.push(format!(
                "{line}\n    ours {} {warnings:?}",
                ours.map_or_else(|e| e.to_string(), |v| Value::Object(v).to_string())
            )),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), COALESCE.lines().count(), wrong.join("\n"));
}
