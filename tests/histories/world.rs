//! A sandbox with a repository that changes and with people who touch what is there.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel::cluster::{Cluster, ConnectOptions};
use evenkeel::manifest::{Gvk, Inventory, Object, ObjectId};
use evenkeel::plan::Plan;
use evenkeel::reconcile::{PassOptions, PassReport, Reconciler, Source};
use evenkeel::report::ReleaseState;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::check;
use super::repository::{ENVIRONMENTS, Home, KINDS, Place, Repository, manifest};
use super::steps::{Batch, Touch};
use crate::cluster::Sandbox;

/// Rounds of passes until nothing is left to do: one that moves, one that forgets, one that deletes what waited.
const ROUNDS: usize = 4;

/// The objects of all kinds that histories are about, helm's records and evenkeel's own left out.
pub(super) type Seen = BTreeMap<ObjectId, Object>;
/// What each release owns.
pub(super) type Owned = BTreeMap<Home, Inventory>;

pub(super) struct World {
    pub(super) cluster: Cluster,
    pub(super) repository: Repository,
    /// Objects that others made beside ours, as they made them.
    pub(super) foreign: Seen,
    /// Fields that others set on ours: the object's UID and the value.
    pub(super) extras: BTreeMap<ObjectId, (String, String)>,
    reconcilers: BTreeMap<&'static str, Reconciler>,
    count: usize,
    _sandbox: Sandbox,
}

/// What a batch is judged by.
pub(super) struct Before {
    pub(super) repository: Repository,
    pub(super) seen: Seen,
    pub(super) owned: Owned,
    /// Objects that others deleted.
    pub(super) deleted: BTreeSet<ObjectId>,
}

/// Plays a history.
pub(super) async fn live(history: &[Batch]) -> Result<(), String> {
    let sandbox = Sandbox::start().await;
    let options =
        ConnectOptions { kubeconfig: Some(sandbox.kubeconfig.path().to_owned()), ..ConnectOptions::default() };
    let cluster = Cluster::connect(options).await.unwrap();
    let mut world = World {
        cluster,
        repository: Repository::default(),
        foreign: Seen::new(),
        extras: BTreeMap::new(),
        reconcilers: BTreeMap::new(),
        count: 0,
        _sandbox: sandbox,
    };
    for (number, batch) in history.iter().enumerate() {
        world.play(batch).await.map_err(|e| format!("batch {number}: {e}"))?;
    }
    Ok(())
}

pub(super) fn id(place: Place) -> ObjectId {
    let group = KINDS.iter().find(|(_, kind)| *kind == place.1.kind).map(|(v, _)| Gvk::new(v, "").group);
    ObjectId::new(&group.unwrap(), place.1.kind, place.0, place.1.name)
}

impl World {
    async fn play(&mut self, batch: &Batch) -> Result<(), String> {
        let (seen, owned) = (self.seen().await, self.owned().await);
        let before = Before { repository: self.repository.clone(), seen, owned, deleted: BTreeSet::new() };
        let broken: BTreeSet<Home> =
            self.repository.releases.iter().filter(|(_, r)| r.broken).map(|(home, _)| *home).collect();
        let stuck = |place: Place| {
            before.owned.iter().any(|(home, i)| broken.contains(home) && i.objects.contains_key(&id(place)))
        };
        for commit in &batch.commits {
            self.repository.change(commit, &stuck);
        }
        let mut before = before;
        for (touch, place) in &batch.touches {
            self.touch(*touch, *place, batch, &mut before).await;
        }
        if batch.restart {
            self.reconcilers.clear();
        }
        let source = self.repository.commit();
        // What was nobody's and is wanted is ours from now on.
        let wanted: BTreeSet<ObjectId> = self.repository.desired().into_keys().map(id).collect();
        self.foreign.retain(|id, _| !wanted.contains(id));
        let mut environments: Vec<&'static str> =
            ENVIRONMENTS.into_iter().filter(|e| self.repository.folders.contains(e)).collect();
        if batch.reverse {
            environments.reverse();
        }
        let mut reports = BTreeMap::new();
        let mut plans: Vec<Plan> = Vec::new();
        for round in 0..ROUNDS {
            for environment in &environments {
                reports.insert(*environment, self.pass(environment, &source).await);
            }
            plans.clear();
            for environment in &environments {
                plans.push(self.reconciler(environment).look(&source).await.map_err(|e| e.to_string())?.plan);
            }
            // What has gone over is struck off by the pass after that: nothing of it shows in a plan.
            if round > 0 && plans.iter().all(Plan::is_empty) {
                break;
            }
        }
        check::all(self, &before, &reports, &plans).await
    }

    fn reconciler(&mut self, environment: &'static str) -> &mut Reconciler {
        let cluster = &self.cluster;
        self.reconcilers
            .entry(environment)
            .or_insert_with(|| Reconciler::new(cluster.clone(), environment, "environments", None))
    }

    async fn pass(&mut self, environment: &'static str, source: &Source) -> PassReport {
        let options = PassOptions {
            apply: true,
            wait: false,
            cancel: CancellationToken::new(),
            stop_waiting: CancellationToken::new(),
            retry_after: None,
        };
        self.reconciler(environment).pass(source, &options, &|_| {}).await
    }

    fn api(&self, of: &ObjectId) -> Api<DynamicObject> {
        let version = KINDS.iter().find(|(_, kind)| *kind == of.kind).unwrap().0;
        let version = version.rsplit('/').next().unwrap();
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(&of.group, version, &of.kind));
        Api::namespaced_with(self.cluster.client(), &of.namespace, &resource)
    }

    /// Everything that is there, ours and others'.
    pub(super) async fn seen(&self) -> Seen {
        let mut seen = Seen::new();
        for (version, kind) in KINDS {
            let resource = self.cluster.resource(&Gvk::new(version, kind)).await.unwrap();
            for object in self.cluster.list(&resource, "", "").await.unwrap() {
                let helms = object.value()["type"] == "helm.sh/release.v1";
                if !helms && ["shared", "own"].contains(&object.namespace()) {
                    seen.insert(object.id(), object);
                }
            }
        }
        seen
    }

    pub(super) async fn owned(&self) -> Owned {
        let known = |text: &str, names: &[&'static str]| names.iter().copied().find(|n| *n == text).unwrap();
        let stored = self.cluster.inventories("").await.unwrap().into_iter();
        let of = stored.map(|s| {
            let home = (known(&s.environment, &ENVIRONMENTS), known(&s.release, &super::repository::RELEASES));
            (home, s.content.unwrap())
        });
        of.collect()
    }

    /// Helm's histories: namespace and name.
    pub(super) async fn histories(&self) -> BTreeSet<(String, String)> {
        let resource = self.cluster.resource(&Gvk::new("v1", "Secret")).await.unwrap();
        let secrets = self.cluster.list(&resource, "", "owner=helm").await.unwrap();
        let name = |o: &Object| o.value()["metadata"]["labels"]["name"].as_str().unwrap().to_owned();
        secrets.iter().map(|o| (o.namespace().to_owned(), name(o))).collect()
    }

    /// Makes an object as `kubectl create` does, where there is none and Git wants none.
    async fn plant(&mut self, place: Place, before: &Before) {
        let id = id(place);
        if before.seen.contains_key(&id) || self.foreign.contains_key(&id) || self.repository.home_of(place).is_some() {
            return;
        }
        let mut object: DynamicObject = serde_json::from_value(manifest(place.1, 1)).unwrap();
        object.metadata.annotations = Some([("planted".to_owned(), "yes".to_owned())].into());
        let by = PostParams { field_manager: Some("kubectl-create".into()), ..PostParams::default() };
        // The namespace may not be there.
        if let Ok(made) = self.api(&id).create(&by, &object).await {
            let made = Object::new(serde_json::to_value(made).unwrap()).unwrap();
            self.foreign.insert(id, made);
        }
    }

    async fn touch(&mut self, touch: Touch, place: Place, batch: &Batch, before: &mut Before) {
        let id = id(place);
        if touch == Touch::Plant {
            return self.plant(place, before).await;
        }
        if self.foreign.contains_key(&id) {
            return;
        }
        let Some(live) = before.seen.get(&id).cloned() else { return };
        // What nobody will put right, and what is proven by nothing then, is another story.
        let home = self.repository.home_of(place).and_then(|home| self.repository.releases.get(&home));
        let kept =
            home.is_some_and(|r| !r.broken) && before.repository.home_of(place) == self.repository.home_of(place);
        if matches!(touch, Touch::Unlabel | Touch::Disown | Touch::ClearFields) && (!kept || !batch.commits.is_empty())
        {
            return;
        }
        self.count += 1;
        let value = self.count.to_string();
        let api = self.api(&id);
        let by = |name: &str| PatchParams { field_manager: Some(name.to_owned()), ..PatchParams::default() };
        let merge = async |manager: &str, change: Value| {
            // It may have been deleted by the one before.
            let _ = api.patch(&id.name, &by(manager), &Patch::Merge(change)).await;
        };
        match touch {
            Touch::Edit => {
                let change = match id.kind.as_str() {
                    "ConfigMap" => json!({"data": {"always": "edited"}}),
                    "Secret" => json!({"stringData": {"always": "edited"}}),
                    "Deployment" => json!({"spec": {"replicas": 9}}),
                    "Service" => json!({"spec": {"selector": {"app": "edited"}}}),
                    _ => json!({"metadata": {"labels": {"says": "edited"}}}),
                };
                merge("somebody", change).await;
            }
            Touch::Extra => {
                merge("operator", json!({"metadata": {"annotations": {"extra": value}}})).await;
                if !before.deleted.contains(&id) {
                    self.extras.insert(id, (live.uid().to_owned(), value));
                }
            }
            Touch::Delete => {
                let _ = api.delete(&id.name, &DeleteParams::default()).await;
                before.deleted.insert(id);
            }
            Touch::Unlabel => {
                let none = json!({"evenkeel.dev/environment": null, "evenkeel.dev/release": null});
                merge("somebody", json!({"metadata": {"labels": none}})).await;
            }
            Touch::Disown => {
                merge("somebody", json!({"metadata": {"annotations": {"evenkeel.dev/owner": null}}})).await;
            }
            Touch::Plant => {}
            Touch::ClearFields => merge("somebody", json!({"metadata": {"managedFields": [{}]}})).await,
            Touch::Copy => {
                let mut copy = live.value().clone();
                let metadata = &live.value()["metadata"];
                copy["metadata"] = json!({"name": format!("{}-copy-{value}", id.name), "labels": metadata["labels"],
                    "annotations": metadata["annotations"]});
                if let Some(spec) = copy["spec"].as_object_mut() {
                    ["clusterIP", "clusterIPs", "volumeName"].iter().for_each(|field| {
                        spec.remove(*field);
                    });
                }
                copy.as_object_mut().unwrap().remove("status");
                let copy: DynamicObject = serde_json::from_value(copy).unwrap();
                let by = PostParams { field_manager: Some("somebody".into()), ..PostParams::default() };
                let made = api.create(&by, &copy).await.unwrap();
                let made = Object::new(serde_json::to_value(made).unwrap()).unwrap();
                self.foreign.insert(made.id(), made);
            }
        }
    }
}

/// The releases that a pass could not bring about.
pub(super) fn failed(reports: &BTreeMap<&'static str, PassReport>) -> Vec<String> {
    let of = |(environment, report): (&&'static str, &PassReport)| {
        let bad = report.status.releases.iter().filter(|r| r.state >= ReleaseState::Refused);
        let bad = bad.map(|r| format!("{environment}/{} {}: {:?}", r.name, r.state.as_str(), r.messages));
        bad.collect::<Vec<_>>()
    };
    reports.iter().flat_map(of).collect()
}
