//! One kind followed for as long as it takes: a list, then a watch from its version, then again from where the watch ended.
//! A version that is too old, or from another history (410, a restored or another server), leads to a new list, so that no
//! change is missed; everything else is waited out with a growing pause.

use std::ops::ControlFlow;
use std::pin::pin;
use std::time::Duration;

use futures::TryStreamExt;
use kube::core::WatchEvent;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::connect::Cluster;
use super::discovery::Resource;
use super::error::{ClusterError, Refusal};
use super::requests::Verb;
use super::wire::{Call, JSON, METADATA, METADATA_LIST, jittered};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the server keeps a watch open, in seconds; up to as much again is added, so that they do not all end at once.
const WATCH_SECONDS: u32 = 300;
/// A watch without even a bookmark for this long is dead: servers send one a minute.
const IDLE: Duration = Duration::from_secs(150);
/// How long the server may take to open a watch.
const OPEN: Duration = Duration::from_secs(30);

/// What is followed.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) resource: Resource,
    /// Empty: all namespaces.
    pub(super) namespace: String,
    pub(super) labels: String,
    pub(super) fields: String,
    /// Metadata alone.
    pub(super) metadata: bool,
}

/// What is told about it. Breaking ends the watch.
pub(super) trait Sink<T>: Send {
    /// A list begins: what it does not have is gone.
    fn relist(&mut self);
    /// An object of the list.
    fn listed(&mut self, item: T);
    /// The list is complete.
    fn complete(&mut self) -> ControlFlow<()>;
    /// An object was added or changed.
    fn changed(&mut self, item: T) -> ControlFlow<()>;
    /// An object was deleted, or does not match any more.
    fn deleted(&mut self, item: T) -> ControlFlow<()>;
    /// The kind is not served any more: its objects are gone with it.
    fn vanished(&mut self) {}
    /// The watch works again, without a list.
    fn resumed(&mut self);
    /// The server cannot be followed; it is tried again.
    fn lost(&mut self, error: &ClusterError);
}

enum End {
    /// The sink has enough.
    Enough,
    /// The server ended the watch, as it does.
    Over,
    /// A new list is needed.
    Expired,
    Failed(ClusterError),
}

/// Follows a kind until the sink breaks. Dropping the future stops it.
pub(super) async fn follow<T>(cluster: &Cluster, scope: &Scope, sink: &mut impl Sink<T>)
where
    T: DeserializeOwned + Clone + Send + 'static,
{
    let mut version: Option<String> = None;
    let mut pause = FIRST_PAUSE;
    let mut lost = false;
    loop {
        let known = match version.take() {
            Some(version) => version,
            None => match list(cluster, scope, sink).await {
                Ok(listed) => {
                    lost = false;
                    if sink.complete().is_break() {
                        return;
                    }
                    listed
                }
                Err(error) => {
                    if !error.is_expired() {
                        sink.lost(&error);
                        lost = true;
                    }
                    // Told last: whoever hears of it finds the kind lost, and asks the server instead of the watch.
                    if error.is_not_found() {
                        sink.vanished();
                    }
                    rest(&mut pause).await;
                    continue;
                }
            },
        };
        let started = Instant::now();
        let mut at = known;
        let end = stream(cluster, scope, &mut at, &mut lost, sink).await;
        if started.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        match end {
            End::Enough => return,
            End::Over => version = Some(at),
            End::Expired => {}
            End::Failed(error) => {
                tracing::debug!(kind = %scope.resource.gvk, %error, "the watch broke");
                sink.lost(&error);
                lost = true;
                version = Some(at);
            }
        }
        // A server that ends every watch at once must not be asked in a loop.
        rest(&mut pause).await;
    }
}

async fn rest(pause: &mut Duration) {
    tokio::time::sleep(jittered(*pause)).await;
    *pause = (*pause * 2).min(LONGEST_PAUSE);
}

async fn list<T: DeserializeOwned>(
    cluster: &Cluster,
    scope: &Scope,
    sink: &mut impl Sink<T>,
) -> Result<String, ClusterError> {
    let accept = if scope.metadata { METADATA_LIST } else { JSON };
    let collection = scope.resource.collection(&scope.namespace);
    sink.relist();
    let mut next = String::new();
    loop {
        let page = cluster.page(&collection, &scope.labels, &scope.fields, accept, &next).await?;
        for item in page.items {
            let item = serde_json::from_value(item)
                .map_err(|e| ClusterError::Answer { request: collection.clone(), reason: e.to_string() })?;
            sink.listed(item);
        }
        if page.next.is_empty() {
            return Ok(page.resource_version);
        }
        next = page.next;
    }
}

async fn stream<T>(cluster: &Cluster, scope: &Scope, at: &mut String, lost: &mut bool, sink: &mut impl Sink<T>) -> End
where
    T: DeserializeOwned + Clone + Send + 'static,
{
    let seconds = WATCH_SECONDS + rand::random::<u32>() % WATCH_SECONDS;
    let call = Call::get(Verb::Watch, scope.resource.collection(&scope.namespace))
        .accept(if scope.metadata { METADATA } else { JSON })
        .query("watch", "true")
        .query("allowWatchBookmarks", "true")
        .query("timeoutSeconds", &seconds.to_string())
        .query("resourceVersion", at)
        .query_if("labelSelector", &scope.labels)
        .query_if("fieldSelector", &scope.fields);
    let request = match call.request() {
        Ok(request) => request,
        Err(error) => return End::Failed(error),
    };
    cluster.shared.counters.count(Verb::Watch);
    let opening = cluster.shared.client.request_events::<Versioned<T>>(request);
    let late = |after| ClusterError::Timeout { server: cluster.server().to_owned(), after };
    let events = match tokio::time::timeout(OPEN, opening).await {
        Ok(Ok(events)) => events,
        Ok(Err(error)) => return ended(cluster.failed(&error)),
        Err(_) => return End::Failed(late(OPEN)),
    };
    if std::mem::take(lost) {
        sink.resumed();
    }
    let mut events = pin!(events);
    loop {
        let event = match tokio::time::timeout(IDLE, events.try_next()).await {
            Err(_) => return End::Over,
            Ok(Ok(None)) => return End::Over,
            Ok(Ok(Some(event))) => event,
            Ok(Err(error)) => return ended(cluster.failed(&error)),
        };
        let flow = match event {
            WatchEvent::Added(item) | WatchEvent::Modified(item) => {
                let Versioned { version, item } = item;
                let flow = sink.changed(item);
                *at = version;
                flow
            }
            WatchEvent::Deleted(item) => {
                let Versioned { version, item } = item;
                let flow = sink.deleted(item);
                *at = version;
                flow
            }
            WatchEvent::Bookmark(bookmark) => {
                *at = bookmark.metadata.resource_version;
                ControlFlow::Continue(())
            }
            WatchEvent::Error(status) => {
                return ended(ClusterError::Refused(Box::new(Refusal {
                    code: status.code,
                    reason: status.reason.clone(),
                    message: status.message.clone(),
                    ..Refusal::default()
                })));
            }
        };
        if flow.is_break() {
            return End::Enough;
        }
    }
}

fn ended(error: ClusterError) -> End {
    // 404: the kind is gone (its CRD was deleted), or not there yet; the list tells.
    if error.is_expired() || error.is_not_found() { End::Expired } else { End::Failed(error) }
}

/// An object with its version beside it: the sinks' own types need not have one.
#[derive(Clone)]
struct Versioned<T> {
    version: String,
    item: T,
}

impl<'de, T: DeserializeOwned> serde::Deserialize<'de> for Versioned<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let version = value
            .pointer("/metadata/resourceVersion")
            .and_then(serde_json::Value::as_str)
            .ok_or_else(|| serde::de::Error::missing_field("metadata.resourceVersion"))?
            .to_owned();
        let item = serde_json::from_value(value).map_err(serde::de::Error::custom)?;
        Ok(Self { version, item })
    }
}
