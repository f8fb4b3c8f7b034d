//! Helm's hooks, run one after the other: the object of before goes (where the policy says so), the new one is made and waited
//! for, and the inventory remembers how it ended. A pass that dies over a hook leaves an object that names its run: the next
//! pass waits for that one. What has succeeded is never made again for the same content, wherever its Job has gone.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::error::{ApplyError, is_being_deleted};
use super::lifecycle::begun;
use super::object::Action as Done;
use super::record::{ensure_namespace, post};
use super::release::{ObjectResult, OnObject, Record};
use crate::cluster::wire::Call;
use crate::cluster::{Cluster, Finished, Verb};
use crate::history::Policy;
use crate::manifest::{ANNOTATION_HOOK, HookRun, Object, RunPhase};
use crate::plan::{self, HookSpec, ReleasePlan, run_key};

/// The annotation that makes an object a hook: what carries it may be deleted before the hook runs again.
const HOOK: &str = "helm.sh/hook";

/// How hooks are run.
#[derive(Clone)]
pub struct HookOptions<'a> {
    /// Cancelled: the hook in hand runs on, and the next pass waits for it.
    pub cancel: CancellationToken,
    /// How long nothing of a hook may come nearer.
    pub timeout: Duration,
    /// The user that the hooks' objects are written as (`serviceAccount`).
    pub account: Option<String>,
    /// Told of every hook.
    pub on_object: &'a OnObject<'a>,
    /// Whether how they went is kept in memory alone: tests are no part of how far a release is.
    pub memory: bool,
}

/// Runs the hooks of one event, in their order. `actions` are all of them: those that are done already are only cleaned up.
///
/// # Errors
/// [`ApplyError::HookFailed`] with the reason, [`ApplyError::Interrupted`], or what the server says.
pub async fn run_hooks(
    cluster: &Cluster,
    plan: &ReleasePlan,
    actions: &[plan::Action],
    record: &mut Record,
    options: &HookOptions<'_>,
) -> Result<(), ApplyError> {
    if actions.is_empty() {
        return Ok(());
    }
    let actor = &cluster.acting_as(options.account.as_deref());
    if actions.iter().any(|a| a.verb == plan::Verb::Hook) && !plan.gone && !plan.namespace.is_empty() {
        let created_for = format!("{}/{}", record.inventory.environment, plan.release);
        ensure_namespace(actor, &plan.namespace, &created_for).await?;
    }
    for action in actions.iter().filter(|a| a.verb == plan::Verb::Hook) {
        let (Some(object), Some(spec)) = (&action.object, &action.hook) else { continue };
        let result = Run { cluster, actor, plan, action, object, spec, options }.run(record).await;
        let outcome = result.clone().map(|()| Done::Ran);
        if !matches!(outcome, Err(ApplyError::Interrupted)) {
            let (id, reason) = (action.id.clone(), action.reason.clone());
            (options.on_object)(&ObjectResult { id, outcome, reason, taken: Vec::new() });
        }
        result?;
    }
    for action in actions.iter().rev() {
        let (Some(object), Some(spec)) = (&action.object, &action.hook) else { continue };
        if spec.delete.contains(&Policy::HookSucceeded) {
            Run { cluster, actor, plan, action, object, spec, options }.clear(None, None).await?;
        }
    }
    Ok(())
}

/// One hook.
struct Run<'a> {
    cluster: &'a Cluster,
    /// The cluster as the release's own user writes to it.
    actor: &'a Cluster,
    plan: &'a ReleasePlan,
    action: &'a plan::Action,
    object: &'a Object,
    spec: &'a HookSpec,
    options: &'a HookOptions<'a>,
}

impl Run<'_> {
    async fn run(&self, record: &mut Record) -> Result<(), ApplyError> {
        if self.options.cancel.is_cancelled() {
            return Err(ApplyError::Interrupted);
        }
        let key = run_key(self.spec.event, &self.action.id);
        let marker = self.marker(record);
        let before = begun(self.plan, &record.inventory).and_then(|l| l.hooks.get(&key).cloned());
        let mut run = match before {
            // It was made by a pass that did not see its end, wherever it is now.
            Some(run) if run.phase == RunPhase::Running => run,
            before => {
                let failed = before.map(|run| run.uid).unwrap_or_default();
                let uid = match self.unrecorded(&marker, &failed).await? {
                    Some(uid) => uid,
                    None => {
                        // Another process may have seen it through, and its object is gone since.
                        if !self.options.memory {
                            record.confirm(self.cluster).await?;
                        }
                        self.make(&marker, &failed).await?
                    }
                };
                let run = HookRun { uid, started: now(), ..HookRun::default() };
                self.remember(record, &key, &run).await?;
                run
            }
        };
        let Self { action, options, .. } = self;
        let ended =
            self.cluster.wait_finished(&action.id, &action.version, &run.uid, options.timeout, &options.cancel).await?;
        let failed = match ended {
            Finished::Succeeded => None,
            Finished::Cancelled => return Err(ApplyError::Interrupted),
            Finished::Failed(reason) => Some(reason),
            Finished::Gone => Some("it was deleted before it ended".to_owned()),
            Finished::TimedOut(says) => {
                let after = humantime::format_duration(options.timeout);
                Some(format!("it has not ended, and nothing of it came nearer for {after}: {says}"))
            }
        };
        run.completed = now();
        run.phase = if failed.is_none() { RunPhase::Succeeded } else { RunPhase::Failed };
        self.remember(record, &key, &run).await?;
        let Some(reason) = failed else { return Ok(()) };
        if self.spec.delete.contains(&Policy::HookFailed) {
            self.clear(Some(&run.uid), None).await?;
        }
        Err(ApplyError::HookFailed { event: self.spec.event, id: action.id.clone(), reason })
    }

    /// Whose run an object is: of this content, and no other.
    fn marker(&self, record: &Record) -> String {
        let digest = self.plan.operation.as_ref().map_or("", |o| o.digest.as_str());
        let inventory = &record.inventory;
        format!("{}/{}@{digest}/{}", inventory.environment, inventory.release, self.spec.event)
    }

    /// The object of this very run, when a pass died between making it and writing that down. A run that failed is over.
    async fn unrecorded(&self, marker: &str, failed: &str) -> Result<Option<String>, ApplyError> {
        let live = self.cluster.get_metadata(&self.action.id, &self.action.version).await?;
        let own = live.filter(|live| live.annotation(ANNOTATION_HOOK) == Some(marker) && !is_being_deleted(live));
        Ok(own.map(|live| live.uid().to_owned()).filter(|uid| uid != failed))
    }

    /// Makes the object; what stands in its place goes first where the policy says so, or where it is the run that failed.
    async fn make(&self, marker: &str, failed: &str) -> Result<String, ApplyError> {
        if self.spec.delete.contains(&Policy::BeforeHookCreation) {
            self.clear(None, Some((marker, failed))).await?;
        } else if !failed.is_empty() {
            self.clear(Some(failed), None).await?;
        }
        let mut object = self.object.clone();
        object.set_annotation(ANNOTATION_HOOK, marker);
        let resource = self.cluster.resource(&object.gvk()).await?;
        let call = post(resource.collection(object.namespace()), object.value()).query("fieldValidation", "Strict");
        match self.actor.write(call).await {
            Ok((_, made)) => Ok(made.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned()),
            // The answer to an earlier try was lost.
            Err(error) if error.is_conflict() => match self.unrecorded(marker, failed).await? {
                Some(uid) => Ok(uid),
                None => Err(ApplyError::of(error, &object)),
            },
            Err(error) => Err(ApplyError::of(error, &object)),
        }
    }

    /// Deletes the hook's object and waits until it is gone. What carries no hook annotation is no hook and stays, and so does the
    /// very run that is to be made (`own`: its marker, and the UID of the one that failed): somebody was faster.
    async fn clear(&self, uid: Option<&str>, own: Option<(&str, &str)>) -> Result<(), ApplyError> {
        let Self { cluster, actor, action, options, .. } = self;
        if action.id.kind == "CustomResourceDefinition" {
            return Ok(());
        }
        let Some(live) = cluster.get_metadata(&action.id, &action.version).await? else { return Ok(()) };
        if uid.is_some_and(|uid| uid != live.uid()) {
            return Ok(());
        }
        let is_own =
            |(marker, failed): (&str, &str)| live.annotation(ANNOTATION_HOOK) == Some(marker) && live.uid() != failed;
        if own.is_some_and(is_own) && !is_being_deleted(&live) {
            return Ok(());
        }
        if live.annotation(HOOK).is_none() {
            return Err(ApplyError::NotAHook(action.id.clone()));
        }
        if !is_being_deleted(&live) {
            let resource = cluster.resource_of(&action.id, &action.version).await?;
            let mut call = Call::get(Verb::Delete, resource.path(&action.id.namespace, &action.id.name));
            call.method = Method::DELETE;
            call.body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
                "preconditions": {"uid": live.uid()}})
            .to_string()
            .into_bytes();
            match actor.write(call).await {
                Ok(_) => {}
                Err(error) if error.is_not_found() || error.is_conflict() => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        let gone = cluster.wait_gone(&action.id, &action.version, live.uid(), options.timeout, &options.cancel).await?;
        if gone {
            Ok(())
        } else if options.cancel.is_cancelled() {
            Err(ApplyError::Interrupted)
        } else {
            Err(ApplyError::BeingDeleted(action.id.clone()))
        }
    }

    async fn remember(&self, record: &mut Record, key: &str, run: &HookRun) -> Result<(), ApplyError> {
        let mut inventory = record.inventory.clone();
        inventory.namespace.clone_from(&self.plan.namespace);
        inventory.account = self.options.account.clone().unwrap_or_default();
        let mut lifecycle = begun(self.plan, &inventory).unwrap_or_default();
        lifecycle.hooks.insert(key.to_owned(), run.clone());
        inventory.lifecycle = Some(lifecycle);
        if self.options.memory {
            record.inventory = inventory;
            return Ok(());
        }
        record.store(self.cluster, inventory).await
    }
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}
