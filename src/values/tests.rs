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

/// A chart's defaults, held rather than lent.
struct Defaults {
    name: String,
    values: serde_json::Map<String, Value>,
    dependencies: Vec<Defaults>,
}

impl Defaults {
    fn read(value: &Value) -> Self {
        Self {
            name: value["name"].as_str().unwrap().to_owned(),
            values: floats(&value["values"]).as_object().unwrap().clone(),
            dependencies: value["dependencies"].as_array().into_iter().flatten().map(Self::read).collect(),
        }
    }

    fn lent(&self) -> ChartValues<'_> {
        ChartValues {
            name: &self.name,
            values: &self.values,
            dependencies: self.dependencies.iter().map(Self::lent).collect(),
        }
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
        let chart = Defaults::read(&case["chart"]);
        let mut warnings = Vec::new();
        let ours = coalesce(&chart.lent(), &user, &mut warnings);
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

#[test]
fn a_scalar_between_two_maps_breaks_associativity() {
    let map = |value: Value| value.as_object().unwrap().clone();
    let (a, b, c) = (map(json!({"a": {"x": 1}})), map(json!({"a": 5})), map(json!({"a": {"y": 2}})));
    let over = |mut lower: serde_json::Map<String, Value>, upper: &_| {
        merge_maps(&mut lower, upper);
        lower
    };
    assert_eq!(Value::Object(over(over(a.clone(), &b), &c)), json!({"a": {"y": 2}}));
    assert_eq!(Value::Object(over(a, &over(b, &c))), json!({"a": {"x": 1, "y": 2}}));
}

#[test]
fn a_null_that_a_higher_map_replaced_deletes_nothing() {
    // Helm merges the files of -f first, so the null of the lower one never meets the chart.
    let merged = merge_layers(vec![
        layer("base", LayerKind::Values, "a: null\n"),
        layer("production", LayerKind::Values, "a: {z: 2}\n"),
    ])
    .with_defaults(layer("chart", LayerKind::ChartDefaults, "a: {x: 1}\n"));
    assert_eq!(Value::Object(merged.value.clone()), json!({"a": {"x": 1.0, "z": 2.0}}));
    let all = explain(&merged, Some("a")).unwrap();
    let origins: Vec<_> = all.iter().map(|e| (e.path.as_str(), e.origin.layer.as_str())).collect();
    assert_eq!(origins, [("a.x", "chart"), ("a.z", "production")]);
}

#[test]
fn one_key_is_explained_even_when_it_is_gone() {
    let merged = merge_layers(vec![
        layer("base", LayerKind::Values, "a:\n  b: [{c: 1}, 2]\n  d.e: 3\n"),
        layer("secrets", LayerKind::Secret, "p: hidden\na: {d.e: also}\n"),
        layer("production", LayerKind::Values, "a:\n  b: null\n"),
    ]);
    let one = |key| explain(&merged, Some(key)).unwrap();
    assert_eq!(
        serde_json::to_value(one("a.b[0].c")).unwrap(),
        json!([{
            "path": "a.b[0].c",
            "deleted": true,
            "origin": {"layer": "production", "file": "production/values.yaml", "line": 2, "column": 3, "path": "a.b", "secret": false},
            "overrides": [{
                "value": 1.0,
                "origin": {"layer": "base", "file": "base/values.yaml", "line": 2, "column": 8, "path": "a.b[0].c", "secret": false},
            }],
        }])
    );
    assert_eq!(one("a.b")[0].value, Some(Value::Null));
    assert_eq!(one("a.d\\.e")[0].value, Some(json!(crate::manifest::MASK)));
    assert_eq!(one("a.d\\.e")[0].overrides[0].value, json!(3.0));
    assert_eq!(one("nothing.here"), []);
    assert!(!serde_json::to_string(&explain(&merged, None).unwrap()).unwrap().contains("hidden"));
    assert!(explain(&merged, Some("a..b")).is_err());
}

#[test]
fn values_files_fail_with_their_place() {
    let read = |kind, text: &str| Layer::read("l", "f.yaml", kind, text).unwrap_err().to_string();
    assert!(read(LayerKind::Values, "- 1\n").starts_with("f.yaml:1:1: expected a map of values, found a list\n"));
    assert_eq!(read(LayerKind::Secret, "a: [s3cret\n"), "f.yaml:2:1: did not find expected ',' or ']'");
    assert_eq!(read(LayerKind::Secret, "a: !!int s3cret\n"), "f.yaml:1:4: a value does not fit its tag");
    assert!(read(LayerKind::Values, "a: .inf\n").starts_with("f.yaml:1:4: json: unsupported value: +Inf"));
    assert!(Layer::read("l", "f", LayerKind::Values, "# nothing\n").unwrap().value().is_empty());
}

#[test]
fn paths_survive_their_text() {
    for text in ["a", "a.b", "a[0].b", "a[0][1]", "a\\.b/c.d", "a\\[0]", "a\\\\b", "[0]", "é.ü"] {
        assert_eq!(KeyPath::parse(text).unwrap().to_string(), text);
    }
    for text in [".", "a.", ".a", "a..b", "a[", "a[x]", "a[0", "a[0]b", "a\\", "a[99999999999999999999999]"] {
        assert!(KeyPath::parse(text).is_err(), "{text}");
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Map;

    fn any_map() -> impl Strategy<Value = Map<String, Value>> {
        let leaf = prop_oneof![
            Just(Value::Null),
            (0..3_i32).prop_map(|n| json!(f64::from(n))),
            Just(json!("x")),
            Just(json!([1.0, {"a": null}])),
            Just(json!({})),
        ];
        let value = leaf.prop_recursive(3, 12, 3, |inner| {
            prop::collection::btree_map("[abc]|d\\.e", inner, 0..4).prop_map(|m| Value::Object(m.into_iter().collect()))
        });
        prop::collection::btree_map("[abc]", value, 0..4).prop_map(|m| m.into_iter().collect())
    }

    /// Maps stand under `m…`, everything else under other keys, so that layers agree about what is a map.
    fn agreeing_map() -> impl Strategy<Value = Map<String, Value>> {
        fn level(depth: u32) -> BoxedStrategy<Map<String, Value>> {
            let leaves = prop::collection::btree_map(
                "[xyz]",
                prop_oneof![Just(Value::Null), (0..3_i32).prop_map(Value::from), Just(json!([1]))],
                0..3,
            );
            if depth == 0 {
                return leaves.prop_map(|m| m.into_iter().collect()).boxed();
            }
            let maps = prop::collection::btree_map("m[12]", level(depth - 1).prop_map(Value::Object), 0..3);
            (leaves, maps).prop_map(|(a, b)| a.into_iter().chain(b).collect()).boxed()
        }
        level(3)
    }

    fn over(mut lower: Map<String, Value>, upper: &Map<String, Value>) -> Map<String, Value> {
        merge_maps(&mut lower, upper);
        lower
    }

    fn leaf_paths(value: &Value, path: &KeyPath, found: &mut Vec<KeyPath>) {
        match value {
            Value::Object(map) if !map.is_empty() => map.iter().for_each(|(k, v)| leaf_paths(v, &path.key(k), found)),
            _ => found.push(path.clone()),
        }
    }

    proptest! {
        #[test]
        fn layering_is_associative_where_layers_agree_about_maps(
            a in agreeing_map(), b in agreeing_map(), c in agreeing_map(),
        ) {
            prop_assert_eq!(over(over(a.clone(), &b), &c), over(a, &over(b, &c)));
        }

        #[test]
        fn nothing_is_neutral_and_twice_is_once(a in any_map(), b in any_map()) {
            prop_assert_eq!(&over(a.clone(), &Map::new()), &a);
            prop_assert_eq!(&over(Map::new(), &a), &a);
            prop_assert_eq!(&over(a.clone(), &a), &a);
            let once = over(a, &b);
            prop_assert_eq!(&over(once.clone(), &b), &once);
        }

        #[test]
        fn nulls_delete_only_what_the_chart_has(chart in any_map(), user in any_map()) {
            let as_chart = ChartValues { name: "c", values: &chart, dependencies: Vec::new() };
            let values = coalesce(&as_chart, &user, &mut Vec::new()).unwrap();
            for (key, value) in &user {
                let gone = value.is_null() && chart.contains_key(key);
                prop_assert_eq!(values.contains_key(key), !gone);
            }
            for (key, value) in &chart {
                if !user.contains_key(key) {
                    prop_assert_eq!(&values[key], value);
                }
            }
        }

        #[test]
        fn provenance_tells_the_truth(chart in any_map(), layers in prop::collection::vec(any_map(), 0..4)) {
            let read = |name: &str, kind, map: &Map<String, Value>| {
                layer(name, kind, &crate::yaml::emit(&Value::Object(map.clone())))
            };
            let named: Vec<Layer> =
                layers.iter().enumerate().map(|(i, m)| read(&i.to_string(), LayerKind::Values, m)).collect();
            let merged = merge_layers(named).with_defaults(read("chart", LayerKind::ChartDefaults, &chart));

            let mut user = Map::new();
            layers.iter().for_each(|m| merge_maps(&mut user, m));
            let as_chart = ChartValues { name: "c", values: &chart, dependencies: Vec::new() };
            prop_assert_eq!(&merged.value, &coalesce(&as_chart, &user, &mut Vec::new()).unwrap());

            let root = Value::Object(merged.value.clone());
            let told = explain(&merged, None).unwrap();
            let mut leaves = Vec::new();
            if !merged.value.is_empty() {
                leaf_paths(&root, &KeyPath::default(), &mut leaves);
            }
            let explained: Vec<String> = told.iter().filter(|e| !e.deleted).map(|e| e.path.clone()).collect();
            let mut leaves: Vec<String> = leaves.iter().map(ToString::to_string).collect();
            leaves.sort_by_key(|p| KeyPath::parse(p).unwrap());
            prop_assert_eq!(explained, leaves);
            for one in &told {
                let path = KeyPath::parse(&one.path).unwrap();
                prop_assert_eq!(path.find(&root), one.value.as_ref());
                let written = match one.origin.layer.as_str() {
                    "chart" => &chart,
                    index => &layers[index.parse::<usize>().unwrap()],
                };
                let written = Value::Object(written.clone());
                let at = KeyPath::parse(&one.origin.path).unwrap();
                let there = at.find(&written);
                prop_assert!(there.is_some() && one.origin.line.is_some());
                if one.deleted {
                    prop_assert!(there.unwrap().is_null());
                } else if one.value == Some(json!({})) {
                    // A map whose keys were all deleted is where the map is written.
                    prop_assert!(there.unwrap().is_object());
                } else {
                    prop_assert_eq!(there, one.value.as_ref());
                }
            }
        }
    }
}
