//! `evenkeel status`: the state of every release, looked up now.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::args::{LiveArgs, Target};
use super::console::Console;
use super::{Outcome, apply, source};
use crate::reconcile::{PassOptions, Reconciler};
use crate::report::{EnvironmentStatus, status_text};

pub(super) async fn run(args: LiveArgs, console: &Console) -> Outcome {
    let mut target = Target::parse(&args.target);
    let opened = source::open(&args.source)?;
    let environment = source::environment(&opened, &args.source, &target)?;
    source::deployable(&environment)?;
    source::limit(&mut target, &environment, &args.groups)?;
    let cluster = source::connect(&args.cluster, &environment.cluster).await?;
    let mut reconciler = Reconciler::new(cluster, &target.environment, args.source.path.trim_matches('/'), None);
    let look = apply::planned(&mut reconciler, &opened, &target).await?;
    let options = PassOptions {
        apply: false,
        wait: false,
        cancel: CancellationToken::new(),
        stop_waiting: CancellationToken::new(),
        retry_after: None,
    };
    let mut report = reconciler.report(&opened, look, BTreeMap::new(), &options);
    report.status.time = jiff::Timestamp::now().to_string();
    if !target.is_whole() {
        report.status.releases.retain(|r| target.includes(&r.name));
        report.status.state = EnvironmentStatus::worst(&report.status.releases);
    }
    if console.json() {
        console.value(&serde_json::to_value(&report.status).unwrap_or_default());
    } else {
        console.text(&status_text(&report.status));
    }
    Ok(0)
}
