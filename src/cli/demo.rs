//! `evenkeel demo`: the whole product in half a minute, on a repository and a sandbox of its own. Narrated as it happens:
//! every line that is printed was waited for, none is assumed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::args::{ClusterArgs, DemoArgs};
use super::console::Console;
use super::error::CliError;
use super::{Outcome, interruption, run};
use crate::daemon::{Alerts, Daemon, DaemonOptions, State};
use crate::drift::ObjectDrift;
use crate::git::{FollowOptions, Follower, Repository};
use crate::report::{DIM, EnvironmentStatus, GOOD, NAME, ReleaseState, paint};

mod guest;
mod workspace;

use guest::{Guest, Workload};
use workspace::Workspace;

/// What somebody scales in production, where that is put right.
const PRODUCTION: Workload = Workload { environment: "clipper-production", resource: "statefulsets", name: "redis" };
/// What somebody scales in staging, where that is told.
const STAGING: Workload = Workload { environment: "clipper-staging", resource: "deployments", name: "clipper-backend" };
/// How long any one step may take.
const STEP: Duration = Duration::from_secs(20);

pub(super) async fn run(args: DemoArgs, console: &Console) -> Outcome {
    let began = Instant::now();
    let cancel = interruption();
    let workspace = Workspace::create().map_err(|e| CliError::internal(format!("the demo's folder: {e}")))?;
    let sandbox = crate::sandbox::Server::start(([127, 0, 0, 1], 0).into(), crate::sandbox::Options::default())
        .await
        .map_err(|e| CliError::internal(format!("the sandbox: {e}")))?;
    let kubeconfig = workspace.path().join("kubeconfig");
    write(&kubeconfig, &sandbox.kubeconfig())?;
    let tale = Tale { console, began };
    tale.say(&format!(
        "a Git repository made from {} and {}, and a sandbox cluster at {}",
        paint(NAME, "environments/"),
        paint(NAME, "charts/"),
        sandbox.url
    ));

    let url = sandbox.url.clone();
    let daemon = Started::new(workspace.repository(), &kubeconfig, &cancel)?;
    let result = tokio::select! {
        () = cancel.cancelled() => Err(CliError::internal("interrupted")),
        result = story(&tale, &workspace, &daemon.state, &url) => result,
    };
    if result.is_ok() {
        tale.say(&paint(GOOD, format!("done in {:.1} s", began.elapsed().as_secs_f64())));
    }
    if result.is_ok() && args.keep {
        console.text(&format!(
            "\nleft running until Ctrl-C\n  repository  {}\n  kubectl     --kubeconfig {}",
            workspace.repository().display(),
            kubeconfig.display()
        ));
        cancel.cancelled().await;
    }
    cancel.cancel();
    let _ = daemon.task.await;
    sandbox.shutdown().await;
    result.map(|()| 0)
}

#[expect(clippy::disallowed_methods, reason = "the demo's own temporary folder")]
fn write(path: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(path, text).map_err(|e| CliError::internal(format!("{}: {e}", path.display())))
}

/// The daemon of the demo.
struct Started {
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

impl Started {
    fn new(repository: PathBuf, kubeconfig: &Path, cancel: &CancellationToken) -> Result<Self, CliError> {
        let state = Arc::new(State::default());
        let opened = Repository::open(&repository).map_err(|e| CliError::internal(e.to_string()))?;
        let (inputs, receiver) = mpsc::channel(16);
        let options = FollowOptions::new("main", Duration::from_millis(200));
        run::follow_branch(Follower::start(opened, options, cancel.clone()), &state, inputs, cancel.clone());
        let (alerts, _) = Alerts::start(Arc::clone(&state), None);
        let cluster = ClusterArgs { kubeconfig: Some(kubeconfig.to_owned()), context: None };
        let options = DaemonOptions {
            repository: repository.display().to_string(),
            root: "environments".to_owned(),
            environments: Vec::new(),
            clusters: run::clusters(cluster),
        };
        let daemon = Daemon::new(options, Arc::clone(&state), alerts, cancel.clone());
        Ok(Self { state, task: tokio::spawn(daemon.run(receiver)) })
    }
}

/// Prints what has happened, with the time since the start.
struct Tale<'a> {
    console: &'a Console,
    began: Instant,
}

impl Tale<'_> {
    fn say(&self, text: &str) {
        self.console.text(&format!("{} {text}", paint(DIM, format!("{:5.1}s", self.began.elapsed().as_secs_f64()))));
    }
}

async fn story(tale: &Tale<'_>, workspace: &Workspace, state: &Arc<State>, url: &str) -> Result<(), CliError> {
    let guest = Guest::new(url)?;
    for name in [PRODUCTION.environment, STAGING.environment] {
        let status =
            until(state, name, "deployed", |s| s.state == ReleaseState::Synced && !s.releases.is_empty()).await?;
        let objects: usize = status.releases.iter().map(|r| r.objects).sum();
        let releases: Vec<&str> = status.releases.iter().map(|r| r.name.as_str()).collect();
        tale.say(&format!("{} deployed and ready: {objects} objects in {}", paint(NAME, name), releases.join(", ")));
    }

    let commit = workspace.bump_image()?;
    tale.say(&format!("commit {}: {}", &commit.id[..8], commit.subject));
    for name in [PRODUCTION.environment, STAGING.environment] {
        until(state, name, "upgraded", |s| s.revision == commit.id && s.state == ReleaseState::Synced).await?;
        let image = guest.backend_image(name).await?;
        if !image.ends_with(workspace::NEW_TAG) {
            return Err(CliError::internal(format!("{name} runs {image}")));
        }
        tale.say(&format!("{} runs {image}", paint(NAME, name)));
    }

    let before = guest.replicas(PRODUCTION).await?;
    let scaled = Instant::now();
    guest.scale(PRODUCTION, before + 2).await?;
    tale.say(&format!("somebody scales production's {} from {before} to {}", PRODUCTION.name, before + 2));
    let seen = corrected(state, &guest, before).await?;
    tale.say(&format!(
        "{} put right after {} ms: {seen}",
        paint(NAME, PRODUCTION.environment),
        scaled.elapsed().as_millis()
    ));

    let before = guest.replicas(STAGING).await?;
    let scaled = Instant::now();
    guest.scale(STAGING, before + 3).await?;
    tale.say(&format!("somebody scales staging's {} from {before} to {}", STAGING.name, before + 3));
    let status = until(state, STAGING.environment, "alerted", |s| !s.drift.is_empty()).await?;
    let seen: Vec<String> = status.drift.iter().map(ObjectDrift::summary).collect();
    tale.say(&format!(
        "{} alerts after {} ms and leaves it: {}",
        paint(NAME, STAGING.environment),
        scaled.elapsed().as_millis(),
        seen.join("; ")
    ));
    if guest.replicas(STAGING).await? != before + 3 {
        return Err(CliError::internal("staging was changed although it only alerts"));
    }

    let claims = guest.names("/api/v1", STAGING.environment, "persistentvolumeclaims", workspace::REMOVED).await?;
    let commit = workspace.remove_release()?;
    tale.say(&format!("commit {}: {}", &commit.id[..8], commit.subject));
    let status = until(state, STAGING.environment, "pruned", |s| {
        s.revision == commit.id
            && s.releases
                .iter()
                .all(|r| r.name != workspace::REMOVED || r.messages.iter().any(|m| m.starts_with("left Git")))
    })
    .await?;
    let left = guest.names("/api/v1", STAGING.environment, "persistentvolumeclaims", workspace::REMOVED).await?;
    let workloads = guest.names("/apis/apps/v1", STAGING.environment, "statefulsets", workspace::REMOVED).await?;
    if left.is_empty() || left != claims || !workloads.is_empty() {
        return Err(CliError::internal(format!("claims {left:?} of {claims:?}, workloads {workloads:?}")));
    }
    let others = status.releases.iter().filter(|r| r.name != workspace::REMOVED);
    let rest = others.filter(|r| matches!(r.state, ReleaseState::Synced | ReleaseState::Drifted)).count();
    tale.say(&format!(
        "{} pruned {}: its workloads are gone, its claims stay ({}); the other {rest} releases go on",
        paint(NAME, STAGING.environment),
        workspace::REMOVED,
        left.join(", ")
    ));
    Ok(())
}

/// Waits until an environment's status is as wanted.
async fn until(
    state: &Arc<State>,
    environment: &str,
    what: &str,
    wanted: impl Fn(&EnvironmentStatus) -> bool,
) -> Result<EnvironmentStatus, CliError> {
    let mut changes = state.changes();
    let wait = async {
        loop {
            changes.mark_unchanged();
            if let Some(status) = state.environment(environment).filter(|s| wanted(s)) {
                return status;
            }
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    };
    tokio::time::timeout(STEP, wait).await.map_err(|_| {
        let status = state.environment(environment);
        let text = status.map_or_else(|| "nothing is known of it".to_owned(), |s| crate::report::status_text(&s));
        CliError::internal(format!("{environment} was not {what} in {} s\n{text}", STEP.as_secs()))
    })
}

/// Waits until a corrected drift is told and the replicas are back.
async fn corrected(state: &Arc<State>, guest: &Guest, replicas: i64) -> Result<String, CliError> {
    let name = PRODUCTION.environment;
    let mut changes = state.changes();
    let wait = async {
        loop {
            changes.mark_unchanged();
            if let Some(last) = state.last_correction(name) {
                return last;
            }
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    };
    let told = tokio::time::timeout(STEP, wait)
        .await
        .map_err(|_| CliError::internal(format!("{name} was not corrected in {} s", STEP.as_secs())))?;
    let now = guest.replicas(PRODUCTION).await?;
    if now != replicas {
        return Err(CliError::internal(format!("{name} has {now} replicas")));
    }
    Ok(told.iter().map(ObjectDrift::summary).collect::<Vec<_>>().join("; "))
}
