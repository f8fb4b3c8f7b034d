//! Objects that move between releases and between environments: handed over, never deleted. On the real control plane and on the
//! sandbox by the same code; that nothing was deleted is proven by UIDs.

mod between;
mod daemon;
mod within;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use evenkeel::cluster::{Cluster, ConnectOptions, StoredInventory};
use evenkeel::git::Repository;
use evenkeel::manifest::{ANNOTATION_OWNER, Object, ObjectId};
use evenkeel::plan::{Plan, Verb};
use evenkeel::reconcile::{Charts, PassOptions, PassReport, Reconciler, Source};
use evenkeel::report::{ReleaseState, ReleaseStatus};
use evenkeel::sops::Keys;
use tokio_util::sync::CancellationToken;

use crate::harness::{GitRepository, unique_name};

/// Every scenario on both.
macro_rules! scenarios {
    ($($module:ident: $($name:ident),+ $(,)?;)+) => {
        mod on_real {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let plane = crate::require!(crate::harness::ControlPlane::shared());
                    crate::moves::$module::$name(plane.kubeconfig()).await;
                })+
            })+
        }
        mod on_sandbox {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let sandbox = crate::cluster::Sandbox::start().await;
                    crate::moves::$module::$name(sandbox.kubeconfig.path()).await;
                })+
            })+
        }
    };
}

scenarios! {
    between: a_release_moves_to_another_environment, an_environment_is_renamed, a_race_deletes_nothing, who_is_behind_takes_nothing_back, what_is_still_wanted_stays_where_it_is, another_repositorys_objects_are_not_taken, deletions_wait_for_a_neighbour_that_cannot_be_rendered, other_clusters_have_no_say;
    daemon: workers_hand_over_and_forget;
    within: a_renamed_release_keeps_its_history, another_helm_name_moves_the_history, a_release_is_split_and_merged, another_namespace_is_new_objects_first;
}

const RELEASE: &str = "apiVersion: evenkeel.dev/v1alpha1\nkind: Release\n";

/// A repository with environments, and the cluster that they are deployed to.
struct World {
    repository: GitRepository,
    cluster: Cluster,
    system: String,
    namespace: String,
}

impl World {
    async fn new(kubeconfig: &Path) -> Self {
        Self::with_system(kubeconfig, unique_name("system")).await
    }

    async fn with_system(kubeconfig: &Path, system: String) -> Self {
        let options = ConnectOptions {
            kubeconfig: Some(kubeconfig.to_owned()),
            system_namespace: Some(system.clone()),
            ..ConnectOptions::default()
        };
        let cluster = Cluster::connect(options).await.unwrap();
        Self { repository: GitRepository::new(), cluster, system, namespace: unique_name("ns") }
    }

    fn environment(&self, name: &str, settings: &str) {
        let text = format!(
            "apiVersion: evenkeel.dev/v1alpha1\nkind: Environment\nnamespace: {}\nprune: {{maxDeletions: 100%}}\n{settings}",
            self.namespace
        );
        self.repository.write(&format!("environments/{name}/environment.yaml"), &text);
    }

    /// A release of plain objects, at `environment/release`.
    fn release(&self, home: &str, settings: &str, objects: &str) {
        let folder = format!("environments/{home}");
        self.repository.write(&format!("{folder}/release.yaml"), &format!("{RELEASE}{settings}"));
        self.repository.write(&format!("{folder}/manifests/all.yaml"), objects);
    }

    /// A folder below `environments` under another name.
    fn rename(&self, from: &str, to: &str) {
        let path = |of: &str| self.repository.path().join("environments").join(of);
        std::fs::create_dir_all(path(to).parent().unwrap()).unwrap();
        std::fs::rename(path(from), path(to)).unwrap();
    }

    fn remove(&self, path: &str) {
        self.repository.remove(&format!("environments/{path}"));
    }

    fn commit(&self) -> Source {
        let revision = self.repository.commit("next");
        let snapshot = Repository::open(self.repository.path()).unwrap().snapshot(&revision).unwrap();
        let time = snapshot.revision().time;
        Source { tree: Arc::new(snapshot), revision, time, charts: Charts::default(), keys: Keys::default() }
    }

    fn reconciler(&self, environment: &str) -> Reconciler {
        Reconciler::new(self.cluster.clone(), environment, "environments", None)
    }

    /// A pass of somebody who remembers nothing.
    async fn pass(&self, environment: &str, source: &Source) -> PassReport {
        self.reconciler(environment).pass(source, &options(false), &|_| {}).await
    }

    /// A pass after which everything is well.
    async fn settle(&self, environment: &str, source: &Source) -> PassReport {
        let report = self.pass(environment, source).await;
        assert!(!report.failed, "{environment}: {:#?}\n{:#?}", report.status, report.plan);
        report
    }

    /// Nothing is left to do.
    async fn rests(&self, environment: &str, source: &Source) {
        let look = self.reconciler(environment).look(source).await.unwrap();
        assert!(look.plan.is_empty(), "{environment}: {:?}", verbs(&look.plan));
    }

    fn id(&self, kind: &str, name: &str) -> ObjectId {
        format!("{kind}/{}/{name}", self.namespace).parse().unwrap()
    }

    async fn live(&self, id: &ObjectId) -> Object {
        self.cluster.get(id, "v1").await.unwrap().unwrap_or_else(|| panic!("{id} is gone"))
    }

    async fn uids(&self, ids: &[ObjectId]) -> BTreeMap<ObjectId, String> {
        let mut uids = BTreeMap::new();
        for id in ids {
            uids.insert(id.clone(), self.live(id).await.uid().to_owned());
        }
        uids
    }

    /// Objects are marked as a release's, in annotation and labels.
    async fn belong(&self, ids: &[ObjectId], home: &str) {
        for id in ids {
            let live = self.live(id).await;
            assert_eq!(live.annotation(ANNOTATION_OWNER), Some(format!("{id}@{home}").as_str()));
            let labels = live.value()["metadata"]["labels"].clone();
            let said =
                ["environment", "release"].map(|l| labels[format!("evenkeel.dev/{l}")].as_str().unwrap().to_owned());
            assert_eq!(said.join("/"), home);
        }
    }

    /// Who owns what: the names by `environment/release`.
    async fn owned(&self) -> BTreeMap<String, Vec<String>> {
        let stored: Vec<StoredInventory> = self.cluster.inventories("").await.unwrap();
        let of = |s: StoredInventory| {
            let names = s.content.unwrap().objects.keys().map(|id| id.name.clone()).collect();
            (format!("{}/{}", s.environment, s.release), names)
        };
        stored.into_iter().map(of).collect()
    }

    /// Helm's revisions of a release, as numbers.
    async fn history(&self, namespace: &str, name: &str) -> Vec<u32> {
        self.cluster.history(namespace, name).await.unwrap().iter().map(|s| s.version).collect()
    }
}

fn options(wait: bool) -> PassOptions {
    PassOptions {
        apply: true,
        wait,
        cancel: CancellationToken::new(),
        stop_waiting: CancellationToken::new(),
        retry_after: None,
    }
}

/// What a plan does, in words.
fn verbs(plan: &Plan) -> Vec<String> {
    plan.actions()
        .filter(|(_, a)| a.verb != Verb::Unchanged)
        .map(|(r, a)| format!("{} {} {}: {}", a.verb, r.release, a.id.name, a.reason))
        .collect()
}

/// The actions of a verb.
fn count(report: &PassReport, verb: Verb) -> usize {
    report.plan.as_ref().unwrap().actions().filter(|(_, a)| a.verb == verb).count()
}

fn of<'a>(report: &'a PassReport, release: &str) -> &'a ReleaseStatus {
    report.status.releases.iter().find(|r| r.name == release).unwrap_or_else(|| panic!("{:?}", report.status))
}

/// Refused, and why.
fn refused(report: &PassReport, release: &str) -> String {
    let status = of(report, release);
    assert_eq!(status.state, ReleaseState::Refused, "{status:?}");
    status.messages.join("\n")
}

fn config_map(name: &str, text: &str) -> String {
    format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{text: \"{text}\"}}\n")
}

/// One object of several kinds, a claim among them.
fn several(name: &str) -> String {
    let claim = "{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}";
    let secret = format!("---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {{a: b}}\n");
    let service =
        format!("---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{port: 80}}]}}\n");
    let claim =
        format!("---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {claim}\n");
    config_map(name, "1") + &secret + &service + &claim
}

const KINDS: [&str; 4] = ["/ConfigMap", "/Secret", "/Service", "/PersistentVolumeClaim"];
