//! Releases that become ready, or do not: on the real control plane, and on the sandbox by the same code. A ConfigMap is the
//! gate: the release's own rule says that it is ready once somebody annotates it, which is nobody's drift.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evenkeel::cluster::{Cluster, ConnectOptions};
use evenkeel::git::Repository;
use evenkeel::reconcile::{Charts, Event, PassOptions, PassReport, Reconciler, Source};
use evenkeel::report::{ReleaseState, ReleaseStatus};
use evenkeel::sops::Keys;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::{Evenkeel, GitRepository, unique_name, wait_for};

/// Every scenario on both.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        mod on_real {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let plane = crate::require!(crate::harness::ControlPlane::shared());
                super::$name(plane.kubeconfig()).await;
            })+
        }
        mod on_sandbox {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let sandbox = crate::cluster::Sandbox::start().await;
                super::$name(sandbox.kubeconfig.path()).await;
            })+
        }
    };
}

scenarios!(
    a_release_begins_the_moment_its_last_dependency_is_ready,
    what_fails_holds_up_only_what_needs_it,
    a_failed_release_is_taken_back_and_stays_there,
    a_failed_release_is_left_alone,
    news_end_a_wait_at_once,
    a_commit_ends_the_daemons_wait,
    a_wait_goes_on_after_a_restart,
    time_runs_only_while_nothing_comes_nearer,
    objects_follow_the_definitions_of_another_release,
    why_says_what_would_help,
);

const HEADER: &str = "apiVersion: evenkeel.dev/v1alpha1\nkind: Release\n";
const GATE: &str = r#"health:
- apiVersion: v1
  kind: ConfigMap
  current: has(metadata.annotations.open)
  failed: data.version == 'bad'
"#;

/// A repository with one environment, and the cluster that it is deployed to.
pub(super) struct World {
    pub(super) repository: GitRepository,
    pub(super) cluster: Cluster,
    pub(super) environment: String,
    pub(super) namespace: String,
}

impl World {
    pub(super) async fn new(kubeconfig: &Path) -> Self {
        let options = ConnectOptions {
            kubeconfig: Some(kubeconfig.to_owned()),
            system_namespace: Some(unique_name("system")),
            ..ConnectOptions::default()
        };
        let cluster = Cluster::connect(options).await.unwrap();
        let world = Self {
            repository: GitRepository::new(),
            cluster,
            environment: unique_name("health"),
            namespace: unique_name("ns"),
        };
        let text = format!(
            "apiVersion: evenkeel.dev/v1alpha1\nkind: Environment\nnamespace: {}\ntimeout: 60s\norder: [first, second]\n",
            world.namespace
        );
        world.write("environment.yaml", &text);
        world
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        self.repository.write(&format!("environments/{}/{path}", self.environment), text);
    }

    /// A release with objects of its own.
    pub(super) fn release(&self, name: &str, settings: &str, objects: &str) {
        self.write(&format!("{name}/release.yaml"), &format!("{HEADER}{settings}"));
        self.write(&format!("{name}/manifests/all.yaml"), objects);
    }

    /// A release that is ready once its gate is opened.
    fn gated(&self, name: &str, settings: &str, version: &str) {
        self.release(name, &format!("{GATE}{settings}"), &config_map(name, version));
    }

    pub(super) fn commit(&self) -> Source {
        let revision = self.repository.commit("next");
        let snapshot = Repository::open(self.repository.path()).unwrap().snapshot(&revision).unwrap();
        let time = snapshot.revision().time;
        Source { tree: Arc::new(snapshot), revision, time, charts: Charts::default(), keys: Keys::default() }
    }

    pub(super) fn reconciler(&self) -> Reconciler {
        Reconciler::new(self.cluster.clone(), &self.environment, "environments", None)
    }

    pub(super) fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.cluster.client(), &self.namespace)
    }

    async fn open(&self, name: &str) {
        let change = json!({"metadata": {"annotations": {"open": "yes"}}});
        self.config_maps().patch(name, &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
    }

    async fn there(&self, name: &str) {
        wait_for(self.config_maps(), name, "to be there", |_| true).await;
    }

    async fn version(&self, name: &str) -> Option<String> {
        self.config_maps().get_opt(name).await.unwrap()?.data?.get("version").cloned()
    }

    /// A pass beside the test.
    fn begin(&self, mut reconciler: Reconciler, source: &Source, options: PassOptions) -> Running {
        let source = source.clone();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&heard);
        let runtime = tokio::runtime::Handle::current();
        let task = tokio::task::spawn_blocking(move || {
            let tell = move |event: Event| {
                if let Event::Waiting { what, .. } = event {
                    told.lock().unwrap().push(what);
                }
            };
            let report = runtime.block_on(reconciler.pass(&source, &options, &tell));
            (report, reconciler)
        });
        Running { task, heard }
    }
}

struct Running {
    task: tokio::task::JoinHandle<(PassReport, Reconciler)>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Running {
    async fn end(self) -> (PassReport, Reconciler) {
        tokio::time::timeout(Duration::from_secs(60), self.task).await.expect("the pass to end").unwrap()
    }

    /// Until it waits for an object whose name has `name` in it.
    async fn waits_for(&self, name: &str) {
        crate::harness::eventually("the pass to wait", Duration::from_secs(30), || async {
            let heard = self.heard.lock().unwrap();
            if heard.iter().any(|w| w.contains(name)) { Ok(()) } else { Err(format!("{heard:?}")) }
        })
        .await;
    }
}

pub(super) fn config_map(name: &str, version: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{version: \"{version}\"}}\n")
}

pub(super) fn options() -> PassOptions {
    PassOptions {
        apply: true,
        wait: true,
        cancel: CancellationToken::new(),
        stop_waiting: CancellationToken::new(),
        retry_after: None,
    }
}

pub(super) fn of<'a>(report: &'a PassReport, release: &str) -> &'a ReleaseStatus {
    report.status.releases.iter().find(|r| r.name == release).unwrap_or_else(|| panic!("{:?}", report.status))
}

fn states(report: &PassReport) -> BTreeMap<&str, ReleaseState> {
    report.status.releases.iter().map(|r| (r.name.as_str(), r.state)).collect()
}

async fn a_release_begins_the_moment_its_last_dependency_is_ready(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.gated("db", "group: second\n", "1");
    world.gated("cache", "group: second\n", "1");
    world.gated("slow", "group: second\n", "1");
    world.release("api", "group: second\ndependsOn: [db, cache]\n", &config_map("api", "1"));
    world.release("base", "group: first\n", &config_map("base", "1"));
    world.release("last", "", &config_map("last", "1"));
    let source = world.commit();
    let running = world.begin(world.reconciler(), &source, options());
    for name in ["base", "db", "cache", "slow"] {
        world.there(name).await;
    }
    world.open("cache").await;
    assert_eq!(world.version("api").await, None, "db is not ready");
    world.open("db").await;
    let opened = Instant::now();
    world.there("api").await;
    assert!(opened.elapsed() < Duration::from_secs(2), "{:?} after its dependency", opened.elapsed());
    assert_eq!(world.version("last").await, None, "a group begins when the one before it is ready");
    world.open("slow").await;
    let (report, _) = running.end().await;
    assert!(states(&report).values().all(|s| *s == ReleaseState::Synced), "{:?}", report.status);
    assert_eq!(world.version("last").await.as_deref(), Some("1"));
}

async fn what_fails_holds_up_only_what_needs_it(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.gated("bad", "", "bad");
    world.release("needs-bad", "dependsOn: [bad]\n", &config_map("needs-bad", "1"));
    world.release("fine", "", &config_map("fine", "1"));
    world.gated("waits", "", "1");
    let source = world.commit();
    // With a retry to come, the wait for the others ends for it.
    let options = PassOptions { retry_after: Some(Duration::from_millis(500)), ..options() };
    let (report, mut reconciler) = world.begin(world.reconciler(), &source, options.clone()).end().await;
    let expected = [
        ("bad", ReleaseState::Failed),
        ("fine", ReleaseState::Synced),
        ("needs-bad", ReleaseState::Progressing),
        ("waits", ReleaseState::Progressing),
    ];
    assert_eq!(states(&report), BTreeMap::from(expected), "{:?}", report.status);
    assert!(report.again && report.retry, "the pause is over already");
    assert!(of(&report, "bad").messages[0].contains("`data.version == 'bad'` is true"), "{:?}", report.status);
    assert_eq!(of(&report, "needs-bad").messages, ["waits for bad"]);
    assert_eq!(world.version("needs-bad").await, None);
    // What failed is mended by Git, and everything goes on.
    world.gated("bad", "", "good");
    let source = world.commit();
    world.open("bad").await;
    world.open("waits").await;
    let report = reconciler.pass(&source, &options, &|_| {}).await;
    assert!(states(&report).values().all(|s| *s == ReleaseState::Synced), "{:?}", report.status);
}

async fn a_failed_release_is_taken_back_and_stays_there(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    let rule = GATE.replace("has(metadata.annotations.open)", "has(data.version)");
    let write = |version: &str| {
        let more = if version == "bad" { format!("---\n{}", config_map("more", "1")) } else { String::new() };
        world.release("app", &format!("{rule}onFailure: rollback\n"), &(config_map("app", version) + &more));
    };
    write("1");
    let good = world.commit();
    let mut reconciler = world.reconciler();
    let report = reconciler.pass(&good, &options(), &|_| {}).await;
    assert_eq!(of(&report, "app").state, ReleaseState::Synced, "{:?}", report.status);

    write("bad");
    let bad = world.commit();
    let report = reconciler.pass(&bad, &options(), &|_| {}).await;
    assert_eq!(of(&report, "app").state, ReleaseState::Failed);
    assert!(report.again, "it is taken back at once");
    assert_eq!(world.version("app").await.as_deref(), Some("bad"));
    let report = reconciler.pass(&bad, &options(), &|_| {}).await;
    assert_eq!(world.version("app").await.as_deref(), Some("1"), "{:?}", report.status);
    assert_eq!(world.version("more").await, None, "what came with it goes");
    let status = of(&report, "app");
    let message =
        format!("{} failed; taken back to {} until Git says something else", &bad.revision[..12], &good.revision[..12]);
    assert_eq!((status.state, status.messages[0].as_str()), (ReleaseState::Failed, message.as_str()));
    assert_eq!(status.revision, good.revision);
    assert!(!report.retry && !report.again, "it stays there");

    // The same commit again, another commit that does not change the release, and a restart: nothing is tried.
    world.release("other", "", &config_map("other", "1"));
    let other = world.commit();
    for (source, mut reconciler) in [(&bad, reconciler), (&other, world.reconciler()), (&other, world.reconciler())] {
        let report = reconciler.pass(source, &options(), &|_| {}).await;
        assert_eq!(of(&report, "app").state, ReleaseState::Failed);
        assert!(!report.outcomes["app"].done.iter().any(|(id, _)| id.name == "app"), "{:?}", report.outcomes);
        assert_eq!(world.version("app").await.as_deref(), Some("1"));
    }
    // Drift is put right to what it was taken back to.
    let change = json!({"data": {"version": "somebody's"}});
    world.config_maps().patch("app", &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
    let mut reconciler = world.reconciler();
    reconciler.pass(&other, &options(), &|_| {}).await;
    assert_eq!(world.version("app").await.as_deref(), Some("1"));

    write("2");
    let report = reconciler.pass(&world.commit(), &options(), &|_| {}).await;
    assert_eq!(of(&report, "app").state, ReleaseState::Synced, "{:?}", report.status);
    assert_eq!(world.version("app").await.as_deref(), Some("2"));
}

async fn a_failed_release_is_left_alone(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.gated("app", "onFailure: stop\n", "bad");
    world.release("needs", "dependsOn: [app]\n", &config_map("needs", "1"));
    let bad = world.commit();
    let mut reconciler = world.reconciler();
    let report = reconciler.pass(&bad, &options(), &|_| {}).await;
    assert_eq!(of(&report, "app").state, ReleaseState::Failed);
    assert!(!report.retry, "nobody tries again, nor who waits for it: {:?}", report.status);
    let mut after_restart = world.reconciler();
    let report = after_restart.pass(&bad, &options(), &|_| {}).await;
    assert_eq!(of(&report, "app").state, ReleaseState::Failed, "{:?}", report.status);
    assert!(of(&report, "app").messages[0].contains("left as it is until Git says something else"));
    assert!(!report.retry);
    world.gated("app", "onFailure: stop\n", "good");
    world.open("app").await;
    let report = after_restart.pass(&world.commit(), &options(), &|_| {}).await;
    assert!(states(&report).values().all(|s| *s == ReleaseState::Synced), "{:?}", report.status);
}

async fn news_end_a_wait_at_once(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.gated("app", "", "1");
    world.release("later", "dependsOn: [app]\n", &config_map("later", "1"));
    let source = world.commit();
    let options = options();
    let running = world.begin(world.reconciler(), &source, options.clone());
    running.waits_for("app").await;
    let asked = Instant::now();
    options.stop_waiting.cancel();
    let (report, _) = running.end().await;
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    assert_eq!(of(&report, "app").state, ReleaseState::Progressing);
    assert_eq!(world.version("later").await, None);
    assert!(report.retry && !report.failed);
}

async fn a_commit_ends_the_daemons_wait(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.gated("app", "timeout: 10m\n", "1");
    world.commit();
    let arguments = ["run", "--poll", "500ms", "--listen", "127.0.0.1:0", "--environment", &world.environment];
    let run = Evenkeel::new(arguments).arg("--kubeconfig").arg(kubeconfig);
    let mut daemon = run.repository(&world.repository).start();
    let line = daemon.next_line("the address", Duration::from_secs(20), |line| line.starts_with("serving http://"));
    let url = format!("{}/api/v1/environments/{}", line.trim_start_matches("serving "), world.environment);
    world.there("app").await;
    // It waits for ten minutes, and says so meanwhile.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    crate::harness::eventually("the wait to be shown", Duration::from_secs(20), || async {
        let text = client.get(&url).send().await.map_err(|e| e.to_string())?.text().await.map_err(|e| e.to_string())?;
        let status: serde_json::Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        let release = &status["releases"][0];
        let waits = status["state"] == "progressing" && release["messages"][0] == "an object is not ready yet";
        if waits && release["objects"] == 1 { Ok(()) } else { Err(text) }
    })
    .await;
    let why = Evenkeel::new(["why", &format!("{}/app", world.environment), "--output", "json"]);
    let why = why.arg("--kubeconfig").arg(kubeconfig).repository(&world.repository);
    let waits = why.run().expect_code(0).json();
    assert_eq!(waits["state"], "progressing", "{waits}");
    world.gated("app", "timeout: 10m\n", "2");
    world.release("more", "", &config_map("more", "1"));
    world.commit();
    let committed = Instant::now();
    world.there("more").await;
    wait_for(world.config_maps(), "app", "the new version", |c| c.data.as_ref().is_some_and(|d| d["version"] == "2"))
        .await;
    assert!(committed.elapsed() < Duration::from_secs(15), "{:?}", committed.elapsed());
}

async fn a_wait_goes_on_after_a_restart(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.gated("app", "", "1");
    world.release("later", "dependsOn: [app]\n", &config_map("later", "1"));
    let source = world.commit();
    let first = options();
    let running = world.begin(world.reconciler(), &source, first.clone());
    running.waits_for("app").await;
    first.stop_waiting.cancel();
    drop(running.end().await);
    // Another process: nothing is left to write of `app`, and `later` still waits for it.
    let running = world.begin(world.reconciler(), &source, options());
    running.waits_for("app").await;
    assert_eq!(world.version("later").await, None);
    world.open("app").await;
    let (report, _) = running.end().await;
    assert!(states(&report).values().all(|s| *s == ReleaseState::Synced), "{:?}", report.status);
    // Once it was seen ready, nobody waits for it again.
    let asked = world.cluster.requests();
    let report = world.reconciler().pass(&source, &options(), &|_| {}).await;
    assert_eq!(of(&report, "app").state, ReleaseState::Synced);
    assert_eq!(world.cluster.requests().since(&asked).of(evenkeel::cluster::Verb::Watch), 0);
}

async fn time_runs_only_while_nothing_comes_nearer(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: slow}\nspec:\n  schedulerName: nobody\n  containers: [{name: app, image: app}]\n";
    world.release("app", "timeout: 2s\n", pod);
    let source = world.commit();
    let running = world.begin(world.reconciler(), &source, options());
    running.waits_for("slow").await;
    let pods: Api<Pod> = Api::namespaced(world.cluster.client(), &world.namespace);
    let begun = Instant::now();
    let mut conditions = Vec::new();
    for step in 0..5 {
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert!(!running.task.is_finished(), "it gave up at step {step}, {:?}", begun.elapsed());
        conditions.push(json!({"type": format!("example.org/Step{step}"), "status": "True", "reason": "Done"}));
        let change = json!({"status": {"conditions": conditions}});
        pods.patch_status("slow", &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
    }
    let last = Instant::now();
    let (report, _) = running.end().await;
    assert!(
        last.elapsed() > Duration::from_millis(1500) && last.elapsed() < Duration::from_secs(10),
        "{:?}",
        last.elapsed()
    );
    assert_eq!(of(&report, "app").state, ReleaseState::Failed);
}

async fn objects_follow_the_definitions_of_another_release(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    let group = format!("{}.example.org", unique_name("x"));
    let definition = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: things.{group}}}\nspec:\n  group: {group}\n  \
         scope: Namespaced\n  names: {{plural: things, singular: thing, kind: Thing}}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    \
         schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}\n---\n"
    );
    // By name it would go first, and nothing says that it depends on the other.
    world.release("app", "", &format!("apiVersion: {group}/v1\nkind: Thing\nmetadata: {{name: a}}\n"));
    world.gated("definitions", "timeout: 10m\n", "1");
    world.write("definitions/manifests/all.yaml", &(definition + &config_map("slow", "1")));
    let source = world.commit();
    let running = world.begin(world.reconciler(), &source, options());
    running.waits_for("slow").await;
    // The definition is enough: what else its release waits for is its own affair.
    let app = world.cluster.clone();
    let id = format!("{group}/Thing/{}/a", world.namespace).parse().unwrap();
    crate::harness::eventually("the object", Duration::from_secs(20), || async {
        match app.get(&id, "v1").await {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert!(!running.task.is_finished());
    world.open("slow").await;
    let (report, _) = running.end().await;
    assert!(states(&report).values().all(|s| *s == ReleaseState::Synced), "{:?}", report.status);
}

async fn why_says_what_would_help(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.gated("app", "onFailure: stop\n", "bad");
    world.release("needs", "dependsOn: [app]\n", &config_map("needs", "1"));
    world.release("fine", "", &config_map("fine", "1"));
    let source = world.commit();
    world.reconciler().pass(&source, &options(), &|_| {}).await;
    let why = async |release: &str| world.reconciler().why(&source, release).await.unwrap().unwrap();

    let app = why("app").await;
    assert_eq!(app.state, ReleaseState::Failed);
    assert!(app.since.is_some());
    assert_eq!(app.waits_for[0].what, format!("ConfigMap {}/app", world.namespace));
    assert_eq!(app.waits_for[0].says, "`data.version == 'bad'` is true");
    assert_eq!(app.unblocked_by[0], "a commit that changes what app renders");

    let needs = why("needs").await;
    assert_eq!(needs.state, ReleaseState::Pending);
    let awaited: Vec<(&str, &str)> = needs.waits_for.iter().map(|a| (a.what.as_str(), a.says.as_str())).collect();
    assert_eq!(awaited, [("release app", "it failed")]);

    let fine = why("fine").await;
    assert_eq!(
        (fine.state, fine.applied.as_str(), fine.ready.as_str()),
        (ReleaseState::Synced, source.revision.as_str(), source.revision.as_str())
    );
    assert!(fine.because.is_empty() && fine.waits_for.is_empty() && fine.unblocked_by.is_empty(), "{fine:?}");
    assert!(world.reconciler().why(&source, "nothing").await.unwrap().is_none());

    // The command line, with what anybody can reach: a broken release, and a release that nobody knows.
    world.write("fine/manifests/all.yaml", "kind: [\n");
    let run = |target: &str| {
        let target = format!("{}/{target}", world.environment);
        Evenkeel::new(["why", &target, "--output", "json", "--kubeconfig"])
            .arg(kubeconfig)
            .repository(&world.repository)
            .run()
    };
    let broken = run("fine").expect_code(0).json();
    assert_eq!((broken["state"].as_str(), broken["release"].as_str()), (Some("broken"), Some("fine")), "{broken}");
    assert!(broken["because"][0].as_str().unwrap().contains("manifests/all.yaml"), "{broken}");
    let unknown = run("fin").expect_code(2).json();
    assert_eq!(unknown["error"]["hint"], "did you mean `fine`?", "{unknown}");
}
