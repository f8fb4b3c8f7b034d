//! Expressions in CEL, the language of Kubernetes' own validation rules, over one object. Everything that can be known
//! without an object is known when one is read: what does not parse, names that nothing has, and what would take too long.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::{Context, Env, Program};
use serde_json::{Map, Value};

/// The longest expression, in bytes.
pub const LONGEST: usize = 2000;
/// How deep brackets and operators may be nested.
const DEEPEST: usize = 40;
/// How deep loops (`all`, `exists`, `map`, `filter`) may be nested: each runs once for every item of the one around it.
const LOOPS: usize = 2;
/// The largest list or map of an object that loops within loops may go over.
const LARGEST: usize = 1000;
/// The stack that reading and answering are given.
const STACK: usize = 32 << 20;
/// The parts of an object that an expression may name; `self` is all of it.
const NAMES: [&str; 7] = ["self", "apiVersion", "kind", "metadata", "spec", "status", "data"];
/// The functions of CEL that there are.
const FUNCTIONS: [&str; 13] = [
    "bool",
    "bytes",
    "contains",
    "double",
    "dyn",
    "endsWith",
    "int",
    "matches",
    "size",
    "startsWith",
    "string",
    "type",
    "uint",
];

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong.
    pub message: String,
    /// The line within the expression, from 1.
    pub line: u32,
    /// The column within that line in characters, from 1.
    pub column: u32,
}

impl ExpressionError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), line: 1, column: 1 }
    }
}

/// An expression that is true or not of an object.
#[derive(Clone)]
pub struct Expression {
    text: String,
    program: Arc<Program>,
    environment: Arc<Env>,
    /// Whether there are loops within loops.
    nested: bool,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// When it does not parse, is too long or too deep, or names what no object has.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        if text.trim().is_empty() {
            return Err(ExpressionError::new("an empty expression"));
        }
        if text.len() > LONGEST {
            return Err(ExpressionError::new(format!("longer than {LONGEST} bytes")));
        }
        if nesting(text) > DEEPEST {
            return Err(ExpressionError::new(format!("brackets more than {DEEPEST} deep")));
        }
        stacker::grow(STACK, || {
            let environment = Arc::new(Env::stdlib());
            let program = environment.compile(text.trim_end()).map_err(|errors| located(text, &errors))?;
            let nested = check(text, &program)? == LOOPS;
            Ok(Self { text: text.to_owned(), program: Arc::new(program), environment, nested })
        })
    }

    /// Whether it is true of an object.
    ///
    /// # Errors
    /// When it has no answer (a field that is not there), or one that is neither true nor false.
    pub fn holds(&self, object: &Value) -> Result<bool, String> {
        if self.nested && largest(object) > LARGEST {
            return Err(format!("loops within loops over more than {LARGEST} items"));
        }
        stacker::grow(STACK, || {
            let mut context = Context::with_env(Arc::clone(&self.environment));
            for name in NAMES {
                let value = if name == "self" { Some(object) } else { object.get(name) };
                let value = value.filter(|v| !v.is_null()).map_or_else(|| given(&Value::Object(Map::new())), given);
                context.add_variable_from_value(name, value);
            }
            match self.program.execute(&context) {
                Ok(cel::Value::Bool(answer)) => Ok(answer),
                Ok(_) => Err("it is neither true nor false".to_owned()),
                Err(cel::ExecutionError::NoSuchKey(key)) => Err(format!("there is no `{key}`")),
                Err(cel::ExecutionError::NoSuchOverload(error)) => Err(error.to_string()),
                // Others may show the values that they were about.
                Err(_) => Err("it cannot be computed".to_owned()),
            }
        })
    }
}

/// A value as CEL has it in Kubernetes: whole numbers are `int`, whatever their sign.
fn given(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(b) => cel::Value::Bool(*b),
        Value::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
            (Some(n), _, _) => cel::Value::Int(n),
            (None, Some(n), _) => cel::Value::UInt(n),
            (None, None, n) => cel::Value::Float(n.unwrap_or(f64::NAN)),
        },
        Value::String(text) => cel::Value::String(Arc::new(text.clone())),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(given).collect())),
        Value::Object(map) => {
            let entries: HashMap<String, cel::Value> = map.iter().map(|(k, v)| (k.clone(), given(v))).collect();
            cel::Value::Map(entries.into())
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.trim())
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.text)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

/// How deep brackets are nested at most; those in quotes count, too.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn located(text: &str, errors: &cel::ParseErrors) -> ExpressionError {
    let Some(first) = errors.errors.first() else { return ExpressionError::new("it does not parse") };
    let message = first.msg.trim_start_matches("Syntax error: ");
    // The long list of what could have stood there says less than the place.
    let message = message.split(" expecting {").next().unwrap_or(message).replace("'<EOF>'", "the end");
    let lines = u32::try_from(text.lines().count().max(1)).unwrap_or(u32::MAX);
    let number = |n: isize| u32::try_from(n).unwrap_or(1).max(1);
    ExpressionError { message, line: number(first.pos.0).min(lines), column: number(first.pos.1) }
}

/// The items of the largest list or map in a value.
fn largest(value: &Value) -> usize {
    let (mut largest, mut open) = (0, vec![value]);
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => {
                largest = largest.max(items.len());
                open.extend(items);
            }
            Value::Object(map) => {
                largest = largest.max(map.len());
                open.extend(map.values());
            }
            _ => {}
        }
    }
    largest
}

/// What a parser lets pass and no object would ever answer; how deep loops are nested.
fn check(text: &str, program: &Program) -> Result<usize, ExpressionError> {
    let at = |id: u64, message: String| {
        let offset = program.source_info().offset_for(id).map_or(0, |(start, _)| start as usize);
        let before: String = text.chars().take(offset).collect();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        ExpressionError { message, line: number(line), column: number(column) }
    };
    // What is still to be looked at, with the names that loops around it give, and how many loops and steps those are.
    let mut deepest = 0;
    let mut open: Vec<(&IdedExpr, Vec<&str>, usize, usize)> = vec![(program.expression(), Vec::new(), 0, 0)];
    while let Some((expression, names, loops, depth)) = open.pop() {
        if depth > 4 * DEEPEST {
            return Err(at(expression.id, "operators nested too deep".to_owned()));
        }
        let mut go = |next| open.push((next, names.clone(), loops, depth + 1));
        match &expression.expr {
            Expr::Ident(name) => {
                let known = NAMES.contains(&name.as_str())
                    || names.contains(&name.as_str())
                    || FUNCTIONS.contains(&name.as_str());
                if !known {
                    let names = NAMES.join(", ");
                    return Err(at(
                        expression.id,
                        format!("`{name}` is nothing that an object has: there are {names}"),
                    ));
                }
            }
            Expr::Call(call) => {
                let operator = !call.func_name.starts_with(|c: char| c.is_ascii_alphabetic());
                if !operator && !FUNCTIONS.contains(&call.func_name.as_str()) {
                    return Err(at(expression.id, format!("there is no function `{}`", call.func_name)));
                }
                call.target.iter().for_each(|t| go(t));
                call.args.iter().for_each(go);
            }
            Expr::Select(select) => go(&select.operand),
            Expr::List(list) => list.elements.iter().for_each(go),
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        go(&entry.key);
                        go(&entry.value);
                    }
                }
            }
            Expr::Struct(made) => {
                return Err(at(expression.id, format!("there is no type `{}`", made.type_name)));
            }
            Expr::Comprehension(each) => {
                if loops == LOOPS {
                    return Err(at(expression.id, format!("loops more than {LOOPS} deep")));
                }
                go(&each.iter_range);
                deepest = deepest.max(loops + 1);
                let mut inner = names.clone();
                inner.extend([each.iter_var.as_str(), each.accu_var.as_str()]);
                inner.extend(each.iter_var2.as_deref());
                for part in [&each.accu_init, &each.loop_cond, &each.loop_step, &each.result] {
                    open.push((part, inner.clone(), loops + 1, depth + 1));
                }
            }
            Expr::Literal(_) | Expr::Unspecified => {}
        }
    }
    Ok(deepest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_over_an_object() {
        let object = json!({"apiVersion": "v1", "kind": "A", "metadata": {"generation": 3, "labels": {"a.b/c": "x"}},
            "spec": {"n": 3}, "rules": [1],
            "status": {"n": 3, "share": 0.5, "conditions": [{"type": "Ready", "status": "True"}, {"type": "Other"}]}});
        let holds = |text: &str| Expression::parse(text).unwrap().holds(&object);
        for text in [
            "status.n >= spec.n",
            "status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')",
            "status.conditions.filter(c, c.type == 'Ready').all(c, c.status == 'True')",
            "!has(status.error) || status.error == ''",
            "metadata.labels['a.b/c'].startsWith('x')",
            "size(self.rules) == 1 && kind == 'A' && type(status.n) == int",
            "status.share < 1.0 && status.n + 1 == 4 && -spec.n == -3 && status.conditions[1].type == 'Other'",
            "metadata.generation == 3 ? true : false",
            "status.n in [1, 2, 3]",
            "status.conditions.exists_one(c, c.type == 'Ready')",
            "status.conditions.map(c, c.type) == ['Ready', 'Other']",
            "has(data.x) == false",
        ] {
            assert_eq!(holds(text), Ok(true), "{text}");
        }
        assert_eq!(holds("status.missing == 1"), Err("there is no `missing`".to_owned()));
        assert_eq!(holds("status.n"), Err("it is neither true nor false".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_known_before_there_is_an_object() {
        let wrong = |text: &str| {
            let error = Expression::parse(text).unwrap_err();
            format!("{}:{}: {}", error.line, error.column, error.message)
        };
        assert_eq!(wrong("status.phase = 'x'"), "1:14: token recognition error at: '= '");
        assert_eq!(wrong("true &&\n  status.phase =="), "2:18: mismatched input the end");
        assert_eq!(
            wrong("true && sttus.phase == 'x'"),
            "1:9: `sttus` is nothing that an object has: there are self, apiVersion, kind, metadata, spec, status, data"
        );
        assert!(wrong("now() > 1").ends_with("there is no function `now`"));
        assert_eq!(wrong("true &&\n  status.phase ==\n"), "2:18: mismatched input the end");
        assert_eq!(wrong(" "), "1:1: an empty expression");
        let nested = "status.a.all(a, a.all(b, b.all(c, c == 1)))";
        assert!(wrong(nested).ends_with("loops more than 2 deep"), "{}", wrong(nested));
        assert!(Expression::parse("status.a.all(a, a.all(b, b == 1))").is_ok());
    }

    #[test]
    fn no_object_keeps_it_busy() {
        let many = json!({"status": {"a": vec![1; LARGEST + 1]}});
        let nested = Expression::parse("status.a.all(a, status.a.all(b, b == a))").unwrap();
        assert_eq!(nested.holds(&many), Err("loops within loops over more than 1000 items".to_owned()));
        assert_eq!(nested.holds(&json!({"status": {"a": [1, 1]}})), Ok(true));
        assert_eq!(Expression::parse("status.a.all(a, a == 1)").unwrap().holds(&many), Ok(true));
    }

    #[test]
    fn no_text_exhausts_the_stack() {
        // On the small stack that a test has; each ends with an answer or an error.
        for n in [30, 300, 990] {
            for text in [
                format!("{}1{}", "(".repeat(n), ")".repeat(n)),
                format!("{}true", "!".repeat(n)),
                format!("{}1", "- ".repeat(n)),
                format!("1{}", "+1".repeat(n)),
                format!("true{}", "&&true".repeat(n)),
                format!("{}true", "true?true:".repeat(n)),
                format!("{}{}", "[".repeat(n), "]".repeat(n)),
                format!("status{}", ".a".repeat(n)),
                format!("{}1{}", "size(".repeat(n), ")".repeat(n)),
                "'".repeat(n),
                "\u{0}é\"".repeat(n / 2),
            ] {
                if let Ok(expression) = Expression::parse(&text) {
                    let _ = expression.holds(&json!({}));
                }
            }
        }
    }
}
