//! Bech32 (BIP 173, without its limit of length), as age writes keys: `age1…` and `AGE-SECRET-KEY-1…`.

const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// The human-readable part in small letters, and the bytes; `None` for what is no bech32.
pub(super) fn decode(text: &str) -> Option<(String, Vec<u8>)> {
    let small = text.to_ascii_lowercase();
    if small != text && text.to_ascii_uppercase() != text {
        return None;
    }
    let (part, data) = small.rsplit_once('1')?;
    if part.is_empty() || data.len() < 6 || !part.bytes().all(|b| (33..=126).contains(&b)) {
        return None;
    }
    let digit = |b: u8| CHARSET.iter().position(|c| *c == b).and_then(|at| u8::try_from(at).ok());
    let digits: Vec<u8> = data.bytes().map(digit).collect::<Option<_>>()?;
    if checksum(expanded(part).chain(digits.iter().copied())) != 1 {
        return None;
    }
    Some((part.to_owned(), regrouped(&digits[..digits.len() - 6], 5, 8, false)?))
}

/// The text of some bytes, in small letters.
pub(super) fn encode(part: &str, bytes: &[u8]) -> String {
    let mut digits = regrouped(bytes, 8, 5, true).unwrap_or_default();
    let sum = checksum(expanded(part).chain(digits.iter().copied()).chain([0; 6])) ^ 1;
    digits.extend((0..6).map(|at| (sum >> (5 * (5 - at)) & 31) as u8));
    let text = digits.iter().map(|digit| char::from(CHARSET[usize::from(*digit)]));
    format!("{part}1{}", text.collect::<String>())
}

fn expanded(part: &str) -> impl Iterator<Item = u8> {
    part.bytes().map(|b| b >> 5).chain([0]).chain(part.bytes().map(|b| b & 31))
}

fn checksum(digits: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    digits.fold(1, |sum: u32, digit| {
        let next = (sum & 0x01ff_ffff) << 5 ^ u32::from(digit);
        (0..5).filter(|bit| sum >> (25 + bit) & 1 == 1).fold(next, |next, bit| next ^ GENERATOR[bit])
    })
}

fn regrouped(digits: &[u8], from: u32, to: u32, padded: bool) -> Option<Vec<u8>> {
    let (mut held, mut bits, mut out) = (0_u32, 0, Vec::new());
    for digit in digits {
        held = held << from | u32::from(*digit);
        bits += from;
        while bits >= to {
            bits -= to;
            out.push((held >> bits & ((1 << to) - 1)) as u8);
        }
        held &= (1 << bits) - 1;
    }
    if padded && bits > 0 {
        out.push((held << (to - bits)) as u8);
    } else if !padded && (bits >= from || held != 0) {
        return None;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_bytes_are_the_same() {
        for length in 0..70_u8 {
            let bytes: Vec<u8> = (0..length).map(|b| b.wrapping_mul(37) ^ length).collect();
            let text = encode("age", &bytes);
            assert_eq!(decode(&text), Some(("age".to_owned(), bytes.clone())));
            assert_eq!(decode(&text.to_uppercase()), Some(("age".to_owned(), bytes)));
        }
        // From BIP 173.
        assert_eq!(decode("A12UEL5L"), Some(("a".to_owned(), Vec::new())));
        for wrong in ["", "1", "a12uel5m", "A12uEL5L", "x1b4n0q5v", "li1dgmt3", "1pzry9x0s0muk", "age1"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
