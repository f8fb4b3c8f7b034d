//! Alerts on their way out: each is logged and counted at once, and delivered by a task of its own, so that a slow receiver
//! delays nobody.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::notify::{Alert, Webhook};

use super::state::State;

/// Alerts that wait for delivery at most; beyond it, new ones are logged and not posted (limit: alert queue).
const QUEUE: usize = 1000;

/// Where alerts go.
#[derive(Debug, Clone)]
pub struct Alerts {
    state: Arc<State>,
    queue: Option<mpsc::Sender<Alert>>,
}

impl Alerts {
    /// Alerts to the log, and to `webhook` when there is one. Needs a tokio runtime; the task ends with the last clone.
    #[must_use]
    pub fn start(state: Arc<State>, webhook: Option<Webhook>) -> (Self, Option<tokio::task::JoinHandle<()>>) {
        let Some(webhook) = webhook else { return (Self { state, queue: None }, None) };
        let (queue, mut waiting) = mpsc::channel::<Alert>(QUEUE);
        let counted = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Some(alert) = waiting.recv().await {
                if let Err(error) = webhook.deliver(&alert).await {
                    counted.metrics.undelivered();
                    tracing::error!(kind = alert.kind.as_str(), environment = %alert.environment, %error, "an alert was not delivered");
                }
            }
        });
        (Self { state, queue: Some(queue) }, Some(task))
    }

    /// Sends one alert.
    pub fn send(&self, alert: Alert) {
        alert.log();
        self.state.metrics.alert(alert.kind.as_str());
        if let Some(queue) = &self.queue
            && let Err(error) = queue.try_send(alert)
        {
            self.state.metrics.undelivered();
            tracing::error!(%error, limit = QUEUE, "too many alerts wait for the webhook");
        }
    }
}
