//! The age keys at hand, where they were looked for, and what they have opened.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use openssl::sha::sha256;

use super::age::{self, Identity, NoIdentity, Sealed};
use super::cipher::KEY;
use super::metadata::{AgeKey, Group, Metadata};
use super::{Decrypted, shamir};
use crate::diagnostic::Diagnostic;

/// Files that are kept decrypted (limit: files of secrets kept); what is beyond is decrypted again.
const KEPT: usize = 1024;

/// A place where age keys may be.
pub struct KeySource {
    /// What it is called: `SOPS_AGE_KEY`, `SOPS_AGE_KEY_FILE (/etc/age/keys.txt)`.
    pub name: String,
    /// Its text, or why there is none.
    pub text: Result<String, String>,
}

/// The keys that files of secrets are opened with, read once where the process begins. Cheap to clone; the default has none.
#[derive(Clone, Default)]
pub struct Keys(Arc<Inner>);

#[derive(Default)]
struct Inner {
    identities: Vec<Identity>,
    /// The places that were looked in, and what was found there, for people.
    places: Vec<String>,
    /// What was decrypted, by the digest of name and text: the same file is not opened twice.
    opened: Mutex<HashMap<[u8; 32], Arc<Decrypted>>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.identities.len())
    }
}

impl Keys {
    /// The keys in these places, in age's format: one a line (or a word, where a text has one line), `#` for comments.
    #[must_use]
    pub fn read(sources: impl IntoIterator<Item = KeySource>) -> Self {
        let (mut identities, mut places) = (Vec::new(), Vec::new());
        for KeySource { name, text } in sources {
            let text = match text {
                Ok(text) => text,
                Err(why) => {
                    places.push(format!("{name}: {why}"));
                    continue;
                }
            };
            let (mut found, mut wrong) = (Vec::new(), Vec::new());
            for (number, line) in text.lines().enumerate() {
                if line.trim_start().starts_with('#') {
                    continue;
                }
                for word in line.split_ascii_whitespace() {
                    match Identity::parse(word) {
                        Ok(identity) => found.push(identity),
                        Err(NoIdentity::Other(what)) => {
                            wrong.push(format!("{what}, which is not supported, in line {}", number + 1));
                        }
                        Err(NoIdentity::Unknown) => wrong.push(format!("no age identity in line {}", number + 1)),
                    }
                }
            }
            // A line of a key in several words is still one mistake.
            wrong.dedup();
            let recipients: Vec<String> = found.iter().map(Identity::recipient).collect();
            let mut said =
                if recipients.is_empty() { Vec::new() } else { vec![format!("opens {}", recipients.join(", "))] };
            said.extend(wrong);
            if said.is_empty() {
                said.push("empty".to_owned());
            }
            places.push(format!("{name}: {}", said.join("; ")));
            identities.extend(found);
        }
        Self(Arc::new(Inner { identities, places, opened: Mutex::default() }))
    }

    /// What the text of an encrypted file holds. A file that was decrypted before is not decrypted again.
    ///
    /// # Errors
    /// As the format says: a located error without any value, key or line of the file.
    pub fn decrypt(&self, file: &str, text: &str) -> Result<Arc<Decrypted>, Diagnostic> {
        let digest = sha256(&[file.as_bytes(), b"\0", text.as_bytes()].concat());
        let known = || self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(&digest) {
            return Ok(Arc::clone(known));
        }
        let decrypted = Arc::new(super::decrypt(file, text, self)?);
        let mut known = known();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(digest, Arc::clone(&decrypted));
        Ok(decrypted)
    }

    /// The data key of a file.
    pub(super) fn data_key(&self, file: &str, metadata: &Metadata) -> Result<[u8; KEY], Diagnostic> {
        let mut shares = Vec::new();
        let mut damaged = None;
        for group in &metadata.groups {
            match self.share(group) {
                Ok(share) => shares.push(share),
                Err(Some((key, why))) => damaged = damaged.or(Some((key, why))),
                Err(None) => {}
            }
        }
        let wrong = |at, message: &str| Diagnostic::new(file, message).at_hidden(at);
        let key = match metadata.groups.len() {
            1 => shares.pop(),
            _ if shares.len() >= metadata.threshold => shamir::combined(&shares),
            _ => None,
        };
        match (key.map(TryInto::try_into), damaged) {
            (Some(Ok(key)), _) => Ok(key),
            (Some(Err(_)), _) => Err(wrong(metadata.place, "the data key of the file has a wrong length")),
            (None, Some((key, why))) => {
                let message = format!("the data key for {} cannot be opened: {why}", key.recipient);
                Err(wrong(key.place, &message).hint("bring back the file that SOPS wrote"))
            }
            (None, None) => Err(self.no_key(wrong(metadata.place, NO_KEY), metadata)),
        }
    }

    /// What a group's recipients can open; else the first that should have been opened, and why it was not.
    fn share<'g>(&self, group: &'g Group) -> Result<Vec<u8>, Option<(&'g AgeKey, &'static str)>> {
        let mut damaged = None;
        for key in &group.age {
            match age::open(&key.sealed, self.0.identities.iter()) {
                Ok(share) => return Ok(share),
                Err(Sealed::Damaged(why)) => damaged = damaged.or(Some((key, why))),
                Err(Sealed::Others) => {}
            }
        }
        Err(damaged)
    }

    fn no_key(&self, error: Diagnostic, metadata: &Metadata) -> Diagnostic {
        let list = |names: &mut dyn Iterator<Item = &str>| names.collect::<Vec<_>>().join(", ");
        let (age, others) = (list(&mut metadata.recipients()), list(&mut metadata.others()));
        let mut error = error;
        if !age.is_empty() {
            error = error.note(format!("encrypted for {age}"));
        }
        if !others.is_empty() {
            error = error.note(format!("encrypted for {others}, which evenkeel does not ask"));
        }
        if metadata.groups.len() > 1 {
            let (needed, all) = (metadata.threshold, metadata.groups.len());
            error = error.note(format!("its data key is shared: keys of {needed} of {all} groups are needed"));
        }
        for unsupported in metadata.recipients().filter_map(unsupported) {
            error = error.note(unsupported);
        }
        let error = self.0.places.iter().fold(error, |error, place| error.note(format!("looked in {place}")));
        if age.is_empty() {
            return error.hint("add an age recipient to it: sops rotate --in-place --add-age age1…");
        }
        error.hint("set SOPS_AGE_KEY_FILE to a file that holds the key of one of its age recipients")
    }
}

const NO_KEY: &str = "no age key at hand opens this file";

/// Recipients of age whose keys are not read.
fn unsupported(recipient: &str) -> Option<String> {
    let what = if recipient.starts_with("ssh-") {
        "an SSH key"
    } else if recipient.starts_with("age1pq1") {
        "a post-quantum key"
    } else if recipient.starts_with("age1") && recipient.matches('1').count() > 1 {
        "a key of a plugin"
    } else {
        return None;
    };
    let shown: String = recipient.chars().take(32).collect();
    Some(format!("{shown}… is {what}, which evenkeel cannot use"))
}
