//! The one door to the API server: a request becomes JSON or an error, with a time limit, a size limit, bounded retries and
//! the counter. Reads go through [`Cluster::read`]; [`Cluster::write`] is for `apply/` alone.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::BodyExt;
use kube::client::Body;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::Instant;

use super::connect::{Cluster, with_causes};
use super::error::{ClusterError, Refusal};
use super::requests::Verb;

/// How long one request may take, its retries excepted.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a request is tried before its error is the answer.
const ATTEMPTS: u32 = 5;
/// The first pause between two attempts; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause, a server's `Retry-After` included.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The largest answer that is read.
const MAX_ANSWER: usize = 256 << 20;

const USER_AGENT: &str = concat!("evenkeel/", env!("CARGO_PKG_VERSION"));
pub(crate) const JSON: &str = "application/json";
/// One object, or a list, without spec and status. The server's answer for kinds that cannot do so is plain JSON.
pub(crate) const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
/// The same for lists.
pub(crate) const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// What a path segment or a query value keeps as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// A path segment, encoded.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, KEPT).to_string()
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    pub(crate) method: Method,
    /// Path and query, encoded.
    pub(crate) path: String,
    pub(crate) accept: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
    /// `If-None-Match`.
    pub(crate) etag: Option<String>,
    /// Whom it impersonates.
    pub(crate) actor: Option<std::sync::Arc<str>>,
}

impl Call {
    /// A GET.
    pub(crate) fn get(verb: Verb, path: impl Into<String>) -> Self {
        Self {
            verb,
            method: Method::GET,
            path: path.into(),
            accept: JSON,
            content_type: JSON,
            body: Vec::new(),
            etag: None,
            actor: None,
        }
    }

    /// Adds a query parameter.
    pub(crate) fn query(mut self, key: &str, value: &str) -> Self {
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(key);
        self.path.push('=');
        self.path.push_str(&segment(value));
        self
    }

    /// Adds a query parameter that is left out when it is empty.
    pub(crate) fn query_if(self, key: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.query(key, value) }
    }

    /// Asks for a form of the answer.
    pub(crate) fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    fn describe(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(super) fn request(&self) -> Result<Request<Vec<u8>>, ClusterError> {
        let mut builder = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(header::ACCEPT, self.accept)
            .header(header::USER_AGENT, USER_AGENT);
        if !self.body.is_empty() {
            builder = builder.header(header::CONTENT_TYPE, self.content_type);
        }
        if let Some(etag) = &self.etag {
            builder = builder.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(actor) = &self.actor {
            builder = builder.header("Impersonate-User", &**actor);
        }
        builder
            .body(self.body.clone())
            .map_err(|e| ClusterError::Answer { request: self.describe(), reason: e.to_string() })
    }
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) etag: Option<String>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self, call: &Call) -> Result<Value, ClusterError> {
        serde_json::from_slice(&self.body)
            .map_err(|e| ClusterError::Answer { request: call.describe(), reason: e.to_string() })
    }
}

impl Cluster {
    /// A read, as JSON.
    pub(crate) async fn read(&self, call: Call) -> Result<Value, ClusterError> {
        debug_assert_eq!(call.method, Method::GET, "reads are GETs; writes are apply's");
        self.exchange(&call).await?.json(&call)
    }

    /// A write, for `apply/` alone: the answer's status and JSON.
    pub(crate) async fn write(&self, mut call: Call) -> Result<(u16, Value), ClusterError> {
        call.actor.clone_from(&self.actor);
        // It is never closed.
        let _slot = self.shared.writes.acquire().await;
        let answer = self.exchange(&call).await?;
        Ok((answer.code, answer.json(&call)?))
    }

    /// One request with its retries.
    pub(crate) async fn exchange(&self, call: &Call) -> Result<Answer, ClusterError> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let error = match self.attempt(call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // Credentials have their own retries (an exec plugin may take long); an unreachable server is tried less.
            let most = match error {
                ClusterError::Unreachable { .. } => 4,
                ClusterError::Timeout { .. } | ClusterError::Credentials(_) => 2,
                _ => ATTEMPTS,
            };
            if !error.retryable() || attempt >= most {
                return Err(error);
            }
            let wanted = error.refusal().and_then(|r| r.retry_after).unwrap_or_default();
            let wait = jittered(pause).max(wanted).min(LONGEST_PAUSE);
            tracing::debug!(request = call.describe(), %error, ?wait, "asking again");
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        unreachable!("the loop ends by returning")
    }

    /// One attempt.
    async fn attempt(&self, call: &Call) -> Result<Answer, ClusterError> {
        let deadline = Instant::now() + REQUEST_TIMEOUT;
        let work = async {
            let response = self.open(call).await?;
            let code = response.status().as_u16();
            let (etag, retry_after) = {
                let text = |name| response.headers().get(name).and_then(|v: &http::HeaderValue| v.to_str().ok());
                (
                    text(header::ETAG).map(str::to_owned),
                    text(header::RETRY_AFTER).and_then(|s| s.parse().ok()).map(Duration::from_secs),
                )
            };
            let body = self.body(response).await?;
            if (200..300).contains(&code) || (code == 304 && call.etag.is_some()) {
                Ok(Answer { code, etag, body })
            } else {
                Err(ClusterError::Refused(Box::new(Refusal::read(code, &body, retry_after))))
            }
        };
        tokio::time::timeout_at(deadline, work)
            .await
            .unwrap_or_else(|_| Err(ClusterError::Timeout { server: self.server().to_owned(), after: REQUEST_TIMEOUT }))
    }

    /// Sends, counts, and returns the response as it comes.
    pub(super) async fn open(&self, call: &Call) -> Result<Response<Body>, ClusterError> {
        let request = call.request()?.map(Body::from);
        self.shared.counters.count(call.verb);
        self.shared.client.send(request).await.map_err(|e| self.failed(&e))
    }

    async fn body(&self, response: Response<Body>) -> Result<Bytes, ClusterError> {
        match http_body_util::Limited::new(response.into_body(), MAX_ANSWER).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(e) => Err(ClusterError::Unreachable { server: self.server().to_owned(), reason: with_causes(&*e) }),
        }
    }

    /// A client's error in our words.
    pub(super) fn failed(&self, error: &kube::Error) -> ClusterError {
        match error {
            kube::Error::Auth(e) => ClusterError::Credentials(with_causes(e)),
            kube::Error::Api(status) => ClusterError::Refused(Box::new(Refusal {
                code: status.code,
                reason: status.reason.clone(),
                message: status.message.clone(),
                ..Refusal::default()
            })),
            other => ClusterError::Unreachable { server: self.server().to_owned(), reason: plain(other) },
        }
    }
}

/// The innermost cause says what happened (`Connection refused`); what stands around it only says that it did.
fn plain(error: &dyn std::error::Error) -> String {
    let mut innermost = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        innermost = cause.to_string();
        source = cause.source();
    }
    innermost
}

/// Between half and all of a pause, so that clients that failed together do not come back together.
pub(super) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;

    /// A server that answers one after the other, and the last answer for ever.
    fn server(answers: &'static [(u16, &'static str)]) -> (Cluster, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let service = tower::service_fn(move |_: Request<Body>| {
            let nth = count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
            let (code, message) = answers[nth];
            async move {
                if code == 0 {
                    return Err(std::io::Error::other(message).into());
                }
                let status = json!({"kind": "Status", "code": code, "message": message, "reason": "Test"});
                let body = if code == 200 { json!({"fine": true}) } else { status };
                let response = Response::builder().status(code).body(Body::from(body.to_string().into_bytes()));
                response.map_err(tower::BoxError::from)
            }
        });
        (Cluster::from_client(kube::Client::new(service, "default"), "https://test"), asked)
    }

    async fn ask(answers: &'static [(u16, &'static str)]) -> (Result<Value, String>, usize) {
        let (cluster, asked) = server(answers);
        let result = cluster.read(Call::get(Verb::Get, "/x")).await.map_err(|e| e.to_string());
        let asked = asked.load(Ordering::SeqCst);
        assert_eq!(cluster.requests().of(Verb::Get), asked as u64, "every attempt is counted");
        (result, asked)
    }

    #[tokio::test]
    async fn what_may_pass_is_asked_again() {
        let fine = Ok(json!({"fine": true}));
        assert_eq!(ask(&[(429, "slow down"), (503, "starting"), (200, "")]).await, (fine.clone(), 3));
        assert_eq!(ask(&[(500, "etcdserver: leader changed"), (200, "")]).await, (fine.clone(), 2));
        assert_eq!(ask(&[(0, "connection reset"), (200, "")]).await, (fine, 2));
    }

    #[tokio::test]
    async fn what_will_not_pass_is_said_at_once() {
        for code in [400, 403, 404, 409, 422] {
            let answers: &'static [(u16, &'static str)] = Box::leak(Box::new([(code, "no")]));
            assert_eq!(ask(answers).await, (Err("no".to_owned()), 1), "{code}");
        }
        let typed = "failed to create typed patch object: .spec.x: field not declared in schema";
        assert_eq!(
            ask(&[(500, "failed to create typed patch object: .spec.x: field not declared in schema")]).await,
            (Err(typed.to_owned()), 1)
        );
    }

    #[tokio::test]
    async fn retries_end() {
        let (result, asked) = ask(&[(0, "connection refused")]).await;
        let says = "cannot reach the API server at https://test: connection refused";
        assert_eq!((result, asked), (Err(says.to_owned()), 4));
    }

    #[test]
    fn paths_and_queries_are_encoded() {
        let call = Call::get(Verb::List, "/x").query("a", "b=c,d e").query_if("none", "").query("f", "1");
        assert_eq!(call.path, "/x?a=b%3Dc%2Cd%20e&f=1");
    }
}
