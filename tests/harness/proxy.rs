//! A reverse proxy of a test's own in front of an API server. It writes down what passes, and the test decides what becomes of
//! each request: whatever can go wrong between evenkeel and a server goes wrong here, with the real ones on both sides.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::BodyExt;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::sync::watch;

/// A request, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    /// The name of the object that is created; of other requests, the last part of the path.
    pub(crate) name: String,
    /// The server's answer; 0 where it was not asked, or has not answered.
    pub(crate) code: u16,
    /// The UID in the answer to a write.
    pub(crate) uid: String,
}

impl Exchange {
    /// Whether it changes something.
    pub(crate) fn is_write(&self) -> bool {
        self.method != Method::GET && !self.query.contains("dryRun")
    }

    pub(crate) fn is_watch(&self) -> bool {
        self.query.contains("watch=true")
    }

    /// The plural of the resource that it is about.
    pub(crate) fn plural(&self) -> &str {
        let parts: Vec<&str> = self.path.trim_start_matches('/').split('/').collect();
        let rest = if parts.first() == Some(&"api") { parts.get(2..) } else { parts.get(3..) };
        match rest.unwrap_or_default() {
            ["namespaces", _, plural, ..] | [plural, ..] => plural,
            [] => "",
        }
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fate {
    /// It passes.
    Pass,
    /// The server is not asked; this is the answer, with seconds of `Retry-After` where they are not 0.
    Refused { code: u16, reason: &'static str, message: &'static str, retry_after: u64 },
    /// The process that asks is killed: before the server hears of it, or before it hears of the answer.
    Death { reached: bool },
    /// The server does what it is asked, and the connection breaks before the answer.
    AnswerLost,
    /// Nothing answers for a while; then the connection breaks.
    Hung(Duration),
    /// The answer breaks off after so many bytes.
    CutAfter(usize),
    /// The answer to the same request of before; it passes when there was none.
    Stale,
    /// An event of the watch says that the version is too old.
    WatchExpired,
}

type Judge = dyn Fn(&Exchange) -> Fate + Send + Sync;

/// The proxy; it ends with the test's runtime.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    kubeconfig: tempfile::NamedTempFile,
}

struct Shared {
    upstream: kube::Client,
    judge: Mutex<Arc<Judge>>,
    log: Mutex<Vec<Exchange>>,
    /// Whom [`Fate::Death`] kills.
    victim: watch::Sender<Option<u32>>,
    open: watch::Sender<bool>,
    /// Whether lists come ten objects at a time.
    small_pages: AtomicBool,
    /// Earlier answers of reads, the oldest first.
    earlier: Mutex<HashMap<String, Vec<(HeaderMap, Bytes)>>>,
}

impl Proxy {
    /// In front of the server of a kubeconfig. Everything passes at first.
    pub(crate) async fn start(upstream: &Path) -> Self {
        let file = Kubeconfig::read_from(upstream).unwrap();
        let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
        let shared = Arc::new(Shared {
            upstream: kube::Client::try_from(config).unwrap(),
            judge: Mutex::new(Arc::new(|_| Fate::Pass)),
            log: Mutex::default(),
            victim: watch::Sender::new(None),
            open: watch::Sender::new(true),
            small_pages: AtomicBool::new(false),
            earlier: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let through = Arc::clone(&shared);
        let app = Router::new().fallback(move |request| Arc::clone(&through).pass(request));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let kubeconfig = tempfile::NamedTempFile::new().unwrap();
        let content = json!({"apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": server}}], "users": [{"name": "proxy", "user": {}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}]});
        std::fs::write(kubeconfig.path(), content.to_string()).unwrap();
        Self { shared, kubeconfig }
    }

    /// The kubeconfig that leads through it.
    pub(crate) fn kubeconfig(&self) -> &Path {
        self.kubeconfig.path()
    }

    /// Decides from now on what becomes of requests.
    pub(crate) fn judge(&self, judge: impl Fn(&Exchange) -> Fate + Send + Sync + 'static) {
        *self.shared.judge.lock().unwrap() = Arc::new(judge);
    }

    /// Kills the next victim over its `number`th write, counted from now on.
    pub(crate) fn kill_at(&self, number: usize, reached: bool) {
        let writes = AtomicUsize::new(0);
        self.shared.victim.send_replace(None);
        self.judge(move |request| {
            let nth = request.is_write().then(|| 1 + writes.fetch_add(1, Ordering::SeqCst));
            if nth == Some(number) { Fate::Death { reached } } else { Fate::Pass }
        });
    }

    /// The process that [`Fate::Death`] kills.
    pub(crate) fn victim(&self, process: u32) {
        self.shared.victim.send_replace(Some(process));
    }

    /// Lists come ten objects at a time from now on, so that they have to be continued.
    pub(crate) fn small_pages(&self) {
        self.shared.small_pages.store(true, Ordering::SeqCst);
    }

    /// Breaks every connection; none is made until it is mended.
    pub(crate) fn cut(&self) {
        self.shared.open.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.shared.open.send_replace(true);
    }

    /// Everything that was asked so far.
    pub(crate) fn log(&self) -> Vec<Exchange> {
        self.shared.log.lock().unwrap().clone()
    }

    /// The writes that were asked so far.
    pub(crate) fn writes(&self) -> Vec<Exchange> {
        self.log().into_iter().filter(Exchange::is_write).collect()
    }
}

impl Shared {
    async fn pass(self: Arc<Self>, request: Request<Body>) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
        let path = parts.uri.path().to_owned();
        let last = path.rsplit('/').next().unwrap_or_default().to_owned();
        let named = sent.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned);
        let exchange = Exchange {
            name: named.filter(|_| parts.method == Method::POST).unwrap_or(last),
            method: parts.method.clone(),
            path,
            query: parts.uri.query().unwrap_or_default().to_owned(),
            code: 0,
            uid: String::new(),
        };
        let judge = Arc::clone(&self.judge.lock().unwrap());
        let fate = if *self.open.borrow() { judge(&exchange) } else { Fate::AnswerLost };
        let reaches = *self.open.borrow()
            && !matches!(fate, Fate::Refused { .. } | Fate::Death { reached: false } | Fate::Hung(_));
        let place = {
            let mut log = self.log.lock().unwrap();
            log.push(exchange.clone());
            log.len() - 1
        };
        let accept = parts.headers.get(header::ACCEPT).and_then(|a| a.to_str().ok()).unwrap_or_default();
        let key = format!("{}?{} {accept}", exchange.path, exchange.query);
        if fate == Fate::Stale && exchange.method == Method::GET && !exchange.is_watch() {
            let earlier = self.earlier.lock().unwrap().get(&key).and_then(|all| all.first().cloned());
            if let Some((headers, body)) = earlier {
                return answered(StatusCode::OK, headers, Body::from(body));
            }
        }
        if !reaches {
            return match fate {
                Fate::Refused { code, reason, message, retry_after } => refused(code, reason, message, retry_after),
                Fate::Death { .. } => self.kill().await,
                Fate::Hung(how_long) => {
                    tokio::time::sleep(how_long).await;
                    broken()
                }
                _ => broken(),
            };
        }
        for name in [header::HOST, header::CONNECTION, header::CONTENT_LENGTH] {
            parts.headers.remove(name);
        }
        if self.small_pages.load(Ordering::SeqCst) && exchange.query.contains("limit=500") {
            parts.uri =
                format!("{}?{}", exchange.path, exchange.query.replace("limit=500", "limit=10")).parse().unwrap();
        }
        let Ok(answer) = self.upstream.send(Request::from_parts(parts, kube::client::Body::from(body))).await else {
            return broken();
        };
        let (head, body) = answer.into_parts();
        let mut headers = head.headers;
        for name in [header::CONNECTION, header::TRANSFER_ENCODING] {
            headers.remove(name);
        }
        self.log.lock().unwrap()[place].code = head.status.as_u16();
        if exchange.is_watch() {
            return answered(head.status, headers, self.watched(body, &fate));
        }
        let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else { return broken() };
        if exchange.is_write() {
            let said: Value = serde_json::from_slice(&body).unwrap_or_default();
            let uid = said.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
            uid.clone_into(&mut self.log.lock().unwrap()[place].uid);
        } else if head.status == StatusCode::OK {
            let mut earlier = self.earlier.lock().unwrap();
            let all = earlier.entry(key).or_default();
            all.push((headers.clone(), body.clone()));
            if all.len() > 3 {
                all.remove(0);
            }
        }
        match fate {
            Fate::Death { .. } => self.kill().await,
            Fate::AnswerLost => broken(),
            Fate::CutAfter(bytes) => {
                headers.remove(header::CONTENT_LENGTH);
                let part = futures::stream::once(async move { Ok(body.slice(..bytes.min(body.len()))) });
                answered(head.status, headers, Body::from_stream(part.chain(breach())))
            }
            _ => answered(head.status, headers, Body::from(body)),
        }
    }

    /// The events of a watch, as long as they are let through.
    fn watched(self: &Arc<Self>, body: kube::client::Body, fate: &Fate) -> Body {
        let mut open = self.open.subscribe();
        let cut = Box::pin(async move { open.wait_for(|open| !open).await.map(|_| ()) });
        let events = body.into_data_stream().map(|part| part.map_err(std::io::Error::other));
        match fate {
            Fate::WatchExpired => {
                let status = status(410, "Expired", "too old resource version");
                let event = json!({"type": "ERROR", "object": status});
                Body::from(format!("{event}\n"))
            }
            Fate::CutAfter(bytes) => {
                let mut left = *bytes;
                // Within an event, unless its end is just there.
                let part = events.take_until(cut).scan(false, move |over, part| {
                    let out = if std::mem::replace(over, left == 0) {
                        None
                    } else {
                        Some(part.map(|part| {
                            let taken = part.slice(..left.min(part.len()));
                            left -= taken.len();
                            *over = left == 0;
                            taken
                        }))
                    };
                    futures::future::ready(out)
                });
                Body::from_stream(part.chain(breach()))
            }
            _ => {
                let shared = Arc::clone(self);
                let end = futures::stream::once(async move {
                    if *shared.open.borrow() { Ok(Bytes::new()) } else { Err(std::io::Error::other("cut")) }
                });
                Body::from_stream(events.take_until(cut).chain(end))
            }
        }
    }

    /// Kills the process that asks. Whatever it waits for never comes.
    async fn kill(&self) -> Response<Body> {
        let mut victim = self.victim.subscribe();
        let process = victim.wait_for(Option::is_some).await.unwrap().unwrap();
        let kill = move || Command::new("kill").args(["-KILL", &process.to_string()]).status();
        assert!(tokio::task::spawn_blocking(kill).await.unwrap().unwrap().success(), "{process} cannot be killed");
        std::future::pending().await
    }
}

fn answered(code: StatusCode, headers: HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    *response.headers_mut() = headers;
    response
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": reason, "code": code})
}

fn refused(code: u16, reason: &str, message: &str, retry_after: u64) -> Response<Body> {
    let mut response = Response::builder().status(code).header(header::CONTENT_TYPE, "application/json");
    if retry_after > 0 {
        response = response.header(header::RETRY_AFTER, retry_after);
    }
    response.body(Body::from(status(code, reason, message).to_string())).unwrap()
}

/// A connection that breaks instead of an answer.
fn broken() -> Response<Body> {
    Response::new(Body::from_stream(breach()))
}

fn breach() -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    futures::stream::once(async { Err(std::io::Error::other("the connection is cut")) })
}
