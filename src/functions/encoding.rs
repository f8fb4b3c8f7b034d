//! Base 64 and base 32. What cannot be decoded becomes the text of the error, as in sprig.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::fixed;
use crate::template::{FunctionTable, Str, Type, Value};

const S: Type = Type::String;

pub(super) fn register(table: &mut FunctionTable) {
    table.add("b64enc", fixed(&[S]), |_, a| Ok(STANDARD.encode(raw(&a[0])).into()));
    table.add("b64dec", fixed(&[S]), |_, a| {
        Ok(match decode64(raw(&a[0])) {
            Ok(bytes) => Str::from(bytes).into(),
            Err(at) => format!("illegal base64 data at input byte {at}").into(),
        })
    });
    table.add("b32enc", fixed(&[S]), |_, a| Ok(encode32(raw(&a[0])).into()));
    table.add("b32dec", fixed(&[S]), |_, a| {
        Ok(match decode32(raw(&a[0])) {
            Ok(bytes) => Str::from(bytes).into(),
            Err(at) => format!("illegal base32 data at input byte {at}").into(),
        })
    });
}

pub(super) fn raw(value: &Value) -> &[u8] {
    match value {
        Value::String(text) => text.as_bytes(),
        _ => &[],
    }
}

/// Go's decoder: line ends are skipped, padding is required, stray bits are allowed; else the position of the first wrong byte.
pub(super) fn decode64(text: &[u8]) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut count) = (0u32, 0u32);
    let mut at = 0;
    let breaks = |b: u8| b == b'\n' || b == b'\r';
    while at < text.len() {
        let byte = text[at];
        at += 1;
        if breaks(byte) {
            continue;
        }
        if byte == b'=' {
            // One or two at the end, nothing behind.
            let wrong = at - 1;
            if count < 2 {
                return Err(wrong);
            }
            if count == 2 {
                while at < text.len() && breaks(text[at]) {
                    at += 1;
                }
                if at == text.len() {
                    return Err(text.len());
                }
                if text[at] != b'=' {
                    return Err(wrong);
                }
                at += 1;
            }
            while at < text.len() && breaks(text[at]) {
                at += 1;
            }
            if at < text.len() {
                return Err(at);
            }
            group <<= 6 * (4 - count);
            let bytes = group.to_be_bytes();
            out.extend_from_slice(&bytes[1..count as usize]);
            return Ok(out);
        }
        let Some(digit) = digit64(byte) else { return Err(at - 1) };
        group = group << 6 | digit;
        count += 1;
        if count == 4 {
            out.extend_from_slice(&group.to_be_bytes()[1..]);
            (group, count) = (0, 0);
        }
    }
    if count == 0 { Ok(out) } else { Err(at - count as usize) }
}

fn digit64(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

const ALPHABET_32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn encode32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut group = [0u8; 8];
        group[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(group);
        let digits = (chunk.len() * 8).div_ceil(5);
        for index in 0..8 {
            let digit = (bits >> (35 - 5 * index)) & 31;
            out.push(if index < digits { char::from(ALPHABET_32[digit as usize]) } else { '=' });
        }
    }
    out
}

/// Go's decoder: line ends are skipped; nothing is read behind the padding.
fn decode32(text: &[u8]) -> Result<Vec<u8>, usize> {
    let text: Vec<u8> = text.iter().copied().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    let mut rest = &text[..];
    while !rest.is_empty() {
        let (mut bits, mut digits) = (0u64, 0);
        let mut ended = false;
        while digits < 8 {
            let at = text.len() - rest.len();
            let Some((byte, behind)) = rest.split_first() else { return Err(at - digits) };
            rest = behind;
            if *byte == b'=' && digits >= 2 && rest.len() < 8 {
                let wanted = 7 - digits;
                if rest.len() < wanted {
                    return Err(text.len());
                }
                if let Some(wrong) = rest[..wanted].iter().position(|byte| *byte != b'=') {
                    return Err(at + wrong);
                }
                if matches!(digits, 3 | 6) {
                    return Err(at);
                }
                ended = true;
                break;
            }
            let digit = ALPHABET_32.iter().position(|c| c == byte).ok_or(at)?;
            bits |= (digit as u64) << (35 - 5 * digits);
            digits += 1;
        }
        out.extend_from_slice(&bits.to_be_bytes()[3..3 + digits * 5 / 8]);
        if ended {
            break;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_as_go() {
        assert_eq!(decode64(b"aGVsbG8=").unwrap(), b"hello");
        assert_eq!(decode64(b"aGVs\nbG8=\n").unwrap(), b"hello");
        assert_eq!(decode64(b"aGVs").unwrap(), b"hel");
        assert_eq!(decode64(b"aA==").unwrap(), b"h");
        for (text, at) in [("!!!", 0), ("aGVsbG8", 4), ("aA=", 3), ("a===", 1), ("aGVs=", 4), ("aA==x", 4)] {
            assert_eq!(decode64(text.as_bytes()), Err(at), "{text}");
        }
        for text in ["", "a", "ab", "abc", "abcd", "abcde", "abcdef"] {
            assert_eq!(decode32(encode32(text.as_bytes()).as_bytes()).unwrap(), text.as_bytes());
        }
        assert_eq!(encode32(b"abc"), "MFRGG===");
    }
}
