//! `evenkeel diff`: what applying would change.

use std::fmt::Write as _;

use super::args::{LiveArgs, Target};
use super::console::{Console, errors_json};
use super::{Outcome, apply, source};
use crate::reconcile::{Difference, Reconciler, differences};
use crate::report::{BAD, DIM, GOOD, NAME, WARN, paint, plan_json};

pub(super) async fn run(args: LiveArgs, console: &Console) -> Outcome {
    let target = Target::parse(&args.target);
    let opened = source::open(&args.source)?;
    let environment = source::environment(&opened, &args.source, &target)?;
    source::deployable(&environment)?;
    let cluster = source::connect(&args.cluster, &environment.cluster).await?;
    let mut reconciler =
        Reconciler::new(cluster.clone(), &target.environment, args.source.path.trim_matches('/'), None).insistent();
    let look = apply::planned(&mut reconciler, &opened, &target).await?;
    console.progress("comparing");
    let found = differences(&cluster, &look.plan).await?;
    console.clear();
    let problems = apply::problems(&look, &target);
    if console.json() {
        console.value(&serde_json::json!({
            "environment": target.environment, "revision": opened.revision,
            "plan": plan_json(&look.plan), "objects": found,
            "errors": errors_json(&problems),
        }));
    } else {
        console.text(&text(&found));
        for finding in &look.plan.findings {
            console.note(&format!("{} {} {}", paint(WARN, "!"), finding.release, finding.message));
        }
    }
    Ok(console.finish(&problems, u8::from(!found.is_empty())))
}

fn text(differences: &[Difference]) -> String {
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
