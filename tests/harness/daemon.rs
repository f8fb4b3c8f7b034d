//! A running `evenkeel run`, and what its API says.

use std::time::Duration;

use serde_json::Value;

use super::{Evenkeel, Process, eventually};

/// The daemon, once it serves.
pub(crate) struct Daemon {
    pub(crate) process: Process,
    url: String,
    client: reqwest::Client,
    /// How long it may take to what is waited for.
    step: Duration,
}

impl Daemon {
    /// Starts a command line of `run`, which has to say `--listen`.
    pub(crate) fn start(evenkeel: Evenkeel, step: Duration) -> Self {
        let mut process = evenkeel.start();
        let line =
            process.next_line("the address", Duration::from_secs(60), |line| line.starts_with("serving http://"));
        let url = line.trim_start_matches("serving ").to_owned();
        Self { process, url, client: reqwest::Client::builder().no_proxy().build().unwrap(), step }
    }

    /// What it answers, as it stands.
    pub(crate) async fn text(&self, path: &str) -> Result<String, String> {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.map_err(|e| e.to_string())?;
        let (status, text) = (answer.status(), answer.text().await.map_err(|e| e.to_string())?);
        if status.is_success() { Ok(text) } else { Err(format!("{status}: {text}")) }
    }

    /// What it answers, as JSON.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, String> {
        serde_json::from_str(&self.text(path).await?).map_err(|e| e.to_string())
    }

    /// Waits until the status of an environment is as wanted.
    pub(crate) async fn until(&self, environment: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("{environment}: {what}"), self.step, || async {
            let status = self.get(&format!("/api/v1/environments/{environment}")).await?;
            if wanted(&status) { Ok(status) } else { Err(brief(&status)) }
        })
        .await
    }

    /// Waits until a revision is deployed and ready.
    pub(crate) async fn synced(&self, environment: &str, revision: &str) -> Value {
        let wanted = |s: &Value| s["state"] == "synced" && s["revision"] == revision;
        self.until(environment, "the revision to be in force", wanted).await
    }

    /// What it says of drift now.
    pub(crate) async fn drift(&self, environment: &str) -> Vec<Value> {
        let answer = self.get(&format!("/api/v1/environments/{environment}/drift")).await.unwrap();
        answer["objects"].as_array().unwrap().clone()
    }

    /// The API requests that it has made so far.
    pub(crate) async fn requests(&self) -> u64 {
        let text = self.text("/metrics").await.unwrap();
        let numbers = text.lines().filter(|l| l.starts_with("evenkeel_api_requests{"));
        numbers.filter_map(|l| l.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }
}

/// The releases that are not synced, with what is said of them.
fn brief(status: &Value) -> String {
    let releases = status["releases"].as_array().into_iter().flatten().filter(|r| r["state"] != "synced");
    let said: Vec<String> = releases.map(|r| format!("{}: {} {}", r["name"], r["state"], r["messages"])).collect();
    format!("{} at {}\n{}", status["state"], status["revision"], said.join("\n"))
}
