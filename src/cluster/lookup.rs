//! Reading objects as a template's `lookup` sees them: by type and name, as the server wrote them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::connect::Cluster;
use super::error::ClusterError;
use super::requests::Verb;
use super::wire::Call;
use crate::manifest::Gvk;

/// What a `lookup` asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sought {
    /// `apps/v1`.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The namespace; empty: all of them, or the kind has none.
    pub namespace: String,
    /// The name; empty: all objects.
    pub name: String,
}

impl Sought {
    /// The kind in its version.
    #[must_use]
    pub fn gvk(&self) -> Gvk {
        let (group, version) = self.api_version.split_once('/').unwrap_or(("", &self.api_version));
        Gvk { group: group.to_owned(), version: version.to_owned(), kind: self.kind.clone() }
    }
}

impl std::fmt::Display for Sought {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.api_version, self.kind)?;
        match (self.namespace.as_str(), self.name.as_str()) {
            ("", "") => write!(f, " (all)"),
            (namespace, "") => write!(f, " {namespace}/*"),
            ("", name) => write!(f, " {name}"),
            (namespace, name) => write!(f, " {namespace}/{name}"),
        }
    }
}

/// The versions of what was found, by `namespace/name`. Empty: nothing is there.
pub type Versions = BTreeMap<String, String>;

/// The versions of what a lookup found.
#[must_use]
pub fn versions_of(found: Option<&Value>) -> Versions {
    let Some(found) = found else { return Versions::new() };
    let one = std::slice::from_ref(found);
    let objects = found.get("items").and_then(Value::as_array).map_or(one, Vec::as_slice);
    let text = |object: &Value, key: &str| {
        let field = object.get("metadata").and_then(|metadata| metadata.get(key));
        field.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let version = |object: &Value| {
        let key = format!("{}/{}", text(object, "namespace"), text(object, "name"));
        (key, text(object, "resourceVersion"))
    };
    objects.iter().map(version).collect()
}

impl Cluster {
    /// One object, or with an empty `name` the list of all (in one namespace unless that is empty); `None` when it is not there or
    /// its version serves no such kind. The items of a list bear their type, as Go's clients give it to them. Reads as whoever the
    /// cluster [acts as](Cluster::acting_as).
    ///
    /// # Errors
    /// When the server serves nothing in that version, with Go's words, or cannot be asked.
    pub async fn lookup(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, String> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let gvk = Gvk { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() };
        let mut kinds = self.kinds().await.map_err(|error| error.to_string())?;
        if kinds.resource(&gvk).is_none() {
            // It may have come since the last discovery.
            kinds = self.refresh_kinds().await.map_err(|error| error.to_string())?;
        }
        let Some(resource) = kinds.resource(&gvk) else {
            if kinds.iter().any(|served| served.gvk.group == gvk.group && served.gvk.version == gvk.version) {
                return Ok(None);
            }
            return Err(format!(
                "unable to get apiresource from unstructured: {api_version}, Kind={kind}: the server could not find the requested resource"
            ));
        };
        let path = if name.is_empty() { resource.collection(namespace) } else { resource.path(namespace, name) };
        let verb = if name.is_empty() { Verb::List } else { Verb::Get };
        let mut call = Call::get(verb, path);
        call.actor.clone_from(&self.actor);
        match self.read(call).await {
            Ok(mut found) => {
                let items = found.get_mut("items").and_then(Value::as_array_mut);
                for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
                    item.entry("apiVersion").or_insert_with(|| api_version.into());
                    item.entry("kind").or_insert_with(|| kind.into());
                }
                Ok(Some(found))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(ClusterError::Refused(refusal)) => Err(refusal.message.clone()),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn versions_are_those_of_every_object() {
        let object = |name: &str, version: &str| json!({"metadata": {"name": name, "namespace": "ns", "resourceVersion": version}});
        assert_eq!(versions_of(None), Versions::new());
        let one = Versions::from([("ns/a".to_owned(), "7".to_owned())]);
        assert_eq!(versions_of(Some(&object("a", "7"))), one);
        let list = json!({"metadata": {"resourceVersion": "90"}, "items": [object("a", "7")]});
        assert_eq!(versions_of(Some(&list)), one, "the list's own version is nobody's");
        assert_eq!(versions_of(Some(&json!({"items": []}))), Versions::new());
    }
}
