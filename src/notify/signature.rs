//! The signature of a webhook's body, as forges sign theirs: `sha256=` and the hexadecimal HMAC of the exact bytes.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "X-Evenkeel-Signature-256";

fn mac(secret: &[u8], body: &[u8]) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of any length, so there is always one.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(body);
    Some(mac)
}

/// `sha256=…` for `body` under `secret`.
#[must_use]
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    let mut text = String::from("sha256=");
    for byte in mac(secret, body).map(|m| m.finalize().into_bytes()).iter().flatten() {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Whether `signature` is that of `body` under `secret`; takes equally long for every wrong one.
#[must_use]
pub fn verify(secret: &[u8], body: &[u8], signature: &str) -> bool {
    let Some(hex) = signature.strip_prefix("sha256=") else { return false };
    let bytes: Option<Vec<u8>> = (0..hex.len() / 2)
        .map(|i| hex.get(2 * i..2 * i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    match (bytes, mac(secret, body)) {
        (Some(bytes), Some(mac)) if hex.len() == 64 => mac.verify_slice(&bytes).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_rfc_4231_says() {
        // RFC 4231, test case 2.
        assert_eq!(
            sign(b"Jefe", b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn accepts_only_the_right_signature() {
        let good = sign(b"key", b"body");
        assert!(verify(b"key", b"body", &good));
        assert!(!verify(b"key", b"Body", &good));
        assert!(!verify(b"other", b"body", &good));
        for bad in ["", "sha256=", "sha256=zz", "sha1=00", &good[..good.len() - 1]] {
            assert!(!verify(b"key", b"body", bad), "{bad}");
        }
    }
}
