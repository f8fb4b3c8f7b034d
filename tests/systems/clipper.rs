//! Clipper: its data in releases of their own, which stays when everything else goes.

use super::story::{Change, OnDrift, OnFailure, Story};

/// Production corrects, and goes back by itself.
const PRODUCTION: Story = Story {
    environment: "clipper-production",
    order: &["clipper-backend"],
    release: "clipper",
    deployment: "clipper-backend",
    upgrade: Change {
        file: "environments/clipper-production/clipper/values.yaml",
        from: "maxReplicas: 20",
        to: "maxReplicas: 25",
    },
    touched: &["horizontalpodautoscalers.autoscaling/clipper-backend"],
    bad: Change {
        file: "environments/clipper-production/clipper/values.yaml",
        from: "backend:\n  resources",
        to: "backend:\n  image: {tag: does-not-exist}\n  resources",
    },
    autoscaled: Some(("clipper-backend", 5)),
    config: ("clipper-backend-config", "LOG_LEVEL"),
    on_drift: OnDrift::Correct,
    on_failure: OnFailure::Rollback,
    claims: &["postgres-pvc", "redis-pvc"],
};

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_deploy_to_the_end_on_the_real_api_server() {
    PRODUCTION.on_the_real_api_server().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_deploy_to_the_end_on_the_sandbox() {
    PRODUCTION.on_the_sandbox().await;
}
