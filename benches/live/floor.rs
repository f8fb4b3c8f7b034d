//! What the server itself takes for the objects: a client that does nothing but send each of them by server-side apply.

use std::time::{Duration, Instant};

use evenkeel::manifest::{LABEL_ENVIRONMENT, LABEL_RELEASE, Object};
use futures::stream::{self, StreamExt};
use http_body_util::BodyExt;
use kube::client::Body;

use super::estate::Estate;
use super::figures::{Figures, Wanted};
use super::server::Server;

/// Path and body of one apply.
type Sent = (String, Vec<u8>);

/// The best time over all numbers of requests at a time. What was applied is taken away again.
pub(super) async fn measure(server: &Server, estate: &Estate, parallel: &[usize], figures: &mut Figures) -> Duration {
    let mut best: Option<(Duration, usize)> = None;
    let objects = estate.objects();
    let sent: Vec<Sent> = objects.iter().map(|desired| apply_of(&desired.object)).collect();
    for &at_a_time in parallel {
        let took = send(server, &sent, at_a_time, false).await;
        figures.add(&format!("bare client, {at_a_time} at a time"), took.as_secs_f64(), "s", Wanted::Nothing);
        if best.is_none_or(|(least, _)| took < least) {
            best = Some((took, at_a_time));
        }
        let paths: Vec<Sent> = sent.iter().map(|(path, _)| (path.clone(), Vec::new())).collect();
        send_all(server, &paths, at_a_time, http::Method::DELETE, "").await;
    }
    let (best, at_a_time) = best.expect("one number at least");
    let dry = send(server, &sent, at_a_time, true).await;
    figures.add(&format!("bare client, dry runs, {at_a_time} at a time"), dry.as_secs_f64(), "s", Wanted::Nothing);
    best
}

/// An object of the same size that no daemon takes for its own.
fn apply_of(object: &Object) -> Sent {
    let mut object = object.clone();
    for label in [LABEL_ENVIRONMENT, LABEL_RELEASE] {
        let labels = object.value_mut()["metadata"]["labels"].as_object_mut().unwrap();
        let value = labels.remove(label).unwrap();
        labels.insert(label.replace("evenkeel.dev", "bench.invalid"), value);
    }
    let annotations = object.value_mut()["metadata"]["annotations"].as_object_mut().unwrap();
    let owner = annotations.remove("evenkeel.dev/owner").unwrap();
    annotations.insert("bench.invalid/owner".to_owned(), owner);
    (path_of(&object), object.value().to_string().into_bytes())
}

/// Where an object of one of the chart's kinds is.
pub(super) fn path_of(object: &Object) -> String {
    let root = if object.api_version().contains('/') { "apis" } else { "api" };
    let plural = format!("{}s", object.kind().to_lowercase());
    format!("/{root}/{}/namespaces/{}/{plural}/{}", object.api_version(), object.namespace(), object.name())
}

async fn send(server: &Server, sent: &[Sent], at_a_time: usize, dry: bool) -> Duration {
    let query = "?fieldManager=floor&force=true&fieldValidation=Strict";
    let query = if dry { format!("{query}&dryRun=All") } else { query.to_owned() };
    send_all(server, sent, at_a_time, http::Method::PATCH, &query).await
}

async fn send_all(server: &Server, sent: &[Sent], at_a_time: usize, method: http::Method, query: &str) -> Duration {
    let start = Instant::now();
    let client = server.client().await;
    let requests = sent.iter().map(|(path, body)| {
        let request = http::Request::builder()
            .method(method.clone())
            .uri(format!("{path}{query}"))
            .header("content-type", "application/apply-patch+yaml")
            .header("accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
            .body(Body::from(body.clone()))
            .unwrap();
        let client = client.clone();
        async move {
            let answer = client.send(request).await.unwrap();
            let status = answer.status();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
        }
    });
    stream::iter(requests).buffer_unordered(at_a_time).for_each(|()| async {}).await;
    start.elapsed()
}
