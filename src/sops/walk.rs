//! The values of a file, opened one by one in their order, and the MAC over them.

use std::collections::BTreeSet;

use openssl::sha::Sha512;

use super::Decrypted;
use super::cipher::{self, Fault, KEY};
use super::metadata::Metadata;
use crate::diagnostic::{Diagnostic, Position};
use crate::yaml::{Node, NodeValue};

/// What a MAC over the encrypted values alone begins with: SHA-256 of `sops`.
const ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b,
    0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// Opens all values below `node`, and holds them against the MAC.
pub(super) fn values(
    file: &str,
    mut node: Node,
    metadata: &Metadata,
    key: &[u8; KEY],
) -> Result<Decrypted, Diagnostic> {
    let mut walk = Walk { file, metadata, key, path: Vec::new(), hash: Sha512::new(), secrets: BTreeSet::new() };
    if metadata.mac_only_encrypted {
        walk.hash.update(&ONLY_ENCRYPTED);
    }
    walk.node(&mut node)?;
    walk.check()?;
    let secrets = walk.secrets;
    merge(&mut node);
    Ok(Decrypted { node, secrets })
}

struct Walk<'a> {
    file: &'a str,
    metadata: &'a Metadata,
    key: &'a [u8; KEY],
    /// The keys that lead here; places in lists are no part of it.
    path: Vec<String>,
    hash: Sha512,
    secrets: BTreeSet<String>,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node) -> Result<(), Diagnostic> {
        match &mut node.value {
            NodeValue::Map(pairs) => {
                for (key, value) in pairs {
                    let Some(name) = key.as_str() else {
                        return Err(self.wrong(key.start, "SOPS takes texts alone as keys").hint("put it in quotes"));
                    };
                    self.path.push(name.to_owned());
                    self.node(value)?;
                    self.path.pop();
                }
                Ok(())
            }
            NodeValue::Seq(items) => {
                for mut item in std::mem::take(items) {
                    if !self.is_comment(&item)? {
                        self.node(&mut item)?;
                        items.push(item);
                    }
                }
                Ok(())
            }
            NodeValue::Null => Ok(()),
            _ => self.leaf(node),
        }
    }

    /// Whether an item of a list is a comment: SOPS writes those between items so.
    fn is_comment(&self, item: &Node) -> Result<bool, Diagnostic> {
        let encrypted = self.metadata.rule.encrypted(&self.path);
        let Some(text) = item.as_str().filter(|text| encrypted != Some(false) && cipher::is_comment(text)) else {
            return Ok(false);
        };
        match cipher::open_bytes(text, self.key, &self.authenticated()) {
            Ok(_) => Ok(true),
            Err(_) if encrypted.is_none() => Ok(false),
            Err(fault) => Err(self.fault(item.start, fault)),
        }
    }

    fn leaf(&mut self, node: &mut Node) -> Result<(), Diagnostic> {
        let encrypted = self.metadata.rule.encrypted(&self.path);
        let opened = match (encrypted, node.as_str()) {
            (Some(false), _) => None,
            // That nothing is set is nothing to encrypt.
            (_, Some("")) => return Ok(()),
            (encrypted, text) => match cipher::open(text.unwrap_or_default(), self.key, &self.authenticated()) {
                Ok(opened) => Some(opened),
                Err(_) if encrypted.is_none() => None,
                Err(fault) => return Err(self.fault(node.start, fault)),
            },
        };
        match opened {
            Some(opened) => {
                self.hash.update(&opened.bytes);
                if let Some(text) = secret(&opened.value) {
                    self.secrets.insert(text);
                }
                node.value = opened.value;
            }
            None if self.metadata.mac_only_encrypted => {}
            None => self.hash.update(cipher::hashed(&node.value).unwrap_or_default().as_bytes()),
        }
        Ok(())
    }

    /// What is authenticated with a value.
    fn authenticated(&self) -> String {
        let mut path = self.path.join(":");
        path.push(':');
        path
    }

    fn check(&mut self) -> Result<(), Diagnostic> {
        let (sealed, at) = &self.metadata.mac;
        let written = cipher::open_bytes(sealed, self.key, &self.metadata.last_modified);
        let Ok((written, _)) = written else {
            let message = "the file was changed since SOPS wrote it: its MAC or `lastmodified` is another one";
            return Err(self.wrong(*at, message).hint(EDIT));
        };
        let computed = std::mem::replace(&mut self.hash, Sha512::new()).finish();
        let computed: String = computed.iter().map(|byte| format!("{byte:02X}")).collect();
        if written == computed.as_bytes() {
            return Ok(());
        }
        let message = "the file was changed since SOPS wrote it: its MAC is of other values";
        Err(self.wrong(*at, message).hint(EDIT))
    }

    fn wrong(&self, at: Position, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.file, message).at_hidden(at)
    }

    fn fault(&self, at: Position, fault: Fault) -> Diagnostic {
        let key = self.path.join(".");
        let message = match fault {
            Fault::NotSealed => format!("`{key}` is not encrypted, and should be"),
            Fault::Malformed => format!("what is encrypted at `{key}` was damaged"),
            Fault::Changed => format!("`{key}` was changed since SOPS wrote it, or was encrypted for another place"),
            Fault::Type => format!("`{key}` is encrypted with a type that SOPS 3.11 does not have"),
            Fault::Value => format!("what is encrypted at `{key}` is not of the type that it says"),
        };
        self.wrong(at, message).hint(EDIT)
    }
}

const EDIT: &str = "bring back the file that SOPS wrote, and change it with `sops edit` or `sops set`";

/// The text to look for where a value must not stand.
fn secret(value: &NodeValue) -> Option<String> {
    match value {
        NodeValue::Bool(_) => None,
        other => cipher::hashed(other),
    }
}

/// Puts what merge keys (`<<`) bring beside the keys of their maps, as readers of the plain file do.
fn merge(node: &mut Node) {
    match &mut node.value {
        NodeValue::Seq(items) => items.iter_mut().for_each(merge),
        NodeValue::Map(pairs) => {
            pairs.iter_mut().for_each(|(_, value)| merge(value));
            while let Some(at) = pairs.iter().position(|(key, _)| key.as_str() == Some("<<")) {
                let (_, merged) = pairs.remove(at);
                let maps = match merged.value {
                    NodeValue::Map(map) => vec![map],
                    NodeValue::Seq(items) => items.into_iter().map(|item| item.pairs().to_vec()).collect(),
                    _ => Vec::new(),
                };
                for (key, value) in maps.into_iter().flatten() {
                    if !pairs.iter().any(|(known, _)| known.value == key.value) {
                        pairs.push((key, value));
                    }
                }
            }
        }
        _ => {}
    }
}
