//! The lines of the benchmark, one after the other against one daemon: each adds its figures. Shared by `just bench-live` and by
//! a test that runs it with few objects, so that it does not rot.

mod daemon;
mod drift;
mod estate;
mod figures;
mod floor;
mod server;

use std::time::{Duration, Instant};

use crate::harness::{ControlPlane, kubectl};
use daemon::Daemon;
use drift::Receiver;
use estate::Estate;
pub(crate) use figures::Figures;
use figures::Wanted;
use server::Server;

/// How much is measured.
pub(crate) struct Sizes {
    /// Releases of ten objects each.
    pub(crate) releases: usize,
    /// Foreign changes, told and corrected.
    pub(crate) changes: usize,
    /// How long the daemon is left alone.
    pub(crate) idle: Duration,
    /// Objects of the second measurement of memory; with 0 there is none.
    pub(crate) large: usize,
    /// How many requests of the bare client are on their way at a time: each is tried, the best counts.
    pub(crate) parallel: Vec<usize>,
}

impl Sizes {
    /// What the promises are about, unless `EVENKEEL_BENCH_RELEASES`, `_CHANGES`, `_IDLE` (seconds) or `_LARGE` say otherwise.
    pub(crate) fn from_environment() -> Self {
        let number = |name: &str, otherwise: usize| {
            let set = std::env::var(format!("EVENKEEL_BENCH_{name}")).ok();
            set.map_or(otherwise, |text| text.parse().unwrap_or_else(|e| panic!("EVENKEEL_BENCH_{name}: {text}: {e}")))
        };
        Self {
            releases: number("RELEASES", 100),
            changes: number("CHANGES", 200),
            idle: Duration::from_secs(number("IDLE", 60) as u64),
            large: number("LARGE", 10_000),
            parallel: vec![4, 8, 16, 32, 64],
        }
    }

    /// Enough to see that every line can still be measured.
    pub(crate) fn small() -> Self {
        Self { releases: 10, changes: 5, idle: Duration::from_secs(1), large: 0, parallel: vec![8] }
    }
}

/// Measures every line.
pub(crate) async fn measure(plane: &ControlPlane, sizes: &Sizes) -> Figures {
    let mut figures = Figures::default();
    let server = Server::prepare(plane).await;
    let estate = Estate::new(sizes.releases);
    estate.make_namespaces(&server.admin).await;
    let objects = sizes.releases * estate::PER_RELEASE;
    let plural = format!("{objects} objects of {} releases", sizes.releases);

    let floor = floor::measure(&server, &estate, &sizes.parallel, &mut figures).await;

    let receiver = Receiver::start().await;
    let before = server.settled_requests().await;
    let mut daemon = Daemon::start(&server, &estate, &receiver);
    let synced = daemon.synced(&estate.revision()).await;
    let processor = daemon.processor();
    let written = daemon.written(objects).await;
    let spent = server.settled_requests().await.since(&before);
    figures.add(&format!("first apply of {plural}: written"), written.as_secs_f64(), "s", Wanted::Nothing);
    figures.add("first apply: recorded and ready", synced.as_secs_f64(), "s", Wanted::Nothing);
    figures.add("first apply: the daemon's processor time", processor, "s", Wanted::Nothing);
    figures.add("first apply: requests an object", per(spent.total(), objects), "", Wanted::Nothing);
    let ratio = synced.as_secs_f64() / floor.as_secs_f64();
    figures.add("first apply / bare client at its best", ratio, "times", Wanted::Below(1.5));

    let small = daemon.settled_memory().await;
    figures.add(&format!("resident memory with {plural}"), small.resident, "MiB", Wanted::Below(64.0));
    figures.add("most resident memory, first apply included", small.peak, "MiB", Wanted::Nothing);

    let before = server.settled_requests().await;
    tokio::time::sleep(sizes.idle).await;
    let idle = server.requests().await.since(&before);
    let what = format!("requests while idle for {} s, watches excepted", sizes.idle.as_secs());
    figures.add(&what, idle.without_watches() as f64, "", Wanted::AtMost(0.0));
    figures.add("watches opened while idle", idle.watches as f64, "", Wanted::Nothing);

    drop(daemon);
    let before = server.settled_requests().await;
    let daemon = Daemon::start(&server, &estate, &receiver);
    let ready = daemon.synced(&estate.revision()).await;
    let restart = server.settled_requests().await.since(&before);
    figures.add("restart: until synced", ready.as_secs_f64(), "s", Wanted::Nothing);
    // A list for each kind and page, discovery, the inventories, the key; not one for each release or object.
    let some = (sizes.releases / 2).max(40) as f64;
    figures.add("restart: requests, watches excepted", restart.without_watches() as f64, "", Wanted::Below(some));
    figures.add("resident memory after a restart", daemon.settled_memory().await.resident, "MiB", Wanted::Below(64.0));

    no_change(&server, &estate, &daemon, &mut figures).await;

    estate.on_drift("alert");
    daemon.push(&estate.revision()).await;
    // No object twice: a field that somebody else has put right himself is his, and what he makes of it next is another question.
    let mut victims = estate.victims(sizes.changes * 2);
    let others = victims.split_off(sizes.changes);
    let told = drift::told(&server, &receiver, &victims).await;
    figures.add_times(&format!("{} foreign changes, told", sizes.changes), &told, [Some(50.0), Some(250.0)]);
    estate.on_drift("correct");
    daemon.push(&estate.revision()).await;
    let corrected = drift::corrected(&server, &receiver, &others).await;
    figures.add_times(&format!("{} foreign changes, corrected", sizes.changes), &corrected, [None, Some(1000.0)]);

    if sizes.large > objects {
        estate.grow(sizes.large / estate::PER_RELEASE);
        estate.make_namespaces(&server.admin).await;
        let start = Instant::now();
        daemon.push(&estate.revision()).await;
        figures.add("growing: until synced", start.elapsed().as_secs_f64(), "s", Wanted::Nothing);
        drop(daemon);
        let daemon = Daemon::start(&server, &estate, &receiver);
        daemon.synced(&estate.revision()).await;
        let large = daemon.settled_memory().await;
        let what = format!("resident memory with {} objects of {} releases", sizes.large, estate.releases());
        figures.add(&what, large.resident, "MiB", Wanted::Nothing);
        let growth = (large.resident - small.resident) * 1024.0 / (sizes.large - objects) as f64;
        figures.add("growth an object", growth, "KiB", Wanted::Nothing);
    }
    figures
}

/// A commit that changes no object, beside kubectl over the same objects.
async fn no_change(server: &Server, estate: &Estate, daemon: &Daemon, figures: &mut Figures) {
    let before = server.settled_requests().await;
    let ours = commits(daemon, estate, |number| estate.change_nothing(number)).await;
    let anew = commits(daemon, estate, |number| estate.change_the_chart(number)).await;
    let spent = server.settled_requests().await.since(&before);
    figures.add("no-change commit: median of 5", ours.as_secs_f64() * 1e3, "ms", Wanted::Nothing);
    figures.add("no-change commit in the chart: median of 5", anew.as_secs_f64() * 1e3, "ms", Wanted::Nothing);
    figures.add("no-change commit: requests of all 10", spent.without_watches() as f64, "", Wanted::AtMost(0.0));
    let Ok(kubectl) = kubectl() else { return };
    let manifests = estate.manifests();
    let mut diff = std::process::Command::new(kubectl);
    diff.args(["diff", "--server-side", "--kubeconfig"]).arg(&server.kubeconfig).arg("-f").arg(manifests.path());
    let start = Instant::now();
    let output = tokio::task::spawn_blocking(move || diff.output().unwrap()).await.unwrap();
    let theirs = start.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl diff: {said}{}", String::from_utf8_lossy(&output.stdout));
    figures.add("kubectl diff --server-side of the same objects", theirs.as_secs_f64() * 1e3, "ms", Wanted::Nothing);
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    figures.add("kubectl diff / no-change commit", ratio, "times", Wanted::AtLeast(50.0));
}

/// The median time of five commits.
async fn commits(daemon: &Daemon, estate: &Estate, commit: impl Fn(usize)) -> Duration {
    let mut times = Vec::new();
    for number in 0..5 {
        commit(number);
        let start = Instant::now();
        daemon.push(&estate.revision()).await;
        times.push(start.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

fn per(count: u64, objects: usize) -> f64 {
    count as f64 / objects as f64
}
