//! What Git says, as a model: environments with releases with objects, each object rendered once. Written out as a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use evenkeel::reconcile::{Charts, Source};
use evenkeel::sops::Keys;
use evenkeel::tree::{Dated, Entry, MemoryTree, Tree, TreeError};
use jiff::Timestamp;
use serde_json::{Value, json};

/// An object's identity but for its namespace: a kind and a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
}

pub(super) const KINDS: [(&str, &str); 5] = [
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("apps/v1", "Deployment"),
    ("v1", "Service"),
    ("v1", "PersistentVolumeClaim"),
];
pub(super) const NAMES: [&str; 3] = ["a", "b", "c"];
pub(super) const ENVIRONMENTS: [&str; 2] = ["blue", "green"];
pub(super) const RELEASES: [&str; 3] = ["one", "two", "three"];
pub(super) const NAMESPACES: [&str; 2] = ["shared", "own"];

/// `environment`, `release`.
pub(super) type Home = (&'static str, &'static str);

/// One release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) namespace: &'static str,
    /// Whether a chart renders its objects.
    pub(super) chart: bool,
    pub(super) broken: bool,
    /// Its objects, with what they say.
    pub(super) objects: BTreeMap<Key, u8>,
}

/// The repository.
#[derive(Debug, Clone, Default)]
pub(super) struct Repository {
    pub(super) releases: BTreeMap<Home, Release>,
    /// Environments whose folder is there.
    pub(super) folders: BTreeSet<&'static str>,
    history: Arc<Mutex<BTreeMap<String, MemoryTree>>>,
}

/// A place of an object: its namespace and its key.
pub(super) type Place = (&'static str, Key);

impl Repository {
    /// Which release has an object.
    pub(super) fn home_of(&self, place: Place) -> Option<Home> {
        let has = |r: &Release| r.namespace == place.0 && r.objects.contains_key(&place.1);
        self.releases.iter().find(|(_, r)| has(r)).map(|(home, _)| *home)
    }

    /// Every object of releases that render.
    pub(super) fn desired(&self) -> BTreeMap<Place, (Home, u8)> {
        let of = |(home, release): (&Home, &Release)| {
            let (home, namespace) = (*home, release.namespace);
            release.objects.iter().map(move |(key, says)| ((namespace, *key), (home, *says))).collect::<Vec<_>>()
        };
        self.releases.iter().filter(|(_, r)| !r.broken).flat_map(of).collect()
    }

    /// A release without objects is none.
    pub(super) fn tidy(&mut self) {
        self.releases.retain(|_, r| !r.objects.is_empty());
        self.folders.extend(self.releases.keys().map(|(environment, _)| *environment));
    }

    /// As a commit.
    pub(super) fn commit(&self) -> Source {
        let mut files: Vec<(String, String)> = vec![
            ("charts/any/Chart.yaml".into(), "apiVersion: v2\nname: any\nversion: 1.0.0\n".into()),
            ("charts/any/values.yaml".into(), "objects: []\n".into()),
            (
                "charts/any/templates/all.yaml".into(),
                "{{- range .Values.objects }}\n---\n{{ toYaml . }}\n{{- end }}\n".into(),
            ),
            ("environments/base/environment.yaml".into(), format!("{}abstract: true\n", header("Environment"))),
        ];
        for environment in &self.folders {
            let text = format!("{}namespace: shared\nprune: {{maxDeletions: 100%}}\n", header("Environment"));
            files.push((format!("environments/{environment}/environment.yaml"), text));
        }
        for ((environment, name), release) in &self.releases {
            let folder = format!("environments/{environment}/{name}");
            let chart = if release.chart { "chart: charts/any\n" } else { "" };
            let text = format!("{}namespace: {}\n{chart}", header("Release"), release.namespace);
            files.push((format!("{folder}/release.yaml"), text));
            let objects: Vec<Value> = release.objects.iter().map(|(key, says)| manifest(*key, *says)).collect();
            let broken = if release.broken { "\nbroken: [" } else { "" };
            files.push(if release.chart {
                (format!("{folder}/values.yaml"), format!("objects: {}{broken}\n", Value::from(objects)))
            } else {
                let mut text = String::new();
                objects.iter().for_each(|o| write!(text, "---\n{o}\n").unwrap());
                (format!("{folder}/manifests/all.yaml"), text + broken)
            });
        }
        let mut tree = MemoryTree::default();
        files.into_iter().for_each(|(path, text)| tree.insert(path, text));
        let mut history = self.history.lock().unwrap();
        let revision = format!("{:040x}", history.len() + 1);
        history.insert(revision.clone(), tree.clone());
        let tree = Arc::new(Commit { tree, history: Arc::clone(&self.history) });
        Source { tree, revision, time: Timestamp::UNIX_EPOCH, charts: Charts::default(), keys: Keys::default() }
    }
}

fn header(kind: &str) -> String {
    format!("apiVersion: evenkeel.dev/v1alpha1\nkind: {kind}\n")
}

/// What an object says: fields come and go with the number.
pub(super) fn content(key: Key, says: u8) -> Value {
    let data = match says % 3 {
        0 => json!({"always": "0", "x": "0"}),
        1 => json!({"always": "1", "x": "1", "y": "1"}),
        _ => json!({"always": "2", "y": "2"}),
    };
    let app = json!({"app": key.name});
    match key.kind {
        "ConfigMap" => json!({"data": data}),
        "Secret" => json!({"stringData": data}),
        "Deployment" => {
            let mut container = json!({"name": "app", "image": format!("app:{says}")});
            if says % 3 == 1 {
                container["env"] = json!([{"name": "A", "value": "1"}]);
            }
            let template = json!({"metadata": {"labels": app}, "spec": {"containers": [container]}});
            json!({"spec": {"replicas": 1 + u32::from(says), "selector": {"matchLabels": app}, "template": template}})
        }
        "Service" => {
            let mut ports = vec![json!({"name": "http", "port": 80})];
            if says % 3 == 1 {
                ports.push(json!({"name": "more", "port": 81}));
            }
            json!({"spec": {"selector": app, "ports": ports}})
        }
        _ => json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
    }
}

pub(super) fn manifest(key: Key, says: u8) -> Value {
    let version = KINDS.iter().find(|(_, kind)| *kind == key.kind).unwrap().0;
    let mut object = content(key, says);
    object["apiVersion"] = version.into();
    object["kind"] = key.kind.into();
    object["metadata"] = json!({"name": key.name, "labels": {"says": says.to_string()}});
    object
}

/// A tree that knows the ones before it.
struct Commit {
    tree: MemoryTree,
    history: Arc<Mutex<BTreeMap<String, MemoryTree>>>,
}

impl Tree for Commit {
    fn read(&self, path: &str) -> Result<Option<Arc<[u8]>>, TreeError> {
        self.tree.read(path)
    }

    fn list(&self, path: &str) -> Result<Option<Vec<Entry>>, TreeError> {
        self.tree.list(path)
    }

    fn at_revision(&self, revision: &str) -> Result<Option<Dated>, TreeError> {
        let tree = self.history.lock().unwrap().get(revision).cloned();
        Ok(tree.map(|tree| {
            let tree: Arc<dyn Tree> = Arc::new(Commit { tree, history: Arc::clone(&self.history) });
            (tree, Timestamp::UNIX_EPOCH)
        }))
    }
}
