//! Membrane: six components, of which KEDA scales four.

use std::collections::BTreeSet;
use std::path::Path;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::discovery::{Discovery, Scope, verbs};
use serde_json::{Value, json};

use super::elsewhere::{index, like, offline, runtime, wrote};
use super::secrets::{Named, named};
use super::story::{Change, OnDrift, OnFailure, Story};
use super::support::{self, left, objects, repository, written};
use crate::harness::{
    ControlPlane, Daemon, GitRepository, Output, Registry, Sandbox, eventually, helm, others_charts, project, wait_for,
};
use crate::remote::support::{Home, Repository};
use crate::{given, require};

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

const PRODUCTION: &str = "membrane-production";

/// The releases of production, as they go, with their namespaces.
const RELEASES: [(&str, &str); 5] = [
    ("secrets", PRODUCTION),
    ("monitoring-secrets", "monitoring"),
    ("prometheus-stack", "monitoring"),
    ("keda", "keda"),
    ("integration-app", PRODUCTION),
];

/// kube-prometheus-stack and KEDA, packed and indexed.
fn prerequisites(home: &Home, charts: &Path) -> Repository {
    let folder = home.folder("served");
    for chart in ["prometheus-community__helm-charts/kube-prometheus-stack", "kedacore__charts/keda"] {
        let chart = charts.join(chart);
        let package = ["chart", "package", chart.to_str().unwrap(), "-d", folder.to_str().unwrap()];
        home.run(package).expect_code(0);
    }
    index(home, &folder);
    Repository::serve(&folder)
}

/// Production's repository, with its two charts from elsewhere taken from `url`, locked.
fn production(url: &str) -> GitRepository {
    let repository = repository();
    let base = "environments/membrane-base";
    repository.replace(&format!("{base}/keda/release.yaml"), "https://kedacore.github.io/charts", url);
    let stack = "https://prometheus-community.github.io/helm-charts";
    repository.replace(&format!("{base}/prometheus-stack/release.yaml"), stack, url);
    // Nothing answers behind Services here, so that KEDA's API would never be available.
    repository.write(&format!("environments/{PRODUCTION}/keda/values.yaml"), "metricsServer:\n  enabled: false\n");
    offline(&["lock", PRODUCTION, "--upgrade"], &repository).expect_code(0);
    for (release, version) in [("keda", "2.20.2"), ("prometheus-stack", "88.5.3")] {
        let lock = repository.read(&format!("{base}/{release}/release.lock"));
        assert!(lock.contains(url) && lock.contains(&format!("version: \"{version}\"")), "{lock}");
    }
    // No error and no warning; what others leave in their values is noted at most.
    offline(&["lint", PRODUCTION], &repository).expect_code(0);
    repository.commit("production, with its charts from here");
    repository
}

/// Everything that belongs to the cluster: `Kind/name`.
async fn of_the_cluster(client: &kube::Client) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for group in Discovery::new(client.clone()).run_aggregated().await.unwrap().groups() {
        for (resource, capabilities) in group.recommended_resources() {
            if capabilities.scope != Scope::Cluster || !capabilities.supports_operation(verbs::LIST) {
                continue;
            }
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            for object in api.list(&ListParams::default()).await.unwrap().items {
                // What the server makes for each definition by itself.
                let labels = object.metadata.labels.unwrap_or_default();
                if !labels.contains_key("kube-aggregator.kubernetes.io/automanaged") {
                    found.insert(format!("{}/{}", resource.kind, object.metadata.name.unwrap()));
                }
            }
        }
    }
    found
}

/// Production brings what it is watched and scaled by: from an empty cluster to all synced, in order, and away again.
#[test]
fn production_brings_its_prerequisites() {
    let charts = given!(others_charts());
    let plane = require!(ControlPlane::own());
    let home = Home::new();
    let served = prerequisites(&home, &charts);
    let repository = production(&served.url());
    runtime().block_on(from_an_empty_cluster(&plane, &repository, &home));
}

async fn from_an_empty_cluster(plane: &ControlPlane, repository: &GitRepository, home: &Home) {
    let client = support::client(plane.kubeconfig()).await;
    let empty = of_the_cluster(&client).await;
    let system = left(&client, "kube-system").await;
    let daemon = super::support::daemon(repository, plane.kubeconfig(), &[PRODUCTION]);
    let revision = repository.commit("deployed");
    let status = daemon.synced(PRODUCTION, &revision).await;
    for (release, _) in RELEASES {
        assert_eq!(support::release(&status, release)["state"], "synced");
    }
    in_order(plane);
    pull_secret(&client).await;
    every_secret_is_there(&client).await;
    accepted_by_the_real_definitions(&client).await;
    seen_by_helm(plane, home);
    scaled_by_keda(&client, &daemon).await;

    // Another apply writes nothing.
    let before = plane.writes().len();
    support::evenkeel(&["apply", PRODUCTION, "--rev", "main"], repository, plane.kubeconfig()).expect_code(0);
    for namespace in ["", PRODUCTION, "monitoring", "keda", "kube-system"] {
        assert_eq!(written(plane, before, namespace), [""; 0], "{namespace:?}");
    }

    for (release, _) in RELEASES.iter().rev() {
        let target = format!("{PRODUCTION}/{release}");
        support::evenkeel(&["uninstall", &target, "--rev", "main"], repository, plane.kubeconfig()).expect_code(0);
    }
    for namespace in [PRODUCTION, "monitoring", "keda"] {
        eventually(&format!("{namespace} to be empty"), support::STEP, || async {
            let left = left(&client, namespace).await;
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
    }
    assert_eq!(left(&client, "kube-system").await, system);
    let kept: Vec<String> = of_the_cluster(&client).await.difference(&empty).cloned().collect();
    let (namespaces, definitions): (Vec<_>, Vec<_>) = kept.iter().partition(|kept| kept.starts_with("Namespace/"));
    // evenkeel's own records have a namespace, too.
    assert_eq!(
        namespaces,
        ["Namespace/evenkeel-system", "Namespace/keda", "Namespace/membrane-production", "Namespace/monitoring"]
    );
    let of_operators = |kept: &&String| {
        kept.starts_with("CustomResourceDefinition/")
            && (kept.ends_with(".keda.sh") || kept.ends_with(".monitoring.coreos.com"))
    };
    assert!(definitions.iter().all(of_operators) && definitions.len() == 16, "{definitions:#?}");
    let output = daemon.process.terminate();
    assert_eq!(output.status.code(), Some(0), "{output}");
}

/// Each release was written after the ones that it needs: the first of each, as the API server heard it.
fn in_order(plane: &ControlPlane) {
    let writes = plane.writes();
    let first = |resource: &str, namespace: &str, name: &str| {
        let found = writes.iter().position(|w| {
            (w.resource.as_str(), w.namespace.as_str(), w.name.as_str()) == (resource, namespace, name)
                && w.agent.starts_with("evenkeel")
                && !w.dry_run
                && w.code < 300
        });
        found.unwrap_or_else(|| panic!("{resource} {namespace}/{name} was not written"))
    };
    let deployments = "deployments.apps";
    let order = [
        first("secrets", PRODUCTION, "integration-app-credentials"),
        first("secrets", "monitoring", "grafana-admin"),
        first("customresourcedefinitions.apiextensions.k8s.io", "", "servicemonitors.monitoring.coreos.com"),
        first(deployments, "monitoring", "prometheus-stack-kube-prom-operator"),
        first(deployments, "keda", "keda-operator"),
        first("scaledobjects.keda.sh", PRODUCTION, "integration-app-api"),
    ];
    assert!(order[0].max(order[1]) < order[2], "the Secrets first: {order:?}");
    assert!(order[2..].is_sorted(), "{order:?}");
    let app = first(deployments, PRODUCTION, "integration-app-api");
    assert!(order[4] < app, "KEDA before the application");
}

/// The login of the images' registry, as pods read it.
async fn pull_secret(client: &kube::Client) {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), PRODUCTION);
    let secret = secrets.get("integration-app-harbor").await.unwrap();
    assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/dockerconfigjson"));
    let config: Value = serde_json::from_slice(&secret.data.unwrap()[".dockerconfigjson"].0).unwrap();
    let login = &config["auths"]["harbor.integration.app"];
    assert_eq!(login["username"], "robot$core+acme");
    assert!(login["password"].as_str().is_some_and(|password| !password.is_empty()), "it was decrypted");
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), PRODUCTION);
    let all = deployments.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(all.len(), 6);
    for deployment in all {
        let pod = deployment.spec.unwrap().template.spec.unwrap();
        let pulls: Vec<String> = pod.image_pull_secrets.unwrap().into_iter().map(|pull| pull.name).collect();
        assert_eq!(pulls, ["integration-app-harbor"]);
    }
}

/// What any workload names, the operators' too, is in the cluster with the key that is asked for.
async fn every_secret_is_there(client: &kube::Client) {
    let mut count = 0;
    for namespace in [PRODUCTION, "monitoring", "keda"] {
        for (version, kind) in [("apps/v1", "Deployment"), ("apps/v1", "DaemonSet"), ("apps/v1", "StatefulSet")] {
            for object in objects(client, version, kind, namespace).list(&ListParams::default()).await.unwrap().items {
                let mut object = serde_json::to_value(object).unwrap();
                object["kind"] = json!(kind);
                for Named { by, namespace, secret, key } in named(&object, namespace) {
                    // KEDA's operator makes its certificates itself, once it runs.
                    if secret == "kedaorg-certs" {
                        continue;
                    }
                    count += 1;
                    let secrets: Api<Secret> = Api::namespaced(client.clone(), &namespace);
                    let found = secrets.get_opt(&secret).await.unwrap();
                    let found = found.unwrap_or_else(|| panic!("{by} names {secret}, which is not there"));
                    let keys = found.data.unwrap_or_default();
                    assert!(key.as_ref().is_none_or(|key| keys.contains_key(key)), "{by}: {secret} has no {key:?}");
                }
            }
        }
    }
    assert!(count > 10, "only {count} references");
}

/// The application's monitors and scalers are there, and the definitions are the operators' own: they refuse what is none.
async fn accepted_by_the_real_definitions(client: &kube::Client) {
    let scaled = ["api", "custom-code-runner", "instant-tasks-worker", "queued-tasks-worker"];
    let scaled = scaled.map(|component| format!("integration-app-{component}"));
    for (version, kind, bad) in [
        ("monitoring.coreos.com/v1", "ServiceMonitor", json!({"selector": {}, "endpoints": "all"})),
        ("keda.sh/v1alpha1", "ScaledObject", json!({"triggers": []})),
    ] {
        let api = objects(client, version, kind, PRODUCTION);
        let all = api.list(&ListParams::default()).await.unwrap().items;
        let names: Vec<String> = all.into_iter().map(|object| object.metadata.name.unwrap()).collect();
        assert_eq!(names, scaled, "{kind}");
        let object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "bad"}, "spec": bad});
        let refused = api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await;
        assert!(matches!(&refused, Err(kube::Error::Api(status)) if status.code == 422), "{kind}: {refused:?}");
    }
}

/// helm lists what evenkeel deployed.
fn seen_by_helm(plane: &ControlPlane, home: &Home) {
    let Ok(helm) = helm() else { return };
    let kubeconfig = plane.kubeconfig().to_str().unwrap();
    let listed = home.helm_ok(&helm, &["list", "--all-namespaces", "--output", "json", "--kubeconfig", kubeconfig]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let entry = |release: &Value| {
        ["name", "namespace", "revision", "status", "chart"]
            .map(|key| release[key].as_str().unwrap().to_owned())
            .join(" ")
    };
    let mut listed: Vec<String> = listed.as_array().unwrap().iter().map(entry).collect();
    listed.sort();
    let expected = [
        "integration-app membrane-production 1 deployed integration-app-0.2.1",
        "keda keda 1 deployed keda-2.20.2",
        "monitoring-secrets monitoring 1 deployed secrets-0.1.0",
        "prometheus-stack monitoring 1 deployed kube-prometheus-stack-88.5.3",
        "secrets membrane-production 1 deployed secrets-0.1.0",
    ];
    assert_eq!(listed, expected);
}

/// How many pods KEDA gives a Deployment is no drift, even where drift is put right.
async fn scaled_by_keda(client: &kube::Client, daemon: &Daemon) {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), PRODUCTION);
    let by = PatchParams { field_manager: Some("keda-operator".into()), ..PatchParams::default() };
    let scale = json!({"spec": {"replicas": 7}});
    deployments.patch_scale("integration-app-api", &by, &Patch::Merge(scale)).await.unwrap();
    wait_for(deployments.clone(), "integration-app-api", "seven pods", |d| {
        d.status.as_ref().and_then(|s| s.ready_replicas) == Some(7)
    })
    .await;
    // Something else that is put right meanwhile: the daemon has seen both.
    let maps = objects(client, "v1", "ConfigMap", PRODUCTION);
    let patch = json!({"data": {"NODE_ENV": "by hand"}});
    maps.patch("integration-app-config", &by, &Patch::Merge(patch)).await.unwrap();
    eventually("the ConfigMap to be put back", support::STEP, || async {
        let now = maps.get("integration-app-config").await.unwrap().data["data"]["NODE_ENV"].clone();
        if now == "production" { Ok(()) } else { Err(now) }
    })
    .await;
    daemon.until(PRODUCTION, "to be at rest", |s| s["state"] == "synced").await;
    assert!(daemon.drift(PRODUCTION).await.is_empty());
    let now = deployments.get("integration-app-api").await.unwrap().spec.unwrap().replicas;
    assert_eq!(now, Some(7));
}
