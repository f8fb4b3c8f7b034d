//! What rendering has to keep when a release is reconciled again and again: random parts stay, and a refusal by a chart's schema
//! stays with its release.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;

use super::lifecycle::{RELEASE, Sandbox};
use crate::harness::{ControlPlane, Evenkeel, GitRepository, Output, unique_name, wait_for};
use crate::require;

const CHART: &str = "apiVersion: v2\nname: keys\nversion: 1.0.0\n";

const KEYS: &str = r#"
{{- $authority := genCA "authority" 3650 }}
{{- $server := genSignedCert "server" nil (list "server.example.org") 3650 $authority }}
apiVersion: v1
kind: Secret
metadata:
  name: keys
stringData:
  authority: {{ $authority.Cert | quote }}
  certificate: {{ $server.Cert | quote }}
  key: {{ $server.Key | quote }}
  password: {{ randAlphaNum 24 }}
  id: {{ uuidv4 }}
  login: {{ htpasswd "ann" "secret" | quote }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: word
data:
  word: {{ .Values.word }}
  {{- if .Values.more }}
  more: {{ randAlphaNum 8 }}
  {{- end }}
"#;

/// An environment with one release of the chart of keys.
fn keys(environment: &str, namespace: &str) -> GitRepository {
    let repository = GitRepository::new();
    let header = "apiVersion: evenkeel.dev/v1alpha1\nkind: Environment\n";
    repository
        .write(&format!("environments/{environment}/environment.yaml"), &format!("{header}namespace: {namespace}\n"));
    repository
        .write(&format!("environments/{environment}/keys/release.yaml"), &format!("{RELEASE}chart: charts/keys\n"));
    repository.write("charts/keys/Chart.yaml", CHART);
    repository.write("charts/keys/values.yaml", "word: none\nmore: false\n");
    repository.write("charts/keys/templates/keys.yaml", KEYS);
    repository
}

/// Applies again and again, by hand and by the daemon: the Secret stays as it was first written.
async fn keys_stay(run: impl Fn(&GitRepository, &[&str]) -> Evenkeel, client: Client, namespace: &str) {
    let environment = unique_name("keys");
    let repository = keys(&environment, namespace);
    let values = format!("environments/{environment}/keys/values.yaml");
    repository.write(&values, "word: first\n");
    repository.commit("first");
    let apply =
        || run(&repository, &["apply", &environment, "--rev", "HEAD", "--output", "json"]).run().expect_code(0).json();
    let done = |document: &Value| -> Vec<String> {
        let done = document["done"]["keys"].as_array().unwrap();
        done.iter()
            .map(|done| format!("{} {}", done["action"].as_str().unwrap(), done["object"].as_str().unwrap()))
            .collect()
    };
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let words: Api<ConfigMap> = Api::namespaced(client, namespace);

    assert_eq!(done(&apply()).len(), 2);
    let first = secrets.get("keys").await.unwrap();
    let data = first.data.clone().unwrap();
    assert!(data["authority"].0.starts_with(b"-----BEGIN CERTIFICATE-----") && data["password"].0.len() == 24);

    assert_eq!(done(&apply()), Vec::<String>::new(), "the same once more");
    repository.write(&values, "word: second\n");
    repository.commit("second");
    assert_eq!(done(&apply()), [format!("configured /ConfigMap/{namespace}/word")], "an unrelated value");
    // A call elsewhere in the same template moves none of the others.
    repository.write(&values, "word: second\nmore: true\n");
    repository.commit("more");
    assert_eq!(done(&apply()), [format!("configured /ConfigMap/{namespace}/word")], "another call");

    // Every commit is rendered at its own time.
    let daemon =
        run(&repository, &["run", "--poll", "200ms", "--listen", "127.0.0.1:0", "--environment", &environment]).start();
    repository.write(&values, "word: third\nmore: true\n");
    repository.commit("third");
    let third = |map: &ConfigMap| map.data.as_ref().is_some_and(|data| data["word"] == "third");
    wait_for(words, "word", "the third word", third).await;
    let last = secrets.get("keys").await.unwrap();
    daemon.terminate();
    assert_eq!(last.data.unwrap(), data);
    assert_eq!(last.metadata.resource_version, first.resource_version(), "nobody wrote it again");
}

#[tokio::test(flavor = "multi_thread")]
async fn random_parts_stay_on_the_sandbox() {
    let sandbox = Sandbox::start();
    keys_stay(|repository, arguments| sandbox.command(repository, arguments), sandbox.client().await, "demo").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_parts_stay_on_a_real_api_server() {
    let plane = require!(ControlPlane::api_server());
    let namespace = plane.new_namespace("keys").await;
    let run =
        |repository: &GitRepository, arguments: &[&str]| Evenkeel::new(arguments).repository(repository).plane(plane);
    keys_stay(run, plane.client().await, &namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_a_schema_stays_with_its_release() {
    let sandbox = Sandbox::start();
    let repository = GitRepository::new();
    repository.write("environments/test/environment.yaml", super::lifecycle::ENVIRONMENT);
    for name in ["checked", "free"] {
        let chart = format!("charts/{name}");
        repository.write(&format!("{chart}/Chart.yaml"), &CHART.replace("keys", name));
        repository.write(&format!("{chart}/values.yaml"), "replicas: 1\n");
        repository.write(
            &format!("{chart}/templates/map.yaml"),
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  replicas: {{ .Values.replicas | quote }}\n",
        );
        repository.write(&format!("environments/test/{name}/release.yaml"), &format!("{RELEASE}chart: {chart}\n"));
    }
    repository.write(
        "charts/checked/values.schema.json",
        r#"{"properties": {"replicas": {"type": "integer", "maximum": 3}}}"#,
    );
    let apply = || -> Output { sandbox.run(&repository, &["apply", "test", "--output", "json"]) };
    let maps: Api<ConfigMap> = Api::namespaced(sandbox.client().await, "demo");
    let held = async |name: &str| maps.get(name).await.unwrap().data.unwrap()["replicas"].clone();
    let set = |name: &str, replicas: &str| {
        repository.write(&format!("environments/test/{name}/values.yaml"), &format!("replicas: {replicas}\n"));
    };
    set("checked", "2");
    apply().expect_code(0);
    assert_eq!((held("checked").await, held("free").await), ("2".to_owned(), "1".to_owned()));

    set("checked", "9");
    set("free", "9");
    let refused = apply().expect_code(2);
    let errors = refused.json()["errors"].clone();
    let message = errors[0]["message"].as_str().unwrap();
    assert_eq!(errors.as_array().unwrap().len(), 1, "{refused}");
    assert!(message.starts_with("test/checked"), "{message}");
    assert!(message.contains("values don't meet the specifications of the schema(s)"), "{message}");
    assert!(message.contains("replicas: Must be less than or equal to 3"), "{message}");
    assert_eq!(
        (held("checked").await, held("free").await),
        ("2".to_owned(), "9".to_owned()),
        "the last good state stays"
    );
    let status = sandbox.run(&repository, &["status", "test", "--output", "json"]).json();
    let broken = status["releases"].as_array().unwrap().iter().find(|release| release["name"] == "checked").unwrap();
    assert!(broken.to_string().contains("Must be less than or equal to 3"), "{status:#}");

    set("checked", "3");
    apply().expect_code(0);
    assert_eq!(held("checked").await, "3");
}
