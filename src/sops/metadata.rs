//! SOPS' own part of a file: who can open it, which values are encrypted, the MAC.

use super::rules::Rule;
use crate::diagnostic::{Diagnostic, Position};
use crate::go::regexp;
use crate::yaml::{Node, NodeValue};

/// The key of it.
pub(super) const METADATA: &str = "sops";

/// Kinds of recipients other than age: their key, what they are called, and what tells one of them.
const OTHERS: &[(&str, &str, &[&str])] = &[
    ("kms", "AWS KMS", &["arn"]),
    ("gcp_kms", "GCP KMS", &["resource_id"]),
    ("hckms", "Huawei Cloud KMS", &["key_id"]),
    ("azure_kv", "Azure Key Vault", &["vault_url", "name"]),
    ("hc_vault", "Vault", &["vault_address", "engine_path", "key_name"]),
    ("pgp", "PGP", &["fp"]),
];

/// What a file says of itself.
#[derive(Debug)]
pub(super) struct Metadata {
    /// Where it stands.
    pub(super) place: Position,
    /// Who can open it. More than one group: each opens a share of the data key.
    pub(super) groups: Vec<Group>,
    /// How many shares make the data key.
    pub(super) threshold: usize,
    /// Which values are encrypted.
    pub(super) rule: Rule,
    /// Whether the MAC is over the encrypted values alone.
    pub(super) mac_only_encrypted: bool,
    /// The sealed MAC, and where it stands.
    pub(super) mac: (String, Position),
    /// When it was made, which is authenticated with the MAC.
    pub(super) last_modified: String,
}

/// Recipients that can each open the same thing.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) age: Vec<AgeKey>,
    /// Those of other kinds, for people.
    pub(super) others: Vec<String>,
}

/// A data key, or a share of one, sealed for an age recipient.
#[derive(Debug)]
pub(super) struct AgeKey {
    pub(super) recipient: String,
    pub(super) sealed: String,
    pub(super) place: Position,
}

impl Metadata {
    pub(super) fn read(file: &str, place: Position, node: &Node) -> Result<Self, Diagnostic> {
        let read = Reading { file };
        if !matches!(node.value, NodeValue::Map(_)) {
            return Err(read.wrong(place, format!("`{METADATA}` is SOPS' own part of the file, and no value")));
        }
        let mut groups = vec![read.group(node)?];
        if groups[0].is_empty() {
            groups.clear();
            for group in read.list(node, "key_groups")? {
                groups.push(read.group(group)?);
            }
        }
        if groups.iter().all(Group::is_empty) {
            return Err(read.wrong(place, "the file names nobody who could open it"));
        }
        let threshold = match node.get("shamir_threshold").map(|n| (&n.value, n.start)) {
            None | Some((NodeValue::Null, _)) => groups.len(),
            Some((NodeValue::Int(number), _)) if *number > 0 => usize::try_from(*number).unwrap_or(usize::MAX),
            Some((NodeValue::Int(0), _)) => groups.len(),
            Some((_, at)) => return Err(read.wrong(at, "`shamir_threshold` is no number")),
        };
        let (mac, at) = read.text(node, "mac")?.ok_or_else(|| read.wrong(place, "the file has no MAC (`mac`)"))?;
        let last_modified = read.text(node, "lastmodified")?.map(|(text, _)| text.to_owned()).unwrap_or_default();
        let mac_only_encrypted = match node.get("mac_only_encrypted").map(|n| (&n.value, n.start)) {
            None | Some((NodeValue::Null, _)) => false,
            Some((NodeValue::Bool(is), _)) => *is,
            Some((_, at)) => return Err(read.wrong(at, "`mac_only_encrypted` is neither true nor false")),
        };
        Ok(Self {
            place,
            groups,
            threshold,
            rule: read.rule(node)?,
            mac_only_encrypted,
            mac: (mac.to_owned(), at),
            last_modified,
        })
    }

    /// The age recipients of all groups.
    pub(super) fn recipients(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().flat_map(|group| group.age.iter().map(|key| key.recipient.as_str()))
    }

    /// The recipients of other kinds.
    pub(super) fn others(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().flat_map(|group| group.others.iter().map(String::as_str))
    }
}

impl Group {
    fn is_empty(&self) -> bool {
        self.age.is_empty() && self.others.is_empty()
    }
}

struct Reading<'f> {
    file: &'f str,
}

impl Reading<'_> {
    fn wrong(&self, at: Position, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.file, message).at_hidden(at)
    }

    fn text<'n>(&self, node: &'n Node, key: &str) -> Result<Option<(&'n str, Position)>, Diagnostic> {
        match node.get(key) {
            None => Ok(None),
            Some(found) if found.is_null() => Ok(None),
            Some(found) => {
                match found.as_str() {
                    Some("") => Ok(None),
                    Some(text) => Ok(Some((text, found.start))),
                    None => Err(self
                        .wrong(found.start, format!("`{METADATA}.{key}` is {}, and should be a text", found.kind()))),
                }
            }
        }
    }

    fn list<'n>(&self, node: &'n Node, key: &str) -> Result<&'n [Node], Diagnostic> {
        match node.get(key) {
            None => Ok(&[]),
            Some(found) => {
                match &found.value {
                    NodeValue::Null => Ok(&[]),
                    NodeValue::Seq(items) => Ok(items),
                    _ => Err(self
                        .wrong(found.start, format!("`{METADATA}.{key}` is {}, and should be a list", found.kind()))),
                }
            }
        }
    }

    fn group(&self, node: &Node) -> Result<Group, Diagnostic> {
        let mut group = Group::default();
        for item in self.list(node, "age")? {
            let recipient = self.text(item, "recipient")?.map(|(text, _)| text.to_owned()).unwrap_or_default();
            let Some((sealed, place)) = self.text(item, "enc")? else {
                return Err(self.wrong(item.start, "a recipient without its data key (`enc`)"));
            };
            group.age.push(AgeKey { recipient, sealed: sealed.to_owned(), place });
        }
        for (key, name, parts) in OTHERS {
            for item in self.list(node, key)? {
                let mut shown = (*name).to_owned();
                for part in *parts {
                    if let Some((text, _)) = self.text(item, part)? {
                        shown.push(' ');
                        shown.push_str(text);
                    }
                }
                group.others.push(shown);
            }
        }
        Ok(group)
    }

    fn rule(&self, node: &Node) -> Result<Rule, Diagnostic> {
        let mut found: Option<(&str, Rule)> = None;
        for key in [
            "unencrypted_suffix",
            "encrypted_suffix",
            "unencrypted_regex",
            "encrypted_regex",
            "unencrypted_comment_regex",
            "encrypted_comment_regex",
        ] {
            let Some((text, at)) = self.text(node, key)? else { continue };
            if let Some((other, _)) = found {
                return Err(self.wrong(at, format!("`{other}` and `{key}` exclude each other")));
            }
            let regex =
                || regexp::compile(text).map_err(|error| self.wrong(at, format!("`{METADATA}.{key}`: {error}")));
            let rule = match key {
                "unencrypted_suffix" => Rule::UnencryptedSuffix(text.to_owned()),
                "encrypted_suffix" => Rule::EncryptedSuffix(text.to_owned()),
                "unencrypted_regex" => Rule::UnencryptedRegex(regex()?),
                "encrypted_regex" => Rule::EncryptedRegex(regex()?),
                _ => Rule::Comments,
            };
            found = Some((key, rule));
        }
        Ok(found.map_or_else(Rule::usual, |(_, rule)| rule))
    }
}
