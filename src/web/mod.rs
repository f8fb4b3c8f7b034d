//! Health, metrics and the API over HTTP: turns the daemon's state into answers. Called by `evenkeel run` and the demo;
//! decides nothing and reads no cluster.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::daemon::State;

/// Bytes of a request's body that are read at most.
const BODY: usize = 1 << 20;

/// Serves on `listen` until cancelled; returns the address (a port of 0 becomes a free one) and the task.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(
    listen: SocketAddr,
    state: Arc<State>,
    cancel: CancellationToken,
) -> std::io::Result<(SocketAddr, tokio::task::JoinHandle<()>)> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let app = router(state);
    let task = tokio::spawn(async move {
        let stop = async move { cancel.cancelled().await };
        if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stop).await {
            tracing::error!(%error, "the web server stopped");
        }
    });
    Ok((address, task))
}

fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/api/v1/environments", get(environments))
        .route("/api/v1/environments/{environment}", get(environment))
        .route("/api/v1/environments/{environment}/drift", get(drift))
        .route("/hooks/generic", post(pushed))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(state)
}

async fn ready(Shared(state): Shared<Arc<State>>) -> Response {
    let waiting = state.unready();
    if waiting.is_empty() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", waiting.join("\n"))).into_response()
}

async fn metrics(Shared(state): Shared<Arc<State>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], state.metrics.text()).into_response()
}

async fn environments(Shared(state): Shared<Arc<State>>) -> Json<Value> {
    Json(json!({"repository": state.repository(), "environments": state.environments()}))
}

async fn environment(Shared(state): Shared<Arc<State>>, Path(name): Path<String>) -> Response {
    match state.environment(&name) {
        Some(status) => Json(status).into_response(),
        None => unknown(&state, &name),
    }
}

async fn drift(Shared(state): Shared<Arc<State>>, Path(name): Path<String>) -> Response {
    match state.environment(&name) {
        Some(status) => Json(json!({
            "environment": status.environment,
            "revision": status.revision,
            "objects": status.drift,
        }))
        .into_response(),
        None => unknown(&state, &name),
    }
}

fn unknown(state: &State, name: &str) -> Response {
    let known: Vec<String> = state.environments().into_iter().map(|e| e.environment).collect();
    let near = crate::diagnostic::nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    let error = json!({"error": format!("no environment `{name}`"), "nearest": near, "environments": known});
    (StatusCode::NOT_FOUND, Json(error)).into_response()
}

/// A push was announced: fetch now. The body is not read: what is in force is what the repository says.
async fn pushed(Shared(state): Shared<Arc<State>>) -> Response {
    state.request_refresh();
    (StatusCode::ACCEPTED, Json(json!({"accepted": true}))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{EnvironmentStatus, ReleaseState};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    async fn ask(state: &Arc<State>, method: &str, path: &str) -> (StatusCode, String) {
        let request = axum::http::Request::builder().method(method).uri(path).body(axum::body::Body::empty()).unwrap();
        let answer = router(Arc::clone(state)).oneshot(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn is_ready_when_every_environment_was_looked_at() {
        let state = Arc::new(State::default());
        assert_eq!(ask(&state, "GET", "/healthz").await, (StatusCode::OK, "ok\n".to_owned()));
        assert_eq!(ask(&state, "GET", "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
        state.expect(&["staging".to_owned()]);
        assert_eq!(ask(&state, "GET", "/readyz").await.1, "staging was not looked at yet\n");
        state.set(EnvironmentStatus {
            environment: "staging".into(),
            revision: "r".into(),
            state: ReleaseState::Synced,
            time: String::new(),
            messages: Vec::new(),
            releases: Vec::new(),
            drift: Vec::new(),
        });
        assert_eq!(ask(&state, "GET", "/readyz").await.0, StatusCode::OK);
        let (status, body) = ask(&state, "GET", "/api/v1/environments/staging/drift").await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::OK, r#"{"environment":"staging","objects":[],"revision":"r"}"#)
        );
        let (status, body) = ask(&state, "GET", "/api/v1/environments/stagin").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body.contains(r#""nearest":"staging""#), "{body}");
        assert!(ask(&state, "GET", "/metrics").await.1.ends_with("# EOF\n"));
    }

    #[tokio::test]
    async fn an_announced_push_asks_for_a_fetch() {
        let state = Arc::new(State::default());
        assert_eq!(ask(&state, "POST", "/hooks/generic").await.0, StatusCode::ACCEPTED);
        tokio::time::timeout(std::time::Duration::from_secs(1), state.refresh_requested()).await.unwrap();
    }
}
