//! Which kinds the server serves: two requests (aggregated discovery, KEP-3352), or one for each group version where a server
//! does not know that.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::connect::Cluster;
use super::error::ClusterError;
use super::requests::Verb;
use super::wire::{Call, segment};
use crate::diagnostic::nearest;
use crate::manifest::{Gvk, ObjectId};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/// A kind and where its objects are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// The name in paths, as `deployments`.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// What can be done with it, in RBAC's words.
    pub verbs: Vec<String>,
}

impl Resource {
    /// The path of all objects of a namespace, or of the whole cluster when it is empty.
    #[must_use]
    pub fn collection(&self, namespace: &str) -> String {
        let Gvk { group, version, .. } = &self.gvk;
        let root = if group.is_empty() {
            format!("/api/{}", segment(version))
        } else {
            format!("/apis/{}/{}", segment(group), segment(version))
        };
        if self.namespaced && !namespace.is_empty() {
            format!("{root}/namespaces/{}/{}", segment(namespace), segment(&self.plural))
        } else {
            format!("{root}/{}", segment(&self.plural))
        }
    }

    /// The path of one object.
    #[must_use]
    pub fn path(&self, namespace: &str, name: &str) -> String {
        format!("{}/{}", self.collection(namespace), segment(name))
    }

    /// The identity of one of its objects.
    #[must_use]
    pub fn id(&self, namespace: &str, name: &str) -> ObjectId {
        let namespace = if self.namespaced { namespace } else { "" };
        ObjectId::new(&self.gvk.group, &self.gvk.kind, namespace, name)
    }

    /// Whether it can be listed and watched.
    #[must_use]
    pub fn watchable(&self) -> bool {
        ["list", "watch"].iter().all(|verb| self.verbs.iter().any(|v| v == verb))
    }
}

/// Every kind that the server serves.
#[derive(Debug, Clone, Default)]
pub struct Kinds {
    resources: BTreeMap<Gvk, Resource>,
    /// The versions of a group, the server's favourite first.
    versions: BTreeMap<String, Vec<String>>,
    /// helm's API versions.
    api_versions: BTreeSet<String>,
}

impl Kinds {
    /// The resource of a kind.
    #[must_use]
    pub fn resource(&self, gvk: &Gvk) -> Option<&Resource> {
        self.resources.get(gvk)
    }

    /// The resource of a kind in the version that the server prefers among those that serve the kind.
    #[must_use]
    pub fn preferred(&self, group: &str, kind: &str) -> Option<&Resource> {
        self.versions.get(group)?.iter().find_map(|version| {
            let gvk = Gvk { group: group.to_owned(), version: version.clone(), kind: kind.to_owned() };
            self.resources.get(&gvk)
        })
    }

    /// The resource of a kind, or what is served that is nearest to it.
    ///
    /// # Errors
    /// [`ClusterError::UnknownKind`].
    pub fn require(&self, gvk: &Gvk) -> Result<&Resource, ClusterError> {
        self.resource(gvk).ok_or_else(|| ClusterError::UnknownKind { gvk: gvk.clone(), hint: self.hint(gvk) })
    }

    fn hint(&self, gvk: &Gvk) -> Option<String> {
        let elsewhere: Vec<String> =
            self.resources.keys().filter(|k| k.kind == gvk.kind).map(Gvk::api_version).collect();
        if !elsewhere.is_empty() {
            return Some(format!("{} is served in {}", gvk.kind, elsewhere.join(", ")));
        }
        let here = self.resources.keys().filter(|k| k.group == gvk.group && k.version == gvk.version);
        if let Some(near) = nearest(&gvk.kind, here.map(|k| k.kind.as_str())) {
            return Some(format!("did you mean {near}?"));
        }
        let near = nearest(&gvk.kind, self.resources.keys().map(|k| k.kind.as_str()))?;
        let of = self.resources.keys().find(|k| k.kind == near)?;
        Some(format!("did you mean {near} in {}?", of.api_version()))
    }

    /// All resources, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values()
    }

    /// `apps/v1` and `apps/v1/Deployment` for everything that is served, sorted, as helm's `.Capabilities.APIVersions` has
    /// them (kinds of subresources, as `apps/v1/Scale`, too).
    #[must_use]
    pub fn api_versions(&self) -> Vec<String> {
        self.api_versions.iter().cloned().collect()
    }

    fn add_version(&mut self, group: &str, version: &str) -> String {
        let versions = self.versions.entry(group.to_owned()).or_default();
        if !versions.iter().any(|v| v == version) {
            versions.push(version.to_owned());
        }
        let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        self.api_versions.insert(api_version.clone());
        api_version
    }

    fn add(&mut self, resource: Resource) {
        // A kind has one resource; the first is the server's own order (`events` in two groups are two kinds).
        self.resources.entry(resource.gvk.clone()).or_insert(resource);
    }

    /// Adds an `APIGroupDiscoveryList`.
    fn add_aggregated(&mut self, answer: &Value) {
        for group in list(answer, "items") {
            let name = group.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            for version in list(group, "versions") {
                let number = text(version, "version");
                let api_version = self.add_version(name, number);
                for resource in list(version, "resources") {
                    let subresources = list(resource, "subresources");
                    for kind in std::iter::once(resource)
                        .chain(subresources)
                        .filter_map(|r| r.pointer("/responseKind/kind")?.as_str())
                    {
                        self.api_versions.insert(format!("{api_version}/{kind}"));
                    }
                    let Some(kind) = resource.pointer("/responseKind/kind").and_then(Value::as_str) else { continue };
                    self.add(Resource {
                        gvk: Gvk { group: name.to_owned(), version: number.to_owned(), kind: kind.to_owned() },
                        plural: text(resource, "resource").to_owned(),
                        namespaced: text(resource, "scope") == "Namespaced",
                        verbs: verbs(resource),
                    });
                }
            }
        }
    }

    /// Adds an `APIResourceList`.
    fn add_classic(&mut self, group: &str, version: &str, answer: &Value) {
        let api_version = self.add_version(group, version);
        for resource in list(answer, "resources") {
            let (name, kind) = (text(resource, "name"), text(resource, "kind"));
            self.api_versions.insert(format!("{api_version}/{kind}"));
            if name.contains('/') || kind.is_empty() {
                continue;
            }
            self.add(Resource {
                gvk: Gvk { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() },
                plural: name.to_owned(),
                namespaced: resource.get("namespaced").and_then(Value::as_bool).unwrap_or_default(),
                verbs: verbs(resource),
            });
        }
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn verbs(resource: &Value) -> Vec<String> {
    list(resource, "verbs").filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Asks the server.
pub(super) async fn discover(cluster: &Cluster) -> Result<Kinds, ClusterError> {
    let mut kinds = Kinds::default();
    let ask = |path: String| cluster.read(Call::get(Verb::Discovery, path).accept(AGGREGATED));
    let (core, groups) = futures::try_join!(ask("/api".to_owned()), ask("/apis".to_owned()))?;
    if text(&core, "kind") == "APIGroupDiscoveryList" {
        kinds.add_aggregated(&core);
    } else {
        for version in list(&core, "versions").filter_map(Value::as_str) {
            let answer = cluster.read(Call::get(Verb::Discovery, format!("/api/{}", segment(version)))).await?;
            kinds.add_classic("", version, &answer);
        }
    }
    if text(&groups, "kind") == "APIGroupDiscoveryList" {
        kinds.add_aggregated(&groups);
        return Ok(kinds);
    }
    for group in list(&groups, "groups") {
        let name = text(group, "name");
        let preferred = group.get("preferredVersion").map(|v| text(v, "version")).unwrap_or_default();
        let mut versions: Vec<&str> = list(group, "versions").map(|v| text(v, "version")).collect();
        versions.sort_by_key(|v| *v != preferred);
        for version in versions {
            let path = format!("/apis/{}/{}", segment(name), segment(version));
            match cluster.read(Call::get(Verb::Discovery, path)).await {
                Ok(answer) => kinds.add_classic(name, version, &answer),
                // An aggregated API that is down takes its own kinds with it, not everyone's.
                Err(error) => tracing::warn!(group = name, version, %error, "an API group cannot be discovered"),
            }
        }
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kinds() -> Kinds {
        let mut kinds = Kinds::default();
        kinds.add_aggregated(&json!({"kind": "APIGroupDiscoveryList", "items": [
            {"metadata": {}, "versions": [{"version": "v1", "resources": [
                {"resource": "configmaps", "responseKind": {"group": "", "version": "v1", "kind": "ConfigMap"}, "scope": "Namespaced",
                 "verbs": ["list", "watch", "get"]},
                {"resource": "namespaces", "responseKind": {"kind": "Namespace"}, "scope": "Cluster", "verbs": ["get"]}]}]},
            {"metadata": {"name": "apps"}, "versions": [
                {"version": "v1", "resources": [
                    {"resource": "deployments", "responseKind": {"group": "apps", "version": "v1", "kind": "Deployment"},
                     "scope": "Namespaced", "verbs": [],
                     "subresources": [{"subresource": "scale", "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"}}]}]},
                {"version": "v1beta1", "resources": []}]},
        ]}));
        kinds
    }

    #[test]
    fn paths_are_rest() {
        let kinds = kinds();
        let config = kinds.resource(&Gvk::new("v1", "ConfigMap")).unwrap();
        assert_eq!(config.path("a", "b"), "/api/v1/namespaces/a/configmaps/b");
        assert_eq!(config.collection(""), "/api/v1/configmaps");
        assert!(config.watchable());
        let namespace = kinds.preferred("", "Namespace").unwrap();
        assert_eq!(namespace.path("ignored", "a/b"), "/api/v1/namespaces/a%2Fb");
        let deployment = kinds.preferred("apps", "Deployment").unwrap();
        assert_eq!(deployment.path("a", "b"), "/apis/apps/v1/namespaces/a/deployments/b");
        assert!(!deployment.watchable());
    }

    #[test]
    fn helm_sees_versions_and_kinds() {
        assert_eq!(
            kinds().api_versions(),
            ["apps/v1", "apps/v1/Deployment", "apps/v1/Scale", "apps/v1beta1", "v1", "v1/ConfigMap", "v1/Namespace"]
        );
    }

    #[test]
    fn an_unknown_kind_names_the_nearest() {
        let say = |version: &str, kind: &str| kinds().require(&Gvk::new(version, kind)).unwrap_err().to_string();
        assert_eq!(
            say("apps/v1", "Deploymnet"),
            "the cluster serves no Deploymnet in apps/v1; did you mean Deployment?"
        );
        assert_eq!(
            say("extensions/v1beta1", "Deployment"),
            "the cluster serves no Deployment in extensions/v1beta1; Deployment is served in apps/v1"
        );
        assert_eq!(say("v2", "ConfigMaps"), "the cluster serves no ConfigMaps in v2; did you mean ConfigMap in v1?");
        assert_eq!(say("x/v1", "Zebra"), "the cluster serves no Zebra in x/v1");
    }

    #[test]
    fn the_classic_form_says_the_same() {
        let mut classic = Kinds::default();
        classic.add_classic(
            "apps",
            "v1",
            &json!({"resources": [
                {"name": "deployments", "kind": "Deployment", "namespaced": true, "verbs": []},
                {"name": "deployments/scale", "kind": "Scale", "namespaced": true, "verbs": []}]}),
        );
        let gvk = Gvk::new("apps/v1", "Deployment");
        assert_eq!(classic.resource(&gvk), kinds().resource(&gvk));
        assert_eq!(classic.api_versions(), ["apps/v1", "apps/v1/Deployment", "apps/v1/Scale"]);
    }
}
