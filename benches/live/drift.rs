//! Foreign changes, and how long after the server's answer to each the daemon has told of it, or put it right.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use evenkeel::plan::DesiredObject;
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

use super::server::Server;

/// How long a change may stay unseen before the benchmark gives up.
const DEADLINE: Duration = Duration::from_secs(60);
/// An alert, and when it came.
type Came = (Instant, Value);

/// Where the daemon's alerts are posted to.
pub(super) struct Receiver {
    url: String,
    alerts: Mutex<mpsc::UnboundedReceiver<Came>>,
    _task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let (sender, alerts) = mpsc::unbounded_channel::<Came>();
        let take = |State(sender): State<mpsc::UnboundedSender<Came>>, body: String| async move {
            let came = Instant::now();
            let _ = sender.send((came, serde_json::from_str(&body).unwrap()));
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let app = Router::new().route("/", post(take)).with_state(sender);
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, alerts: Mutex::new(alerts), _task: task }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// When an alert of a kind came; with an object, one that is about it.
    async fn next(&self, kind: &str, about: Option<&DesiredObject>) -> Instant {
        let mut alerts = self.alerts.lock().await;
        let waiting = async {
            loop {
                let (came, alert) = alerts.recv().await.unwrap();
                let names = |object: &Value, wanted: &DesiredObject| {
                    object["kind"] == wanted.id.kind.as_str() && object["name"] == wanted.id.name.as_str()
                };
                let objects = alert["details"].as_array().cloned().unwrap_or_default();
                if alert["kind"] == kind && about.is_none_or(|wanted| objects.iter().any(|o| names(o, wanted))) {
                    return came;
                }
            }
        };
        let about = about.map(|object| object.id.display());
        tokio::time::timeout(DEADLINE, waiting).await.unwrap_or_else(|_| panic!("no alert {kind} of {about:?}"))
    }
}

/// Changes objects one after the other where drift is only told, and changes each back. The times from answer to alert.
pub(super) async fn told(server: &Server, receiver: &Receiver, victims: &[DesiredObject]) -> Vec<Duration> {
    let mut times = Vec::new();
    for victim in victims {
        let (pointer, foreign) = change(victim);
        let desired = victim.object.value().pointer(&pointer).unwrap().clone();
        let changed = patch(server, victim, &pointer, &foreign).await;
        let came = receiver.next("drift", Some(victim)).await;
        times.push(came.saturating_duration_since(changed));
        patch(server, victim, &pointer, &desired).await;
        receiver.next("resolved", None).await;
    }
    times
}

/// Changes objects one after the other where drift is corrected. The times from answer to the end of the correction.
pub(super) async fn corrected(server: &Server, receiver: &Receiver, victims: &[DesiredObject]) -> Vec<Duration> {
    let mut times = Vec::new();
    for victim in victims {
        let (pointer, foreign) = change(victim);
        let desired = victim.object.value().pointer(&pointer).unwrap().clone();
        let changed = patch(server, victim, &pointer, &foreign).await;
        let came = receiver.next("driftCorrected", Some(victim)).await;
        times.push(came.saturating_duration_since(changed));
        let live: Value =
            server.admin.request(http::Request::get(path(victim)).body(Vec::new()).unwrap()).await.unwrap();
        assert_eq!(live.pointer(&pointer), Some(&desired), "{} was not put right", victim.id.display());
    }
    times
}

/// A field of an object, as JSON pointer, and what somebody else makes of it.
fn change(victim: &DesiredObject) -> (String, Value) {
    let (pointer, foreign) = match victim.id.kind.as_str() {
        "ConfigMap" => ("/data/greeting", json!("changed")),
        "Secret" => ("/data/password", json!("Y2hhbmdlZA==")),
        "Service" => ("/spec/sessionAffinity", json!("ClientIP")),
        "ServiceAccount" => ("/automountServiceAccountToken", json!(true)),
        "Deployment" if victim.id.name.ends_with("web") => ("/spec/revisionHistoryLimit", json!(7)),
        "Deployment" => ("/spec/template/spec/containers/0/image", json!("registry.example/other:1")),
        other => unreachable!("the chart has no {other}"),
    };
    (pointer.to_owned(), foreign)
}

/// Sets a field as somebody else; returns when the server had answered.
async fn patch(server: &Server, victim: &DesiredObject, pointer: &str, value: &Value) -> Instant {
    let body = json!([{"op": "replace", "path": pointer, "value": value}]).to_string().into_bytes();
    let request = http::Request::patch(format!("{}?fieldManager=somebody", path(victim)))
        .header("content-type", "application/json-patch+json")
        .body(Body::from(body))
        .unwrap();
    let answer = server.admin.send(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let answered = Instant::now();
    assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
    answered
}

fn path(victim: &DesiredObject) -> String {
    super::floor::path_of(&victim.object)
}
