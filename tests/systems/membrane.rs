//! Membrane: six components, of which KEDA scales four.

use super::story::{Change, OnDrift, OnFailure, Story};

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
