//! A daemon over a copy of the clipper environments, its API, and a receiver for its alerts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

use crate::harness::{ControlPlane, Daemon, Evenkeel, GitRepository, eventually, unique_name};

/// How long a step that needs controllers may take.
pub(super) const STEP: Duration = Duration::from_secs(90);
/// The secret of the webhook.
pub(super) const SECRET: &str = "the webhook's secret";

/// A copy of `environments/` and `charts/` with environments of unique names, so that tests beside each other do not meet.
pub(super) struct Platform {
    pub(super) repository: GitRepository,
    /// The environment, copied from `clipper-production` or `clipper-staging`.
    pub(super) environment: String,
    /// Its namespace.
    pub(super) namespace: String,
}

impl Platform {
    pub(super) fn new(from: &str) -> Self {
        let repository = GitRepository::new();
        let environment = unique_name(from);
        let namespace = environment.clone();
        repository.copy("charts", "charts");
        for layer in ["base", "clipper-base"] {
            let folder = format!("environments/{layer}");
            repository.copy(&folder, &folder);
        }
        repository.copy(&format!("environments/{from}"), &format!("environments/{environment}"));
        let file = format!("environments/{environment}/environment.yaml");
        repository.replace(&file, &format!("namespace: {from}"), &format!("namespace: {namespace}"));
        repository.commit("the clipper platform");
        Self { repository, environment, namespace }
    }

    /// A file of the environment.
    pub(super) fn file(&self, path: &str) -> String {
        format!("environments/{}/{path}", self.environment)
    }
}

/// What the daemon posted, newest last.
pub(super) type Posted = Arc<Mutex<Vec<Value>>>;

/// A receiver on loopback that takes every alert whose signature is right.
pub(super) async fn receiver() -> (String, Posted) {
    let posted = Posted::default();
    let kept = Arc::clone(&posted);
    let app = Router::new().route(
        "/alerts",
        post(move |headers: HeaderMap, body: Bytes| async move {
            let signature =
                headers.get(evenkeel::notify::SIGNATURE_HEADER).and_then(|v| v.to_str().ok()).unwrap_or_default();
            if !evenkeel::notify::verify(SECRET.as_bytes(), &body, signature) {
                return StatusCode::FORBIDDEN;
            }
            kept.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
            StatusCode::NO_CONTENT
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, posted)
}

/// The daemon over the platform's environment, with its alerts posted to a webhook.
pub(super) fn daemon(plane: &ControlPlane, platform: &Platform, webhook: &str) -> Daemon {
    let secret = platform.repository.path().join(".git/webhook-secret");
    std::fs::write(&secret, SECRET).unwrap();
    let evenkeel = Evenkeel::new(["run", "--poll", "1s", "--listen", "127.0.0.1:0", "-v"])
        .repository(&platform.repository)
        .args(["--environment", &platform.environment, "--webhook", webhook])
        .arg("--webhook-secret-file")
        .arg(&secret)
        .plane(plane);
    Daemon::start(evenkeel, STEP)
}

/// Waits for an alert.
pub(super) async fn alert(posted: &Posted, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    eventually(what, STEP, || async {
        let posted = posted.lock().unwrap();
        posted.iter().rev().find(|a| wanted(a)).cloned().ok_or_else(|| format!("{posted:#?}"))
    })
    .await
}
