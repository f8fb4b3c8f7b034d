//! Why objects are not ready, as a person would find out: the pods behind a workload with what their containers wait for, and
//! the warnings that were recorded of any of them. Asked for only when a wait was in vain; nothing here is asked for what is
//! well.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::connect::Cluster;
use super::error::ClusterError;
use super::read::typed;
use super::wait::NotReady;
use super::wire::JSON;
use crate::health::pod_troubles;
use crate::manifest::{Gvk, Object, ObjectId};

/// How long the search may take; what was found by then is told.
const SEARCH: Duration = Duration::from_secs(10);
/// Objects that are searched for (limit: the first of those that are not ready).
const OBJECTS: usize = 10;
/// What is told of one object.
const TOLD: usize = 4;
/// Pages of warnings that are read of a namespace.
const PAGES: usize = 4;
/// The longest text that is told, in characters.
const LONGEST: usize = 500;
/// Warnings that say what the containers say already.
const SAID_ALREADY: [&str; 3] = ["BackOff", "FailedScheduling", "Failed"];

/// Something that stands in the way of an object. The text is the cluster's own and may hold secrets: mask it before it is
/// shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What has it: the object, or a pod or replica set behind it.
    pub about: ObjectId,
    /// What it says.
    pub what: String,
    /// When it was heard of last, RFC 3339; empty when that is not known.
    pub time: String,
}

impl Trouble {
    /// For people.
    #[must_use]
    pub fn display(&self) -> String {
        format!("{}: {}", self.about.display(), self.what)
    }
}

/// A warning of a namespace.
struct Warning {
    uid: String,
    about: ObjectId,
    reason: String,
    message: String,
    time: String,
}

impl Cluster {
    /// What stands in the way of objects that are not ready, the most telling first. Whatever cannot be asked is left out: the
    /// reason that is known already stays. A few requests for each object, and one for the warnings of each namespace.
    pub async fn troubles(&self, objects: &[NotReady]) -> BTreeMap<ObjectId, Vec<Trouble>> {
        let mut found = BTreeMap::new();
        let mut warnings: BTreeMap<String, Vec<Warning>> = BTreeMap::new();
        let search = async {
            for object in objects.iter().take(OBJECTS) {
                match self.troubles_of(object, &mut warnings).await {
                    Ok(troubles) if troubles.is_empty() => {}
                    Ok(troubles) => {
                        found.insert(object.id.clone(), troubles);
                    }
                    Err(error) => {
                        tracing::debug!(object = %object.id.display(), %error, "why it is not ready cannot be asked");
                    }
                }
            }
        };
        let _ = tokio::time::timeout(SEARCH, search).await;
        found
    }

    async fn troubles_of(
        &self,
        object: &NotReady,
        warnings: &mut BTreeMap<String, Vec<Warning>>,
    ) -> Result<Vec<Trouble>, ClusterError> {
        let Some(live) = self.get(&object.id, &object.version).await? else { return Ok(Vec::new()) };
        let namespace = live.namespace().to_owned();
        // The object, and everything behind it, by UID.
        let mut family: BTreeMap<String, ObjectId> = BTreeMap::from([(live.uid().to_owned(), live.id())]);
        let mut troubles = Vec::new();
        let mut unbound = false;
        if live.kind() != "Pod"
            && let Some(selector) = selector(&live)
        {
            if live.kind() == "Deployment" {
                let sets = self.owned("apps/v1", "ReplicaSet", &namespace, &selector, &family).await?;
                family.extend(newest(&sets).map(|set| (set.uid().to_owned(), set.id())));
            }
            let pods = self.owned("v1", "Pod", &namespace, &selector, &family).await?;
            let mut told: BTreeSet<String> = BTreeSet::new();
            for pod in &pods {
                family.insert(pod.uid().to_owned(), pod.id());
                for what in pod_troubles(pod) {
                    unbound |= what.contains("PersistentVolumeClaim");
                    // Of pods that say the same, one is enough.
                    if told.insert(what.clone()) {
                        troubles.push(Trouble { about: pod.id(), what: cut(&what), time: String::new() });
                    }
                }
            }
        }
        if !warnings.contains_key(&namespace) {
            let found = self.warnings(&namespace, unbound).await?;
            warnings.insert(namespace.clone(), found);
        }
        let waits = |reason: &str| SAID_ALREADY.contains(&reason) && !troubles.is_empty();
        let of_family = warnings.get(&namespace).into_iter().flatten().filter(|w| {
            let claim = unbound && w.about.kind == "PersistentVolumeClaim";
            (family.contains_key(&w.uid) || claim) && !waits(&w.reason)
        });
        let mut new: Vec<&Warning> = of_family.collect();
        new.sort_by(|a, b| b.time.cmp(&a.time));
        // Of what is said again and again (in the name of another pod), the last is enough.
        let mut told: BTreeSet<(&ObjectId, &str)> = BTreeSet::new();
        let events: Vec<Trouble> = new
            .into_iter()
            .filter(|w| told.insert((&w.about, &w.reason)))
            .map(|w| Trouble {
                about: w.about.clone(),
                what: cut(&format!("{}: {}", w.reason, w.message)),
                time: w.time.clone(),
            })
            .collect();
        // Half of what is told is the warnings', when there are so many of both.
        let own = troubles.len().min(TOLD.saturating_sub(events.len().min(TOLD / 2)));
        troubles.truncate(own);
        troubles.extend(events.into_iter().take(TOLD - own));
        Ok(troubles)
    }

    /// Objects of a kind by label selector that somebody of the family controls.
    async fn owned(
        &self,
        version: &str,
        kind: &str,
        namespace: &str,
        selector: &str,
        family: &BTreeMap<String, ObjectId>,
    ) -> Result<Vec<Object>, ClusterError> {
        let resource = self.resource(&Gvk::new(version, kind)).await?;
        let page = self.page(&resource.collection(namespace), selector, "", JSON, "").await?;
        let mut found = Vec::new();
        for item in page.items {
            let object = typed(item, &resource)?;
            let owners = object.value().pointer("/metadata/ownerReferences").and_then(Value::as_array);
            let uid = |owner: &Value| owner.get("uid").and_then(Value::as_str).unwrap_or_default().to_owned();
            if owners.into_iter().flatten().any(|owner| family.contains_key(&uid(owner))) {
                found.push(object);
            }
        }
        Ok(found)
    }

    /// The warnings of a namespace; with `claims`, also what is said of claims that wait for a volume, which is no warning.
    async fn warnings(&self, namespace: &str, claims: bool) -> Result<Vec<Warning>, ClusterError> {
        let resource = self.resource(&Gvk::new("v1", "Event")).await?;
        // Of what has no namespace, the events are in the default one.
        let place = if namespace.is_empty() { "default" } else { namespace };
        let mut found = Vec::new();
        let mut selectors = vec!["type=Warning"];
        if claims {
            selectors.push("involvedObject.kind=PersistentVolumeClaim,type=Normal");
        }
        for fields in selectors {
            let mut next = String::new();
            for _ in 0..PAGES {
                let page = self.page(&resource.collection(place), "", fields, JSON, &next).await?;
                found.extend(page.items.iter().filter_map(warning));
                if page.next.is_empty() {
                    break;
                }
                next = page.next;
            }
        }
        Ok(found)
    }
}

fn warning(event: &Value) -> Option<Warning> {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let version = text("/involvedObject/apiVersion");
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    let times = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    let involved = |key: &str| text(&format!("/involvedObject/{key}"));
    let about = ObjectId::new(group, involved("kind"), involved("namespace"), involved("name"));
    let settled = matches!(text("/reason"), "ProvisioningSucceeded" | "Provisioning" | "ExternalProvisioning");
    (!about.kind.is_empty() && !settled).then(|| Warning {
        uid: text("/involvedObject/uid").to_owned(),
        about,
        reason: text("/reason").to_owned(),
        message: text("/message").to_owned(),
        time: times.into_iter().map(text).find(|t| !t.is_empty()).unwrap_or_default().to_owned(),
    })
}

/// The pods that a workload selects, as the API takes it; `None` for what selects none.
fn selector(workload: &Object) -> Option<String> {
    let selector = workload.value().pointer("/spec/selector")?;
    // A ReplicationController's is the labels themselves.
    let labels =
        selector.get("matchLabels").or(if workload.kind() == "ReplicationController" { Some(selector) } else { None });
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    let mut parts: Vec<String> = labels.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    for rule in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
        let key = rule.get("key").and_then(Value::as_str)?;
        let values: Vec<&str> =
            rule.get("values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        parts.push(match rule.get("operator").and_then(Value::as_str)? {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

/// The replica set of the newest rollout.
fn newest(sets: &[Object]) -> Option<&Object> {
    let revision = |set: &&Object| {
        let text = set.annotation("deployment.kubernetes.io/revision").unwrap_or_default();
        text.parse::<u64>().unwrap_or_default()
    };
    sets.iter().max_by_key(revision)
}

/// A text on one line, and not without end.
fn cut(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_are_as_the_api_takes_them() {
        let of = |kind: &str, selector: Value| {
            let object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "a"}, "spec": {"selector": selector}});
            super::selector(&Object::new(object).unwrap())
        };
        let rules = json!({"matchLabels": {"app": "a"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["x", "y"]}, {"key": "old", "operator": "DoesNotExist"}]});
        assert_eq!(of("Deployment", rules).unwrap(), "app=a,tier in (x,y),!old");
        assert_eq!(of("ReplicationController", json!({"app": "a"})).unwrap(), "app=a");
        assert_eq!(of("Service", json!({"app": "a"})), None, "a service's pods are not its own");
        assert_eq!(of("Deployment", json!({})), None, "everything is nobody's");
    }

    #[test]
    fn texts_are_one_line_and_end() {
        assert_eq!(cut("a\n  b"), "a b");
        assert_eq!(cut(&"é".repeat(1000)).chars().count(), LONGEST + 1);
    }
}
