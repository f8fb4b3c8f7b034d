//! The revisions that helm, or evenkeel in helm's format, has stored of a release: one Secret each, in the release's namespace.
//! `apply/` writes them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::connect::Cluster;
use super::error::ClusterError;
use crate::history::{
    ANNOTATION_DIGEST, LABEL_NAME, LABEL_OWNER, LABEL_STATUS, OWNER, Revision, SECRET_FIELD, Status, decode, labels_of,
    secret_name, version_of,
};
use crate::manifest::{Gvk, Object};

/// A revision as its Secret's metadata shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRevision {
    /// Its number.
    pub version: u32,
    /// What became of it.
    pub status: Status,
    /// The digest of its content, when evenkeel wrote it last.
    pub digest: Option<String>,
}

/// A revision and the version of its Secret: the precondition of the next write.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRevision {
    /// The revision.
    pub revision: Revision,
    /// The Secret's version.
    pub resource_version: String,
    /// The digest of its content, when evenkeel wrote it last.
    pub digest: Option<String>,
}

impl Cluster {
    /// The revisions of a release, the oldest first, from metadata alone. One request.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn history(&self, namespace: &str, release: &str) -> Result<Vec<StoredRevision>, ClusterError> {
        let resource = self.resource(&Gvk::new("v1", "Secret")).await?;
        let secrets = self.list_metadata(&resource, namespace, &selector(release)).await?;
        let mut found: Vec<StoredRevision> = secrets.iter().filter_map(|secret| stored(release, secret)).collect();
        found.sort_by_key(|stored| stored.version);
        Ok(found)
    }

    /// The revisions of every release in a namespace, each release's oldest first, from metadata alone. One request for each 500.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn histories(&self, namespace: &str) -> Result<BTreeMap<String, Vec<StoredRevision>>, ClusterError> {
        let resource = self.resource(&Gvk::new("v1", "Secret")).await?;
        let secrets = self.list_metadata(&resource, namespace, &format!("{LABEL_OWNER}={OWNER}")).await?;
        let mut found: BTreeMap<String, Vec<StoredRevision>> = BTreeMap::new();
        for secret in &secrets {
            let Some(release) = secret.label(LABEL_NAME) else { continue };
            found.entry(release.to_owned()).or_default().extend(stored(release, secret));
        }
        found.values_mut().for_each(|revisions| revisions.sort_by_key(|stored| stored.version));
        Ok(found)
    }

    /// One revision, whole; `None` when there is none of that number, or it cannot be read. One request.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn revision(
        &self,
        namespace: &str,
        release: &str,
        version: u32,
    ) -> Result<Option<ReadRevision>, ClusterError> {
        let resource = self.resource(&Gvk::new("v1", "Secret")).await?;
        let id = resource.id(namespace, &secret_name(release, version));
        Ok(self.get(&id, "v1").await?.as_ref().and_then(read))
    }

    /// Every revision of a release that can be read, whole, the oldest first. One request.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn revisions(&self, namespace: &str, release: &str) -> Result<Vec<ReadRevision>, ClusterError> {
        let resource = self.resource(&Gvk::new("v1", "Secret")).await?;
        let secrets = self.list(&resource, namespace, &selector(release)).await?;
        let own = secrets.iter().filter(|secret| version_of(release, secret.name()).is_some());
        let mut found: Vec<ReadRevision> = own.filter_map(read).collect();
        found.sort_by_key(|read| read.revision.version);
        Ok(found)
    }
}

/// A revision of a release, from the metadata of its Secret; `None` when that is another's.
fn stored(release: &str, secret: &Object) -> Option<StoredRevision> {
    Some(StoredRevision {
        version: version_of(release, secret.name())?,
        status: Status::of(secret.label(LABEL_STATUS).unwrap_or_default()),
        digest: secret.annotation(ANNOTATION_DIGEST).map(str::to_owned),
    })
}

fn selector(release: &str) -> String {
    format!("{LABEL_NAME}={release},{LABEL_OWNER}={OWNER}")
}

fn read(secret: &Object) -> Option<ReadRevision> {
    let text = secret.value().get("data").and_then(|d| d.get(SECRET_FIELD)).and_then(Value::as_str)?;
    let decoded = STANDARD.decode(text).map_err(|e| e.to_string());
    let decoded = decoded.and_then(|bytes| decode(&String::from_utf8_lossy(&bytes)).map_err(|e| e.to_string()));
    let mut revision = match decoded {
        Ok(revision) => revision,
        Err(error) => {
            tracing::warn!(secret = secret.name(), %error, "a revision cannot be read");
            return None;
        }
    };
    let labels = secret.value().pointer("/metadata/labels").and_then(Value::as_object);
    let labels: BTreeMap<String, String> = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    revision.labels = labels_of(&labels);
    Some(ReadRevision {
        revision,
        resource_version: secret.resource_version().to_owned(),
        digest: secret.annotation(ANNOTATION_DIGEST).map(str::to_owned),
    })
}
