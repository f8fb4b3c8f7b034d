//! age v1, as far as SOPS uses it for a data key: a small file in armor, for X25519 recipients.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use openssl::derive::Deriver;
use openssl::pkey::{Id, PKey};
use openssl::symm::{Cipher, decrypt_aead};
use sha2::Sha256;

use super::bech32;

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";
const VERSION: &str = "age-encryption.org/v1";
const SECRET: &str = "age-secret-key-";
/// Of ChaCha20-Poly1305.
const TAG: usize = 16;
/// Bytes of a payload's chunk; a data key has fewer.
const CHUNK: usize = 64 << 10;

/// A secret X25519 key.
pub(super) struct Identity {
    secret: [u8; 32],
    public: [u8; 32],
}

/// Why a line is no identity that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoIdentity {
    /// Of a kind that is not supported.
    Other(&'static str),
    /// No identity at all.
    Unknown,
}

/// Why nothing came out of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sealed {
    /// It is for somebody else.
    Others,
    /// It is no age file, or was changed.
    Damaged(&'static str),
}

impl Identity {
    /// Reads `AGE-SECRET-KEY-1…`.
    pub(super) fn parse(text: &str) -> Result<Self, NoIdentity> {
        if text.starts_with("AGE-PLUGIN-") {
            return Err(NoIdentity::Other("an identity of a plugin"));
        }
        if text.starts_with("AGE-SECRET-KEY-PQ-") {
            return Err(NoIdentity::Other("a post-quantum identity"));
        }
        let Some((part, bytes)) = bech32::decode(text) else { return Err(NoIdentity::Unknown) };
        let secret: [u8; 32] = bytes.try_into().map_err(|_| NoIdentity::Unknown)?;
        if part != SECRET || !text.starts_with("AGE-") {
            return Err(NoIdentity::Unknown);
        }
        let public = PKey::private_key_from_raw_bytes(&secret, Id::X25519).and_then(|key| key.raw_public_key());
        let public = public.ok().and_then(|bytes| bytes.try_into().ok()).ok_or(NoIdentity::Unknown)?;
        Ok(Self { secret, public })
    }

    /// `age1…`, which it opens what is sealed for.
    pub(super) fn recipient(&self) -> String {
        bech32::encode("age", &self.public)
    }

    /// The key that a stanza wraps a file key with.
    fn wrap_key(&self, share: &[u8; 32]) -> Option<[u8; 32]> {
        let own = PKey::private_key_from_raw_bytes(&self.secret, Id::X25519).ok()?;
        let theirs = PKey::public_key_from_raw_bytes(share, Id::X25519).ok()?;
        let mut deriver = Deriver::new(&own).ok()?;
        deriver.set_peer(&theirs).ok()?;
        let shared = deriver.derive_to_vec().ok()?;
        if shared.iter().all(|byte| *byte == 0) {
            return None;
        }
        let salt = [share.as_slice(), self.public.as_slice()].concat();
        Some(derived(&shared, &salt, b"age-encryption.org/v1/X25519"))
    }
}

/// What is sealed in an armored file, with the first of the identities that opens it.
pub(super) fn open<'i>(
    armored: &str,
    identities: impl Iterator<Item = &'i Identity> + Clone,
) -> Result<Vec<u8>, Sealed> {
    let bytes = unarmored(armored).ok_or(Sealed::Damaged("it stands in no armor of age"))?;
    let header = Header::read(&bytes)?;
    let file_key = header
        .stanzas
        .iter()
        .flat_map(|stanza| identities.clone().map(move |identity| (stanza, identity)))
        .find_map(|(stanza, identity)| unwrapped(&identity.wrap_key(&stanza.share)?, &stanza.body))
        .ok_or(Sealed::Others)?;
    if !hmac_is(&derived(&file_key, &[], b"header"), header.signed, &header.mac) {
        return Err(Sealed::Damaged("its header was changed"));
    }
    let (nonce, payload) = header.payload.split_at_checked(16).ok_or(Sealed::Damaged("it is cut off"))?;
    if payload.len() < TAG || payload.len() > CHUNK + TAG {
        return Err(Sealed::Damaged("it has no data key's length"));
    }
    // The first chunk, which is the last one, too.
    let counter = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    opened(&derived(&file_key, nonce, b"payload"), &counter, payload).ok_or(Sealed::Damaged("it was changed"))
}

struct Stanza {
    share: [u8; 32],
    body: Vec<u8>,
}

struct Header<'b> {
    /// Those for X25519; whoever else can open the file is not asked.
    stanzas: Vec<Stanza>,
    /// What the MAC is over.
    signed: &'b [u8],
    mac: Vec<u8>,
    payload: &'b [u8],
}

impl<'b> Header<'b> {
    fn read(bytes: &'b [u8]) -> Result<Self, Sealed> {
        let wrong = Sealed::Damaged("its header is none of age");
        let mut at = 0;
        let mut line = || -> Option<(usize, &'b str)> {
            let rest = bytes.get(at..)?;
            let length = rest.iter().position(|byte| *byte == b'\n')?;
            let start = at;
            at += length + 1;
            Some((start, std::str::from_utf8(&rest[..length]).ok()?))
        };
        if line().ok_or(wrong.clone())?.1 != VERSION {
            return Err(wrong);
        }
        let mut stanzas = Vec::new();
        loop {
            let (start, text) = line().ok_or(wrong.clone())?;
            if let Some(mac) = text.strip_prefix("--- ") {
                let mac = STANDARD_NO_PAD.decode(mac).map_err(|_| wrong.clone())?;
                let payload = &bytes[start + text.len() + 1..];
                return Ok(Self { stanzas, signed: &bytes[..start + 3], mac, payload });
            }
            let arguments: Vec<&str> = text.strip_prefix("-> ").ok_or(wrong.clone())?.split(' ').collect();
            let mut body = String::new();
            loop {
                let (_, text) = line().ok_or(wrong.clone())?;
                body.push_str(text);
                if text.len() != 64 {
                    break;
                }
            }
            let body = STANDARD_NO_PAD.decode(body).map_err(|_| wrong.clone())?;
            if let ["X25519", share] = arguments.as_slice() {
                let share = STANDARD_NO_PAD.decode(share).ok().and_then(|share| share.try_into().ok());
                stanzas.push(Stanza { share: share.ok_or(wrong.clone())?, body });
            }
        }
    }
}

fn unarmored(text: &str) -> Option<Vec<u8>> {
    let inner = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let base64: String = inner.split_ascii_whitespace().collect();
    STANDARD.decode(base64).ok()
}

/// A file key out of its wrap.
fn unwrapped(key: &[u8; 32], body: &[u8]) -> Option<Vec<u8>> {
    opened(key, &[0; 12], body).filter(|key| key.len() == 16)
}

fn opened(key: &[u8; 32], nonce: &[u8; 12], sealed: &[u8]) -> Option<Vec<u8>> {
    let (data, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG)?)?;
    decrypt_aead(Cipher::chacha20_poly1305(), key, Some(nonce), &[], data, tag).ok()
}

/// HKDF-SHA256 of one block.
fn derived(secret: &[u8], salt: &[u8], info: &[u8]) -> [u8; 32] {
    let extracted = authenticated(salt, &[secret]);
    authenticated(&extracted, &[info, &[1]])
}

fn authenticated(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { unreachable!("HMAC takes keys of any length") };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn hmac_is(key: &[u8], text: &[u8], expected: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { unreachable!("HMAC takes keys of any length") };
    mac.update(text);
    mac.verify_slice(expected).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_that_are_no_identities_are_told_apart() {
        let wrong = |text: &str| Identity::parse(text).err();
        assert_eq!(wrong("AGE-PLUGIN-YUBIKEY-1QYQ"), Some(NoIdentity::Other("an identity of a plugin")));
        assert_eq!(wrong("AGE-SECRET-KEY-PQ-1QYQ"), Some(NoIdentity::Other("a post-quantum identity")));
        for text in ["", "x", "AGE-SECRET-KEY-1QYQ", "age1535ek9a2fmakgd9uymc3glpmsgf8434swpg5xzn5f2rl0ma5eskqm6yq2u"] {
            assert_eq!(wrong(text), Some(NoIdentity::Unknown), "{text}");
        }
        let key = "AGE-SECRET-KEY-18LP5JWK28D8ZU3EXMWUDZ7V9QPTD3TDZ2CTWJ2FNDUDSSDJKCD4SZYMU32";
        let identity = Identity::parse(key).unwrap_or_else(|_| panic!("it is one"));
        assert_eq!(identity.recipient(), "age1535ek9a2fmakgd9uymc3glpmsgf8434swpg5xzn5f2rl0ma5eskqm6yq2u");
        assert_eq!(wrong(&key.to_ascii_lowercase()), Some(NoIdentity::Unknown));
    }

    proptest! {
        #[test]
        fn whatever_stands_in_the_armor_nothing_panics(
            stanzas in proptest::collection::vec("(-> (X25519 [A-Za-z0-9+/]{43}|[ -~]{0,20})\n[A-Za-z0-9+/]{0,64}\n?|[ -~]{0,10}\n)", 0..4),
            end in "(--- [A-Za-z0-9+/]{0,43}\n?)?",
            payload in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let mut bytes = format!("{VERSION}\n{}{end}", stanzas.concat()).into_bytes();
            bytes.extend(payload);
            let key = "AGE-SECRET-KEY-18LP5JWK28D8ZU3EXMWUDZ7V9QPTD3TDZ2CTWJ2FNDUDSSDJKCD4SZYMU32";
            let identities = [Identity::parse(key).unwrap_or_else(|_| panic!("it is one"))];
            let armored = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(bytes));
            prop_assert!(open(&armored, identities.iter()).is_err());
        }
    }
}
