//! Quantities (`500m`, `1.5Gi`) in the canonical spelling that kube-apiserver stores, so that `0.5` reads back as `500m`.
//! Follows the rules in the documentation of `k8s.io/apimachinery/pkg/api/resource.Quantity`.

use serde_json::Value;

const DECIMAL: &[(&str, i32)] =
    &[("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: &[(&str, u32)] = &[("Ki", 1), ("Mi", 2), ("Gi", 3), ("Ti", 4), ("Pi", 5), ("Ei", 6)];

/// Values are held as integer billionths; what is smaller is rounded up, as the server does.
const NANO: i128 = 1_000_000_000;

/// The canonical spelling, or nothing when the text is no quantity.
pub(super) fn canonical(text: &str) -> Option<String> {
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let (negative, whole) = match whole.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, whole.strip_prefix('+').unwrap_or(whole)),
    };
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 30 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mantissa: i128 = digits.parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    let (nano, form) = if let Some((_, power)) = BINARY.iter().find(|(s, _)| *s == suffix) {
        (scaled(mantissa.checked_mul(1024i128.checked_pow(*power)?)?, 9 - places)?, Form::Binary)
    } else if let Some((_, exponent)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        (scaled(mantissa, 9 + exponent - places)?, Form::Decimal)
    } else {
        let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
        (scaled(mantissa, 9i32.checked_add(exponent)?.checked_sub(places)?)?, Form::Exponent)
    };
    let spelled = spell(nano, form);
    Some(if negative && nano != 0 { format!("-{spelled}") } else { spelled })
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Decimal,
    Binary,
    Exponent,
}

/// `mantissa * 10^exponent`, rounded up.
fn scaled(mantissa: i128, exponent: i32) -> Option<i128> {
    let power = 10i128.checked_pow(exponent.unsigned_abs())?;
    if exponent >= 0 { mantissa.checked_mul(power) } else { Some((mantissa + power - 1) / power) }
}

fn spell(nano: i128, form: Form) -> String {
    if nano == 0 {
        return "0".to_owned();
    }
    if form == Form::Binary && nano % NANO == 0 && nano / NANO >= 1024 {
        let mut value = nano / NANO;
        let mut suffix = "";
        for (name, _) in BINARY {
            if value % 1024 != 0 {
                break;
            }
            value /= 1024;
            suffix = name;
        }
        return format!("{value}{suffix}");
    }
    let mut value = nano;
    let mut step = 0;
    while value % 1000 == 0 && step < DECIMAL.len() - 1 {
        value /= 1000;
        step += 1;
    }
    let (suffix, exponent) = DECIMAL[step];
    match (form, exponent) {
        (Form::Exponent, 0) => value.to_string(),
        (Form::Exponent, exponent) => format!("{value}e{exponent}"),
        _ => format!("{value}{suffix}"),
    }
}

/// Makes a quantity (a string or a number) canonical in place; what is no quantity stays as it is.
pub(super) fn canonicalize(value: &mut Value) {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return,
    };
    if let Some(spelled) = canonical(&text) {
        *value = Value::String(spelled);
    }
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn spellings_of_the_real_server() {
        for (given, stored) in [
            ("0.5", "500m"),
            ("1000m", "1"),
            ("100m", "100m"),
            ("1.5Gi", "1536Mi"),
            ("1024Mi", "1Gi"),
            ("512", "512"),
            ("0.5Ki", "512"),
            ("1000Ki", "1000Ki"),
            ("2000", "2k"),
            ("1e3", "1e3"),
            ("0", "0"),
            ("-1000", "-1k"),
            ("128974848", "128974848"),
            ("10G", "10G"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(stored), "{given}");
        }
        for bad in ["", "m", "1x", "1.2.3", "9999999999999999999999999999999999999999"] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
    }
}
