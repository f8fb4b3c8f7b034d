//! What an object is, apart from what it says.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Group, version and kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Gvk {
    /// The API group, empty for the core group.
    pub group: String,
    /// The version, as `v1`.
    pub version: String,
    /// The kind, as `Deployment`.
    pub kind: String,
}

impl Gvk {
    /// From an `apiVersion` (`apps/v1`, `v1`) and a kind.
    #[must_use]
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// `apps/v1`, or `v1` for the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            write!(f, "{}/{}", self.version, self.kind)
        } else {
            write!(f, "{}/{}/{}", self.group, self.version, self.kind)
        }
    }
}

/// The identity of an object in a cluster: its version may change, this may not. Written `apps/Deployment/ns/name`, with an
/// empty group or namespace where there is none. Clones are one: the same identity stands in inventories, plans, and what is live.
#[derive(Clone)]
pub struct ObjectId(Arc<Identity>);

/// What an identity consists of.
#[derive(Debug)]
pub struct Identity {
    /// The API group, empty for the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The namespace, empty for cluster-scoped kinds.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// All of it, parted by what no name may hold: compared at once, and in the order of the parts.
    key: Box<str>,
}

impl ObjectId {
    /// From its parts; group and namespace may be empty.
    #[must_use]
    pub fn new(group: &str, kind: &str, namespace: &str, name: &str) -> Self {
        Self(Arc::new(Identity {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            key: [group, kind, namespace, name].join("\0").into(),
        }))
    }
}

impl Deref for ObjectId {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

impl PartialEq for ObjectId {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.key == other.key
    }
}

impl Eq for ObjectId {}

impl PartialOrd for ObjectId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ObjectId {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.key.cmp(&other.key) }
    }
}

impl Hash for ObjectId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({self})")
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.group, self.kind, self.namespace, self.name)
    }
}

impl ObjectId {
    /// For people: `Deployment clipper/backend`, with the group where the kind alone may mislead.
    #[must_use]
    pub fn display(&self) -> String {
        let kind = if BUILT_IN.contains(&self.group.as_str()) {
            self.kind.clone()
        } else {
            format!("{}.{}", self.kind, self.group)
        };
        if self.namespace.is_empty() {
            format!("{kind} {}", self.name)
        } else {
            format!("{kind} {}/{}", self.namespace, self.name)
        }
    }
}

const BUILT_IN: &[&str] = &[
    "",
    "apps",
    "batch",
    "autoscaling",
    "policy",
    "networking.k8s.io",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "apiextensions.k8s.io",
];

/// A text that is not an object's identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not group/Kind/namespace/name")]
pub struct NotAnId(String);

impl FromStr for ObjectId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        // Names may hold a colon or an `@` (RBAC), never a slash.
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            [group, kind, namespace, name] if !kind.is_empty() && !name.is_empty() => {
                Ok(Self::new(group, kind, namespace, name))
            }
            _ => Err(NotAnId(text.to_owned())),
        }
    }
}

impl Serialize for ObjectId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        for text in [
            "apps/Deployment/clipper/backend",
            "/Namespace//clipper",
            "rbac.authorization.k8s.io/ClusterRole//system:x",
        ] {
            assert_eq!(text.parse::<ObjectId>().unwrap().to_string(), text);
        }
        for bad in ["", "a/b/c", "a/b/c/d/e", "a//c/d"] {
            assert!(bad.parse::<ObjectId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn identities_are_in_the_order_of_their_parts() {
        let parts = [
            ("", "A", "ns", "a"),
            ("", "A", "ns", "a-b"),
            ("", "A", "ns-b", "a"),
            ("", "A-b", "", ""),
            ("a", "A", "", ""),
        ];
        let ids: Vec<ObjectId> = parts.iter().map(|(g, k, ns, n)| ObjectId::new(g, k, ns, n)).collect();
        assert!(parts.is_sorted() && ids.is_sorted(), "{ids:?}");
        assert_eq!(ids[1], ObjectId::new("", "A", "ns", "a-b"));
        assert_ne!(ids[1], ids[2]);
    }

    #[test]
    fn api_versions_survive() {
        for version in ["v1", "apps/v1", "networking.k8s.io/v1"] {
            assert_eq!(Gvk::new(version, "X").api_version(), version);
        }
    }
}
