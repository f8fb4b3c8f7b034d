//! Ananta: fifteen services, in the order of their groups.

use super::story::{Change, OnDrift, OnFailure, Story};

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
