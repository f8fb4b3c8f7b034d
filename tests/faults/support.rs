//! A fleet to break things over: one small chart whose values say which ConfigMaps, hooks, definition and object of it there
//! are, releases of it in an environment of its own, and what must hold of them whatever happened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use evenkeel::cluster::{Cluster, ConnectOptions};
use evenkeel::git::Folder;
use evenkeel::manifest::{ANNOTATION_OWNER, Gvk, LABEL_ENVIRONMENT, Object, ObjectId};
use evenkeel::reconcile::{Charts, Look, Reconciler, Source};
use evenkeel::sops::Keys;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use crate::harness::{Evenkeel, Exchange, GitRepository, Process, eventually, helm, unique_name};

const MAPS: &str = "{{- range $name, $value := .Values.maps }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $name }}
data:
  value: {{ $value | quote }}
{{- end }}
";

const DEFINITION: &str = "{{- with .Values.definition }}
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: ships.{{ .group }}
spec:
  group: {{ .group }}
  scope: Namespaced
  names: {kind: Ship, plural: ships, singular: ship}
  versions:
  {{- range $version, $served := .versions }}
  - name: {{ $version }}
    served: {{ $served }}
    storage: {{ eq $version $.Values.definition.stored }}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              course: {type: integer}
  {{- end }}
{{- end }}
{{- with .Values.ship }}
---
apiVersion: {{ .group }}/{{ .version }}
kind: Ship
metadata:
  name: flagship
spec:
  course: {{ .course }}
{{- end }}
";

const HOOKS: &str = "{{- range $name, $hook := .Values.hooks }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $name }}
  annotations:
    helm.sh/hook: {{ $hook.events }}
    {{- with $hook.delete }}
    helm.sh/hook-delete-policy: {{ . }}
    {{- end }}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: job
        image: job:1
{{- end }}
";

/// One environment in a namespace of its own, with objects in it that are not ours.
pub(super) struct Fleet {
    pub(super) repository: GitRepository,
    pub(super) environment: String,
    pub(super) namespace: String,
    /// The group of its definition.
    pub(super) group: String,
    /// The cluster, past every fault.
    pub(super) cluster: Cluster,
    pub(super) client: kube::Client,
    kubeconfig: std::path::PathBuf,
    foreign: Vec<ConfigMap>,
}

impl Fleet {
    /// With the chart, an environment without a release, and the objects that are not ours.
    pub(super) async fn new(kubeconfig: &Path) -> Self {
        let environment = unique_name("fleet");
        let namespace = unique_name("fleet-ns");
        let repository = GitRepository::new();
        repository
            .write("charts/ship/Chart.yaml", "apiVersion: v2\nname: ship\nversion: 1.0.0\n")
            .write("charts/ship/values.yaml", "maps: {}\nhooks: {}\n")
            .write("charts/ship/templates/maps.yaml", MAPS)
            .write("charts/ship/templates/definition.yaml", DEFINITION)
            .write("charts/ship/templates/hooks.yaml", HOOKS)
            .write(
                &format!("environments/{environment}/environment.yaml"),
                &format!(
                    "apiVersion: evenkeel.dev/v1alpha1\nkind: Environment\nnamespace: {namespace}\nprune: {{maxDeletions: 100%}}\n"
                ),
            );
        let options = ConnectOptions { kubeconfig: Some(kubeconfig.to_owned()), ..ConnectOptions::default() };
        let cluster = Cluster::connect(options).await.unwrap();
        let client = cluster.client();
        evenkeel::apply::ensure_namespace(&cluster, &namespace, "test").await.unwrap();
        evenkeel::apply::ensure_key(&cluster).await.unwrap();
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace);
        let mut foreign = Vec::new();
        // One is nobody's, one is a copy of ours with everything on it but its name.
        let copied = json!({"labels": {LABEL_ENVIRONMENT: &environment, "evenkeel.dev/release": "bow"},
            "annotations": {ANNOTATION_OWNER: format!("/ConfigMap/{namespace}/a@{environment}/bow")}});
        for (name, mut metadata) in [("foreign", json!({})), ("copied", copied)] {
            metadata["name"] = name.into();
            let map: ConfigMap =
                serde_json::from_value(json!({"metadata": metadata, "data": {"value": name}})).unwrap();
            foreign.push(maps.create(&PostParams::default(), &map).await.unwrap());
        }
        let group = format!("{}.example.org", unique_name("sea"));
        let kubeconfig = kubeconfig.to_owned();
        Self { repository, environment, namespace, group, cluster, client, kubeconfig, foreign }
    }

    /// Writes a release of the chart with these values.
    pub(super) fn release(&self, name: &str, values: &Value) -> &Self {
        let folder = format!("environments/{}/{name}", self.environment);
        let release = "apiVersion: evenkeel.dev/v1alpha1\nkind: Release\nchart: charts/ship\ntimeout: 1m\n";
        self.repository
            .write(&format!("{folder}/release.yaml"), release)
            .write(&format!("{folder}/values.yaml"), &values.to_string());
        self
    }

    /// Takes a release out of Git.
    pub(super) fn without(&self, name: &str) -> &Self {
        self.repository.remove(&format!("environments/{}/{name}", self.environment));
        self
    }

    pub(super) fn maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// What somebody who knows nothing of before sees.
    pub(super) async fn look(&self) -> Look {
        let source = Source {
            tree: Arc::new(Folder::open(self.repository.path()).unwrap()),
            revision: "a look".to_owned(),
            time: jiff::Timestamp::UNIX_EPOCH,
            charts: Charts::default(),
            keys: Keys::default(),
        };
        Reconciler::new(self.cluster.clone(), &self.environment, "environments", None).look(&source).await.unwrap()
    }

    /// Everything that carries our mark, of every kind that a fleet has.
    async fn marked(&self) -> BTreeMap<ObjectId, String> {
        let mut found = BTreeMap::new();
        let ship = format!("{}/v1", self.group);
        let kinds = [
            ("v1", "ConfigMap"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("batch/v1", "Job"),
            (&ship, "Ship"),
        ];
        for (version, kind) in kinds {
            let Ok(resource) = self.cluster.resource(&Gvk::new(version, kind)).await else { continue };
            let selector = format!("{LABEL_ENVIRONMENT}={}", self.environment);
            let all: Vec<Object> = self.cluster.list_metadata(&resource, "", &selector).await.unwrap();
            let own =
                |o: &&Object| o.annotation(ANNOTATION_OWNER).is_some_and(|a| a.starts_with(&format!("{}@", o.id())));
            found.extend(all.iter().filter(own).map(|o| (o.id(), o.uid().to_owned())));
        }
        found
    }

    /// What must hold once evenkeel has come to rest, or why it does not: what is there is what Git wants and what the inventories
    /// name, no more and no less, and what is not ours is as it was.
    async fn whole(&self) -> Result<(), String> {
        let look = self.look().await;
        if !look.plan.is_empty() || !look.problems.is_empty() {
            let open: Vec<String> =
                look.plan.actions().map(|(_, a)| format!("{:?} {} {}", a.verb, a.id, a.reason)).collect();
            return Err(format!(
                "{:?} {open:#?} {:#?}",
                look.problems,
                look.plan.releases.iter().map(|r| &r.operation)
            ));
        }
        let mut owned = BTreeMap::new();
        for stored in self.cluster.inventories(&self.environment).await.unwrap() {
            for (id, entry) in stored.content.unwrap().objects {
                if owned.insert(id.clone(), entry.uid).is_some() {
                    return Err(format!("two releases own {id}"));
                }
            }
        }
        let marked = self.marked().await;
        if marked != owned {
            return Err(format!("marked as ours: {marked:#?}\nin the inventories: {owned:#?}"));
        }
        let wanted: BTreeSet<&ObjectId> = look.objects.values().flatten().map(|o| &o.id).collect();
        // A definition outlives its release: its kind is protected.
        let kept = |id: &&ObjectId| id.kind != "CustomResourceDefinition";
        let more: Vec<_> = owned.keys().filter(kept).filter(|id| !wanted.contains(id)).collect();
        if !more.is_empty() || !wanted.iter().all(|id| owned.contains_key(*id)) {
            return Err(format!("more than wanted: {more:?}; wanted: {wanted:#?}"));
        }
        for before in &self.foreign {
            let now = self.maps().get(before.metadata.name.as_deref().unwrap()).await.map_err(|e| e.to_string())?;
            assert_eq!(now.metadata, before.metadata, "what is not ours was touched");
        }
        Ok(())
    }

    /// Holds that nothing is left to do.
    pub(super) async fn assert_whole(&self, place: &str) {
        if let Err(why) = self.whole().await {
            panic!("{place}: {why}");
        }
    }

    /// Waits until nothing is left to do: what a daemon says of itself may be of a moment ago.
    pub(super) async fn comes_to_rest(&self, place: &str) {
        eventually(place, REST, || self.whole()).await;
    }

    /// The revisions of a release in its history as real helm tells them: `REVISION STATUS DESCRIPTION`.
    pub(super) fn history(&self, release: &str) -> Vec<String> {
        let home = tempfile::tempdir().unwrap();
        let output = Command::new(helm().unwrap())
            .args(["history", release, "--output", "json", "--namespace", &self.namespace, "--kubeconfig"])
            .arg(&self.kubeconfig)
            .env("HOME", home.path())
            .output()
            .unwrap();
        let said: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        let text = |r: &Value, key: &str| r[key].as_str().unwrap_or_default().to_owned();
        let line = |r: &Value| format!("{} {} {}", r["revision"], text(r, "status"), text(r, "description"));
        said.as_array().unwrap().iter().map(line).collect()
    }
}

/// The names of a kind's objects that were really deleted.
pub(super) fn deleted<'a>(writes: &'a [Exchange], plural: &str) -> Vec<&'a str> {
    let deleted = writes.iter().filter(|e| e.method == "DELETE" && e.plural() == plural && e.code == 200);
    deleted.map(|e| e.name.as_str()).collect()
}

/// How often each Job was really made.
pub(super) fn jobs_made(writes: &[Exchange]) -> BTreeMap<&str, usize> {
    let mut made = BTreeMap::new();
    for job in writes.iter().filter(|e| e.method == "POST" && e.plural() == "jobs" && e.code == 201) {
        *made.entry(job.name.as_str()).or_default() += 1;
    }
    made
}

/// How long a daemon may take to come to rest once nothing goes wrong any more: its longest pauses included.
const REST: Duration = Duration::from_secs(60);

/// A daemon over a fleet.
pub(super) struct Sailor {
    process: Process,
    url: String,
    environment: String,
    http: reqwest::Client,
}

impl Sailor {
    /// Hears of commits within a second.
    pub(super) fn start(fleet: &Fleet, kubeconfig: &Path) -> Self {
        let command = Evenkeel::new(["run", "--poll", "1s"]).repository(&fleet.repository);
        Self::of(fleet, command, kubeconfig)
    }

    /// Hears of commits within the hour, unless something has it ask.
    pub(super) fn slow(fleet: &Fleet, kubeconfig: &Path, cache: &Path) -> Self {
        let command = Evenkeel::new(["run", "--poll", "1h", "--repo", &fleet.repository.url(), "--cache"]).arg(cache);
        Self::of(fleet, command, kubeconfig)
    }

    fn of(fleet: &Fleet, command: Evenkeel, kubeconfig: &Path) -> Self {
        let mut process = command
            .args(["--listen", "127.0.0.1:0", "-v", "--environment", &fleet.environment])
            .kubeconfig(kubeconfig)
            .start();
        let serving = |line: &str| line.starts_with("serving http://");
        let line = process.next_line("the address", Duration::from_secs(30), serving);
        let url = line.trim_start_matches("serving ").to_owned();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { process, url, environment: fleet.environment.clone(), http }
    }

    /// Waits until the environment is synced at a revision.
    pub(super) async fn synced(&self, revision: &str) {
        self.until("to be synced", |s| s["state"] == "synced" && s["revision"] == revision).await;
    }

    /// Waits until the status is as wanted.
    pub(super) async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(what, REST, || async {
            let status = self.status().await?;
            if wanted(&status) { Ok(status) } else { Err(format!("{status}\n{}", self.said())) }
        })
        .await
    }

    /// The process, for whoever is to kill it.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it is dead.
    pub(super) async fn dead(self) {
        let output = tokio::task::spawn_blocking(move || self.process.wait()).await.unwrap();
        assert_eq!(output.status.code(), None, "{output}");
    }

    /// The environment's status.
    pub(super) async fn status(&self) -> Result<Value, String> {
        let url = format!("{}/api/v1/environments/{}", self.url, self.environment);
        let answer = self.http.get(&url).send().await.map_err(|e| e.to_string())?;
        let text = answer.text().await.map_err(|e| e.to_string())?;
        serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))
    }

    /// Everything that it wrote so far.
    pub(super) fn said(&self) -> String {
        self.process.said()
    }

    pub(super) fn stop(self) {
        let output = self.process.terminate();
        assert_eq!(output.status.code(), Some(0), "{output}");
    }
}
