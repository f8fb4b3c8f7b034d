//! Delivers an alert to a generic webhook: JSON, signed, with a timeout and bounded retries.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};

use super::{Alert, SIGNATURE_HEADER, sign};

/// Why an alert was not delivered. The URL is never part of it: it may hold a token.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The URL cannot be used. Not retryable.
    #[error("the webhook's URL is not valid: {0}")]
    Url(String),
    /// The receiver refused it for good. Not retryable.
    #[error("the webhook answered {0}")]
    Refused(StatusCode),
    /// Every attempt failed.
    #[error("the webhook could not be reached in {attempts} attempts: {last}")]
    GaveUp {
        /// How often it was tried.
        attempts: u32,
        /// What the last attempt met.
        last: String,
    },
}

/// A receiver of alerts.
#[derive(Clone)]
pub struct Webhook {
    client: Client,
    url: Url,
    secret: Option<Vec<u8>>,
    attempts: u32,
    first_wait: Duration,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// Attempts before an alert is given up.
const ATTEMPTS: u32 = 5;
/// The wait before the second attempt; it doubles for each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// One attempt, connect to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Webhook {
    /// A receiver at `url`; with a `secret`, every body is signed.
    ///
    /// # Errors
    /// When `url` is not http or https, or the TLS roots cannot be loaded.
    pub fn new(url: &str, secret: Option<Vec<u8>>) -> Result<Self, WebhookError> {
        let url = Url::parse(url).map_err(|e| WebhookError::Url(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(WebhookError::Url(format!("scheme `{}` is not http or https", url.scheme())));
        }
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("evenkeel/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| WebhookError::Url(e.without_url().to_string()))?;
        Ok(Self { client, url, secret, attempts: ATTEMPTS, first_wait: FIRST_WAIT })
    }

    /// With another number of attempts and another first wait (which doubles each time).
    #[must_use]
    pub fn retrying(mut self, attempts: u32, first_wait: Duration) -> Self {
        self.attempts = attempts.max(1);
        self.first_wait = first_wait;
        self
    }

    /// With another time limit for each attempt.
    ///
    /// # Errors
    /// When the client cannot be made anew.
    pub fn timeout(mut self, timeout: Duration) -> Result<Self, WebhookError> {
        self.client = Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| WebhookError::Url(e.without_url().to_string()))?;
        Ok(self)
    }

    /// Delivers one alert; 429, 5xx and failures on the way are tried again.
    ///
    /// # Errors
    /// When the receiver refuses it, or every attempt failed.
    pub async fn deliver(&self, alert: &Alert) -> Result<(), WebhookError> {
        let body = serde_json::to_vec(alert).map_err(|e| WebhookError::Url(e.to_string()))?;
        let mut wait = self.first_wait;
        let mut last = String::new();
        for attempt in 1..=self.attempts {
            let mut request =
                self.client.post(self.url.clone()).header("Content-Type", "application/json").body(body.clone());
            if let Some(secret) = &self.secret {
                request = request.header(SIGNATURE_HEADER, sign(secret, &body));
            }
            match request.send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) if answer.status() == StatusCode::TOO_MANY_REQUESTS || answer.status().is_server_error() => {
                    last = format!("answered {}", answer.status());
                }
                Ok(answer) => return Err(WebhookError::Refused(answer.status())),
                Err(error) => last = cause(&error.without_url()),
            }
            if attempt < self.attempts {
                tokio::time::sleep(wait).await;
                wait = wait.saturating_mul(2).min(Duration::from_secs(60));
            }
        }
        Err(WebhookError::GaveUp { attempts: self.attempts, last })
    }
}

/// The innermost cause, which says more than "error sending request".
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{AlertKind, verify};
    use super::*;
    use axum::Router;
    use axum::body::Bytes;
    use axum::http::HeaderMap;
    use axum::routing::post;
    use std::sync::{Arc, Mutex};

    type Seen = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

    /// A receiver on loopback that answers `answers` in turn, the last one for ever.
    async fn receiver(answers: Vec<u16>) -> (String, Seen) {
        let seen: Seen = Arc::default();
        let state = Arc::clone(&seen);
        let app = Router::new().route(
            "/",
            post(move |headers: HeaderMap, body: Bytes| async move {
                let mut seen = state.lock().unwrap();
                let status = *answers.get(seen.len()).or(answers.last()).unwrap();
                seen.push((headers, body));
                StatusCode::from_u16(status).unwrap()
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (url, seen)
    }

    fn alert() -> Alert {
        Alert {
            kind: AlertKind::Drift,
            environment: "staging".into(),
            release: String::new(),
            revision: "abc".into(),
            time: "2026-01-01T00:00:00Z".into(),
            message: "1 object drifted".into(),
            details: serde_json::Value::Null,
        }
    }

    fn quick(url: &str, secret: Option<Vec<u8>>) -> Webhook {
        Webhook::new(url, secret).unwrap().retrying(3, Duration::from_millis(1))
    }

    #[tokio::test]
    async fn delivers_signed_json() {
        let (url, seen) = receiver(vec![204]).await;
        quick(&url, Some(b"key".to_vec())).deliver(&alert()).await.unwrap();
        let seen = seen.lock().unwrap();
        let (headers, body) = &seen[0];
        assert!(verify(b"key", body, headers[SIGNATURE_HEADER].to_str().unwrap()));
        let json: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!(json["kind"], "drift");
        assert_eq!(json["environment"], "staging");
    }

    #[tokio::test]
    async fn retries_what_may_pass_and_stops_at_what_will_not() {
        let (url, seen) = receiver(vec![503, 429, 200]).await;
        quick(&url, None).deliver(&alert()).await.unwrap();
        assert_eq!(seen.lock().unwrap().len(), 3);

        let (url, seen) = receiver(vec![401]).await;
        assert!(matches!(quick(&url, None).deliver(&alert()).await, Err(WebhookError::Refused(s)) if s == 401));
        assert_eq!(seen.lock().unwrap().len(), 1);

        let (url, seen) = receiver(vec![500]).await;
        assert!(matches!(quick(&url, None).deliver(&alert()).await, Err(WebhookError::GaveUp { attempts: 3, .. })));
        assert_eq!(seen.lock().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn gives_up_on_a_receiver_that_hangs() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token-in-the-path", listener.local_addr().unwrap());
        let hook = quick(&url, None).timeout(Duration::from_millis(50)).unwrap().retrying(2, Duration::from_millis(1));
        let error = hook.deliver(&alert()).await.unwrap_err().to_string();
        assert_eq!(error, "the webhook could not be reached in 2 attempts: timed out");
        drop(listener);
    }

    #[test]
    fn refuses_other_schemes_without_naming_the_url() {
        let error = Webhook::new("file:///etc/passwd", None).unwrap_err().to_string();
        assert!(error.contains("scheme `file`") && !error.contains("passwd"), "{error}");
    }
}
