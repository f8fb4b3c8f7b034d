//! Replays Helm's `pkg/strvals`. The table in `tests/values/` was filled by the Go program beside it.

use super::*;
use serde_json::json;

const TABLE: &str = include_str!("../../../tests/values/set.jsonl");

#[test]
fn sets_as_helm_does() {
    let mut wrong = Vec::new();
    for line in TABLE.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let kind = match case["kind"].as_str().unwrap() {
            "set" => Kind::Typed,
            "string" => Kind::String,
            "json" => Kind::Json,
            "file" => Kind::File,
            "literal" => Kind::Literal,
            other => panic!("unknown kind {other}"),
        };
        let mut values = case["base"].as_object().cloned().unwrap_or_default();
        let mut file =
            |name: &str| if name == "missing" { Err("no such file".to_owned()) } else { Ok(format!("<{name}>")) };
        let result = apply(&mut values, kind, case["line"].as_str().unwrap(), &mut file);
        let go = case.get("error").and_then(Value::as_str);
        match (&result, go) {
            (Ok(()), None) if values == *case["values"].as_object().unwrap() => {}
            (Err(SetError::Wrong { message, .. }), Some(go)) if message == go => {}
            (Err(SetError::Json { .. }), Some(_)) => {}
            _ => wrong.push(format!("{line}\n    ours {result:?} {}", Value::Object(values))),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), TABLE.lines().count(), wrong.join("\n"));
}

#[test]
fn errors_name_the_option() {
    let error = |kind, line| apply(&mut Map::new(), kind, line, &mut |_| Ok(String::new())).unwrap_err().to_string();
    assert_eq!(error(Kind::Typed, "a"), "failed parsing --set data: key \"a\" has no value");
    assert_eq!(error(Kind::Json, "a={"), "failed parsing --set-json data a={");
    let mut values = Map::new();
    apply(&mut values, Kind::Typed, "a=1,b=x", &mut |_| Ok(String::new())).unwrap();
    assert_eq!(Value::Object(values), json!({"a": 1, "b": "x"}));
}
