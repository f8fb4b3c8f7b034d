//! `lookup` in the reconciler: templates that read the live cluster, on the real control plane and on the sandbox by the same code.

mod following;
mod reading;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use evenkeel::cluster::{Cluster, ConnectOptions};
use evenkeel::git::Repository;
use evenkeel::reconcile::{Charts, PassOptions, PassReport, Reconciler, Source};
use evenkeel::sops::Keys;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::harness::{Evenkeel, GitRepository, Process, eventually, unique_name};

/// Every scenario on both.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        mod on_real {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let plane = crate::require!(crate::harness::ControlPlane::shared());
                super::$name(plane.kubeconfig()).await;
            })+
        }
        mod on_sandbox {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let sandbox = crate::cluster::Sandbox::start().await;
                super::$name(sandbox.kubeconfig.path()).await;
            })+
        }
    };
}
pub(crate) use scenarios;

/// An environment with one release `app` of one chart with one template, in a namespace that is there.
pub(super) struct Ground {
    pub(super) repository: GitRepository,
    pub(super) cluster: Cluster,
    pub(super) environment: String,
    pub(super) namespace: String,
    kubeconfig: PathBuf,
}

const RELEASE: &str = "apiVersion: evenkeel.dev/v1alpha1\nkind: Release\nchart: charts/app\n";

impl Ground {
    pub(super) async fn new(kubeconfig: &Path, template: &str) -> Self {
        let options = ConnectOptions {
            kubeconfig: Some(kubeconfig.to_owned()),
            system_namespace: Some(unique_name("system")),
            ..ConnectOptions::default()
        };
        let ground = Self {
            repository: GitRepository::new(),
            cluster: Cluster::connect(options).await.unwrap(),
            environment: unique_name("lookup"),
            namespace: unique_name("lookup-ns"),
            kubeconfig: kubeconfig.to_owned(),
        };
        let namespace = serde_json::from_value(json!({"metadata": {"name": ground.namespace}})).unwrap();
        let namespaces: Api<Namespace> = Api::all(ground.cluster.client());
        namespaces.create(&PostParams::default(), &namespace).await.unwrap();
        let text = format!("apiVersion: evenkeel.dev/v1alpha1\nkind: Environment\nnamespace: {}\n", ground.namespace);
        ground.write("environment.yaml", &text);
        ground.settings("");
        ground.repository.write("charts/app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n");
        ground.repository.write("charts/app/values.yaml", "note: one\n");
        ground.template(template);
        ground
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        self.repository.write(&format!("environments/{}/{path}", self.environment), text);
    }

    /// More lines of `release.yaml`.
    pub(super) fn settings(&self, lines: &str) {
        self.write("app/release.yaml", &format!("{RELEASE}{lines}"));
    }

    pub(super) fn template(&self, text: &str) {
        self.repository.write("charts/app/templates/all.yaml", text);
    }

    pub(super) fn commit(&self) -> Source {
        let revision = self.repository.commit("next");
        let snapshot = Repository::open(self.repository.path()).unwrap().snapshot(&revision).unwrap();
        let time = snapshot.revision().time;
        Source { tree: Arc::new(snapshot), revision, time, charts: Charts::default(), keys: Keys::default() }
    }

    pub(super) fn reconciler(&self) -> Reconciler {
        Reconciler::new(self.cluster.clone(), &self.environment, "environments", None)
    }

    pub(super) fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.cluster.client(), &self.namespace)
    }

    /// Writes a ConfigMap, as somebody does.
    pub(super) async fn put(&self, name: &str, word: &str) {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"word": word}});
        let by = PatchParams::apply("somebody").force();
        self.config_maps().patch(name, &by, &Patch::Apply(map)).await.unwrap();
    }

    /// Runs the daemon.
    pub(super) fn daemon(&self) -> Daemon {
        let arguments = ["run", "--poll", "500ms", "--listen", "127.0.0.1:0", "--environment", &self.environment];
        let run = Evenkeel::new(arguments).kubeconfig(&self.kubeconfig).repository(&self.repository);
        let mut process = run.start();
        let line =
            process.next_line("the address", Duration::from_secs(20), |line| line.starts_with("serving http://"));
        let url = line.trim_start_matches("serving ").to_owned();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Daemon { url, client, environment: self.environment.clone(), _process: process }
    }
}

pub(super) struct Daemon {
    url: String,
    client: reqwest::Client,
    environment: String,
    _process: Process,
}

impl Daemon {
    async fn get(&self, path: &str) -> Result<String, String> {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.map_err(|e| e.to_string())?;
        answer.text().await.map_err(|e| e.to_string())
    }

    /// Waits until the release's status is as wanted.
    pub(super) async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(what, Duration::from_secs(60), || async {
            let text = self.get(&format!("/api/v1/environments/{}", self.environment)).await?;
            let status: Value = serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))?;
            let release = &status["releases"][0];
            if wanted(release) { Ok(release.clone()) } else { Err(text) }
        })
        .await
    }

    /// The API requests that it has made so far, by verb.
    pub(super) async fn requests(&self) -> BTreeMap<String, u64> {
        let text = self.get("/metrics").await.unwrap();
        let numbers = text.lines().filter_map(|l| l.strip_prefix("evenkeel_api_requests{")?.rsplit_once(' '));
        numbers.map(|(labels, number)| (labels.to_owned(), number.parse().unwrap())).collect()
    }

    /// Waits until it asks for nothing any more.
    pub(super) async fn rests(&self) {
        eventually("no more requests", Duration::from_secs(60), || async {
            let before = self.requests().await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            let after = self.requests().await;
            if before == after { Ok(()) } else { Err(format!("{before:?}, then {after:?}")) }
        })
        .await;
    }

    /// The requests of one verb.
    pub(super) async fn requests_of(&self, verb: &str) -> u64 {
        let all = self.requests().await;
        all.iter().filter(|(labels, _)| labels.contains(&format!("\"{verb}\""))).map(|(_, number)| number).sum()
    }
}

pub(super) async fn pass(reconciler: &mut Reconciler, source: &Source) -> PassReport {
    let options = PassOptions {
        apply: true,
        wait: true,
        cancel: CancellationToken::new(),
        stop_waiting: CancellationToken::new(),
        retry_after: None,
    };
    reconciler.pass(source, &options, &|_| {}).await
}
