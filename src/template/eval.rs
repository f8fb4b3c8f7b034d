//! Evaluates pipelines, commands, fields and calls.

use super::ast::{At, Command, Expr, ExprKind, Name, Pipe};
use super::builtins::Builtin;
use super::container::Map;
use super::context::MissingKey;
use super::error::{Error, ErrorKind};
use super::exec::{Exec, Run};
use super::function::{Found, FuncError, Function};
use super::number::Number;
use super::operand::{Is, Operand};
use super::types::{Method, Signature, Type};
use super::value::Value;
use crate::go::quote::quote;
use std::rc::Rc;

/// The variable that holds what a template was given.
const ROOT: &str = "$";

/// What a call runs.
enum Callee<'v> {
    Builtin(Builtin),
    Function(Rc<Function>),
    Method(&'static Method, &'v Value),
}

impl Callee<'_> {
    fn signature(&self) -> Signature {
        match self {
            Self::Builtin(builtin) => builtin.signature(),
            Self::Function(function) => function.signature,
            Self::Method(method, _) => method.signature,
        }
    }
}

impl<'t> Exec<'t, '_, '_> {
    /// The value of a pipeline, out of its interface; its variables are set.
    pub(super) fn pipeline(&mut self, dot: &Operand, pipe: &'t Pipe) -> Run<Operand> {
        self.at = Some(At::Pipe(pipe));
        let mut value: Option<Operand> = None;
        for command in &pipe.commands {
            value = Some(self.command(dot, command, value)?.unwrapped());
        }
        let value = value.unwrap_or(Operand::MISSING);
        for name in &pipe.variables {
            if pipe.assign {
                self.assign(name, value.clone())?;
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    pub(super) fn assign(&mut self, name: &str, value: Operand) -> Run<()> {
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, slot)) => {
                *slot = value;
                Ok(())
            }
            None if name == ROOT => {
                self.root = value;
                Ok(())
            }
            None => Err(self.fail(format!("undefined variable: {name}"))),
        }
    }

    fn command(&mut self, dot: &Operand, command: &'t Command, last: Option<Operand>) -> Run<Operand> {
        let Some((first, args)) = command.args.split_first() else { return Ok(Operand::MISSING) };
        match &first.kind {
            ExprKind::Field(path) => return self.field(dot, first, path, args, last),
            ExprKind::Chain(base, path) => return self.chain(dot, first, base, path, args, last),
            ExprKind::Function(name, found) => {
                return self.function(dot, first, (name, *found), At::Command(command), args, last);
            }
            ExprKind::Pipe(pipe) => {
                self.not_a_function(first, args, last.as_ref())?;
                return stacker::maybe_grow(256 << 10, 4 << 20, || self.pipeline(dot, pipe));
            }
            ExprKind::Variable(name, path) => return self.variable(dot, first, name, path, args, last),
            _ => {}
        }
        self.at = Some(At::Expr(first));
        self.not_a_function(first, args, last.as_ref())?;
        match &first.kind {
            ExprKind::Dot => Ok(dot.clone()),
            ExprKind::Nil => Err(self.fail("nil is not a command")),
            _ => self.literal(first),
        }
    }

    fn not_a_function(&self, first: &Expr, args: &[Expr], last: Option<&Operand>) -> Run<()> {
        if !args.is_empty() || last.is_some() {
            let shown = match &first.kind {
                ExprKind::Pipe(pipe) => pipe.to_string(),
                _ => first.to_string(),
            };
            return Err(self.fail(format!("can't give argument to non-function {shown}")));
        }
        Ok(())
    }

    /// A literal where no type is asked for.
    fn literal(&mut self, expr: &'t Expr) -> Run<Operand> {
        self.at = Some(At::Expr(expr));
        Ok(match &expr.kind {
            ExprKind::Bool(truth) => Operand::concrete(Value::Bool(*truth)),
            ExprKind::String { text, .. } => Operand::concrete(Value::String(text.clone())),
            ExprKind::Number(number) => self.ideal(number)?,
            _ => return Err(self.fail(format!("can't evaluate command {}", quote(expr.to_string().as_bytes())))),
        })
    }

    /// A number in the type that its form asks for: complex, then float if it is written as one, then int.
    fn ideal(&self, number: &Number) -> Run<Operand> {
        let text = &*number.text;
        let hex_int =
            text.len() > 2 && (text.starts_with("0x") || text.starts_with("0X")) && !text.contains(['p', 'P']);
        let looks_float = !hex_int && !text.starts_with('\'') && text.contains(['.', 'e', 'E', 'p', 'P']);
        Ok(Operand::concrete(match (number.complex, number.float, number.int) {
            (Some((re, im)), _, _) => Value::Complex(re, im),
            (None, Some(x), _) if looks_float => Value::Float64(x),
            (None, _, Some(n)) => Value::Int(n),
            (None, _, None) if number.uint.is_some() => return Err(self.fail(format!("{text} overflows int"))),
            _ => return Ok(Operand::MISSING),
        }))
    }

    fn field(
        &mut self,
        dot: &Operand,
        expr: &'t Expr,
        path: &'t [Name],
        args: &'t [Expr],
        last: Option<Operand>,
    ) -> Run<Operand> {
        self.at = Some(At::Expr(expr));
        self.path(dot, dot, expr, path, args, last)
    }

    fn chain(
        &mut self,
        dot: &Operand,
        expr: &'t Expr,
        base: &'t Expr,
        path: &'t [Name],
        args: &'t [Expr],
        last: Option<Operand>,
    ) -> Run<Operand> {
        self.at = Some(At::Expr(expr));
        if matches!(base.kind, ExprKind::Nil) {
            return Err(self.fail(format!("indirection through explicit nil in {expr}")));
        }
        let receiver = self.argument(dot, Type::Reflect, base)?;
        self.path(dot, &receiver, expr, path, args, last)
    }

    fn variable(
        &mut self,
        dot: &Operand,
        expr: &'t Expr,
        name: &str,
        path: &'t [Name],
        args: &'t [Expr],
        last: Option<Operand>,
    ) -> Run<Operand> {
        self.at = Some(At::Expr(expr));
        let value = match self.variables.iter().rev().find(|(known, _)| *known == name) {
            Some((_, value)) => value.clone(),
            None if name == ROOT => self.root.clone(),
            None => return Err(self.fail(format!("undefined variable: {name}"))),
        };
        if path.is_empty() {
            self.not_a_function(expr, args, last.as_ref())?;
            return Ok(value);
        }
        self.path(dot, &value, expr, path, args, last)
    }

    /// Follows field names; arguments go to the last one.
    fn path(
        &mut self,
        dot: &Operand,
        receiver: &Operand,
        expr: &'t Expr,
        path: &'t [Name],
        args: &'t [Expr],
        last: Option<Operand>,
    ) -> Run<Operand> {
        let Some((end, steps)) = path.split_last() else { return Ok(receiver.clone()) };
        let Some((first, rest)) = steps.split_first() else {
            return self.step(dot, end, expr, args, last, receiver);
        };
        let mut at = self.step(dot, first, expr, &[], None, receiver)?;
        if args.is_empty()
            && last.is_none()
            && self.context.watch().is_none()
            && let Some(Value::Map(map)) = at.value()
            && let Some(found) = walk(map, rest, end)
        {
            return Ok(Operand::interface(found));
        }
        for name in rest {
            at = self.step(dot, name, expr, &[], None, &at)?;
        }
        self.step(dot, end, expr, args, last, &at)
    }

    /// One field, method or key.
    fn step(
        &mut self,
        dot: &Operand,
        field: &'t Name,
        expr: &'t Expr,
        args: &'t [Expr],
        last: Option<Operand>,
        receiver: &Operand,
    ) -> Run<Operand> {
        let name = &*field.text;
        let value = match receiver.is() {
            Is::Missing if self.context.missing() == MissingKey::Error => {
                return Err(self.fail(format!("nil data; no entry for key {}", quote(name.as_bytes()))));
            }
            Is::Missing => return Ok(Operand::MISSING),
            Is::NilPointer(_) | Is::Interface(Value::Nil) | Is::Concrete(Value::Nil) => {
                return Err(self.fail(format!("nil pointer evaluating {}.{name}", receiver.type_name())));
            }
            Is::Interface(value) | Is::Concrete(value) => value,
        };
        let methods = value.methods();
        if !methods.is_empty()
            && let Some(method) = methods.iter().find(|method| method.name == name)
        {
            return self.call(dot, name, Callee::Method(method, value), At::Expr(expr), args, last);
        }
        let has_args = !args.is_empty() || last.is_some();
        match value {
            Value::Object(object) => {
                if let Some(field) = object.field(name) {
                    if let Some(watch) = self.context.watch() {
                        watch.key(value, name);
                    }
                    if has_args {
                        return Err(self.fail(format!("{name} has arguments but cannot be invoked as function")));
                    }
                    return Ok(Operand::element(object.field_type(name), field));
                }
            }
            Value::Map(map) => {
                if has_args {
                    return Err(self.fail(format!("{name} is not a method but has arguments")));
                }
                if let Some(watch) = self.context.watch() {
                    watch.key(value, name);
                }
                let elem = map.ty().elem;
                return match (map.get_again(field), self.context.missing()) {
                    (Some(value), _) => Ok(Operand::element(elem, value)),
                    (None, MissingKey::Default) => Ok(Operand::MISSING),
                    (None, MissingKey::Zero) => Ok(Operand::element(elem, elem.zero())),
                    (None, MissingKey::Error) => {
                        Err(self.fail(format!("map has no entry for key {}", quote(name.as_bytes()))))
                    }
                };
            }
            _ => {}
        }
        Err(self.fail(format!("can't evaluate field {name} in type {}", receiver.type_name())))
    }

    fn function(
        &mut self,
        dot: &Operand,
        expr: &'t Expr,
        (name, found): (&str, Found),
        call_at: At<'t>,
        args: &'t [Expr],
        last: Option<Operand>,
    ) -> Run<Operand> {
        self.at = Some(At::Expr(expr));
        let function = match found {
            Found::Table(place) => self.context.functions().at(place, name).map(Rc::clone).map(Callee::Function),
            Found::Builtin(builtin) => Some(Callee::Builtin(builtin)),
            Found::Nowhere => None,
        };
        let Some(callee) = function else {
            return Err(self.fail(format!("{} is not a defined function", quote(name.as_bytes()))));
        };
        self.call(dot, name, callee, call_at, args, last)
    }

    /// Checks and evaluates the arguments, then calls. `last` is what the pipeline hands over.
    fn call(
        &mut self,
        dot: &Operand,
        name: &str,
        callee: Callee<'_>,
        call_at: At<'t>,
        args: &'t [Expr],
        last: Option<Operand>,
    ) -> Run<Operand> {
        let Signature { params, variadic } = callee.signature();
        let count = args.len() + usize::from(last.is_some());
        if variadic.is_some() && count < params.len() {
            let want = params.len();
            return Err(self.fail(format!("wrong number of args for {name}: want at least {want} got {}", args.len())));
        }
        if variadic.is_none() && count != params.len() {
            return Err(self.fail(format!("wrong number of args for {name}: want {} got {count}", params.len())));
        }
        let want = |i: usize| params.get(i).copied().or(variadic).unwrap_or(Type::Any);
        if let Callee::Builtin(builtin @ (Builtin::And | Builtin::Or)) = callee {
            let mut value = Operand::MISSING;
            for arg in args {
                value = self.argument(dot, Type::Reflect, arg)?;
                if let Some(watch) = self.context.watch() {
                    watch.empty(&value);
                }
                if value.truth() == (builtin == Builtin::Or) {
                    return Ok(value);
                }
            }
            return Ok(last.unwrap_or(value));
        }
        let mut operands = self.context.spare.operands();
        for (i, arg) in args.iter().enumerate() {
            operands.push(self.argument(dot, want(i), arg)?);
        }
        if let Some(last) = last {
            let typ = want(operands.len());
            operands.push(self.fitted(last, typ)?);
        }
        self.context.charge(1).map_err(|message| self.limit(message))?;
        let mut original = None;
        if let Some(watch) = self.context.watch() {
            match &callee {
                Callee::Method(_, receiver) => watch.method(receiver, name, &operands),
                _ => watch.call(name, &operands),
            }
            original = operands.first().and_then(Operand::value).cloned();
        }
        let result = match callee {
            Callee::Builtin(Builtin::Call) if args.is_empty() => {
                // Go looks for the text of the function among the arguments, finds none there, and panics.
                let message = "runtime error: index out of range [0] with length 0";
                return Err(Box::new(Error::unplaced(ErrorKind::Panic, message)));
            }
            Callee::Builtin(builtin) => {
                let handed = (builtin == Builtin::Call).then(|| operands.first().map(named)).flatten();
                let callee_text = || args.first().map(ToString::to_string).or(handed.clone()).unwrap_or_default();
                builtin.run(self.context, &mut operands, &callee_text)
            }
            Callee::Function(function) => {
                let mut values = self.context.spare.values();
                values.extend(operands.drain(..).map(Operand::into_value));
                self.context.calls_from(self.source(), call_at.pos());
                let result = self.context.call(&function, &values).map(Operand::result);
                self.context.spare.keep_values(values);
                result
            }
            Callee::Method(method, receiver) => {
                let values: Vec<Value> = operands.drain(..).map(Operand::into_value).collect();
                (method.call)(self.context, receiver, &values).map(Operand::result)
            }
        };
        self.context.spare.keep_operands(operands);
        if let (Some(watch), Ok(result)) = (self.context.watch(), &result)
            && let Is::Concrete(copy) = result.is()
        {
            watch.copied(name, original.as_ref(), copy);
        }
        result.map_err(|FuncError { message, cause }| {
            self.at = Some(call_at);
            let kind = match &cause {
                Some(cause) if cause.kind == ErrorKind::Limit => ErrorKind::Limit,
                _ => ErrorKind::Execute,
            };
            self.failure(kind, format!("error calling {name}: {message}"), cause)
        })
    }

    /// An argument of a call, in the type that the parameter declares.
    fn argument(&mut self, dot: &Operand, want: Type, expr: &'t Expr) -> Run<Operand> {
        self.at = Some(At::Expr(expr));
        let value = match &expr.kind {
            ExprKind::Dot => dot.clone(),
            ExprKind::Nil => {
                return match want {
                    Type::Reflect => Ok(Operand::MISSING),
                    _ if want.can_be_nil() => Ok(Operand::element(want, want.zero())),
                    _ => Err(self.fail(format!("cannot assign nil to {}", want.name()))),
                };
            }
            ExprKind::Field(path) => self.field(dot, expr, path, &[], None)?,
            ExprKind::Variable(name, path) => self.variable(dot, expr, name, path, &[], None)?,
            ExprKind::Pipe(pipe) => stacker::maybe_grow(256 << 10, 4 << 20, || self.pipeline(dot, pipe))?,
            ExprKind::Function(name, found) => self.function(dot, expr, (name, *found), At::Expr(expr), &[], None)?,
            ExprKind::Chain(base, path) => self.chain(dot, expr, base, path, &[], None)?,
            ExprKind::Bool(_) | ExprKind::Number(_) | ExprKind::String { .. } => return self.constant(want, expr),
        };
        self.fitted(value, want)
    }

    /// A literal in the type that the parameter declares.
    fn constant(&mut self, want: Type, expr: &'t Expr) -> Run<Operand> {
        let number = match &expr.kind {
            ExprKind::Number(number) => Some(&**number),
            _ => None,
        };
        let int = number.and_then(|number| number.int);
        let uint = number.and_then(|number| number.uint);
        let (value, expected) = match want {
            Type::Any | Type::Reflect => return self.literal(expr),
            Type::Bool => (
                match expr.kind {
                    ExprKind::Bool(truth) => Some(Value::Bool(truth)),
                    _ => None,
                },
                "bool",
            ),
            Type::String => (
                match &expr.kind {
                    ExprKind::String { text, .. } => Some(Value::String(text.clone())),
                    _ => None,
                },
                "string",
            ),
            Type::Int => (int.map(Value::Int), "integer"),
            Type::Int32 => (int.map(|n| Value::Int32(n as i32)), "integer"),
            Type::Int64 => (int.map(Value::Int64), "integer"),
            Type::Uint8 => (uint.map(|n| Value::Uint8(n as u8)), "unsigned integer"),
            Type::Uint => (uint.map(Value::Uint), "unsigned integer"),
            Type::Uint32 => (uint.map(|n| Value::Uint(u64::from(n as u32))), "unsigned integer"),
            Type::Uint64 => (uint.map(Value::Uint64), "unsigned integer"),
            Type::Float64 => (number.and_then(|number| number.float).map(Value::Float64), "float"),
            Type::Complex => {
                (number.and_then(|number| number.complex).map(|(re, im)| Value::Complex(re, im)), "complex")
            }
            Type::Bytes | Type::List(_) | Type::Map(_) | Type::Object(_) | Type::Error | Type::Func => {
                return Err(self.fail(format!("can't handle {expr} for arg of type {}", want.name())));
            }
        };
        value.map(Operand::concrete).ok_or_else(|| self.fail(format!("expected {expected}; found {expr}")))
    }

    /// Checks that a value can be passed as this type.
    fn fitted(&mut self, operand: Operand, want: Type) -> Run<Operand> {
        match (operand.is(), want) {
            (_, Type::Reflect) => Ok(operand),
            (Is::Missing, _) if want.can_be_nil() => Ok(Operand::element(want, want.zero())),
            (Is::Missing, _) => Err(self.fail(format!("invalid value; expected {}", want.name()))),
            (Is::Concrete(Value::Object(object)), Type::Any) => match object.copied() {
                Some(copy) => Ok(Operand::concrete(copy)),
                None => Ok(operand),
            },
            (_, Type::Any) => Ok(operand),
            (Is::NilPointer(name), Type::Object(wanted)) if name == wanted => Ok(operand),
            (Is::NilPointer(name), _) => {
                let wanted = want.name();
                Err(self.fail(format!("wrong type for value; expected {wanted}; got {name}")))
            }
            (Is::Concrete(value) | Is::Interface(value), _) => {
                let pointed = |name: &'static str| value.type_name().strip_prefix('*') == Some(name);
                if want.accepts(value) || matches!(want, Type::Object(name) if pointed(name)) {
                    return Ok(match (value, want) {
                        // The function sees the type that it declares.
                        (Value::Map(map), Type::Map(ty)) if map.ty().name != ty.name => {
                            Operand::concrete(map.converted(ty).into())
                        }
                        _ => operand,
                    });
                }
                let got = if value.is_nil() { operand.type_name() } else { value.type_name() };
                Err(self.fail(format!("wrong type for value; expected {}; got {got}", want.name())))
            }
        }
    }
}

/// What stands at the end of a path through maps that hold anything, the usual ones, if it is there and no method hides a key.
fn walk(map: &Map, steps: &[Name], end: &Name) -> Option<Value> {
    let next = |map: &Map, name: &Name| {
        let ty = map.ty();
        let is_plain = matches!(ty.elem, Type::Any) && !ty.methods.iter().any(|method| *method.name == *name.text);
        if is_plain { map.get_again(name) } else { None }
    };
    let mut map = map.clone();
    for name in steps {
        match next(&map, name) {
            Some(Value::Map(below)) => map = below,
            _ => return None,
        }
    }
    next(&map, end)
}

/// How Go names a callee that came through the pipeline (`reflect.Value.String`).
fn named(operand: &Operand) -> String {
    match operand.is() {
        Is::Concrete(Value::String(text)) => text.to_string(),
        Is::Missing => "<invalid Value>".to_owned(),
        _ => format!("<{} Value>", operand.type_name()),
    }
}
