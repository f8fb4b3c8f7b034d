//! What a release owns in the cluster: written before and after every apply, so that it names every object at any time,
//! and read once after a restart instead of reading the objects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ObjectId;

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
    /// The objects by identity.
    pub objects: BTreeMap<ObjectId, Applied>,
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
