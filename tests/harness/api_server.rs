//! An API server from `KUBEBUILDER_ASSETS`: etcd and kube-apiserver, no controllers.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;

use super::control_plane::{Running, START, binaries};
use super::requirement::{Missing, named};

/// The administrator's token. Worth nothing outside the loopback interface of a test run.
const TOKEN: &str = "administrator";

/// A program under its lifeline.
type Started = (ChildStdin, Child);

/// An API server of a test's own, which may be killed and started again. Its etcd goes on meanwhile.
pub(crate) struct ApiServer {
    program: PathBuf,
    arguments: Vec<String>,
    folder: tempfile::TempDir,
    etcd: Started,
    server: Option<Started>,
}

impl ApiServer {
    /// Starts both, from `KUBEBUILDER_ASSETS` or from what the tests have built.
    pub(crate) fn start() -> Result<Self, Missing> {
        match named("KUBEBUILDER_ASSETS") {
            Some(assets) => Ok(Self::of(&assets)),
            None => binaries().map(|folder| Self::of(&folder)),
        }
    }

    /// Starts both and waits until the API server is ready.
    ///
    /// # Panics
    /// When they do not start, with the end of what the API server wrote.
    fn of(assets: &Path) -> Self {
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
        let arguments = vec![
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
        ];
        let content = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": format!("https://127.0.0.1:{port}"), "insecure-skip-tls-verify": true,
            }}],
            "users": [{"name": "test", "user": {"token": TOKEN}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        });
        std::fs::write(file("kubeconfig"), content.to_string()).unwrap();
        let mut whole = Self { program: assets.join("kube-apiserver"), arguments, folder, etcd, server: None };
        whole.resume();
        whole
    }

    /// The kubeconfig of an administrator.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Kills the API server.
    pub(crate) fn kill(&mut self) {
        if let Some((lifeline, mut process)) = self.server.take() {
            drop(lifeline);
            process.wait().unwrap();
        }
    }

    /// Starts the API server where it was, and waits until it is ready.
    pub(crate) fn resume(&mut self) {
        let log = self.folder.path().join("kube-apiserver.log");
        self.server = Some(under_lifeline(Command::new("sh"), &self.program, &self.arguments, &log));
        wait_until_ready(&self.kubeconfig(), &log);
    }
}

/// Starts both for as long as the result is held; returns the kubeconfig, too.
pub(super) fn start(assets: &Path) -> (PathBuf, Vec<Running>) {
    let server = ApiServer::of(assets);
    let kubeconfig = server.kubeconfig();
    let ApiServer { folder, etcd, server, .. } = server;
    let running = [(Some(etcd), None), (server, Some(folder))].into_iter().filter_map(|(started, folder)| {
        let (lifeline, process) = started?;
        Some(Running { _lifeline: lifeline, _process: process, _folder: folder })
    });
    (kubeconfig, running.collect())
}

/// Two ports that nobody listens on, from below those that connections are given: what is killed finds its own free again.
fn free_ports() -> [u16; 2] {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let free = || {
        for _ in 0..1000 {
            let offset =
                (std::process::id() as u16).wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
            let port = 20_000 + offset % 10_000;
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
        panic!("no port is free");
    };
    [free(), free()]
}

/// Starts a program that is killed as soon as its lifeline, a pipe, closes: also when this process is killed.
fn under_lifeline(mut shell: Command, program: &Path, arguments: &[String], log: &Path) -> Started {
    let script = r#""$@" </dev/null & child=$!; cat >/dev/null; kill -KILL $child; wait $child"#;
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
