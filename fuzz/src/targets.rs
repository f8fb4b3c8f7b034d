//! What each target does with its input. `tests/parity/fuzzed.rs` runs the same over what was found.

use evenkeel::functions::{Surroundings, register};
use evenkeel::template::{Dialect, Engine, FunctionTable, Limits, MissingKey, Set, Value};
use evenkeel::values::set;
use evenkeel::yaml::{self, Numbers};

/// Lexer and parser: any text is a template or an error.
pub fn parse(text: &str) {
    let mut table = FunctionTable::new();
    register(&mut table, &Surroundings::default());
    for dialect in [Dialect::Go1_23, Dialect::Go1_24] {
        let _ = Set::named("fuzz", dialect).parse("text", text, &table);
    }
}

/// What a template may cost here: far less than in earnest, so that a loop ends soon.
fn limits() -> Limits {
    Limits { fuel: 200_000, output: 1 << 20, ..Limits::default() }
}

/// Execution with fuel, over helm's functions: any template ends, with text or an error. The first line may be JSON data.
pub fn execute(text: &str) {
    let (data, text) = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with('{') && !first.starts_with("{{") => {
            (serde_json::from_str::<serde_json::Value>(first).unwrap_or_default(), rest)
        }
        _ => (serde_json::json!({"s": "text", "n": 3, "l": [1, "a", null], "m": {"k": {"x": 1.5}}, "b": true}), text),
    };
    // Passwords are meant to cost much; keys, too.
    if ["bcrypt", "htpasswd", "derivePassword", "genPrivateKey", "genCA", "genSelfSigned", "genSigned"]
        .iter()
        .any(|slow| text.contains(slow))
    {
        return;
    }
    let mut table = FunctionTable::new();
    register(&mut table, &Surroundings::default());
    let mut set = Set::named("fuzz", Dialect::Go1_23);
    if set.parse("text", text, &table).is_err() {
        return;
    }
    let data = Value::map([("Values", Value::from(&data)), ("x", Value::Int(1))]);
    let _ = Engine::new(&set, &table, MissingKey::Zero, limits()).execute("text", data);
}

/// YAML in: any text is nodes or an error, and what was read can be written. (That it reads the same again is not so: Go writes a
/// key `<<` plain, and so must we.)
pub fn yaml(text: &str) {
    let _ = yaml::parse_all(text);
    let _ = yaml::parse_lenient(text);
    for numbers in [Numbers::Float, Numbers::Exact] {
        if let Ok(read) = yaml::to_json(text, numbers) {
            let _ = yaml::to_json(&yaml::emit(&read), numbers);
        }
    }
}

/// `--set` and its likes: any line is set or refused.
pub fn set(text: &str) {
    for kind in [set::Kind::Typed, set::Kind::String, set::Kind::Json, set::Kind::Literal, set::Kind::File] {
        let mut values = serde_json::Map::new();
        for line in text.lines() {
            let _ = set::apply(&mut values, kind, line, &mut |name| Ok(name.to_owned()));
        }
    }
}
