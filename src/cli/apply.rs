//! `evenkeel apply`: brings the cluster to what Git says, once.

use tokio_util::sync::CancellationToken;

use super::args::{ApplyArgs, Target};
use super::console::{Console, errors_json};
use super::error::CliError;
use super::{Outcome, interruption, source};
use crate::apply::Action as Done;
use crate::plan::{FindingKind, Plan, Verb};
use crate::reconcile::{Asked, Event, Look, PassOptions, Reconciler, Source};
use crate::report::{
    BAD, DIM, EnvironmentStatus, GOOD, ReleaseState, ReleaseStatus, WARN, paint, plan_json, plan_text,
};

pub(super) async fn run(args: ApplyArgs, console: &Console) -> Outcome {
    let mut target = Target::parse(&args.live.target);
    let cancel = interruption();
    if args.watch {
        return watch(&args, &target, console, &cancel).await;
    }
    let opened = source::open(&args.live.source)?;
    let environment = source::environment(&opened, &args.live.source, &target)?;
    source::deployable(&environment)?;
    source::limit(&mut target, &environment, &args.live.groups)?;
    let cluster = source::connect(&args.live.cluster, &environment.cluster).await?;
    let reconciler = Reconciler::new(cluster, &target.environment, args.live.source.path.trim_matches('/'), None);
    // Somebody asks for it by hand: what failed before is tried again.
    let mut reconciler = reconciler.insistent();
    if args.resume {
        let Some(release) = &target.release else {
            return Err(CliError::user("`--resume` is about one release").hint("write ENV/RELEASE"));
        };
        reconciler.ask(release, Asked::Resume);
    }
    reconciler.prepare().await?;
    let look = planned(&mut reconciler, &opened, &target).await?;
    let options = once(!args.no_wait, cancel);
    carry_out(&mut reconciler, &opened, &target, look, &options, console).await
}

/// How often what is left of a release is planned anew when somebody else writes at the same time.
const REPLANS: usize = 5;

/// How a command makes its one pass.
pub(super) fn once(wait: bool, cancel: CancellationToken) -> PassOptions {
    PassOptions { apply: true, wait, cancel, stop_waiting: CancellationToken::new(), retry_after: None }
}

/// Prints a plan that is not carried out.
pub(super) fn tell_plan(plan: &Plan, console: &Console) -> Outcome {
    let errors = refused_deletions(plan);
    if console.json() {
        console.value(&serde_json::json!({"plan": plan_json(plan), "errors": errors_json(&errors)}));
    } else {
        console.text(&plan_text(plan, false));
    }
    Ok(console.finish(&errors, 0))
}

/// Carries a plan out and tells how that went.
pub(super) async fn carry_out(
    reconciler: &mut Reconciler,
    opened: &Source,
    target: &Target,
    look: Look,
    options: &PassOptions,
    console: &Console,
) -> Outcome {
    let plan = plan_json(&look.plan);
    let mut errors = refused_deletions(&look.plan);
    if !console.json() {
        console.text(&plan_text(&look.plan, false));
    }
    let mut look = look;
    let mut outcomes = reconciler.execute(&look, options, &|event| show(console, &event)).await;
    console.clear();
    // A daemon at the same release carries on with what was begun here, and may be first at it: then what is left is planned anew.
    for _ in 0..REPLANS {
        let overtaken: Vec<String> =
            outcomes.iter().filter(|(_, o)| o.is_overtaken()).map(|(release, _)| release.clone()).collect();
        if overtaken.is_empty() || options.cancel.is_cancelled() {
            break;
        }
        // The others have had their turn; who waited for one of these has it now.
        let again = |release: &str| {
            let waited = outcomes.get(release).is_some_and(|o| o.waits_for.iter().any(|of| overtaken.contains(of)));
            waited || overtaken.iter().any(|name| name == release)
        };
        // What was done so far is told whatever comes of the rest.
        match planned(reconciler, opened, target).await {
            Ok(next) => look = next,
            Err(error) => {
                errors.push(error);
                break;
            }
        }
        look.plan.releases.retain(|release| again(&release.release));
        let mut later = reconciler.execute(&look, options, &|event| show(console, &event)).await;
        console.clear();
        for release in &overtaken {
            // What is in no plan any more is done.
            outcomes.entry(release.clone()).or_default().follow(later.remove(release).unwrap_or_default());
        }
        for (release, outcome) in later {
            outcomes.entry(release).or_default().follow(outcome);
        }
    }
    let mut report = reconciler.report(opened, look, outcomes, options);
    report.status.time = jiff::Timestamp::now().to_string();
    if !target.is_whole() {
        report.status.releases.retain(|r| target.includes(&r.name));
        report.status.state = EnvironmentStatus::worst(&report.status.releases);
    }
    if options.cancel.is_cancelled() {
        errors.push(CliError::cluster(
            "interrupted; the object in hand was finished, and the inventory names what is there",
        ));
    }
    let failed = report.status.releases.iter().filter_map(|r| failure(&target.environment, r));
    if console.json() {
        errors.extend(failed);
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
        console.value(&serde_json::json!({
            "plan": plan, "done": done, "status": report.status, "errors": errors_json(&errors),
        }));
        return Ok(console.finish(&errors, 0));
    }
    let fine = if failed.count() > 0 { 2 } else { 0 };
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
    Ok(console.finish(&errors, fine))
}

/// Deletions that Git asks for and that are not made: more than the limit, or all of a release that renders nothing.
fn refused_deletions(plan: &Plan) -> Vec<CliError> {
    // The limit is the environment's: with one release named, it matters when a deletion of that release was refused.
    let kept = |message: &str| {
        plan.actions().any(|(_, a)| a.verb == Verb::Keep && !a.reason.is_empty() && message.contains(&a.reason))
    };
    let refused = plan.findings.iter().filter(|f| match f.kind {
        FindingKind::MassPrune => kept(&f.message),
        FindingKind::EmptyRender => true,
        _ => false,
    });
    refused
        .map(|f| {
            let release = if f.release.is_empty() { String::new() } else { format!("/{}", f.release) };
            CliError::user(format!("{}{release}: {}", plan.environment, f.message))
        })
        .collect()
}

/// Why a release is not what it should be, if it is not.
fn failure(environment: &str, release: &ReleaseStatus) -> Option<CliError> {
    let why = if release.messages.is_empty() { String::new() } else { format!(": {}", release.messages.join("\n")) };
    let message = format!("{environment}/{} is {}{why}", release.name, release.state.as_str());
    match release.state {
        ReleaseState::Failed => Some(CliError::cluster(message)),
        ReleaseState::Refused | ReleaseState::Broken => Some(CliError::user(message)),
        ReleaseState::Synced | ReleaseState::Progressing | ReleaseState::Pending | ReleaseState::Drifted => None,
    }
}

/// A look, limited to the releases that are meant.
pub(super) async fn planned(reconciler: &mut Reconciler, source: &Source, target: &Target) -> Result<Look, CliError> {
    let mut look = reconciler.look(source).await?;
    if !target.is_whole() {
        look.plan.releases.retain(|r| target.includes(&r.release));
        look.plan.findings.retain(|f| f.release.is_empty() || target.includes(&f.release));
        look.drift.retain(|d| target.includes(&d.release));
    }
    Ok(look)
}

/// What is wrong with the releases that a target names.
pub(super) fn problems(look: &Look, target: &Target) -> Vec<CliError> {
    let chosen = look.problems.iter().filter(|(name, _)| target.includes(name));
    chosen
        .flat_map(|(name, errors)| errors.iter().map(move |e| (name, e)))
        .map(|(name, error)| CliError::user(format!("{}/{name}: {error}", target.environment)))
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
        // What became of the releases is told at the end.
        Event::Looked(_) | Event::Release { .. } => {}
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
            Ok((look, target)) if console.json() => {
                let errors = problems(&look, &target);
                console.value(&serde_json::json!({"plan": plan_json(&look.plan), "errors": errors_json(&errors)}));
                console.finish(&errors, 0);
            }
            Ok((look, target)) => {
                let text = plan_text(&look.plan, false);
                console.text(&text);
                console.finish(&problems(&look, &target), 0);
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

async fn plan_once(
    args: &ApplyArgs,
    target: &Target,
    reconciler: &mut Option<Reconciler>,
) -> Result<(Look, Target), CliError> {
    let opened = source::open(&args.live.source)?;
    let environment = source::environment(&opened, &args.live.source, target)?;
    source::deployable(&environment)?;
    let mut target = target.clone();
    source::limit(&mut target, &environment, &args.live.groups)?;
    if reconciler.is_none() {
        let cluster = source::connect(&args.live.cluster, &environment.cluster).await?;
        *reconciler = Some(
            Reconciler::new(cluster, &target.environment, args.live.source.path.trim_matches('/'), None).insistent(),
        );
    }
    match reconciler {
        Some(reconciler) => Ok((planned(reconciler, &opened, &target).await?, target)),
        None => Err(CliError::internal("no reconciler")),
    }
}
