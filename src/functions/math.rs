//! Numbers.

use super::convert::{checked, text, to_f64, to_i64};
use super::decimal::Decimal;
use super::{fixed, rest};
use crate::template::{FuncError, FunctionTable, INT_LIST, List, Signature, Type, Value};

const A: Type = Type::Any;
const I: Type = Type::Int;

/// Numbers that `until` and `seq` count at most.
const MAX_COUNT: u64 = 10_000_000;

pub(super) fn register(table: &mut FunctionTable) {
    table.add("int", fixed(&[A]), |_, a| Ok(Value::Int(to_i64(&a[0]))));
    table.add("int64", fixed(&[A]), |_, a| Ok(Value::Int64(to_i64(&a[0]))));
    table.add("float64", fixed(&[A]), |_, a| Ok(Value::Float64(to_f64(&a[0]))));
    table.add("atoi", fixed(&[Type::String]), |_, a| Ok(Value::Int(atoi(a[0].str()))));
    table.add("toDecimal", fixed(&[A]), |_, a| {
        Ok(Value::Int64(i64::from_str_radix(text(&a[0]).as_str(), 8).unwrap_or(0)))
    });
    table.add("add", rest(&[]), |_, a| Ok(Value::Int64(a.iter().map(to_i64).fold(0, i64::wrapping_add))));
    table.add("add1", fixed(&[A]), |_, a| Ok(Value::Int64(to_i64(&a[0]).wrapping_add(1))));
    table.add("sub", fixed(&[A, A]), |_, a| Ok(Value::Int64(to_i64(&a[0]).wrapping_sub(to_i64(&a[1])))));
    table.add("mul", rest(&[A]), |_, a| Ok(Value::Int64(a.iter().map(to_i64).fold(1, i64::wrapping_mul))));
    table.add("div", fixed(&[A, A]), |_, a| Ok(Value::Int64(to_i64(&a[0]).wrapping_div(nonzero(to_i64(&a[1]))?))));
    table.add("mod", fixed(&[A, A]), |_, a| Ok(Value::Int64(to_i64(&a[0]).wrapping_rem(nonzero(to_i64(&a[1]))?))));
    for name in ["max", "biggest"] {
        table.add(name, rest(&[A]), |_, a| Ok(Value::Int64(a.iter().map(to_i64).max().unwrap_or(0))));
    }
    table.add("min", rest(&[A]), |_, a| Ok(Value::Int64(a.iter().map(to_i64).min().unwrap_or(0))));
    table.add("maxf", rest(&[A]), |_, a| {
        Ok(Value::Float64(a[1..].iter().map(to_f64).fold(to_f64(&a[0]), |x, y| -go_min(-x, -y))))
    });
    table.add("minf", rest(&[A]), |_, a| Ok(Value::Float64(a[1..].iter().map(to_f64).fold(to_f64(&a[0]), go_min))));
    table.add("addf", rest(&[]), |_, a| decimal(0.0, a, Decimal::add, |x, y| x + y));
    table.add("add1f", fixed(&[A]), |_, a| decimal(to_f64(&a[0]), &[Value::Float64(1.0)], Decimal::add, |x, y| x + y));
    table.add("subf", rest(&[A]), |_, a| decimal(to_f64(&a[0]), &a[1..], Decimal::sub, |x, y| x - y));
    table.add("mulf", rest(&[A]), |_, a| decimal(to_f64(&a[0]), &a[1..], Decimal::mul, |x, y| x * y));
    table.add("divf", rest(&[A]), |_, a| {
        for (index, x) in a.iter().map(to_f64).enumerate() {
            // What is no number is found where its turn comes.
            if !x.is_finite() {
                break;
            }
            if index > 0 && x == 0.0 {
                return Err("decimal division by 0".into());
            }
        }
        decimal(to_f64(&a[0]), &a[1..], Decimal::div, |x, y| x / y)
    });
    table.add("ceil", fixed(&[A]), |_, a| Ok(Value::Float64(to_f64(&a[0]).ceil())));
    table.add("floor", fixed(&[A]), |_, a| Ok(Value::Float64(to_f64(&a[0]).floor())));
    table.add("round", Signature::variadic(&[A, I], Type::Float64), |_, a| {
        let on = a.get(2).and_then(Value::as_f64).unwrap_or(0.5);
        let power = 10f64.powf(to_f64(&a[1]));
        let digit = power * to_f64(&a[0]);
        let whole = if digit.fract() >= on { digit.ceil() } else { digit.floor() };
        Ok(Value::Float64(whole / power))
    });
    table.add("until", fixed(&[I]), |_, a| {
        let stop = to_i64(&a[0]);
        counted(0, stop, if stop < 0 { -1 } else { 1 }).map(int_list)
    });
    table
        .add("untilStep", fixed(&[I, I, I]), |_, a| counted(to_i64(&a[0]), to_i64(&a[1]), to_i64(&a[2])).map(int_list));
    table.add("seq", Signature::variadic(&[], I), |_, a| {
        let (start, end, step) = match a {
            [end] => (1, to_i64(end), None),
            [start, end] => (to_i64(start), to_i64(end), None),
            [start, step, end] => (to_i64(start), to_i64(end), Some(to_i64(step))),
            _ => return Ok("".into()),
        };
        let direction = if end < start { -1 } else { 1 };
        if direction < 0 && step.is_some_and(|step| step > 0) {
            return Ok("".into());
        }
        let numbers = counted(start, end.wrapping_add(direction), step.unwrap_or(direction))?;
        checked(numbers.len() * 20)?;
        Ok(numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ").into())
    });
}

/// Go's `strconv.Atoi` without its error: what is too large is the largest number there is.
fn atoi(text: &str) -> i64 {
    text.parse().unwrap_or_else(|error: std::num::ParseIntError| match error.kind() {
        std::num::IntErrorKind::PosOverflow => i64::MAX,
        std::num::IntErrorKind::NegOverflow => i64::MIN,
        _ => 0,
    })
}

fn nonzero(n: i64) -> Result<i64, FuncError> {
    if n == 0 { Err("runtime error: integer divide by zero".into()) } else { Ok(n) }
}

fn decimal(
    first: f64,
    others: &[Value],
    exact: fn(Decimal, Decimal) -> Option<Decimal>,
    rough: fn(f64, f64) -> f64,
) -> Result<Value, FuncError> {
    if let Some(x) = std::iter::once(first).chain(others.iter().map(to_f64)).find(|x| !x.is_finite()) {
        return Err(format!("Cannot create a Decimal from {}", Value::Float64(x)).into());
    }
    let mut result = Decimal::from_f64(first);
    for other in others {
        result = result.and_then(|sum| exact(sum, Decimal::from_f64(to_f64(other))?));
    }
    // Beyond 38 digits the float arithmetic has to do.
    let fallback = || others.iter().map(to_f64).fold(first, rough);
    Ok(Value::Float64(result.map_or_else(fallback, Decimal::to_f64)))
}

fn counted(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, FuncError> {
    if (stop < start && step >= 0) || (stop >= start && step <= 0) {
        return Ok(Vec::new());
    }
    if stop.abs_diff(start) / step.unsigned_abs() > MAX_COUNT {
        return Err(format!("more than {MAX_COUNT} numbers (limit: function output)").into());
    }
    let mut numbers = Vec::new();
    let mut at = start;
    while if step > 0 { at < stop } else { at > stop } {
        numbers.push(at);
        let Some(next) = at.checked_add(step) else { break };
        at = next;
    }
    Ok(numbers)
}

fn int_list(numbers: Vec<i64>) -> Value {
    Value::List(List::appended(&INT_LIST, numbers.into_iter().map(Value::Int).collect()))
}

/// Go's `math.Min`: not-a-number wins over all but an infinity, and -0 is below 0.
fn go_min(x: f64, y: f64) -> f64 {
    if x == f64::NEG_INFINITY || y == f64::NEG_INFINITY {
        f64::NEG_INFINITY
    } else if x.is_nan() || y.is_nan() {
        f64::NAN
    } else if x < y || (x == 0.0 && x.is_sign_negative()) && y == 0.0 {
        x
    } else {
        y
    }
}
