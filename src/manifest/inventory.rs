//! What a release owns in the cluster: written before and after every apply, so that it names every object at any time,
//! and read once after a restart instead of reading the objects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Lifecycle, ObjectId};

/// One object of an inventory, as it was when it was applied last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Applied {
    /// The API version that it was applied with.
    #[serde(rename = "v")]
    pub version: String,
    /// The UID that the server gave; empty while the apply is under way. The precondition of every deletion.
    #[serde(rename = "u", default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The hash of the desired object, hexadecimal.
    #[serde(rename = "h", default, skip_serializing_if = "String::is_empty")]
    pub desired: String,
    /// The mark that our managed-fields entry had after the apply: while the live one is equal, nobody took a field from us.
    #[serde(rename = "m", default, skip_serializing_if = "String::is_empty")]
    pub mark: String,
    /// Whether the chart asks to keep the object (`helm.sh/resource-policy: keep`, `evenkeel.dev/prune: never`).
    #[serde(rename = "k", default, skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
    /// Whether fields were let be in the apply: once nobody else is to have them, they are looked at again.
    #[serde(rename = "l", default, skip_serializing_if = "std::ops::Not::not")]
    pub let_be: bool,
}

/// What became of what was applied last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// It was applied, or is being applied, and has not been seen ready.
    Waiting,
    /// It was seen ready.
    Ready,
    /// It did not become ready, or was refused.
    Failed,
}

/// What became of a release's last change: survives a restart, so that a wait goes on and a failure is not forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What became of it.
    #[serde(rename = "s")]
    pub standing: Standing,
    /// Since when, RFC 3339 in UTC.
    #[serde(rename = "t")]
    pub since: String,
    /// The revision that it is about.
    #[serde(rename = "r")]
    pub revision: String,
    /// The digest of the desired objects that it is about.
    #[serde(rename = "d")]
    pub digest: String,
    /// Why it failed, secrets masked; empty otherwise.
    #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
}

/// Everything that one release owns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Inventory {
    /// The environment.
    pub environment: String,
    /// The release.
    pub release: String,
    /// The namespace that the release is installed into.
    pub namespace: String,
    /// The revision that was applied last, empty before the first apply ended.
    #[serde(default)]
    pub revision: String,
    /// The revision that was seen ready last, empty before one was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub good: String,
    /// The user that its objects are written as, empty for evenkeel's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// What became of the last change; none before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The objects by identity.
    pub objects: BTreeMap<ObjectId, Applied>,
    /// How far the release is in its life; none before evenkeel wrote a revision of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
}

/// A stored inventory that cannot be read. Not retryable; nothing of the release is pruned while it lasts.
#[derive(Debug, thiserror::Error)]
#[error("the inventory is damaged")]
pub struct InventoryError(#[from] serde_json::Error);

impl Inventory {
    /// An empty inventory.
    #[must_use]
    pub fn new(environment: &str, release: &str, namespace: &str) -> Self {
        Self {
            environment: environment.to_owned(),
            release: release.to_owned(),
            namespace: namespace.to_owned(),
            ..Self::default()
        }
    }

    /// As it is stored: JSON with short keys, in order.
    ///
    /// # Errors
    /// Never for an inventory that was made here; a serializer's error otherwise.
    pub fn to_json(&self) -> Result<String, InventoryError> {
        Ok(serde_json::to_string(self)?)
    }

    /// Reads what [`Inventory::to_json`] wrote.
    ///
    /// # Errors
    /// When the text is not an inventory.
    pub fn from_json(text: &str) -> Result<Self, InventoryError> {
        Ok(serde_json::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_storage() {
        let mut inventory = Inventory::new("production", "clipper", "clipper-production");
        let id: ObjectId = "apps/Deployment/clipper-production/backend".parse().unwrap();
        inventory
            .objects
            .insert(id, Applied { version: "v1".into(), uid: "u".into(), keep: true, ..Applied::default() });
        assert_eq!(Inventory::from_json(&inventory.to_json().unwrap()).unwrap(), inventory);
        assert!(Inventory::from_json("{}").is_err());
    }
}
