//! Checksums, passwords, ciphers, keys and certificates, as sprig has them. What is random in them is drawn from the call's
//! [`Stream`](super::random::Stream), so that a render repeats itself where its surroundings want that: keys are searched for
//! in the stream (OpenSSL does the arithmetic), and signatures take no randomness of their own.

mod certificates;
mod ciphers;
mod der;
mod keys;
mod passwords;
mod pem;
mod primes;
mod sums;

#[cfg(test)]
mod tests;

use super::Surroundings;
use crate::template::FunctionTable;

pub(super) fn register(table: &mut FunctionTable, surroundings: &Surroundings) {
    sums::register(table);
    passwords::register(table, surroundings);
    ciphers::register(table, surroundings);
    keys::register(table, surroundings);
    certificates::register(table, surroundings);
}
