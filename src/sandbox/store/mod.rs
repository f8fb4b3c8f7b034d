//! The objects of a cluster and their history, in memory: the synchronous core of the sandbox. Time is passed in, nothing
//! here waits, and every write is one call that succeeds or leaves everything as it was. `http/` serves it, `simulate/`
//! plays the controllers.

mod decode;
mod delete;
mod read;
mod write;

pub(super) use delete::{DeleteOptions, FOREGROUND, ORPHAN, Propagation};
pub(super) use read::{ListOptions, Page};
pub(super) use write::{Validation, WriteOptions, Written};

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::ApiError;
use super::recorded;
use super::resources::{Registry, ResourceType};
use super::schema::{Node, Schemas};

/// How many changes of one resource a watch can look back on; older versions answer 410.
pub(super) const WATCH_HISTORY: usize = 1024;
/// How many objects the whole sandbox holds.
pub(super) const MAX_OBJECTS: usize = 200_000;

/// Where an object is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) table: Arc<str>,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// What a request names: a resource, and an object of it where `name` is not empty.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) resource: Arc<ResourceType>,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) subresource: String,
}

impl Target {
    /// The object itself, without a subresource.
    pub(super) fn whole(mut self) -> Self {
        self.subresource.clear();
        self
    }

    pub(super) fn not_found(&self) -> ApiError {
        ApiError::not_found(&self.resource.group, &self.resource.plural, &self.name)
    }
}

/// `ADDED`, `MODIFIED` or `DELETED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// One change, told to whoever follows the store.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) key: Key,
    pub(super) kind: ChangeKind,
    /// The object after the change, or as it was when it was deleted.
    pub(super) object: Arc<Value>,
}

#[derive(Debug, Clone)]
struct Logged {
    version: u64,
    kind: ChangeKind,
    object: Arc<Value>,
    previous: Option<Arc<Value>>,
}

#[derive(Debug, Default)]
struct Table {
    objects: BTreeMap<(String, String), Arc<Value>>,
    log: VecDeque<Logged>,
    /// Changes up to this version are no longer in the log.
    floor: u64,
}

/// The store.
#[derive(Debug)]
pub(super) struct Store {
    registry: Registry,
    schemas: Arc<Schemas>,
    tables: BTreeMap<Arc<str>, Table>,
    version: u64,
    count: usize,
    by_uid: HashMap<String, Key>,
    owned: HashMap<String, BTreeSet<Key>>,
    changes: Vec<Change>,
    fields: super::ownership::Types,
    cluster_ips: BTreeSet<u32>,
}

/// `2026-01-02T03:04:05Z`, as the API writes times.
pub(super) fn time(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Store {
    /// A fresh cluster: the namespaces and the service that every cluster has.
    pub(super) fn new(now: Timestamp) -> Self {
        let mut store = Self {
            registry: Registry::recorded(),
            schemas: recorded::schemas(),
            tables: BTreeMap::new(),
            version: 1,
            count: 0,
            by_uid: HashMap::new(),
            owned: HashMap::new(),
            changes: Vec::new(),
            fields: super::ownership::Types::default(),
            cluster_ips: BTreeSet::new(),
        };
        for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            store.bootstrap("", "namespaces", "", namespace, now);
        }
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {
                "clusterIP": "10.96.0.1", "type": "ClusterIP",
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
            },
        });
        store.bootstrap("", "services", "default", service, now);
        store
    }

    fn bootstrap(&mut self, group: &str, plural: &str, namespace: &str, object: Value, now: Timestamp) {
        let Some(resource) = self.registry.of_table(&super::resources::table(group, plural)) else { return };
        let target =
            Target { resource, namespace: namespace.to_owned(), name: String::new(), subresource: String::new() };
        let written = self.create(&target, object, &WriteOptions::by("kube-apiserver"), now);
        debug_assert!(written.is_ok(), "{written:?}");
    }

    /// What is served.
    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The newest resourceVersion.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Whether there are changes that nobody took.
    pub(super) fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// The changes since the last call, oldest first.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// An object by its place.
    pub(super) fn object(&self, key: &Key) -> Option<Arc<Value>> {
        self.tables.get(&key.table)?.objects.get(&(key.namespace.clone(), key.name.clone())).cloned()
    }

    /// An object by its table, namespace and name.
    pub(super) fn look(&self, table: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.tables.get(table)?.objects.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// Where the object with this UID is.
    pub(super) fn by_uid(&self, uid: &str) -> Option<&Key> {
        self.by_uid.get(uid)
    }

    /// The objects that name this UID as an owner.
    pub(super) fn owned_by(&self, uid: &str) -> Vec<Key> {
        self.owned.get(uid).map(|keys| keys.iter().cloned().collect()).unwrap_or_default()
    }

    /// All objects of a table in a namespace (all namespaces when it is empty).
    pub(super) fn objects(&self, table: &str, namespace: &str) -> Vec<Arc<Value>> {
        let Some(table) = self.tables.get(table) else { return Vec::new() };
        if namespace.is_empty() {
            return table.objects.values().cloned().collect();
        }
        let from = (namespace.to_owned(), String::new());
        table.objects.range(from..).take_while(|((ns, _), _)| ns == namespace).map(|(_, o)| Arc::clone(o)).collect()
    }

    /// Every object of a namespace, by place.
    pub(super) fn keys_in(&self, namespace: &str) -> Vec<Key> {
        let mut found = Vec::new();
        for (name, table) in &self.tables {
            let from = (namespace.to_owned(), String::new());
            for ((ns, object), _) in table.objects.range(from..).take_while(|((ns, _), _)| ns == namespace) {
                found.push(Key { table: Arc::clone(name), namespace: ns.clone(), name: object.clone() });
            }
        }
        found
    }

    /// The resource and target of a stored object.
    pub(super) fn target(&self, key: &Key) -> Option<Target> {
        Some(Target {
            resource: self.registry.of_table(&key.table)?,
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            subresource: String::new(),
        })
    }

    fn key(&self, target: &Target) -> Key {
        let name = target.resource.table();
        let table = self.tables.get_key_value(name.as_str()).map_or_else(|| Arc::from(name), |(k, _)| Arc::clone(k));
        Key { table, namespace: target.namespace.clone(), name: target.name.clone() }
    }

    /// The type of a resource's objects.
    fn node<'a>(&'a self, resource: &'a ResourceType) -> Option<&'a Node> {
        match &resource.custom {
            Some(custom) => Some(&custom.node),
            None => self.schemas.named(self.schemas.of_kind(&resource.group, &resource.version, &resource.kind)?),
        }
    }

    /// Writes one version of an object (`None` deletes it) and tells it to the log. The caller has checked everything.
    fn commit(&mut self, key: &Key, object: Option<Value>) -> Arc<Value> {
        self.version += 1;
        let version = self.version;
        let place = (key.namespace.clone(), key.name.clone());
        let table = self.tables.entry(Arc::clone(&key.table)).or_default();
        let previous = table.objects.remove(&place);
        let deleted = object.is_none();
        let mut value = object.unwrap_or_else(|| previous.as_deref().cloned().unwrap_or_default());
        value["metadata"]["resourceVersion"] = Value::String(version.to_string());
        let object = Arc::new(value);
        let kind = match (deleted, &previous) {
            (true, _) => ChangeKind::Deleted,
            (false, None) => ChangeKind::Added,
            (false, Some(_)) => ChangeKind::Modified,
        };
        if !deleted {
            table.objects.insert(place, Arc::clone(&object));
        }
        if table.log.len() >= WATCH_HISTORY
            && let Some(gone) = table.log.pop_front()
        {
            table.floor = gone.version;
        }
        table.log.push_back(Logged { version, kind, object: Arc::clone(&object), previous: previous.clone() });
        if let Some(previous) = &previous {
            self.unindex(previous, key);
        }
        if kind == ChangeKind::Deleted {
            self.count = self.count.saturating_sub(1);
        } else {
            self.count += usize::from(kind == ChangeKind::Added);
            self.index(&object, key);
        }
        if &*key.table == CRDS {
            self.follow_definition(&object, kind);
        }
        self.changes.push(Change { key: key.clone(), kind, object: Arc::clone(&object) });
        object
    }

    fn index(&mut self, object: &Value, key: &Key) {
        if let Some(uid) = object["metadata"]["uid"].as_str() {
            self.by_uid.insert(uid.to_owned(), key.clone());
        }
        for owner in owners(object) {
            self.owned.entry(owner.to_owned()).or_default().insert(key.clone());
        }
        if let Some(ip) = service_ip(object, key) {
            self.cluster_ips.insert(ip);
        }
    }

    fn unindex(&mut self, object: &Value, key: &Key) {
        if let Some(uid) = object["metadata"]["uid"].as_str() {
            self.by_uid.remove(uid);
        }
        for owner in owners(object) {
            if let Some(keys) = self.owned.get_mut(owner) {
                keys.remove(key);
                if keys.is_empty() {
                    self.owned.remove(owner);
                }
            }
        }
        if let Some(ip) = service_ip(object, key) {
            self.cluster_ips.remove(&ip);
        }
    }

    /// Serves a definition once it is established, and forgets it with everything that it declared once it is gone.
    fn follow_definition(&mut self, definition: &Value, kind: ChangeKind) {
        let name = definition["metadata"]["name"].as_str().unwrap_or_default();
        if kind == ChangeKind::Deleted {
            for resource in self.registry.forget(name) {
                self.tables.remove(resource.table().as_str());
                self.fields.forget(&resource);
            }
        } else if is_true(definition, "Established") {
            for resource in self.registry.forget(name) {
                self.fields.forget(&resource);
            }
            for resource in self.registry.define(definition) {
                self.fields.define(&resource);
            }
        }
    }

    /// Adds a finalizer that nobody owns.
    pub(super) fn protect(&mut self, key: &Key, finalizer: &str) {
        let Some(object) = self.object(key) else { return };
        let mut object = (*object).clone();
        let finalizers = &mut object["metadata"]["finalizers"];
        match finalizers {
            Value::Array(list) if list.iter().any(|f| f == finalizer) => return,
            Value::Array(list) => list.push(finalizer.into()),
            other => *other = json!([finalizer]),
        }
        self.commit(key, Some(object));
    }

    /// Gives a pod its node, as the scheduler's binding does; nobody owns that.
    pub(super) fn bind(&mut self, key: &Key, node: &str, now: &str) {
        let Some(pod) = self.object(key) else { return };
        let mut pod = (*pod).clone();
        pod["spec"]["nodeName"] = node.into();
        let scheduled =
            json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now});
        match pod["status"]["conditions"].as_array_mut() {
            Some(list) => {
                list.retain(|c| c["type"] != "PodScheduled");
                list.push(scheduled);
            }
            None => pod["status"]["conditions"] = json!([scheduled]),
        }
        self.commit(key, Some(pod));
    }

    /// The next free cluster IP of 10.96.0.0/16.
    fn free_cluster_ip(&self) -> Option<String> {
        const FIRST: u32 = 10 << 24 | 96 << 16 | 10;
        const LAST: u32 = 10 << 24 | 96 << 16 | 0xfffe;
        let ip = (FIRST..=LAST).find(|ip| !self.cluster_ips.contains(ip))?;
        Some(std::net::Ipv4Addr::from(ip).to_string())
    }
}

/// Where CustomResourceDefinitions are kept.
pub(super) const CRDS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// The UIDs of an object's owners.
pub(super) fn owners(object: &Value) -> impl Iterator<Item = &str> {
    object["metadata"]["ownerReferences"].as_array().into_iter().flatten().filter_map(|o| o["uid"].as_str())
}

/// Whether a condition is `True`.
pub(super) fn is_true(object: &Value, condition: &str) -> bool {
    object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|c| c["type"] == condition && c["status"] == "True")
}

fn service_ip(object: &Value, key: &Key) -> Option<u32> {
    if &*key.table != "services" {
        return None;
    }
    object["spec"]["clusterIP"].as_str()?.parse::<std::net::Ipv4Addr>().ok().map(u32::from)
}
