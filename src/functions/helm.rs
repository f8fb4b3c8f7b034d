//! Helm's own functions: `include`, `tpl`, `required`, `fail`, `lookup`, and YAML, JSON and TOML in and out.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use memchr::memmem::Finder;

use super::encoding::raw;
use super::{Surroundings, fixed, pretty, toml};
use crate::go::json::{self, Style};
use crate::go::quote::quote;
use crate::go::runes::not_utf8;
use crate::template::{ANY_LIST, ANY_MAP, Context, ErrorKind, FuncError, FunctionTable, List, Map, Str, Type, Value};
use crate::yaml::{self, Numbers};

const A: Type = Type::Any;
const S: Type = Type::String;

/// How often a template may include itself (helm: `recursionMaxNums`).
const MAX_NESTED: usize = 1_000;

/// What helm puts around the messages of `fail` and `required`, to find them in a chain of errors.
pub(crate) const ERROR_START: &str = "HELM_ERR_START";
/// The end of such a message.
pub(crate) const ERROR_END: &str = "HELM_ERR_END";

/// The name under which helm keeps its templates, and which `tpl` gives to its texts.
pub(crate) const ROOT: &str = "gotpl";

pub(super) fn register(table: &mut FunctionTable, surroundings: &Surroundings) {
    // The names of the templates that are being included, outermost first. How often one of them is among them matters only
    // where there are more than it may be.
    let nested: Rc<RefCell<Vec<Str>>> = Rc::default();
    table.add("include", fixed(&[S, A]), move |ctx, a| {
        let Value::String(name) = &a[0] else { return Ok("".into()) };
        {
            let mut nested = nested.borrow_mut();
            if nested.len() > MAX_NESTED && nested.iter().filter(|known| *known == name).count() > MAX_NESTED {
                return Err(FuncError::new(format!(
                    "rendering template has a nested reference name: {name}: unable to execute template"
                )));
            }
            nested.push(name.clone());
        }
        let result = ctx.execute_template(name, a[1].clone());
        nested.borrow_mut().pop();
        Ok(result?.into())
    });
    table.add("tpl", fixed(&[S, A]), |ctx, a| tpl(ctx, &a[0], a[1].clone()));
    table.add("required", fixed(&[S, A]), |_, a| match &a[1] {
        Value::Nil => Err(wrapped(a[0].str())),
        Value::String(text) if text.is_empty() => Err(wrapped(a[0].str())),
        given => Ok(given.clone()),
    });
    table.add("fail", fixed(&[S]), |_, a| Err(wrapped(a[0].str())));
    let resolve = surroundings.resolve;
    table.add("getHostByName", fixed(&[S]), move |_, a| {
        let Some(resolve) = resolve else { return Ok("".into()) };
        // Sprig draws one by chance, and Go's generator panics when there is none.
        let first = resolve(a[0].str()).into_iter().next();
        first.map(Value::from).ok_or_else(|| "invalid argument to Intn".into())
    });
    let cluster = Arc::clone(&surroundings.lookup);
    table.add("lookup", fixed(&[S, S, S, S]), move |_, a| {
        let found = cluster.lookup(a[0].str(), a[1].str(), a[2].str(), a[3].str()).map_err(FuncError::new)?;
        Ok(found.map_or_else(|| Value::Map(crate::template::Map::empty()), |json| Value::from(&json)))
    });
    register_yaml(table);
    register_json(table);
    table.add("toToml", fixed(&[A]), |ctx, a| {
        if a[0].is_nil() {
            return Err("reflect: call of reflect.Value.Type on zero Value".into());
        }
        let text = toml::write(&a[0]).unwrap_or_else(|error| error);
        ctx.spend(text.len() as u64 / 16)?;
        Ok(text.into())
    });
    table.add("fromToml", fixed(&[S]), |_, a| {
        Ok(toml::read(raw(&a[0])).map_or_else(|error| Value::map([("Error", Value::from(error))]), Value::from))
    });
}

/// Helm's lint mode.
pub(super) fn register_for_lint(table: &mut FunctionTable) {
    table.add("required", fixed(&[S, A]), |_, a| match &a[1] {
        Value::Nil => Ok("".into()),
        given => Ok(given.clone()),
    });
    table.add("fail", fixed(&[S]), |_, _| Ok("".into()));
}

fn register_yaml(table: &mut FunctionTable) {
    table.add("toYaml", fixed(&[A]), |ctx, a| {
        let Ok(json) = a[0].to_json() else { return Ok("".into()) };
        // What Go cannot write becomes nothing.
        let mut text = yaml::try_emit(&json).unwrap_or_default();
        ctx.spend(text.len() as u64 / 16)?;
        if text.ends_with('\n') {
            text.pop();
        }
        Ok(text.into())
    });
    table.add("toYamlPretty", fixed(&[A]), |ctx, a| {
        let mut text = yaml::emit_pretty(&pretty::shown(&a[0])?);
        ctx.spend(text.len() as u64 / 16)?;
        text.truncate(text.trim_end_matches('\n').len().max(text.len() - 1));
        Ok(text.into())
    });
    table.add("fromYaml", fixed(&[S]), |_, a| {
        Ok(read_map(from_yaml(&a[0]), "error unmarshaling JSON: while decoding JSON: ", Map::empty()))
    });
    table.add("fromYamlArray", fixed(&[S]), |_, a| {
        Ok(read_list(from_yaml(&a[0]), "error unmarshaling JSON: while decoding JSON: ", List::from(Vec::new())))
    });
}

fn register_json(table: &mut FunctionTable) {
    table.add("fromJson", fixed(&[S]), |_, a| {
        let (read, unreadable) = json::read_partly(a[0].str());
        Ok(match (read, unreadable) {
            // Go goes on behind a number that it cannot read, and helm gives what was read with the error.
            (Ok(serde_json::Value::Object(mut map)), Some(error)) => {
                map.insert("Error".to_owned(), error.into());
                Value::from(&serde_json::Value::Object(map))
            }
            (read, Some(_)) => read_map(read.map(beside_the_type), "", Map::nil(&ANY_MAP)),
            (read, None) => read_map(read, "", Map::nil(&ANY_MAP)),
        })
    });
    table.add("fromJsonArray", fixed(&[S]), |_, a| {
        let (read, unreadable) = json::read_partly(a[0].str());
        let read = match (read, unreadable) {
            (Ok(serde_json::Value::Array(_)), Some(error)) => Err(error),
            (read, Some(_)) => read.map(beside_the_type),
            (read, None) => read,
        };
        Ok(read_list(read, "", List::nil(&ANY_LIST)))
    });
    table.add("mustFromJson", fixed(&[S]), |_, a| {
        json::read(a[0].str()).map(|json| Value::from(&json)).map_err(FuncError::new)
    });
    for (name, must, escape_html, pretty) in [
        ("toJson", "mustToJson", true, false),
        ("toPrettyJson", "mustToPrettyJson", true, true),
        ("toRawJson", "mustToRawJson", false, false),
    ] {
        let style = Style { escape_html, pretty };
        let strict = move |_: &mut Context<'_>, a: &[Value]| {
            a[0].to_json_text(style).map(Value::from).map_err(|error| FuncError::new(error.to_string()))
        };
        table.add(must, fixed(&[A]), strict);
        if name == "toRawJson" {
            // Sprig panics where the others give an empty text.
            table.add(name, fixed(&[A]), strict);
        } else {
            table.add(name, fixed(&[A]), move |ctx, a| Ok(strict(ctx, a).unwrap_or_else(|_| "".into())));
        }
    }
}

fn wrapped(message: &str) -> FuncError {
    FuncError::new(format!("{ERROR_START}{message}{ERROR_END}"))
}

fn tpl(ctx: &mut Context<'_>, text: &Value, data: Value) -> Result<Value, FuncError> {
    let Value::String(source) = text else { return Ok("".into()) };
    match ctx.execute_text(ROOT, source.as_str(), data) {
        Ok(out) => Ok(without_no_value(&out).map_or_else(|| out.into(), Value::from)),
        Err(error) => {
            let what = if error.kind == ErrorKind::Parse {
                "cannot parse template"
            } else {
                "error during tpl function execution for"
            };
            Err(FuncError::from(error).wrap(&format!("{what} {}", quote(source.as_bytes()))))
        }
    }
}

/// What Go prints for a missing value, and helm takes away.
const NO_VALUE: &str = "<no value>";

static NO_VALUE_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(NO_VALUE));

/// The text without what Go prints for missing values; `None`: there is nothing of the kind in it.
pub(crate) fn without_no_value(text: &str) -> Option<String> {
    NO_VALUE_FINDER.find(text.as_bytes()).map(|_| text.replace(NO_VALUE, ""))
}

fn from_yaml(text: &Value) -> Result<serde_json::Value, String> {
    if let Some(message) = not_utf8(raw(text)) {
        return Err(format!("error converting YAML to JSON: yaml: {message}"));
    }
    yaml::to_json(text.str(), Numbers::Float)
        .map_err(|error| format!("error converting YAML to JSON: {}", error.go_text()))
}

/// What Go finds to be of the wrong type it does not read, so a number in it that is too large goes unnoticed; one alone is a number.
fn beside_the_type(read: serde_json::Value) -> serde_json::Value {
    if read.is_null() { 0.into() } else { read }
}

fn mismatch(found: &serde_json::Value, wanted: &str, prefix: &str) -> String {
    format!("{prefix}json: cannot unmarshal {} into Go value of type {wanted}", json::kind(found))
}

/// `null` leaves what Go decodes into as it was, or makes it nil.
fn read_map(read: Result<serde_json::Value, String>, prefix: &str, null: Map) -> Value {
    let error = match read {
        Ok(json @ serde_json::Value::Object(_)) => return Value::from(&json),
        Ok(serde_json::Value::Null) => return null.into(),
        Ok(other) => mismatch(&other, "map[string]interface {}", prefix),
        Err(error) => error,
    };
    Value::map([("Error", Value::from(error))])
}

fn read_list(read: Result<serde_json::Value, String>, prefix: &str, null: List) -> Value {
    let error = match read {
        Ok(json @ serde_json::Value::Array(_)) => return Value::from(&json),
        Ok(serde_json::Value::Null) => return null.into(),
        Ok(other) => mismatch(&other, "[]interface {}", prefix),
        Err(error) => error,
    };
    Value::list(vec![Value::from(error)])
}
