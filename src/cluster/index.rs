//! What the watches know of every object, instead of the objects: at most 128 bytes each, its name included.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::lookup::{Sought, Versions};
use super::mark::{foreign_of, mark_of, mark_text};
use crate::manifest::{ANNOTATION_OWNER, LABEL_ENVIRONMENT, LABEL_RELEASE, ObjectId, owner_of};

/// An object as the watches know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its UID.
    pub uid: String,
    /// The mark of our managed-fields entry; `None` when there is no such entry: nobody applied it, or somebody cleared it.
    pub mark: Option<String>,
    /// Its owner annotation.
    pub owner: Option<String>,
    /// The environment that its label names.
    pub environment: String,
    /// The release that its label names.
    pub release: String,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// What others own of it, digested; 0 when that is nothing.
    pub foreign: u64,
    /// A digest of its version.
    pub version: u64,
}

/// A version as 64 bits: itself, where it is a number, as etcd's are.
#[must_use]
pub fn version_digest(version: &str) -> u64 {
    version.parse().unwrap_or_else(|_| {
        let digest = Sha256::digest(version);
        digest[..8].iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
    })
}

/// An object's metadata, as far as it is looked at.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Metadata {
    metadata: Fields,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Fields {
    name: String,
    namespace: String,
    uid: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    managed_fields: Value,
    deletion_timestamp: Option<String>,
    resource_version: String,
}

/// Whom a label pair names; shared by all objects of a release.
type Home = Arc<(Box<str>, Box<str>)>;

/// What an owner annotation says; the usual case takes no memory.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    None,
    /// The object itself and the release of its labels.
    Itself,
    Other(Box<str>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    uid: Uid,
    mark: Option<u64>,
    home: Home,
    owner: Owner,
    deleting: bool,
    foreign: u64,
    version: u64,
}

/// A UID in 16 bytes where it is a UUID, as Kubernetes' are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Uid {
    Uuid([u8; 16]),
    Text(Box<str>),
}

impl Uid {
    fn new(text: &str) -> Self {
        match uuid::Uuid::try_parse(text) {
            Ok(uuid) if uuid.to_string() == text => Self::Uuid(uuid.into_bytes()),
            _ => Self::Text(text.into()),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Uuid(bytes) => uuid::Uuid::from_bytes(*bytes).to_string(),
            Self::Text(text) => text.to_string(),
        }
    }
}

/// All kinds that are watched.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By group and kind, then by `namespace/name`.
    kinds: BTreeMap<(String, String), HashMap<Box<str>, Entry>>,
    homes: BTreeSet<Home>,
}

/// What an update meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Update {
    /// Nothing that matters: a status, the value of a foreign field.
    Same,
    /// Others own other fields of it than before, none of them ours.
    Foreign,
    Changed {
        id: ObjectId,
        /// The environment that its label named, when it names another one now.
        left: Option<String>,
    },
}

fn key(namespace: &str, name: &str) -> Box<str> {
    format!("{namespace}/{name}").into()
}

/// The object of a kind under the key `namespace/name`.
pub(super) fn id(group: &str, kind: &str, key: &str) -> ObjectId {
    let (namespace, name) = key.split_once('/').unwrap_or(("", key));
    ObjectId::new(group, kind, namespace, name)
}

impl Index {
    /// Takes an object in.
    pub(super) fn insert(&mut self, group: &str, kind: &str, object: &Metadata) -> Update {
        let fields = &object.metadata;
        let key = key(&fields.namespace, &fields.name);
        let id = id(group, kind, &key);
        let label = |name: &str| fields.labels.get(name).map(String::as_str).unwrap_or_default();
        let (environment, release) = (label(LABEL_ENVIRONMENT), label(LABEL_RELEASE));
        let owner = match fields.annotations.get(ANNOTATION_OWNER) {
            None => Owner::None,
            Some(text) if *text == owner_of(&id, environment, release) => Owner::Itself,
            Some(text) => Owner::Other(text.as_str().into()),
        };
        let entry = Entry {
            uid: Uid::new(&fields.uid),
            mark: mark_of(&fields.managed_fields),
            home: self.home(environment, release),
            owner,
            deleting: fields.deletion_timestamp.is_some(),
            foreign: foreign_of(&fields.managed_fields),
            version: version_digest(&fields.resource_version),
        };
        let of_kind = self.kinds.entry((group.to_owned(), kind.to_owned())).or_default();
        match of_kind.insert(key, entry.clone()) {
            Some(mut old) => {
                // That there is another version says nothing by itself.
                old.version = entry.version;
                if old == entry {
                    return Update::Same;
                }
                old.foreign = entry.foreign;
                if old == entry {
                    return Update::Foreign;
                }
                let left = (*old.home.0 != *environment).then(|| old.home.0.to_string());
                Update::Changed { id, left }
            }
            None => Update::Changed { id, left: None },
        }
    }

    fn home(&mut self, environment: &str, release: &str) -> Home {
        let pair: Home = Arc::new((environment.into(), release.into()));
        match self.homes.get(&pair) {
            Some(known) => known.clone(),
            None => {
                self.homes.insert(pair.clone());
                pair
            }
        }
    }

    /// Takes an object out; its last state when it was there.
    pub(super) fn remove(&mut self, group: &str, kind: &str, object: &Metadata) -> Option<(ObjectId, Seen)> {
        let key = key(&object.metadata.namespace, &object.metadata.name);
        let entry = self.kinds.get_mut(&(group.to_owned(), kind.to_owned()))?.remove(&key)?;
        let id = id(group, kind, &key);
        let seen = seen(&id, &entry);
        Some((id, seen))
    }

    /// Takes out what a new list does not have.
    pub(super) fn retain(&mut self, group: &str, kind: &str, listed: &BTreeSet<String>) -> Vec<(ObjectId, Seen)> {
        let Some(of_kind) = self.kinds.get_mut(&(group.to_owned(), kind.to_owned())) else { return Vec::new() };
        let mut gone = Vec::new();
        of_kind.retain(|key, entry| {
            let stays = listed.contains(&**key);
            if !stays {
                let id = id(group, kind, key);
                gone.push((id.clone(), seen(&id, entry)));
            }
            stays
        });
        gone.sort_by(|a, b| a.0.cmp(&b.0));
        gone
    }

    pub(super) fn get(&self, id: &ObjectId) -> Option<Seen> {
        let of_kind = self.kinds.get(&(id.group.clone(), id.kind.clone()))?;
        of_kind.get(&key(&id.namespace, &id.name)).map(|entry| seen(id, entry))
    }

    /// Whether something that a template read is another version here: what changed may be known here first. `ours` tells of an
    /// object that is not here whether it should be.
    pub(super) fn disagrees(&self, sought: &Sought, read: &Versions, ours: &dyn Fn(&ObjectId) -> bool) -> bool {
        let gvk = sought.gvk();
        let Some(of_kind) = self.kinds.get(&(gvk.group.clone(), gvk.kind.clone())) else { return false };
        let other = |key: &str, entry: &Entry| read.get(key).map(|read| version_digest(read)) != Some(entry.version);
        let gone = |key: &str| !of_kind.contains_key(key) && ours(&id(&gvk.group, &gvk.kind, key));
        let one = key(&sought.namespace, &sought.name);
        let changed = if sought.name.is_empty() {
            let here = |key: &str| sought.namespace.is_empty() || key.split('/').next() == Some(&sought.namespace);
            of_kind.iter().any(|(key, entry)| here(key) && other(key, entry))
        } else {
            of_kind.get(&one).is_some_and(|entry| other(&one, entry))
        };
        changed || read.keys().any(|key| gone(key))
    }

    /// The objects among these whose label names an environment. Fastest when those of a kind come one after the other.
    pub(super) fn among<'a>(
        &self,
        environment: &str,
        ids: impl Iterator<Item = &'a ObjectId>,
    ) -> BTreeMap<ObjectId, Seen> {
        let mut found = Vec::new();
        let mut of_kind = None;
        let mut name = String::new();
        for id in ids {
            let (kind, objects) = match of_kind {
                Some((kind, objects)) if is_kind(kind, id) => (kind, objects),
                _ => match self.kinds.iter().find(|(kind, _)| is_kind(kind, id)) {
                    Some(entry) => entry,
                    None => continue,
                },
            };
            of_kind = Some((kind, objects));
            name.clear();
            name.extend([id.namespace.as_str(), "/", id.name.as_str()]);
            if let Some(entry) = objects.get(name.as_str()).filter(|entry| &*entry.home.0 == environment) {
                found.push((id.clone(), seen(id, entry)));
            }
        }
        found.into_iter().collect()
    }

    /// Everything whose label names an environment, in order.
    pub(super) fn of_environment(&self, environment: &str) -> BTreeMap<ObjectId, Seen> {
        let mut found = BTreeMap::new();
        for ((group, kind), of_kind) in &self.kinds {
            for (key, entry) in of_kind.iter().filter(|(_, entry)| &*entry.home.0 == environment) {
                let id = id(group, kind, key);
                let seen = seen(&id, entry);
                found.insert(id, seen);
            }
        }
        found
    }

    /// How many objects are known.
    pub(super) fn len(&self) -> usize {
        self.kinds.values().map(HashMap::len).sum()
    }

    /// The memory of the entries and their names, in bytes; the maps' own slack excepted.
    pub(super) fn bytes(&self) -> usize {
        let of_entry = |key: &str, entry: &Entry| {
            let owner = if let Owner::Other(text) = &entry.owner { text.len() } else { 0 };
            let uid = if let Uid::Text(text) = &entry.uid { text.len() } else { 0 };
            size_of::<(Box<str>, Entry)>() + key.len() + owner + uid
        };
        self.kinds.values().flatten().map(|(key, entry)| of_entry(key, entry)).sum()
    }
}

fn is_kind((group, kind): &(String, String), id: &ObjectId) -> bool {
    *kind == id.kind && *group == id.group
}

fn seen(id: &ObjectId, entry: &Entry) -> Seen {
    let (environment, release) = (entry.home.0.to_string(), entry.home.1.to_string());
    Seen {
        uid: entry.uid.text(),
        mark: entry.mark.map(mark_text),
        owner: match &entry.owner {
            Owner::None => None,
            Owner::Itself => Some(owner_of(id, &environment, &release)),
            Owner::Other(text) => Some(text.to_string()),
        },
        environment,
        release,
        deleting: entry.deleting,
        foreign: entry.foreign,
        version: entry.version,
    }
}

impl Metadata {
    /// `namespace/name`, the key of a list.
    pub(super) fn key(&self) -> String {
        key(&self.metadata.namespace, &self.metadata.name).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(name: &str, change: impl FnOnce(&mut Value)) -> Metadata {
        let id = id("apps", "Deployment", &format!("ns/{name}"));
        let mut value = json!({"metadata": {
            "name": name, "namespace": "ns", "uid": "1f0b3c1e-7b5e-4a58-9a36-0b3c1e7b5e4a",
            "labels": {LABEL_ENVIRONMENT: "production", LABEL_RELEASE: "clipper"},
            "annotations": {ANNOTATION_OWNER: owner_of(&id, "production", "clipper")},
            "managedFields": [{"manager": "evenkeel", "operation": "Apply", "time": "t", "fieldsV1": {"f:spec": {}}}],
        }});
        change(&mut value["metadata"]);
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn only_what_matters_is_a_change() {
        let mut index = Index::default();
        let plain = object("a", |_| {});
        assert!(matches!(index.insert("apps", "Deployment", &plain), Update::Changed { .. }));
        assert_eq!(index.insert("apps", "Deployment", &plain), Update::Same);
        let foreign = object("a", |m| {
            m["managedFields"].as_array_mut().unwrap().push(json!({"manager": "x", "operation": "Update"}));
            m["resourceVersion"] = json!("9");
        });
        assert_eq!(index.insert("apps", "Deployment", &foreign), Update::Foreign);
        assert_eq!(index.insert("apps", "Deployment", &foreign), Update::Same);
        let id = id("apps", "Deployment", "ns/a");
        assert_eq!(
            index.get(&id).map(|seen| seen.version),
            Some(9),
            "the version is that of the last update all the same"
        );
        for change in [
            object("a", |m| m["managedFields"][0]["fieldsV1"] = json!({})),
            object("a", |m| m["managedFields"] = json!([])),
            object("a", |m| m["annotations"] = json!({})),
            object("a", |m| m["annotations"] = json!({ANNOTATION_OWNER: "apps/Deployment/ns/b@production/clipper"})),
            object("a", |m| m["uid"] = json!("other")),
            object("a", |m| m["deletionTimestamp"] = json!("t")),
            object("a", |m| m["labels"][LABEL_RELEASE] = json!("other")),
        ] {
            assert!(matches!(index.insert("apps", "Deployment", &change), Update::Changed { .. }), "{change:?}");
        }
    }

    #[test]
    fn what_went_in_comes_out() {
        let mut index = Index::default();
        index.insert("apps", "Deployment", &object("a", |_| {}));
        let id = id("apps", "Deployment", "ns/a");
        let seen = index.get(&id).unwrap();
        assert_eq!(seen.uid, "1f0b3c1e-7b5e-4a58-9a36-0b3c1e7b5e4a");
        assert_eq!(seen.owner.as_deref(), Some("apps/Deployment/ns/a@production/clipper"));
        assert_eq!(index.of_environment("production").len(), 1);
        assert_eq!(index.of_environment("staging").len(), 0);
        let other = ObjectId::new("", "ConfigMap", "ns", "a");
        assert_eq!(index.among("production", [&other, &id].into_iter()), index.of_environment("production"));
        assert!(index.among("staging", [&id].into_iter()).is_empty());
        assert_eq!(index.retain("apps", "Deployment", &BTreeSet::from(["ns/b".to_owned()]))[0].0, id);
        assert_eq!((index.len(), index.get(&id)), (0, None));
    }

    #[test]
    fn what_was_read_is_held_against_what_is_here() {
        let mut index = Index::default();
        let at = |name: &str, version: &str| object(name, |m| m["resourceVersion"] = json!(version));
        index.insert("apps", "Deployment", &at("a", "5"));
        let sought = |namespace: &str, name: &str| Sought {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: namespace.into(),
            name: name.into(),
        };
        let read = |all: &[(&str, &str)]| -> Versions {
            all.iter().map(|(key, version)| ((*key).to_owned(), (*version).to_owned())).collect()
        };
        for (namespace, name) in [("ns", "a"), ("ns", ""), ("", "")] {
            let disagrees = |versions: &[(&str, &str)], ours: bool| {
                index.disagrees(&sought(namespace, name), &read(versions), &|_| ours)
            };
            assert!(!disagrees(&[("ns/a", "5")], true));
            assert!(disagrees(&[("ns/a", "4")], true));
            assert!(disagrees(&[], true), "it has come");
            assert!(disagrees(&[("ns/a", "5"), ("ns/b", "1")], true), "b has gone");
            assert!(!disagrees(&[("ns/a", "5"), ("ns/b", "1")], false), "b was never here");
        }
        assert!(!index.disagrees(&sought("other", ""), &read(&[]), &|_| true));
        assert!(!index.disagrees(&sought("ns", "b"), &read(&[]), &|_| true));
    }

    #[test]
    fn an_object_costs_little() {
        let mut index = Index::default();
        for i in 0..1000 {
            index.insert("apps", "Deployment", &object(&format!("backend-{i:04}"), |_| {}));
        }
        assert!(index.bytes() / index.len() <= 128, "{} bytes an object", index.bytes() / index.len());
    }
}
