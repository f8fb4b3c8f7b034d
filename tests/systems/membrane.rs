//! Membrane: six components, of which KEDA scales four.

use std::path::Path;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::Api;

use super::story::{Change, OnDrift, OnFailure, Story};
use super::support::{self, left, like, repository, written, wrote};
use crate::harness::{ControlPlane, GitRepository, Output, Registry, Sandbox, eventually, helm, project};
use crate::remote::support::Home;
use crate::require;

/// Staging tells, and leaves what failed as it is. Its operators are the cluster's.
const STAGING: Story = Story {
    environment: "membrane-staging",
    order: &["integration-app-api"],
    release: "integration-app",
    deployment: "integration-app-ui",
    upgrade: Change {
        file: "environments/membrane-staging/integration-app/values.yaml",
        from: "queuedTasksWorker:\n  autoscaling:\n    enabled: true\n    minReplicaCount: 0\n    maxReplicaCount: 4",
        to: "queuedTasksWorker:\n  autoscaling:\n    enabled: true\n    minReplicaCount: 0\n    maxReplicaCount: 5",
    },
    touched: &[
        "prometheusrules.monitoring.coreos.com/integration-app",
        "scaledobjects.keda.sh/integration-app-queued-tasks-worker",
    ],
    bad: Change {
        file: "environments/membrane-staging/integration-app/values.yaml",
        from: "",
        to: "ui:\n  image:\n    tag: does-not-exist",
    },
    autoscaled: Some(("integration-app-api", 3)),
    config: ("integration-app-config", "NODE_ENV"),
    on_drift: OnDrift::Alert,
    on_failure: OnFailure::Stop,
    claims: &[],
};

#[tokio::test(flavor = "multi_thread")]
async fn staging_from_the_first_deploy_to_the_end_on_the_real_api_server() {
    STAGING.on_the_real_api_server().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staging_from_the_first_deploy_to_the_end_on_the_sandbox() {
    STAGING.on_the_sandbox().await;
}

/// The account that the vendor gives for charts.
const ROBOT: &str = "robot$helm+acme";

/// Somebody who has a login, or not: a home with its own logins and cache.
struct Somebody<'a> {
    home: Home,
    repository: &'a GitRepository,
    kubeconfig: &'a Path,
}

impl Somebody<'_> {
    fn offline(&self, arguments: &[&str]) -> Output {
        self.home.evenkeel(arguments.iter().copied()).repository(self.repository).run()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.home.evenkeel(arguments.iter().copied()).repository(self.repository).kubeconfig(self.kubeconfig).run()
    }
}

/// The chart goes to a private registry and comes from there, for those who are logged in.
async fn from_a_private_registry(kubeconfig: &Path, plane: Option<&ControlPlane>) {
    let registry = require!(Registry::start_for(ROBOT));
    let host = registry.address();
    let repository = repository();
    let environment = &like("membrane-staging", &repository);
    let target = &format!("{environment}/integration-app");
    let acme = Somebody { home: Home::new(), repository: &repository, kubeconfig };
    let apply = ["apply", environment, "--rev", "main", "--output", "json"];
    let first = acme.run(&apply).expect_code(0);
    assert_eq!(wrote(&first), 34, "2 Secrets, and 32 objects of the chart");

    // Packed, and pushed by those who may.
    let packed = acme.home.folder("packed");
    let chart = project().join("charts/integration-app");
    let package = |extra: &[&str]| {
        let arguments =
            [&["chart", "package", chart.to_str().unwrap(), "-d", packed.to_str().unwrap()], extra].concat();
        acme.home.run(arguments).expect_code(0);
    };
    package(&[]);
    let remote = format!("oci://{host}/helm");
    let archive = |version: &str| packed.join(format!("integration-app-{version}.tgz")).to_str().unwrap().to_owned();
    let push = |version: &str, to: &str| acme.home.run(["chart", "push", &archive(version), to]);
    let refused = push("0.2.1", &remote).expect_code(1);
    assert!(refused.stderr.contains("push access denied"), "{refused}");
    let login = |user: &str, password: &str| {
        let arguments = ["chart", "login", host, "--username", user, "--password-stdin"];
        acme.home.evenkeel(arguments).input(format!("{password}\n")).run()
    };
    let wrong = login(ROBOT, "not-the-w0rd").expect_code(1);
    assert!(wrong.stderr.contains("401 Unauthorized") && !wrong.stderr.contains("not-the-w0rd"), "{wrong}");
    login("user", Registry::PASSWORD).expect_code(1);
    assert_eq!(login(ROBOT, Registry::PASSWORD).expect_code(0).stderr, "Login Succeeded\n");
    let pushed = push("0.2.1", &remote).expect_code(0);
    as_helm_does(host, &archive("0.2.1"), &pushed);

    // The layer says where; the lock says what.
    let layer = "environments/membrane-registry/integration-app/release.yaml";
    repository.replace(layer, "oci://harbor.integration.app/", &format!("oci://{host}/"));
    for environment in ["membrane-development", "membrane-production", environment] {
        let file = format!("environments/{environment}/environment.yaml");
        repository.replace(&file, "[membrane-base]", "[membrane-base, membrane-registry]");
    }
    let unlocked = acme.offline(&["lint", target]).expect_code(1);
    assert!(unlocked.stdout.contains("is not locked"), "{unlocked}");
    let stranger = Somebody { home: Home::new(), repository: &repository, kubeconfig };
    let denied = stranger.offline(&["lock", target]).expect_code(2);
    assert!(denied.stderr.contains("pull access denied"), "{denied}");
    acme.offline(&["lock", target]).expect_code(0);
    let lock = repository.read("environments/membrane-registry/integration-app/release.lock");
    assert!(lock.contains(&format!("oci://{host}/helm/integration-app")) && lock.contains("0.2.1"), "{lock}");
    assert!(!lock.contains("robot") && !lock.contains(Registry::PASSWORD), "{lock}");
    // One lock for all who extend the layer. (The others' releases of production come from elsewhere.)
    let key = acme.home.evenkeel(["lint", "membrane-production/integration-app"]);
    let key = key.env("SOPS_AGE_KEY_FILE", support::age_key()).repository(&repository).run();
    for lint in [acme.offline(&["lint", environment]), acme.offline(&["lint", "membrane-development"]), key] {
        assert!(lint.stdout.contains("nothing found"), "{lint}");
        lint.expect_code(0);
    }
    repository.commit("integration-app from the registry");

    // It is the same chart: nothing is written.
    let revisions = || {
        let history = acme.run(&["history", target, "--output", "json"]).expect_code(0).json();
        let all = history["revisions"].as_array().unwrap().clone();
        all.iter().map(|r| format!("{} {}", r["revision"], r["chart"].as_str().unwrap())).collect::<Vec<_>>()
    };
    let before = plane.map_or(0, |plane| plane.writes().len());
    let unwritten = || {
        if let Some(plane) = plane {
            assert_eq!(written(plane, before, environment), [""; 0], "nothing is written");
        }
        assert_eq!(revisions(), ["1 integration-app-0.2.1"]);
    };
    acme.run(&["diff", environment, "--rev", "main"]).expect_code(0);
    assert_eq!(wrote(&acme.run(&apply).expect_code(0)), 0);
    unwritten();

    // Who is logged out has what is in the cache; without it, this release alone is broken, and stays as it is.
    let out = acme.home.run(["chart", "logout", host]).expect_code(0);
    assert!(out.stderr.contains("Removing login credentials"), "{out}");
    assert_eq!(wrote(&acme.run(&apply).expect_code(0)), 0);
    let denied = stranger.run(&apply).expect_code(2).json();
    let errors = denied["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let message = errors[0]["message"].as_str().unwrap();
    assert!(message.contains(target) && message.contains("pull access denied"), "{message}");
    let states = denied["status"]["releases"].as_array().unwrap().iter();
    let states: Vec<_> = states.map(|r| (r["name"].as_str().unwrap(), r["state"].as_str().unwrap())).collect();
    assert_eq!(states, [("integration-app", "broken"), ("secrets", "synced")]);
    unwritten();

    // A newer chart is a commit.
    login(ROBOT, Registry::PASSWORD).expect_code(0);
    package(&["--version", "0.2.2"]);
    push("0.2.2", &remote).expect_code(0);
    repository.replace(layer, "version: 0.2.1", "version: 0.2.2");
    let behind = acme.offline(&["lint", target]).expect_code(1);
    assert!(behind.stdout.contains("the release asks for"), "{behind}");
    acme.offline(&["lock", target, "--upgrade"]).expect_code(0);
    repository.commit("integration-app 0.2.2");
    acme.run(&apply).expect_code(0);
    assert_eq!(revisions(), ["1 integration-app-0.2.1", "2 integration-app-0.2.2"]);
    let client = support::client(kubeconfig).await;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), environment);
    let labels = deployments.get("integration-app-ui").await.unwrap().metadata.labels.unwrap();
    assert_eq!(labels["helm.sh/chart"], "integration-app-0.2.2");

    for release in ["integration-app", "secrets"] {
        acme.run(&["uninstall", &format!("{environment}/{release}"), "--rev", "main"]).expect_code(0);
    }
    eventually("everything to be gone", support::STEP, || async {
        let left = left(&client, environment).await;
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}

/// helm logs in with the same account, pushes the same archive to the same digest, and pulls what evenkeel pushed.
fn as_helm_does(host: &str, archive: &str, pushed: &Output) {
    let Ok(helm) = helm() else { return };
    let home = Home::new();
    let remote = format!("oci://{host}/by-helm");
    assert!(!home.helm(&helm, &["push", archive, &remote]).0, "without a login");
    home.helm_ok(&helm, &["registry", "login", host, "--username", ROBOT, "--password", Registry::PASSWORD]);
    let (fine, _, said) = home.helm(&helm, &["push", archive, &remote]);
    assert!(fine, "{said}");
    assert_eq!(pushed.stderr.replace("/helm/", "/by-helm/"), said, "reference and digest");
    home.helm_ok(&helm, &["pull", &format!("oci://{host}/helm/integration-app"), "--version", "0.2.1"]);
    let pulled = home.folder("helm-work").join("integration-app-0.2.1.tgz");
    assert_eq!(std::fs::read(pulled).unwrap(), std::fs::read(archive).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_comes_from_a_private_registry_on_the_real_api_server() {
    let plane = require!(support::plane().await);
    from_a_private_registry(plane.kubeconfig(), Some(plane)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_comes_from_a_private_registry_on_the_sandbox() {
    let sandbox = Sandbox::start();
    super::operators::install(&sandbox.kubeconfig()).await;
    from_a_private_registry(&sandbox.kubeconfig(), None).await;
}
