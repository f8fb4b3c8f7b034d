//! A home folder, charts, and a repository over HTTP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::harness::{Evenkeel, Output};

/// A home folder that several commands share, helm's and ours.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("evenkeel-charts-").tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A new, empty folder in it.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// evenkeel, in the folder `work`.
    pub(crate) fn evenkeel<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Evenkeel {
        Evenkeel::new(arguments).env("HOME", self.path()).env("DOCKER_CONFIG", "").folder(&self.folder("work"))
    }

    pub(crate) fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Output {
        self.evenkeel(arguments).run()
    }

    /// Real helm, in the folder `helm-work`: its exit and what it wrote on standard output and error.
    pub(crate) fn helm(&self, helm: &Path, arguments: &[&str]) -> (bool, String, String) {
        let mut command = Command::new(helm);
        for (name, _) in std::env::vars_os() {
            if ["HELM_", "XDG_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        let done = command
            .args(arguments)
            .current_dir(self.folder("helm-work"))
            .env("HOME", self.path())
            .env("TZ", "UTC")
            .env_remove("DOCKER_CONFIG")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.success(), text(&done.stdout), text(&done.stderr))
    }

    /// Helm, which has to succeed.
    pub(crate) fn helm_ok(&self, helm: &Path, arguments: &[&str]) -> String {
        let (fine, out, err) = self.helm(helm, arguments);
        assert!(fine, "helm {arguments:?}: {out}{err}");
        out
    }

    /// A chart's folder, with a template that shows its version and a value.
    pub(crate) fn chart(&self, name: &str, version: &str) -> PathBuf {
        let folder = self.path().join("charts").join(format!("{name}-{version}"));
        write(
            &folder.join("Chart.yaml"),
            &format!(
                "apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: \"1.0\"\ndescription: A chart <for> tests & more\nhome: https://example.org\n\
             sources: [https://example.org/source]\nmaintainers: [{{name: Ann, email: ann@example.org}}, {{name: Bob}}]\nannotations: {{b: \"2\", a: \"1\"}}\n"
            ),
        );
        write(&folder.join("values.yaml"), "# The values\nword: hello\n");
        write(&folder.join("README.md"), "# Read me\n");
        write(
            &folder.join("crds/a.yaml"),
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\n",
        );
        write(&folder.join("templates/NOTES.txt"), "Done.\n");
        write(
            &folder.join("templates/map.yaml"),
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {v: {{ .Chart.Version | quote }}, w: {{ .Values.word }}}\n",
        );
        folder
    }

    /// A packed chart, made by helm, below the folder `packed`.
    pub(crate) fn packed(&self, helm: &Path, name: &str, version: &str) -> PathBuf {
        let chart = self.chart(name, version);
        let to = self.folder("packed");
        self.helm_ok(helm, &["package", chart.to_str().unwrap(), "-d", to.to_str().unwrap()]);
        to.join(format!("{name}-{version}.tgz"))
    }
}

pub(crate) fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A request that came: its path, and what it said of who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

struct Shared {
    folder: PathBuf,
    /// `Basic …`, when it is needed.
    authorization: Option<String>,
    redirects: BTreeMap<String, String>,
    came: Mutex<Vec<Came>>,
}

/// A folder over HTTP on loopback, for as long as it is held.
pub(crate) struct Repository {
    address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: tokio::runtime::Runtime,
}

impl Repository {
    pub(crate) fn serve(folder: &Path) -> Self {
        Self::start(folder, None, BTreeMap::new())
    }

    /// With user `user` and a password.
    pub(crate) fn locked(folder: &Path, password: &str) -> Self {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("user:{password}"));
        Self::start(folder, Some(format!("Basic {encoded}")), BTreeMap::new())
    }

    pub(crate) fn start(folder: &Path, authorization: Option<String>, redirects: BTreeMap<String, String>) -> Self {
        let shared = Arc::new(Shared { folder: folder.to_owned(), authorization, redirects, came: Mutex::default() });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, shared, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came so far, and forgets it.
    pub(crate) fn came(&self) -> Vec<Came> {
        std::mem::take(&mut self.shared.came.lock().unwrap())
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let said = request.headers().get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    shared.came.lock().unwrap().push(Came { path: path.clone(), authorization: said.clone() });
    if shared.authorization.is_some() && said != shared.authorization {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if let Some(to) = shared.redirects.get(&path) {
        return (StatusCode::FOUND, [(header::LOCATION, to.clone())]).into_response();
    }
    let file = shared.folder.join(path.trim_start_matches('/'));
    let Ok(bytes) = std::fs::read(&file) else { return StatusCode::NOT_FOUND.into_response() };
    let etag = format!("\"{}\"", evenkeel::chart::repository::sha256(&bytes));
    if request.headers().get(header::IF_NONE_MATCH).is_some_and(|held| held.to_str().unwrap() == etag) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    ([(header::ETAG, etag)], bytes).into_response()
}
