//! Plain kubectl on the sandbox, as people use it.

use std::path::Path;
use std::process::{Command, Output};

use evenkeel::sandbox::{Options, Server};

use crate::harness::kubectl;
use crate::require;

struct Kubectl {
    program: std::path::PathBuf,
    folder: tempfile::TempDir,
}

impl Kubectl {
    fn new(program: &Path, server: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kubeconfig"), server.kubeconfig()).unwrap();
        Self { program: program.to_owned(), folder }
    }

    async fn try_run(&self, line: &str) -> Output {
        let mut command = Command::new(&self.program);
        command
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"))
            .env("HOME", self.folder.path())
            .env("EDITOR", "sed -i s/colour:.red/colour:\\ green/");
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn run(&self, line: &str) -> String {
        let output = self.try_run(line).await;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "kubectl {line}\n{out}{err}");
        out.into_owned()
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_kubectl_works_on_the_sandbox() {
    let program = require!(kubectl());
    let server = Server::start(([127, 0, 0, 1], 0).into(), Options::default()).await.unwrap();
    let kubectl = Kubectl::new(&program, &server);

    kubectl.run("create namespace shop").await;
    kubectl.run("-n shop create deployment web --image=web:1 --replicas=2").await;
    kubectl.run("-n shop rollout status deployment/web --timeout=30s").await;
    let table = kubectl.run("-n shop get deployment web").await;
    assert!(table.contains("2/2"), "{table}");
    kubectl.run("-n shop scale deployment web --replicas=3").await;
    kubectl.run("-n shop wait --for=jsonpath={.status.readyReplicas}=3 deployment/web --timeout=30s").await;
    kubectl.run("-n shop set image deployment/web web=web:2").await;
    kubectl.run("-n shop rollout status deployment/web --timeout=30s").await;

    kubectl.file(
        "map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: paint}\ndata:\n  colour: red\n  gone: soon\n",
    );
    kubectl.run("-n shop apply -f map.yaml").await;
    kubectl.file("map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: paint}\ndata:\n  colour: red\n");
    kubectl.run("-n shop apply -f map.yaml").await;
    assert_eq!(kubectl.run("-n shop get cm paint -o jsonpath={.data}").await, r#"{"colour":"red"}"#);
    kubectl.run("-n shop apply --server-side -f map.yaml").await;
    kubectl.run("-n shop edit configmap paint").await;
    assert_eq!(kubectl.run("-n shop get cm paint -o jsonpath={.data.colour}").await, "green");
    kubectl.run("-n shop label configmap paint shade=dark").await;
    kubectl.run("-n shop annotate configmap paint note=wet").await;
    kubectl.run(r#"-n shop patch configmap paint -p {"data":{"colour":"blue"}}"#).await;
    assert_eq!(kubectl.run("-n shop get cm -l shade=dark -o jsonpath={.items[*].data.colour}").await, "blue");
    let output = kubectl.try_run("-n shop diff -f map.yaml").await;
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));

    kubectl.file("bad.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\ndatum: {}\n");
    let output = kubectl.try_run("-n shop apply -f bad.yaml").await;
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("unknown field \"datum\""), "{error}");

    assert!(kubectl.run("explain deployment.spec.replicas").await.contains("Number of desired pods"));
    assert!(kubectl.run("api-resources").await.contains("customresourcedefinitions"));
    let watched = kubectl.run("-n shop get pods -w --request-timeout=1s").await;
    assert_eq!(watched.lines().filter(|line| line.contains("1/1")).count(), 3, "{watched}");

    kubectl.run("-n shop delete deployment web --cascade=foreground --timeout=30s").await;
    assert_eq!(kubectl.run("-n shop get pods -o name").await, "");
    kubectl.run("delete namespace shop --timeout=30s").await;
    server.shutdown().await;
}
