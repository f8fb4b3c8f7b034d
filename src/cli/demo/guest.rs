//! Somebody else in the demo's cluster: changes and looks at things over plain HTTP, as a person with kubectl would, and
//! knows nothing of evenkeel.

use reqwest::Client;
use serde_json::{Value, json};

use crate::cli::error::CliError;

/// Where a workload is: resource and name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Workload {
    pub(super) environment: &'static str,
    pub(super) resource: &'static str,
    pub(super) name: &'static str,
}

/// The outsider.
pub(super) struct Guest {
    client: Client,
    url: String,
}

impl Guest {
    pub(super) fn new(url: &str) -> Result<Self, CliError> {
        // Loopback needs no proxy.
        let client = Client::builder().no_proxy().build().map_err(|e| CliError::internal(e.to_string()))?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned() })
    }

    async fn get(&self, path: &str) -> Result<Value, CliError> {
        self.send(self.client.get(format!("{}{path}", self.url))).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, CliError> {
        let failed = |e: reqwest::Error| CliError::internal(format!("the sandbox: {e}"));
        let answer = request.send().await.map_err(failed)?.error_for_status().map_err(failed)?;
        let body = answer.bytes().await.map_err(failed)?;
        serde_json::from_slice(&body).map_err(|e| CliError::internal(format!("the sandbox: {e}")))
    }

    fn path(workload: Workload) -> String {
        format!("/apis/apps/v1/namespaces/{}/{}/{}", workload.environment, workload.resource, workload.name)
    }

    /// What `kubectl scale` does.
    pub(super) async fn scale(&self, workload: Workload, replicas: i64) -> Result<(), CliError> {
        let url = format!("{}{}/scale?fieldManager=kubectl-scale", self.url, Self::path(workload));
        let body = json!({"spec": {"replicas": replicas}}).to_string();
        let patch = self.client.patch(url).header("Content-Type", "application/merge-patch+json").body(body);
        self.send(patch).await.map(drop)
    }

    pub(super) async fn replicas(&self, workload: Workload) -> Result<i64, CliError> {
        let live = self.get(&Self::path(workload)).await?;
        Ok(live.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(-1))
    }

    pub(super) async fn backend_image(&self, environment: &str) -> Result<String, CliError> {
        let live = self.get(&format!("/apis/apps/v1/namespaces/{environment}/deployments/clipper-backend")).await?;
        let image = live.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str);
        Ok(image.unwrap_or_default().to_owned())
    }

    /// The names of a release's objects of a resource.
    pub(super) async fn names(
        &self,
        group: &str,
        environment: &str,
        resource: &str,
        release: &str,
    ) -> Result<Vec<String>, CliError> {
        let path =
            format!("{group}/namespaces/{environment}/{resource}?labelSelector=evenkeel.dev%2Frelease%3D{release}");
        let list = self.get(&path).await?;
        let items = list.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(items.iter().filter_map(|i| Some(i.pointer("/metadata/name")?.as_str()?.to_owned())).collect())
    }
}
