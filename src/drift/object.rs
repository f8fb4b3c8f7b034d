//! What is told about an object that is not as desired.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::fields::{FieldPath, Operation};
use crate::manifest::{Object, ObjectId};

/// The manager of a change that nobody's managed fields tell: a field that was removed has no owner.
pub const UNKNOWN_MANAGER: &str = "unknown";

/// How an object is not as desired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Some of its fields are not as desired.
    Modified,
    /// It is not there.
    Missing,
    /// It is there and we own nothing of it: never applied, or its managed fields were cleared.
    Unowned,
    /// It is there and no longer desired.
    Extra,
}

/// One field that is not as desired.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldDrift {
    /// The field, as `.spec.template.spec.containers[name="api"].image`.
    pub path: FieldPath,
    /// What it should be; `None` when it should not be there.
    pub desired: Option<Value>,
    /// What it is; `None` when it is not there.
    pub live: Option<Value>,
    /// Who wrote it, or [`UNKNOWN_MANAGER`].
    pub manager: String,
    /// How, where that is known.
    pub operation: Option<Operation>,
    /// Through which subresource, empty for the object itself.
    pub subresource: String,
    /// When its manager wrote last, in whole seconds, where the server tells (it does not for `/scale`).
    pub time: Option<Timestamp>,
    /// Whether somebody added it beside what Git says (`strict`): told, and never taken away.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub added: bool,
}

/// One object that is not as desired.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectDrift {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// The namespace, empty where there is none.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The release that it belongs to.
    pub release: String,
    /// In which way.
    pub state: State,
    /// The fields that differ, by path.
    pub fields: Vec<FieldDrift>,
}

impl ObjectDrift {
    /// About an object, with no fields yet.
    #[must_use]
    pub fn new(object: &Object, release: &str, state: State) -> Self {
        Self {
            api_version: object.api_version().to_owned(),
            kind: object.kind().to_owned(),
            namespace: object.namespace().to_owned(),
            name: object.name().to_owned(),
            release: release.to_owned(),
            state,
            fields: Vec::new(),
        }
    }

    /// About an object that only its identity is known of: one that is there and no longer desired, say.
    #[must_use]
    pub fn of_id(id: &ObjectId, version: &str, release: &str, state: State) -> Self {
        let api_version = if id.group.is_empty() { version.to_owned() } else { format!("{}/{version}", id.group) };
        Self {
            api_version,
            kind: id.kind.clone(),
            namespace: id.namespace.clone(),
            name: id.name.clone(),
            release: release.to_owned(),
            state,
            fields: Vec::new(),
        }
    }

    /// Whether it is as Git says, but for what others added to it.
    #[must_use]
    pub fn is_only_added(&self) -> bool {
        self.state == State::Modified && !self.fields.is_empty() && self.fields.iter().all(|f| f.added)
    }

    /// Takes out what others added: what is left once the rest is put right.
    #[must_use]
    pub fn split_added(&mut self) -> Option<Self> {
        let (added, own) = std::mem::take(&mut self.fields).into_iter().partition(|f| f.added);
        self.fields = own;
        let added = Self { fields: added, state: State::Modified, ..self.clone() };
        (!added.fields.is_empty()).then_some(added)
    }

    /// The object's identity.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        let group = self.api_version.split_once('/').map_or("", |(group, _)| group);
        ObjectId::new(group, &self.kind, &self.namespace, &self.name)
    }
}
