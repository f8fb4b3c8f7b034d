//! The deletions of a plan, and what releases that leave do last.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use tokio_util::sync::CancellationToken;

use crate::apply::{ObjectResult, Options, Record, prune_release};
use crate::cluster::Cluster;
use crate::manifest::ObjectId;
use crate::plan::{Plan, ReleasePlan, Verb};

use super::execute::{ExecuteOptions, How};
use super::outcome::{Event, ReleaseOutcome, told};
use super::steps::Steps;

/// Deletions, in the reverse order of the releases. A release that was not applied whole, or is not ready, loses nothing.
pub(super) async fn prune(
    cluster: &Cluster,
    plan: &Plan,
    held: &mut BTreeMap<String, Record>,
    options: &ExecuteOptions,
    outcomes: &mut BTreeMap<String, ReleaseOutcome>,
    tell: &(dyn Fn(Event) + Send + Sync),
) {
    let arrived = |release: &ReleasePlan, id: &ObjectId| {
        outcomes.get(&release.release).is_some_and(|o| o.done.iter().any(|(done, _)| done == id))
    };
    let mut elsewhere: BTreeSet<ObjectId> = plan
        .actions()
        .filter(|(release, action)| action.verb == Verb::Transfer && arrived(release, &action.id))
        .map(|(_, action)| action.id.clone())
        .collect();
    // What an earlier pass handed over and could not strike off.
    for release in plan.releases.iter().filter(|r| !r.gone) {
        let owned = held.get(&release.release).into_iter().flat_map(|r| &r.inventory.objects);
        let settled = owned.filter(|(id, e)| !e.uid.is_empty() && release.apply.iter().any(|a| a.id == **id));
        elsewhere.extend(settled.map(|(id, _)| id.clone()));
    }
    for release in plan.releases.iter().rev().filter(|r| !r.prune.is_empty() || r.gone) {
        let outcome = outcomes.entry(release.release.clone()).or_default();
        // What replaces the old objects has to be ready first.
        let ready = outcome.not_ready.is_empty();
        let whole = ready && outcome.waits_for.is_empty() && outcome.errors.is_empty() && !outcome.interrupted;
        let broken = options.broken.contains(&release.release);
        if release.refused() || broken || !whole {
            continue;
        }
        let Some(mut record) = held.remove(&release.release) else { continue };
        let on_object = |result: &ObjectResult| told(&release.release, result, tell);
        // One that left Git is taken away as it was written.
        let account = match options.releases.get(&release.release) {
            Some(how) => how.account.clone(),
            None => Some(record.inventory.account.clone()).filter(|account| !account.is_empty()),
        };
        let of = options.releases.get(&release.release).cloned().unwrap_or_default();
        let of = How { account: account.clone(), ..of };
        let stop = options.cancel.child_token();
        let news = options.stop_waiting.clone();
        let steps = Steps::of(cluster, &plan.environment, release, &of, stop.clone(), &on_object);
        if release.gone
            && let Err(error) = cut_short(&news, &stop, steps.before(&mut record)).await
        {
            outcome.fail(&error);
            held.insert(release.release.clone(), record);
            continue;
        }
        let how = Options { cancel: options.cancel.clone(), account, on_object: &on_object, ..Options::default() };
        let report = prune_release(cluster, &plan.environment, release, record, &elsewhere, &how).await;
        outcome.take(&report);
        let mut record = report.record;
        if release.gone
            && outcome.errors.is_empty()
            && !outcome.interrupted
            && let Err(error) = cut_short(&news, &stop, steps.uninstalled(&mut record, of.keep_history)).await
        {
            outcome.fail(&error);
        }
        held.insert(release.release.clone(), record);
    }
}

/// A step, cut short by a newer revision: what runs then runs on, and the next pass goes on with it.
async fn cut_short<T>(news: &CancellationToken, stop: &CancellationToken, step: impl Future<Output = T>) -> T {
    let ended = async {
        news.cancelled().await;
        stop.cancel();
        std::future::pending::<T>().await
    };
    tokio::select! {
        done = step => done,
        never = ended => never,
    }
}
