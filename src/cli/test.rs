//! `evenkeel test`: the tests that a release's chart brings, run against what is deployed.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::args::{ClusterArgs, SourceArgs};
use super::console::Console;
use super::error::CliError;
use super::history::Named;
use super::{Outcome, interruption};
use crate::reconcile::test_release;
use crate::report::{BAD, GOOD, paint};

/// Arguments of `test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// The release.
    #[arg(value_name = "ENV/RELEASE")]
    pub target: String,
    /// Run only the tests of these names.
    #[arg(long, value_name = "NAME")]
    pub filter: Vec<String>,
    /// How long one test may take (default: the release's timeout).
    #[arg(long, value_parser = humantime::parse_duration)]
    pub timeout: Option<Duration>,
    /// Where the desired state is read from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Which cluster is meant.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

pub(super) async fn run(args: TestArgs, console: &Console) -> Outcome {
    let named = Named::find(&args.target, &args.source, &args.cluster).await?;
    let (name, namespace) = named.helm()?;
    let release = named.target.release.clone().unwrap_or_default();
    let policy = named.release.as_ref().map(|r| r.policies.timeout);
    let timeout = args.timeout.or(policy).unwrap_or(Duration::from_secs(300));
    let cancel = interruption();
    let ran = test_release(
        &named.cluster,
        (&named.target.environment, &release),
        (&namespace, &name),
        &args.filter,
        timeout,
        &cancel,
    )
    .await
    .map_err(|error| CliError::cluster(error.to_string()))?;
    let Some(ran) = ran else {
        return Err(CliError::user(format!("{} has no history: it was never applied", named.display())));
    };
    if console.json() {
        let tests: Vec<_> = ran
            .tests
            .iter()
            .map(|t| json!({"name": t.id.name, "object": t.id.to_string(), "passed": t.failed.is_none(), "reason": t.failed}))
            .collect();
        console.value(&json!({
            "environment": named.target.environment, "release": release, "revision": ran.version, "tests": tests,
        }));
    } else if ran.tests.is_empty() {
        console.text("the chart has no tests");
    } else {
        for test in &ran.tests {
            let line = match &test.failed {
                None => format!("{} {}", paint(GOOD, "passed"), test.id.display()),
                Some(reason) => format!("{} {}: {reason}", paint(BAD, "failed"), test.id.display()),
            };
            console.text(&line);
        }
    }
    Ok(u8::from(ran.tests.iter().any(|t| t.failed.is_some())))
}
