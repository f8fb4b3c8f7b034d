//! Go's strings: bytes that are nearly always UTF-8; and its slices of bytes, which can be nil.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// A Go string, cheap to clone. It dereferences to `str`, where bytes that are not UTF-8 read as U+FFFD;
/// [`Str::as_bytes`] gives the exact bytes (a binary file, half of a cut character).
#[derive(Clone)]
pub struct Str(Inner);

#[derive(Clone)]
enum Inner {
    Text(Arc<str>),
    Raw(Arc<Raw>),
}

struct Raw {
    bytes: Vec<u8>,
    lossy: String,
}

impl Raw {
    /// Where in the bytes stands what stands there in the text: one byte for each U+FFFD that is none itself.
    fn place(&self, wanted: usize) -> usize {
        let (mut in_text, mut in_bytes) = (0, 0);
        for chunk in self.bytes.utf8_chunks() {
            if wanted <= in_text + chunk.valid().len() {
                return in_bytes + (wanted - in_text);
            }
            in_text += chunk.valid().len();
            in_bytes += chunk.valid().len();
            let left = (wanted - in_text) / char::REPLACEMENT_CHARACTER.len_utf8();
            if left < chunk.invalid().len() {
                return in_bytes + left;
            }
            in_text += chunk.invalid().len() * char::REPLACEMENT_CHARACTER.len_utf8();
            in_bytes += chunk.invalid().len();
        }
        in_bytes
    }
}

impl Str {
    /// The string as text, with U+FFFD where the bytes are not UTF-8.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Inner::Text(text) => text,
            Inner::Raw(raw) => &raw.lossy,
        }
    }

    /// The exact bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Inner::Text(text) => text.as_bytes(),
            Inner::Raw(raw) => &raw.bytes,
        }
    }

    /// The exact bytes of what stands at these places of [`Self::as_str`].
    pub fn bytes_of(&self, range: Range<usize>) -> &[u8] {
        let range = match &self.0 {
            Inner::Text(_) => range,
            Inner::Raw(raw) => raw.place(range.start)..raw.place(range.end),
        };
        self.as_bytes().get(range).unwrap_or_default()
    }

    /// The part that stands at these places of [`Self::as_str`], with its exact bytes.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        Self::from(self.bytes_of(range))
    }

    /// The text as a shared string, for use as a map's key.
    pub fn to_shared(&self) -> Arc<str> {
        match &self.0 {
            Inner::Text(text) => Arc::clone(text),
            Inner::Raw(raw) => Arc::from(raw.lossy.as_str()),
        }
    }
}

impl Deref for Str {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self(Inner::Text(Arc::from(text)))
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Self(Inner::Text(Arc::from(text)))
    }
}

impl From<Arc<str>> for Str {
    fn from(text: Arc<str>) -> Self {
        Self(Inner::Text(text))
    }
}

impl From<Vec<u8>> for Str {
    fn from(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::from(text),
            Err(error) => {
                let bytes = error.into_bytes();
                let lossy = lossy(&bytes);
                Self(Inner::Raw(Arc::new(Raw { bytes, lossy })))
            }
        }
    }
}

/// U+FFFD for every byte that is of no character, as Go reads them.
fn lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

impl From<&[u8]> for Str {
    fn from(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::from(text),
            Err(_) => Self::from(bytes.to_vec()),
        }
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Str {}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A `[]uint8`, cheap to clone. It dereferences to its bytes; a nil one has none, and equals no other that has none.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(Option<Arc<[u8]>>);

impl Bytes {
    /// Go's nil slice.
    pub const NIL: Self = Self(None);

    /// Whether it is Go's nil slice: JSON writes it as null.
    pub fn is_nil(&self) -> bool {
        self.0.is_none()
    }

    /// A part of it; that of nothing is nil, too.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        Self(self.0.as_ref().and_then(|bytes| bytes.get(range)).map(Arc::from))
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl From<Arc<[u8]>> for Bytes {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self(Some(bytes))
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Some(Arc::from(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_their_bytes() {
        let text = Str::from(&b"a\xff\xfe\xc3\xbc\xe2\x82z"[..]);
        assert_eq!(text.as_str(), "a\u{fffd}\u{fffd}ü\u{fffd}\u{fffd}z");
        let at = |part: &str| text.as_str().find(part).unwrap();
        assert_eq!(text.part(1..at("ü")).as_bytes(), b"\xff\xfe");
        assert_eq!(text.part(4..text.len()).as_bytes(), b"\xfe\xc3\xbc\xe2\x82z");
        assert_eq!(text.part(0..at("z")).as_bytes(), b"a\xff\xfe\xc3\xbc\xe2\x82");
        assert_eq!(Str::from("über").part(0..2).as_str(), "ü");
    }
}
