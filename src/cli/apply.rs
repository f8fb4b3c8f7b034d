//! `evenkeel apply`: brings the cluster to what Git says, once.

use tokio_util::sync::CancellationToken;

use super::args::{ApplyArgs, Target};
use super::console::Console;
use super::error::CliError;
use super::{Outcome, interruption, source};
use crate::apply::Action as Done;
use crate::reconcile::{Event, Look, PassOptions, Reconciler, Source};
use crate::report::{BAD, DIM, GOOD, ReleaseState, WARN, paint, plan_json, plan_text};

pub(super) async fn run(args: ApplyArgs, console: &Console) -> Outcome {
    let target = Target::parse(&args.live.target);
    let cancel = interruption();
    if args.watch {
        return watch(&args, &target, console, &cancel).await;
    }
    let opened = source::open(&args.live.source)?;
    let environment = source::environment(&opened, &args.live.source, &target)?;
    source::deployable(&environment)?;
    let cluster = source::connect(&args.live.cluster, &environment.cluster).await?;
    let mut reconciler = Reconciler::new(cluster, &target.environment, args.live.source.path.trim_matches('/'), None);
    reconciler.prepare().await?;
    let look = planned(&mut reconciler, &opened, &target).await?;
    let plan = plan_json(&look.plan);
    if !console.json() {
        console.text(&plan_text(&look.plan, false));
    }
    let options = PassOptions {
        apply: true,
        wait: !args.no_wait,
        cancel: cancel.clone(),
        stop_waiting: CancellationToken::new(),
    };
    let outcomes = reconciler.execute(&look, &options, &|event| show(console, &event)).await;
    console.clear();
    let mut report = reconciler.report(&opened, look, outcomes, &options);
    report.status.time = jiff::Timestamp::now().to_string();
    if let Some(release) = &target.release {
        report.status.releases.retain(|r| r.name == *release);
    }
    let failed = report.status.releases.iter().any(|r| r.state >= ReleaseState::Refused) || cancel.is_cancelled();
    if console.json() {
        let done: serde_json::Map<String, serde_json::Value> = report
            .outcomes
            .iter()
            .map(|(release, outcome)| {
                let objects: Vec<_> = outcome
                    .done
                    .iter()
                    .map(|(id, done)| serde_json::json!({"object": id.to_string(), "action": done.word()}))
                    .collect();
                (release.clone(), objects.into())
            })
            .collect();
        console.value(&serde_json::json!({"plan": plan, "done": done, "status": report.status}));
    } else {
        for release in &report.status.releases {
            let style = if release.state >= ReleaseState::Refused {
                BAD
            } else if release.state == ReleaseState::Synced {
                GOOD
            } else {
                WARN
            };
            console.text(&format!("{} {}", paint(style, release.state.as_str()), release.name));
            for message in &release.messages {
                console.text(&format!("    {}", message.replace('\n', "\n    ")));
            }
        }
    }
    if cancel.is_cancelled() {
        return Err(CliError::cluster(
            "interrupted; the object in hand was finished, and the inventory names what is there",
        ));
    }
    Ok(if failed { 2 } else { 0 })
}

/// A look, limited to one release when one was named.
pub(super) async fn planned(reconciler: &mut Reconciler, source: &Source, target: &Target) -> Result<Look, CliError> {
    let mut look = reconciler.look(source).await?;
    if let Some(release) = &target.release {
        look.plan.releases.retain(|r| r.release == *release);
        look.plan.findings.retain(|f| f.release == *release || f.release.is_empty());
        look.drift.retain(|d| d.release == *release);
    }
    Ok(look)
}

/// What is wrong with the releases that a target names.
pub(super) fn problems(look: &Look, target: &Target) -> Vec<String> {
    let chosen = look.problems.iter().filter(|(name, _)| target.release.as_deref().is_none_or(|r| r == *name));
    chosen
        .flat_map(|(name, errors)| errors.iter().map(move |e| format!("{}/{name}: {e}", target.environment)))
        .collect()
}

fn show(console: &Console, event: &Event) {
    match event {
        Event::Object { id, done, reason, .. } => {
            if console.json() {
                return;
            }
            let why = if *done == Done::Created { String::new() } else { paint(DIM, reason) };
            console.text(&format!("{:<10} {} {why}", done.word(), id.display()));
        }
        Event::Waiting { pending, what } => console.progress(&format!("waiting for {pending} objects: {what}")),
    }
}

/// Plans again at every saved file; applies nothing.
async fn watch(args: &ApplyArgs, target: &Target, console: &Console, cancel: &CancellationToken) -> Outcome {
    let mut folder = crate::git::watch_folder(&args.live.source.repo).map_err(|e| CliError::user(e.to_string()))?;
    let mut reconciler: Option<Reconciler> = None;
    loop {
        let began = std::time::Instant::now();
        match plan_once(args, target, &mut reconciler).await {
            Ok(look) if console.json() => console.value(&plan_json(&look.plan)),
            Ok(look) => {
                let text = plan_text(&look.plan, false);
                console.text(&text);
                console.text(&paint(
                    DIM,
                    format!("planned in {} ms; waiting for a saved file", began.elapsed().as_millis()),
                ));
            }
            Err(error) => console.error(&error),
        }
        tokio::select! {
            () = cancel.cancelled() => return Ok(0),
            change = folder.next() => {
                change.map_err(|e| CliError::user(e.to_string()))?;
            }
        }
    }
}

async fn plan_once(args: &ApplyArgs, target: &Target, reconciler: &mut Option<Reconciler>) -> Result<Look, CliError> {
    let opened = source::open(&args.live.source)?;
    let environment = source::environment(&opened, &args.live.source, target)?;
    source::deployable(&environment)?;
    if reconciler.is_none() {
        let cluster = source::connect(&args.live.cluster, &environment.cluster).await?;
        *reconciler =
            Some(Reconciler::new(cluster, &target.environment, args.live.source.path.trim_matches('/'), None));
    }
    match reconciler {
        Some(reconciler) => planned(reconciler, &opened, target).await,
        None => Err(CliError::internal("no reconciler")),
    }
}
