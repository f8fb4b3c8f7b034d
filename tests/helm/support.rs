//! A repository with one small chart that has everything: hooks of all kinds, a test, notes, files.

use std::process::Command;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::Api;
use serde_json::Value;

use crate::harness::{ControlPlane, Evenkeel, GitRepository, Output, helm, unique_name};

/// The release's name.
pub(super) const RELEASE: &str = "web";

/// One environment with one release in a namespace of its own.
pub(super) struct Stage {
    pub(super) plane: &'static ControlPlane,
    pub(super) repository: GitRepository,
    pub(super) environment: String,
    pub(super) namespace: String,
}

const CONFIG_MAP: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-config
  labels:
    app.kubernetes.io/managed-by: {{ .Release.Service }}
data:
  message: {{ .Values.message | quote }}
";

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {app: {{ .Release.Name }}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}}
    spec:
      containers:
      - name: app
        image: {{ .Values.image }}
";

const TEST: &str = "apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-test
  annotations:
    helm.sh/hook: test
    {{- with .Values.testOutcome }}
    evenkeel.dev/test-outcome: {{ . }}
    {{- end }}
spec:
  restartPolicy: Never
  containers:
  - name: test
    image: test:1
";

const HOOKS: &str = "{{- range $name, $hook := .Values.hooks }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $.Release.Name }}-{{ $name }}
  annotations:
    helm.sh/hook: {{ $hook.events }}
    helm.sh/hook-weight: {{ $hook.weight | default 0 | quote }}
    {{- with $hook.delete }}
    helm.sh/hook-delete-policy: {{ . }}
    {{- end }}
spec:
  backoffLimit: 0
  {{- if hasKey $hook \"ttl\" }}
  ttlSecondsAfterFinished: {{ $hook.ttl }}
  {{- end }}
  template:
    {{- with $hook.outcome }}
    metadata:
      annotations: {evenkeel.dev/test-outcome: {{ . }}}
    {{- end }}
    spec:
      restartPolicy: Never
      containers:
      - name: job
        image: job:1
{{- end }}
";

/// The chart, and one environment with one release of it, committed.
pub(super) fn repository(environment: &str, namespace: &str) -> GitRepository {
    let repository = GitRepository::new();
    repository
            .write("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: \"7.1\"\ndescription: a <web> & more\nkeywords: [a, b]\n")
            .write("charts/web/values.yaml", "message: hello\nreplicas: 1\nimage: app:1\nlist: [1, 2.5, {a: null}]\nhooks: {}\n")
            .write("charts/web/README.md", "# web\n")
            .write("charts/web/values.schema.json", "{\"type\": \"object\"}\n")
            .write("charts/web/templates/_helpers.tpl", "{{ define \"web\" }}web{{ end }}\n")
            .write("charts/web/templates/configmap.yaml", CONFIG_MAP)
            .write("charts/web/templates/deployment.yaml", DEPLOYMENT)
            .write("charts/web/templates/hooks.yaml", HOOKS)
            .write("charts/web/templates/tests/test.yaml", TEST)
            .write("charts/web/templates/NOTES.txt", "The message is {{ .Values.message }}.\n")
            .write(
                &format!("environments/{environment}/environment.yaml"),
                &format!("apiVersion: evenkeel.dev/v1alpha1\nkind: Environment\nnamespace: {namespace}\n"),
            )
            .write(
                &format!("environments/{environment}/{RELEASE}/release.yaml"),
                "apiVersion: evenkeel.dev/v1alpha1\nkind: Release\nchart: charts/web\ntimeout: 1m\n",
            )
            .write(&format!("environments/{environment}/{RELEASE}/values.yaml"), "message: one\nextra: {deep: [1, true]}\n");
    repository.commit("one");
    repository
}

impl Stage {
    /// With the chart committed and nothing deployed.
    pub(super) fn new(plane: &'static ControlPlane) -> Self {
        let environment = unique_name("helm");
        let namespace = unique_name("helm-ns");
        Self { plane, repository: repository(&environment, &namespace), environment, namespace }
    }

    /// Says another message, and commits that.
    pub(super) fn say(&self, from: &str, to: &str) -> String {
        self.repository.replace(&self.values(), &format!("message: {from}"), &format!("message: {to}"));
        self.repository.commit(to)
    }

    /// Gives the release hooks (YAML of a map: name to events, weight, delete, ttl, outcome), and commits that.
    pub(super) fn hooks(&self, yaml: &str) -> String {
        let values = self.repository.read(&self.values());
        let own = values.split("hooks:").next().unwrap();
        self.repository.write(&self.values(), &format!("{own}hooks: {yaml}\n"));
        self.repository.commit("hooks")
    }

    /// A Job of the release.
    pub(super) async fn job(&self, name: &str) -> Option<Job> {
        let jobs: Api<Job> = Api::namespaced(self.plane.client().await, &self.namespace);
        jobs.get_opt(&format!("{RELEASE}-{name}")).await.unwrap()
    }

    /// The release's values file.
    pub(super) fn values(&self) -> String {
        format!("environments/{}/{RELEASE}/values.yaml", self.environment)
    }

    /// `ENV/RELEASE`.
    pub(super) fn target(&self) -> String {
        format!("{}/{RELEASE}", self.environment)
    }

    /// Runs evenkeel on the repository and the cluster.
    pub(super) fn evenkeel(&self, arguments: &[&str]) -> Output {
        Evenkeel::new(arguments).repository(&self.repository).plane(self.plane).run()
    }

    /// Applies the environment; everything must be well.
    pub(super) fn apply(&self) -> Output {
        self.evenkeel(&["apply", &self.environment]).expect_code(0)
    }

    /// Runs helm in the release's namespace.
    pub(super) fn helm(&self, arguments: &[&str]) -> Helm {
        self.helm_in(&self.namespace, arguments)
    }

    pub(super) fn helm_in(&self, namespace: &str, arguments: &[&str]) -> Helm {
        let home = tempfile::tempdir().unwrap();
        let output = Command::new(helm().unwrap())
            .args(arguments)
            .args(["--namespace", namespace, "--kubeconfig"])
            .arg(self.plane.kubeconfig())
            .current_dir(self.repository.path())
            .env("HOME", home.path())
            .env("TZ", "UTC")
            .output()
            .unwrap();
        Helm {
            command: arguments.join(" "),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Helm's revisions as `REVISION STATUS DESCRIPTION`.
    pub(super) fn history(&self) -> Vec<String> {
        let history = self.helm(&["history", RELEASE, "--output", "json"]).fine().json();
        history
            .as_array()
            .unwrap()
            .iter()
            .map(|r| {
                format!("{} {} {}", r["revision"], r["status"].as_str().unwrap(), r["description"].as_str().unwrap())
            })
            .collect()
    }

    /// What the ConfigMap says.
    pub(super) async fn message(&self) -> String {
        let maps: Api<ConfigMap> = Api::namespaced(self.plane.client().await, &self.namespace);
        let map = maps.get(&format!("{RELEASE}-config")).await.unwrap();
        map.data.unwrap_or_default().remove("message").unwrap_or_default()
    }

    /// A record of a namespace, decoded.
    pub(super) async fn record(&self, namespace: &str, version: u32) -> (Secret, Value) {
        let secrets: Api<Secret> = Api::namespaced(self.plane.client().await, namespace);
        let secret = secrets.get(&format!("sh.helm.release.v1.{RELEASE}.v{version}")).await.unwrap();
        let text = &secret.data.as_ref().unwrap()["release"].0;
        let revision = evenkeel::history::decode(std::str::from_utf8(text).unwrap()).unwrap();
        (secret, revision.to_json())
    }
}

/// What helm did.
pub(super) struct Helm {
    command: String,
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Helm {
    /// Itself, when helm was content.
    pub(super) fn fine(self) -> Self {
        assert_eq!(self.code, Some(0), "helm {}\n{}\n{}", self.command, self.stdout, self.stderr);
        self
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("helm {}: {e}\n{}", self.command, self.stdout))
    }
}

/// The lines of an output that begin with a word, without it.
pub(super) fn lines_of(output: &Output, word: &str) -> Vec<String> {
    output.stdout.lines().filter_map(|l| Some(l.strip_prefix(word)?.trim().to_owned())).collect()
}
