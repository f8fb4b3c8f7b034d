//! Numbers as Go's strconv prints and reads them.

/// A float64 as Go's `strconv.FormatFloat(f, 'g', -1, 64)`: the shortest digits that read back, with an exponent below 1e-4
/// and from 1e+06 on. Infinities and not-a-number are
/// YAML's `.inf`, `-.inf` and `.nan`.
#[must_use]
pub fn go_float(f: f64) -> String {
    special(f).unwrap_or_else(|| general(&even(&format!("{f:e}"), f, |text| text.parse() == Ok(f))))
}

/// A float64 as Go's `strconv.FormatFloat(f, 'f', -1, 64)`: the same digits, and never an exponent. Infinities are `+Inf` and
/// `-Inf`, not-a-number is `NaN`.
#[must_use]
pub fn go_float_fixed(f: f64) -> String {
    if !f.is_finite() {
        return if f.is_nan() {
            "NaN"
        } else if f > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        }
        .to_owned();
    }
    let scientific = even(&format!("{f:e}"), f, |text| text.parse() == Ok(f));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    match exponent + 1 {
        point @ ..=0 => format!("{sign}0.{}{digits}", zeros(-point)),
        point if point >= count => format!("{sign}{digits}{}", zeros(point - count)),
        point => {
            let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
            format!("{sign}{whole}.{fraction}")
        }
    }
}

/// As [`go_float`] with the precision of 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "float32 precision is what is asked for")]
pub(super) fn go_float32(f: f64) -> String {
    special(f).unwrap_or_else(|| {
        let narrow = f as f32;
        special(f64::from(narrow)).unwrap_or_else(|| {
            general(&even(&format!("{narrow:e}"), f64::from(narrow), |text| text.parse() == Ok(narrow)))
        })
    })
}

fn special(f: f64) -> Option<String> {
    if f.is_nan() {
        Some(".nan".to_owned())
    } else if f.is_infinite() {
        Some(if f > 0.0 { ".inf" } else { "-.inf" }.to_owned())
    } else {
        None
    }
}

/// Where two shortest forms are equally near, Go takes the one whose last digit is even and Rust the larger one.
fn even(scientific: &str, f: f64, reads_back: impl Fn(&str) -> bool) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let Some(last @ (b'1' | b'3' | b'5' | b'7' | b'9')) = mantissa.bytes().last() else { return scientific.to_owned() };
    let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let lower = format!("{}{}", &mantissa[..mantissa.len() - 1], char::from(last - 1));
    // A tie: the exact value stands in the middle between both.
    let exact = format!("{f:.*e}", fraction + 30);
    let middle = exact.split('e').next().and_then(|digits| digits.strip_prefix(&*lower)).unwrap_or_default();
    let middle = if fraction == 0 { middle.strip_prefix('.').unwrap_or_default() } else { middle };
    let is_tie = middle.strip_prefix('5').is_some_and(|rest| rest.bytes().all(|b| b == b'0'));
    let lower = format!("{lower}e{exponent}");
    if is_tie && reads_back(&lower) { lower } else { scientific.to_owned() }
}

/// Turns Rust's shortest scientific form (`-1.25e7`) into Go's `%g` form.
fn general(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if !(-4..6).contains(&exponent) {
        let (first, rest) = digits.split_at(1.min(digits.len()));
        let point = if rest.is_empty() { "" } else { "." };
        let direction = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}e{direction}{:02}", exponent.abs());
    }
    let text = match usize::try_from(exponent + 1) {
        Ok(whole) if whole >= digits.len() => format!("{digits:0<whole$}"),
        Ok(whole) if whole > 0 => format!("{}.{}", &digits[..whole], &digits[whole..]),
        _ => format!("0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1)),
    };
    format!("{sign}{text}")
}

/// The digits of a float without fraction, as Go's JSON writes them: the shortest ones that read back, filled with zeros, and
/// none from 1e21 on, which get an exponent.
pub(super) fn json_integer(f: f64) -> Option<String> {
    (f.fract() == 0.0 && f.abs() < 1e21).then(|| format!("{f}"))
}

/// The integer that a float becomes on its way through Go's JSON.
pub(super) fn fits_i64(f: f64) -> Option<i64> {
    json_integer(f)?.parse().ok()
}

/// Go's `strconv.ParseInt(text, 0, 64)`, then `ParseUint`: signs, `0x`, `0o`, `0b` and a leading `0` for octal.
pub(super) enum Integer {
    Signed(i64),
    Unsigned(u64),
}

pub(super) fn integer(text: &str) -> Option<Integer> {
    let (negative, signed, rest) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    let magnitude = magnitude(rest)?;
    if negative {
        return 0i64.checked_sub_unsigned(magnitude).map(Integer::Signed);
    }
    match i64::try_from(magnitude) {
        Ok(n) => Some(Integer::Signed(n)),
        // ParseUint takes no sign.
        Err(_) if signed => None,
        Err(_) => Some(Integer::Unsigned(magnitude)),
    }
}

fn magnitude(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let (base, digits) = match bytes {
        [b'0', b'x' | b'X', ..] => (16, &text[2..]),
        [b'0', b'b' | b'B', ..] => (2, &text[2..]),
        [b'0', b'o' | b'O', ..] => (8, &text[2..]),
        [b'0', _, ..] => (8, &text[1..]),
        _ => (10, text),
    };
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, base).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_go_prints_them() {
        for (f, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (100_000.0, "100000"),
            (1_000_000.0, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e21, "1e+21"),
            (1e100, "1e+100"),
            (123_456.789, "123456.789"),
            (-0.25, "-0.25"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(go_float(f), text);
        }
        for (f, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (100.0, "100"),
            (1e21, "1000000000000000000000"),
            (-1.25e-7, "-0.000000125"),
            (12.5e3, "12500"),
            (-594_110_803_656_809.3, "-594110803656809.2"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(go_float_fixed(f), text);
        }
        assert_eq!(go_float(600_000_000_000_000.0 + 0.25), "6.000000000000002e+14");
        assert_eq!(go_float(1.0 / 16_777_216.0), "5.960464477539063e-08");
        assert_eq!(go_float32(1_456_789.23), "1.4567892e+06");
        assert_eq!(go_float32(0.1), "0.1");
        assert_eq!(go_float32(1e300), ".inf");
    }
}
