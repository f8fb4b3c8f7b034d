//! Random functions. The bytes come from [`Surroundings`]; a reconciler gives seeded ones, so that a render repeats itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use super::convert::{checked, to_i64};
use super::{Random, Surroundings, fixed};
use crate::template::{FuncError, FunctionTable, Type, Value};

/// Bytes that follow from a seed, the function and how many calls there were before: the same render gives the same bytes.
#[derive(Debug)]
pub struct Seeded {
    seed: Vec<u8>,
    calls: AtomicU64,
}

impl Seeded {
    /// From a seed; nobody who does not know it can foretell the bytes.
    #[must_use]
    pub fn new(seed: &[u8]) -> Self {
        Self { seed: seed.to_vec(), calls: AtomicU64::new(0) }
    }
}

impl Random for Seeded {
    fn fill(&self, function: &str, out: &mut [u8]) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        for (index, chunk) in (0u64..).zip(out.chunks_mut(32)) {
            let mut hash = Sha256::new();
            for part in [&self.seed[..], function.as_bytes(), &call.to_be_bytes(), &index.to_be_bytes()] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
            chunk.copy_from_slice(&hash.finalize()[..chunk.len()]);
        }
    }
}

const ALPHA: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const NUMERIC: &str = "0123456789";
const ALPHA_NUMERIC: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(super) fn register(table: &mut FunctionTable, surroundings: &Surroundings) {
    let printable: String = (' '..='~').collect();
    for (name, alphabet) in [
        ("randAlpha", ALPHA.to_owned()),
        ("randNumeric", NUMERIC.to_owned()),
        ("randAlphaNum", ALPHA_NUMERIC.to_owned()),
        ("randAscii", printable),
    ] {
        let random = Arc::clone(&surroundings.random);
        table.add(name, fixed(&[Type::Int]), move |_, a| {
            Ok(letters(&*random, name, alphabet.as_bytes(), &a[0])?.into())
        });
    }
    let random = Arc::clone(&surroundings.random);
    table.add("randBytes", fixed(&[Type::Int]), move |_, a| {
        if to_i64(&a[0]) < 0 {
            return Err("runtime error: makeslice: len out of range".into());
        }
        let mut bytes = vec![0; length(&a[0])?];
        random.fill("randBytes", &mut bytes);
        Ok(base64::engine::general_purpose::STANDARD.encode(bytes).into())
    });
    let random = Arc::clone(&surroundings.random);
    table.add("randInt", fixed(&[Type::Int, Type::Int]), move |_, a| {
        let (low, high) = (to_i64(&a[0]), to_i64(&a[1]));
        match high.checked_sub(low).and_then(|width| u64::try_from(width).ok()) {
            Some(width) if width > 0 => Ok(Value::Int(low + below(&*random, "randInt", width).cast_signed())),
            _ => Err("invalid argument to Intn".into()),
        }
    });
    let random = Arc::clone(&surroundings.random);
    table.add("uuidv4", fixed(&[]), move |_, _| {
        let mut bytes = [0; 16];
        random.fill("uuidv4", &mut bytes);
        Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().into())
    });
    let random = Arc::clone(&surroundings.random);
    table.add("shuffle", fixed(&[Type::String]), move |_, a| {
        let mut chars: Vec<char> = a[0].str().chars().collect();
        for end in (1..chars.len()).rev() {
            let other = below(&*random, "shuffle", end as u64 + 1);
            chars.swap(end, usize::try_from(other).unwrap_or(0));
        }
        Ok(chars.into_iter().collect::<String>().into())
    });
}

fn length(value: &Value) -> Result<usize, FuncError> {
    checked(usize::try_from(to_i64(value)).unwrap_or(0))
}

fn letters(random: &dyn Random, name: &str, alphabet: &[u8], count: &Value) -> Result<String, FuncError> {
    let count = length(count)?;
    let mut out = String::with_capacity(count);
    // Bytes past the last whole multiple of the alphabet would make its first letters more likely.
    let fair = 256 - 256 % alphabet.len();
    let mut bytes = vec![0; (count + 16).min(4096)];
    while out.len() < count {
        random.fill(name, &mut bytes);
        let usable = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        out.extend(usable.take(count - out.len()).map(|byte| char::from(alphabet[byte % alphabet.len()])));
    }
    Ok(out)
}

fn below(random: &dyn Random, name: &str, limit: u64) -> u64 {
    loop {
        let mut bytes = [0; 8];
        random.fill(name, &mut bytes);
        let drawn = u64::from_be_bytes(bytes);
        if drawn < u64::MAX - u64::MAX % limit {
            return drawn % limit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_texts() {
        let draw = |seed: &[u8]| letters(&Seeded::new(seed), "randAlpha", ALPHA.as_bytes(), &Value::Int(40)).unwrap();
        assert_eq!(draw(b"a"), draw(b"a"));
        assert_ne!(draw(b"a"), draw(b"b"));
        assert_eq!(draw(b"a").len(), 40);
        let random = Seeded::new(b"x");
        assert!((0..200).all(|_| below(&random, "randInt", 3) < 3));
    }
}
