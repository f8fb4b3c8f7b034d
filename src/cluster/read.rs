//! Reading objects: whole, or their metadata alone.

use serde_json::Value;

use super::connect::Cluster;
use super::discovery::Resource;
use super::error::ClusterError;
use super::requests::Verb;
use super::wire::{Call, JSON, METADATA, METADATA_LIST};
use crate::manifest::{Gvk, Object, ObjectId};

/// Objects in one page of a list.
const PAGE: &str = "500";

/// One page of a list.
pub(super) struct Page {
    pub(super) items: Vec<Value>,
    pub(super) resource_version: String,
    /// Where the next page starts; empty on the last one.
    pub(super) next: String,
}

impl Cluster {
    /// The resource of an object that was applied with a version (as `v1`, without the group); with an empty or a vanished
    /// version, in the one that the server prefers.
    ///
    /// # Errors
    /// When the kind is not served.
    pub async fn resource_of(&self, id: &ObjectId, version: &str) -> Result<Resource, ClusterError> {
        let gvk = Gvk { group: id.group.clone(), version: version.to_owned(), kind: id.kind.clone() };
        if let Some(resource) = self.kinds().await?.resource(&gvk) {
            return Ok(resource.clone());
        }
        if let Some(resource) = self.kinds().await?.preferred(&id.group, &id.kind) {
            return Ok(resource.clone());
        }
        let kinds = self.refresh_kinds().await?;
        match kinds.preferred(&id.group, &id.kind) {
            Some(resource) => Ok(resource.clone()),
            None => kinds.require(&gvk).cloned(),
        }
    }

    /// An object; `None` when it does not exist. One request.
    ///
    /// # Errors
    /// When the kind is not served or the server cannot be asked.
    pub async fn get(&self, id: &ObjectId, version: &str) -> Result<Option<Object>, ClusterError> {
        self.get_as(id, version, JSON).await
    }

    /// An object's type and metadata, managed fields included, without spec and status. One request.
    ///
    /// # Errors
    /// When the kind is not served or the server cannot be asked.
    pub async fn get_metadata(&self, id: &ObjectId, version: &str) -> Result<Option<Object>, ClusterError> {
        self.get_as(id, version, METADATA).await
    }

    async fn get_as(&self, id: &ObjectId, version: &str, accept: &'static str) -> Result<Option<Object>, ClusterError> {
        // What is known of the kinds may be of before: an object is not gone because its version is.
        for last in [false, true] {
            let resource = self.resource_of(id, version).await?;
            let call = Call::get(Verb::Get, resource.path(&id.namespace, &id.name)).accept(accept);
            match self.read(call).await {
                Ok(value) => return Ok(Some(typed(value, &resource)?)),
                Err(error) if error.is_unserved() => {
                    if last {
                        return Err(error);
                    }
                    self.refresh_kinds().await?;
                }
                Err(error) if error.is_not_found() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        unreachable!("the second round returns")
    }

    /// The metadata of every object of a kind, in all namespaces when `namespace` is empty, by label selector. One request for
    /// each 500 objects.
    ///
    /// # Errors
    /// When the kind is not served any more or the server cannot be asked.
    pub async fn list_metadata(
        &self,
        resource: &Resource,
        namespace: &str,
        selector: &str,
    ) -> Result<Vec<Object>, ClusterError> {
        self.list_all(resource, namespace, selector, METADATA_LIST).await
    }

    /// Every object of a kind, whole.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn list(
        &self,
        resource: &Resource,
        namespace: &str,
        selector: &str,
    ) -> Result<Vec<Object>, ClusterError> {
        self.list_all(resource, namespace, selector, JSON).await
    }

    async fn list_all(
        &self,
        resource: &Resource,
        namespace: &str,
        selector: &str,
        accept: &'static str,
    ) -> Result<Vec<Object>, ClusterError> {
        let mut resource = resource.clone();
        for last in [false, true] {
            match self.list_once(&resource, namespace, selector, accept).await {
                // A list that takes longer than the server keeps its snapshot starts again, once.
                Err(error) if error.is_expired() && !last => {}
                // The kind went with its definition, or is served in another version by now.
                Err(error) if error.is_unserved() && !last => {
                    let kinds = self.refresh_kinds().await?;
                    let Gvk { group, kind, .. } = &resource.gvk;
                    let served = kinds.resource(&resource.gvk).or_else(|| kinds.preferred(group, kind));
                    resource = served.map_or_else(|| kinds.require(&resource.gvk), Ok)?.clone();
                }
                result => return result,
            }
        }
        unreachable!("the second round returns")
    }

    async fn list_once(
        &self,
        resource: &Resource,
        namespace: &str,
        selector: &str,
        accept: &'static str,
    ) -> Result<Vec<Object>, ClusterError> {
        let mut objects = Vec::new();
        let mut next = String::new();
        loop {
            let page = self.page(&resource.collection(namespace), selector, "", accept, &next).await?;
            for item in page.items {
                objects.push(typed(item, resource)?);
            }
            if page.next.is_empty() {
                return Ok(objects);
            }
            next = page.next;
        }
    }

    /// One page.
    pub(super) async fn page(
        &self,
        collection: &str,
        labels: &str,
        fields: &str,
        accept: &'static str,
        next: &str,
    ) -> Result<Page, ClusterError> {
        let call = Call::get(Verb::List, collection)
            .accept(accept)
            .query("limit", PAGE)
            .query_if("labelSelector", labels)
            .query_if("fieldSelector", fields)
            .query_if("continue", next);
        let mut answer = self.read(call).await?;
        let meta = |key: &str| {
            answer.pointer("/metadata").and_then(|m| m.get(key)).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let (resource_version, next) = (meta("resourceVersion"), meta("continue"));
        let items = match answer.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        Ok(Page { items, resource_version, next })
    }
}

/// An object with its type: items of lists come without it, and metadata comes as `PartialObjectMetadata`.
pub(crate) fn typed(mut value: Value, resource: &Resource) -> Result<Object, ClusterError> {
    if let Value::Object(map) = &mut value {
        map.insert("apiVersion".to_owned(), Value::from(resource.gvk.api_version()));
        map.insert("kind".to_owned(), Value::from(resource.gvk.kind.clone()));
    }
    Object::new(value)
        .map_err(|e| ClusterError::Answer { request: format!("{} objects", resource.gvk), reason: e.to_string() })
}
