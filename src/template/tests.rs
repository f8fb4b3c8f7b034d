//! Replays the cases that Go answered (`tests/parity/text_template/`), and throws arbitrary text at the engine.
#![expect(clippy::disallowed_methods, reason = "the recorded cases are files")]

use super::{
    Dialect, Engine, ErrorKind, FuncError, FunctionTable, INT_LIST, Kind, Limits, List, ListType, Map, MapType, Method,
    MissingKey, Object, STRING_LIST, STRING_MAP, Set, Signature, Type, Value,
};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::rc::Rc;

// ---- the functions that the oracle has, in Rust

#[derive(Debug)]
struct Person;

static INT_MAP: MapType = MapType { name: "map[string]int", elem: Type::Int, methods: &[] };
static PERSON_METHODS: &[Method] = &[
    Method {
        name: "Greet",
        signature: Signature::new(&[Type::String]),
        call: |_, _, args| Ok(Value::from(format!("{}, Ann", args[0].str()))),
    },
    Method { name: "Self", signature: Signature::new(&[]), call: |_, this, _| Ok(this.clone()) },
    Method { name: "Fail", signature: Signature::new(&[]), call: |_, _, _| Err(FuncError::new("person failed")) },
    Method {
        name: "Sum",
        signature: Signature::variadic(&[Type::Int], Type::Int),
        call: |_, _, args| Ok(Value::Int(args.iter().filter_map(Value::as_i64).sum())),
    },
];

impl Object for Person {
    fn type_name(&self) -> &'static str {
        "*main.person"
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let extra = Map::new(&INT_MAP, [("k".into(), Value::Int(1))].into());
        vec![
            ("Name", Value::from("Ann")),
            ("Age", Value::Int(7)),
            ("Tags", Value::strings(["x".to_owned(), "y".to_owned()])),
            ("Next", Value::Nil),
            ("Extra", Value::Map(extra)),
            ("Any", Value::Nil),
        ]
    }

    fn field_type(&self, name: &str) -> Type {
        match name {
            "Next" => Type::Object("*main.person"),
            "Any" => Type::Any,
            _ => Type::String,
        }
    }

    fn methods(&self) -> &'static [Method] {
        PERSON_METHODS
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

#[derive(Debug)]
struct Version;

impl Object for Version {
    fn type_name(&self) -> &'static str {
        "main.version"
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Major", Value::Int(1)), ("Minor", Value::Int(29))]
    }

    fn string(&self) -> Option<String> {
        Some("v1.29".to_owned())
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().is::<Self>()
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

static VERSIONS: ListType = ListType {
    name: "main.set",
    elem: Type::String,
    methods: &[Method {
        name: "Has",
        signature: Signature::new(&[Type::String]),
        call: |_, this, args| {
            let list = this.as_list().unwrap();
            Ok(Value::Bool(list.items().iter().any(|item| item.str() == args[0].str())))
        },
    }],
};

static FILES: MapType = MapType {
    name: "main.files",
    elem: Type::Bytes,
    methods: &[Method {
        name: "Get",
        signature: Signature::new(&[Type::String]),
        call: |_, this, args| match this.as_map().unwrap().get(args[0].str()) {
            Some(Value::Bytes(bytes)) => Ok(Value::String(super::Str::from(&*bytes))),
            _ => Ok(Value::from("")),
        },
    }],
};

static VALUES: MapType = MapType {
    name: "main.values",
    elem: Type::Any,
    methods: &[Method {
        name: "Keys",
        signature: Signature::new(&[]),
        call: |_, this, _| Ok(Value::Int(this.as_map().unwrap().len() as i64)),
    }],
};

fn functions() -> FunctionTable {
    let mut table = FunctionTable::new();
    let mut same = |name, params| table.add(name, Signature::new(params), |_, args| Ok(args[0].clone()));
    same("any", &[Type::Any]);
    same("str", &[Type::String]);
    same("int", &[Type::Int]);
    same("i32", &[Type::Int32]);
    same("i64", &[Type::Int64]);
    same("u8", &[Type::Uint8]);
    same("u", &[Type::Uint]);
    same("u64", &[Type::Uint64]);
    same("flt", &[Type::Float64]);
    same("cplx", &[Type::Complex]);
    same("yes", &[Type::Bool]);
    let rest = |rest| Signature::variadic(&[], rest);
    table.add("strs", rest(Type::String), |_, args| Ok(Value::List(List::new(&STRING_LIST, args.to_vec()))));
    table.add("ints", rest(Type::Int), |_, args| Ok(Value::List(List::new(&INT_LIST, args.to_vec()))));
    table.add("list", rest(Type::Any), |_, args| Ok(Value::list(args.to_vec())));
    table.add("bytes", Signature::new(&[Type::String]), |_, args| Ok(Value::bytes(args[0].str().as_bytes().to_vec())));
    table.add("first", Signature::new(&[Type::ANY_LIST]), |_, args| {
        let list = args[0].as_list().unwrap();
        list.items().first().cloned().ok_or("runtime error: index out of range [0] with length 0".into())
    });
    let length = |value: &Value| {
        Ok(Value::Int(match value {
            Value::List(list) => list.len(),
            Value::Map(map) => map.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => 0,
        } as i64))
    };
    table.add("takes", Signature::new(&[Type::STRING_LIST]), move |_, args| length(&args[0]));
    table.add("blob", Signature::new(&[Type::Bytes]), move |_, args| length(&args[0]));
    table.add("size", Signature::new(&[Type::ANY_MAP]), move |_, args| length(&args[0]));
    table.add("dict", rest(Type::Any), |_, args| {
        if let Some(odd) = args.chunks_exact(2).find(|pair| pair[0].as_str().is_none()) {
            let name = if odd[0].is_nil() { "nil" } else { odd[0].type_name() };
            return Err(format!("interface conversion: interface {{}} is {name}, not string").into());
        }
        Ok(Value::map(args.chunks_exact(2).map(|pair| (pair[0].str().to_owned(), pair[1].clone()))))
    });
    table.add("set", Signature::new(&[Type::ANY_MAP, Type::String, Type::Any]), |_, args| {
        match args[0].as_map().unwrap().insert(args[1].str(), args[2].clone()) {
            true => Ok(args[0].clone()),
            false => Err("assignment to entry in nil map".into()),
        }
    });
    table.add("smap", Signature::new(&[]), |_, _| {
        Ok(Value::Map(Map::new(&STRING_MAP, [("a".into(), "x".into()), ("b".into(), "y".into())].into())))
    });
    table.add("nothing", Signature::new(&[]), |_, _| Ok(Value::Nil));
    table.add("nilmap", Signature::new(&[]), |_, _| Ok(Value::Map(Map::nil(&super::ANY_MAP))));
    table.add("nillist", Signature::new(&[]), |_, _| Ok(Value::List(List::nil(&super::ANY_LIST))));
    table.add("rest", Signature::variadic(&[Type::String], Type::Int), |_, args| {
        Ok(Value::from(format!("{}{}", args[0].str(), args.len() - 1)))
    });
    table.add("fail", Signature::new(&[Type::String]), |_, args| Err(FuncError::new(args[0].str())));
    table.add("err", Signature::new(&[Type::String]), |_, args| Ok(Value::Error(args[0].str().into())));
    table.add("join", Signature::variadic(&[Type::String], Type::Any), |_, args| {
        let words: Vec<String> = args[1..].iter().map(ToString::to_string).collect();
        Ok(Value::from(words.join(" ").trim().replace(' ', args[0].str())))
    });
    table.add("adder", Signature::new(&[]), |_, _| {
        let body =
            |_: &mut super::Context<'_>, args: &[Value]| Ok(Value::Int(args.iter().filter_map(Value::as_i64).sum()));
        let signature = Signature::new(&[Type::Int, Type::Int]);
        Ok(Value::Func(Rc::new(super::Function { signature, body: Box::new(body) })))
    });
    table.add("person", Signature::new(&[]), |_, _| Ok(Value::object(Person)));
    table.add("version", Signature::new(&[]), |_, _| Ok(Value::object(Version)));
    table.add("versions", Signature::new(&[]), |_, _| {
        Ok(Value::List(List::new(&VERSIONS, vec!["v1".into(), "apps/v1".into()])))
    });
    table.add("files", Signature::new(&[]), |_, _| {
        let entries =
            [("a.txt".into(), Value::bytes(b"hello".to_vec())), ("b.bin".into(), Value::bytes(vec![0xff, 0xfe]))];
        Ok(Value::Map(Map::new(&FILES, entries.into())))
    });
    table.add("values", Signature::new(&[]), |_, _| {
        Ok(Value::Map(Map::new(&VALUES, [("a".into(), Value::Float64(1.0))].into())))
    });
    table.add("include", Signature::new(&[Type::String, Type::Any]), |context, args| {
        Ok(Value::String(context.execute_template(args[0].str(), args[1].clone())?))
    });
    table.add("tpl", Signature::new(&[Type::String, Type::Any]), |context, args| {
        Ok(Value::String(context.execute_text("text", args[0].str(), args[1].clone())?))
    });
    table
}

// ---- replaying

/// JSON as Go's decoder reads it into `any`: every number is a float.
fn decoded(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Number(n) => Value::Float64(n.as_f64().unwrap()),
        serde_json::Value::Array(items) => Value::list(items.iter().map(decoded).collect()),
        serde_json::Value::Object(entries) => Value::map(entries.iter().map(|(k, v)| (k.as_str(), decoded(v)))),
        other => Value::from(other),
    }
}

struct Case {
    line: usize,
    text: String,
    data: serde_json::Value,
    missing: MissingKey,
    others: Vec<(String, String)>,
}

fn cases(path: &Path) -> Vec<Case> {
    let (mut data, mut missing, mut others) = (serde_json::Value::Null, MissingKey::Default, Vec::new());
    let mut cases = Vec::new();
    for (at, line) in std::fs::read_to_string(path).unwrap().lines().enumerate() {
        let line = line.replace('⏎', "\n");
        if let Some(json) = line.strip_prefix("@data ") {
            data = serde_json::from_str(json).unwrap();
        } else if let Some(option) = line.strip_prefix("@option") {
            missing = match option.trim() {
                "missingkey=zero" => MissingKey::Zero,
                "missingkey=error" => MissingKey::Error,
                "" | "missingkey=default" => MissingKey::Default,
                other => panic!("unknown option {other}"),
            };
        } else if let Some(template) = line.strip_prefix("@template ") {
            let (name, text) = template.split_once(' ').unwrap();
            others.push((name.to_owned(), text.to_owned()));
        } else if line == "@clear" {
            others.clear();
        } else if !line.is_empty() && !line.starts_with("@#") {
            cases.push(Case { line: at + 1, text: line, data: data.clone(), missing, others: others.clone() });
        }
    }
    cases
}

fn answer(case: &Case, dialect: Dialect, functions: &FunctionTable) -> Result<String, super::Error> {
    let mut set = Set::named("root", dialect);
    for (name, text) in &case.others {
        set.parse(name, text, functions)?;
    }
    set.parse("t", &case.text, functions)?;
    let limits = Limits { depth: 100_000, ..Limits::default() };
    Engine::new(&set, functions, case.missing, limits).execute("t", decoded(&case.data))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/text_template")
}

fn replay(recorded: &str, dialect: Dialect) {
    let functions = functions();
    let (mut total, mut failures) = (0, Vec::new());
    let mut paths: Vec<_> =
        std::fs::read_dir(folder().join("cases")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let expected = std::fs::read_to_string(folder().join("expected").join(recorded).join(&name)).unwrap();
        let cases = cases(&path);
        assert_eq!(
            cases.len(),
            expected.lines().count(),
            "{name}: record the answers again (tests/parity/text_template/record.sh)"
        );
        for (case, expected) in cases.iter().zip(expected.lines()) {
            let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
            let want = expected.get("out").map_or_else(
                || Err(expected["err"].as_str().unwrap().to_owned()),
                |out| Ok(out.as_str().unwrap().to_owned()),
            );
            if matches!(&want, Err(text) if text.starts_with("panic: ")) {
                continue;
            }
            total += 1;
            let got = answer(case, dialect, &functions).map_err(|error| error.to_string());
            if got != want {
                failures.push(format!("{name}:{}: {:?}\n  want {want:?}\n  got  {got:?}", case.line, case.text));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {total} cases differ:\n{}", failures.len(), failures.join("\n"));
    assert!(total > 500, "only {total} cases");
}

#[test]
fn answers_as_go_1_23() {
    replay("go1.23", Dialect::Go1_23);
}

#[test]
fn answers_as_the_newest_go() {
    replay("current", Dialect::Go1_24);
}

// ---- what Go has no words for

fn render(text: &str, data: Value, limits: Limits) -> Result<String, super::Error> {
    let functions = functions();
    let mut set = Set::new();
    set.parse("t", text, &functions)?;
    Engine::new(&set, &functions, MissingKey::Zero, limits).execute("t", data)
}

#[test]
fn texts_see_the_set_and_keep_their_definitions_to_themselves() {
    let text = r#"{{define "x"}}set{{end}}{{tpl `{{define "x"}}own{{end}}{{template "x"}}` .}} {{template "x"}}"#;
    assert_eq!(render(text, Value::Nil, Limits::default()).unwrap(), "own set");
    let text = r#"{{define "x"}}set{{end}}{{tpl `{{define "x"}} {{end}}{{include "x" .}}` .}}"#;
    assert_eq!(render(text, Value::Nil, Limits::default()).unwrap(), "set");
    let error = render("{{tpl `{{` .}}", Value::Nil, Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "template: t:1:2: executing \"t\" at <tpl `{{` .>: error calling tpl: template: text:1: unclosed action"
    );
    assert_eq!(error.cause.unwrap().kind, ErrorKind::Parse);
}

#[test]
fn errors_carry_their_place_and_what_they_came_from() {
    let text = "{{define \"in\"}}\n  {{.a.b.c}}{{end}}{{include \"in\" .}}";
    let error = render(text, Value::map([("a", Value::Nil)]), Limits::default()).unwrap_err();
    assert_eq!((error.line, error.column, error.kind), (2, Some(21), ErrorKind::Execute));
    let cause = error.cause.unwrap();
    assert_eq!((cause.line, cause.column), (2, Some(6)));
    assert_eq!(cause.message, "nil pointer evaluating interface {}.b");
}

#[test]
fn limits_end_a_run_and_are_named() {
    let limited = |text: &str, limits: Limits| {
        let error = render(text, Value::Nil, limits).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Limit, "{error}");
        error.to_string()
    };
    let endless = r#"{{define "x"}}{{template "x"}}{{end}}{{template "x"}}"#;
    assert!(limited(endless, Limits::default()).ends_with("exceeded maximum template depth (100000)"));
    let endless = r#"{{define "x"}}{{include "x" .}}{{end}}{{template "x"}}"#;
    let limits = Limits { depth: 2_000, ..Limits::default() };
    assert!(limited(endless, limits).contains("exceeded maximum template depth (2000)"));
    let limits = Limits { fuel: 1_000, ..Limits::default() };
    assert!(limited("{{range 1000000}}x{{end}}", limits).ends_with("limit reached: fuel (1000 steps)"));
    let limits = Limits { output: 1_000, ..Limits::default() };
    assert!(limited("{{range 1000000}}xxxxxxx{{end}}", limits).ends_with("limit reached: output (1000 bytes)"));
    let deep = format!("{{{{{}1{}}}}}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(limited(&deep, Limits::default()).ends_with("max expression depth exceeded"));
    let deep = "{{if 1}}".repeat(5_000);
    assert!(limited(&deep, Limits::default()).ends_with("max expression depth exceeded"));
}

#[test]
fn values_of_any_depth_and_cycles_do_no_harm() {
    let text = "{{$d := dict}}{{range 200000}}{{$d = dict \"in\" $d}}{{end}}{{len (print $d)}}";
    render(text, Value::Nil, Limits::default()).unwrap();
    let text = "{{$d := dict}}{{$_ := set $d \"self\" $d}}{{len (print $d)}} {{len (printf \"%#v\" $d)}}";
    render(text, Value::Nil, Limits::default()).unwrap();
    let d = Map::empty();
    d.insert("self", Value::Map(d.clone()));
    assert!(Value::Map(d.clone()).to_json().is_err());
    let e = Map::empty();
    e.insert("self", Value::Map(e.clone()));
    assert!(!Value::Map(d.clone()).deep_equal(&Value::Map(e.clone())));
    d.remove("self");
    e.remove("self");
    assert!(Value::Map(d).deep_equal(&Value::Map(e)));
}

#[test]
fn what_grows_exponentially_is_cut_off() {
    let text = "{{$s := \"0123456789\"}}{{range 60}}{{$s = print $s $s}}{{end}}";
    assert!(render(text, Value::Nil, Limits::default()).unwrap_err().to_string().contains("limit reached: text"));
    let text = "{{$d := dict}}{{range 60}}{{$d = dict \"a\" $d \"b\" $d}}{{end}}{{$d}}";
    assert!(render(text, Value::Nil, Limits::default()).unwrap_err().to_string().contains("limit reached: text"));
    let text = "{{$l := list}}{{range 1000}}{{$l = list 1 $l}}{{end}}{{len (printf \"%1000000d\" $l)}}";
    assert!(render(text, Value::Nil, Limits::default()).unwrap_err().to_string().contains("limit reached: text"));
    let laughs = || (0..60).fold(Value::from("x"), |v, _| Value::map([("a", v.clone()), ("b", v)]));
    assert!(laughs().to_json().is_err());
    assert!(!laughs().deep_equal(&laughs()));
}

#[test]
fn json_and_values_agree() {
    let json =
        serde_json::json!({"a": [1, 2.5, "x", null, true], "b": {"c": {}}, "big": 18_446_744_073_709_551_615u64});
    assert_eq!(Value::from(&json).to_json().unwrap(), json);
    assert_eq!(Value::bytes(b"hi".to_vec()).to_json().unwrap(), serde_json::json!("aGk="));
    assert_eq!(Value::Map(Map::nil(&STRING_MAP)).to_json().unwrap(), serde_json::Value::Null);
    assert!(Value::Float64(f64::NAN).to_json().is_err());
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{{",
        "}}",
        "{{-",
        "-}}",
        " ",
        "\n",
        ".",
        "$",
        "$x",
        ":=",
        "=",
        "|",
        "(",
        ")",
        ",",
        "if",
        "else",
        "end",
        "range",
        "with",
        "define",
        "template",
        "block",
        "break",
        "continue",
        "nil",
        "true",
        "1",
        "-2.5e3",
        "0x1p-2",
        "1i",
        "'a'",
        "\"t\"",
        "\"%d %v\"",
        "`raw`",
        ".a",
        ".a.b",
        "$x.y",
        "/*",
        "*/",
        "printf",
        "print",
        "index",
        "slice",
        "len",
        "eq",
        "lt",
        "and",
        "or",
        "not",
        "call",
        "html",
        "js",
        "dict",
        "list",
        "set",
        "include",
        "tpl",
        "person",
        "versions",
        "adder",
        "nilmap",
        "err",
        "%",
        "é",
        "\u{0}",
        "\\",
        "#",
        "99999999999999999999",
        "text",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn action() -> impl Strategy<Value = String> {
    let operand = prop::sample::select(vec![
        ".",
        "$",
        "nil",
        "true",
        "1",
        "-2.5",
        "1i",
        "'a'",
        "\"t\"",
        "\"%d%[2]*.[1]*f%!\"",
        "`raw`",
        ".a",
        ".a.b.c",
        ".l",
        "(index .l 1)",
        "(dict \"k\" .)",
        "(list 1 .a \"x\")",
        "(nothing)",
        "nilmap",
        "nillist",
        "person",
        "version",
        "versions",
        "files",
        "(err \"e\")",
        "adder",
        "(bytes \"é\")",
        "(u64 18446744073709551615)",
    ]);
    let function = prop::sample::select(vec![
        "printf",
        "print",
        "println",
        "html",
        "js",
        "urlquery",
        "index",
        "slice",
        "len",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "and",
        "or",
        "not",
        "call",
        "any",
        "str",
        "int",
        "set",
        "include",
        "tpl",
        "dict",
        "person.Greet",
        "(versions).Has",
    ]);
    (function, prop::collection::vec(operand, 0..5), 0..4).prop_map(|(function, operands, shape)| {
        let call = format!("{function} {}", operands.join(" "));
        match shape {
            0 => format!("{{{{{call}}}}}"),
            1 => format!("{{{{range $i, $x := {call}}}}}{{{{$x}}}}{{{{else}}}}none{{{{end}}}}"),
            2 => format!("{{{{with {call}}}}}{{{{.x}}}}{{{{end}}}}"),
            _ => format!("{{{{{} | {call}}}}}", operands.first().unwrap_or(&".")),
        }
    })
}

fn harmless(text: &str) {
    let json = serde_json::json!({"a": {"b": 1}, "l": [1, "two", null, {"k": []}]});
    let limits = Limits { fuel: 2_000, output: 100_000, depth: 50 };
    let _ = render(text, Value::from(&json), limits);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn no_text_does_harm(text in ".{0,60}") {
        harmless(&text);
        harmless(&format!("{{{{{text}}}}}"));
    }

    #[test]
    fn no_mix_of_words_does_harm(text in pieces()) {
        harmless(&text);
        harmless(&format!("{{{{{text}}}}}"));
    }

    #[test]
    fn no_call_does_harm(text in action()) {
        harmless(&text);
    }

    #[test]
    fn floats_print_so_that_they_read_back(bits in any::<u64>()) {
        let x = f64::from_bits(bits);
        prop_assume!(x.is_finite());
        for format in [b'g', b'e', b'f', b'x'] {
            prop_assert_eq!(super::parse_float(&super::format_float(x, format, None)), Some(x));
        }
    }

    #[test]
    fn quoted_text_reads_back(text in any::<Vec<u8>>()) {
        let quoted = crate::go::quote::quote(&text);
        let unquoted = crate::go::quote::unquote(&quoted);
        prop_assert_eq!(unquoted.as_deref(), Some(&text[..]));
    }
}
