//! The characters of a text that need not be UTF-8 (`unicode/utf8`), and what YAML's reader says of what is none.

/// The first character and its length: U+FFFD and 1 where the bytes are of no character, and 0 where there are none.
pub(crate) fn first(bytes: &[u8]) -> (char, usize) {
    let length = length(bytes);
    let read = bytes.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok());
    (read.and_then(|text| text.chars().next()).unwrap_or(char::REPLACEMENT_CHARACTER), length.min(bytes.len()))
}

/// How many bytes the first character has; 1 where it is none.
pub(crate) fn length(bytes: &[u8]) -> usize {
    let length = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => 1,
    };
    if bytes.get(..length).is_some_and(|rune| std::str::from_utf8(rune).is_ok()) { length } else { 1 }
}

/// What go-yaml says of the first bytes that are no UTF-8.
pub(crate) fn not_utf8(bytes: &[u8]) -> Option<&'static str> {
    let at = std::str::from_utf8(bytes).err()?.valid_up_to();
    let rest = bytes.get(at..).unwrap_or_default();
    let width = match rest.first()? {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => return Some("invalid leading UTF-8 octet"),
    };
    let Some(rest) = rest.get(..width) else { return Some("incomplete UTF-8 octet sequence") };
    if rest.iter().skip(1).any(|byte| byte & 0xc0 != 0x80) {
        return Some("invalid trailing UTF-8 octet");
    }
    let lead = u32::from(rest[0]) & (0x7f >> width);
    let value = rest.iter().skip(1).fold(lead, |value, byte| value << 6 | u32::from(byte & 0x3f));
    let shortest = [0x80, 0x800, 0x1_0000][width - 2];
    Some(if value < shortest { "invalid length of a UTF-8 sequence" } else { "invalid Unicode character" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_gos() {
        for (bytes, read) in [
            (&b"ab"[..], ('a', 1)),
            ("üx".as_bytes(), ('ü', 2)),
            (b"\xc3", ('\u{fffd}', 1)),
            (b"\xe2\x82x", ('\u{fffd}', 1)),
            ("\u{fffd}".as_bytes(), ('\u{fffd}', 3)),
            ("😀".as_bytes(), ('😀', 4)),
            (b"", ('\u{fffd}', 0)),
        ] {
            assert_eq!(first(bytes), read, "{bytes:?}");
        }
    }
}
