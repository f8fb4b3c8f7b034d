//! AI Agent Connector: one service with all that keeps it available.

use std::path::Path;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::Api;
use serde_json::Value;

use super::elsewhere::like;
use super::story::{Change, OnDrift, OnFailure, Story};
use super::support::{self, left, repository, without_operators};
use crate::harness::{ControlPlane, GitRepository, Output, Sandbox, eventually, helm, project};
use crate::remote::support::Home;
use crate::require;

/// Production corrects, and goes back by itself.
const PRODUCTION: Story = Story {
    environment: "ai-agent-connector-production",
    order: &["ai-agent-connector"],
    release: "ai-agent-connector",
    deployment: "ai-agent-connector",
    upgrade: Change {
        file: "environments/ai-agent-connector-production/ai-agent-connector/values.yaml",
        from: "tag: \"1.0.0\"",
        to: "tag: \"1.0.1\"",
    },
    touched: &["deployments.apps/ai-agent-connector"],
    bad: Change {
        file: "environments/ai-agent-connector-production/ai-agent-connector/values.yaml",
        from: "tag: \"1.0.1\"",
        to: "tag: does-not-exist",
    },
    autoscaled: Some(("ai-agent-connector", 4)),
    config: ("ai-agent-connector-config", "LOG_LEVEL"),
    on_drift: OnDrift::Correct,
    on_failure: OnFailure::Rollback,
    claims: &[],
};

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_deploy_to_the_end_on_the_real_api_server() {
    PRODUCTION.on_the_real_api_server().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_deploy_to_the_end_on_the_sandbox() {
    PRODUCTION.on_the_sandbox().await;
}

const RELEASE: &str = "ai-agent-connector";

/// An environment of its own, and helm beside evenkeel.
struct Stage<'a> {
    repository: GitRepository,
    environment: String,
    kubeconfig: &'a Path,
    home: Home,
}

impl<'a> Stage<'a> {
    /// Like one of the repository's environments; nothing is deployed.
    fn like(environment: &str, kubeconfig: &'a Path) -> Self {
        let repository = repository();
        let environment = like(environment, &repository);
        Self { repository, environment, kubeconfig, home: Home::new() }
    }

    fn target(&self) -> String {
        format!("{}/{RELEASE}", self.environment)
    }

    /// The release's values file.
    fn values(&self) -> String {
        format!("environments/{}/{RELEASE}/values.yaml", self.environment)
    }

    fn evenkeel(&self, arguments: &[&str]) -> Output {
        support::evenkeel(&[arguments, &["--rev", "main"]].concat(), &self.repository, self.kubeconfig)
    }

    fn apply(&self) -> Output {
        self.evenkeel(&["apply", &self.environment]).expect_code(0)
    }

    /// The real helm in the release's namespace, which has to be content.
    fn helm(&self, arguments: &[&str]) -> String {
        let cluster = ["--namespace", &self.environment, "--kubeconfig", self.kubeconfig.to_str().unwrap()];
        self.home.helm_ok(&helm().unwrap(), &[arguments, &cluster].concat())
    }

    /// helm's revisions: `REVISION STATUS DESCRIPTION`.
    fn history(&self) -> Vec<String> {
        let history: Value = serde_json::from_str(&self.helm(&["history", RELEASE, "--output", "json"])).unwrap();
        let line = |r: &Value| {
            format!("{} {} {}", r["revision"], r["status"].as_str().unwrap(), r["description"].as_str().unwrap())
        };
        history.as_array().unwrap().iter().map(line).collect()
    }

    async fn image(&self) -> String {
        let deployments: Api<Deployment> = Api::namespaced(support::client(self.kubeconfig).await, &self.environment);
        let pod = deployments.get(RELEASE).await.unwrap().spec.unwrap().template.spec.unwrap();
        pod.containers[0].image.clone().unwrap()
    }

    /// The notes that helm would print, of a release that is not there yet.
    fn notes(&self) -> String {
        let root = self.repository.path();
        let (chart, values) = (root.join("charts").join(RELEASE), root.join(self.values()));
        let install = ["install", RELEASE, chart.to_str().unwrap(), "--values", values.to_str().unwrap()];
        noted(&self.helm(&[&install[..], &["--dry-run=client"]].concat()))
    }

    /// Those that evenkeel recorded, as helm shows them.
    fn recorded_notes(&self) -> String {
        noted(&self.helm(&["get", "notes", RELEASE]))
    }

    /// The release's end: nothing is left.
    async fn end(&self) {
        for release in [RELEASE, "secrets"] {
            let declared =
                |layer: &str| self.repository.path().join(format!("environments/{layer}/{release}")).is_dir();
            if declared(&self.environment) {
                let target = format!("{}/{release}", self.environment);
                self.evenkeel(&["uninstall", &target]).expect_code(0);
            }
        }
        let client = support::client(self.kubeconfig).await;
        eventually("everything to be gone", support::STEP, || async {
            let left = left(&client, &self.environment).await;
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
    }
}

/// What follows `NOTES:`.
fn noted(text: &str) -> String {
    text.split_once("NOTES:\n").unwrap_or_else(|| panic!("no notes: {text}")).1.trim_end().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_reads_the_history_and_its_rollback_is_put_right() {
    let plane = require!(support::plane().await);
    require!(helm());
    let stage = Stage::like("ai-agent-connector-production", plane.kubeconfig());
    let environment = stage.environment.as_str();
    let notes = stage.notes();
    let daemon = super::support::daemon(&stage.repository, plane.kubeconfig(), &[environment]);
    let first = stage.repository.commit("deployed");
    daemon.synced(environment, &first).await;
    assert_eq!(stage.history(), ["1 deployed Install complete"]);
    assert_eq!(stage.recorded_notes(), notes);
    assert!(notes.contains("https://api.example.com/") && notes.contains("kubectl get externalsecret"), "{notes}");
    stage.repository.replace(&stage.values(), "tag: \"1.0.0\"", "tag: \"1.0.1\"");
    let second = stage.repository.commit("1.0.1");
    daemon.synced(environment, &second).await;
    assert_eq!(stage.history(), ["1 superseded Install complete", "2 deployed Upgrade complete"]);

    // Somebody is used to helm. Git says otherwise, and production is kept equal to it; the history says what is in force.
    let image = stage.image().await;
    assert_eq!(image, "registry.example.com/ai-agent-connector:1.0.1");
    stage.helm(&["rollback", RELEASE, "1"]);
    eventually("the image to be put back, and a revision to say so", support::STEP, || async {
        let now = (stage.image().await, stage.history().pop().unwrap());
        if now.0 == image && now.1.starts_with("4 deployed ") { Ok(()) } else { Err(now) }
    })
    .await;
    daemon.until(environment, "to be at rest", |s| s["state"] == "synced").await;
    let history = stage.history();
    assert_eq!(history.len(), 4, "{history:?}");
    assert_eq!(history[2], "3 superseded Rollback to 1");
    let manifest = stage.helm(&["get", "manifest", RELEASE]);
    assert!(manifest.contains("image: \"registry.example.com/ai-agent-connector:1.0.1\""), "{manifest}");

    // evenkeel's own rollback holds.
    stage.evenkeel(&["rollback", &stage.target(), "1"]).expect_code(0);
    let said = |s: &Value| support::release(s, RELEASE)["messages"].to_string().contains("rolled back");
    daemon.until(environment, "to know of it", said).await;
    assert_eq!(stage.image().await, "registry.example.com/ai-agent-connector:1.0.0");
    // It stands there once, whoever of the command and the daemon was first at it.
    let history = stage.history();
    assert_eq!(history.last().unwrap(), "5 deployed Rollback to 1", "{history:#?}");
    let ours = stage.evenkeel(&["history", &stage.target(), "--output", "json"]).expect_code(0).json();
    assert_eq!(ours["revisions"].as_array().unwrap().len(), 5);
    assert_eq!(ours["held"]["version"], 5);
    stage.end().await;
    let output = daemon.process.terminate();
    assert_eq!(output.status.code(), Some(0), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_by_helm_is_told_where_drift_is_left_alone() {
    let plane = require!(support::plane().await);
    require!(helm());
    let stage = Stage::like("ai-agent-connector-staging", plane.kubeconfig());
    let environment = stage.environment.as_str();
    let notes = stage.notes();
    let daemon = super::support::daemon(&stage.repository, plane.kubeconfig(), &[environment]);
    let first = stage.repository.commit("deployed");
    daemon.synced(environment, &first).await;
    assert_eq!(stage.recorded_notes(), notes);
    assert!(notes.contains("https://api.staging.example.com/") && notes.contains("kubectl get hpa"), "{notes}");
    stage.repository.replace(&stage.values(), "tag: \"1.0.0\"", "tag: \"1.0.1\"");
    let second = stage.repository.commit("1.0.1");
    daemon.synced(environment, &second).await;
    stage.helm(&["rollback", RELEASE, "1"]);
    let field = eventually("the drift to be told", support::STEP, || async {
        let drift = daemon.drift(environment).await;
        let image = |field: &Value| field["live"].as_str().is_some_and(|live| live.ends_with(":1.0.0"));
        let found = drift.iter().flat_map(|d| d["fields"].as_array().into_iter().flatten().cloned()).find(image);
        found.ok_or_else(|| format!("{drift:?}"))
    })
    .await;
    assert_eq!(field["manager"], "helm", "{field:#}");
    let told = stage.evenkeel(&["drift", environment]).expect_code(1);
    assert!(told.stdout.contains(":1.0.0") && told.stdout.contains("helm"), "{told}");
    let image = stage.image().await;
    assert_eq!(image, "registry.staging.example.com/ai-agent-connector:1.0.0", "it is left alone");
    let history = stage.history();
    assert_eq!(history.last().unwrap(), "3 deployed Rollback to 1");
    // The next commit ends it.
    stage.repository.replace(&stage.values(), "tag: \"1.0.1\"", "tag: \"1.0.2\"");
    let third = stage.repository.commit("1.0.2");
    daemon.synced(environment, &third).await;
    assert_eq!(stage.image().await, "registry.staging.example.com/ai-agent-connector:1.0.2");
    assert_eq!(stage.history().last().unwrap(), "4 deployed Upgrade complete");
    assert!(daemon.drift(environment).await.is_empty());
    stage.end().await;
    let output = daemon.process.terminate();
    assert_eq!(output.status.code(), Some(0), "{output}");
}

/// Where the number of pods is fixed, there is nothing that guards it.
#[test]
fn a_disruption_budget_comes_with_autoscaling_alone() {
    let home = Home::new();
    let chart = project().join("charts").join(RELEASE);
    for (autoscaling, budget, expected) in
        [(true, true, [1, 1, 0]), (true, false, [1, 0, 0]), (false, true, [0, 0, 1]), (false, false, [0, 0, 1])]
    {
        let settings = [format!("autoscaling.enabled={autoscaling}"), format!("podDisruptionBudget.enabled={budget}")];
        let arguments = ["template", "x", chart.to_str().unwrap(), "--set", &settings[0], "--set", &settings[1]];
        let rendered = home.run(arguments).expect_code(0).stdout;
        let count = |line: &str| rendered.lines().filter(|l| l.starts_with(line)).count();
        let found =
            [count("kind: HorizontalPodAutoscaler"), count("kind: PodDisruptionBudget"), count("  replicas: 2")];
        assert_eq!(found, expected, "{settings:?}");
    }
}

/// A commit that turns autoscaling off takes both away and has the number of pods again, and back.
async fn autoscaling_off_and_on(kubeconfig: &Path) {
    let stage = Stage::like("ai-agent-connector-staging", kubeconfig);
    let client = support::client(kubeconfig).await;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &stage.environment);
    let scalers: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), &stage.environment);
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(client.clone(), &stage.environment);
    let there = || async {
        let found = (scalers.get_opt(RELEASE).await.unwrap(), budgets.get_opt(RELEASE).await.unwrap());
        (found.0.is_some(), found.1.is_some())
    };
    // Deletions wait while a release cannot be rendered that might want the object: those two are elsewhere.
    without_operators(&stage.repository);
    let daemon = super::support::daemon(&stage.repository, kubeconfig, &[&stage.environment]);
    let first = stage.repository.commit("deployed");
    daemon.synced(&stage.environment, &first).await;
    assert_eq!(there().await, (true, true));
    let (on, off) = ("autoscaling:\n  enabled: true", "replicaCount: 3\n\nautoscaling:\n  enabled: false");
    stage.repository.replace(&stage.values(), on, off);
    let fixed = stage.repository.commit("three pods");
    daemon.synced(&stage.environment, &fixed).await;
    assert_eq!(there().await, (false, false));
    eventually("three pods", support::STEP, || async {
        let replicas = deployments.get(RELEASE).await.unwrap().spec.unwrap().replicas;
        if replicas == Some(3) { Ok(()) } else { Err(replicas) }
    })
    .await;
    stage.repository.replace(&stage.values(), off, on);
    let free = stage.repository.commit("as many as it takes");
    daemon.synced(&stage.environment, &free).await;
    assert_eq!(there().await, (true, true));
    stage.evenkeel(&["diff", &stage.environment]).expect_code(0);
    stage.end().await;
    let output = daemon.process.terminate();
    assert_eq!(output.status.code(), Some(0), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn autoscaling_goes_off_and_on_on_the_real_api_server() {
    let plane = require!(support::plane().await);
    autoscaling_off_and_on(plane.kubeconfig()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn autoscaling_goes_off_and_on_on_the_sandbox() {
    let sandbox = Sandbox::start();
    autoscaling_off_and_on(&sandbox.kubeconfig()).await;
}

/// The chart's own test: it passes and is gone, or fails and stays to be looked at; helm sees both.
#[tokio::test(flavor = "multi_thread")]
async fn its_test_passes_or_fails_on_the_real_api_server() {
    let plane: &ControlPlane = require!(support::plane().await);
    let stage = Stage::like("ai-agent-connector-development", plane.kubeconfig());
    let with_helm = helm().is_ok();
    let notes = with_helm.then(|| stage.notes());
    stage.apply();
    if let Some(notes) = notes {
        assert_eq!(stage.recorded_notes(), notes);
        assert!(notes.contains("kubectl port-forward"), "{notes}");
    }
    let pods: Api<Pod> = Api::namespaced(plane.client().await, &stage.environment);
    let test = format!("{RELEASE}-test-connection");
    let passed = stage.evenkeel(&["test", &stage.target()]).expect_code(0);
    assert!(passed.stdout.contains(&test), "{passed}");
    crate::harness::wait_until_gone(pods.clone(), &test).await;
    if with_helm {
        let status = stage.helm(&["status", RELEASE]);
        assert!(status.contains(&format!("TEST SUITE:     {test}")) && status.contains("Succeeded"), "{status}");
        let again = stage.helm(&["test", RELEASE]);
        assert!(again.contains("Phase:          Succeeded"), "{again}");
    }

    let template = format!("charts/{RELEASE}/templates/tests/test-connection.yaml");
    let fails = "helm.sh/hook: test\n    evenkeel.dev/test-outcome: fail\n";
    stage.repository.replace(&template, "helm.sh/hook: test\n", fails);
    stage.repository.commit("nobody answers");
    stage.apply();
    let failed = stage.evenkeel(&["test", &stage.target()]).expect_code(1);
    assert!(format!("{}{}", failed.stdout, failed.stderr).contains(&test), "{failed}");
    let pod = pods.get(&test).await.unwrap();
    assert_eq!(pod.status.unwrap().phase.as_deref(), Some("Failed"));
    if with_helm {
        assert!(stage.helm(&["status", RELEASE]).contains("Failed"));
    }
    pods.delete(&test, &kube::api::DeleteParams::default()).await.unwrap();
    stage.end().await;
}
