//! The decimal arithmetic behind `addf`, `subf`, `mulf` and `divf`: floats become the decimals that they print as, so that
//! 0.1 + 0.2 is 0.3 (shopspring/decimal).

/// A number as `coefficient × 10^exponent`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal {
    coefficient: i128,
    exponent: i32,
}

/// Digits behind the point that a division keeps.
const DIVISION_PRECISION: i32 = 16;

impl Decimal {
    /// The shortest decimal that reads as this float; `None` for infinities and not-a-number.
    pub(super) fn from_f64(x: f64) -> Option<Self> {
        if !x.is_finite() {
            return None;
        }
        let text = format!("{x:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let fraction = mantissa.split_once('.').map_or(0, |(_, f)| f.len());
        let coefficient = mantissa.replace('.', "").parse().ok()?;
        Some(Self { coefficient, exponent: exponent.parse::<i32>().ok()? - i32::try_from(fraction).ok()? })
    }

    /// The float that is nearest.
    pub(super) fn to_f64(self) -> f64 {
        format!("{}e{}", self.coefficient, self.exponent).parse().unwrap_or(0.0)
    }

    fn aligned(self, other: Self) -> Option<(i128, i128, i32)> {
        let exponent = self.exponent.min(other.exponent);
        let scaled = |d: Self| d.coefficient.checked_mul(power(d.exponent - exponent)?);
        Some((scaled(self)?, scaled(other)?, exponent))
    }

    pub(super) fn add(self, other: Self) -> Option<Self> {
        let (a, b, exponent) = self.aligned(other)?;
        Some(Self { coefficient: a.checked_add(b)?, exponent })
    }

    pub(super) fn sub(self, other: Self) -> Option<Self> {
        let (a, b, exponent) = self.aligned(other)?;
        Some(Self { coefficient: a.checked_sub(b)?, exponent })
    }

    pub(super) fn mul(self, other: Self) -> Option<Self> {
        let exponent = self.exponent.checked_add(other.exponent)?;
        Some(Self { coefficient: self.coefficient.checked_mul(other.coefficient)?, exponent })
    }

    /// Rounded half away from zero to 16 digits behind the point.
    pub(super) fn div(self, other: Self) -> Option<Self> {
        let shift = DIVISION_PRECISION + self.exponent - other.exponent;
        let (mut top, mut bottom) = (self.coefficient, other.coefficient);
        if shift >= 0 {
            top = top.checked_mul(power(shift)?)?;
        } else {
            bottom = bottom.checked_mul(power(-shift)?)?;
        }
        let quotient = top.checked_div(bottom)?;
        let remainder = top.checked_rem(bottom)?;
        let up = remainder.unsigned_abs().checked_mul(2)? >= bottom.unsigned_abs();
        let step = if (top < 0) == (bottom < 0) { 1 } else { -1 };
        let coefficient = if up && remainder != 0 { quotient + step } else { quotient };
        Some(Self { coefficient, exponent: -DIVISION_PRECISION })
    }
}

fn power(exponent: i32) -> Option<i128> {
    10i128.checked_pow(u32::try_from(exponent).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_as_people_do() {
        let d = |x| Decimal::from_f64(x).unwrap();
        let near = |a: Option<Decimal>, b: f64| assert_eq!(a.unwrap().to_f64().to_bits(), b.to_bits());
        near(d(0.1).add(d(0.2)), 0.3);
        near(d(1.0).sub(d(0.9)), 0.1);
        near(d(1.1).mul(d(1.1)), 1.21);
        near(d(1.0).div(d(3.0)), 0.333_333_333_333_333_3);
        near(d(-2.0).div(d(3.0)), -0.666_666_666_666_666_7);
        assert!(Decimal::from_f64(f64::NAN).is_none());
    }
}
