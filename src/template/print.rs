//! Go's `fmt`: values as text, by verb and flags.

use super::container::Map;
use super::float::format_float;
use super::limits::{MAX_TEXT, MAX_VALUE_DEPTH};
use super::object::Object;
use super::text::Str;
use super::types::{Kind, Type};
use super::value::Value;
use crate::go::quote::{can_backquote, is_print, quote, quote_ascii, quote_char};
use crate::go::runes;
use std::fmt;

impl fmt::Display for Value {
    /// Go's `%v`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::String(text) = self {
            return f.write_str(text);
        }
        let mut out = Vec::new();
        print_to(&mut out, self);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

impl Value {
    /// As `%v` prints it, with the exact bytes of texts.
    pub fn printed(&self) -> Str {
        if let Self::String(text) = self {
            return text.clone();
        }
        let mut out = Vec::new();
        print_to(&mut out, self);
        Str::from(out)
    }
}

/// Writes a value as `%v` does.
pub(super) fn print_to(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        _ => {
            let mut printer = Printer::default();
            printer.arg(value, 'v');
            out.append(&mut printer.out);
        }
    }
}

/// Writes what an action prints: a pointer's struct rather than the pointer, and a struct whose pointer has a text as that.
pub(super) fn print_action(out: &mut Vec<u8>, value: &Value) {
    let Value::Object(object) = value else { return print_to(out, value) };
    if let Some(text) = object.pointer_string() {
        return out.extend_from_slice(text.as_bytes());
    }
    if object.kind() == Kind::Ptr && object.string().is_none() && !object.fields().is_empty() {
        let mut printer = Printer::default();
        printer.structure(&**object, 'v', 0);
        return out.append(&mut printer.out);
    }
    print_to(out, value);
}

/// `fmt.Sprint`: a space between two operands when neither is a string.
pub(super) fn sprint(args: &[Value]) -> Str {
    sprint_with(args, print_to)
}

/// The operands of an escaping function: as [`sprint`], but each as an action prints it.
pub(super) fn sprint_action(args: &[Value]) -> Str {
    sprint_with(args, print_action)
}

fn sprint_with(args: &[Value], print: fn(&mut Vec<u8>, &Value)) -> Str {
    let mut out = Vec::new();
    let mut after_string = false;
    for (i, arg) in args.iter().enumerate() {
        let string = matches!(arg, Value::String(_));
        if i > 0 && !string && !after_string {
            out.push(b' ');
        }
        print(&mut out, arg);
        after_string = string;
    }
    Str::from(out)
}

/// `fmt.Sprintln`: a space between all operands, and a line end.
pub(super) fn sprintln(args: &[Value]) -> Str {
    let mut out = Vec::new();
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        print_to(&mut out, arg);
    }
    out.push(b'\n');
    Str::from(out)
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`
    pub(super) plus_v: bool,
    /// `%#v`
    pub(super) sharp_v: bool,
}

/// Writes values by verb, as Go's `pp` does.
#[derive(Default)]
pub(super) struct Printer {
    pub(super) out: Vec<u8>,
    pub(super) flags: Flags,
    /// A bad verb is being reported: methods are not called.
    reporting: bool,
}

impl Printer {
    pub(super) fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(super) fn char(&mut self, c: char) {
        self.text(c.encode_utf8(&mut [0; 4]));
    }

    /// An operand of a verb.
    pub(super) fn arg(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Nil, _) => self.bad_verb(verb, None),
            (_, 'T') => self.string(value.type_name().as_bytes(), 's', value),
            (_, 'p') => self.pointer(value, 'p'),
            _ => self.value(value, verb, 0, Type::Any),
        }
    }

    fn bad_verb(&mut self, verb: char, value: Option<&Value>) {
        self.reporting = true;
        self.text("%!");
        self.char(verb);
        self.text("(");
        match value {
            Some(Value::Nil) | None => self.text("<nil>"),
            Some(value) => {
                self.text(value.type_name());
                self.text("=");
                self.arg(value, 'v');
            }
        }
        self.text(")");
        self.reporting = false;
    }

    /// `declared`: what the container says its elements are; only a nil in it shows the difference.
    fn value(&mut self, value: &Value, verb: char, depth: usize, declared: Type) {
        stacker::maybe_grow(128 << 10, 1 << 20, || self.value_here(value, verb, depth, declared));
    }

    fn value_here(&mut self, value: &Value, verb: char, depth: usize, declared: Type) {
        if depth > MAX_VALUE_DEPTH {
            return self.text("...");
        }
        // Who asked for the text checks its length and refuses it.
        if self.out.len() > MAX_TEXT {
            return;
        }
        if verb == 'w' {
            return self.bad_verb(verb, Some(value));
        }
        if self.method_text(value, verb) {
            return;
        }
        match value {
            Value::Nil if self.flags.sharp_v => match declared {
                Type::Object(name) if name.starts_with('*') => self.text(&format!("({name})(nil)")),
                _ => self.text(&format!("{}(nil)", declared.name())),
            },
            Value::Nil if verb != 'v' && matches!(declared, Type::Object(_)) => match verb {
                'b' | 'd' | 'o' | 'x' | 'X' => self.digits(0, false, 10, verb),
                _ => {
                    self.text(&format!("%!{verb}({}=", declared.name()));
                    self.pad(b"<nil>");
                    self.text(")");
                }
            },
            // A pointer is padded, an interface is not.
            Value::Nil if matches!(declared, Type::Object(_)) => self.pad(b"<nil>"),
            Value::Nil => self.text("<nil>"),
            Value::Bool(truth) if matches!(verb, 't' | 'v') => self.pad(if *truth { b"true" } else { b"false" }),
            Value::Int(n) | Value::Int64(n) => self.integer(n.unsigned_abs(), *n < 0, true, verb, value),
            Value::Int32(n) => self.integer(u64::from(n.unsigned_abs()), *n < 0, true, verb, value),
            Value::Uint8(n) => self.integer(u64::from(*n), false, false, verb, value),
            Value::Uint(n) | Value::Uint64(n) => self.integer(*n, false, false, verb, value),
            Value::Float64(x) => self.float(*x, verb, value),
            Value::Complex(re, im) => self.complex(*re, *im, verb, value),
            Value::String(text) => self.string(text.as_bytes(), verb, value),
            Value::Bytes(bytes) => self.bytes(bytes, verb, depth, value),
            Value::List(list) => {
                let elem = list.ty().elem;
                if self.flags.sharp_v && list.is_nil() {
                    self.text(list.ty().name);
                    return self.text("(nil)");
                }
                self.open(list.ty().name, "[");
                for (i, item) in list.items().iter().enumerate() {
                    self.separate(i);
                    self.value(item, verb, depth + 1, elem);
                }
                self.close("]");
            }
            Value::Map(map) => self.map(map, verb, depth),
            Value::Error(text) => {
                // An error value is a pointer to a struct that holds its text.
                self.text("&{");
                self.string(text.as_bytes(), verb, &Value::String(text.clone()));
                self.text("}");
            }
            Value::Object(object) if depth == 0 && object.kind() == Kind::Ptr && !object.fields().is_empty() => {
                self.text("&");
                self.structure(&**object, verb, depth + 1);
            }
            Value::Object(object) if object.kind() == Kind::Int => {
                let n = object.json().and_then(|json| json.as_i64()).unwrap_or_default();
                self.integer(n.unsigned_abs(), n < 0, true, verb, value);
            }
            Value::Object(object) if object.kind() != Kind::Ptr => self.structure(&**object, verb, depth),
            Value::Object(_) | Value::Func(_) => self.pointer(value, verb),
            Value::Bool(_) => self.bad_verb(verb, Some(value)),
        }
    }

    /// `Error()` and `String()` methods speak for their values.
    fn method_text(&mut self, value: &Value, verb: char) -> bool {
        if let Value::Object(object) = value
            && self.flags.sharp_v
            && !self.reporting
            && let Some(text) = object.go_string()
        {
            let end = self.truncated(text.as_bytes());
            self.pad(&text.as_bytes()[..end]);
            return true;
        }
        if self.reporting || self.flags.sharp_v || !matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') {
            return false;
        }
        let text = match value {
            Value::Error(text) => text.clone(),
            Value::Object(object) => match object.string() {
                Some(text) => Str::from(text),
                None => return false,
            },
            _ => return false,
        };
        self.string(text.as_bytes(), verb, value);
        true
    }

    fn open(&mut self, type_name: &str, bracket: &str) {
        if self.flags.sharp_v {
            self.text(type_name);
            self.text("{");
        } else {
            self.text(bracket);
        }
    }

    fn separate(&mut self, at: usize) {
        if at > 0 {
            self.text(if self.flags.sharp_v { ", " } else { " " });
        }
    }

    fn close(&mut self, bracket: &str) {
        self.text(if self.flags.sharp_v { "}" } else { bracket });
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize) {
        if self.flags.sharp_v && map.is_nil() {
            self.text(map.ty().name);
            return self.text("(nil)");
        }
        self.open(map.ty().name, "map[");
        for (i, (key, item)) in map.entries().iter().enumerate() {
            self.separate(i);
            self.string(key.as_bytes(), verb, &Value::Nil);
            self.text(":");
            self.value(item, verb, depth + 1, map.ty().elem);
        }
        self.close("]");
    }

    fn structure(&mut self, object: &dyn Object, verb: char, depth: usize) {
        self.open(object.type_name().trim_start_matches('*'), "{");
        for (i, (name, field)) in object.fields().iter().enumerate() {
            self.separate(i);
            if self.flags.plus_v || self.flags.sharp_v {
                self.text(name);
                self.text(":");
            }
            self.value(field, verb, depth + 1, object.field_type(name));
        }
        self.text("}");
    }

    /// Addresses mean nothing here; one stands for all of them but nil's.
    fn pointer(&mut self, value: &Value, verb: char) {
        let address = if value.holds_nil() { 0 } else { 0xc0_0000_0000 };
        match (value.kind(), verb) {
            (Kind::Func | Kind::Map | Kind::Ptr | Kind::Slice, 'v') if self.flags.sharp_v => {
                self.text(&format!("({})({address:#x})", value.type_name()));
            }
            (Kind::Func | Kind::Map | Kind::Ptr | Kind::Slice, 'v' | 'p') => {
                let sharp = self.flags.sharp;
                self.flags.sharp = !sharp;
                self.digits(address, false, 16, 'v');
                self.flags.sharp = sharp;
            }
            (Kind::Func | Kind::Map | Kind::Ptr | Kind::Slice, 'b' | 'd' | 'o' | 'x' | 'X') => {
                self.integer(address, false, false, verb, value);
            }
            _ => self.bad_verb(verb, Some(value)),
        }
    }

    fn padding(&mut self, count: usize) {
        let with = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        self.out.resize(self.out.len() + count, with);
    }

    pub(super) fn pad(&mut self, bytes: &[u8]) {
        let missing = match self.flags.width {
            None | Some(0) => 0,
            Some(width) => width.saturating_sub(count_runes(bytes)),
        };
        if !self.flags.minus {
            self.padding(missing);
        }
        self.out.extend_from_slice(bytes);
        if self.flags.minus {
            self.padding(missing);
        }
    }

    /// Pads with spaces whatever the `0` flag says.
    fn pad_with_spaces(&mut self, bytes: &[u8]) {
        let zero = std::mem::replace(&mut self.flags.zero, false);
        self.pad(bytes);
        self.flags.zero = zero;
    }

    fn string(&mut self, bytes: &[u8], verb: char, value: &Value) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(bytes),
            'v' | 's' => {
                let end = self.truncated(bytes);
                self.pad(&bytes[..end]);
            }
            'x' | 'X' => self.hex(bytes, verb),
            'q' => self.quoted(bytes),
            // A map's key has no value of its own here.
            _ if value.is_nil() => {
                let key = Value::String(Str::from(bytes));
                self.bad_verb(verb, Some(&key));
            }
            _ => self.bad_verb(verb, Some(value)),
        }
    }

    /// Where the precision cuts a string: it counts characters.
    fn truncated(&self, bytes: &[u8]) -> usize {
        let Some(precision) = self.flags.precision else { return bytes.len() };
        let mut at = 0;
        for _ in 0..precision {
            if at >= bytes.len() {
                break;
            }
            at += runes::length(&bytes[at..]);
        }
        at
    }

    fn quoted(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..self.truncated(bytes)];
        if self.flags.sharp && can_backquote(bytes) {
            let mut text = vec![b'`'];
            text.extend_from_slice(bytes);
            text.push(b'`');
            self.pad(&text);
        } else if self.flags.plus {
            self.pad(quote_ascii(bytes).as_bytes());
        } else {
            self.pad(quote(bytes).as_bytes());
        }
    }

    fn hex(&mut self, bytes: &[u8], verb: char) {
        let digits = digits_of(verb);
        let bytes = &bytes[..self.flags.precision.map_or(bytes.len(), |p| p.min(bytes.len()))];
        if bytes.is_empty() {
            return self.padding(self.flags.width.unwrap_or(0));
        }
        let mut text = Vec::with_capacity(bytes.len() * 2);
        for (i, byte) in bytes.iter().enumerate() {
            if self.flags.space && i > 0 {
                text.push(b' ');
            }
            if self.flags.sharp && (i == 0 || self.flags.space) {
                text.extend_from_slice(&[b'0', verb as u8]);
            }
            text.push(digits[usize::from(byte >> 4)]);
            text.push(digits[usize::from(byte & 0xf)]);
        }
        self.pad(&text);
    }

    fn bytes(&mut self, bytes: &[u8], verb: char, depth: usize, value: &Value) {
        match verb {
            'v' if self.flags.sharp_v && value.holds_nil() => {
                self.text(if depth == 0 { "[]byte(nil)" } else { "[]uint8(nil)" });
            }
            'v' | 'd' => {
                self.open(if depth == 0 { "[]byte" } else { "[]uint8" }, "[");
                // Charts print `.`, and with it every file byte by byte.
                if self.flags == Flags::default() {
                    self.plain_bytes(bytes);
                    return self.close("]");
                }
                for (i, byte) in bytes.iter().enumerate() {
                    self.separate(i);
                    if self.flags.sharp_v {
                        self.text(&format!("{byte:#x}"));
                    } else {
                        self.integer(u64::from(*byte), false, false, 'd', value);
                    }
                }
                self.close("]");
            }
            's' => {
                let end = self.truncated(bytes);
                self.pad(&bytes[..end]);
            }
            'x' | 'X' => self.hex(bytes, verb),
            'q' => self.quoted(bytes),
            _ => {
                self.text("[");
                for (i, byte) in bytes.iter().enumerate() {
                    self.separate(i);
                    self.value(&Value::Uint8(*byte), verb, depth + 1, Type::Uint8);
                }
                self.text("]");
            }
        }
    }

    fn plain_bytes(&mut self, bytes: &[u8]) {
        self.out.reserve(bytes.len() * 4);
        for (i, &byte) in bytes.iter().enumerate() {
            if i > 0 {
                self.out.push(b' ');
            }
            if byte >= 100 {
                self.out.push(b'0' + byte / 100);
            }
            if byte >= 10 {
                self.out.push(b'0' + byte / 10 % 10);
            }
            self.out.push(b'0' + byte % 10);
        }
    }

    fn integer(&mut self, n: u64, negative: bool, signed: bool, verb: char, value: &Value) {
        match verb {
            'v' if self.flags.sharp_v && !signed => {
                let sharp = std::mem::replace(&mut self.flags.sharp, true);
                self.digits(n, negative, 16, 'v');
                self.flags.sharp = sharp;
            }
            'v' | 'd' => self.digits(n, negative, 10, verb),
            'b' => self.digits(n, negative, 2, verb),
            'o' | 'O' => self.digits(n, negative, 8, verb),
            'x' | 'X' => self.digits(n, negative, 16, verb),
            'c' | 'q' | 'U' => {
                let code = if negative { n.wrapping_neg() } else { n };
                let c = u32::try_from(code).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
                match verb {
                    'c' => self.pad(c.encode_utf8(&mut [0; 4]).as_bytes()),
                    'q' => self.pad(quote_char(c, self.flags.plus).as_bytes()),
                    _ => self.unicode(code),
                }
            }
            _ => self.bad_verb(verb, Some(value)),
        }
    }

    fn unicode(&mut self, code: u64) {
        let least = self.flags.precision.map_or(4, |p| p.max(4));
        let digits = format!("{code:X}");
        let mut text = String::from("U+");
        text.extend(std::iter::repeat_n('0', least.saturating_sub(digits.len())));
        text.push_str(&digits);
        if self.flags.sharp
            && let Some(c) = u32::try_from(code).ok().and_then(char::from_u32).filter(|&c| is_print(c))
        {
            text.push_str(&format!(" '{c}'"));
        }
        self.pad_with_spaces(text.as_bytes());
    }

    fn digits(&mut self, n: u64, negative: bool, base: u32, verb: char) {
        let flags = self.flags;
        let mut least = 0;
        if let Some(precision) = flags.precision {
            if precision == 0 && n == 0 {
                let zero = std::mem::replace(&mut self.flags.zero, false);
                self.padding(flags.width.unwrap_or(0));
                self.flags.zero = zero;
                return;
            }
            least = precision;
        } else if flags.zero
            && !flags.minus
            && let Some(width) = flags.width
        {
            least = width.saturating_sub(usize::from(negative || flags.plus || flags.space));
        }
        let body = match base {
            2 => format!("{n:b}"),
            8 => format!("{n:o}"),
            16 if verb == 'X' => format!("{n:X}"),
            16 => format!("{n:x}"),
            _ => n.to_string(),
        };
        let mut text = String::new();
        text.push_str(if negative {
            "-"
        } else if flags.plus {
            "+"
        } else if flags.space {
            " "
        } else {
            ""
        });
        let zeros = least.saturating_sub(body.len());
        if verb == 'O' {
            text.push_str("0o");
        }
        if flags.sharp {
            match base {
                2 => text.push_str("0b"),
                8 if zeros == 0 && !body.starts_with('0') => text.push('0'),
                16 => text.push_str(if verb == 'X' { "0X" } else { "0x" }),
                _ => {}
            }
        }
        text.extend(std::iter::repeat_n('0', zeros));
        text.push_str(&body);
        self.pad_with_spaces(text.as_bytes());
    }

    fn float(&mut self, x: f64, verb: char, value: &Value) {
        match verb {
            'v' => self.float_as(x, b'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => self.float_as(x, verb as u8, None),
            'f' | 'e' | 'E' => self.float_as(x, verb as u8, Some(6)),
            'F' => self.float_as(x, b'f', Some(6)),
            _ => self.bad_verb(verb, Some(value)),
        }
    }

    fn complex(&mut self, re: f64, im: f64, verb: char, value: &Value) {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            return self.bad_verb(verb, Some(value));
        }
        self.text("(");
        self.float(re, verb, value);
        let plus = std::mem::replace(&mut self.flags.plus, true);
        self.float(im, verb, value);
        self.flags.plus = plus;
        self.text("i)");
    }

    fn float_as(&mut self, x: f64, format: u8, precision: Option<usize>) {
        let flags = self.flags;
        let precision = flags.precision.or(precision);
        let plain = format_float(x, format, precision);
        let (sign, body) = match plain.as_bytes()[0] {
            b'-' => ('-', &plain[1..]),
            b'+' => ('+', &plain[1..]),
            _ => ('+', &plain[..]),
        };
        let sign = if flags.space && sign == '+' && !flags.plus { ' ' } else { sign };
        if !x.is_finite() {
            let bare = (x.is_nan() && !flags.space && !flags.plus) || (sign == '+' && !flags.plus);
            let text = if bare && (x.is_nan() || !flags.plus) { body.to_owned() } else { format!("{sign}{body}") };
            // Infinity keeps its sign, Not-a-Number shows one only on demand.
            let text = if x.is_infinite() { format!("{sign}{body}") } else { text };
            return self.pad_with_spaces(text.as_bytes());
        }
        let body = if flags.sharp && format != b'b' { keep_zeros(body, format, precision) } else { body.to_owned() };
        if !flags.plus && sign == '+' {
            return self.pad(body.as_bytes());
        }
        if let Some(width) = flags.width.filter(|&width| flags.zero && !flags.minus && width > body.len() + 1) {
            self.char(sign);
            self.padding(width - body.len() - 1);
            return self.text(&body);
        }
        self.pad(format!("{sign}{body}").as_bytes());
    }
}

/// The `#` flag: a decimal point always, and for `%g` the zeros that it would drop.
fn keep_zeros(body: &str, format: u8, precision: Option<usize>) -> String {
    let hex = matches!(format, b'x' | b'X');
    let mut missing = match format {
        b'g' | b'G' => precision.unwrap_or(6) as i64,
        b'x' => precision.map_or(6, |p| p as i64),
        _ => 0,
    };
    let tail_at = body.find(|c| matches!(c, 'p' | 'P') || (!hex && matches!(c, 'e' | 'E'))).unwrap_or(body.len());
    let (number, tail) = body.split_at(tail_at);
    let mut seen = false;
    for c in number.chars().filter(|&c| c != '.') {
        seen |= c != '0';
        missing -= i64::from(seen);
    }
    let mut out = number.to_owned();
    if !number.contains('.') {
        if number == "0" {
            missing -= 1;
        }
        out.push('.');
    }
    out.extend(std::iter::repeat_n('0', usize::try_from(missing).unwrap_or(0)));
    out.push_str(tail);
    out
}

fn digits_of(verb: char) -> &'static [u8; 16] {
    if verb == 'X' { b"0123456789ABCDEF" } else { b"0123456789abcdef" }
}

/// How many characters there are; a byte that belongs to none counts alone.
fn count_runes(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().count(),
        Err(_) => {
            let (mut at, mut count) = (0, 0);
            while at < bytes.len() {
                at += runes::length(&bytes[at..]);
                count += 1;
            }
            count
        }
    }
}
