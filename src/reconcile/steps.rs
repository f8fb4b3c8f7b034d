//! The steps of helm's life cycle around the application of a release: its hooks before and after, and the revision at the end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::apply::{
    Action as Done, ApplyError, HookOptions, ObjectResult, Options, Record, apply_release, finish_release,
    finish_uninstall, run_hooks,
};
use crate::cluster::Cluster;
use crate::history::Revision;
use crate::manifest::Verdict;
use crate::plan::{Action, OperationKind, ReleasePlan, Verb};

use super::execute::How;
use super::verdicts::last_good;

/// One release on its way through its operation.
pub(super) struct Steps<'a> {
    cluster: &'a Cluster,
    environment: &'a str,
    plan: &'a ReleasePlan,
    /// What is recorded at the end.
    revision: Option<Arc<Revision>>,
    /// How long a hook may take.
    timeout: Duration,
    /// The user that hooks are written as.
    account: Option<String>,
    cancel: CancellationToken,
    on_object: &'a (dyn Fn(&ObjectResult) + Send + Sync),
}

/// Hooks that ran, as they are told.
#[derive(Default)]
pub(super) struct Ran(Mutex<Vec<ObjectResult>>);

impl Ran {
    pub(super) fn note(&self, result: &ObjectResult) {
        if matches!(result.outcome, Ok(Done::Ran)) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(result.clone());
        }
    }

    pub(super) fn all(&self) -> Vec<ObjectResult> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<'a> Steps<'a> {
    /// The steps of a release. `stop` ends a wait for a hook.
    pub(super) fn of(
        cluster: &'a Cluster,
        environment: &'a str,
        plan: &'a ReleasePlan,
        how: &How,
        stop: CancellationToken,
        on_object: &'a (dyn Fn(&ObjectResult) + Send + Sync),
    ) -> Self {
        Self {
            cluster,
            environment,
            plan,
            revision: how.content.clone(),
            timeout: how.timeout,
            account: how.account.clone(),
            cancel: stop,
            on_object,
        }
    }
}

impl Steps<'_> {
    fn hooks(&self) -> HookOptions<'_> {
        HookOptions {
            cancel: self.cancel.clone(),
            timeout: self.timeout,
            account: self.account.clone(),
            on_object: self.on_object,
            memory: false,
        }
    }

    /// The hooks before the objects. Definitions that hooks may need come first.
    pub(super) async fn before(&self, record: &mut Record) -> Result<(), ApplyError> {
        if !self.plan.before.iter().any(|a| a.verb == Verb::Hook) {
            return run_hooks(self.cluster, self.plan, &self.plan.before, record, &self.hooks()).await;
        }
        let definition = |a: &&Action| a.verb.writes() && a.id.kind == "CustomResourceDefinition";
        let definitions: Vec<Action> = self.plan.apply.iter().filter(definition).cloned().collect();
        if !definitions.is_empty() {
            let first = ReleasePlan { apply: definitions, prune: Vec::new(), ..self.plan.clone() };
            let options = Options {
                cancel: self.cancel.clone(),
                account: self.account.clone(),
                on_object: self.on_object,
                ..Options::default()
            };
            // The release is not at its revision yet.
            let revision = record.inventory.revision.clone();
            let report =
                apply_release(self.cluster, self.environment, &revision, &first, record.clone(), &options).await;
            let failed = report.errors().next().map(|(_, error)| error.clone());
            *record = report.record;
            if let Some(error) = failed {
                return Err(error);
            }
        }
        run_hooks(self.cluster, self.plan, &self.plan.before, record, &self.hooks()).await
    }

    /// The hooks after the objects, and the revision, with what is to be recorded of the release where it is `ready`. A failure of a
    /// hook is recorded, too.
    pub(super) async fn after(&self, record: &mut Record, ready: Option<Verdict>) -> Result<(), ApplyError> {
        let ran = run_hooks(self.cluster, self.plan, &self.plan.after, record, &self.hooks()).await;
        match ran {
            Ok(()) => {
                if let Some(verdict) = ready {
                    record.inventory.good = last_good(&record.inventory).to_owned();
                    record.inventory.verdict = Some(verdict);
                }
                self.record(record, None).await
            }
            Err(error) => {
                let no_failure = matches!(error, ApplyError::Interrupted | ApplyError::InventoryChanged { .. });
                self.failed(record, &error.to_string(), no_failure).await;
                Err(error)
            }
        }
    }

    /// Records that the release could not be brought about; an interruption is no failure. That it cannot be recorded is only
    /// logged: the next pass tries both again.
    pub(super) async fn failed(&self, record: &mut Record, reason: &str, interrupted: bool) {
        if interrupted {
            return;
        }
        if let Err(error) = self.record(record, Some(reason)).await {
            tracing::warn!(release = %self.plan.release, %error, "the failure cannot be recorded in helm's history");
        }
    }

    async fn record(&self, record: &mut Record, failed: Option<&str>) -> Result<(), ApplyError> {
        match &self.revision {
            Some(revision) => finish_release(self.cluster, self.plan, revision, record, failed).await,
            None => Ok(()),
        }
    }

    /// The end of an uninstallation.
    pub(super) async fn uninstalled(&self, record: &mut Record, keep_history: bool) -> Result<(), ApplyError> {
        let ends = [OperationKind::Uninstall, OperationKind::HandOver];
        if self.plan.operation.as_ref().is_none_or(|o| !ends.contains(&o.kind)) {
            return Ok(());
        }
        run_hooks(self.cluster, self.plan, &self.plan.after, record, &self.hooks()).await?;
        let owner = crate::apply::Owner::new(self.environment, &self.plan.release);
        finish_uninstall(self.cluster, &owner, self.plan, record, keep_history).await
    }
}
