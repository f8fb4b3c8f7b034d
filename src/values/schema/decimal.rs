//! Numbers as they are written, compared and divided exactly (Go: `big.Rat`), and printed as Go prints one that became a `big.Float`.

use std::cmp::Ordering;

use serde_json::Number;

/// Digits that a number of a schema may have.
const DIGITS: usize = 1000;
/// Go takes no larger exponent.
const EXPONENT: i64 = 1_000_000;

/// `±0.DIGITS × 10^exponent`; the digits neither begin nor end with a zero, and there are none for 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

/// A JSON number is none for Go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Its exponent is too large; Go gives up, too.
    Exponent,
    /// It has too many digits for us.
    Digits,
}

impl Decimal {
    /// Of JSON's spelling.
    pub(super) fn read(text: &str) -> Result<Self, Unreadable> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent: i64 = exponent.trim_start_matches('+').parse().map_err(|_| Unreadable::Exponent)?;
        let fraction_length = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        if exponent.saturating_sub(fraction_length).saturating_abs() > EXPONENT {
            return Err(Unreadable::Exponent);
        }
        let all = [whole.as_bytes(), fraction.as_bytes()].concat();
        let zeros = all.iter().take_while(|d| **d == b'0').count();
        let digits = all[zeros..].to_vec();
        Ok(Self::normal(negative, digits, exponent + length(whole.as_bytes()) - length(&all[..zeros])))
            .and_then(|n| if n.digits.len() > DIGITS { Err(Unreadable::Digits) } else { Ok(n) })
    }

    /// Of a value's number, as Go writes it into JSON.
    pub(super) fn of(number: &Number) -> Self {
        let text = match number.as_f64() {
            Some(f) if number.is_f64() => format!("{f:e}"),
            _ => number.to_string(),
        };
        Self::read(&text).unwrap_or_else(|_| Self::normal(false, Vec::new(), 0))
    }

    fn normal(negative: bool, mut digits: Vec<u8>, exponent: i64) -> Self {
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let is_zero = digits.is_empty();
        Self { negative: negative && !is_zero, digits, exponent: if is_zero { 0 } else { exponent } }
    }

    pub(super) fn is_positive(&self) -> bool {
        !self.negative && !self.digits.is_empty()
    }

    /// Whether this is a whole multiple of a positive number.
    pub(super) fn is_multiple_of(&self, other: &Self) -> bool {
        if self.digits.is_empty() || other.digits.is_empty() {
            return true;
        }
        // a·10^shift ÷ b, for the digits a and b as whole numbers.
        let shift = (self.exponent - length(&self.digits)) - (other.exponent - length(&other.digits));
        // The last digit of a is not 0, so that no power of ten is in it.
        let Ok(shift) = u64::try_from(shift) else { return false };
        // The twos and fives of b that 10^shift brings; what is left has to divide a.
        let mut divisor = other.digits.clone();
        for factor in [2, 5] {
            let mut count = 0;
            while count < shift {
                let (quotient, rest) = divided(&divisor, factor);
                if rest != 0 {
                    break;
                }
                divisor = quotient;
                count += 1;
            }
        }
        divides(&divisor, &self.digits)
    }

    /// As Go prints it as a `big.Float`: all digits, with an exponent below 1e-4 and from 1e+06 on.
    pub(super) fn shown(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let digits = String::from_utf8_lossy(&self.digits);
        if digits.is_empty() {
            return "0".to_owned();
        }
        let exponent = self.exponent - 1;
        if !(-4..6).contains(&exponent) {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            let direction = if exponent < 0 { '-' } else { '+' };
            return format!("{sign}{first}{dot}{rest}e{direction}{:02}", exponent.abs());
        }
        match usize::try_from(self.exponent) {
            Ok(whole) if whole > 0 && whole >= digits.len() => format!("{sign}{digits:0<whole$}"),
            Ok(whole) if whole > 0 => format!("{sign}{}.{}", &digits[..whole], &digits[whole..]),
            _ => format!("{sign}0.{}{digits}", "0".repeat(usize::try_from(-self.exponent).unwrap_or(0))),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |n: &Self| {
            if n.digits.is_empty() {
                0
            } else if n.negative {
                -1
            } else {
                1
            }
        };
        let size = || self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits));
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            0 => Ordering::Equal,
            1 => size(),
            _ => size().reverse(),
        })
    }
}

fn length(digits: &[u8]) -> i64 {
    i64::try_from(digits.len()).unwrap_or(i64::MAX)
}

/// Digits divided by a small number: the quotient without zeros in front, and the rest.
fn divided(digits: &[u8], by: u8) -> (Vec<u8>, u8) {
    let mut quotient = Vec::with_capacity(digits.len());
    let mut rest = 0;
    for digit in digits {
        let here = rest * 10 + (digit - b'0');
        if !quotient.is_empty() || here >= by {
            quotient.push(here / by + b'0');
        }
        rest = here % by;
    }
    (quotient, rest)
}

/// Whether the whole number `divisor` divides `digits`, which has no more than [`DIGITS`].
fn divides(divisor: &[u8], digits: &[u8]) -> bool {
    // A divisor that is longer than what it divides leaves a rest; what values hold is short.
    if divisor.len() > digits.len() {
        return false;
    }
    let Ok(small) = std::str::from_utf8(divisor).unwrap_or_default().parse::<u64>() else {
        return divisor == digits;
    };
    if small == 0 {
        return false;
    }
    let rest = digits.iter().fold(0_u128, |rest, d| (rest * 10 + u128::from(d - b'0')) % u128::from(small));
    rest == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> Decimal {
        Decimal::read(text).unwrap()
    }

    #[test]
    fn shown_as_go() {
        for (text, shown) in [
            ("0", "0"),
            ("-0", "0"),
            ("1.50", "1.5"),
            ("100", "100"),
            ("65535", "65535"),
            ("999999", "999999"),
            ("1000000", "1e+06"),
            ("2147483647", "2.147483647e+09"),
            ("9999999999.9", "9.9999999999e+09"),
            ("0.1", "0.1"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("-1e3", "-1000"),
            ("1.0000000001e2", "100.00000001"),
        ] {
            assert_eq!(n(text).shown(), shown, "{text}");
        }
    }

    #[test]
    fn compared_and_divided() {
        assert!(
            n("1e2") == n("100.0") && n("-1") < n("0") && n("0.5") < n("1") && n("99") < n("100") && n("-2") < n("-1")
        );
        for (a, b, yes) in [
            ("6", "3", true),
            ("0.3", "0.1", true),
            ("1", "0.01", true),
            ("7.5", "2.5", true),
            ("7.5", "2", false),
            ("1e300", "7", false),
            ("1e300", "8", true),
            ("0", "5", true),
            ("-9", "3", true),
            ("1", "3", false),
        ] {
            assert_eq!(n(a).is_multiple_of(&n(b)), yes, "{a} of {b}");
        }
        assert_eq!(Decimal::read("1e1000001"), Err(Unreadable::Exponent));
    }
}
