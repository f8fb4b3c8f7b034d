//! ExaDeploy: a scheduler that makes its runners, and a module repository with a local or a remote backend.

use std::path::Path;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use super::elsewhere::{index, like, offline, runtime, wrote};
use super::story::{Change, OnDrift, OnFailure, Story};
use super::support::{self, left, repository, written};
use crate::harness::{ControlPlane, Sandbox, eventually, helm, project};
use crate::remote::support::{Home, Repository};
use crate::require;

/// Production corrects, and goes back by itself.
const PRODUCTION: Story = Story {
    environment: "exadeploy-production",
    order: &["exadeploy-scheduler"],
    release: "exadeploy",
    deployment: "exadeploy-module-repository",
    upgrade: Change {
        file: "environments/exadeploy-production/exadeploy/values.yaml",
        from: "runnerDeletionLagSeconds: 120",
        to: "runnerDeletionLagSeconds: 300",
    },
    touched: &["configmaps/exadeploy-scheduler", "deployments.apps/exadeploy-scheduler"],
    bad: Change {
        file: "environments/exadeploy-production/exadeploy/values.yaml",
        from: "moduleRepository:\n",
        to: "moduleRepository:\n  image: registry.example.com/module-repository:does-not-exist\n",
    },
    autoscaled: None,
    config: ("exadeploy-scheduler", "config.yaml"),
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

/// Development lets be what somebody changes by hand, and tries again.
const DEVELOPMENT: Story = Story {
    environment: "exadeploy-development",
    order: &["exadeploy-scheduler"],
    release: "exadeploy",
    deployment: "exadeploy-module-repository",
    upgrade: Change {
        file: "environments/exadeploy-base/exadeploy/values.yaml",
        from: "scheduler:0.10.0",
        to: "scheduler:0.10.1",
    },
    touched: &["deployments.apps/exadeploy-scheduler"],
    bad: Change {
        file: "environments/exadeploy-development/exadeploy/values.yaml",
        from: "",
        to: "moduleRepository:\n  image: registry.example.com/module-repository:does-not-exist",
    },
    autoscaled: None,
    config: ("exadeploy-scheduler", "config.yaml"),
    on_drift: OnDrift::Ignore,
    on_failure: OnFailure::Retry,
    claims: &[],
};

#[tokio::test(flavor = "multi_thread")]
async fn development_on_the_real_api_server() {
    DEVELOPMENT.on_the_real_api_server().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn development_on_the_sandbox() {
    DEVELOPMENT.on_the_sandbox().await;
}

/// The chart from a repository over HTTP: packed, indexed, locked once for all environments, deployed, and gone at the end.
async fn from_a_repository(kubeconfig: &Path, plane: Option<&ControlPlane>, home: &Home, served: &Repository) {
    let repository = repository();
    let environment = &like("exadeploy-staging", &repository);
    let declared = "environments/exadeploy-base/exadeploy/release.yaml";
    let elsewhere = format!("chart: exadeploy\nrepository: {}\nversion: 1.1.0\n", served.url());
    repository.replace(declared, "chart: charts/exadeploy\n", &elsewhere);
    // What is left of the chart in the repository is not what is deployed.
    repository.remove("charts/exadeploy");
    let unlocked = offline(&["lint", environment], &repository);
    assert!(!unlocked.status.success() && unlocked.stdout.contains("is not locked"), "{unlocked}");
    let locked = offline(&["lock", environment], &repository).expect_code(0);
    let archive = std::fs::read(home.folder("served").join("exadeploy-1.1.0.tgz")).unwrap();
    let digest = evenkeel::chart::repository::sha256(&archive);
    let lock = repository.read("environments/exadeploy-base/exadeploy/release.lock");
    assert!(lock.contains(&format!("digest: sha256:{digest}")), "{lock}{locked}");
    repository.commit("from the repository of charts");
    for environment in ["exadeploy-development", "exadeploy-production", environment] {
        let lint = offline(&["lint", environment], &repository).expect_code(0);
        assert!(lint.stdout.contains("nothing found"), "{lint}");
    }
    let evenkeel = |arguments: &[&str]| support::evenkeel(arguments, &repository, kubeconfig);
    let first = evenkeel(&["apply", environment, "--rev", "main", "--output", "json"]).expect_code(0);
    assert_eq!(wrote(&first), 14, "3 Secrets, and 11 objects of the chart");
    runners(environment, kubeconfig, plane, evenkeel).await;
}

/// What the scheduler makes of `pod.yaml` while it runs is not evenkeel's: neither drift, nor deleted, unless its owner goes.
async fn runners(
    environment: &str,
    kubeconfig: &Path,
    plane: Option<&ControlPlane>,
    evenkeel: impl Fn(&[&str]) -> crate::harness::Output,
) {
    let client = support::client(kubeconfig).await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), environment);
    let text = maps.get("exadeploy-runner").await.unwrap().data.unwrap().remove("pod.yaml").unwrap();
    let template = evenkeel::yaml::to_json(&text, evenkeel::yaml::Numbers::Exact).unwrap();
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), environment);
    let scheduler = deployments.get("exadeploy-scheduler").await.unwrap().metadata.uid.unwrap();
    let owner =
        json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "exadeploy-scheduler", "uid": scheduler}]);
    let pods: Api<Pod> = Api::namespaced(client.clone(), environment);
    let mut uids = Vec::new();
    for (name, owners) in [("runner-1", Value::Null), ("runner-2", owner)] {
        let mut pod = template.clone();
        pod["metadata"]["name"] = json!(name);
        pod["metadata"]["ownerReferences"] = owners;
        let made = pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
        uids.push(made.metadata.uid);
    }
    let limits = template.pointer("/spec/containers/0/resources/limits").unwrap();
    assert_eq!((&limits["memory"], &limits["nvidia.com/gpu"]), (&json!("16Gi"), &json!(1)), "{template:#}");

    let before = plane.map_or(0, |plane| plane.writes().len());
    evenkeel(&["drift", environment, "--rev", "main"]).expect_code(0);
    evenkeel(&["diff", environment, "--rev", "main"]).expect_code(0);
    let again = evenkeel(&["apply", environment, "--rev", "main", "--output", "json"]).expect_code(0);
    assert_eq!(wrote(&again), 0, "everything is as it was");
    if let Some(plane) = plane {
        assert_eq!(written(plane, before, environment), [""; 0], "nothing is written");
    }
    for (name, uid) in ["runner-1", "runner-2"].iter().zip(&uids) {
        assert_eq!(&pods.get(name).await.unwrap().metadata.uid, uid, "{name} is what it was");
    }

    for release in ["exadeploy", "secrets"] {
        evenkeel(&["uninstall", &format!("{environment}/{release}"), "--rev", "main"]).expect_code(0);
    }
    // The cluster's collector takes what the Deployment owned.
    eventually("nothing but a runner without an owner to be left", support::STEP, || async {
        let left = left(&client, environment).await;
        if left == ["Pod/runner-1"] { Ok(()) } else { Err(left) }
    })
    .await;
    assert_eq!(pods.get("runner-1").await.unwrap().metadata.uid, uids[0]);
}

/// A folder over HTTP with the packed chart, and the home that packed it.
fn served() -> (Home, Repository) {
    let home = Home::new();
    let folder = home.folder("served");
    let chart = project().join("charts/exadeploy");
    let package = ["chart", "package", chart.to_str().unwrap(), "-d", folder.to_str().unwrap()];
    home.run(package).expect_code(0);
    index(&home, &folder);
    let served = Repository::serve(&folder);
    (home, served)
}

#[test]
fn the_chart_comes_from_a_repository_over_http_on_the_real_api_server() {
    let (home, served) = served();
    runtime().block_on(async {
        let plane = require!(support::plane().await);
        from_a_repository(plane.kubeconfig(), Some(plane), &home, &served).await;
    });
}

#[test]
fn the_chart_comes_from_a_repository_over_http_on_the_sandbox() {
    let (home, served) = served();
    let sandbox = Sandbox::start();
    runtime().block_on(from_a_repository(&sandbox.kubeconfig(), None, &home, &served));
}

/// What is missing is named, all at once, in helm's words.
#[test]
fn missing_values_are_named_as_by_helm() {
    let given =
        ["exafunction.apiKeySecret.name=key", "scheduler.image=s:1", "moduleRepository.image=m:1", "runner.image=r:1"];
    let remote = "moduleRepository.backend.type=remote";
    let gcs = "moduleRepository.backend.remote.dataBackend=gcs";
    let of_postgres = ["host", "port", "database", "user", "passwordSecret.name"]
        .map(|key| format!("moduleRepository.backend.remote.postgres.{key} is required"));
    let of = |more: &[&str]| {
        let more = more.iter().map(|text| (*text).to_owned());
        of_postgres.iter().cloned().chain(more).collect::<Vec<String>>()
    };
    let cases: Vec<(Vec<&str>, Vec<String>)> = vec![
        (
            vec![],
            ["exafunction.apiKeySecret.name", "moduleRepository.image", "runner.image", "scheduler.image"]
                .map(|key| format!("{key} is required"))
                .into(),
        ),
        (given[..2].to_vec(), ["moduleRepository.image", "runner.image"].map(|k| format!("{k} is required")).into()),
        (
            [&given[..], &[remote]].concat(),
            of(&[
                "moduleRepository.backend.remote.s3.region is required",
                "moduleRepository.backend.remote.s3.bucket is required",
                "moduleRepository.backend.remote.s3.awsAccessKeySecret.name is required",
            ]),
        ),
        (
            [&given[..], &[remote, gcs]].concat(),
            of(&[
                "moduleRepository.backend.remote.gcs.bucket is required",
                "moduleRepository.backend.remote.gcs.gcpCredentialsSecret.name is required",
            ]),
        ),
        (
            [
                &given[..],
                &[
                    "scheduler.ingress.enabled=true",
                    "moduleRepository.ingress.enabled=true",
                    "runner.ingress.enabled=true",
                ],
            ]
            .concat(),
            ["moduleRepository", "runner", "scheduler"].map(|part| format!("{part}.ingress.host is required")).into(),
        ),
        (
            [&given[..], &["moduleRepository.backend.postgres.host=x"]].concat(),
            vec!["moduleRepository.backend: Additional property postgres is not allowed".to_owned()],
        ),
        (
            [&given[..], &["moduleRepository.backend.type=nfs"]].concat(),
            vec!["moduleRepository.backend.type".to_owned()],
        ),
        ([&given[..], &["scheduler.port=x"]].concat(), vec!["scheduler.port: Invalid type".to_owned()]),
    ];
    let home = Home::new();
    let helm = helm();
    let chart = project().join("charts/exadeploy");
    for (settings, said) in cases {
        let mut arguments = vec!["template", "x", chart.to_str().unwrap()];
        arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        let ours = home.run(arguments.iter().copied());
        assert!(!ours.status.success(), "{settings:?}: {ours}");
        for line in &said {
            assert!(ours.stderr.contains(line), "{settings:?}: no {line:?}: {ours}");
        }
        if let Ok(helm) = &helm {
            let (fine, _, theirs) = home.helm(helm, &arguments);
            // Without helm's last words, and without the place that evenkeel adds.
            let theirs = theirs.split("\n\nUse --debug").next().unwrap().trim_end();
            assert!(!fine && ours.stderr.starts_with(theirs), "{settings:?}: helm says {theirs:?}: {ours}");
            assert!(theirs.starts_with("Error: "), "{theirs}");
        }
    }
    require!(helm);
}

/// What a Service asks the clouds for by default: a load balancer that is not public.
const INTERNAL: &str = r#"{"cloud.google.com/load-balancer-type":"Internal","service.beta.kubernetes.io/aws-load-balancer-internal":"true","service.beta.kubernetes.io/azure-load-balancer-internal":"true"}"#;
const GRPC: &str = r#"{"nginx.ingress.kubernetes.io/backend-protocol":"GRPC"}"#;

/// The values that ExaDeploy documents: key, type and default.
const VALUES: [(&str, &str, &str); 77] = [
    ("exafunction.annotations", "object", "{}"),
    ("exafunction.apiKeySecret.key", "string", "\"api_key\""),
    ("exafunction.apiKeySecret.name", "string", "nil"),
    ("exafunction.clusterDomain", "string", "\"cluster.local\""),
    ("exafunction.suffix", "string", "\"\""),
    ("moduleRepository.additionalConfig", "string", "\"\""),
    (
        "moduleRepository.backend.local.localMetadataBaseDir",
        "string",
        "\"/tmp/exafunction/module_repository/metadata\"",
    ),
    ("moduleRepository.backend.remote.dataBackend", "string", "\"s3\""),
    ("moduleRepository.backend.remote.gcs.bucket", "string", "nil"),
    (
        "moduleRepository.backend.remote.gcs.gcpCredentialsSecret.gcpCredentialsJsonKey",
        "string",
        "\"gcp-credentials.json\"",
    ),
    ("moduleRepository.backend.remote.gcs.gcpCredentialsSecret.name", "string", "nil"),
    ("moduleRepository.backend.remote.postgres.database", "string", "nil"),
    ("moduleRepository.backend.remote.postgres.host", "string", "nil"),
    ("moduleRepository.backend.remote.postgres.passwordSecret.key", "string", "\"postgres_password\""),
    ("moduleRepository.backend.remote.postgres.passwordSecret.name", "string", "nil"),
    ("moduleRepository.backend.remote.postgres.port", "string", "nil"),
    ("moduleRepository.backend.remote.postgres.sslCertificateName", "string", "nil"),
    ("moduleRepository.backend.remote.postgres.sslConfigMapName", "string", "nil"),
    ("moduleRepository.backend.remote.postgres.user", "string", "nil"),
    ("moduleRepository.backend.remote.s3.awsAccessKeySecret.accessKeyIdKey", "string", "\"access_key\""),
    ("moduleRepository.backend.remote.s3.awsAccessKeySecret.name", "string", "nil"),
    ("moduleRepository.backend.remote.s3.awsAccessKeySecret.secretAccessKeyKey", "string", "\"secret_key\""),
    ("moduleRepository.backend.remote.s3.bucket", "string", "nil"),
    ("moduleRepository.backend.remote.s3.region", "string", "nil"),
    ("moduleRepository.backend.type", "string", "\"local\""),
    ("moduleRepository.image", "string", "nil"),
    ("moduleRepository.ingress.annotations", "object", GRPC),
    ("moduleRepository.ingress.className", "string", "\"nginx\""),
    ("moduleRepository.ingress.enabled", "bool", "false"),
    ("moduleRepository.ingress.host", "string", "nil"),
    ("moduleRepository.nodeSelector", "object", "{}"),
    ("moduleRepository.port", "int", "50051"),
    ("moduleRepository.service.annotations", "object", INTERNAL),
    ("moduleRepository.service.type", "string", "\"LoadBalancer\""),
    ("moduleRepository.serviceAccountName", "string", "nil"),
    ("moduleRepository.tolerations", "list", "[]"),
    ("prometheus.port", "int", "2112"),
    ("rbac.create", "bool", "true"),
    ("runner.additionalConfig", "string", "\"\""),
    ("runner.cpuLimit", "string", "nil"),
    ("runner.cpuOnly", "bool", "false"),
    ("runner.createHeadlessService", "bool", "false"),
    ("runner.image", "string", "nil"),
    ("runner.ingress.enabled", "bool", "false"),
    ("runner.ingress.host", "string", "nil"),
    ("runner.memoryLimit", "string", "nil"),
    ("runner.nodeSelector", "object", "{}"),
    ("runner.port", "int", "50100"),
    ("runner.serializeAll", "bool", "false"),
    ("runner.serviceAccountName", "string", "nil"),
    ("runner.tolerations", "list", "[]"),
    ("runner.useLoadBalancerServiceIp", "bool", "false"),
    ("runner.valueStorePort", "int", "50101"),
    ("runner.valueStoreThreads", "int", "4"),
    ("scheduler.additionalConfig", "string", "\"\""),
    ("scheduler.cpuLimit", "string", "\"2.5\""),
    ("scheduler.disableClientsKillingRunners", "bool", "false"),
    ("scheduler.extraEnvs", "list", "[]"),
    ("scheduler.image", "string", "nil"),
    ("scheduler.ingress.annotations", "object", GRPC),
    ("scheduler.ingress.className", "string", "\"nginx\""),
    ("scheduler.ingress.enabled", "bool", "false"),
    ("scheduler.ingress.host", "string", "nil"),
    ("scheduler.maxRunners", "string", "nil"),
    ("scheduler.minRunners", "string", "nil"),
    ("scheduler.nodeSelector", "object", "{}"),
    ("scheduler.placementGroupDeletionLagSeconds", "int", "5"),
    ("scheduler.port", "int", "50050"),
    ("scheduler.runnerCreationTimeoutSeconds", "int", "600"),
    ("scheduler.runnerDeletionLagSeconds", "int", "5"),
    ("scheduler.service.annotations", "object", INTERNAL),
    ("scheduler.service.type", "string", "\"LoadBalancer\""),
    ("scheduler.serviceAccountName", "string", "nil"),
    ("scheduler.tolerations", "list", "[]"),
    ("serviceAccount.annotations", "object", "{}"),
    ("serviceAccount.create", "bool", "true"),
    ("serviceAccount.name", "string", "nil"),
];

#[test]
fn every_documented_value_is_there_with_its_type_and_default() {
    let text = std::fs::read_to_string(project().join("charts/exadeploy/values.yaml")).unwrap();
    let rows = evenkeel::values::table::rows("values.yaml", &text).unwrap_or_else(|e| panic!("{e:?}"));
    let ours: Vec<(&str, &str, &str)> = rows.iter().map(|r| (&*r.key, &*r.kind, &*r.default)).collect();
    let mut missing: Vec<_> = VALUES.iter().filter(|value| !ours.contains(value)).collect();
    let mut added: Vec<_> = ours.iter().filter(|row| !VALUES.contains(row)).collect();
    missing.sort();
    added.sort();
    assert!(missing.is_empty() && added.is_empty(), "documented: {missing:#?}\nin the chart: {added:#?}");
    assert!(rows.iter().all(|row| !row.description.is_empty()));
}
