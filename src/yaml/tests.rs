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
                wrong.push(format!("{text:?}\n    go   {go}\n    ours {}", error.go_text()))
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

/// Where libyaml 0.2.5 and go-yaml's older port of it part. We refuse what Go takes: a key that ends in a colon inside of
/// braces or brackets, and a byte order mark in the middle. We take what Go refuses: `?` in a plain text inside of brackets, and
/// `\/`.
const DEVIATIONS: &[&str] = &["a: 1\n\u{feff}b: 2", "a: {b:}", "a: [a:, b]", "a: [a?b]", "a: \"\\/\""];

#[test]
fn reads_as_go_does() {
    let (known, table): (Vec<&str>, Vec<&str>) = READ.lines().partition(|line| {
        let case: Value = serde_json::from_str(line).unwrap();
        DEVIATIONS.contains(&case["yaml"].as_str().unwrap())
    });
    assert_eq!(read_mismatches(&known.join("\n")).len(), DEVIATIONS.len(), "a deviation is gone: take it off the list");
    let wrong = read_mismatches(&table.join("\n"));
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), READ.lines().count(), wrong.join("\n"));
}

#[test]
fn writes_as_go_does() {
    let wrong = write_mismatches(WRITE);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), WRITE.lines().count(), wrong.join("\n"));
}
