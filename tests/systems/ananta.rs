//! Ananta: fifteen services, in the order of their groups.

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ListParams};

use super::story::{Change, OnDrift, OnFailure, Story};
use super::support::{client, evenkeel, repository};
use crate::harness::Sandbox;

/// Production corrects, and goes back by itself.
const PRODUCTION: Story = Story {
    environment: "ananta-prod",
    order: &["temporal-frontend", "tenant-management-service", "cns-service"],
    release: "cns-service",
    deployment: "cns-service",
    upgrade: Change { file: "environments/ananta-base/cns-service/values.yaml", from: "v1.0.0", to: "v1.0.1" },
    touched: &["deployments.apps/cns-service"],
    bad: Change {
        file: "environments/ananta-prod/cns-service/values.yaml",
        from: "",
        to: "image:\n  tag: does-not-exist",
    },
    autoscaled: Some(("cns-service", 5)),
    config: ("cns-service-config", "LOG_LEVEL"),
    on_drift: OnDrift::Correct,
    on_failure: OnFailure::Rollback,
    claims: &["supabase-db-data"],
};

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_deploy_to_the_end_on_the_real_api_server() {
    PRODUCTION.on_the_real_api_server().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_deploy_to_the_end_on_the_sandbox() {
    PRODUCTION.on_the_sandbox().await;
}

/// The platform is installed a group at a time, or one service of it: what is not named is left alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_or_a_service_by_itself() {
    let sandbox = Sandbox::start();
    let kubeconfig = sandbox.kubeconfig();
    super::operators::install(&kubeconfig).await;
    let repository = repository();
    let deployments: Api<Deployment> = Api::namespaced(client(&kubeconfig).await, "ananta-dev");
    let there = || async {
        let all = deployments.list(&ListParams::default()).await.unwrap().items;
        all.into_iter().filter_map(|d| d.metadata.name).collect::<Vec<String>>()
    };
    let apply = |arguments: &[&str]| {
        evenkeel(&[&["apply"], arguments].concat(), &repository, &kubeconfig).expect_code(0);
    };
    apply(&["ananta-dev", "--group", "secrets", "--group", "infrastructure"]);
    let infrastructure = there().await;
    assert!(infrastructure.iter().all(|name| ["temporal", "novu", "supabase"].iter().any(|of| name.starts_with(of))));
    assert!(infrastructure.contains(&"temporal-frontend".to_owned()), "{infrastructure:?}");

    apply(&["ananta-dev", "--group", "control-plane"]);
    let mut control_plane = there().await;
    control_plane.retain(|name| !infrastructure.contains(name));
    let services = [
        "admin-app",
        "orchestrator-service",
        "subscription-service",
        "temporal-worker-service",
        "tenant-management-service",
    ];
    assert_eq!(control_plane, services);

    apply(&["ananta-dev/cns-service"]);
    let mut one = there().await;
    one.retain(|name| !infrastructure.contains(name) && !control_plane.contains(name));
    assert_eq!(one, ["cns-service"]);
}
