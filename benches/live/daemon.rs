//! The daemon that is measured: the binary itself, and what it says and takes.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::drift::Receiver;
use super::estate::Estate;
use super::server::Server;
use crate::harness::{Evenkeel, Process};

/// How long anything may take: the largest estate is applied within minutes.
const DEADLINE: Duration = Duration::from_secs(900);
/// How often the daemon is asked how it is. Answering takes it a millisecond, which is in what is measured.
const POLL: Duration = Duration::from_millis(20);

/// `evenkeel run`.
pub(super) struct Daemon {
    process: Process,
    url: String,
    environment: String,
    client: reqwest::Client,
    started: Instant,
}

/// Resident memory in MiB.
pub(super) struct Memory {
    pub(super) resident: f64,
    pub(super) peak: f64,
}

impl Daemon {
    /// Starts it on the newest commit.
    pub(super) fn start(server: &Server, estate: &Estate, receiver: &Receiver) -> Self {
        let started = Instant::now();
        let mut process = Evenkeel::new(["run", "--listen", "127.0.0.1:0", "--log-format", "json"])
            .args(["--environment", &estate.environment, "--webhook", receiver.url()])
            .repository(estate.repository())
            .kubeconfig(&server.kubeconfig)
            .start();
        let serving = process.next_line("its address", DEADLINE, |line| line.contains("serving http://"));
        let url = serving.rsplit(' ').next().unwrap().to_owned();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { process, url, environment: estate.environment.clone(), client, started }
    }

    /// Waits until the environment is what a revision says; returns how long that was after the start.
    pub(super) async fn synced(&self, revision: &str) -> Duration {
        let mut seen = String::new();
        while self.started.elapsed() < DEADLINE * 2 {
            let url = format!("{}/api/v1/environments/{}", self.url, self.environment);
            let answer = self.client.get(url).send().await.unwrap();
            if answer.status().is_success() {
                seen = answer.text().await.unwrap();
                let status: Value = serde_json::from_str(&seen).unwrap();
                if status["revision"] == revision && status["state"] == "synced" {
                    return self.started.elapsed();
                }
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("{} is not synced at {revision}: {seen}", self.environment)
    }

    /// When the last of so many objects was created, after the start.
    pub(super) async fn written(&mut self, objects: usize) -> Duration {
        let mut first = None;
        let mut last = jiff::Timestamp::UNIX_EPOCH;
        for _ in 0..objects {
            let line =
                self.process.next_line("every object to be created", DEADLINE, |line| line.contains("\"created\""));
            let line: Value = serde_json::from_str(&line).unwrap();
            last = line["timestamp"].as_str().unwrap().parse().unwrap();
            first.get_or_insert(last);
        }
        let ago = jiff::Timestamp::now().duration_since(last);
        self.started.elapsed().saturating_sub(ago.unsigned_abs())
    }

    /// Announces a push, and waits until its revision is in force.
    pub(super) async fn push(&self, revision: &str) {
        self.client.post(format!("{}/hooks/generic", self.url)).send().await.unwrap();
        self.synced(revision).await;
    }

    /// Its memory once that stays what it is.
    pub(super) async fn settled_memory(&self) -> Memory {
        let mut last = self.memory();
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let now = self.memory();
            if (now.resident - last.resident).abs() < 0.25 {
                return now;
            }
            last = now;
        }
    }

    /// The processor time that it has taken, in seconds.
    pub(super) fn processor(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        // Behind the name: the 12th and 13th, in hundredths of a second.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
        ticks / 100.0
    }

    fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let of = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
        };
        Memory { resident: of("VmRSS:"), peak: of("VmHWM:") }
    }
}
