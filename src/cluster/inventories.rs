//! The versions of all inventories, from one metadata-only watch: who else has written one, another daemon or somebody's command, is
//! known without asking. Marks alone would not do: a field that is written twice in our name within a second looks as before.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde::Deserialize;

use super::connect::Cluster;
use super::error::ClusterError;
use super::store::LABEL_INVENTORY;
use super::watch::{Scope, Sink, follow};
use crate::manifest::{ANNOTATION_OWNER, Gvk};

/// An inventory's metadata.
#[derive(Debug, Clone, Deserialize)]
struct Metadata {
    metadata: Fields,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    resource_version: String,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

/// Told of an inventory's environment, release and version; none when it is gone.
type Tell<'a> = dyn Fn(&str, &str, Option<&str>) + Send + Sync + 'a;

impl Cluster {
    /// Tells of every inventory, and whenever one is written. One watch; never ends by itself.
    ///
    /// # Errors
    /// When the server cannot be asked for its kinds.
    pub async fn follow_inventories(&self, tell: &Tell<'_>) -> Result<(), ClusterError> {
        let resource = self.resource(&Gvk::new("v1", "ConfigMap")).await?;
        let scope = Scope {
            resource,
            namespace: self.system_namespace().to_owned(),
            labels: LABEL_INVENTORY.to_owned(),
            fields: String::new(),
            metadata: true,
        };
        let mut sink = Versions { tell, known: BTreeSet::new(), listed: BTreeSet::new() };
        follow::<Metadata>(self, &scope, &mut sink).await;
        Ok(())
    }
}

struct Versions<'a> {
    tell: &'a Tell<'a>,
    known: BTreeSet<(String, String)>,
    listed: BTreeSet<(String, String)>,
}

impl Versions<'_> {
    fn told(&mut self, item: &Metadata) -> Option<(String, String)> {
        let (environment, release) = item.metadata.annotations.get(ANNOTATION_OWNER)?.split_once('/')?;
        (self.tell)(environment, release, Some(&item.metadata.resource_version));
        let key = (environment.to_owned(), release.to_owned());
        self.known.insert(key.clone());
        Some(key)
    }
}

impl Sink<Metadata> for Versions<'_> {
    fn relist(&mut self) {
        self.listed.clear();
    }

    fn listed(&mut self, item: Metadata) {
        let key = self.told(&item);
        self.listed.extend(key);
    }

    fn complete(&mut self) -> ControlFlow<()> {
        let gone: Vec<_> = self.known.difference(&self.listed).cloned().collect();
        gone.iter().for_each(|(environment, release)| (self.tell)(environment, release, None));
        self.known = std::mem::take(&mut self.listed);
        ControlFlow::Continue(())
    }

    fn changed(&mut self, item: Metadata) -> ControlFlow<()> {
        self.told(&item);
        ControlFlow::Continue(())
    }

    fn deleted(&mut self, item: Metadata) -> ControlFlow<()> {
        if let Some((environment, release)) = self.told(&item) {
            (self.tell)(&environment, &release, None);
            self.known.remove(&(environment, release));
        }
        ControlFlow::Continue(())
    }

    fn resumed(&mut self) {}

    fn lost(&mut self, error: &ClusterError) {
        tracing::debug!(%error, "inventories cannot be followed; trying again until they can");
    }
}
