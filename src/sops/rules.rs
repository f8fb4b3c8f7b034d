//! Which values of a file are encrypted.

use regex::Regex;

/// What a file's metadata says of it: one rule at most.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// All but what stands below a key with this end.
    UnencryptedSuffix(String),
    /// Only what stands below a key with this end.
    EncryptedSuffix(String),
    /// All but what stands below a key that it matches.
    UnencryptedRegex(Regex),
    /// Only what stands below a key that it matches.
    EncryptedRegex(Regex),
    /// Comments say so. Which comment belongs to which value is not known here: what can be opened was encrypted, and the MAC
    /// tells whether anything else is as it was.
    Comments,
}

impl Rule {
    /// What is asked for where the metadata says nothing.
    pub(super) fn usual() -> Self {
        Self::UnencryptedSuffix("_unencrypted".to_owned())
    }

    /// Whether the value at a path is encrypted; `None` where only its looks can tell.
    pub(super) fn encrypted(&self, path: &[String]) -> Option<bool> {
        let any = |matches: &dyn Fn(&String) -> bool| path.iter().any(matches);
        Some(match self {
            Self::UnencryptedSuffix(end) => !any(&|key| key.ends_with(end.as_str())),
            Self::EncryptedSuffix(end) => any(&|key| key.ends_with(end.as_str())),
            Self::UnencryptedRegex(regex) => !any(&|key| regex.is_match(key)),
            Self::EncryptedRegex(regex) => any(&|key| regex.is_match(key)),
            Self::Comments => return None,
        })
    }
}
