//! Why an object was not written, and whether it may work later.

use serde_json::Value;

use crate::cluster::ClusterError;
use crate::history::Event;
use crate::manifest::{MASK, Object, ObjectId, is_secret};

/// Why a write did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApplyError {
    /// The cluster refused or could not be asked. Retryable as [`ClusterError::retryable`] says.
    #[error("{0}")]
    Cluster(ClusterError),
    /// Another release owns the object. Not retryable: one of the two must give it up.
    #[error("{} belongs to release {release} of environment {environment}", id.display())]
    OwnedByAnother {
        /// The object.
        id: ObjectId,
        /// The owner's environment.
        environment: String,
        /// The owner's name.
        release: String,
    },
    /// The object (or namespace) is being deleted; it can be applied when it is gone. Retryable.
    #[error("{} is being deleted", .0.display())]
    BeingDeleted(ObjectId),
    /// A custom object was deleted and its finalizers are at work: what may be needed for that stays until it is gone. Retryable.
    #[error("{} waits for its finalizers ({finalizers}); the rest of the release stays until it is gone", id.display())]
    Finalizing {
        /// The object.
        id: ObjectId,
        /// Their names.
        finalizers: String,
    },
    /// Another process wrote the release's inventory in the meantime. Retryable from a fresh plan.
    #[error("another evenkeel has changed the inventory of {environment}/{release}")]
    InventoryChanged {
        /// The environment.
        environment: String,
        /// The release.
        release: String,
    },
    /// The release's inventory cannot be read: what it owns is unknown, so nothing of it is touched. Not retryable.
    #[error("the inventory of {environment}/{release} cannot be read: {reason}")]
    InventoryDamaged {
        /// The environment.
        environment: String,
        /// The release.
        release: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The release has more objects than an inventory can name. Not retryable: it has to be split.
    #[error(
        "the inventory of {environment}/{release} would be {surplus} bytes above the mebibyte that a ConfigMap holds ({objects} objects); split the release"
    )]
    InventoryTooLarge {
        /// The environment.
        environment: String,
        /// The release.
        release: String,
        /// How many objects it would name.
        objects: usize,
        /// How much too large it would be.
        surplus: usize,
    },
    /// A CRD was applied but the server does not serve its kinds in time. Retryable.
    #[error("{} is not established: {reason}", id.display())]
    NotEstablished {
        /// The CRD.
        id: ObjectId,
        /// What its conditions say.
        reason: String,
    },
    /// The Secret of the cluster's key holds no key. Not retryable: values that were made from it could be guessed.
    #[error(
        "the Secret {0} holds no key of 16 bytes or more; restore it, or delete it to have random values made anew"
    )]
    KeyDamaged(String),
    /// A hook did not do what it should. Not retryable by itself: it has had its own tries.
    #[error("the {event} hook {} failed: {reason}", id.display())]
    HookFailed {
        /// When it ran.
        event: Event,
        /// Its object.
        id: ObjectId,
        /// What it, or its last pod, says.
        reason: String,
    },
    /// A hook is to take the place of an object that is no hook. Not retryable: one of the two needs another name.
    #[error("{} is there and is no hook: it is not deleted for one", .0.display())]
    NotAHook(ObjectId),
    /// What helm's history holds of a release cannot be used. Not retryable.
    #[error("{0}")]
    History(String),
    /// The pass was told to stop before this object's turn.
    #[error("interrupted")]
    Interrupted,
}

impl ApplyError {
    /// Whether the same write may succeed later without anyone changing anything.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Cluster(error) => error.retryable() || error.is_conflict(),
            Self::BeingDeleted(_)
            | Self::Finalizing { .. }
            | Self::InventoryChanged { .. }
            | Self::NotEstablished { .. }
            | Self::Interrupted => true,
            Self::HookFailed { .. }
            | Self::NotAHook(_)
            | Self::History(_)
            | Self::KeyDamaged(_)
            | Self::OwnedByAnother { .. }
            | Self::InventoryDamaged { .. }
            | Self::InventoryTooLarge { .. } => false,
        }
    }

    /// Whether it is about a hook alone: what the release owns is known all the same.
    #[must_use]
    pub fn is_of_a_hook(&self) -> bool {
        matches!(self, Self::HookFailed { .. } | Self::NotAHook(_))
    }

    /// The error of writing an object. The server quotes what it was sent: a Secret's values are taken out.
    #[must_use]
    pub(super) fn of(error: ClusterError, object: &Object) -> Self {
        match error {
            ClusterError::Refused(mut refusal) if is_secret(object.value()) || object.veil().is_some() => {
                let values = if is_secret(object.value()) { secret_values(object) } else { Vec::new() };
                let shown = |message: &str| {
                    let message = without(&values, message);
                    object.veil().map_or(message.clone(), |veil| veil.without_values(&message))
                };
                refusal.message = shown(&refusal.message);
                for cause in &mut refusal.causes {
                    cause.message = shown(&cause.message);
                }
                Self::Cluster(ClusterError::Refused(refusal))
            }
            other => Self::Cluster(other),
        }
    }
}

impl From<ClusterError> for ApplyError {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

/// Every value of a Secret, longest first, so that one which holds another is replaced whole.
fn secret_values(object: &Object) -> Vec<String> {
    let mut values: Vec<String> = ["data", "stringData"]
        .iter()
        .filter_map(|field| object.value().get(field)?.as_object())
        .flat_map(|map| map.values())
        .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        .filter(|text| !text.is_empty())
        .collect();
    values.sort_by_key(|text| std::cmp::Reverse(text.len()));
    values
}

fn without(values: &[String], message: &str) -> String {
    // The typed merge prints Go values whose form ours need not match (`got &value.valueUnstructured{…}`): cut there.
    let message = match message.find("got &value.") {
        Some(at) => format!("{}got something else", &message[..at]),
        None => message.to_owned(),
    };
    values.iter().fold(message, |text, value| text.replace(value, MASK))
}

/// The field managers that lose fields, and which (`reason: FieldManagerConflict`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    /// The field's path, as `.spec.replicas`.
    pub field: String,
    /// Who had it.
    pub manager: String,
}

/// Reads the conflicts of a refused apply; `None` when it was refused for another reason.
pub(super) fn conflicts(error: &ClusterError) -> Option<Vec<Taken>> {
    let refusal = error.refusal().filter(|r| r.code == 409)?;
    let taken: Vec<Taken> = refusal
        .causes
        .iter()
        .filter(|c| c.reason == "FieldManagerConflict")
        .map(|c| Taken {
            field: c.field.clone(),
            manager: c.message.split('"').nth(1).unwrap_or(&c.message).to_owned(),
        })
        .collect();
    (!taken.is_empty()).then_some(taken)
}

/// The metadata's `deletionTimestamp` is set.
pub(super) fn is_being_deleted(object: &Object) -> bool {
    object.value().pointer("/metadata/deletionTimestamp").is_some_and(|t| !matches!(t, Value::Null))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Cause, Refusal};
    use serde_json::json;

    fn refused(message: &str) -> ClusterError {
        ClusterError::Refused(Box::new(Refusal { code: 422, message: message.to_owned(), ..Refusal::default() }))
    }

    #[test]
    fn no_secret_value_in_an_error() {
        let secret = Object::new(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
            "data": {"port": 5432}, "stringData": {"password": "hunter2"}}))
        .unwrap();
        let say = |message| ApplyError::of(refused(message), &secret).to_string();
        assert_eq!(say("invalid value: hunter2"), "invalid value: <secret>");
        assert_eq!(say("invalid value: 5432"), "invalid value: <secret>");
        let typed = say(".data.port: expected string, got &value.valueUnstructured{Value:5432}");
        assert_eq!(typed, ".data.port: expected string, got something else");
    }

    #[test]
    fn conflicts_are_named() {
        let cause = |reason: &str, message: &str| Cause {
            reason: reason.to_owned(),
            message: message.to_owned(),
            field: ".spec.replicas".to_owned(),
        };
        let refusal = Refusal {
            code: 409,
            causes: vec![cause(
                "FieldManagerConflict",
                "conflict with \"kubectl\" with subresource \"scale\" using apps/v1",
            )],
            ..Refusal::default()
        };
        let taken = conflicts(&ClusterError::Refused(Box::new(refusal))).unwrap();
        assert_eq!(taken, [Taken { field: ".spec.replicas".into(), manager: "kubectl".into() }]);
        assert_eq!(conflicts(&refused("x")), None);
    }
}
