//! The inventories in the cluster: one ConfigMap a release, in evenkeel's namespace, its content compressed. Reading those of
//! an environment is one list. `apply/` writes them.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::connect::Cluster;
use super::error::ClusterError;
use crate::manifest::{ANNOTATION_OWNER, Gvk, Inventory, Object};

/// Label of the ConfigMaps that hold inventories; its value is the environment.
pub const LABEL_INVENTORY: &str = "evenkeel.dev/inventory";
/// The key of the content.
pub(crate) const INVENTORY_KEY: &str = "inventory.json.gz";
/// What a ConfigMap may hold, in bytes of packed content: the server's own limit.
pub(crate) const MAX_STORED: usize = 1 << 20;
/// The largest inventory that is unpacked, in bytes of JSON.
const MAX_INVENTORY: u64 = 64 << 20;

/// An inventory as the cluster has it.
#[derive(Debug, Clone)]
pub struct StoredInventory {
    /// The environment.
    pub environment: String,
    /// The release.
    pub release: String,
    /// The ConfigMap's version: the precondition of the next write.
    pub resource_version: String,
    /// The content, or why it cannot be read. What cannot be read stops its own release: nothing of it may be pruned.
    pub content: Result<Inventory, String>,
}

impl Cluster {
    /// The inventories of an environment, by release. One request for each 500.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn inventories(&self, environment: &str) -> Result<Vec<StoredInventory>, ClusterError> {
        let resource = self.resource(&Gvk::new("v1", "ConfigMap")).await?;
        let selector = if environment.is_empty() {
            LABEL_INVENTORY.to_owned()
        } else {
            format!("{LABEL_INVENTORY}={environment}")
        };
        let objects = self.list(&resource, self.system_namespace(), &selector).await?;
        // A copy under another name, made as a backup, is no inventory.
        let original = |object: &&Object| {
            let stored = stored(object);
            let own = object.name() == inventory_name(&stored.environment, &stored.release);
            if !own {
                tracing::warn!(name = object.name(), "not under an inventory's name; not read as one");
            }
            own
        };
        let mut found: Vec<StoredInventory> = objects.iter().filter(original).map(stored).collect();
        found.sort_by(|a, b| (&a.environment, &a.release).cmp(&(&b.environment, &b.release)));
        Ok(found)
    }

    /// The inventory of one release; `None` when it was never applied. One request.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn inventory(&self, environment: &str, release: &str) -> Result<Option<StoredInventory>, ClusterError> {
        let resource = self.resource(&Gvk::new("v1", "ConfigMap")).await?;
        let id = resource.id(self.system_namespace(), &inventory_name(environment, release));
        Ok(self.get(&id, "v1").await?.as_ref().map(stored))
    }

    /// The stored version of a release's inventory; `None` when there is none. One request.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn inventory_version(&self, environment: &str, release: &str) -> Result<Option<String>, ClusterError> {
        let resource = self.resource(&Gvk::new("v1", "ConfigMap")).await?;
        let id = resource.id(self.system_namespace(), &inventory_name(environment, release));
        Ok(self.get_metadata(&id, "v1").await?.map(|object| object.resource_version().to_owned()))
    }
}

/// Reads a ConfigMap.
pub(crate) fn stored(object: &Object) -> StoredInventory {
    let packed = object.value().get("binaryData").and_then(|d| d.get(INVENTORY_KEY)).and_then(Value::as_str);
    let content = match packed {
        Some(packed) => unpack(packed),
        None => Err(format!("the ConfigMap has no `{INVENTORY_KEY}`")),
    };
    // Whose it is must be known even when the content is damaged.
    let owner = object.annotation(ANNOTATION_OWNER).unwrap_or_default();
    let (environment, release) = match &content {
        Ok(inventory) => (inventory.environment.clone(), inventory.release.clone()),
        Err(_) => {
            let (environment, release) = owner.split_once('/').unwrap_or_default();
            (environment.to_owned(), release.to_owned())
        }
    };
    StoredInventory { environment, release, resource_version: object.resource_version().to_owned(), content }
}

fn unpack(packed: &str) -> Result<Inventory, String> {
    let bytes = STANDARD.decode(packed).map_err(|e| e.to_string())?;
    let mut text = String::new();
    GzDecoder::new(&bytes[..]).take(MAX_INVENTORY).read_to_string(&mut text).map_err(|e| e.to_string())?;
    Inventory::from_json(&text).map_err(|e| {
        let cause = std::error::Error::source(&e).map(|c| format!(": {c}")).unwrap_or_default();
        format!("{e}{cause}")
    })
}

/// How many bytes more than the server takes an inventory is as it would be stored; `None` when it fits.
pub(crate) fn surplus(inventory: &Inventory) -> Result<Option<usize>, ClusterError> {
    // What cannot come near the limit is not packed for this: an entry that is packed well takes some 70 bytes, a bad one 500.
    if inventory.objects.len() < MAX_STORED / 512 {
        return Ok(None);
    }
    Ok(pack(inventory)?.len().checked_sub(MAX_STORED).filter(|surplus| *surplus > 0))
}

/// The content of an inventory as `binaryData` has it: gzip, base64. Equal inventories are equal bytes.
pub(crate) fn encode_inventory(inventory: &Inventory) -> Result<String, ClusterError> {
    Ok(STANDARD.encode(pack(inventory)?))
}

fn pack(inventory: &Inventory) -> Result<Vec<u8>, ClusterError> {
    let failed = |reason: String| ClusterError::Answer { request: "the inventory".to_owned(), reason };
    let json = inventory.to_json().map_err(|e| failed(e.to_string()))?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(json.as_bytes()).map_err(|e| failed(e.to_string()))?;
    encoder.finish().map_err(|e| failed(e.to_string()))
}

/// The name of a release's ConfigMap: readable where environment and release are DNS labels, a hash where they are not (two
/// pairs of dotted names could read alike).
pub(crate) fn inventory_name(environment: &str, release: &str) -> String {
    plain_name("inventory", &[environment, release])
}

/// A name made of parts: readable where they are DNS labels, a hash where they are not.
pub(super) fn plain_name(prefix: &str, parts: &[&str]) -> String {
    let label = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
    };
    let plain = format!("{prefix}.{}", parts.join("."));
    if parts.iter().all(|part| label(part)) && plain.len() <= 253 {
        return plain;
    }
    let digest = Sha256::digest(parts.join("/"));
    let hex: String = digest[..16].iter().map(|b| format!("{b:02x}")).collect();
    format!("{prefix}.{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Applied;
    use serde_json::json;

    fn config_map(content: &str) -> Object {
        Object::new(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "x", "resourceVersion": "7", "annotations": {ANNOTATION_OWNER: "production/clipper"}},
            "binaryData": {INVENTORY_KEY: content}}))
        .unwrap()
    }

    #[test]
    fn an_inventory_survives_the_cluster() {
        let mut inventory = Inventory::new("production", "clipper", "clipper");
        for i in 0..100 {
            let id = format!("apps/Deployment/clipper/backend-{i}").parse().unwrap();
            inventory.objects.insert(id, Applied { version: "v1".into(), ..Applied::default() });
        }
        let packed = encode_inventory(&inventory).unwrap();
        assert!(packed.len() < 1500, "{}", packed.len());
        let stored = stored(&config_map(&packed));
        assert_eq!(stored.content.unwrap(), inventory);
        assert_eq!((stored.release.as_str(), stored.resource_version.as_str()), ("clipper", "7"));
    }

    /// An inventory as large environments have them: names that differ, UIDs, hashes and marks that no packer makes smaller.
    fn large(objects: usize) -> Inventory {
        let mut inventory = Inventory::new("production", "platform", "platform-production");
        let kinds = [
            "apps/Deployment",
            "/Service",
            "/ConfigMap",
            "/Secret",
            "/ServiceAccount",
            "batch/CronJob",
            "networking.k8s.io/Ingress",
            "rbac.authorization.k8s.io/RoleBinding",
            "monitoring.coreos.com/ServiceMonitor",
        ];
        for i in 0..objects {
            let random = Sha256::digest(i.to_le_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>();
            let (kind, team) = (kinds[i % kinds.len()], i / 40);
            let id = format!("{kind}/team-{team}-production/{}-worker-{}", &random[..8], i / kinds.len());
            let (uid, more) = (uuid::Uuid::from_u128(u128::from_str_radix(&random[..32], 16).unwrap()), &random[32..]);
            let hash = Sha256::digest(more).iter().take(12).map(|b| format!("{b:02x}")).collect();
            let applied = Applied {
                version: "v1".into(),
                uid: uid.to_string(),
                desired: hash,
                mark: more[..16].into(),
                keep: false,
                let_be: false,
            };
            inventory.objects.insert(id.parse().unwrap(), applied);
        }
        inventory
    }

    #[test]
    fn five_thousand_objects_are_far_below_a_mebibyte() {
        let inventory = large(5_000);
        let packed = pack(&inventory).unwrap().len();
        println!("5,000 objects: {packed} bytes packed, {} of JSON", inventory.to_json().unwrap().len());
        assert!(packed < MAX_STORED * 2 / 5, "{packed}");
        assert_eq!(surplus(&inventory).unwrap(), None);
        assert!(encode_inventory(&inventory).unwrap().len() < MAX_STORED * 3 / 5, "as JSON carries it, too");
        assert!(surplus(&large(20_000)).unwrap().is_some(), "what does not fit is known before it is sent");
    }

    #[test]
    fn a_damaged_one_still_says_whose_it_is() {
        for damage in ["!", "AAAA", &STANDARD.encode(b"{}")] {
            let stored = stored(&config_map(damage));
            assert!(stored.content.is_err(), "{damage}");
            assert_eq!((stored.environment.as_str(), stored.release.as_str()), ("production", "clipper"));
        }
    }

    #[test]
    fn names_never_read_alike() {
        assert_eq!(inventory_name("production", "clipper"), "inventory.production.clipper");
        assert_ne!(inventory_name("a.b", "c"), inventory_name("a", "b.c"));
        assert!(inventory_name("Prod_1", "x").len() < 60);
    }
}
