//! Numbers from a stream: primes for keys, and scalars below a bound.

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::error::ErrorStack;

use super::super::random::Stream;

/// Fermat's fourth number, the public exponent of every RSA key.
pub(super) const EXPONENT: u32 = 65_537;

/// A number of exactly this many bits (whole bytes), its two highest bits set: the product of two has twice as many.
fn drawn(stream: &mut Stream, bits: usize) -> Result<BigNum, ErrorStack> {
    let mut bytes = vec![0; bits / 8];
    stream.fill(&mut bytes);
    if let Some(first) = bytes.first_mut() {
        *first |= 0xc0;
    }
    BigNum::from_slice(&bytes)
}

/// The next prime of this many bits for RSA: one less than it has no factor in common with [`EXPONENT`].
pub(super) fn for_rsa(stream: &mut Stream, bits: usize) -> Result<BigNum, ErrorStack> {
    let mut ctx = BigNumContext::new()?;
    loop {
        let mut candidate = drawn(stream, bits)?;
        candidate.set_bit(0)?;
        while candidate.num_bits() == i32::try_from(bits).unwrap_or(i32::MAX) {
            if candidate.mod_word(EXPONENT)? != 1 && candidate.is_prime_fasttest(0, &mut ctx, true)? {
                return Ok(candidate);
            }
            candidate.add_word(2)?;
        }
    }
}

/// The parameters of DSA: q of 256 bits, p of 2048 bits with q in p-1, and a generator of the subgroup of size q.
pub(super) fn for_dsa(stream: &mut Stream) -> Result<(BigNum, BigNum, BigNum), ErrorStack> {
    let mut ctx = BigNumContext::new()?;
    let mut q = drawn(stream, 256)?;
    q.set_bit(0)?;
    while !q.is_prime_fasttest(0, &mut ctx, true)? {
        q.add_word(2)?;
    }
    let mut step = BigNum::new()?;
    step.lshift1(&q)?;
    let p = loop {
        let start = drawn(stream, 2048)?;
        let (mut rest, mut even) = (BigNum::new()?, BigNum::new()?);
        rest.nnmod(&start, &step, &mut ctx)?;
        even.checked_sub(&start, &rest)?;
        even.add_word(1)?;
        if even.num_bits() == 2048 && even.is_prime_fasttest(0, &mut ctx, true)? {
            break even;
        }
    };
    let (mut below, mut power, mut g) = (BigNum::new()?, BigNum::new()?, BigNum::new()?);
    below.checked_sub(&p, &*BigNum::from_u32(1)?)?;
    power.checked_div(&below, &q, &mut ctx)?;
    let mut base = 2;
    loop {
        g.mod_exp(&*BigNum::from_u32(base)?, &power, &p, &mut ctx)?;
        if g.num_bits() > 1 {
            return Ok((p, q, g));
        }
        base += 1;
    }
}

/// A number from 1 to `limit` - 1.
pub(super) fn below(stream: &mut Stream, limit: &BigNumRef) -> Result<BigNum, ErrorStack> {
    let mut bytes = vec![0; usize::try_from(limit.num_bytes()).unwrap_or(0)];
    loop {
        stream.fill(&mut bytes);
        let number = BigNum::from_slice(&bytes)?;
        if number.num_bits() > 0 && number.ucmp(limit).is_lt() {
            return Ok(number);
        }
    }
}
