//! Waiting for what happens elsewhere: with a deadline and a name, and without sleeping through it.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use kube::api::Api;
use kube::runtime::watcher::{self, watch_object};
use serde::de::DeserializeOwned;

/// How long anything may take that takes a moment by itself: generous, since two cores run all tests at once and
/// nobody waits for it when all is well.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Watches the object `name` until `condition` holds for it, and returns it. `what` completes "waited for NAME: …".
///
/// # Panics
/// After [`DEADLINE`], with the object as it was last seen.
pub(crate) async fn wait_for<K>(api: Api<K>, name: &str, what: &str, mut condition: impl FnMut(&K) -> bool) -> K
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    watch(api, name, what, move |object| object.filter(|object| condition(object)).cloned()).await
}

/// Watches until the object `name` is not there (or not there any more).
///
/// # Panics
/// After [`DEADLINE`], with the object as it was last seen.
pub(crate) async fn wait_until_gone<K>(api: Api<K>, name: &str)
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    watch(api, name, "to be gone", |object| object.is_none().then_some(())).await;
}

async fn watch<K, T>(api: Api<K>, name: &str, what: &str, mut condition: impl FnMut(Option<&K>) -> Option<T>) -> T
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut last = None;
    let mut problem = None;
    let watched = async {
        let mut states = watch_object(api, name).boxed();
        loop {
            match states.try_next().await {
                Ok(object) => {
                    last = object.flatten();
                    if let Some(result) = condition(last.as_ref()) {
                        return result;
                    }
                }
                // The stream goes on by itself, at once; a definite refusal would come again and again.
                Err(watcher::Error::InitialListFailed(kube::Error::Api(status))) if status.is_forbidden() => {
                    panic!("waited for {name}: {what}: {status:?}")
                }
                Err(error) => {
                    problem = Some(error);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    match tokio::time::timeout(DEADLINE, watched).await {
        Ok(result) => result,
        Err(_) => panic!("waited {DEADLINE:?} for {name}: {what}\nlast seen: {last:#?}\nlast error: {problem:?}"),
    }
}

/// Asks until there is an answer, for what cannot be watched: a file, a page, another process.
///
/// `ask` returns `Ok(answer)`, or `Err(why not yet)`, which is shown when the deadline passes. Asked ten times a second.
///
/// # Panics
/// After `deadline`, naming `what` and the last reason.
pub(crate) async fn eventually<T, F, E>(what: &str, deadline: Duration, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, E>>,
    E: Debug,
{
    let end = Instant::now() + deadline;
    loop {
        let reason = match ask().await {
            Ok(answer) => return answer,
            Err(reason) => reason,
        };
        assert!(Instant::now() < end, "waited {deadline:?} for {what}: {reason:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
