//! A repository of plain objects, a daemon over it, and hands that change things in the cluster.

use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel::cluster::{Cluster, ConnectOptions};
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use crate::harness::{Evenkeel, GitRepository, Process, eventually, unique_name};

pub(super) const STEP: Duration = Duration::from_secs(90);

/// One environment with one release of plain objects, and the cluster that it goes to.
pub(super) struct World {
    pub(super) repository: GitRepository,
    pub(super) cluster: Cluster,
    pub(super) environment: String,
    pub(super) namespace: String,
    pub(super) kubeconfig: PathBuf,
}

impl World {
    pub(super) async fn new(kubeconfig: &Path) -> Self {
        let options = ConnectOptions { kubeconfig: Some(kubeconfig.to_owned()), ..ConnectOptions::default() };
        Self {
            repository: GitRepository::new(),
            cluster: Cluster::connect(options).await.unwrap(),
            environment: unique_name("drift"),
            namespace: unique_name("drift-ns"),
            kubeconfig: kubeconfig.to_owned(),
        }
    }

    /// Writes the environment with more settings, and commits.
    pub(super) fn settings(&self, settings: &str) -> String {
        let head = "apiVersion: evenkeel.dev/v1alpha1\nkind: Environment\n";
        let text = format!("{head}namespace: {}\n{settings}", self.namespace);
        self.repository.write(&format!("environments/{}/environment.yaml", self.environment), &text);
        self.repository.commit("settings")
    }

    /// Writes the objects of the release.
    pub(super) fn objects(&self, objects: &[Value]) {
        let text: String = objects.iter().map(|o| format!("---\n{o}\n")).collect();
        let folder = format!("environments/{}/things", self.environment);
        let release = "apiVersion: evenkeel.dev/v1alpha1\nkind: Release\n";
        self.repository.write(&format!("{folder}/release.yaml"), release);
        self.repository.write(&format!("{folder}/manifests/all.yaml"), &text);
    }

    fn command(&self, arguments: &[&str]) -> Evenkeel {
        Evenkeel::new(arguments).repository(&self.repository).kubeconfig(&self.kubeconfig)
    }

    /// A command about the environment, to its end.
    pub(super) fn run(&self, command: &str, more: &[&str]) -> crate::harness::Output {
        self.command(&[command, &self.environment]).args(more).run()
    }

    /// A daemon over the environment.
    pub(super) fn daemon(&self) -> Daemon {
        let mut process = self
            .command(&["run", "--poll", "1s", "--listen", "127.0.0.1:0"])
            .args(["--environment", &self.environment])
            .start();
        let line =
            process.next_line("the address", Duration::from_secs(20), |line| line.starts_with("serving http://"));
        let url = line.trim_start_matches("serving ").to_owned();
        Daemon {
            _process: process,
            url,
            environment: self.environment.clone(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    pub(super) fn api(&self, version: &str, kind: &str) -> Api<DynamicObject> {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.cluster.client(), &self.namespace, &resource)
    }

    /// The object as it is.
    pub(super) async fn live(&self, version: &str, kind: &str, name: &str) -> Value {
        serde_json::to_value(self.api(version, kind).get(name).await.unwrap()).unwrap()
    }

    pub(super) async fn merge(&self, (version, kind, name): (&str, &str, &str), manager: &str, change: Value) {
        let by = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
        let api = self.api(version, kind);
        api.patch(name, &by, &Patch::Merge(change)).await.unwrap_or_else(|e| panic!("{kind} {name}: {e}"));
    }

    /// Reads, changes and writes the whole object, as an editor does.
    pub(super) async fn edit(
        &self,
        (version, kind, name): (&str, &str, &str),
        manager: &str,
        pointer: &str,
        to: &Value,
    ) {
        let api = self.api(version, kind);
        let by = PostParams { field_manager: Some(manager.to_owned()), ..PostParams::default() };
        for _ in 0..20 {
            let mut object = serde_json::to_value(api.get(name).await.unwrap()).unwrap();
            *object.pointer_mut(pointer).unwrap_or_else(|| panic!("{kind} {name} has no {pointer}")) = to.clone();
            match api.replace(name, &by, &serde_json::from_value(object).unwrap()).await {
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                answer => return drop(answer.unwrap_or_else(|e| panic!("{kind} {name}: {e}"))),
            }
        }
        panic!("{kind} {name}: a controller was always faster");
    }

    /// Applies fields by server-side apply, by force.
    pub(super) async fn apply(&self, (version, kind, name): (&str, &str, &str), manager: &str, fields: &Value) {
        let by = PatchParams { force: true, ..PatchParams::apply(manager) };
        let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}});
        for (key, value) in fields.as_object().unwrap() {
            object[key] = value.clone();
        }
        let api = self.api(version, kind);
        api.patch(name, &by, &Patch::Apply(object)).await.unwrap_or_else(|e| panic!("{kind} {name}: {e}"));
    }

    pub(super) async fn scale(&self, (version, kind, name): (&str, &str, &str), manager: &str, replicas: u32) {
        let by = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        self.api(version, kind).patch_scale(name, &by, &patch).await.unwrap_or_else(|e| panic!("{kind} {name}: {e}"));
    }
}

/// `evenkeel run`.
pub(super) struct Daemon {
    _process: Process,
    url: String,
    environment: String,
    client: reqwest::Client,
}

impl Daemon {
    async fn get(&self, path: &str) -> Result<String, String> {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.map_err(|e| e.to_string())?;
        let status = answer.status();
        let text = answer.text().await.map_err(|e| e.to_string())?;
        if status.is_success() { Ok(text) } else { Err(format!("{status}: {text}")) }
    }

    /// Waits until the environment is as wanted.
    pub(super) async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(what, STEP, || async {
            let status = self.status().await?;
            if wanted(&status) { Ok(status) } else { Err(serde_json::to_string_pretty(&status).unwrap()) }
        })
        .await
    }

    pub(super) async fn status(&self) -> Result<Value, String> {
        let text = self.get(&format!("/api/v1/environments/{}", self.environment)).await?;
        serde_json::from_str(&text).map_err(|e| e.to_string())
    }

    /// Waits until a revision is in force.
    pub(super) async fn synced(&self, revision: &str) -> Value {
        self.until("the revision to be in force", |s| s["state"] == "synced" && s["revision"] == revision).await
    }

    /// Requests to the API server so far, by verb.
    pub(super) async fn requests(&self, verbs: &[&str]) -> u64 {
        let text = self.get("/metrics").await.unwrap();
        let numbers = text.lines().filter(|l| {
            l.starts_with("evenkeel_api_requests") && verbs.iter().any(|verb| l.contains(&format!("verb=\"{verb}\"")))
        });
        numbers.filter_map(|l| l.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// What the metrics say under a name.
    pub(super) async fn metric(&self, name: &str) -> Vec<String> {
        let text = self.get("/metrics").await.unwrap();
        text.lines().filter(|l| l.starts_with(name)).map(str::to_owned).collect()
    }
}

/// Drift as lines: `Kind/name state`, and below it for each field `Kind/name path desired → live by manager operation subresource`.
pub(super) fn lines(status: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for object in status["drift"].as_array().into_iter().flatten() {
        let name = format!("{}/{}", text(&object["kind"]), text(&object["name"]));
        let fields = object["fields"].as_array().cloned().unwrap_or_default();
        if fields.is_empty() || object["state"] != "modified" {
            found.push(format!("{name} {}", text(&object["state"])));
        }
        for field in fields {
            let added = if field["added"] == true { " (added)" } else { "" };
            let operation = field["operation"].as_str().unwrap_or("-");
            let through = match field["subresource"].as_str() {
                None | Some("") => String::new(),
                Some(subresource) => format!("/{subresource}"),
            };
            found.push(format!(
                "{name} {} {} → {} by {} {operation}{through}{added}",
                text(&field["path"]),
                field["desired"],
                field["live"],
                text(&field["manager"]),
            ));
        }
    }
    found.sort();
    found
}
