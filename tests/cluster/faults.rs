//! A network between a cluster and its client that a test can cut: requests then fail, and open watches break.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use evenkeel::cluster::Cluster;
use futures::StreamExt;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use tokio::sync::watch;
use tower::BoxError;

/// The network. Open at first.
pub(crate) struct Network {
    open: watch::Sender<bool>,
    /// How many writes still pass before it is cut by itself; negative: no limit.
    writes: AtomicI64,
    /// Whether the last write reaches the server, and only its answer is lost.
    lose_answer: bool,
    /// The plural whose next watch is answered with 410.
    expire: Mutex<Option<&'static str>>,
}

impl Network {
    pub(crate) fn new() -> Arc<Self> {
        Self::failing_after(-1, false)
    }

    pub(crate) fn failing_after(writes: i64, lose_answer: bool) -> Arc<Self> {
        Arc::new(Self {
            open: watch::Sender::new(true),
            writes: AtomicI64::new(writes),
            lose_answer,
            expire: Mutex::new(None),
        })
    }

    pub(crate) fn cut(&self) {
        self.open.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.open.send_replace(true);
    }

    /// The next watch of a kind starts from a version that is too old.
    pub(crate) fn expire(&self, plural: &'static str) {
        *self.expire.lock().unwrap() = Some(plural);
    }

    pub(crate) fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// The cluster through this network.
    pub(crate) fn before(self: &Arc<Self>, cluster: &Cluster) -> Cluster {
        let (network, client) = (self.clone(), cluster.client());
        let service = tower::service_fn(move |request: Request<Body>| network.clone().pass(client.clone(), request));
        cluster.through(Client::new(service, "default"))
    }

    async fn pass(
        self: Arc<Self>,
        client: Client,
        request: Request<Body>,
    ) -> Result<Response<axum::body::Body>, BoxError> {
        if !self.is_open() {
            return Err("the network is cut".into());
        }
        let watches = request.uri().query().is_some_and(|q| q.contains("watch=true"));
        let path = request.uri().path();
        if watches && self.expire.lock().unwrap().take_if(|plural| path.ends_with(*plural)).is_some() {
            let status = serde_json::json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "too old resource version", "reason": "Expired", "code": 410});
            let body = axum::body::Body::from(status.to_string());
            return Ok(Response::builder().status(StatusCode::GONE).body(body)?);
        }
        let dry = request.uri().query().is_some_and(|q| q.contains("dryRun"));
        let last = request.method() != Method::GET && !dry && self.writes.load(Ordering::SeqCst) >= 0 && {
            self.writes.fetch_sub(1, Ordering::SeqCst) == 0
        };
        if last {
            self.cut();
            if self.lose_answer {
                client.send(request).await?;
            }
            return Err("the network is cut".into());
        }
        let (parts, body) = client.send(request).await?.into_parts();
        let mut open = self.open.subscribe();
        let cut = Box::pin(async move { open.wait_for(|open| !open).await.map(|_| ()) });
        let end = futures::stream::once(async move {
            if self.is_open() { Ok(bytes::Bytes::new()) } else { Err(BoxError::from("the network is cut")) }
        });
        let body = body.into_data_stream().map(|part| part.map_err(BoxError::from)).take_until(cut).chain(end);
        Ok(Response::from_parts(parts, axum::body::Body::from_stream(body)))
    }
}
