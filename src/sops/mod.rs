//! Turns a file that SOPS has encrypted for age recipients into the values in it, in memory. `environment/` calls this with the
//! text of a `secrets.sops.yaml` and the keys that the command line has read; it reads no files, and no error of it holds a
//! value or a key.
//!
//! The formats are those of SOPS 3.11 and of age v1 (<https://age-encryption.org/v1>): each value is sealed with AES-256-GCM
//! under the file's data key, its path being authenticated with it; the data key is in the file, sealed for each recipient;
//! a MAC over all values, in their order, is sealed under the data key, too. Comments are no part of that.
//!
//! ```text
//! text ─ yaml ─▶ nodes ─ metadata ─▶ sealed data key ─ age ─▶ data key ─┐
//!                  └──────────────── walk, cipher ─────────────────────┴─▶ nodes, checked against the MAC
//! ```

mod age;
mod bech32;
mod cipher;
mod keys;
mod metadata;
mod rules;
mod shamir;
mod walk;

pub use keys::{KeySource, Keys};

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Position};
use crate::yaml::{self, Node, NodeValue};
use metadata::{METADATA, Metadata};

/// What an encrypted file holds.
#[derive(Clone)]
pub struct Decrypted {
    /// The values, each at the place of its ciphertext; without SOPS' own part.
    pub node: Node,
    /// The texts that were encrypted.
    pub secrets: BTreeSet<String>,
}

impl std::fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decrypted({} secrets)", self.secrets.len())
    }
}

/// Decrypts the text of `file`, and checks that nothing in it was changed since SOPS wrote it.
///
/// # Errors
/// With the place in the file: no YAML, nothing of SOPS in it, no key that opens it, a value that is not encrypted or was
/// changed. Not retryable: the file or the keys have to change.
fn decrypt(file: &str, text: &str, keys: &Keys) -> Result<Decrypted, Diagnostic> {
    let mut documents = yaml::parse_unmerged(text).map_err(|error| error.diagnostic_hidden(file))?.into_iter();
    let whole = documents.next();
    if let Some(second) = documents.next() {
        let message = "a file of secrets is one document, and another begins here";
        return Err(Diagnostic::new(file, message).at_hidden(second.start).hint("write one file for each"));
    }
    let mut node = whole.unwrap_or(Node { value: NodeValue::Null, start: START, end: START });
    let NodeValue::Map(pairs) = &mut node.value else {
        let message = format!("expected a map of encrypted values, found {}", node.kind());
        return Err(Diagnostic::new(file, message).at_hidden(node.start).hint(encrypt_hint(file)));
    };
    let Some(at) = pairs.iter().position(|(key, _)| key.as_str() == Some(METADATA)) else {
        let message = "this file is not encrypted, or was cut off: SOPS' part (`sops:`) is missing";
        return Err(Diagnostic::new(file, message).at_hidden(node.start).hint(encrypt_hint(file)));
    };
    let (key, part) = pairs.remove(at);
    let metadata = Metadata::read(file, key.start, &part)?;
    let data_key = keys.data_key(file, &metadata)?;
    walk::values(file, node, &metadata, &data_key)
}

/// The beginning of a file.
const START: Position = Position { line: 1, column: 1 };

fn encrypt_hint(file: &str) -> String {
    format!("encrypt it: sops encrypt --in-place {file}")
}
