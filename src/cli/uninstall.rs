//! `evenkeel uninstall`: a release's objects and history deleted, as `helm uninstall` does, under the guards of every prune.

use clap::Args;

use super::Outcome;
use super::args::{ClusterArgs, SourceArgs};
use super::console::Console;
use super::history::Named;
use super::rollback::carry_out;
use crate::reconcile::Asked;

/// Arguments of `uninstall`.
#[derive(Debug, Args)]
pub struct UninstallArgs {
    /// The release.
    #[arg(value_name = "ENV/RELEASE")]
    pub target: String,
    /// Keep its history, marked as uninstalled.
    #[arg(long)]
    pub keep_history: bool,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Where the desired state is read from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Which cluster is meant.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

pub(super) async fn run(args: UninstallArgs, console: &Console) -> Outcome {
    let named = Named::find(&args.target, &args.source, &args.cluster).await?;
    let asked = Asked::Uninstall { keep_history: args.keep_history, revision: named.source.revision.clone() };
    carry_out(named, asked, &args.source, args.dry_run, true, console).await
}
