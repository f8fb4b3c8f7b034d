//! `evenkeel rollback`: one release taken back to an earlier revision, and kept there.

use clap::Args;

use super::args::{ClusterArgs, SourceArgs};
use super::console::Console;
use super::error::CliError;
use super::history::Named;
use super::{Outcome, apply, interruption};
use crate::reconcile::{Asked, Reconciler};

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The release.
    #[arg(value_name = "ENV/RELEASE")]
    pub target: String,
    /// The revision to go back to (default: the one before the last; see `evenkeel history`).
    pub revision: Option<u32>,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not wait until its objects are ready.
    #[arg(long)]
    pub no_wait: bool,
    /// Where the desired state is read from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Which cluster is meant.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

pub(super) async fn run(args: RollbackArgs, console: &Console) -> Outcome {
    let named = Named::find(&args.target, &args.source, &args.cluster).await?;
    if named.release.is_none() {
        let error = CliError::user(format!("{} is not in Git, or cannot be read", named.display()));
        return Err(error.hint("what is rolled back has to be something that Git says"));
    }
    let revision = named.source.revision.clone();
    let asked = Asked::Rollback { version: args.revision, revision, planned: String::new() };
    carry_out(named, asked, &args.source, args.dry_run, !args.no_wait, console).await
}

/// Has one release planned as it was asked for, shows that, and carries it out.
pub(super) async fn carry_out(
    named: Named,
    asked: Asked,
    source: &SourceArgs,
    dry_run: bool,
    wait: bool,
    console: &Console,
) -> Outcome {
    let Named { source: opened, target, cluster, .. } = named;
    let reconciler = Reconciler::new(cluster, &target.environment, source.path.trim_matches('/'), None);
    let mut reconciler = reconciler.insistent();
    if let Some(release) = &target.release {
        reconciler.ask(release, asked);
    }
    if !dry_run {
        reconciler.prepare().await?;
    }
    let look = apply::planned(&mut reconciler, &opened, &target).await?;
    if let Some(error) = apply::problems(&look, &target).into_iter().next() {
        return Err(error);
    }
    if dry_run {
        return apply::tell_plan(&look.plan, console);
    }
    let options = apply::once(wait, interruption());
    apply::carry_out(&mut reconciler, &opened, &target, look, &options, console).await
}
