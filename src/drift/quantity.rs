//! Kubernetes quantities: `1`, `1000m`, `1Gi`, `1e3` as exact numbers (apimachinery's `resource.Quantity`).

use std::cmp::Ordering;

use serde_json::Value;

/// An amount, comparable whatever its spelling: `digits × 10^tens × 2^twos`.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    digits: i128,
    tens: i32,
    twos: u32,
}

/// The digits that are read at most; more would be no amount of anything.
const MAX_DIGITS: usize = 30;

impl Quantity {
    /// Reads a quantity; `None` when the text is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || all.len() > MAX_DIGITS || !all.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let mut digits: i128 = all.parse().ok()?;
        if negative {
            digits = -digits;
        }
        let (tens, twos) = scale(suffix)?;
        let mut quantity = Self { digits, tens: tens - i32::try_from(fraction.len()).ok()?, twos };
        while quantity.digits != 0 && quantity.digits % 10 == 0 {
            quantity.digits /= 10;
            quantity.tens += 1;
        }
        Some(quantity)
    }

    /// Reads a quantity from a string or a number.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    fn approximate(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "for amounts beyond what is told apart exactly")]
        let digits = self.digits as f64;
        digits * 10f64.powi(self.tens) * 2f64.powi(i32::try_from(self.twos).unwrap_or(i32::MAX))
    }

    /// The digits when written with `tens` as the power of ten.
    fn at(self, tens: i32) -> Option<i128> {
        let up = u32::try_from(self.tens.checked_sub(tens)?).ok()?;
        self.digits.checked_mul(10i128.checked_pow(up)?)?.checked_mul(1i128.checked_shl(self.twos)?)
    }
}

fn scale(suffix: &str) -> Option<(i32, u32)> {
    Some(match suffix {
        "" => (0, 0),
        "n" => (-9, 0),
        "u" => (-6, 0),
        "m" => (-3, 0),
        "k" => (3, 0),
        "M" => (6, 0),
        "G" => (9, 0),
        "T" => (12, 0),
        "P" => (15, 0),
        "E" => (18, 0),
        "Ki" => (0, 10),
        "Mi" => (0, 20),
        "Gi" => (0, 30),
        "Ti" => (0, 40),
        "Pi" => (0, 50),
        "Ei" => (0, 60),
        _ => (suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok().filter(|e| e.abs() < 100)?, 0),
    })
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let tens = self.tens.min(other.tens);
        match (self.at(tens), other.at(tens)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => self.approximate().partial_cmp(&other.approximate()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn one_amount_many_spellings() {
        for (a, b) in [
            ("1", "1000m"),
            ("1024Mi", "1Gi"),
            ("1e3", "1k"),
            ("0.5", "500m"),
            ("1.5Gi", "1536Mi"),
            ("0", "0m"),
            ("-1", "-1000m"),
            (".5", "500m"),
            ("5.", "5"),
            ("1000000n", "1m"),
            ("1E", "1e18"),
            ("8Ei", "8192Pi"),
        ] {
            assert_eq!(Quantity::parse(a).unwrap(), Quantity::parse(b).unwrap(), "{a} {b}");
        }
        assert_eq!(Quantity::of(&json!(2)), Quantity::of(&json!("2000m")));
        assert_eq!(Quantity::of(&json!(0.5)), Quantity::of(&json!("500m")));
        assert!(Quantity::parse("1G").unwrap() < Quantity::parse("1Gi").unwrap());
        assert_ne!(Quantity::parse("1M"), Quantity::parse("1m"));
    }

    #[test]
    fn no_amount() {
        for bad in ["", "-", ".", "x", "1x", "1 Gi", "1..2", "1e", "1e999999999", "1KI", "0x10", "１"] {
            assert!(Quantity::parse(bad).is_none(), "{bad}");
        }
        assert!(Quantity::parse(&"9".repeat(1000)).is_none());
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(a in "[-+]?[0-9.]{0,32}[a-zA-Z]{0,2}-?[0-9]{0,4}", b in "[0-9]{1,29}[EPTGMk]i?") {
            let (a, b) = (Quantity::parse(&a), Quantity::parse(&b));
            if let Some(a) = a {
                prop_assert_eq!(a, a);
            }
            let _ = a == b;
        }

        #[test]
        fn milli_is_a_thousandth(n in 0u64..1_000_000_000) {
            prop_assert_eq!(Quantity::parse(&format!("{n}")).unwrap(), Quantity::parse(&format!("{n}000m")).unwrap());
            prop_assert_ne!(Quantity::parse(&format!("{n}")).unwrap(), Quantity::parse(&format!("{n}001m")).unwrap());
        }
    }
}
