//! The pass itself: a look, and what it plans carried out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::apply::{ApplyError, Checks, Record, ensure_key};
use crate::cluster::{Capabilities, Cluster, ClusterError};
use crate::drift::ObjectDrift;
use crate::environment::{Diagnostics, Policies};
use crate::manifest::ObjectId;
use crate::plan::Plan;
use crate::report::EnvironmentStatus;

use super::desired::{DesiredEnvironment, DesiredRelease};
use super::execute::{ExecuteOptions, How, execute};
use super::lifecycle::{Asked, ReadRevisions};
use super::lineage::Lineage;
use super::look::Look;
use super::lookups::Looking;
use super::made::Made;
use super::neighbours::Neighbourhood;
use super::outcome::{Event, ReleaseOutcome};
use super::ready::Waiting;
use super::renders::RenderCache;
use super::source::Source;
use super::verdicts::Earlier;
use super::view::LiveView;

/// Why an environment could not be looked at as a whole. What concerns one release is no error of this kind.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The environment's own files are wrong. Not retryable.
    #[error("{0}")]
    Environment(Diagnostics),
    /// The cluster cannot be asked. Retryable as the cluster's error says.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// The cluster refused a write. Retryable.
    #[error("{0}")]
    Apply(#[from] ApplyError),
    /// Somebody else has brought a release to a revision that is not known to be older. Retryable: it may come any moment.
    #[error(
        "{release} is at {revision}, which this branch has not shown yet: another evenkeel is ahead; the repository is looked at again"
    )]
    Behind {
        /// The release.
        release: String,
        /// Where it is.
        revision: String,
    },
    /// A step ended unexpectedly. Retryable.
    #[error("{0}")]
    Internal(String),
}

impl PassError {
    /// Whether the same pass may succeed later by itself.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Environment(_) => false,
            // Also what does not look retryable may be a cluster that is being repaired: credentials, permissions.
            Self::Cluster(_) | Self::Apply(_) | Self::Behind { .. } | Self::Internal(_) => true,
        }
    }
}

/// How a pass is made.
#[derive(Debug, Clone)]
pub struct PassOptions {
    /// Whether to apply what was planned.
    pub apply: bool,
    /// Whether to wait until the last stage is ready, too.
    pub wait: bool,
    /// Stop before the next object.
    pub cancel: CancellationToken,
    /// Stop waiting for readiness: there is news.
    pub stop_waiting: CancellationToken,
    /// When a release has failed, stop waiting for the others after this time, so that it is tried again.
    pub retry_after: Option<Duration>,
}

/// What a pass did and found.
#[derive(Debug)]
pub struct PassReport {
    /// The state of the environment.
    pub status: EnvironmentStatus,
    /// Drift that was put right.
    pub corrected: Vec<ObjectDrift>,
    /// What became of the releases.
    pub outcomes: BTreeMap<String, ReleaseOutcome>,
    /// The plan, when one could be made.
    pub plan: Option<Plan>,
    /// Whether something failed.
    pub failed: bool,
    /// Whether to try again by itself.
    pub retry: bool,
    /// Whether to do so at once: the pause is over already, or there is something else to do.
    pub again: bool,
    /// Whether somebody else is ahead: the repository is to be looked at again.
    pub behind: bool,
    /// Whether deletions were refused.
    pub refused_prune: bool,
    /// Plan again at the latest after this time.
    pub interval: Option<Duration>,
}

/// Keeps one environment of one cluster; remembers what spares work from one pass to the next.
pub struct Reconciler {
    pub(super) cluster: Cluster,
    pub(super) environment: String,
    pub(super) root: String,
    pub(super) view: Option<LiveView>,
    pub(super) cache: RenderCache,
    /// What makes random values sticky.
    pub(super) key: Option<Vec<u8>>,
    /// Whether that is the cluster's.
    pub(super) keyed: bool,
    /// Whether there is one for sure.
    pub(super) prepared: bool,
    /// Whether no used approval is left in the cluster since nothing waits.
    pub(super) approvals_settled: bool,
    /// The objects of earlier passes.
    pub(super) made: Made,
    /// What was read last: a commit says the same thing for ever.
    pub(super) read: Option<(String, Capabilities, Arc<DesiredEnvironment>)>,
    /// The inventories as they were written last; read once, because nobody else writes them.
    pub(super) held: Option<BTreeMap<String, Record>>,
    /// Whether they have to be read again.
    pub(super) stale: bool,
    /// Inventories that cannot be read: nothing of their releases is touched.
    pub(super) damaged: BTreeMap<String, String>,
    /// What was applied and not seen ready, by release.
    pub(super) unready: BTreeMap<String, Waiting>,
    /// What others own of objects of strict releases and is nothing to tell of.
    pub(super) harmless: BTreeMap<ObjectId, u64>,
    /// Objects that say what Git says though a field of theirs is no longer ours, with the version that was compared.
    pub(super) lost: BTreeMap<ObjectId, u64>,
    /// Whether failures are heeded: a release that is to be left alone after one is, and one that is to be taken back is.
    pub(super) heeds_failures: bool,
    pub(super) earlier: Earlier,
    /// Whether the last execution was cut short to try a failed release again.
    pub(super) cut: bool,
    /// What somebody asks for besides what Git says, by release; answered by the next look.
    pub(super) asked: BTreeMap<String, Asked>,
    /// Whether somebody else is ahead.
    pub(super) lineage: Lineage,
    /// Revisions of helm's histories that were read.
    pub(super) revisions: ReadRevisions,
    /// What is known of the other environments.
    pub(super) neighbourhood: Neighbourhood,
    /// What the templates ask of the cluster.
    pub(super) looking: Looking,
    /// What attempts before this one have dry-run.
    pub(super) checks: Arc<Checks>,
}

impl Reconciler {
    /// A reconciler for an environment of the folder `root`. With a `view`, it looks through its watches; without one, it
    /// lists by label.
    #[must_use]
    pub fn new(cluster: Cluster, environment: &str, root: &str, view: Option<LiveView>) -> Self {
        Self {
            neighbourhood: view.as_ref().map(LiveView::neighbourhood).unwrap_or_default(),
            cluster,
            environment: environment.to_owned(),
            root: root.to_owned(),
            view,
            cache: RenderCache::default(),
            key: None,
            keyed: false,
            prepared: false,
            approvals_settled: false,
            made: Made::default(),
            read: None,
            held: None,
            stale: false,
            damaged: BTreeMap::new(),
            unready: BTreeMap::new(),
            harmless: BTreeMap::new(),
            lost: BTreeMap::new(),
            heeds_failures: true,
            earlier: Earlier::default(),
            cut: false,
            asked: BTreeMap::new(),
            lineage: Lineage::default(),
            revisions: ReadRevisions::new(),
            looking: Looking::default(),
            checks: Arc::default(),
        }
    }

    /// A reconciler for somebody who wants what Git says, whatever became of it before.
    #[must_use]
    pub fn insistent(self) -> Self {
        Self { heeds_failures: false, ..self }
    }

    /// Has every look from now on see a release as somebody asks for it.
    pub fn ask(&mut self, release: &str, asked: Asked) {
        self.asked.insert(release.to_owned(), asked);
    }

    /// What secret values are marked with in differences: the cluster's key, or one of this process.
    #[must_use]
    pub fn secret_key(&self) -> &[u8] {
        self.key.as_deref().unwrap_or_default()
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Makes what applying needs once per cluster: the key of random values. To be called before a look that is executed.
    ///
    /// # Errors
    /// When the cluster cannot be asked, or refuses.
    pub async fn prepare(&mut self) -> Result<(), PassError> {
        if !self.prepared {
            self.key = Some(ensure_key(&self.cluster).await?);
            (self.prepared, self.keyed) = (true, true);
        }
        Ok(())
    }

    /// One pass. Whatever goes wrong is in the report.
    pub async fn pass(
        &mut self,
        source: &Source,
        options: &PassOptions,
        tell: &(dyn Fn(Event) + Send + Sync),
    ) -> PassReport {
        if options.apply
            && let Err(error) = self.prepare().await
        {
            return self.unreadable(source, &error);
        }
        let report = self.once(source, options, tell).await;
        let outcomes = || report.outcomes.values();
        if outcomes().any(|o| o.overtaken) && outcomes().all(|o| o.done.is_empty()) {
            // Nothing was done: what looked like drift was another's work, as its inventory says.
            return self.once(source, options, tell).await;
        }
        report
    }

    async fn once(
        &mut self,
        source: &Source,
        options: &PassOptions,
        tell: &(dyn Fn(Event) + Send + Sync),
    ) -> PassReport {
        let mut look = match self.look(source).await {
            Ok(look) => look,
            Err(error) => return self.unreadable(source, &error),
        };
        if !options.apply {
            return self.report(source, look, BTreeMap::new(), options);
        }
        match self.overtaken(source).await {
            Ok(None) => {}
            Ok(Some((release, revision))) => return self.unreadable(source, &PassError::Behind { release, revision }),
            Err(error) => return self.unreadable(source, &error),
        }
        let approval = self.heed_approval(&mut look).await;
        tell(Event::Looked(Box::new(self.found(source, &look))));
        let outcomes = self.execute(&look, options, tell).await;
        if let Some(approval) = approval {
            self.use_up(&approval, &outcomes).await;
        }
        self.report(source, look, outcomes, options)
    }

    /// Carries out the plan of a look, whatever `onCommit` says: somebody asked for it.
    pub async fn execute(
        &mut self,
        look: &Look,
        options: &PassOptions,
        tell: &(dyn Fn(Event) + Send + Sync),
    ) -> BTreeMap<String, ReleaseOutcome> {
        let timeout = |p: &Option<Policies>| p.as_ref().map_or(Duration::from_secs(300), |p| p.timeout);
        let how = |release: &DesiredRelease| {
            let averted = look.averted.get(&release.name);
            How {
                timeout: timeout(&release.policies),
                group: release.group,
                depends_on: release.depends_on.clone(),
                objects_of: look.objects_of.get(&release.name).cloned().unwrap_or_default(),
                rules: release.health.clone(),
                redactor: Arc::new(look.redactor(&release.name)),
                on_failure: release.on_failure,
                account: release.service_account.clone(),
                digest: look.digests.get(&release.name).cloned().unwrap_or_default(),
                stopped: averted.is_some_and(|a| a.back_to.is_none()),
                back_to: averted.and_then(|a| a.back_to.clone()),
                gone_back: look.gone_back.contains(&release.name),
                content: look.revisions.get(&release.name).cloned(),
                keep_history: look.keep_history.contains(&release.name),
            }
        };
        let mut releases: BTreeMap<String, How> =
            look.desired.releases.iter().map(|r| (r.name.clone(), how(r))).collect();
        for name in &look.keep_history {
            releases.entry(name.clone()).or_insert_with(|| How { keep_history: true, ..How::default() });
        }
        let execution = ExecuteOptions {
            releases,
            broken: look.problems.keys().cloned().collect(),
            wait: options.wait,
            cancel: options.cancel.clone(),
            stop_waiting: options.stop_waiting.clone(),
            retry_after: options.retry_after,
            known: look.known.clone(),
            held_back: look.held_back.clone(),
            checks: Arc::clone(&self.checks),
        };
        let held = self.held.get_or_insert_default();
        let (outcomes, cut) =
            execute(&self.cluster, self.view.as_ref(), &look.plan, held, &mut self.unready, &execution, tell).await;
        self.cut = cut;
        // Another writer, or a write whose fate is unknown: read them again next time.
        if outcomes.values().any(|o| o.inventory_lost) {
            self.stale = true;
        }
        outcomes
    }
}
