//! What Go reads and writes, as tables.

use super::*;
use serde_json::json;

#[test]
fn reads_and_writes() {
    let value = to_json("a: 1\nb: [x, yes, 0o10, 1e3]\nc:\n", Numbers::Exact).unwrap();
    assert_eq!(value, json!({"a": 1, "b": ["x", true, 8, 1000], "c": null}));
    assert_eq!(emit(&value), "a: 1\nb:\n- x\n- true\n- 8\n- 1000\nc: null\n");
}
