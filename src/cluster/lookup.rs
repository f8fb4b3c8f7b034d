//! Reading objects as a template's `lookup` sees them: by type and name, as the server wrote them.

use serde_json::Value;

use super::connect::Cluster;
use super::error::ClusterError;
use super::requests::Verb;
use super::wire::Call;
use crate::manifest::Gvk;

impl Cluster {
    /// One object, or with an empty `name` the list of all (in one namespace unless that is empty); `None` when it is not there or
    /// its version serves no such kind. The items of a list bear their type, as Go's clients give it to them.
    ///
    /// # Errors
    /// When the server serves nothing in that version, with Go's words, or cannot be asked.
    pub async fn lookup(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, String> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let gvk = Gvk { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() };
        let kinds = self.kinds().await.map_err(|error| error.to_string())?;
        let Some(resource) = kinds.resource(&gvk) else {
            if kinds.iter().any(|served| served.gvk.group == gvk.group && served.gvk.version == gvk.version) {
                return Ok(None);
            }
            return Err(format!(
                "unable to get apiresource from unstructured: {api_version}, Kind={kind}: the server could not find the requested resource"
            ));
        };
        let path = if name.is_empty() { resource.collection(namespace) } else { resource.path(namespace, name) };
        let verb = if name.is_empty() { Verb::List } else { Verb::Get };
        match self.read(Call::get(verb, path)).await {
            Ok(mut found) => {
                let items = found.get_mut("items").and_then(Value::as_array_mut);
                for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
                    item.entry("apiVersion").or_insert_with(|| api_version.into());
                    item.entry("kind").or_insert_with(|| kind.into());
                }
                Ok(Some(found))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(ClusterError::Refused(refusal)) => Err(refusal.message.clone()),
            Err(error) => Err(error.to_string()),
        }
    }
}
