//! The fast way answers what the long way answers, or nothing.

use super::*;
use crate::yaml::{NodeValue, parse_lenient};
use proptest::prelude::*;

fn long(text: &str, numbers: Numbers) -> Option<Value> {
    parse_lenient(text).ok()?.map_or(Some(Value::Null), |node| node.to_json(numbers).ok())
}

/// The differences between both ways; `Ok(true)` where the fast way answered.
fn compared(text: &str) -> Result<bool, String> {
    let mut answered = false;
    for numbers in [Numbers::Float, Numbers::Exact] {
        let Some(quick) = to_json(text, numbers) else { continue };
        answered = true;
        let long = long(text, numbers);
        if long.as_ref() != Some(&quick) {
            return Err(format!("{text:?}\n  fast {quick}\n  long {long:?}"));
        }
    }
    if let Some(head) = parts(text, &HEAD) {
        let quick = head.map(|node| text_of(&node));
        let Ok(long) = parse_lenient(text) else { return Err(format!("{text:?}\n  only the long way refuses it")) };
        let long = long.map(|node| text_of(&wanted(&node, &HEAD)));
        if quick != long {
            return Err(format!("{text:?}\n  fast {quick:?}\n  long {long:?}"));
        }
    }
    Ok(answered)
}

static HEAD: Wanted =
    Wanted::Only(&[("kind", Wanted::All), ("a", Wanted::Only(&[("name", Wanted::All), ("b", Wanted::All)]))]);

/// A node without its places.
fn text_of(node: &Node) -> String {
    match &node.value {
        NodeValue::Map(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| format!("{:?}: {}", key.key_text(), text_of(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        NodeValue::Seq(items) => format!("[{}]", items.iter().map(text_of).collect::<Vec<_>>().join(", ")),
        other => format!("{other:?}"),
    }
}

fn wanted(node: &Node, part: &Wanted) -> Node {
    let value = match (&node.value, part) {
        (NodeValue::Seq(items), _) => NodeValue::Seq(items.iter().map(|item| wanted(item, part)).collect()),
        (NodeValue::Map(pairs), Wanted::Only(names)) => NodeValue::Map(
            pairs
                .iter()
                .filter_map(|(key, value)| {
                    let text = key.key_text()?;
                    let (_, inner) = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text))?;
                    Some((key.clone(), wanted(value, inner)))
                })
                .collect(),
        ),
        (value, _) => value.clone(),
    };
    Node { value, start: node.start, end: node.end }
}

#[test]
fn ordinary_documents_are_read_here() {
    for text in [
        "",
        "# nothing\n",
        "---\n# a comment\na: 1\n",
        "a: 1\nb:\n- x\n- y: 1\n  z:\n    - 2\nc:\n  d: 'it''s'\n",
        "a: [1, {b: c, \"d\": [], e: }, 'f',\n  g] # comment\n",
        "a: |\n  one\n\n    two\n  three\nb: >-\n  folded\n  text\n\n  more\n\n    kept\n",
        "a: |+\n  x\n\nb: |2-\n    y",
        "a: long text\n  goes on\n\n  here\nb: \"long\n  \\ttext\"\nc: 'x\n\n\n  y '",
        "- - a\n  - b\n-\n  - c\n-\n- d: e",
        "a: http://x:80/#y # comment\n\"b\" : -1\n-c: ?x\n",
        "just a text",
        "a: |-",
        "a:\n  b: >+ # c",
        "a: \"x \\n\n  \\ y\\ \n  z \"",
        "1: a\nyes: b\n0.5: c\n",
    ] {
        assert_eq!(compared(text), Ok(true), "{text:?}");
    }
}

#[test]
fn everything_else_is_left_alone() {
    for text in [
        "a: &x 1\nb: *x\n",
        "a: !!int 1\n",
        "? a\n: b\n",
        "a: 1\n---\nb: 2\n",
        "a: 1\na: 2\n",
        "a:\n\t- b\n",
        "a: b: c\n",
        "a: 1\n b: 2\n",
        "{a: 1}: b\n",
        "a: .inf\n",
        "<<: {a: 1}\n",
        "a: \"x\\/y\"\n",
        "a: 1\r\nb: 2\r\n",
        "a: x\u{85}y\n",
        "[a: b]\n",
    ] {
        assert_eq!(compared(text), Ok(false), "{text:?}");
    }
}

#[test]
fn recorded_texts_are_read_alike() {
    for line in include_str!("../../../tests/yaml/read.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        compared(case["yaml"].as_str().unwrap()).unwrap();
    }
}

/// Pieces that texts are made of: enough of each kind that they often fit together.
fn piece() -> impl Strategy<Value = String> {
    let space = prop_oneof![4 => Just(""), 2 => Just(" "), 3 => Just("  "), 2 => Just("    "), 1 => Just("\t")];
    let mark = prop_oneof![3 => Just(""), 3 => Just("- "), 3 => Just("a: "), 2 => Just("b: "), 1 => Just("\"c\": "),
        1 => Just("kind: "), 1 => Just("name: "), 1 => Just("1: "), 1 => Just("?"), 1 => Just("- - "), 1 => Just("a:")];
    let value = prop_oneof![
        6 => "[ax0:#'\"\\\\-]{0,4}",
        2 => Just("|".to_owned()), 1 => Just("|-".to_owned()), 1 => Just(">+".to_owned()), 1 => Just("|2".to_owned()),
        1 => Just("'it''s".to_owned()), 1 => Just("\"a\\ b \\n\n \\  c\\ \n d\"".to_owned()), 1 => Just("\"a\\n\\\"b".to_owned()), 2 => Just("\"x\"".to_owned()), 1 => Just("'y'".to_owned()),
        2 => "[\\[\\]{}, a:\"]{1,6}", 1 => Just("[a, 1, {b: c}]".to_owned()), 1 => Just("&x 1".to_owned()), 1 => Just("*x".to_owned()),
        1 => Just("---".to_owned()), 1 => Just("...".to_owned()), 1 => Just("# c".to_owned()), 1 => Just("x # c".to_owned()),
        1 => Just("null".to_owned()), 1 => Just(".inf".to_owned()), 1 => Just("0x1F".to_owned()), 1 => Just("é ü".to_owned()),
        1 => Just("2001-01-01".to_owned()), 1 => Just("1e3".to_owned()), 1 => Just("!!str 1".to_owned()), 1 => Just("%a".to_owned()),
    ];
    let end = prop_oneof![12 => Just("\n"), 1 => Just(""), 2 => Just(" \n"), 2 => Just("\n\n"), 1 => Just("\n   \n"), 1 => Just("\r\n")];
    (space, mark, value, end).prop_map(|(space, mark, value, end)| format!("{space}{mark}{value}{end}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn generated_texts_are_read_alike(pieces in prop::collection::vec(piece(), 0..8)) {
        compared(&pieces.concat()).map_err(TestCaseError::fail)?;
    }
}
