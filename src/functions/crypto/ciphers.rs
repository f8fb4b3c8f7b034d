//! `encryptAES` and `decryptAES`: AES-256 in CBC mode, the vector in front, the password filled up with zeros.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::symm::{Cipher, Crypter, Mode};

use super::super::encoding::{decode64, raw};
use super::super::random::Draw;
use super::super::{Surroundings, fixed};
use crate::template::{FuncError, FunctionTable, Str, Type};

const S: Type = Type::String;

/// Bytes of a block.
const BLOCK: usize = 16;

pub(super) fn register(table: &mut FunctionTable, surroundings: &Surroundings) {
    let draw = Draw::new(surroundings, "encryptAES");
    table.add("encryptAES", fixed(&[S, S]), move |ctx, a| {
        let text = raw(&a[1]);
        if text.is_empty() {
            return Ok("".into());
        }
        let mut vector = [0; BLOCK];
        draw.stream(ctx).fill(&mut vector);
        let padding = BLOCK - text.len() % BLOCK;
        let padded = [text, &vec![u8::try_from(padding).unwrap_or(0); padding]].concat();
        let secret = run(Mode::Encrypt, raw(&a[0]), &vector, &padded)?;
        Ok(STANDARD.encode([&vector[..], &secret].concat()).into())
    });
    table.add("decryptAES", fixed(&[S, S]), |_, a| {
        if a[1].str().is_empty() {
            return Ok("".into());
        }
        let secret =
            decode64(raw(&a[1])).map_err(|at| FuncError::new(format!("illegal base64 data at input byte {at}")))?;
        let Some((vector, secret)) = secret.split_at_checked(BLOCK) else {
            let capacity = raw(&a[1]).len() / 4 * 3;
            return Err(format!("runtime error: slice bounds out of range [:16] with capacity {capacity}").into());
        };
        if secret.len() % BLOCK != 0 {
            return Err("crypto/cipher: input not full blocks".into());
        }
        let text = run(Mode::Decrypt, raw(&a[0]), vector, secret)?;
        let Some(padding) = text.last() else { return Err("runtime error: index out of range [-1]".into()) };
        match text.len().checked_sub(usize::from(*padding)) {
            Some(end) => Ok(Str::from(&text[..end]).into()),
            None => {
                let end = i64::from(*padding) - i64::try_from(text.len()).unwrap_or(0);
                Err(format!("runtime error: slice bounds out of range [:-{end}]").into())
            }
        }
    });
}

fn run(mode: Mode, password: &[u8], vector: &[u8], input: &[u8]) -> Result<Vec<u8>, FuncError> {
    let mut key = [0; 32];
    let used = password.len().min(key.len());
    key[..used].copy_from_slice(&password[..used]);
    let failed = |error: openssl::error::ErrorStack| FuncError::new(error.to_string());
    let mut crypter = Crypter::new(Cipher::aes_256_cbc(), mode, &key, Some(vector)).map_err(failed)?;
    crypter.pad(false);
    let mut out = vec![0; input.len() + BLOCK];
    let mut written = crypter.update(input, &mut out).map_err(failed)?;
    written += crypter.finalize(&mut out[written..]).map_err(failed)?;
    out.truncate(written);
    Ok(out)
}
