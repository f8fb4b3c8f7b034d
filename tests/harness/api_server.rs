//! An API server from `KUBEBUILDER_ASSETS`: etcd and kube-apiserver, no controllers.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;

use super::control_plane::{Running, START};

/// The administrator's token. Worth nothing outside the loopback interface of a test run.
const TOKEN: &str = "administrator";

/// Starts both and waits until the API server is ready; returns its kubeconfig.
///
/// # Panics
/// When they do not start, with the end of what the API server wrote.
pub(super) fn start(assets: &Path) -> (PathBuf, Vec<Running>) {
    let folder = tempfile::Builder::new().prefix("evenkeel-apiserver-").tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let [etcd_port, port] = free_ports();
    let etcd_url = format!("http://127.0.0.1:{etcd_port}");
    let mut etcd = Command::new("sh");
    etcd.env("ETCD_ADVERTISE_CLIENT_URLS", &etcd_url).env("ETCD_LISTEN_PEER_URLS", "http://127.0.0.1:0");
    let etcd = under_lifeline(
        etcd,
        &assets.join("etcd"),
        &[format!("--data-dir={}", file("etcd")), format!("--listen-client-urls={etcd_url}")],
        &folder.path().join("etcd.log"),
    );
    std::fs::write(file("tokens"), format!("{TOKEN},admin,admin,system:masters\n")).unwrap();
    let server = under_lifeline(
        Command::new("sh"),
        &assets.join("kube-apiserver"),
        &[
            format!("--etcd-servers={etcd_url}"),
            "--bind-address=127.0.0.1".into(),
            format!("--secure-port={port}"),
            format!("--cert-dir={}", file("pki")),
            "--authorization-mode=RBAC".into(),
            format!("--token-auth-file={}", file("tokens")),
            // The key that it makes for itself serves for accounts too.
            format!("--service-account-key-file={}", file("pki/apiserver.key")),
            format!("--service-account-signing-key-file={}", file("pki/apiserver.key")),
            format!("--service-account-issuer=https://127.0.0.1:{port}"),
            "--service-cluster-ip-range=10.0.0.0/16".into(),
            "--disable-admission-plugins=ServiceAccount".into(),
            "--endpoint-reconciler-type=none".into(),
        ],
        &folder.path().join("kube-apiserver.log"),
    );
    let kubeconfig = folder.path().join("kubeconfig");
    let content = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {
            "server": format!("https://127.0.0.1:{port}"), "insecure-skip-tls-verify": true,
        }}],
        "users": [{"name": "test", "user": {"token": TOKEN}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    });
    std::fs::write(&kubeconfig, content.to_string()).unwrap();
    wait_until_ready(&kubeconfig, &folder.path().join("kube-apiserver.log"));
    let running = [(etcd, None), (server, Some(folder))].into_iter().map(|((lifeline, process), folder)| Running {
        _lifeline: lifeline,
        _process: process,
        _folder: folder,
    });
    (kubeconfig, running.collect())
}

/// Two ports that nobody listens on. Somebody may before they are used: a risk that only this way of starting has.
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Starts a program that is killed as soon as its lifeline, a pipe, closes: also when this process is killed.
fn under_lifeline(mut shell: Command, program: &Path, arguments: &[String], log: &Path) -> (ChildStdin, Child) {
    let script = r#""$@" </dev/null & child=$!; cat >/dev/null; kill -KILL $child"#;
    shell.args(["-c", script, "sh"]).arg(program).args(arguments);
    let log = std::fs::File::create(log).unwrap();
    let mut process = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    (process.stdin.take().unwrap(), process)
}

fn wait_until_ready(kubeconfig: &Path, log: &Path) {
    let log = log.to_owned();
    let file = Kubeconfig::read_from(kubeconfig).unwrap();
    // On a thread of its own: the caller may already be inside a runtime.
    let waiting = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
            let client = kube::Client::try_from(config).unwrap();
            let end = Instant::now() + START;
            while let Err(error) = client.request_text(http::Request::get("/readyz").body(Vec::new()).unwrap()).await {
                if Instant::now() > end {
                    let log = std::fs::read_to_string(log).unwrap_or_default();
                    let tail: Vec<_> = log.lines().rev().take(20).collect();
                    panic!("the API server is not ready after {START:?}: {error}; its log, last line first: {tail:#?}");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    });
    waiting.join().unwrap();
}
