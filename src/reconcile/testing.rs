//! The tests of a release: the hooks of the event `test` of the revision in force, run one after the other to the first that
//! fails, as `helm test` does. Nothing of the release itself is touched; how they went is noted in its revision.

use std::sync::Mutex;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::apply::{ApplyError, HookOptions, ObjectResult, Record, record_tests, run_hooks};
use crate::cluster::Cluster;
use crate::history::{Event, Hook};
use crate::manifest::{Gvk, Inventory, ObjectId};
use crate::plan::{Operation, OperationKind, ReleasePlan, desire_hooks, hook_actions};

/// One test.
#[derive(Debug, Clone)]
pub struct TestResult {
    /// Its object.
    pub id: ObjectId,
    /// Why it failed; `None` when it passed.
    pub failed: Option<String>,
}

/// What came of a release's tests.
#[derive(Debug, Clone)]
pub struct TestRun {
    /// The revision that they belong to.
    pub version: u32,
    /// Those that ran, in their order.
    pub tests: Vec<TestResult>,
}

/// Runs the tests of the newest revision of a release: `of` is environment and release, `helm` the namespace and helm's name.
/// With a filter, only those of these names. `None` when there is no revision.
///
/// # Errors
/// When the cluster cannot be asked or refuses; a test that fails is in the result.
pub async fn test_release(
    cluster: &Cluster,
    of: (&str, &str),
    helm: (&str, &str),
    filter: &[String],
    timeout: Duration,
    cancel: &CancellationToken,
) -> Result<Option<TestRun>, ApplyError> {
    let ((environment, release), (namespace, name)) = (of, helm);
    let Some(newest) = cluster.history(namespace, name).await?.pop() else { return Ok(None) };
    let Some(read) = cluster.revision(namespace, name, newest.version).await? else { return Ok(None) };
    let chosen = |h: &&Hook| h.runs_at(Event::Test) && (filter.is_empty() || filter.contains(&h.name));
    let tests: Vec<Hook> = read.revision.hooks.iter().filter(chosen).cloned().collect();
    let kinds = cluster.kinds().await?;
    let scopes = |gvk: &Gvk| kinds.resource(gvk).map(|r| r.namespaced);
    let hooks = desire_hooks(&tests, namespace, &scopes).map_err(|errors| {
        let reason = errors.first().map(ToString::to_string).unwrap_or_default();
        ApplyError::History(reason)
    })?;
    // Every call is a run of its own.
    let digest = format!("test.{}", jiff::Timestamp::now().as_nanosecond());
    let before = hook_actions(&hooks, Event::Test, None, &digest);
    let operation = Operation {
        kind: OperationKind::Correct,
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        digest,
        version: Some(newest.version),
        held: None,
        anew: false,
        first: false,
    };
    let plan = ReleasePlan {
        release: release.to_owned(),
        namespace: namespace.to_owned(),
        stage: 0,
        gone: false,
        waits: Vec::new(),
        operation: Some(operation),
        before,
        after: Vec::new(),
        apply: Vec::new(),
        prune: Vec::new(),
    };
    // How tests went is no part of how far the release is: this inventory is never stored.
    let mut record = Record { inventory: Inventory::new(environment, release, namespace), version: None };
    let seen: Mutex<Vec<TestResult>> = Mutex::default();
    let on_object = |result: &ObjectResult| {
        let failed = match &result.outcome {
            Err(ApplyError::HookFailed { reason, .. }) => Some(reason.clone()),
            Err(error) => Some(error.to_string()),
            Ok(_) => None,
        };
        let mut seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.push(TestResult { id: result.id.clone(), failed });
    };
    let options = HookOptions { cancel: cancel.clone(), timeout, account: None, on_object: &on_object, memory: true };
    let ran = run_hooks(cluster, &plan, &plan.before, &mut record, &options).await;
    record_tests(cluster, &record, &plan).await?;
    let tests = seen.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    match ran {
        // It is among the results.
        Err(_) if tests.iter().any(|t| t.failed.is_some()) => {}
        other => other?,
    }
    Ok(Some(TestRun { version: newest.version, tests }))
}
