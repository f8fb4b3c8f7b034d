//! Go's number syntax: integers in four bases with underscores, floats in two, characters and imaginary numbers.

use crate::go::quote::{quote, unquote_char};

/// A number literal: every type that it can be without loss.
#[derive(Debug, Clone, Default)]
pub(super) struct Number {
    pub(super) int: Option<i64>,
    pub(super) uint: Option<u64>,
    pub(super) float: Option<f64>,
    pub(super) complex: Option<(f64, f64)>,
    /// As written.
    pub(super) text: Box<str>,
}

impl Number {
    pub(super) fn char(text: &str) -> Result<Self, String> {
        let (unit, tail) = text.get(1..).and_then(|inner| unquote_char(inner, '\'')).ok_or("invalid syntax")?;
        if tail != "'" {
            return Err(format!("malformed character constant: {text}"));
        }
        let code = unit.code();
        Ok(Self {
            int: Some(i64::from(code)),
            uint: Some(u64::from(code)),
            float: Some(f64::from(code)),
            complex: None,
            text: text.into(),
        })
    }

    /// `1+2i`
    pub(super) fn complex(text: &str) -> Result<Self, String> {
        let body = text.strip_suffix('i').unwrap_or(text);
        let split = body
            .char_indices()
            .skip(1)
            .filter(|&(at, c)| (c == '+' || c == '-') && !matches!(body.as_bytes()[at - 1], b'e' | b'E' | b'p' | b'P'))
            .map(|(at, _)| at)
            .last()
            .ok_or("syntax error scanning complex number")?;
        let part = |text: &str| {
            parse_float(&text.replace('_', "")).filter(|_| !text.contains(['x', 'X'])).ok_or_else(|| {
                let digits = text.trim_start_matches(['+', '-']);
                format!("strconv.ParseFloat: parsing {}: invalid syntax", quote(digits.as_bytes()))
            })
        };
        let mut number = Self {
            complex: Some((part(&body[..split])?, part(&body[split..])?)),
            text: text.into(),
            ..Self::default()
        };
        number.simplify();
        Ok(number)
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut number = Self { text: text.into(), ..Self::default() };
        if let Some(imaginary) = text.strip_suffix('i').and_then(parse_float) {
            number.complex = Some((0.0, imaginary));
            number.simplify();
            return Ok(number);
        }
        number.uint = parse_uint(text);
        number.int = parse_int(text);
        if number.int == Some(0) && number.uint.is_none() {
            number.uint = Some(0); // -0
        }
        number.float = match (number.int, number.uint) {
            (Some(n), _) => Some(n as f64),
            (None, Some(n)) => Some(n as f64),
            (None, None) => match parse_float(text) {
                Some(_) if !text.contains(['.', 'e', 'E', 'p', 'P']) => {
                    return Err(format!("integer overflow: {}", quote(text.as_bytes())));
                }
                Some(x) => {
                    number.int = exact_int(x);
                    number.uint = exact_uint(x);
                    Some(x)
                }
                None => return Err(format!("illegal number syntax: {}", quote(text.as_bytes()))),
            },
        };
        Ok(number)
    }

    fn simplify(&mut self) {
        if let Some((real, 0.0)) = self.complex {
            self.float = Some(real);
            self.int = exact_int(real);
            self.uint = exact_uint(real);
        }
    }
}

fn exact_int(x: f64) -> Option<i64> {
    (x.fract() == 0.0 && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x)).then_some(x as i64)
}

fn exact_uint(x: f64) -> Option<u64> {
    (x.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&x)).then_some(x as u64)
}

/// Go's `strconv.ParseUint(text, 0, 64)`.
pub fn parse_uint(text: &str) -> Option<u64> {
    let (base, digits, prefixed) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &text[2..], true),
        [b'0', b'b' | b'B', ..] => (2, &text[2..], true),
        [b'0', b'o' | b'O', ..] => (8, &text[2..], true),
        [b'0', _, ..] => (8, &text[1..], true),
        _ => (10, text, false),
    };
    let clean = remove_underscores(digits, prefixed)?;
    if clean.is_empty() || !clean.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    u64::from_str_radix(&clean, base).ok()
}

/// Go's `strconv.ParseInt(text, 0, 64)`.
pub fn parse_int(text: &str) -> Option<i64> {
    match text.as_bytes().first()? {
        b'-' => 0i64.checked_sub_unsigned(parse_uint(&text[1..])?),
        b'+' => i64::try_from(parse_uint(&text[1..])?).ok(),
        _ => i64::try_from(parse_uint(text)?).ok(),
    }
}

/// Underscores may stand between digits, or between a prefix and the first digit.
fn remove_underscores(digits: &str, prefixed: bool) -> Option<String> {
    let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_hexdigit);
    let bytes = digits.as_bytes();
    for (at, _) in digits.match_indices('_') {
        let opens = at == 0 && prefixed;
        if !(opens || (at > 0 && digit(bytes.get(at - 1)))) || !digit(bytes.get(at + 1)) {
            return None;
        }
    }
    Some(digits.replace('_', ""))
}

/// Go's `strconv.ParseFloat(text, 64)`, without range errors counted as success: overflow is `None`.
pub fn parse_float(text: &str) -> Option<f64> {
    let (negative, body) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let x = if body.len() > 2 && (body.starts_with("0x") || body.starts_with("0X")) {
        parse_hex_float(&body[2..])?
    } else {
        match body.to_ascii_lowercase().as_str() {
            "inf" | "infinity" => f64::INFINITY,
            "nan" => f64::NAN,
            _ => {
                let body = remove_underscores(body, false)?;
                if body.is_empty() || !body.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
                {
                    return None;
                }
                let x: f64 = body.parse().ok()?;
                if x.is_infinite() {
                    return None;
                }
                x
            }
        }
    };
    Some(if negative { -x } else { x })
}

fn parse_hex_float(text: &str) -> Option<f64> {
    let text = remove_underscores(text, true)?;
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse::<i64>().ok()?.clamp(-100_000, 100_000) as i32;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // Sixty bits carry every digit that can matter; what is below only tells whether there is more (for rounding).
    let (mut bits, mut scale, mut sticky) = (0u64, 0i32, false);
    for (digit, after_point) in whole.chars().map(|c| (c, false)).chain(fraction.chars().map(|c| (c, true))) {
        let digit = u64::from(digit.to_digit(16)?);
        if bits < 1 << 59 {
            bits = bits << 4 | digit;
            scale -= if after_point { 4 } else { 0 };
        } else {
            sticky |= digit != 0;
            scale += if after_point { 0 } else { 4 };
        }
    }
    bits = bits << 1 | u64::from(sticky);
    let x = scale_by(bits, exponent.saturating_add(scale).saturating_sub(1));
    x.is_finite().then_some(x)
}

/// `bits * 2^exponent`, rounded once.
fn scale_by(bits: u64, exponent: i32) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let top = 63 - bits.leading_zeros() as i32 + exponent;
    if top > 1023 {
        return f64::INFINITY;
    }
    // How many bits below the top one the result can hold.
    let keep = if top >= -1022 { 52 } else { 52 - (-1022 - top) };
    if keep < -1 {
        return 0.0;
    }
    let have = 63 - bits.leading_zeros() as i32;
    let drop = have - keep;
    let (mut kept, mut shift) = (bits, exponent);
    if drop > 0 {
        let low = if drop >= 64 { bits } else { bits & ((1 << drop) - 1) };
        let half = 1u64.checked_shl((drop - 1) as u32).unwrap_or(0);
        kept = if drop >= 64 { 0 } else { bits >> drop };
        if low > half || (low == half && kept & 1 == 1) {
            kept += 1;
        }
        shift += drop;
    }
    // Exact from here on: the value has at most 53 bits and lies in range.
    let mut x = kept as f64;
    while shift > 0 {
        let step = shift.min(1000);
        x *= f64::powi(2.0, step);
        shift -= step;
    }
    while shift < 0 {
        let step = (-shift).min(1000);
        x *= f64::powi(2.0, -step);
        shift += step;
    }
    x
}
