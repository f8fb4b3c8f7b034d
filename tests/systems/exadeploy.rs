//! ExaDeploy: a scheduler that makes its runners, and a module repository with a local or a remote backend.

use super::story::{Change, OnDrift, OnFailure, Story};

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
