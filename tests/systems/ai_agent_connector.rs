//! AI Agent Connector: one service with all that keeps it available.

use super::story::{Change, OnDrift, OnFailure, Story};

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
