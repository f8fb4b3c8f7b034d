//! Which resources are served: the recorded ones of kube-apiserver and those of CustomResourceDefinitions, and the discovery
//! documents that say so.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::recorded;
use super::schema::Node;

/// `status`, `scale` and the like.
#[derive(Debug, Clone)]
pub(super) struct Subresource {
    pub(super) name: String,
    group: String,
    version: String,
    kind: String,
    verbs: Vec<String>,
}

/// What a CustomResourceDefinition says about one of its versions.
#[derive(Debug)]
pub(super) struct Custom {
    /// `openAPIV3Schema` as it was given.
    pub(super) schema: Value,
    pub(super) node: Node,
    /// `specReplicasPath`, `statusReplicasPath` and `labelSelectorPath` as JSON pointers.
    pub(super) scale: Option<(String, String, Option<String>)>,
    /// `additionalPrinterColumns`.
    pub(super) columns: Vec<Value>,
}

/// A resource in one version of its API.
#[derive(Debug)]
pub(super) struct ResourceType {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) plural: String,
    pub(super) kind: String,
    pub(super) list_kind: String,
    pub(super) namespaced: bool,
    pub(super) subresources: Vec<Subresource>,
    pub(super) custom: Option<Custom>,
    singular: String,
    short_names: Vec<String>,
    categories: Vec<String>,
    verbs: Vec<String>,
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl ResourceType {
    /// `apps/v1`, or `v1`.
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Where its objects are kept, whatever their version: `deployments.apps`, `pods`.
    pub(super) fn table(&self) -> String {
        table(&self.group, &self.plural)
    }

    /// Whether the verb is served.
    pub(super) fn allows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|v| v == verb)
    }

    /// A subresource by name.
    pub(super) fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|s| s.name == name)
    }

    /// Whether writes of the object leave `status` alone.
    pub(super) fn has_status(&self) -> bool {
        self.subresource("status").is_some()
    }

    fn recorded(group: &str, version: &str, entry: &Value) -> Self {
        let kind = text(&entry["responseKind"], "kind");
        let or = |value: String, other: &str| if value.is_empty() { other.to_owned() } else { value };
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: text(entry, "resource"),
            list_kind: format!("{kind}List"),
            kind,
            namespaced: entry["scope"] == "Namespaced",
            subresources: entry["subresources"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|sub| {
                    let response = &sub["responseKind"];
                    let own = response["version"].as_str().unwrap_or_default().is_empty();
                    Subresource {
                        name: text(sub, "subresource"),
                        group: if own { group.to_owned() } else { text(response, "group") },
                        version: or(text(response, "version"), version),
                        kind: text(response, "kind"),
                        verbs: strings(sub.get("verbs")),
                    }
                })
                .collect(),
            custom: None,
            singular: text(entry, "singularResource"),
            short_names: strings(entry.get("shortNames")),
            categories: strings(entry.get("categories")),
            verbs: strings(entry.get("verbs")),
        }
    }

    /// The served versions of a definition, as the API takes them; nothing of it is checked here.
    pub(super) fn custom(definition: &Value) -> Vec<Self> {
        let spec = &definition["spec"];
        let names = &spec["names"];
        let group = text(spec, "group");
        let verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
        let pointer = |path: Option<&Value>| {
            path.and_then(Value::as_str)
                .map(|p| p.trim_start_matches('.').split('.').map(|s| format!("/{s}")).collect())
        };
        let mut found = Vec::new();
        for version in spec["versions"].as_array().into_iter().flatten() {
            if version["served"] != true {
                continue;
            }
            let kind = text(names, "kind");
            let own = |name: &str, verbs: &[&str]| Subresource {
                name: name.to_owned(),
                group: group.clone(),
                version: text(version, "name"),
                kind: kind.clone(),
                verbs: verbs.iter().map(|v| (*v).to_owned()).collect(),
            };
            let mut subresources = Vec::new();
            let declared = &version["subresources"];
            if declared.get("status").is_some() {
                subresources.push(own("status", &["get", "patch", "update"]));
            }
            let scale = declared.get("scale").and_then(|scale| {
                Some((
                    pointer(scale.get("specReplicasPath"))?,
                    pointer(scale.get("statusReplicasPath"))?,
                    pointer(scale.get("labelSelectorPath")),
                ))
            });
            if scale.is_some() {
                subresources.push(Subresource {
                    group: "autoscaling".into(),
                    version: "v1".into(),
                    kind: "Scale".into(),
                    ..own("scale", &["get", "patch", "update"])
                });
            }
            let schema =
                version.pointer("/schema/openAPIV3Schema").cloned().unwrap_or_else(|| json!({"type": "object"}));
            let preserve = spec["preserveUnknownFields"] == true;
            let schema = if preserve && schema.get("properties").is_none() {
                json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
            } else {
                schema
            };
            let or = |value: String, other: String| if value.is_empty() { other } else { value };
            found.push(Self {
                group: group.clone(),
                version: text(version, "name"),
                plural: text(names, "plural"),
                list_kind: or(text(names, "listKind"), format!("{kind}List")),
                singular: or(text(names, "singular"), kind.to_lowercase()),
                namespaced: spec["scope"] == "Namespaced",
                subresources,
                custom: Some(Custom {
                    node: Node::custom(&schema),
                    schema,
                    scale,
                    columns: version["additionalPrinterColumns"].as_array().cloned().unwrap_or_default(),
                }),
                short_names: strings(names.get("shortNames")),
                categories: strings(names.get("categories")),
                verbs: verbs.iter().map(|v| (*v).to_owned()).collect(),
                kind,
            });
        }
        found
    }

    /// An `APIResourceDiscovery`.
    fn aggregated(&self) -> Value {
        let kind = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
        let mut entry = json!({
            "resource": self.plural,
            "responseKind": kind(&self.group, &self.version, &self.kind),
            "scope": if self.namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": self.singular,
            "verbs": self.verbs,
        });
        if !self.short_names.is_empty() {
            entry["shortNames"] = self.short_names.clone().into();
        }
        if !self.categories.is_empty() {
            entry["categories"] = self.categories.clone().into();
        }
        if !self.subresources.is_empty() {
            entry["subresources"] = self
                .subresources
                .iter()
                .map(|s| json!({"subresource": s.name, "responseKind": kind(&s.group, &s.version, &s.kind), "verbs": s.verbs}))
                .collect();
        }
        entry
    }

    /// The entries of an `APIResourceList`.
    fn legacy(&self) -> Vec<Value> {
        let mut entry = json!({
            "name": self.plural,
            "singularName": self.singular,
            "namespaced": self.namespaced,
            "kind": self.kind,
            "verbs": self.verbs,
        });
        if !self.short_names.is_empty() {
            entry["shortNames"] = self.short_names.clone().into();
        }
        if !self.categories.is_empty() {
            entry["categories"] = self.categories.clone().into();
        }
        let mut entries = vec![entry];
        for sub in &self.subresources {
            let mut entry = json!({
                "name": format!("{}/{}", self.plural, sub.name),
                "singularName": "",
                "namespaced": self.namespaced,
                "kind": sub.kind,
                "verbs": sub.verbs,
            });
            if (&sub.group, &sub.version) != (&self.group, &self.version) {
                entry["group"] = sub.group.clone().into();
                entry["version"] = sub.version.clone().into();
            }
            entries.push(entry);
        }
        entries
    }
}

/// `deployments.apps`, or `pods` in the core group.
pub(super) fn table(group: &str, plural: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

#[derive(Debug)]
struct Version {
    name: String,
    resources: Vec<Arc<ResourceType>>,
}

#[derive(Debug)]
struct Group {
    name: String,
    versions: Vec<Version>,
}

/// All resources that are served.
#[derive(Debug)]
pub(super) struct Registry {
    git_version: String,
    groups: Vec<Group>,
    /// By name of the definition.
    custom: BTreeMap<String, Vec<Arc<ResourceType>>>,
}

/// Versions in the order of preference: `v1` before `v1beta2` before `v1alpha1`, numbers descending.
fn priority(version: &str) -> (u8, i64, i64) {
    let Some(rest) = version.strip_prefix('v') else { return (3, 0, 0) };
    let (class, parts) = if let Some(parts) = rest.split_once("beta") {
        (1, parts)
    } else if let Some(parts) = rest.split_once("alpha") {
        (2, parts)
    } else {
        (0, (rest, "0"))
    };
    match (parts.0.parse::<i64>(), parts.1.parse::<i64>()) {
        (Ok(major), Ok(minor)) => (class, -major, -minor),
        _ => (3, 0, 0),
    }
}

impl Registry {
    /// What a fresh server serves.
    pub(super) fn recorded() -> Self {
        let recorded = recorded::discovery();
        let groups = recorded["groups"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|group| {
                let name = text(group, "name");
                let versions = group["versions"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|version| {
                        let version_name = text(version, "version");
                        let resources = version["resources"].as_array().into_iter().flatten();
                        let resources = resources.map(|r| Arc::new(ResourceType::recorded(&name, &version_name, r)));
                        Version { resources: resources.collect(), name: version_name }
                    })
                    .collect();
                Group { name, versions }
            })
            .collect();
        Self { git_version: text(&recorded, "gitVersion"), groups, custom: BTreeMap::new() }
    }

    /// Serves what a definition declares, in place of what it declared before.
    pub(super) fn define(&mut self, definition: &Value) -> Vec<Arc<ResourceType>> {
        let name = definition["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let resources: Vec<_> = ResourceType::custom(definition).into_iter().map(Arc::new).collect();
        self.custom.insert(name, resources.clone());
        resources
    }

    /// Stops serving what a definition declared.
    pub(super) fn forget(&mut self, definition: &str) -> Vec<Arc<ResourceType>> {
        self.custom.remove(definition).unwrap_or_default()
    }

    /// Every resource in every version.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<ResourceType>> {
        self.groups.iter().flat_map(|g| &g.versions).flat_map(|v| &v.resources).chain(self.custom.values().flatten())
    }

    /// By path.
    pub(super) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<ResourceType>> {
        self.all().find(|r| r.plural == plural && r.version == version && r.group == group).cloned()
    }

    /// The preferred version of a resource by its table.
    pub(super) fn of_table(&self, name: &str) -> Option<Arc<ResourceType>> {
        let (plural, group) = name.split_once('.').unwrap_or((name, ""));
        self.all().find(|r| r.plural == plural && r.group == group).cloned()
    }

    /// The preferred version of a kind.
    pub(super) fn of_kind(&self, group: &str, kind: &str) -> Option<Arc<ResourceType>> {
        self.all().find(|r| r.kind == kind && r.group == group && r.allows("get")).cloned()
    }

    /// `(group, [version])` in the order of discovery, the preferred version first.
    pub(super) fn versions(&self) -> Vec<(String, Vec<String>)> {
        let mut found: Vec<(String, Vec<String>)> = Vec::new();
        for group in &self.groups {
            found.push((group.name.clone(), group.versions.iter().map(|v| v.name.clone()).collect()));
        }
        for resource in self.custom.values().flatten() {
            let at = found.iter().position(|(name, _)| *name == resource.group).unwrap_or_else(|| {
                found.push((resource.group.clone(), Vec::new()));
                found.len() - 1
            });
            let versions = &mut found[at].1;
            if !versions.contains(&resource.version) {
                versions.push(resource.version.clone());
                versions.sort_by_key(|v| priority(v));
            }
        }
        found
    }

    /// Every resource of a version.
    pub(super) fn of_version(&self, group: &str, version: &str) -> Vec<Arc<ResourceType>> {
        self.all().filter(|r| r.group == group && r.version == version).cloned().collect()
    }

    /// `APIGroupDiscoveryList` for `/api` (`core`) or `/apis`.
    pub(super) fn aggregated(&self, core: bool) -> Value {
        let items: Vec<Value> = self
            .versions()
            .into_iter()
            .filter(|(group, _)| group.is_empty() == core)
            .map(|(group, versions)| {
                let versions: Vec<Value> = versions
                    .iter()
                    .map(|version| {
                        let resources: Vec<Value> =
                            self.of_version(&group, version).iter().map(|r| r.aggregated()).collect();
                        json!({"version": version, "resources": resources, "freshness": "Current"})
                    })
                    .collect();
                let metadata = if core { json!({}) } else { json!({"name": group}) };
                json!({"metadata": metadata, "versions": versions})
            })
            .collect();
        json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
    }

    fn group(group: &str, versions: &[String]) -> Value {
        let version = |v: &String| json!({"groupVersion": format!("{group}/{v}"), "version": v});
        json!({
            "name": group,
            "versions": versions.iter().map(version).collect::<Vec<_>>(),
            "preferredVersion": versions.first().map(version),
        })
    }

    /// `APIGroupList` of `/apis`.
    pub(super) fn group_list(&self) -> Value {
        let groups: Vec<Value> = self
            .versions()
            .iter()
            .filter(|(group, _)| !group.is_empty())
            .map(|(group, versions)| Self::group(group, versions))
            .collect();
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
    }

    /// `APIGroup` of `/apis/GROUP`.
    pub(super) fn api_group(&self, name: &str) -> Option<Value> {
        let (group, versions) = self.versions().into_iter().find(|(group, _)| group == name && !name.is_empty())?;
        let mut found = Self::group(&group, &versions);
        found["kind"] = "APIGroup".into();
        found["apiVersion"] = "v1".into();
        Some(found)
    }

    /// `APIResourceList` of `/apis/GROUP/VERSION` and `/api/v1`.
    pub(super) fn resource_list(&self, group: &str, version: &str) -> Option<Value> {
        let resources = self.of_version(group, version);
        let first = resources.first()?;
        let entries: Vec<Value> = resources.iter().flat_map(|r| r.legacy()).collect();
        Some(json!({
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": first.api_version(),
            "resources": entries,
        }))
    }

    /// `version.Info` of `/version`.
    pub(super) fn version(&self) -> Value {
        let mut parts = self.git_version.trim_start_matches('v').split('.');
        json!({
            "major": parts.next().unwrap_or_default(),
            "minor": parts.next().unwrap_or_default(),
            "gitVersion": self.git_version,
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": "evenkeel sandbox",
            "platform": "",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_resources_are_found() {
        let registry = Registry::recorded();
        let deployments = registry.find("apps", "v1", "deployments").unwrap();
        assert_eq!((deployments.kind.as_str(), deployments.namespaced), ("Deployment", true));
        assert!(deployments.subresource("scale").is_some() && deployments.has_status());
        assert_eq!(registry.of_kind("", "Namespace").unwrap().table(), "namespaces");
        assert_eq!(registry.of_table("deployments.apps").unwrap().kind, "Deployment");
        let core = registry.aggregated(true);
        assert_eq!(core["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(registry.api_group("autoscaling").unwrap()["preferredVersion"]["version"], "v2");
    }

    #[test]
    fn versions_are_preferred_as_the_api_documents() {
        let mut versions = ["v1alpha1", "v1", "v2beta1", "v2", "foo", "v2alpha3", "v1beta1"];
        versions.sort_by_key(|v| priority(v));
        assert_eq!(versions, ["v2", "v1", "v2beta1", "v1beta1", "v2alpha3", "v1alpha1", "foo"]);
    }
}
