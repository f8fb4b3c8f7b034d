//! Replays what Go reads and writes. The tables in `tests/yaml/` were filled in by the Go program beside them.

use super::*;
use serde_json::json;

const READ: &str = include_str!("../../tests/yaml/read.jsonl");
const WRITE: &str = include_str!("../../tests/yaml/write.jsonl");

#[test]
fn reads_and_writes() {
    let value = to_json("a: 1\nb: [x, yes, 0o10, 1e3]\nc:\n", Numbers::Exact).unwrap();
    assert_eq!(value, json!({"a": 1, "b": ["x", true, 8, 1000], "c": null}));
    assert_eq!(emit(&value), "a: 1\nb:\n- x\n- true\n- 8\n- 1000\nc: null\n");
}

/// Makes numbers comparable that one side holds as an integer and the other as a float.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || ((x.is_f64() || y.is_f64()) && x.as_f64() == y.as_f64()),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| alike(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|((k, x), (l, y))| k == l && alike(x, y))
        }
        _ => a == b,
    }
}

pub(super) fn read_mismatches(table: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for line in table.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = case["yaml"].as_str().unwrap();
        let ours = to_json(text, Numbers::Exact);
        match (case["json"].as_str(), case["error"].as_str(), &ours) {
            (Some(go), _, Ok(value)) => {
                let go: Value = serde_json::from_str(go).unwrap();
                if !alike(&go, value) {
                    wrong.push(format!("{text:?}\n    go   {go}\n    ours {value}"));
                }
            }
            (Some(go), _, Err(error)) => wrong.push(format!("{text:?}\n    go   {go}\n    ours {error}")),
            (None, Some(go), Err(error)) if go == error.go_text() => {}
            (None, Some(go), Err(error)) => {
                wrong.push(format!("{text:?}\n    go   {go}\n    ours {}", error.go_text()));
            }
            (None, go, Ok(value)) => wrong.push(format!("{text:?}\n    go   {go:?}\n    ours {value}")),
            (None, None, Err(_)) => unreachable!("a line has one of both"),
        }
    }
    wrong
}

pub(super) fn write_mismatches(table: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for line in table.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let ours = try_emit(&case["value"]).map_err(|error| error.to_string());
        let go = case["yaml"].as_str().ok_or_else(|| case["error"].as_str().unwrap_or_default().to_owned());
        if go != ours.as_deref().map_err(Clone::clone) {
            wrong.push(format!("{}\n    go   {go:?}\n    ours {ours:?}", case["value"]));
        }
    }
    wrong
}

#[test]
fn reads_as_go_does() {
    let wrong = read_mismatches(READ);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), READ.lines().count(), wrong.join("\n"));
}

#[test]
fn writes_as_go_does() {
    let wrong = write_mismatches(WRITE);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), WRITE.lines().count(), wrong.join("\n"));
}

#[test]
fn limits_are_named() {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(parse(&deep(DEPTH)).is_ok());
    assert!(parse(&deep(DEPTH + 1)).unwrap_err().message.ends_with("(limit: depth)"));
    assert!(parse(&deep(100_000)).unwrap_err().message.ends_with("(limit: depth)"));

    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..9 {
        laughs.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(", ")));
    }
    assert_eq!(parse(&laughs).unwrap_err().message, "document contains excessive aliasing");

    let long = format!("a: &a {}\nb:\n{}", "x".repeat(1 << 20), "- *a\n".repeat(64));
    assert!(parse(&long).unwrap_err().message.ends_with("(limit: alias expansion)"));

    let nested =
        format!("{}{}{}", (0..290).map(|i| format!("&a{i} [")).collect::<String>(), "x,".repeat(4000), "]".repeat(290));
    assert!(parse(&nested).unwrap_err().message.ends_with("(limit: anchors)"));
}

#[test]
fn equal_keys_are_refused_for_people_and_taken_from_charts() {
    let text = "a: 1\nb:\n  c: 1\n  c: 2\n";
    let error = parse(text).unwrap_err();
    assert_eq!(error.to_string(), "4:3: key \"c\" already set in map");
    assert_eq!(error.go_text(), "yaml: unmarshal errors:\n  line 4: key \"c\" already set in map");
    assert_eq!(to_json(text, Numbers::Exact).unwrap(), json!({"a": 1, "b": {"c": 2}}));
    // What came in by a merge may be overridden.
    assert!(parse("a: &a {x: 1}\nb: {<<: *a, x: 2}\n").is_ok());
}

#[test]
fn nodes_know_their_places() {
    let node = parse("# c\na:\n  b: [1, é, {c: d}]\n").unwrap().unwrap();
    let (key, value) = node.get("a").unwrap().entry("b").unwrap();
    assert_eq!((key.start.to_string(), key.end.to_string()), ("3:3".to_owned(), "3:4".to_owned()));
    let places: Vec<String> = value.items().iter().map(|item| format!("{}-{}", item.start, item.end)).collect();
    assert_eq!(places, ["3:7-3:8", "3:10-3:11", "3:13-3:19"]);
    let error = parse("a: 1\n  b: \u{1}\n").unwrap_err();
    assert_eq!(error.to_string(), "2:6: control characters are not allowed");
}

#[test]
fn several_documents() {
    let kinds = |text| parse_all(text).map(|nodes| nodes.iter().map(Node::kind).collect::<Vec<_>>());
    assert_eq!(kinds("---\n# nothing\n---\na: 1\n---\n- x\n...\n---\n~\n").unwrap(), ["a map", "a list", "null"]);
    assert_eq!(kinds("").unwrap(), Vec::<&str>::new());
    assert_eq!(kinds("a: 1\n---\nb: [\n").unwrap_err().position.line, 4);
    assert_eq!(parse("a: 1\n---\nb: [\n").unwrap().unwrap().kind(), "a map");
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        let text =
            prop_oneof![any::<String>(), "[ -~\\n]{0,12}", "[0-9a-fxoe_.:+-]{0,8}", "(y|no|~|null|<<|=|---|\\.\\.\\.)"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter_map("finite", |f| serde_json::Number::from_f64(f).map(Value::Number)),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                // Go writes the key `<<` without quotes, which makes it a merge when it is read.
                prop::collection::btree_map(text.clone().prop_filter("no merge", |key| key != "<<"), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn yamlish() -> impl Strategy<Value = String> {
        let token = prop::sample::select(vec![
            "a", "b: ", "- ", "\n", "\n  ", " ", ": ", "? ", "[", "]", "{", "}", ",", "&x ", "*x", "<<: ", "|\n",
            ">-\n", "|2+", "'", "\"", "#", "---\n", "...", "!!int ", "!", "%", "\\", "\t", "\r", "é", "\u{85}",
            "\u{feff}", "0x1", "~", "1.5",
        ]);
        prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in value()) {
            let text = emit(&value);
            let back = to_json(&text, Numbers::Exact);
            prop_assert!(back.as_ref().is_ok_and(|back| alike(back, &value)), "{text:?}\n{back:?}");
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in prop_oneof![any::<String>(), yamlish()]) {
            let first = parse_lenient(&text);
            let _ = parse(&text);
            let all = parse_all(&text);
            // Reading on cannot mend what was wrong.
            if first.is_err() {
                prop_assert!(all.is_err());
            }
            for error in [first.err(), all.err()].into_iter().flatten() {
                let _ = error.diagnostic("f", &text).to_string();
            }
        }
    }
}
