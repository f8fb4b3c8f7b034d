//! The systems of `environments/` beside helm: all of them rendered, deployed from nothing and reconciled with nothing to do, by evenkeel
//! and by one `helm template` or `helm upgrade --install` a release with the same values, on the same API server:
//! `just bench-systems`. What each line means, and what was measured: docs/benchmarks.md.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark reads files and variables, fails by panicking, and prints what it measured"
)]

#[path = "../tests/harness/mod.rs"]
#[allow(unused_imports, unused_macros, reason = "the tests use more of it")]
mod harness;
#[path = "live/figures.rs"]
#[allow(dead_code, reason = "the other benchmark uses more of it")]
mod figures;
#[path = "../tests/systems/operators.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
mod operators;
#[path = "../tests/systems/support.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use evenkeel::environment::{self, ChartSource};
use evenkeel::git::Folder;
use evenkeel::reconcile::{Ambience, Charts, RenderCache, Source, read_environment};
use evenkeel::tree::Once;
use figures::{Figures, Wanted};
use harness::{ControlPlane, Daemon, GitRepository, helm};
use support::identities;

/// Runs whose median counts.
const RUNS: usize = 7;

/// A release as helm is told of it.
struct Release {
    name: String,
    namespace: String,
    chart: PathBuf,
    values: tempfile::NamedTempFile,
}

struct Systems {
    repository: GitRepository,
    environments: Vec<String>,
    /// In the order in which they are installed.
    releases: Vec<Release>,
}

fn main() {
    // `cargo test --benches` runs this file, too.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let helm = match helm() {
        Ok(helm) => helm,
        Err(missing) => return println!("not measured: {missing}"),
    };
    let systems = Systems::new();
    let mut figures = Figures::default();
    rendering(&systems, &helm, &mut figures);
    match ControlPlane::own() {
        Ok(plane) => {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(deploying(&systems, &helm, &plane, &mut figures));
        }
        Err(missing) => println!("deployments are not measured: {missing}"),
    }
    println!("{figures}");
    println!("{}", figures.json());
}

impl Systems {
    /// The project's own repository, without the charts that are not in it (kube-prometheus-stack and KEDA).
    fn new() -> Self {
        let repository = support::repository();
        support::without_operators(&repository);
        repository.commit("without what is elsewhere");
        let tree = Folder::open(repository.path()).unwrap();
        let (mut environments, mut releases) = (Vec::new(), Vec::new());
        for name in environment::discover(&tree, "environments").unwrap() {
            let loaded = environment::load(&tree, "environments", &name, &identities()).unwrap();
            if loaded.is_abstract {
                continue;
            }
            for release in loaded.staged() {
                let release = release.as_ref().unwrap();
                let Some(ChartSource::Folder(chart)) = &release.chart else { panic!("{}: no chart", release.name) };
                let values = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
                std::fs::write(values.path(), serde_json::to_string(&release.values.value).unwrap()).unwrap();
                releases.push(Release {
                    name: release.release_name.clone(),
                    namespace: release.namespace.clone(),
                    chart: repository.path().join(chart),
                    values,
                });
            }
            environments.push(name);
        }
        Self { repository, environments, releases }
    }

    /// Reads and renders everything, with nothing kept from before: layers, secrets, charts, templates, objects.
    fn render(&self) -> usize {
        let source = Source {
            tree: Arc::new(Once::new(Arc::new(Folder::open(self.repository.path()).unwrap()))),
            revision: "bench".to_owned(),
            time: jiff::Timestamp::now(),
            charts: Charts::default(),
            keys: identities(),
        };
        let mut objects = 0;
        let mut cache = RenderCache::default();
        for name in &self.environments {
            let read = read_environment(&source, "environments", name, &Ambience::default(), &mut cache).unwrap();
            objects += read.releases.iter().map(|r| r.rendered.as_ref().unwrap().objects.len()).sum::<usize>();
        }
        objects
    }

    /// One helm a release; `more` behind the values.
    fn helm(&self, helm: &Path, command: &[&str], suffix: &str, kubeconfig: Option<&Path>) -> Duration {
        let start = Instant::now();
        for release in &self.releases {
            let mut process = Command::new(helm);
            process.args(command).arg(&release.name).arg(&release.chart).arg("-f").arg(release.values.path());
            process.args(["--namespace", &format!("{}{suffix}", release.namespace)]);
            if let Some(kubeconfig) = kubeconfig {
                process.arg("--create-namespace").env("KUBECONFIG", kubeconfig);
            }
            let output = process.stdout(Stdio::null()).stderr(Stdio::piped()).output().expect("helm starts");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}/{}: {said}", release.namespace, release.name);
        }
        start.elapsed()
    }

    /// `evenkeel apply` of one environment after the other.
    fn apply(&self, kubeconfig: &Path) -> Duration {
        let start = Instant::now();
        for environment in &self.environments {
            support::evenkeel(&["apply", environment], &self.repository, kubeconfig).expect_code(0);
        }
        start.elapsed()
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn rendering(systems: &Systems, helm: &Path, figures: &mut Figures) {
    let (environments, releases) = (systems.environments.len(), systems.releases.len());
    let mut objects = 0;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        objects = systems.render();
        times.push(start.elapsed());
    }
    let what = format!("{releases} releases of {environments} environments, {objects} objects");
    figures.add(&format!("{what}: rendered, the first time"), times[0].as_secs_f64() * 1e3, "ms", Wanted::Nothing);
    let ours = median(times);
    figures.add("rendered, median", ours.as_secs_f64() * 1e3, "ms", Wanted::Nothing);
    let theirs = median((0..3).map(|_| systems.helm(helm, &["template"], "", None)).collect());
    figures.add("helm template of each, median", theirs.as_secs_f64() * 1e3, "ms", Wanted::Nothing);
    figures.add("helm template / rendered", theirs.as_secs_f64() / ours.as_secs_f64(), "times", Wanted::AtLeast(20.0));
}

async fn deploying(systems: &Systems, helm: &Path, plane: &ControlPlane, figures: &mut Figures) {
    let kubeconfig = plane.kubeconfig();
    operators::install(kubeconfig).await;
    let blocking = |run: &dyn Fn() -> Duration| tokio::task::block_in_place(run);

    let upgrade = ["upgrade", "--install"];
    let theirs = blocking(&|| systems.helm(helm, &upgrade, "-helm", Some(kubeconfig)));
    let ours = blocking(&|| systems.apply(kubeconfig));
    figures.add("first deploy: evenkeel apply, ready", ours.as_secs_f64(), "s", Wanted::Nothing);
    figures.add("first deploy: helm upgrade --install, not waited for", theirs.as_secs_f64(), "s", Wanted::Nothing);
    figures.add(
        "first deploy: helm / evenkeel",
        theirs.as_secs_f64() / ours.as_secs_f64(),
        "times",
        Wanted::AtLeast(1.0),
    );

    let again: Vec<Duration> = (0..3).map(|_| blocking(&|| systems.apply(kubeconfig))).collect();
    let ours = median(again);
    let theirs = blocking(&|| systems.helm(helm, &upgrade, "-helm", Some(kubeconfig)));
    figures.add("nothing to do: evenkeel apply of each environment", ours.as_secs_f64(), "s", Wanted::Nothing);
    figures.add("nothing to do: helm upgrade --install", theirs.as_secs_f64(), "s", Wanted::Nothing);
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    figures.add("nothing to do: helm / evenkeel apply", ratio, "times", Wanted::AtLeast(10.0));

    // The daemon, which is there already when a commit comes.
    let daemon = support::daemon(&systems.repository, kubeconfig, &[]);
    let at = systems.repository.commit("none");
    all_at(systems, &daemon, &at).await;
    let mut times = Vec::new();
    for number in 0..RUNS {
        let commit = systems.repository.write("README.md", &format!("{number}\n")).commit("words");
        let start = Instant::now();
        all_at(systems, &daemon, &commit).await;
        times.push(start.elapsed());
    }
    let seen = median(times);
    figures.add("nothing to do: the daemon, from the commit to all at it", seen.as_secs_f64(), "s", Wanted::Nothing);
    figures.add(
        "nothing to do: helm / daemon",
        theirs.as_secs_f64() / seen.as_secs_f64(),
        "times",
        Wanted::AtLeast(10.0),
    );
    daemon.process.terminate().expect_code(0);
}

/// Waits until every environment is at a revision, ready.
async fn all_at(systems: &Systems, daemon: &Daemon, revision: &str) {
    for environment in &systems.environments {
        daemon.synced(environment, revision).await;
    }
}
