//! What an environment is once its layers are merged: plain data for every later step.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;

use super::lock::{LockedChart, RemoteChart};
use super::policy::{Crds, Policies};
use crate::health::Rules;
use crate::manifest::Redactor;
use crate::values::Merged;

/// The cluster that an environment is deployed to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Target {
    /// Whatever the command line names: `--kubeconfig`, `--context`, KUBECONFIG, in-cluster (nothing is written).
    #[default]
    Default,
    /// The cluster that evenkeel runs in (`cluster: in-cluster`).
    InCluster,
    /// A context of the kubeconfig (`cluster: {context: NAME}`).
    Context(String),
}

/// Where to tell what happens in an environment (`notify`: a list of `{webhook, events}`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// The URL that is posted to.
    pub webhook: String,
    /// The events that are sent; empty: all.
    pub events: Vec<String>,
}

/// A text from the tree with its path from the tree's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// The path from the root of the repository.
    pub path: String,
    /// The content.
    pub text: String,
}

/// One environment at one revision.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The folder's name.
    pub name: String,
    /// The folder that holds the environments, from the tree's root.
    pub root: String,
    /// Only a layer for others: never deployed.
    pub is_abstract: bool,
    /// The layers that were merged, lowest first; the last is the environment itself.
    pub layers: Vec<String>,
    /// The cluster it belongs to.
    pub cluster: Target,
    /// The namespace of releases that name none.
    pub namespace: Option<String>,
    /// The policies of releases that override nothing.
    pub policies: Policies,
    /// The groups of releases in the order in which they are installed.
    pub order: Vec<String>,
    /// Who is told.
    pub notify: Vec<Notify>,
    /// Every enabled release by name: whole, or broken with the reasons.
    pub releases: Vec<Result<Release, BrokenRelease>>,
    /// The releases that are switched off (`enabled: false`), by name.
    pub disabled: Vec<String>,
    /// The names of `releases` (the broken too) in stages: every release of a stage may go at once, after all that
    /// it depends on in the stages before.
    pub stages: Vec<Vec<String>>,
    /// The group of every release of `releases` that has one, by the release's name.
    pub groups: BTreeMap<String, String>,
}

impl Environment {
    /// The release of that name.
    #[must_use]
    pub fn release(&self, name: &str) -> Option<&Result<Release, BrokenRelease>> {
        self.releases.iter().find(|release| match release {
            Ok(release) => release.name == name,
            Err(broken) => broken.name == name,
        })
    }

    /// The releases in the order in which they are installed.
    pub fn staged(&self) -> impl Iterator<Item = &Result<Release, BrokenRelease>> {
        self.stages.iter().flatten().filter_map(|name| self.release(name))
    }
}

/// A release that cannot be deployed as it is written. Nothing of it is applied or pruned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenRelease {
    /// The folder's name.
    pub name: String,
    /// What is wrong; never empty.
    pub diagnostics: Vec<Diagnostic>,
    /// Its chart from elsewhere, when that much can be read: it may only lack its lock.
    pub remote: Option<RemoteChart>,
}

/// Where a release's chart is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartSource {
    /// A folder of the repository.
    Folder(String),
    /// A packed chart in the repository.
    Archive {
        /// Its path.
        path: String,
        /// The version that it must have, or empty.
        version: String,
    },
    /// Elsewhere, locked.
    Locked(LockedChart),
    /// Elsewhere, not locked: in a layer that is never deployed.
    Unlocked(RemoteChart),
}

impl ChartSource {
    /// The folder of the repository.
    #[must_use]
    pub fn folder(&self) -> Option<&str> {
        match self {
            Self::Folder(path) => Some(path),
            _ => None,
        }
    }

    /// What tells charts apart: a path, or the digest of a lock.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Folder(path) | Self::Archive { path, .. } => path,
            Self::Locked(locked) => &locked.digest,
            Self::Unlocked(asked) => &asked.chart,
        }
    }

    /// What is asked for, of a chart from elsewhere.
    #[must_use]
    pub fn remote(&self) -> Option<&RemoteChart> {
        match self {
            Self::Locked(locked) => Some(&locked.asked),
            Self::Unlocked(asked) => Some(asked),
            Self::Folder(_) | Self::Archive { .. } => None,
        }
    }
}

/// One release of an environment, whole and ready to render.
#[derive(Debug, Clone)]
pub struct Release {
    /// The folder's name: the release's name within evenkeel.
    pub name: String,
    /// The environment's name.
    pub environment: String,
    /// Helm's release name (`releaseName`, else the folder's).
    pub release_name: String,
    /// The namespace it is installed to.
    pub namespace: String,
    /// Where its chart is; `None`: plain manifests only.
    pub chart: Option<ChartSource>,
    /// A digest of the chart's content, with the charts in the repository that it depends on; empty without a chart.
    pub chart_digest: String,
    /// Its group of the environment's `order`.
    pub group: Option<String>,
    /// The releases that must be ready before (by folder name).
    pub depends_on: Vec<String>,
    /// The policies in force.
    pub policies: Policies,
    /// What happens to the chart's CRDs.
    pub crds: Crds,
    /// The user that its objects are written as (`serviceAccount`, impersonated): `system:serviceaccount:NAMESPACE:NAME`.
    pub service_account: Option<String>,
    /// When objects of some kinds are ready, where the kinds' own rules do not say.
    pub health: Rules,
    /// The values of all layers, merged, with where each came from. The chart's own stand below them.
    pub values: Merged,
    /// Knows what was encrypted of the values, where anything was.
    pub secrets: Option<Arc<Redactor>>,
    /// Plain objects beside the chart (`manifests/*.yaml` of every layer, a higher layer's file replacing a lower's of the same name).
    pub manifests: Vec<SourceText>,
    /// The files that were read for it, in order of path, the chart's not included.
    pub files: Vec<String>,
    /// A digest over everything that its manifests depend on except the cluster: chart, values, manifests, names, policies. Equal digests render equally.
    pub digest: String,
}
