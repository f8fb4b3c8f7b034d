//! A data key out of shares (Shamir's secret sharing over GF(2⁸), as Vault and SOPS do it): each share is as many values of
//! polynomials as the key has bytes, and behind them the point that they were taken at. The key is what they are at zero.

/// The secret of some shares; `None` where they are none of one secret.
pub(super) fn combined(shares: &[Vec<u8>]) -> Option<Vec<u8>> {
    let length = shares.first()?.len().checked_sub(1).filter(|length| *length > 0)?;
    if shares.len() < 2 || shares.iter().any(|share| share.len() != length + 1) {
        return None;
    }
    let points: Vec<u8> = shares.iter().map(|share| share[length]).collect();
    if points.iter().enumerate().any(|(at, point)| *point == 0 || points[..at].contains(point)) {
        return None;
    }
    let weights: Vec<u8> = (0..points.len())
        .map(|own| {
            let others = points.iter().enumerate().filter(|(at, _)| *at != own);
            others.fold(1, |weight, (_, point)| times(weight, times(*point, inverse(*point ^ points[own]))))
        })
        .collect();
    let byte = |at: usize| shares.iter().zip(&weights).fold(0, |sum, (share, weight)| sum ^ times(share[at], *weight));
    Some((0..length).map(byte).collect())
}

/// Multiplication in the field of AES (x⁸ + x⁴ + x³ + x + 1).
fn times(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        a = a << 1 ^ if a & 0x80 == 0 { 0 } else { 0x1b };
        b >>= 1;
    }
    product
}

/// a²⁵⁴.
fn inverse(a: u8) -> u8 {
    (0..6).fold(times(a, a), |power, _| times(times(power, power), times(a, a)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverses_are() {
        for a in 1..=255 {
            assert_eq!(times(a, inverse(a)), 1, "{a}");
        }
    }

    #[test]
    fn shares_make_the_secret() {
        // s + 7x + 9x² at 1, 2, 3.
        let secret = [0_u8, 1, 200, 255];
        let share = |x: u8| {
            let value = |s: &u8| s ^ times(7, x) ^ times(9, times(x, x));
            secret.iter().map(value).chain([x]).collect::<Vec<u8>>()
        };
        assert_eq!(combined(&[share(3), share(200), share(1)]), Some(secret.to_vec()));
        assert_ne!(combined(&[share(3), share(200)]), Some(secret.to_vec()));
        for wrong in
            [vec![], vec![share(1)], vec![share(1), share(1)], vec![share(1), share(0)], vec![share(1), vec![1]]]
        {
            assert_eq!(combined(&wrong), None);
        }
    }
}
