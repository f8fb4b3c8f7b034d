//! `bcrypt`, `htpasswd`, and `derivePassword` (the Master Password algorithm).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::super::random::{Draw, Stream};
use super::super::{Surroundings, fixed};
use crate::template::{FunctionTable, Type, Value};

const S: Type = Type::String;

/// Go's default cost.
const COST: u32 = 10;

pub(super) fn register(table: &mut FunctionTable, surroundings: &Surroundings) {
    let draw = Draw::new(surroundings, "bcrypt");
    table.add("bcrypt", fixed(&[S]), move |ctx, a| Ok(hashed(a[0].str(), draw.stream(ctx)).into()));
    let draw = Draw::new(surroundings, "htpasswd");
    table.add("htpasswd", fixed(&[S, S]), move |ctx, a| {
        let (user, password) = (a[0].str(), a[1].str());
        if user.contains(':') {
            return Ok(format!("invalid username: {user}").into());
        }
        Ok(format!("{user}:{}", hashed(password, draw.stream(ctx))).into())
    });
    table.add("derivePassword", fixed(&[Type::Uint32, S, S, S, S]), |ctx, a| {
        let counter = match a[0] {
            Value::Uint(counter) => u32::try_from(counter).unwrap_or(u32::MAX),
            _ => 0,
        };
        // The derivation takes some 64 MiB and a tenth of a second.
        ctx.spend(100_000)?;
        if let Value::String(kind) = &a[1]
            && shapes(kind.as_str()).is_none()
        {
            return Ok(Value::String([b"cannot find password template ", kind.as_bytes()].concat().into()));
        }
        Ok(derived(counter, a[1].str(), a[2].str(), a[3].str(), a[4].str()).into())
    });
}

/// The hash, or sprig's text of the error.
fn hashed(password: &str, mut stream: Stream) -> String {
    let mut salt = [0; 16];
    stream.fill(&mut salt);
    if password.len() > 72 {
        return "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".to_owned();
    }
    match bcrypt::hash_with_salt(password, COST, salt) {
        Ok(parts) => parts.format_for_version(bcrypt::Version::TwoA),
        Err(error) => format!("failed to encrypt string with bcrypt: {error}"),
    }
}

const SEED: &str = "com.lyndir.masterpassword";

/// The shapes of a kind of password.
fn shapes(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        "long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        "medium" => &["CvcnoCvc", "CvcCvcno"],
        "short" => &["Cvcn"],
        "basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        "pin" => &["nnnn"],
        _ => return None,
    })
}

/// The characters that a letter of a shape stands for.
fn characters(letter: u8) -> &'static [u8] {
    match letter {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// A length as the algorithm writes it.
fn length(text: &str) -> [u8; 4] {
    u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes()
}

fn derived(counter: u32, kind: &str, password: &str, user: &str, site: &str) -> String {
    let Some(shapes) = shapes(kind) else { return String::new() };
    let salt = [SEED.as_bytes(), &length(user), user.as_bytes()].concat();
    let mut key = [0; 64];
    if let Err(error) = openssl::pkcs5::scrypt(password.as_bytes(), &salt, 32_768, 8, 2, 128 << 20, &mut key) {
        return format!("failed to derive password: {error}");
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    for part in [SEED.as_bytes(), &length(site), site.as_bytes(), &counter.to_be_bytes()] {
        mac.update(part);
    }
    let seed = mac.finalize().into_bytes();
    let shape = shapes[usize::from(seed[0]) % shapes.len()];
    let letters = shape.bytes().zip(&seed[1..]).map(|(letter, drawn)| {
        let characters = characters(letter);
        char::from(characters[usize::from(*drawn) % characters.len()])
    });
    letters.collect()
}
