//! The approval of a plan, written and taken away.

use http::Method;
use serde_json::{Value, json};

use super::error::ApplyError;
use super::record::{ensure_namespace, post};
use crate::cluster::wire::Call;
use crate::cluster::{APPROVAL_KEY, Approval, Cluster, ClusterError, LABEL_APPROVAL, Verb, approval_name};
use crate::manifest::{FIELD_MANAGER, Gvk};

/// Stores an approval over the version that was read (`None`: there was none). One request; the system namespace is created when
/// it is missing.
///
/// # Errors
/// What the server says; a conflict when somebody else stored one in the meantime.
pub async fn record_approval(
    cluster: &Cluster,
    environment: &str,
    approval: &Approval,
    read: Option<&str>,
) -> Result<(), ApplyError> {
    let resource = cluster.resource(&Gvk::new("v1", "ConfigMap")).await?;
    let (namespace, name) = (cluster.system_namespace(), approval_name(environment));
    let content = serde_json::to_string(approval)
        .map_err(|e| ClusterError::Answer { request: "the approval".to_owned(), reason: e.to_string() })?;
    let mut object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {LABEL_APPROVAL: environment}},
        "data": {APPROVAL_KEY: content},
    });
    if let Some(version) = read {
        object["metadata"]["resourceVersion"] = Value::from(version);
        let mut call = Call::get(Verb::Update, resource.path(namespace, &name)).query("fieldManager", FIELD_MANAGER);
        call.method = Method::PUT;
        call.body = object.to_string().into_bytes();
        cluster.write(call).await?;
        return Ok(());
    }
    let call = post(resource.collection(namespace), &object);
    match cluster.write(call.clone()).await {
        Err(error) if error.is_not_found() => {
            ensure_namespace(cluster, namespace, "evenkeel").await?;
            cluster.write(call).await?;
            Ok(())
        }
        result => Ok(result.map(|_| ())?),
    }
}

/// Takes an approval away that was used. No error when it is gone, or when there is a newer one.
///
/// # Errors
/// What the server says.
pub async fn remove_approval(cluster: &Cluster, environment: &str, read: &str) -> Result<(), ApplyError> {
    let resource = cluster.resource(&Gvk::new("v1", "ConfigMap")).await?;
    let path = resource.path(cluster.system_namespace(), &approval_name(environment));
    let mut call = Call::get(Verb::Delete, path);
    call.method = Method::DELETE;
    let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"resourceVersion": read}});
    call.body = options.to_string().into_bytes();
    match cluster.write(call).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
        Err(error) => Err(error.into()),
    }
}
