//! `evenkeel approve`: lets what `onCommit: plan` holds back be applied, while it is what was looked at.

use serde_json::json;

use super::args::ApproveArgs;
use super::console::Console;
use super::error::CliError;
use super::{Outcome, source};
use crate::cli::args::Target;
use crate::reconcile::{Approved, Reconciler};

pub(super) async fn run(args: ApproveArgs, console: &Console) -> Outcome {
    let target = Target::parse(&args.environment);
    if target.release.is_some() {
        let error = CliError::user("a plan is an environment's, and is approved as a whole");
        return Err(error.hint(format!("write `evenkeel approve {} {}`", target.environment, args.digest)));
    }
    let opened = source::open(&args.source)?;
    let environment = source::environment(&opened, &args.source, &target)?;
    source::deployable(&environment)?;
    let cluster = source::connect(&args.cluster, &environment.cluster).await?;
    let mut reconciler = Reconciler::new(cluster, &target.environment, args.source.path.trim_matches('/'), None);
    let name = &target.environment;
    match reconciler.approve(&opened, &args.digest).await? {
        Approved::Recorded(pending) => {
            let releases: Vec<&String> = pending.releases.keys().collect();
            if console.json() {
                console.value(&json!({
                    "environment": name, "revision": opened.revision, "digest": pending.digest,
                    "releases": releases, "changes": pending.changes,
                }));
            } else {
                let of = releases.iter().map(|r| r.as_str()).collect::<Vec<_>>().join(", ");
                console.text(&format!(
                    "approved: {} changes of {of}; they are applied while they are these",
                    pending.changes
                ));
            }
            Ok(0)
        }
        Approved::Nothing => Err(CliError::user(format!("nothing in {name} waits for an approval"))),
        Approved::Differs(pending) => {
            let error = CliError::user(format!("{} is not the digest of what waits in {name}", args.digest));
            Err(error.hint(format!("look at `evenkeel diff {name}`, then `{}`", pending.command(name))))
        }
    }
}
