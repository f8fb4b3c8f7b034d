//! `evenkeel template` with a cluster: `--validate` and `--dry-run=server`, beside helm against the same API server.

use std::process::Command;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, PostParams};
use serde_json::json;

use crate::harness::{ControlPlane, Evenkeel, helm, unique_name};
use crate::require;

const MAIN: &str = r#"
{{- if .Values.capabilities }}
# version: {{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.Major }} {{ .Capabilities.KubeVersion.Minor }}
{{- range list "v1" "apps/v1" "apps/v1/Deployment" "apps/v1/Scale" "extensions/v1beta1" "mine/v1" }}
# {{ . }}: {{ $.Capabilities.APIVersions.Has . }}
{{- end }}
{{- end }}
{{- with .Values.lookup }}
{{- $found := lookup .apiVersion .kind .namespace .name }}
kind: {{ $found.kind }}
apiVersion: {{ $found.apiVersion }}
keys: {{ keys $found | sortAlpha | join " " }}
data: {{ $found.data | toJson }}
names: [{{ range $found.items }}{{ .kind }} {{ .apiVersion }} {{ .metadata.name }},{{ end }}]
{{- end }}
{{- range .Values.objects }}
---
{{ toYaml . }}
{{- end }}
"#;

/// What both said: standard output, or the error's first line.
fn said(success: bool, stdout: &str, stderr: &str) -> Result<String, String> {
    let error = || stderr.lines().find(|line| line.starts_with("Error: ")).unwrap_or(stderr).to_owned();
    if success { Ok(stdout.to_owned()) } else { Err(error()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_asked_as_helm_asks_it() {
    let (plane, helm) = (require!(ControlPlane::shared()), require!(helm()));
    let namespace = plane.new_namespace("validate").await;
    let maps: Api<ConfigMap> = Api::namespaced(plane.client().await, &namespace);
    let owner =
        |name: &str, space: &str| json!({"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": space});
    for (name, labels, annotations) in [
        ("foreign", json!({}), json!({})),
        ("other", json!({"app.kubernetes.io/managed-by": "Helm"}), owner("y", &namespace)),
        ("ours", json!({"app.kubernetes.io/managed-by": "Helm"}), owner("x", &namespace)),
    ] {
        let metadata = json!({"name": name, "labels": labels, "annotations": annotations});
        let map = serde_json::from_value(json!({"metadata": metadata, "data": {"key": name}})).unwrap();
        maps.create(&PostParams::default(), &map).await.unwrap();
    }

    let chart = tempfile::tempdir().unwrap();
    std::fs::create_dir(chart.path().join("templates")).unwrap();
    std::fs::write(chart.path().join("Chart.yaml"), "apiVersion: v2\nname: live\nversion: 1.0.0\n").unwrap();
    std::fs::write(chart.path().join("templates/main.yaml"), MAIN).unwrap();
    let object =
        |api: &str, kind: &str, name: &str| json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}});
    let map = |name: &str| object("v1", "ConfigMap", name);
    let objects = |all: &[serde_json::Value]| format!("objects={}", serde_json::to_string(all).unwrap());
    let lookup = |api: &str, kind: &str, space: &str, name: &str| {
        let what = json!({"apiVersion": api, "kind": kind, "namespace": space, "name": name});
        format!("lookup={what}")
    };
    let unserved = unique_name("group");
    let kinds = [object(&format!("{unserved}/v1"), "One", "a"), object("v1", "Two", "b"), map("new")];
    let missing = lookup(&format!("{unserved}/v1"), "One", "", "a");
    let cases: Vec<(&str, Vec<String>)> = vec![
        ("--validate", vec!["capabilities=true".to_owned()]),
        ("--validate --kube-version 1.20 --api-versions mine/v1", vec!["capabilities=true".to_owned()]),
        ("--dry-run=server", vec!["capabilities=true".to_owned()]),
        ("--validate", vec![objects(&[map("new"), object("v1", "Namespace", "new")])]),
        ("--validate", vec![objects(&[json!({"kind": "ConfigMap"})])]),
        ("--validate", vec![objects(&[json!({"metadata": {"name": "a"}})])]),
        ("--validate", vec![objects(&kinds[..1])]),
        ("--validate", vec![objects(&kinds)]),
        ("--validate --disable-openapi-validation", vec![objects(&kinds[1..])]),
        ("--validate", vec![objects(&[map("ours")])]),
        ("--validate", vec![objects(&[map("new"), map("foreign"), map("other")])]),
        ("--validate", vec![objects(&[map("other")])]),
        ("--validate", vec![objects(&[object("v1", "Namespace", "default")])]),
        ("--validate --take-ownership", vec![objects(&[map("foreign")])]),
        ("--validate --is-upgrade", vec![objects(&[map("foreign")])]),
        ("--validate --output-dir out", vec![objects(&[map("foreign")])]),
        ("--dry-run=server", vec![lookup("v1", "ConfigMap", &namespace, "ours")]),
        ("--dry-run=none", vec![lookup("v1", "ConfigMap", &namespace, "ours")]),
        ("--dry-run=client", vec![lookup("v1", "ConfigMap", &namespace, "ours")]),
        ("--validate", vec![lookup("v1", "ConfigMap", &namespace, "ours")]),
        ("--dry-run=server", vec![lookup("v1", "ConfigMap", &namespace, "nothing")]),
        ("--dry-run=server", vec![lookup("v1", "ConfigMap", &namespace, "")]),
        ("--dry-run=server", vec![lookup("v1", "Namespace", "", "default")]),
        ("--dry-run=server", vec![lookup("v1", "Nothing", "", "default")]),
        ("--dry-run=server", vec![missing]),
    ];
    for (flags, values) in cases {
        let mut args = vec!["template".to_owned(), "x".to_owned(), ".".to_owned()];
        args.extend(flags.split(' ').map(str::to_owned));
        args.extend(["--namespace".to_owned(), namespace.clone()]);
        values.iter().for_each(|value| args.extend(["--set-json".to_owned(), value.clone()]));
        let ours = Evenkeel::new(&args).plane(plane).folder(chart.path()).run();
        let ours = said(ours.status.success(), &ours.stdout, &ours.stderr);
        let home = tempfile::tempdir().unwrap();
        let theirs = Command::new(&helm)
            .args(&args)
            .arg("--kubeconfig")
            .arg(plane.kubeconfig())
            .current_dir(chart.path())
            .env_clear()
            .env("HOME", home.path())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let theirs = said(theirs.status.success(), &text(&theirs.stdout), &text(&theirs.stderr));
        assert_eq!(ours, theirs, "{flags} {values:?}");
    }
}

#[test]
fn a_cluster_that_is_not_there_is_named() {
    let chart = tempfile::tempdir().unwrap();
    std::fs::write(chart.path().join("Chart.yaml"), "apiVersion: v2\nname: live\nversion: 1.0.0\n").unwrap();
    let output = Evenkeel::new(["template", "x", ".", "--validate", "--kube-apiserver", "http://127.0.0.1:1"])
        .folder(chart.path())
        .run();
    assert!(!output.status.success(), "{output}");
    assert!(output.stderr.starts_with("Error: Kubernetes cluster unreachable: "), "{output}");
}
