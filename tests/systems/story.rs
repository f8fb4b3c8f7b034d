//! One story for every system: deployed from nothing in order, upgraded by a commit, a commit whose image never comes, drift, an
//! autoscaler at work, taken back by hand, and its end.

use std::path::Path;
use std::time::Duration;

pub(super) use evenkeel::environment::{OnDrift, OnFailure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::support::{evenkeel, left, release, repository, written};
use crate::harness::{ControlPlane, Daemon, GitRepository, Sandbox, eventually, wait_for};

/// A change of one file: a line of it, or more at its end.
pub(super) struct Change {
    pub(super) file: &'static str,
    /// What is replaced; nothing: the text is added at the end.
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}

impl Change {
    fn make(&self, repository: &GitRepository, message: &str) -> String {
        if self.from.is_empty() {
            let text = repository.read(self.file);
            repository.write(self.file, &format!("{}\n{}\n", text.trim_end(), self.to));
        } else {
            repository.replace(self.file, self.from, self.to);
        }
        repository.commit(message)
    }
}

/// What differs from system to system.
pub(super) struct Story {
    pub(super) environment: &'static str,
    /// Deployments that have to be there before others, as the environment's order says: each before the next.
    pub(super) order: &'static [&'static str],
    /// The release that the story is about, and a Deployment of it.
    pub(super) release: &'static str,
    pub(super) deployment: &'static str,
    /// A good commit, and all that it has evenkeel write (`resource.group/name`).
    pub(super) upgrade: Change,
    pub(super) touched: &'static [&'static str],
    /// A commit after which the release never becomes ready: the tag of an image that is not there.
    pub(super) bad: Change,
    /// A Deployment whose replicas an autoscaler has, and how many it may give it.
    pub(super) autoscaled: Option<(&'static str, i32)>,
    /// A ConfigMap of the release, with a key that somebody changes by hand.
    pub(super) config: (&'static str, &'static str),
    pub(super) on_drift: OnDrift,
    pub(super) on_failure: OnFailure,
    /// The claims that stay.
    pub(super) claims: &'static [&'static str],
}

/// Who takes part.
struct Cast<'a> {
    story: &'a Story,
    repository: GitRepository,
    kubeconfig: &'a Path,
    client: kube::Client,
    /// The real API server, whose audit can be read.
    plane: Option<&'a ControlPlane>,
    daemon: Daemon,
}

impl Story {
    pub(super) async fn on_the_real_api_server(&self) {
        let plane = crate::require!(super::support::plane().await);
        self.tell(plane.kubeconfig(), Some(plane)).await;
    }

    pub(super) async fn on_the_sandbox(&self) {
        let sandbox = Sandbox::start();
        super::operators::install(&sandbox.kubeconfig()).await;
        self.tell(&sandbox.kubeconfig(), None).await;
    }

    async fn tell(&self, kubeconfig: &Path, plane: Option<&ControlPlane>) {
        let repository = repository();
        let daemon = super::support::daemon(&repository, kubeconfig, &[self.environment]);
        let client = super::support::client(kubeconfig).await;
        let mut cast = Cast { story: self, repository, kubeconfig, client, plane, daemon };
        let first = cast.repository.commit("deployed");
        cast.daemon.synced(self.environment, &first).await;
        cast.in_order().await;
        let good = cast.upgraded().await;
        cast.bad_commit(&good).await;
        cast.drift().await;
        cast.autoscaled().await;
        cast.taken_back().await;
        cast.ended().await;
        let output = cast.daemon.process.terminate();
        assert_eq!(output.status.code(), Some(0), "{output}");
    }
}

impl Cast<'_> {
    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), self.story.environment)
    }

    /// What was to be ready first was there first.
    async fn in_order(&self) {
        let all = self.deployments().list(&ListParams::default()).await.unwrap().items;
        let created = |name: &str| {
            let found = all.iter().find(|d| d.metadata.name.as_deref() == Some(name));
            let found = found.unwrap_or_else(|| panic!("no Deployment {name}"));
            found.metadata.creation_timestamp.clone().unwrap().0
        };
        for pair in self.story.order.windows(2) {
            assert!(created(pair[0]) <= created(pair[1]), "{} came before {}", pair[1], pair[0]);
        }
        for deployment in &all {
            let status = deployment.status.as_ref().unwrap();
            assert!(status.ready_replicas.unwrap_or(0) >= 1, "{:?} is not ready", deployment.metadata.name);
        }
    }

    async fn upgraded(&mut self) -> String {
        let story = self.story;
        let before = self.plane.map_or(0, |plane| plane.writes().len());
        let commit = story.upgrade.make(&self.repository, "an upgrade");
        self.daemon.synced(story.environment, &commit).await;
        if let Some(plane) = self.plane {
            assert_eq!(written(plane, before, story.environment), story.touched, "what the upgrade wrote");
        }
        let history = evenkeel(
            &["history", &format!("{}/{}", story.environment, story.release), "--output", "json"],
            &self.repository,
            self.kubeconfig,
        );
        let history = history.expect_code(0).json();
        assert_eq!(history["revisions"].as_array().unwrap().len(), 2, "{history:#}");
        commit
    }

    /// A release that does not become ready is told with its reason, and the policy says what follows.
    async fn bad_commit(&mut self, good: &str) {
        let story = self.story;
        let image = self.image().await;
        let bad = story.bad.make(&self.repository, "an image that is not there");
        let failed = |s: &Value| {
            s["revision"] == bad.as_str()
                && s["releases"].as_array().unwrap().iter().any(|r| {
                    r["name"] == story.release
                        && r["state"] == "failed"
                        && r["messages"].to_string().contains("ImagePullBackOff")
                })
        };
        let status = self.daemon.until(story.environment, "the bad commit to be told with its reason", failed).await;
        match story.on_failure {
            OnFailure::Rollback => {
                wait_for(self.deployments(), story.deployment, "to be back", |d| image_of(d) == image).await;
                let back = |s: &Value| release(s, story.release)["messages"].to_string().contains(&good[..7]);
                self.daemon.until(story.environment, "the good revision to be named", back).await;
            }
            OnFailure::Stop => {
                let left = |s: &Value| release(s, story.release)["messages"].to_string().contains("left as it is");
                self.daemon.until(story.environment, "to be left as it is", left).await;
            }
            OnFailure::Retry => {}
        }
        // Nobody else is held up: what depends on it has nothing to do, and is what Git says.
        let others = status["releases"].as_array().unwrap().iter().filter(|r| r["name"] != story.release);
        let held: Vec<_> = others.filter(|r| r["state"] != "synced").collect();
        assert!(held.is_empty(), "{held:?} are held up");

        let Change { file, from, to } = story.bad;
        if from.is_empty() {
            let text = self.repository.read(file);
            self.repository.write(file, text.strip_suffix(&format!("\n{to}\n")).unwrap());
        } else {
            self.repository.replace(file, to, from);
        }
        let mended = self.repository.commit("back to the image that is there");
        self.daemon.synced(story.environment, &mended).await;
        assert_eq!(self.image().await, image);
    }

    async fn image(&self) -> String {
        image_of(&self.deployments().get(self.story.deployment).await.unwrap())
    }

    async fn drift(&self) {
        let story = self.story;
        let (name, key) = story.config;
        let maps = super::support::objects(&self.client, "v1", "ConfigMap", story.environment);
        let value = maps.get(name).await.unwrap().data["data"][key].clone();
        assert!(value.is_string(), "ConfigMap {name} has no {key}");
        let by = PatchParams { field_manager: Some("somebody".into()), ..PatchParams::default() };
        maps.patch(name, &by, &Patch::Merge(json!({"data": {key: "by hand"}}))).await.unwrap();
        let live = || async { maps.get(name).await.unwrap().data["data"][key].clone() };
        let told = || async {
            let drift = self.daemon.drift(story.environment).await;
            let field = drift.iter().find(|d| d["name"] == name).and_then(|d| d["fields"].as_array()?.first().cloned());
            field.ok_or_else(|| format!("{drift:?}"))
        };
        match story.on_drift {
            OnDrift::Correct => {
                eventually("the value to be put back", super::support::STEP, || async {
                    let now = live().await;
                    if now == value { Ok(()) } else { Err(now) }
                })
                .await;
            }
            OnDrift::Alert => {
                let field = eventually("the drift to be told", super::support::STEP, told).await;
                assert_eq!((&field["manager"], &field["live"]), (&json!("somebody"), &json!("by hand")), "{field:#}");
                assert_eq!(live().await, "by hand", "nothing is put back");
            }
            OnDrift::Ignore => {
                let state = |s: &Value| s["state"] == "synced";
                self.daemon.until(story.environment, "to be at rest", state).await;
                tokio::time::sleep(Duration::from_secs(2)).await;
                assert_eq!(live().await, "by hand", "nothing is put back");
            }
        }
        if story.on_drift != OnDrift::Correct {
            maps.patch(name, &by, &Patch::Merge(json!({"data": {key: value}}))).await.unwrap();
            self.daemon.until(story.environment, "to be at rest", |s| s["state"] == "synced").await;
        }
    }

    /// Replicas that an autoscaler gives are its own.
    async fn autoscaled(&self) {
        let Some((name, replicas)) = self.story.autoscaled else { return };
        let scale = json!({"spec": {"replicas": replicas}});
        let by = PatchParams { field_manager: Some("horizontal-pod-autoscaler".into()), ..PatchParams::default() };
        self.deployments().patch_scale(name, &by, &Patch::Merge(scale)).await.unwrap();
        wait_for(self.deployments(), name, "its new pods", |d| {
            d.status.as_ref().and_then(|s| s.ready_replicas) == Some(replicas)
        })
        .await;
        self.daemon.until(self.story.environment, "to be at rest", |s| s["state"] == "synced").await;
        assert!(self.daemon.drift(self.story.environment).await.is_empty());
        let environment = self.story.environment;
        evenkeel(&["diff", environment, "--rev", "main"], &self.repository, self.kubeconfig).expect_code(0);
        let now = self.deployments().get(name).await.unwrap().spec.unwrap().replicas;
        assert_eq!(now, Some(replicas), "the autoscaler's number stays");
    }

    /// Somebody goes back by hand; the next commit is applied again.
    async fn taken_back(&mut self) {
        let story = self.story;
        let target = format!("{}/{}", story.environment, story.release);
        let rollback = ["rollback", &target, "1", "--rev", "main"];
        evenkeel(&rollback, &self.repository, self.kubeconfig).expect_code(0);
        let said = |s: &Value| release(s, story.release)["messages"].to_string().contains("rolled back");
        self.daemon.until(story.environment, "to know of it", said).await;
        evenkeel(&["apply", &target, "--resume", "--rev", "main"], &self.repository, self.kubeconfig).expect_code(0);
        self.daemon.until(story.environment, "to follow Git again", |s| s["state"] == "synced").await;
    }

    /// Every release is taken away: nothing stays but what holds data.
    async fn ended(&self) {
        let story = self.story;
        let status = self.daemon.get(&format!("/api/v1/environments/{}", story.environment)).await.unwrap();
        let mut releases: Vec<String> =
            status["releases"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect();
        // In any order: what depends on a release is not asked when it goes.
        releases.reverse();
        for release in releases {
            let target = format!("{}/{release}", story.environment);
            evenkeel(&["uninstall", &target, "--rev", "main"], &self.repository, self.kubeconfig).expect_code(0);
        }
        let mut kept: Vec<String> = story.claims.iter().map(|claim| format!("PersistentVolumeClaim/{claim}")).collect();
        kept.sort();
        eventually("everything else to be gone", super::support::STEP, || async {
            let left = left(&self.client, story.environment).await;
            if left == kept { Ok(()) } else { Err(left) }
        })
        .await;
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(self.client.clone(), story.environment);
        for claim in story.claims {
            claims.delete(claim, &kube::api::DeleteParams::default()).await.unwrap();
        }
    }
}

/// The image of a Deployment's first container.
fn image_of(deployment: &Deployment) -> String {
    let pod = deployment.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
    pod.containers[0].image.clone().unwrap_or_default()
}
