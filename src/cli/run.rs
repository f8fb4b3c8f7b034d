//! `evenkeel run`: the daemon, wired: repository, clusters, alerts and web.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::args::{ClusterArgs, RunArgs};
use super::console::Console;
use super::error::CliError;
use super::{Outcome, interruption, source};
use crate::cluster::Cluster;
use crate::daemon::{Alerts, Clusters, Daemon, DaemonOptions, Input, State};
use crate::git::{Credentials, Folder, FollowOptions, Follower, Repository, Revision, is_remote, masked, watch_folder};
use crate::notify::Webhook;
use crate::reconcile::{Source, WORKING_FOLDER};
use crate::web;

/// Inputs that wait for the daemon at most; only the newest matters.
const INPUTS: usize = 16;
/// How long alerts may take to leave when the daemon stops.
const LAST_ALERTS: Duration = Duration::from_secs(5);

pub(super) async fn run(args: RunArgs, console: &Console) -> Outcome {
    let cancel = interruption();
    let state = Arc::new(State::default());
    let webhook = webhook(&args)?;
    let (inputs, receiver) = mpsc::channel(INPUTS);
    let label = if args.watch { args.repo.clone() } else { masked(&args.repo) };
    if args.watch {
        follow_folder(Path::new(&args.repo), inputs, cancel.clone())?;
    } else {
        let repository = open(&args)?;
        let options = FollowOptions::new(args.branch.clone(), args.poll);
        follow_branch(Follower::start(repository, options, cancel.clone()), &state, inputs, cancel.clone());
    }
    let (address, web) = web::serve(args.listen, Arc::clone(&state), cancel.clone())
        .await
        .map_err(|e| CliError::user(format!("cannot listen on {}: {e}", args.listen)))?;
    tracing::info!(repository = %label, %address, "started");
    if console.json() {
        console.value(&serde_json::json!({"listen": format!("http://{address}")}));
    } else {
        console.note(&format!("serving http://{address}"));
    }
    let (alerts, delivery) = Alerts::start(Arc::clone(&state), webhook);
    let options = DaemonOptions {
        repository: label,
        root: args.path.trim_matches('/').to_owned(),
        environments: args.environments.clone(),
        clusters: clusters(args.cluster.clone()),
    };
    Daemon::new(options, Arc::clone(&state), alerts, cancel.clone()).run(receiver).await;
    // Nobody asked it to stop: whoever fed it ended.
    let abandoned = !cancel.is_cancelled();
    cancel.cancel();
    let _ = web.await;
    if let Some(delivery) = delivery
        && tokio::time::timeout(LAST_ALERTS, delivery).await.is_err()
    {
        tracing::warn!("alerts that wait for the webhook are given up");
    }
    if abandoned {
        let why = state.repository().error.unwrap_or_else(|| "its follower ended unexpectedly".to_owned());
        return Err(CliError::internal(format!("the repository is no longer followed: {why}")));
    }
    tracing::info!("stopped");
    Ok(0)
}

fn open(args: &RunArgs) -> Result<Repository, CliError> {
    let opened = if is_remote(&args.repo) {
        let cache = args.cache.clone().unwrap_or_else(|| source::cache_folder().join("git"));
        Repository::cached(&args.repo, &cache, Credentials::default())
    } else {
        Repository::open(Path::new(&args.repo))
    };
    opened.map_err(|e| CliError::user(e.to_string()))
}

fn webhook(args: &RunArgs) -> Result<Option<Webhook>, CliError> {
    let Some(url) = &args.webhook else { return Ok(None) };
    let secret = match &args.webhook_secret_file {
        None => None,
        Some(file) => {
            #[expect(clippy::disallowed_methods, reason = "a file that the command line names")]
            let bytes = std::fs::read(file).map_err(|e| CliError::user(format!("{}: {e}", file.display())))?;
            let secret = bytes.trim_ascii().to_vec();
            if secret.is_empty() {
                return Err(CliError::user(format!("{}: the secret is empty", file.display())));
            }
            Some(secret)
        }
    };
    Webhook::new(url, secret).map(Some).map_err(|e| CliError::user(e.to_string()))
}

/// Connects by what the command line and the environment say.
pub(super) fn clusters(args: ClusterArgs) -> Clusters {
    Arc::new(move |target| {
        let options = source::connect_options(&args, &target);
        Box::pin(Cluster::connect(options))
    })
}

/// Every new state of a followed branch becomes an input; an announced push becomes a fetch.
pub(super) fn follow_branch(
    follower: Follower,
    state: &Arc<State>,
    inputs: mpsc::Sender<Input>,
    cancel: CancellationToken,
) {
    let refresh = (follower.clone(), Arc::clone(state), cancel.clone());
    tokio::spawn(async move {
        let (follower, state, cancel) = refresh;
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = state.refresh_requested() => follower.refresh(),
            }
        }
    });
    let keys = source::keys();
    tokio::spawn(async move {
        let mut states = follower.state();
        let mut in_force: Option<Revision> = None;
        let mut failures = 0;
        loop {
            let known = states.borrow_and_update().clone();
            if let Some(snapshot) = known.snapshot
                && in_force.as_ref() != Some(snapshot.revision())
            {
                in_force = Some(snapshot.revision().clone());
                let revision = snapshot.revision();
                let charts = source::charts(false);
                let (keys, id, time) = (keys.clone(), revision.id.clone(), revision.time);
                let source = Source { revision: id, time, tree: snapshot, charts, keys };
                if inputs.send(Input::Revision(source)).await.is_err() {
                    return;
                }
            }
            if known.consecutive_failures != failures {
                failures = known.consecutive_failures;
                let error = known.last_error.as_ref().map(ToString::to_string);
                if inputs.send(Input::Trouble { error, failures }).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                changed = states.changed() => if changed.is_err() { return },
            }
        }
    });
}

/// Every saved file of a working folder is a new input.
fn follow_folder(path: &Path, inputs: mpsc::Sender<Input>, cancel: CancellationToken) -> Result<(), CliError> {
    let folder = Arc::new(Folder::open(path).map_err(|e| CliError::user(e.to_string()))?);
    let mut watch = watch_folder(path).map_err(|e| CliError::user(e.to_string()))?;
    let keys = source::keys();
    tokio::spawn(async move {
        loop {
            let tree = Arc::clone(&folder);
            let charts = source::charts(false);
            let (revision, keys) = (WORKING_FOLDER.to_owned(), keys.clone());
            let source = Source { tree, revision, time: Timestamp::now(), charts, keys };
            if inputs.send(Input::Revision(source)).await.is_err() {
                return;
            }
            let change = tokio::select! {
                () = cancel.cancelled() => return,
                change = watch.next() => change,
            };
            if let Err(error) = change {
                let trouble = Input::Trouble { error: Some(error.to_string()), failures: 1 };
                let _ = inputs.send(trouble).await;
                return;
            }
        }
    });
    Ok(())
}
