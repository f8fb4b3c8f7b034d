//! Digests of archives and manifests: SHA-256 in hexadecimal.

use sha2::{Digest, Sha256};

/// The SHA-256 of some bytes: 64 lower-case hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether two digests name the same content; a leading `sha256:` and the letters' case count for nothing.
#[must_use]
pub fn same_digest(a: &str, b: &str) -> bool {
    let plain = |text: &str| text.trim().trim_start_matches("sha256:").to_ascii_lowercase();
    plain(a) == plain(b)
}
