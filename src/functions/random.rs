//! Random functions, and the streams that they and the makers of keys draw from. What a stream gives follows from a seed that
//! [`Surroundings`] have for the call; a reconciler's seeds are the same for every render.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use super::convert::{checked, to_i64};
use super::{Random, Surroundings, fixed};
use crate::template::{Context, FuncError, FunctionTable, Type, Value};

/// Seeds that follow from a key, the place of the call in its template, and how often that call was made before in the render:
/// the same render draws the same, and a call that is new in a template changes none of the others. Made anew for each render.
#[derive(Debug)]
pub struct Seeded {
    key: Vec<u8>,
    calls: Mutex<HashMap<String, u64>>,
}

impl Seeded {
    /// From a key; nobody who does not know it can foretell what is drawn.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self { key: key.to_vec(), calls: Mutex::default() }
    }
}

impl Random for Seeded {
    fn seed(&self, site: &str) -> [u8; 32] {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let before = calls.entry(site.to_owned()).or_default();
        let mut seed = Sha256::new();
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) {
            mac.update(site.as_bytes());
            mac.update(&before.to_be_bytes());
            seed.update(mac.finalize().into_bytes());
        }
        *before += 1;
        seed.finalize().into()
    }

    fn is_sticky(&self) -> bool {
        true
    }
}

/// What one function draws from.
pub(super) struct Draw {
    random: Arc<dyn Random>,
    function: &'static str,
}

impl Draw {
    pub(super) fn new(surroundings: &Surroundings, function: &'static str) -> Self {
        Self { random: Arc::clone(&surroundings.random), function }
    }

    /// The stream of the call that is being made.
    pub(super) fn stream(&self, ctx: &Context<'_>) -> Stream {
        Stream::new(self.random.seed(&format!("{}\0{}", self.function, ctx.call_site())))
    }

    /// Whether another render draws the same.
    pub(super) fn is_sticky(&self) -> bool {
        self.random.is_sticky()
    }
}

/// Any number of bytes that follow from a seed.
pub(super) struct Stream {
    seed: [u8; 32],
    blocks: u64,
    left: Vec<u8>,
}

impl Stream {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { seed, blocks: 0, left: Vec::new() }
    }

    /// Fills `out` with the next bytes.
    pub(super) fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            if self.left.is_empty() {
                let block = Sha256::new().chain_update(self.seed).chain_update(self.blocks.to_be_bytes()).finalize();
                self.blocks += 1;
                self.left.extend(block.iter().rev());
            }
            *byte = self.left.pop().unwrap_or(0);
        }
    }

    /// A number below `limit`, which is not 0.
    fn below(&mut self, limit: u64) -> u64 {
        loop {
            let mut bytes = [0; 8];
            self.fill(&mut bytes);
            let drawn = u64::from_be_bytes(bytes);
            if drawn < u64::MAX - u64::MAX % limit {
                return drawn % limit;
            }
        }
    }

    /// So many letters of an alphabet.
    fn letters(&mut self, alphabet: &[u8], count: usize) -> String {
        // Bytes past the last whole multiple of the alphabet would make its first letters more likely.
        let fair = 256 - 256 % alphabet.len();
        let mut out = String::with_capacity(count);
        while out.len() < count {
            let mut byte = [0];
            self.fill(&mut byte);
            let drawn = usize::from(byte[0]);
            if drawn < fair {
                out.push(char::from(alphabet[drawn % alphabet.len()]));
            }
        }
        out
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
        let draw = Draw::new(surroundings, name);
        table.add(name, fixed(&[Type::Int]), move |ctx, a| {
            // A negative count is an error that sprig drops.
            let count = checked(usize::try_from(to_i64(&a[0])).unwrap_or(0))?;
            ctx.spend(count as u64 / 16)?;
            Ok(draw.stream(ctx).letters(alphabet.as_bytes(), count).into())
        });
    }
    let draw = Draw::new(surroundings, "randBytes");
    table.add("randBytes", fixed(&[Type::Int]), move |ctx, a| {
        let count =
            usize::try_from(to_i64(&a[0])).map_err(|_| FuncError::new("runtime error: makeslice: len out of range"))?;
        let mut bytes = vec![0; checked(count)?];
        ctx.spend(count as u64 / 16)?;
        draw.stream(ctx).fill(&mut bytes);
        Ok(base64::engine::general_purpose::STANDARD.encode(bytes).into())
    });
    let draw = Draw::new(surroundings, "randInt");
    table.add("randInt", fixed(&[Type::Int, Type::Int]), move |ctx, a| {
        let (low, high) = (to_i64(&a[0]), to_i64(&a[1]));
        match high.checked_sub(low).and_then(|width| u64::try_from(width).ok()) {
            Some(width) if width > 0 => Ok(Value::Int(low + draw.stream(ctx).below(width).cast_signed())),
            _ => Err("invalid argument to Intn".into()),
        }
    });
    let draw = Draw::new(surroundings, "uuidv4");
    table.add("uuidv4", fixed(&[]), move |ctx, _| {
        let mut bytes = [0; 16];
        draw.stream(ctx).fill(&mut bytes);
        Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().into())
    });
    let draw = Draw::new(surroundings, "shuffle");
    table.add("shuffle", fixed(&[Type::String]), move |ctx, a| {
        let mut stream = draw.stream(ctx);
        let mut chars: Vec<char> = a[0].str().chars().collect();
        for end in (1..chars.len()).rev() {
            let other = stream.below(end as u64 + 1);
            chars.swap(end, usize::try_from(other).unwrap_or(0));
        }
        Ok(chars.into_iter().collect::<String>().into())
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Dialect, Engine, Limits, MissingKey, Set};

    #[test]
    fn streams_follow_from_their_seeds() {
        let draw = |seed: u8| Stream::new([seed; 32]).letters(ALPHA.as_bytes(), 40);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let mut stream = Stream::new([0; 32]);
        assert!((0..200).all(|_| stream.below(3) < 3));
        let (mut whole, mut parts) = ([0; 70], [0; 70]);
        Stream::new([3; 32]).fill(&mut whole);
        let mut stream = Stream::new([3; 32]);
        parts.chunks_mut(7).for_each(|part| stream.fill(part));
        assert_eq!(whole, parts);
    }

    /// What a chart of these templates renders, with the key given.
    fn rendered(key: &[u8], templates: &[(&str, &str)], main: &str) -> Vec<String> {
        let surroundings = Surroundings { random: Arc::new(Seeded::new(key)), ..Surroundings::default() };
        let mut table = FunctionTable::new();
        super::super::register(&mut table, &surroundings);
        let mut set = Set::named("gotpl", Dialect::Go1_23);
        for (name, text) in templates {
            set.parse(name, text, &table).unwrap();
        }
        let mut engine = Engine::new(&set, &table, MissingKey::Zero, Limits::default());
        engine.execute(main, Value::Nil).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_new_call_changes_no_other() {
        let helpers = ("_h", r#"{{ define "password" }}{{ randAlphaNum 12 }}{{ end }}"#);
        let before = "a: {{ randAlphaNum 12 }}\nb: {{ include \"password\" . }}\nc: {{ include \"password\" . }}\n";
        let after = format!("new: {{{{ randAlphaNum 12 }}}}\nmore: {{{{ include \"password\" . }}}}\n{before}");
        let before = rendered(b"key", &[helpers, ("t", before)], "t");
        let after = rendered(b"key", &[helpers, ("t", &after)], "t");
        assert_eq!(before, after[2..]);
        let mut all = after.clone();
        all.sort_by_key(|line| line.split(": ").last().map(str::to_owned));
        all.dedup_by_key(|line| line.split(": ").last().map(str::to_owned));
        assert_eq!(all.len(), after.len(), "each call draws its own: {after:?}");
    }

    #[test]
    fn one_call_made_often_draws_anew() {
        let text = "{{ range until 3 }}{{ randAlphaNum 12 }}\n{{ end }}{{ randAlphaNum 12 }}";
        let drawn = rendered(b"key", &[("t", text)], "t");
        assert_eq!(drawn, rendered(b"key", &[("t", text)], "t"));
        assert_ne!(drawn, rendered(b"other", &[("t", text)], "t"));
        let distinct: std::collections::BTreeSet<&String> = drawn.iter().collect();
        assert_eq!(distinct.len(), 4);
    }
}
