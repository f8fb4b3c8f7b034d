//! Go's text of floating-point numbers (`strconv.FormatFloat`, 64 bits).

/// More digits than any number has; what follows is zeros. (Rust's formatting takes no precision beyond 65,535.)
const MAX_DIGITS: usize = 2_000;

/// A number in format `e`, `E`, `f`, `g`, `G`, `x`, `X` or `b`; without a precision, the fewest digits that read back as the same
/// number.
pub fn format_float(x: f64, format: u8, precision: Option<usize>) -> String {
    if x.is_nan() {
        return "NaN".to_owned();
    }
    if x.is_infinite() {
        return if x < 0.0 { "-Inf" } else { "+Inf" }.to_owned();
    }
    let sign = if x.is_sign_negative() { "-" } else { "" };
    let x = x.abs();
    let body = match format {
        b'e' | b'E' => exponential(&Digits::with_precision(x, precision.map(|p| p + 1)), precision, format),
        b'f' => match precision {
            Some(precision) => {
                let mut text = format!("{x:.*}", precision.min(MAX_DIGITS));
                text.extend(std::iter::repeat_n('0', precision.saturating_sub(MAX_DIGITS)));
                text
            }
            None => format!("{x}"),
        },
        b'g' | b'G' => general(x, precision, format),
        b'b' => binary(x),
        _ => hexadecimal(x, precision, format),
    };
    format!("{sign}{body}")
}

/// Significant decimal digits and the exponent of the first one.
struct Digits {
    digits: Vec<u8>,
    exponent: i32,
}

impl Digits {
    fn with_precision(x: f64, count: Option<usize>) -> Self {
        let text = match count {
            Some(count) => format!("{x:.*e}", count.clamp(1, MAX_DIGITS) - 1),
            None => format!("{x:e}"),
        };
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        Self { digits: mantissa.bytes().filter(u8::is_ascii_digit).collect(), exponent: exponent.parse().unwrap_or(0) }
    }

    fn digit(&self, at: usize) -> char {
        char::from(self.digits.get(at).copied().unwrap_or(b'0'))
    }
}

/// `precision`: digits after the point; without one, all there are.
fn exponential(digits: &Digits, precision: Option<usize>, format: u8) -> String {
    let fraction = precision.unwrap_or(digits.digits.len().saturating_sub(1));
    let mut out = String::new();
    out.push(digits.digit(0));
    if fraction > 0 {
        out.push('.');
        out.extend((1..=fraction).map(|at| digits.digit(at)));
    }
    let exponent = digits.exponent;
    out.push(if format == b'E' || format == b'G' { 'E' } else { 'e' });
    out.push(if exponent < 0 { '-' } else { '+' });
    out.push_str(&format!("{:02}", exponent.abs()));
    out
}

fn general(x: f64, precision: Option<usize>, format: u8) -> String {
    let wanted = precision.map(|p| p.max(1));
    let mut digits = Digits::with_precision(x, wanted);
    while digits.digits.len() > 1 && digits.digits.last() == Some(&b'0') {
        digits.digits.pop();
    }
    let count = digits.digits.len();
    // The exponent is written out when it is below -4 or not below the precision (6 for the shortest form).
    let point = digits.exponent + 1;
    let threshold = match wanted {
        None => 6,
        Some(wanted) if wanted > count && count as i32 >= point => count as i32,
        Some(wanted) => i32::try_from(wanted).unwrap_or(i32::MAX),
    };
    if digits.exponent < -4 || digits.exponent >= threshold {
        return exponential(&digits, None, format);
    }
    let mut out = String::new();
    if point > 0 {
        out.extend((0..point as usize).map(|at| digits.digit(at)));
    } else {
        out.push('0');
    }
    if count as i32 > point {
        out.push('.');
        out.extend((point.min(0)..0).map(|_| '0'));
        out.extend((point.max(0) as usize..count).map(|at| digits.digit(at)));
    }
    out
}

/// Mantissa and exponent of a number as `mantissa * 2^exponent`.
fn parts(x: f64) -> (u64, i32) {
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) }
}

fn binary(x: f64) -> String {
    let (mantissa, exponent) = parts(x);
    format!("{mantissa}p{exponent:+}")
}

fn hexadecimal(x: f64, precision: Option<usize>, format: u8) -> String {
    let (mut mantissa, mut exponent) = parts(x);
    exponent = if mantissa == 0 { 0 } else { exponent + 52 };
    // One bit before the point, sixty after it.
    mantissa <<= 60 - 52;
    while mantissa != 0 && mantissa & 1 << 60 == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(precision) = precision.filter(|&p| p < 15) {
        let shift = precision * 4;
        let extra = mantissa << shift & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        if extra | (mantissa & 1) > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & 1 << 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let digits = if format == b'X' { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mut out = String::from(if format == b'X' { "0X" } else { "0x" });
    out.push(char::from(digits[(mantissa >> 60 & 0xf) as usize]));
    mantissa <<= 4;
    let mut fraction = String::new();
    match precision {
        None => {
            while mantissa != 0 {
                fraction.push(char::from(digits[(mantissa >> 60) as usize]));
                mantissa <<= 4;
            }
        }
        Some(precision) => {
            for _ in 0..precision {
                fraction.push(char::from(digits[(mantissa >> 60) as usize]));
                mantissa <<= 4;
            }
        }
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(&fraction);
    }
    out.push(if format == b'X' { 'P' } else { 'p' });
    out.push(if exponent < 0 { '-' } else { '+' });
    out.push_str(&format!("{:02}", exponent.abs()));
    out
}
