//! Everything that is no workload.

use serde_json::Value;

use super::{Health, Status};

/// A claim is current when it is bound. With a class that binds at the first consumer it waits for a pod, which is no fault:
/// nothing of the release would ever create that pod if the release waited for the claim.
pub(super) fn claim(status: &Status<'_>) -> Health {
    match status.text("/status/phase") {
        "Bound" => Health::Current,
        "Lost" => Health::Failed("its volume is lost".to_owned()),
        _ => Health::waiting("the claim is not bound to a volume"),
    }
}

/// A Service of type `LoadBalancer` is current when it has an address, its own or the balancer's; every other one at once.
pub(super) fn service(status: &Status<'_>) -> Health {
    let addresses = status.at("/status/loadBalancer/ingress").and_then(Value::as_array);
    let own = status.at("/spec/externalIPs").and_then(Value::as_array).is_some_and(|ips| !ips.is_empty());
    if status.text("/spec/type") == "LoadBalancer" && addresses.is_none_or(Vec::is_empty) && !own {
        return Health::waiting("the load balancer has no address");
    }
    Health::Current
}

/// A volume that could not be reclaimed or provisioned says so.
pub(super) fn volume(status: &Status<'_>) -> Health {
    match status.text("/status/phase") {
        "Failed" => Health::Failed(format!("the volume failed: {}", status.text("/status/message"))),
        "Pending" => Health::waiting("the volume is not available yet"),
        _ => Health::Current,
    }
}

pub(super) fn namespace(status: &Status<'_>) -> Health {
    if status.text("/status/phase") == "Terminating" {
        return Health::waiting("it is being deleted");
    }
    Health::Current
}

/// A CRD is current when its names are accepted and it is served.
pub(super) fn definition(status: &Status<'_>) -> Health {
    if let Some(names) = status.condition("NamesAccepted")
        && names.is("False")
    {
        return Health::Failed(format!("its names are not accepted: {}", names.says()));
    }
    match status.condition("Established") {
        Some(established) if established.is("True") => Health::Current,
        Some(established) if established.is("False") && established.reason != "Installing" => {
            Health::Failed(format!("not established: {}", established.says()))
        }
        Some(established) => Health::waiting(format!("not established: {}", established.says())),
        None => Health::waiting("not established yet"),
    }
}

pub(super) fn api_service(status: &Status<'_>) -> Health {
    match status.condition("Available") {
        Some(available) if available.is("True") => Health::Current,
        Some(available) => Health::waiting(format!("not available: {}", available.says())),
        None => Health::waiting("not available yet"),
    }
}

/// An autoscaler is current when it can scale. That it has no metrics yet is no fault of the release.
pub(super) fn autoscaler(status: &Status<'_>) -> Health {
    match status.condition("AbleToScale") {
        Some(able) if able.is("False") => Health::waiting(format!("it cannot scale: {}", able.says())),
        _ => Health::Current,
    }
}

/// A request that was denied, or that its signer failed, is answered for good.
pub(super) fn signing_request(status: &Status<'_>) -> Health {
    for (kind, word) in [("Denied", "denied"), ("Failed", "not signed")] {
        if let Some(refused) = status.condition(kind)
            && refused.is("True")
        {
            return Health::Failed(format!("the request was {word}: {}", refused.says()));
        }
    }
    Health::Current
}

/// Any other kind, custom ones included: `Ready` decides, where there is one. What holds for all kinds was asked before. A kind
/// without a status is current as soon as it exists.
pub(super) fn by_ready(status: &Status<'_>) -> Health {
    match status.condition("Ready") {
        Some(ready) if ready.is("False") || ready.is("Unknown") => {
            Health::waiting(if ready.says().is_empty() { "not ready" } else { ready.says() })
        }
        _ => Health::Current,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Health, health};
    use crate::manifest::Object;
    use serde_json::{Value, json};

    fn of(version: &str, kind: &str, spec: Value, status: Value) -> Health {
        let object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "a", "generation": 2},
            "spec": spec, "status": status});
        health(&Object::new(object).unwrap())
    }

    #[test]
    fn plain_kinds() {
        assert!(of("v1", "ConfigMap", Value::Null, Value::Null).is_current());
        assert!(of("v1", "PersistentVolumeClaim", json!({}), json!({"phase": "Bound"})).is_current());
        assert!(!of("v1", "PersistentVolumeClaim", json!({}), json!({"phase": "Pending"})).is_current());
        assert!(of("v1", "Service", json!({"type": "ClusterIP"}), json!({"loadBalancer": {}})).is_current());
        assert!(!of("v1", "Service", json!({"type": "LoadBalancer"}), json!({"loadBalancer": {}})).is_current());
        let crd = |conditions: Value| {
            of("apiextensions.k8s.io/v1", "CustomResourceDefinition", json!({}), json!({"conditions": conditions}))
        };
        assert!(crd(json!([{"type": "Established", "status": "True"}])).is_current());
        assert_eq!(crd(json!([])).reason(), "not established yet");
        assert!(matches!(
            crd(json!([{"type": "NamesAccepted", "status": "False", "message": "taken"}])),
            Health::Failed(_)
        ));
    }

    #[test]
    fn custom_kinds_follow_the_conventions() {
        let custom = |status: Value| of("x.io/v1", "Database", json!({}), status);
        assert!(custom(Value::Null).is_current());
        assert_eq!(custom(json!({"observedGeneration": 1})).reason(), "its controller has seen generation 1 of 2");
        assert_eq!(
            custom(json!({"conditions": [{"type": "Ready", "status": "False", "message": "no disk"}]})),
            Health::InProgress("no disk".into())
        );
        assert_eq!(
            custom(json!({"conditions": [{"type": "Stalled", "status": "True", "reason": "BadSpec"}]})),
            Health::Failed("stalled: BadSpec".into())
        );
        assert!(
            custom(json!({"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "True"}]})).is_current()
        );
    }
}
