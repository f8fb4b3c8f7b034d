//! Waits until what was applied is ready, or until there is better to do.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cluster::{Cluster, NotReady, Patience, Wait};
use crate::health::{Health, Rules};
use crate::manifest::{LABEL_ENVIRONMENT, LABEL_RELEASE, ObjectId, Redactor};

use super::execute::Unready;
use super::outcome::Event;

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Waited {
    /// Everything is ready.
    Ready,
    /// These are not, and nothing came nearer for too long, or they will not be.
    NotReady(Vec<NotReady>),
    /// They cannot be waited for.
    Impossible(String),
    /// The wait was ended by news.
    Interrupted,
}

/// What is waited for, and for how long already.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    pub(super) objects: Unready,
    pub(super) patience: Arc<Patience>,
}

/// Waits for objects of one release of an environment.
pub(super) async fn wait_ready(
    cluster: &Cluster,
    (environment, release): (&str, &str),
    waiting: Waiting,
    rules: &Rules,
    timeout: Duration,
    stop: &CancellationToken,
    tell: &(dyn Fn(Event) + Send + Sync),
) -> Waited {
    let Some((first, _)) = waiting.objects.first_key_value() else { return Waited::Ready };
    let pending = waiting.objects.len();
    tell(Event::Waiting { pending, what: first.display() });
    // Its own alone: others of the environment wait for theirs beside it.
    let selector = format!("{LABEL_ENVIRONMENT}={environment},{LABEL_RELEASE}={release}");
    let on_health = |id: &ObjectId, health: &Health| {
        let what = match health.reason() {
            "" => format!("{} is ready", id.display()),
            reason => format!("{}: {reason}", id.display()),
        };
        tell(Event::Waiting { pending, what });
    };
    let (selector, patience) = (selector.as_str(), waiting.patience.as_ref());
    let wait = Wait { selector, timeout, patience, rules, cancel: stop, on_health: &on_health };
    match cluster.wait_ready(waiting.objects, &wait).await {
        Err(error) => Waited::Impossible(error.to_string()),
        Ok(not_ready) if not_ready.is_empty() => Waited::Ready,
        Ok(_) if stop.is_cancelled() => Waited::Interrupted,
        Ok(not_ready) => Waited::NotReady(not_ready),
    }
}

/// Why objects are not ready, one text each: what they say of themselves, and below it what stands in their way. Secrets are
/// taken out.
pub(super) async fn told_of(cluster: &Cluster, objects: &[NotReady], redactor: &Redactor) -> Vec<String> {
    let troubles = cluster.troubles(objects).await;
    let told = objects.iter().map(|object| {
        let mut text = format!("{} is not ready: {}", object.id.display(), object.health.reason());
        for trouble in troubles.get(&object.id).into_iter().flatten() {
            text.push_str("\n  ");
            // Of the object itself, what is said is enough.
            text.push_str(&if trouble.about == object.id { trouble.what.clone() } else { trouble.display() });
        }
        redactor.redact(&text)
    });
    told.collect()
}
