//! The stream of a watch: what is there (where that is asked for), then every change as it happens, with bookmarks.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Shared;
use super::answer;
use super::request::{Form, Query};
use crate::sandbox::error::ApiError;
use crate::sandbox::selector::Selector;
use crate::sandbox::store::{ChangeKind, ListOptions, Target};
use crate::sandbox::table;

/// How often a watch without changes tells its version.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// How long a watch lasts when the client does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(45 * 60);
/// The annotation of the bookmark that ends a streaming list.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

struct Watch {
    shared: Arc<Shared>,
    target: Target,
    selector: Selector,
    form: Form,
    include: String,
    bookmarks: bool,
    version: u64,
    queue: VecDeque<Bytes>,
    changed: watch::Receiver<u64>,
    ends: Instant,
    next_bookmark: Instant,
    first_table: bool,
    over: bool,
}

/// Starts a watch. Everything that can be refused is refused here.
pub(super) fn start(
    shared: &Arc<Shared>,
    target: Target,
    selector: Selector,
    form: Form,
    query: &Query,
) -> Result<Body, ApiError> {
    let version = query.text("resourceVersion");
    let from: u64 = if version.is_empty() {
        0
    } else {
        version.parse().map_err(|_| {
            ApiError::bad_request(format!(
                "Invalid value: {version:?}: strconv.ParseUint: parsing {version:?}: invalid syntax"
            ))
        })?
    };
    let initial = query.get("sendInitialEvents").map(|_| query.flag("sendInitialEvents"));
    if initial.is_some() && query.text("resourceVersionMatch") != "NotOlderThan" {
        return Err(ApiError::invalid(
            "meta.k8s.io",
            "ListOptions",
            "",
            &[(
                "FieldValueForbidden",
                "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan".into(),
                "resourceVersionMatch".into(),
            )],
        ));
    }
    let bookmarks = query.flag("allowWatchBookmarks");
    let timeout = query.text("timeoutSeconds").parse().map_or(DEFAULT_TIMEOUT, Duration::from_secs);
    // Subscribed before the store is read, so that no change falls between the two.
    let changed = shared.follow(&target.resource.table());
    let now = Instant::now();
    let mut watch = Watch {
        shared: Arc::clone(shared),
        target,
        selector,
        form,
        include: query.text("includeObject").to_owned(),
        bookmarks,
        version: from,
        queue: VecDeque::new(),
        changed,
        ends: now + timeout.max(Duration::from_secs(1)),
        next_bookmark: now + BOOKMARK_EVERY,
        first_table: true,
        over: false,
    };
    let everything = initial.unwrap_or(from == 0);
    if everything {
        let page = {
            let store = shared.store();
            let options = ListOptions { selector: watch.selector.clone(), version: from, ..ListOptions::default() };
            let collection = Target { name: String::new(), ..watch.target.clone() };
            store.list(&collection, &options)?
        };
        watch.version = page.version;
        for object in &page.items {
            if watch.target.name.is_empty() || object["metadata"]["name"] == watch.target.name.as_str() {
                watch.push("ADDED", object);
            }
        }
        if initial == Some(true) && bookmarks {
            watch.bookmark(true);
        }
    } else if from > 0 {
        // Tells at once when the history does not reach back.
        shared.store().events(&watch.target, &watch.selector, from)?;
    } else {
        watch.version = shared.store().version();
    }
    Ok(Body::from_stream(stream::unfold(watch, |mut watch| async move {
        let bytes = watch.next().await?;
        Some((Ok::<_, Infallible>(bytes), watch))
    })))
}

impl Watch {
    fn push(&mut self, kind: &str, object: &Value) {
        let now = Timestamp::now();
        let body = if self.form == Form::Table {
            let version = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
            let table = table::of(&self.target.resource, &[object], version, &self.include, self.first_table, now);
            self.first_table = false;
            serde_json::to_vec(&table).unwrap_or_default()
        } else {
            answer::one(&self.target.resource, object, self.form, &self.include, now)
        };
        self.queue.push_back(answer::event(kind, &body).into());
    }

    fn bookmark(&mut self, ends_initial: bool) {
        let mut object = json!({
            "kind": self.target.resource.kind,
            "apiVersion": self.target.resource.api_version(),
            "metadata": {"resourceVersion": self.version.to_string(), "creationTimestamp": null},
        });
        if ends_initial {
            object["metadata"]["annotations"] = json!({INITIAL_EVENTS_END: "true"});
        }
        self.next_bookmark = Instant::now() + BOOKMARK_EVERY;
        self.push("BOOKMARK", &object);
    }

    /// Takes what happened since the last time.
    fn read(&mut self) {
        let events = self.shared.store().events(&self.target, &self.selector, self.version);
        match events {
            Ok((version, events)) => {
                self.version = version;
                for event in events {
                    let kind = match event.kind {
                        ChangeKind::Added => "ADDED",
                        ChangeKind::Modified => "MODIFIED",
                        ChangeKind::Deleted => "DELETED",
                    };
                    self.push(kind, &event.object);
                }
            }
            Err(error) => {
                let status = serde_json::to_vec(&error.status()).unwrap_or_default();
                self.queue.push_back(answer::event("ERROR", &status).into());
                self.over = true;
            }
        }
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if !self.queue.is_empty() {
                // What is waiting goes out in one piece.
                let mut all = Vec::new();
                for line in self.queue.drain(..) {
                    all.extend_from_slice(&line);
                }
                return Some(all.into());
            }
            if self.over {
                return None;
            }
            self.changed.mark_unchanged();
            self.read();
            if !self.queue.is_empty() {
                continue;
            }
            let wake = if self.bookmarks { self.ends.min(self.next_bookmark) } else { self.ends };
            tokio::select! {
                changed = self.changed.changed() => {
                    if changed.is_err() {
                        return None;
                    }
                }
                () = tokio::time::sleep_until(wake) => {
                    self.over = Instant::now() >= self.ends;
                    if self.bookmarks {
                        self.bookmark(false);
                    }
                }
                () = self.shared.stopping() => return None,
            }
        }
    }
}
