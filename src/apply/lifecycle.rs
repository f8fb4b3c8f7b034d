//! The steps of helm's life cycle around a release's objects, as the inventory and the history tell of them: begun, finished or
//! failed, uninstalled.

use super::adopt::Owner;
use super::error::ApplyError;
use super::history::{delete_history, record_revision, rewrite_revision};
use super::record::delete_inventory;
use super::release::Record;
use crate::cluster::Cluster;
use crate::history::{Event, Phase, Revision, Status};
use crate::manifest::{Inventory, Lifecycle, ObjectId, Progress, RunPhase};
use crate::plan::{OperationKind, ReleasePlan};

/// The life cycle of a release whose plan's operation is under way: the recorded one where it goes on, else a new one. `None`
/// without an operation.
pub(super) fn begun(plan: &ReleasePlan, inventory: &Inventory) -> Option<Lifecycle> {
    let operation = plan.operation.as_ref()?;
    let before = inventory
        .lifecycle
        .as_ref()
        .filter(|before| !operation.anew || before.says(&operation.digest, &operation.namespace, &operation.name));
    if let Some(before) =
        before.filter(|b| b.says(&operation.digest, &operation.namespace, &operation.name) && b.state != Progress::Done)
    {
        return Some(before.clone());
    }
    if let Some(before) = before.filter(|_| operation.kind == OperationKind::Correct) {
        return Some(Lifecycle { stale: true, ..before.clone() });
    }
    let mut moved_from = before.map(|b| b.moved_from.clone()).unwrap_or_default();
    if let Some(before) = before.filter(|b| b.namespace != operation.namespace || b.name != operation.name) {
        moved_from.push((before.namespace.clone(), before.name.clone()));
    }
    let adopts = operation.kind == OperationKind::Adopt;
    Some(Lifecycle {
        name: operation.name.clone(),
        namespace: operation.namespace.clone(),
        digest: operation.digest.clone(),
        version: if adopts { operation.version.unwrap_or_default() } else { before.map_or(0, |b| b.version) },
        state: if adopts { Progress::Done } else { Progress::Begun },
        installed: operation.kind != OperationKind::Install || before.is_some_and(|b| b.installed),
        held: operation.held.clone(),
        moved_from,
        ..Lifecycle::default()
    })
}

/// Writes what became of a release: its revision into helm's history, then into the inventory that it is done, or why it failed
/// (`failed`). A failure that is written already costs nothing. `revision` is the content; number, times, status and the runs of
/// hooks are filled in here.
///
/// # Errors
/// What the server says. The same call again goes on where this one ended.
pub async fn finish_release(
    cluster: &Cluster,
    plan: &ReleasePlan,
    revision: &Revision,
    record: &mut Record,
    failed: Option<&str>,
) -> Result<(), ApplyError> {
    let (Some(operation), Some(mut lifecycle)) = (&plan.operation, begun(plan, &record.inventory)) else {
        return Ok(());
    };
    if operation.kind == OperationKind::Adopt {
        return Ok(());
    }
    if failed.is_some_and(|reason| lifecycle.state == Progress::Failed && lifecycle.reason == reason) {
        return Ok(());
    }
    // The history is nobody's lock: who has been overtaken must not write what is in force.
    record.confirm(cluster).await?;
    let mut revision = revision.clone();
    let now = jiff::Timestamp::now().to_string();
    revision.info.first_deployed.clone_from(&now);
    revision.info.last_deployed = now;
    revision.info.status = if failed.is_some() { Status::Failed } else { Status::Deployed };
    let name = &operation.name;
    revision.info.description = match (operation.kind, failed) {
        (OperationKind::Rollback, None) if operation.version == Some(0) => {
            "Rollback to the revision that was ready last".to_owned()
        }
        (OperationKind::Rollback, None) => format!("Rollback to {}", operation.version.unwrap_or_default()),
        (OperationKind::Correct, None) => "Back to what Git says".to_owned(),
        (OperationKind::Install, None) => "Install complete".to_owned(),
        (_, None) => "Upgrade complete".to_owned(),
        (OperationKind::Install, Some(reason)) => format!("Release {name:?} failed: {reason}"),
        (OperationKind::Rollback, Some(reason)) => format!("Rollback {name:?} failed: {reason}"),
        (_, Some(reason)) => format!("Upgrade {name:?} failed: {reason}"),
    };
    note_runs(&mut revision, &lifecycle);
    lifecycle.version = record_revision(cluster, &revision, &operation.digest, operation.first).await?;
    lifecycle.state = if failed.is_some() { Progress::Failed } else { Progress::Done };
    lifecycle.reason = failed.unwrap_or_default().to_owned();
    if failed.is_none() {
        lifecycle.installed = true;
        lifecycle.stale = false;
        if let Some(held) = lifecycle.held.as_mut().filter(|h| h.version.is_some()) {
            held.version = Some(lifecycle.version);
        }
        for (namespace, name) in std::mem::take(&mut lifecycle.moved_from) {
            delete_history(cluster, &namespace, &name).await?;
        }
    }
    let inventory = Inventory { lifecycle: Some(lifecycle), ..record.inventory.clone() };
    record.store(cluster, inventory).await
}

/// Puts the runs of hooks into a revision, where helm looks for them.
fn note_runs(revision: &mut Revision, lifecycle: &Lifecycle) {
    for (key, run) in &lifecycle.hooks {
        let Some((event, id)) = key.split_once('/') else { continue };
        let Ok(id) = id.parse::<ObjectId>() else { continue };
        let hook = revision
            .hooks
            .iter_mut()
            .find(|h| h.name == id.name && h.kind == id.kind && h.events.iter().any(|e| e == event));
        let Some(hook) = hook.filter(|h| h.started_at <= run.started) else { continue };
        hook.started_at.clone_from(&run.started);
        hook.completed_at.clone_from(&run.completed);
        hook.phase = match run.phase {
            RunPhase::Running => Phase::Running,
            RunPhase::Succeeded => Phase::Succeeded,
            RunPhase::Failed => Phase::Failed,
        };
    }
}

/// Ends an uninstallation whose objects are gone: the history goes, or says so (`keep_history`), or stays as another release's, and the inventory with it where
/// nothing is left to remember.
///
/// # Errors
/// What the server says. The same call again goes on where this one ended.
pub async fn finish_uninstall(
    cluster: &Cluster,
    owner: &Owner,
    plan: &ReleasePlan,
    record: &mut Record,
    keep_history: bool,
) -> Result<(), ApplyError> {
    let (Some(operation), Some(lifecycle)) = (&plan.operation, begun(plan, &record.inventory)) else {
        return Ok(());
    };
    record.confirm(cluster).await?;
    for (namespace, name) in &lifecycle.moved_from {
        delete_history(cluster, namespace, name).await?;
    }
    if operation.kind == OperationKind::HandOver {
        // It is another release's by now.
    } else if keep_history || lifecycle.held.as_ref().is_some_and(|held| held.keep_history) {
        uninstalled(cluster, &operation.namespace, &operation.name).await?;
    } else {
        delete_history(cluster, &operation.namespace, &operation.name).await?;
    }
    let kept = operation.held.is_some().then(|| Lifecycle {
        state: Progress::Done,
        installed: false,
        moved_from: Vec::new(),
        hooks: std::collections::BTreeMap::new(),
        ..lifecycle
    });
    // What comes back is new.
    let inventory = Inventory { lifecycle: kept, revision: String::new(), ..record.inventory.clone() };
    match record.version.clone() {
        Some(version) if inventory.objects.is_empty() && inventory.lifecycle.is_none() => {
            delete_inventory(cluster, owner, &version).await?;
            *record = Record { inventory, version: None };
            Ok(())
        }
        _ => record.store(cluster, inventory).await,
    }
}

/// Marks the newest revision as helm does with `--keep-history`.
async fn uninstalled(cluster: &Cluster, namespace: &str, name: &str) -> Result<(), ApplyError> {
    let Some(newest) = cluster.history(namespace, name).await?.pop() else { return Ok(()) };
    let Some(mut read) = cluster.revision(namespace, name, newest.version).await? else { return Ok(()) };
    read.revision.info.status = Status::Uninstalled;
    read.revision.info.deleted = jiff::Timestamp::now().to_string();
    read.revision.info.description = "Uninstallation complete".to_owned();
    rewrite_revision(cluster, &read).await
}

/// Puts the runs of test hooks into the newest revision, as `helm test` does.
///
/// # Errors
/// What the server says.
pub async fn record_tests(cluster: &Cluster, record: &Record, plan: &ReleasePlan) -> Result<(), ApplyError> {
    let (Some(operation), Some(lifecycle)) = (&plan.operation, record.inventory.lifecycle.as_ref()) else {
        return Ok(());
    };
    let version = operation.version.unwrap_or_default();
    let Some(mut read) = cluster.revision(&operation.namespace, &operation.name, version).await? else {
        return Ok(());
    };
    let mut tests = lifecycle.clone();
    tests.hooks.retain(|key, _| key.starts_with(Event::Test.as_str()));
    note_runs(&mut read.revision, &tests);
    rewrite_revision(cluster, &read).await
}
