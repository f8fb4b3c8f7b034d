//! Waits until what was applied is ready, or until there is better to do.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;
use crate::cluster::health::Health;
use crate::manifest::{LABEL_ENVIRONMENT, ObjectId};

use super::execute::{Event, Unready};

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Waited {
    /// Everything is ready.
    Ready,
    /// These are not, and the time is up or they will not be; with the reasons.
    NotReady(Vec<String>),
    /// The wait was ended by news.
    Interrupted,
}

/// Kinds that are ready as soon as they exist: waiting for them would cost a watch for nothing.
const AT_ONCE: &[&str] = &[
    "ConfigMap",
    "Secret",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "NetworkPolicy",
    "PriorityClass",
    "StorageClass",
    "LimitRange",
    "ResourceQuota",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "CronJob",
    "Ingress",
    "IngressClass",
    // A claim may wait for its first consumer, which is in another release.
    "PersistentVolumeClaim",
];

/// Waits for objects of one environment.
pub(super) async fn wait_ready(
    cluster: &Cluster,
    environment: &str,
    objects: &Unready,
    timeout: Duration,
    stop: &CancellationToken,
    tell: &(dyn Fn(Event) + Send + Sync),
) -> Waited {
    let objects: Unready = objects
        .iter()
        .filter(|(id, _)| !AT_ONCE.contains(&id.kind.as_str()))
        .map(|(i, v)| (i.clone(), v.clone()))
        .collect();
    let Some((first, _)) = objects.first_key_value() else { return Waited::Ready };
    let pending = objects.len();
    tell(Event::Waiting { pending, what: first.display() });
    let selector = format!("{LABEL_ENVIRONMENT}={environment}");
    let on_health = |id: &ObjectId, health: &Health| {
        let what = match health.reason() {
            "" => format!("{} is ready", id.display()),
            reason => format!("{}: {reason}", id.display()),
        };
        tell(Event::Waiting { pending, what });
    };
    match cluster.wait_ready(objects, &selector, timeout, stop, &on_health).await {
        Err(error) => Waited::NotReady(vec![error.to_string()]),
        Ok(not_ready) if not_ready.is_empty() => Waited::Ready,
        Ok(_) if stop.is_cancelled() => Waited::Interrupted,
        Ok(not_ready) => Waited::NotReady(
            not_ready.iter().map(|n| format!("{} is not ready: {}", n.id.display(), n.health.reason())).collect(),
        ),
    }
}
