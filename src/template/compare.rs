//! Equality and order: the comparison functions' rules by kind, and `reflect.DeepEqual`.

use super::function::FuncError;
use super::limits::{MAX_VALUE_DEPTH, MAX_VALUES};
use super::operand::Operand;
use super::printf::sprintf;
use super::set::Dialect;
use super::types::Kind;
use super::value::Value;

#[derive(Clone, Copy, PartialEq)]
enum Basic<'v> {
    Bool(bool),
    Complex(f64, f64),
    Int(i64),
    Float(f64),
    String(&'v [u8]),
    Uint(u64),
    /// Nothing that has an order: nil, containers, objects.
    Other,
}

impl<'v> Basic<'v> {
    fn of(value: Option<&'v Value>) -> Self {
        match value {
            Some(Value::Bool(truth)) => Self::Bool(*truth),
            Some(Value::Complex(re, im)) => Self::Complex(*re, *im),
            Some(Value::Int(n) | Value::Int64(n)) => Self::Int(*n),
            Some(Value::Int32(n)) => Self::Int(i64::from(*n)),
            Some(Value::Uint8(n)) => Self::Uint(u64::from(*n)),
            Some(Value::Uint(n) | Value::Uint64(n)) => Self::Uint(*n),
            Some(Value::Float64(x)) => Self::Float(*x),
            Some(Value::String(text)) => Self::String(text.as_bytes()),
            Some(Value::Object(object)) if object.kind() == Kind::Int => {
                object.json().and_then(|json| json.as_i64()).map_or(Self::Other, Self::Int)
            }
            _ => Self::Other,
        }
    }
}

fn incompatible(left: &Value, right: &Value, dialect: Dialect) -> FuncError {
    match dialect {
        Dialect::Go1_23 => FuncError::new("incompatible types for comparison"),
        Dialect::Go1_24 => {
            FuncError::new(format!("incompatible types for comparison: {} and {}", left.type_name(), right.type_name()))
        }
    }
}

/// Whether the first operand equals any of the others.
pub(super) fn eq(first: &Operand, others: &[Operand], dialect: Dialect) -> Result<bool, FuncError> {
    if others.is_empty() {
        return Err(FuncError::new("missing argument for comparison"));
    }
    let left = first.value();
    for other in others {
        let right = other.value();
        let equal = match (Basic::of(left), Basic::of(right)) {
            (Basic::Bool(a), Basic::Bool(b)) => a == b,
            (Basic::Complex(a, b), Basic::Complex(c, d)) => a == c && b == d,
            (Basic::Int(a), Basic::Int(b)) => a == b,
            (Basic::Uint(a), Basic::Uint(b)) => a == b,
            (Basic::Float(a), Basic::Float(b)) => a == b,
            (Basic::String(a), Basic::String(b)) => a == b,
            (Basic::Int(a), Basic::Uint(b)) | (Basic::Uint(b), Basic::Int(a)) => u64::try_from(a).is_ok_and(|a| a == b),
            (Basic::Other, Basic::Other) => others_equal(left, right)?,
            _ => match (left, right) {
                (Some(left), Some(right)) => return Err(incompatible(left, right, dialect)),
                _ => false,
            },
        };
        if equal {
            return Ok(true);
        }
    }
    Ok(false)
}

fn others_equal(left: Option<&Value>, right: Option<&Value>) -> Result<bool, FuncError> {
    let nil = |value: Option<&Value>| value.is_none_or(Value::holds_nil);
    let shown = |value: &Value| sprintf(b"%s", std::slice::from_ref(value));
    if let (Some(left), Some(right)) = (left, right)
        && left.kind() != right.kind()
    {
        return Err(FuncError::new(format!(
            "non-comparable types {}: {}, {}: {}",
            shown(left),
            left.type_name(),
            sprintf(b"%s", &[Value::from(right.type_name())]),
            right
        )));
    }
    match (left, right) {
        _ if nil(left) || nil(right) => Ok(nil(left) == nil(right)),
        (Some(left), Some(right)) => match (left, right) {
            (Value::Object(a), Value::Object(b)) => Ok(std::rc::Rc::ptr_eq(a, b) || a.equals(&**b)),
            (Value::Error(_), Value::Error(_)) => Ok(false),
            _ => Err(FuncError::new(format!("non-comparable type {}: {}", shown(right), right.type_name()))),
        },
        _ => Ok(false),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    Not,
}

/// Whether the first operand is less than the second.
pub(super) fn lt(left: &Operand, right: &Operand, dialect: Dialect) -> Result<Order, FuncError> {
    let bad = || FuncError::new("invalid type for comparison");
    let (Some(left), Some(right)) = (left.value(), right.value()) else { return Err(bad()) };
    let less = match (Basic::of(Some(left)), Basic::of(Some(right))) {
        (Basic::Other, _) | (_, Basic::Other) => return Err(bad()),
        (Basic::Bool(_), Basic::Bool(_)) | (Basic::Complex(..), Basic::Complex(..)) => return Err(bad()),
        (Basic::Int(a), Basic::Int(b)) => a < b,
        (Basic::Uint(a), Basic::Uint(b)) => a < b,
        (Basic::Float(a), Basic::Float(b)) => a < b,
        (Basic::String(a), Basic::String(b)) => a < b,
        (Basic::Int(a), Basic::Uint(b)) => u64::try_from(a).map_or(true, |a| a < b),
        (Basic::Uint(a), Basic::Int(b)) => u64::try_from(b).is_ok_and(|b| a < b),
        _ => return Err(incompatible(left, right, dialect)),
    };
    Ok(if less { Order::Less } else { Order::Not })
}

impl Value {
    /// Go's `reflect.DeepEqual`: types and contents equal, nil and empty containers different. Values nested too deep or too large are not equal.
    pub fn deep_equal(&self, other: &Self) -> bool {
        deep_equal(self, other, 0, &mut 0)
    }
}

fn deep_equal(left: &Value, right: &Value, depth: usize, visited: &mut usize) -> bool {
    stacker::maybe_grow(128 << 10, 1 << 20, || deep_equal_here(left, right, depth, visited))
}

fn deep_equal_here(left: &Value, right: &Value, depth: usize, visited: &mut usize) -> bool {
    *visited += 1;
    if depth > MAX_VALUE_DEPTH || *visited > MAX_VALUES {
        return false;
    }
    if left.type_name() != right.type_name() {
        return false;
    }
    match (left, right) {
        (Value::Nil, Value::Nil) => true,
        (Value::Error(a), Value::Error(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.same(b)
                || (a.is_nil() == b.is_nil()
                    && a.len() == b.len()
                    && a.items().iter().zip(b.items()).all(|(a, b)| deep_equal(a, b, depth + 1, visited)))
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.same(b) {
                return true;
            }
            let (ours, theirs) = (a.entries(), b.entries());
            a.is_nil() == b.is_nil()
                && ours.len() == theirs.len()
                && ours.iter().zip(theirs.iter()).all(|((k, a), (l, b))| k == l && deep_equal(a, b, depth + 1, visited))
        }
        (Value::Object(a), Value::Object(b)) => {
            if std::rc::Rc::ptr_eq(a, b) || a.equals(&**b) {
                return true;
            }
            let (ours, theirs) = (a.fields(), b.fields());
            !ours.is_empty()
                && ours.len() == theirs.len()
                && ours.iter().zip(&theirs).all(|((_, a), (_, b))| deep_equal(a, b, depth + 1, visited))
        }
        _ if left.kind() == Kind::Func => false,
        _ => match (Basic::of(Some(left)), Basic::of(Some(right))) {
            (Basic::Other, _) => false,
            (a, b) => a == b,
        },
    }
}
