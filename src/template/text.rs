//! Go's strings: bytes that are nearly always UTF-8.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
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
