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
