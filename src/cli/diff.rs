//! `evenkeel diff`: what applying would change.

use std::fmt::Write as _;

use super::args::{DiffArgs, Target};
use super::console::{Console, errors_json};
use super::error::CliError;
use super::{Outcome, apply, source};
use crate::reconcile::{Difference, Reconciler, differences};
use crate::report::{BAD, DIM, GOOD, NAME, WARN, paint, plan_json, plan_markdown};

pub(super) async fn run(args: DiffArgs, console: &Console) -> Outcome {
    let DiffArgs { live: args, side_by_side, width } = args;
    let mut target = Target::parse(&args.target);
    let opened = source::open(&args.source)?;
    let environment = source::environment(&opened, &args.source, &target)?;
    source::deployable(&environment)?;
    source::limit(&mut target, &environment, &args.groups)?;
    let cluster = source::connect(&args.cluster, &environment.cluster).await?;
    let mut reconciler =
        Reconciler::new(cluster.clone(), &target.environment, args.source.path.trim_matches('/'), None).insistent();
    let look = apply::planned(&mut reconciler, &opened, &target).await?;
    console.progress("comparing");
    let found = differences(&cluster, &look, reconciler.secret_key()).await?;
    console.clear();
    let problems = apply::problems(&look, &target);
    let approval = look.pending.as_ref().map(|p| p.command(&target.environment));
    if console.json() {
        let approval = look.pending.as_ref().map(|p| {
            let releases: Vec<&String> = p.releases.keys().collect();
            serde_json::json!({"digest": p.digest, "releases": releases, "changes": p.changes})
        });
        console.value(&serde_json::json!({
            "environment": target.environment, "revision": opened.revision,
            "plan": plan_json(&look.plan), "objects": found, "approval": approval,
            "errors": errors_json(&problems),
        }));
    } else if console.markdown() {
        let diffs: Vec<(String, String)> =
            found.iter().map(|d| (format!("{} {}", d.verb, d.object.display()), d.diff.clone())).collect();
        let errors: Vec<String> = problems.iter().map(CliError::to_string).collect();
        console.text(&plan_markdown(&look.plan, &diffs, approval.as_deref(), &errors));
    } else {
        console.text(&text(&found, side_by_side.then_some(width.into())));
        for finding in &look.plan.findings {
            console.note(&format!("{} {} {}", paint(WARN, "!"), finding.release, finding.message));
        }
        if let Some(approval) = approval {
            console.note(&format!("{} waits for an approval: `{approval}`", paint(WARN, "!")));
        }
    }
    Ok(console.finish(&problems, u8::from(!found.is_empty())))
}

fn text(differences: &[Difference], columns: Option<usize>) -> String {
    let mut text = String::new();
    for difference in differences {
        let _ = writeln!(
            text,
            "{} {} {}",
            paint(NAME, format!("{} {}", difference.verb, difference.object.display())),
            paint(DIM, format!("(release {})", difference.release)),
            paint(DIM, &difference.reason)
        );
        if difference.diff.is_empty() {
            let _ = writeln!(text, "{}", paint(DIM, "  no value changes; ownership of its fields does"));
        }
        if let Some(columns) = columns {
            text.push_str(&difference.compared.side_by_side(columns));
            continue;
        }
        for line in difference.diff.lines() {
            let painted = match line.as_bytes().first() {
                Some(b'+') => paint(GOOD, line),
                Some(b'-') => paint(BAD, line),
                Some(b'@') => paint(DIM, line),
                _ => line.to_owned(),
            };
            let _ = writeln!(text, "{painted}");
        }
    }
    text
}
