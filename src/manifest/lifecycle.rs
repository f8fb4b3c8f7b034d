//! How far a release is in its life, kept in its inventory: which content was brought about as which of helm's revisions, which
//! hooks have run on the way, and what must not be applied again. With it an interrupted pass goes on where it stopped, and a
//! pass without a change asks nobody.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where a release is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Lifecycle {
    /// Helm's name of the release.
    pub name: String,
    /// The namespace that its history is kept in.
    pub namespace: String,
    /// The digest of the content that is in force, or on its way.
    pub digest: String,
    /// Helm's revision, 0 while none is written.
    pub version: u32,
    /// How far it is.
    pub state: Progress,
    /// Whether some content of it was ever in force: what comes next is an upgrade.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub installed: bool,
    /// Whether helm's history says something else than what is in force, and is to be told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// Why it failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The hooks of this content that were begun, by event and object.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hooks: BTreeMap<String, HookRun>,
    /// Where its history was before it moved, by namespace and name: to be deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moved_from: Vec<(String, String)>,
    /// What of Git is not applied, because somebody went back from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

impl Lifecycle {
    /// Whether it is about this content in this place: helm's namespace and name.
    #[must_use]
    pub fn says(&self, digest: &str, namespace: &str, name: &str) -> bool {
        self.digest == digest && self.namespace == namespace && self.name == name
    }
}

/// How far a content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Progress {
    /// It is being brought about; or a pass died over it.
    #[default]
    Begun,
    /// It is in force, and its revision is written.
    Done,
    /// It could not be brought about; tried again.
    Failed,
}

/// One run of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HookRun {
    /// The UID of the object that was made.
    #[serde(rename = "u")]
    pub uid: String,
    /// When it was made: RFC 3339.
    #[serde(rename = "s")]
    pub started: String,
    /// When it ended; empty while it runs.
    #[serde(rename = "c", skip_serializing_if = "String::is_empty")]
    pub completed: String,
    /// How it ended.
    #[serde(rename = "p")]
    pub phase: RunPhase,
}

/// How a run of a hook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunPhase {
    /// It has not.
    #[default]
    Running,
    /// Well.
    Succeeded,
    /// It failed.
    Failed,
}

/// What of Git is not applied until Git says something else of the release.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The digest of the release's files as they were gone back from.
    pub inputs: String,
    /// The commit that they were seen at.
    pub revision: String,
    /// Helm's revision that is in force instead; `None`: the release was uninstalled.
    pub version: Option<u32>,
    /// Uninstalled, and helm's history stays: whoever carries on with it knows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_history: bool,
}
