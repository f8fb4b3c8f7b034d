//! Rendered objects become desired ones: in their namespace, marked as ours, hashed, in install order.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::drift::as_stored;
use crate::environment::OnDrift;
use crate::manifest::{
    ANNOTATION_OWNER, Gvk, IgnoreRule, LABEL_ENVIRONMENT, LABEL_RELEASE, Object, ObjectId, owner_of, sort_for_install,
};

use super::{Annotations, ApplyMode};

/// An object as it is going to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredObject {
    /// Which one.
    pub id: ObjectId,
    /// The API version that it is sent with.
    pub version: String,
    /// The object, with its namespace, labels and owner annotation.
    pub object: Object,
    /// Its hash: 24 hexadecimal digits of a SHA-256.
    pub hash: String,
    /// Whether it survives its release (`helm.sh/resource-policy: keep`, `evenkeel.dev/prune: never`).
    pub keep: bool,
    /// How it is applied (`evenkeel.dev/apply`, and helm's rule for `crds/`: created, and left alone once it is there).
    pub mode: ApplyMode,
    /// What drift of it causes, where it says so itself (`evenkeel.dev/onDrift`).
    pub on_drift: Option<OnDrift>,
    /// What is let be of it.
    pub ignore: Vec<IgnoreRule>,
}

impl DesiredObject {
    /// Whether what is there is left as it is: the object is skipped, or only its absence would matter.
    #[must_use]
    pub fn left_alone(&self, exists: bool) -> bool {
        self.mode == ApplyMode::Skip || (self.mode == ApplyMode::IfMissing && exists)
    }

    /// Takes the rules that are about it. They are part of what Git says of it: where they change, it is applied anew.
    pub fn heed(&mut self, rules: &[IgnoreRule]) {
        self.ignore = rules.iter().filter(|rule| rule.target.selects(&self.object)).cloned().collect();
        if !self.ignore.is_empty() {
            let text = format!("{}\n{}", self.hash, IgnoreRule::digest_text(&self.ignore));
            self.hash = hash(&[], Value::from(text).to_string().as_bytes());
        }
    }
}

/// Why rendered objects cannot be desired. Nothing of the release is applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DesiredError {
    /// The cluster serves no such kind, and no CRD in sight defines it.
    #[error("{object}: the cluster has no kind {gvk}")]
    UnknownKind {
        /// The object, for people.
        object: String,
        /// Its type.
        gvk: Gvk,
    },
    /// Two manifests of a release are the same object.
    #[error("{0} is rendered twice")]
    Duplicate(String),
    /// An annotation of ours says what nobody understands.
    #[error("{0}")]
    Annotation(String),
    /// A name is needed to own an object.
    #[error("{0} has no metadata.name: an object that the server names cannot be kept equal to Git")]
    Nameless(String),
}

/// Whether a kind is namespaced; `None` when nobody knows it.
pub trait Scopes {
    /// True for namespaced kinds, false for cluster-scoped ones.
    fn namespaced(&self, gvk: &Gvk) -> Option<bool>;
}

impl<F: Fn(&Gvk) -> Option<bool>> Scopes for F {
    fn namespaced(&self, gvk: &Gvk) -> Option<bool> {
        self(gvk)
    }
}

/// Makes a release's rendered objects the desired ones. `crds` are CustomResourceDefinitions of other releases of the
/// environment: what they define is known before the cluster serves it. `key` is the cluster's.
///
/// # Errors
/// Every object that cannot be desired, not only the first.
pub fn desire<'a>(
    objects: Vec<Object>,
    environment: &str,
    release: &str,
    namespace: &str,
    scopes: &dyn Scopes,
    key: &[u8],
    crds: impl IntoIterator<Item = &'a Object>,
) -> Result<Vec<DesiredObject>, Vec<DesiredError>> {
    let mut defined: BTreeMap<(String, String), bool> = BTreeMap::new();
    defined.extend(crds.into_iter().filter_map(definition));
    defined.extend(objects.iter().filter_map(definition));
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    let mut result = Vec::new();
    for object in objects {
        // As the server keeps it: fields that are owned under another name could be changed unseen.
        let mut object = as_stored(&object);
        let gvk = object.gvk();
        let display = object.id().display();
        let scope = scopes.namespaced(&gvk).or_else(|| defined.get(&(gvk.group.clone(), gvk.kind.clone())).copied());
        let Some(namespaced) = scope else {
            errors.push(DesiredError::UnknownKind { object: display, gvk });
            continue;
        };
        if object.name().is_empty() {
            errors.push(DesiredError::Nameless(display));
            continue;
        }
        if !namespaced {
            object.set_namespace("");
        } else if object.namespace().is_empty() {
            object.set_namespace(namespace);
        }
        let id = object.id();
        if !seen.insert(id.clone()) {
            errors.push(DesiredError::Duplicate(id.display()));
            continue;
        }
        let annotations = match Annotations::of(&object) {
            Ok(annotations) => annotations,
            Err(wrong) => {
                errors.extend(wrong.into_iter().map(|w| DesiredError::Annotation(format!("{}: {w}", id.display()))));
                continue;
            }
        };
        let Annotations { apply: mode, keep, on_drift } = annotations;
        if let Some(map) = object.value_mut().as_object_mut() {
            // The server's half of an object is never ours to say.
            map.remove("status");
        }
        object.set_label(LABEL_ENVIRONMENT, environment);
        object.set_label(LABEL_RELEASE, release);
        object.set_annotation(ANNOTATION_OWNER, &owner_of(&id, environment, release));
        let object = object.at_rest();
        let hash = hash(key, &object.json());
        let version = gvk.version;
        result.push(DesiredObject { id, version, object, hash, keep, mode, on_drift, ignore: Vec::new() });
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    sort_for_install(&mut result, |d| &d.object);
    Ok(result)
}

/// What a CustomResourceDefinition defines: group, kind, and whether it is namespaced.
fn definition(object: &Object) -> Option<((String, String), bool)> {
    if object.kind() != "CustomResourceDefinition" {
        return None;
    }
    let text = |pointer: &str| object.value().pointer(pointer).and_then(Value::as_str);
    let group = text("/spec/group")?.to_owned();
    let kind = text("/spec/names/kind")?.to_owned();
    Some(((group, kind), text("/spec/scope") == Some("Namespaced")))
}

/// Maps are sorted, so equal objects have equal bytes. Keyed, because inventories are read by more people than Secrets are,
/// and the plain hash of a weak password is soon guessed.
fn hash(key: &[u8], json: &[u8]) -> String {
    let mut digest = Sha256::new();
    digest.update((key.len() as u64).to_le_bytes());
    digest.update(key);
    digest.update(json);
    digest.finalize().iter().take(12).map(|b| format!("{b:02x}")).collect()
}
