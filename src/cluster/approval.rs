//! The approval of a plan, as the cluster holds it: one ConfigMap an environment, in evenkeel's namespace. `apply/` writes it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::connect::Cluster;
use super::error::ClusterError;
use super::store::plain_name;
use super::watch::{Scope, Sink, follow};
use crate::manifest::Gvk;

/// Label of the ConfigMaps that hold approvals; its value is the environment.
pub const LABEL_APPROVAL: &str = "evenkeel.dev/approval";
/// The key of the content.
pub(crate) const APPROVAL_KEY: &str = "approval.json";

/// What somebody let happen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The digest of the changes that were looked at.
    pub digest: String,
    /// The revision that they came from.
    pub revision: String,
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// What Git wanted of each release: the digests of its desired objects, empty for one that left Git.
    pub releases: BTreeMap<String, String>,
    /// Whether it is being applied: what is left of it is approved then, too.
    #[serde(default)]
    pub begun: bool,
}

/// An approval with its stored version.
#[derive(Debug, Clone)]
pub struct StoredApproval {
    /// The approval.
    pub approval: Approval,
    /// The ConfigMap's version: the precondition of the next write.
    pub resource_version: String,
}

impl Cluster {
    /// The approval of an environment's changes; `None` when there is none, or when it cannot be read. One request.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn approval(&self, environment: &str) -> Result<Option<StoredApproval>, ClusterError> {
        let resource = self.resource(&Gvk::new("v1", "ConfigMap")).await?;
        let id = resource.id(self.system_namespace(), &approval_name(environment));
        let Some(object) = self.get(&id, "v1").await? else { return Ok(None) };
        let content = object.value().get("data").and_then(|d| d.get(APPROVAL_KEY)).and_then(Value::as_str);
        let read = content.map(serde_json::from_str::<Approval>);
        Ok(match read {
            Some(Ok(approval)) => {
                Some(StoredApproval { approval, resource_version: object.resource_version().to_owned() })
            }
            Some(Err(error)) => {
                tracing::warn!(%environment, %error, "the approval cannot be read; it counts as none");
                Some(StoredApproval {
                    approval: Approval::default(),
                    resource_version: object.resource_version().to_owned(),
                })
            }
            None => Some(StoredApproval {
                approval: Approval::default(),
                resource_version: object.resource_version().to_owned(),
            }),
        })
    }

    /// Tells whenever the approval of an environment may have changed. One watch; never ends by itself.
    ///
    /// # Errors
    /// When the server has no ConfigMaps.
    pub async fn follow_approval(
        &self,
        environment: &str,
        tell: &(dyn Fn() + Send + Sync),
    ) -> Result<(), ClusterError> {
        let resource = self.resource(&Gvk::new("v1", "ConfigMap")).await?;
        let scope = Scope {
            resource,
            namespace: self.system_namespace().to_owned(),
            labels: format!("{LABEL_APPROVAL}={environment}"),
            fields: String::new(),
            metadata: true,
        };
        follow::<Value>(self, &scope, &mut Told(tell)).await;
        Ok(())
    }
}

/// Tells of everything.
struct Told<'a>(&'a (dyn Fn() + Send + Sync));

impl Sink<Value> for Told<'_> {
    fn relist(&mut self) {}

    fn listed(&mut self, _: Value) {}

    fn complete(&mut self) -> ControlFlow<()> {
        (self.0)();
        ControlFlow::Continue(())
    }

    fn changed(&mut self, _: Value) -> ControlFlow<()> {
        self.complete()
    }

    fn deleted(&mut self, _: Value) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn resumed(&mut self) {}

    fn lost(&mut self, error: &ClusterError) {
        tracing::warn!(%error, "approvals cannot be followed; trying again until they can");
    }
}

/// The name of an environment's ConfigMap.
pub(crate) fn approval_name(environment: &str) -> String {
    plain_name("approval", &[environment])
}
