//! The defaults that kube-apiserver gives to the kinds that charts use, as in its `pkg/apis/*/v1/defaults.go`.
//!
//! Defaulted: pod specs (and templates everywhere), Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob, Service
//! (with a cluster IP), PersistentVolumeClaim, PersistentVolume, Namespace, Secret, Role and ClusterRole bindings,
//! NetworkPolicy, HorizontalPodAutoscaler, StorageClass, IngressClass, PriorityClass, CustomResourceDefinition. Not defaulted:
//! every other kind, what admission plugins add (service account token volumes, tolerations, limit ranges, priorities), and
//! node ports.

use serde_json::{Map, Value, json};

/// Sets `key` where it is missing.
fn default(object: &mut Value, key: &str, value: impl Into<Value>) {
    if object.is_null() {
        *object = json!({});
    }
    if let Value::Object(map) = object
        && !map.contains_key(key)
    {
        map.insert(key.to_owned(), value.into());
    }
}

fn each(object: &mut Value, key: &str, mut change: impl FnMut(&mut Value)) {
    if let Some(list) = object.get_mut(key).and_then(Value::as_array_mut) {
        list.iter_mut().filter(|item| item.is_object()).for_each(&mut change);
    }
}

/// Runs `change` on a field that is there.
fn on(object: &mut Value, key: &str, change: impl FnOnce(&mut Value)) {
    if let Some(inner) = object.get_mut(key).filter(|v| v.is_object()) {
        change(inner);
    }
}

/// What the server sets by itself after decoding, in an object kept in `table`: nobody owns it. `live` is the version before.
pub(super) fn prepare(table: &str, object: &mut Value, live: Option<&Value>) {
    match (table, live) {
        ("pods", None) => {
            object["status"] = json!({"phase": "Pending", "qosClass": qos(&object["spec"])});
            on(object, "spec", |spec| {
                default(spec, "preemptionPolicy", "PreemptLowerPriority");
                default(spec, "priority", 0);
                default(spec, "serviceAccountName", "default");
                let account = spec["serviceAccountName"].clone();
                default(spec, "serviceAccount", account);
            });
        }
        ("jobs.batch", None) => {
            job_selector(object);
            object["status"] = json!({});
        }
        ("persistentvolumeclaims", None) => {
            object["status"] = json!({"phase": "Pending"});
            on(object, "spec", |spec| default(spec, "storageClassName", "standard"));
            protect(object, "kubernetes.io/pvc-protection");
        }
        ("persistentvolumes", None) => {
            object["status"] = json!({"phase": "Pending"});
            protect(object, "kubernetes.io/pv-protection");
        }
        ("namespaces", None) => {
            object["spec"] = json!({"finalizers": ["kubernetes"]});
            object["status"] = json!({"phase": "Active"});
        }
        ("namespaces", Some(live)) => {
            if let Some(spec) = live.get("spec").filter(|_| object.get("spec").is_none()) {
                object["spec"] = spec.clone();
            }
        }
        ("services", _) => {
            default(object, "status", json!({"loadBalancer": {}}));
            on(object, "spec", |spec| {
                if spec["type"] != "ExternalName" {
                    default(spec, "ipFamilyPolicy", "SingleStack");
                    default(spec, "ipFamilies", json!(["IPv4"]));
                }
            });
        }
        ("customresourcedefinitions.apiextensions.k8s.io", None) => {
            let versions = object["spec"]["versions"].as_array().into_iter().flatten();
            let stored: Vec<Value> = versions.filter(|v| v["storage"] == true).map(|v| v["name"].clone()).collect();
            object["status"] =
                json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored});
        }
        (_, None) => {
            if let Some(status) = first_status(table) {
                object["status"] = status;
            }
        }
        _ => {}
    }
}

/// The status that a new object of a kind shows before any controller has looked at it.
fn first_status(table: &str) -> Option<Value> {
    Some(match table {
        "deployments.apps" | "cronjobs.batch" | "nodes" | "resourcequotas" => json!({}),
        "replicasets.apps" | "replicationcontrollers" => json!({"replicas": 0}),
        "statefulsets.apps" => json!({"replicas": 0, "availableReplicas": 0}),
        "daemonsets.apps" => json!({
            "currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0,
        }),
        "ingresses.networking.k8s.io" => json!({"loadBalancer": {}}),
        "poddisruptionbudgets.policy" => {
            json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0})
        }
        "horizontalpodautoscalers.autoscaling" => json!({"currentMetrics": null, "desiredReplicas": 0}),
        _ => return None,
    })
}

/// The quality-of-service class of a pod.
fn qos(spec: &Value) -> &'static str {
    let (mut some, mut all) = (false, true);
    for container in ["containers", "initContainers"].iter().flat_map(|l| spec[*l].as_array().into_iter().flatten()) {
        let (requests, limits) = (&container["resources"]["requests"], &container["resources"]["limits"]);
        for name in ["cpu", "memory"] {
            some |= requests.get(name).is_some() || limits.get(name).is_some();
            all &= limits.get(name).is_some() && requests.get(name).is_none_or(|r| Some(r) == limits.get(name));
        }
    }
    match (some, all) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// Fills the defaults of an object kept in `table`.
pub(super) fn fill(table: &str, object: &mut Value) {
    match table {
        "pods" => on(object, "spec", |spec| {
            default(spec, "enableServiceLinks", true);
            pod_spec(spec);
            for list in ["initContainers", "containers"] {
                each(spec, list, request_limits);
            }
        }),
        "podtemplates" => on(object, "template", template),
        "deployments.apps" => on(object, "spec", |spec| {
            default(spec, "replicas", 1);
            default(spec, "revisionHistoryLimit", 10);
            default(spec, "progressDeadlineSeconds", 600);
            default(spec, "strategy", json!({}));
            default(&mut spec["strategy"], "type", "RollingUpdate");
            if spec["strategy"]["type"] == "RollingUpdate" {
                default(&mut spec["strategy"], "rollingUpdate", json!({}));
                default(&mut spec["strategy"]["rollingUpdate"], "maxUnavailable", "25%");
                default(&mut spec["strategy"]["rollingUpdate"], "maxSurge", "25%");
            }
            on(spec, "template", template);
        }),
        "replicasets.apps" | "replicationcontrollers" => on(object, "spec", |spec| {
            default(spec, "replicas", 1);
            on(spec, "template", template);
        }),
        "statefulsets.apps" => on(object, "spec", |spec| {
            default(spec, "replicas", 1);
            default(spec, "revisionHistoryLimit", 10);
            default(spec, "podManagementPolicy", "OrderedReady");
            default(spec, "updateStrategy", json!({}));
            default(&mut spec["updateStrategy"], "type", "RollingUpdate");
            if spec["updateStrategy"]["type"] == "RollingUpdate" {
                default(&mut spec["updateStrategy"], "rollingUpdate", json!({}));
                default(&mut spec["updateStrategy"]["rollingUpdate"], "partition", 0);
            }
            default(spec, "persistentVolumeClaimRetentionPolicy", json!({}));
            default(&mut spec["persistentVolumeClaimRetentionPolicy"], "whenDeleted", "Retain");
            default(&mut spec["persistentVolumeClaimRetentionPolicy"], "whenScaled", "Retain");
            on(spec, "template", template);
            each(spec, "volumeClaimTemplates", |claim| {
                default(claim, "apiVersion", "v1");
                default(claim, "kind", "PersistentVolumeClaim");
                self::claim(claim);
                default(claim, "status", json!({}));
                default(&mut claim["status"], "phase", "Pending");
            });
        }),
        "daemonsets.apps" => on(object, "spec", |spec| {
            default(spec, "revisionHistoryLimit", 10);
            default(spec, "updateStrategy", json!({}));
            default(&mut spec["updateStrategy"], "type", "RollingUpdate");
            if spec["updateStrategy"]["type"] == "RollingUpdate" {
                default(&mut spec["updateStrategy"], "rollingUpdate", json!({}));
                default(&mut spec["updateStrategy"]["rollingUpdate"], "maxUnavailable", 1);
                default(&mut spec["updateStrategy"]["rollingUpdate"], "maxSurge", 0);
            }
            on(spec, "template", template);
        }),
        "jobs.batch" => on(object, "spec", job_spec),
        "cronjobs.batch" => on(object, "spec", |spec| {
            default(spec, "concurrencyPolicy", "Allow");
            default(spec, "suspend", false);
            default(spec, "successfulJobsHistoryLimit", 3);
            default(spec, "failedJobsHistoryLimit", 1);
            on(spec, "jobTemplate", |job| {
                default(job, "metadata", json!({}));
                on(job, "spec", |spec| on(spec, "template", template));
            });
        }),
        "services" => service(object),
        "persistentvolumeclaims" => claim(object),
        "persistentvolumes" => on(object, "spec", |spec| {
            default(spec, "persistentVolumeReclaimPolicy", "Retain");
            default(spec, "volumeMode", "Filesystem");
        }),
        "namespaces" => {
            let name = object["metadata"]["name"].clone();
            let labels = &mut object["metadata"]["labels"];
            if !labels.is_object() {
                *labels = json!({});
            }
            labels["kubernetes.io/metadata.name"] = name;
        }
        "secrets" => secret(object),
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => {
            on(object, "roleRef", |role| default(role, "apiGroup", "rbac.authorization.k8s.io"));
            each(object, "subjects", |subject| {
                if subject["kind"] != "ServiceAccount" {
                    default(subject, "apiGroup", "rbac.authorization.k8s.io");
                }
            });
        }
        "roles.rbac.authorization.k8s.io" | "clusterroles.rbac.authorization.k8s.io" => {
            default(object, "rules", Value::Null);
        }
        "networkpolicies.networking.k8s.io" => on(object, "spec", |spec| {
            let types = if spec["egress"].as_array().is_some_and(|e| !e.is_empty()) {
                json!(["Ingress", "Egress"])
            } else {
                json!(["Ingress"])
            };
            default(spec, "policyTypes", types);
            for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
                let _ = peers;
                each(spec, rules, |rule| each(rule, "ports", |port| default(port, "protocol", "TCP")));
            }
        }),
        "horizontalpodautoscalers.autoscaling" => on(object, "spec", |spec| {
            default(spec, "minReplicas", 1);
            if spec.get("targetCPUUtilizationPercentage").is_none() {
                let target = json!({"type": "Utilization", "averageUtilization": 80});
                default(spec, "metrics", json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]));
            }
        }),
        "storageclasses.storage.k8s.io" => {
            default(object, "reclaimPolicy", "Delete");
            default(object, "volumeBindingMode", "Immediate");
        }
        "ingressclasses.networking.k8s.io" => on(object, "spec", |spec| {
            on(spec, "parameters", |parameters| default(parameters, "scope", "Cluster"));
        }),
        "priorityclasses.scheduling.k8s.io" => default(object, "preemptionPolicy", "PreemptLowerPriority"),
        "customresourcedefinitions.apiextensions.k8s.io" => definition(object),
        _ => {}
    }
}

fn protect(object: &mut Value, finalizer: &str) {
    let finalizers = &mut object["metadata"]["finalizers"];
    match finalizers {
        Value::Array(list) if list.iter().any(|f| f == finalizer) => {}
        Value::Array(list) => list.push(finalizer.into()),
        other => *other = json!([finalizer]),
    }
}

fn template(template: &mut Value) {
    default(template, "metadata", json!({}));
    on(template, "spec", pod_spec);
}

fn pod_spec(spec: &mut Value) {
    default(spec, "dnsPolicy", "ClusterFirst");
    default(spec, "restartPolicy", "Always");
    default(spec, "schedulerName", "default-scheduler");
    default(spec, "securityContext", json!({}));
    default(spec, "terminationGracePeriodSeconds", 30);
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        default(spec, "serviceAccount", account);
    }
    let host = spec["hostNetwork"] == true;
    for list in ["initContainers", "containers"] {
        each(spec, list, |c| container(c, host));
    }
    each(spec, "volumes", volume);
    each(spec, "topologySpreadConstraints", |c| {
        default(c, "nodeAffinityPolicy", Value::Null);
        default(c, "nodeTaintsPolicy", Value::Null);
        if let Value::Object(map) = c {
            map.retain(|_, v| !v.is_null());
        }
    });
}

/// Of a pod (not of a template), what is limited and not requested is requested at the limit.
fn request_limits(container: &mut Value) {
    let limits = container["resources"]["limits"].as_object().cloned().unwrap_or_default();
    if limits.is_empty() {
        return;
    }
    let mut requests = container["resources"]["requests"].as_object().cloned().unwrap_or_default();
    for (name, amount) in limits {
        requests.entry(name).or_insert(amount);
    }
    container["resources"]["requests"] = Value::Object(requests);
}

fn container(container: &mut Value, host: bool) {
    default(container, "terminationMessagePath", "/dev/termination-log");
    default(container, "terminationMessagePolicy", "File");
    default(container, "resources", json!({}));
    let image = container["image"].as_str().unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    let tag = name.split('@').next().unwrap_or_default().split_once(':').map(|(_, tag)| tag);
    let latest = tag == Some("latest") || (tag.is_none() && !name.contains('@'));
    default(container, "imagePullPolicy", if latest { "Always" } else { "IfNotPresent" });
    each(container, "ports", |port| {
        default(port, "protocol", "TCP");
        if host && let Some(number) = port.get("containerPort").cloned() {
            default(port, "hostPort", number);
        }
    });
    each(container, "env", |env| {
        on(env, "valueFrom", |from| on(from, "fieldRef", |field| default(field, "apiVersion", "v1")));
    });
    for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
        on(container, kind, |probe| {
            default(probe, "timeoutSeconds", 1);
            default(probe, "periodSeconds", 10);
            default(probe, "successThreshold", 1);
            default(probe, "failureThreshold", 3);
            handler(probe);
            on(probe, "grpc", |grpc| default(grpc, "service", ""));
        });
    }
    on(container, "lifecycle", |lifecycle| {
        on(lifecycle, "postStart", handler);
        on(lifecycle, "preStop", handler);
    });
}

fn handler(handler: &mut Value) {
    on(handler, "httpGet", |get| {
        default(get, "path", "/");
        default(get, "scheme", "HTTP");
    });
}

fn volume(volume: &mut Value) {
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        on(volume, source, |s| {
            default(s, "defaultMode", 420);
            if source == "downwardAPI" {
                each(s, "items", |item| on(item, "fieldRef", |f| default(f, "apiVersion", "v1")));
            }
            if source == "projected" {
                each(s, "sources", |source| {
                    on(source, "serviceAccountToken", |token| default(token, "expirationSeconds", 3600));
                    on(source, "downwardAPI", |d| {
                        each(d, "items", |item| on(item, "fieldRef", |f| default(f, "apiVersion", "v1")));
                    });
                });
            }
        });
    }
    on(volume, "hostPath", |path| default(path, "type", ""));
    let sources = volume.as_object().map_or(0, Map::len);
    if sources == 1 {
        default(volume, "emptyDir", json!({}));
    }
}

fn claim(claim: &mut Value) {
    on(claim, "spec", |spec| default(spec, "volumeMode", "Filesystem"));
}

fn job_spec(spec: &mut Value) {
    let (completions, parallelism) = (spec.get("completions").is_some(), spec.get("parallelism").is_some());
    if !completions && !parallelism {
        default(spec, "completions", 1);
    }
    default(spec, "parallelism", 1);
    default(spec, "backoffLimit", 6);
    default(spec, "completionMode", "NonIndexed");
    default(spec, "suspend", false);
    default(spec, "manualSelector", false);
    if spec.get("podFailurePolicy").is_some() {
        default(spec, "podReplacementPolicy", "Failed");
    } else {
        default(spec, "podReplacementPolicy", "TerminatingOrFailed");
    }
    on(spec, "template", template);
}

/// The server labels a Job's pods with its UID and selects by that.
fn job_selector(job: &mut Value) {
    if job["spec"]["manualSelector"] == true || !job["spec"]["template"].is_object() {
        return;
    }
    let (name, uid) = (job["metadata"]["name"].clone(), job["metadata"]["uid"].clone());
    let metadata = &mut job["spec"]["template"]["metadata"];
    default(metadata, "labels", json!({}));
    for prefix in ["", "batch.kubernetes.io/"] {
        metadata["labels"][format!("{prefix}job-name")] = name.clone();
        metadata["labels"][format!("{prefix}controller-uid")] = uid.clone();
    }
    let labels = metadata["labels"].clone();
    default(&mut job["metadata"], "labels", labels);
    job["spec"]["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
}

fn service(object: &mut Value) {
    on(object, "spec", |spec| {
        default(spec, "type", "ClusterIP");
        default(spec, "sessionAffinity", "None");
        if spec["sessionAffinity"] == "ClientIP" {
            default(spec, "sessionAffinityConfig", json!({"clientIP": {"timeoutSeconds": 10800}}));
        }
        each(spec, "ports", |port| {
            default(port, "protocol", "TCP");
            if port.get("targetPort").is_none_or(|t| *t == 0 || *t == "")
                && let Some(number) = port.get("port").cloned()
            {
                port["targetPort"] = number;
            }
        });
        let kind = spec["type"].as_str().unwrap_or_default().to_owned();
        if kind != "ExternalName" {
            default(spec, "internalTrafficPolicy", "Cluster");
        }
        if kind == "NodePort" || kind == "LoadBalancer" {
            default(spec, "externalTrafficPolicy", "Cluster");
        }
        if kind == "LoadBalancer" {
            default(spec, "allocateLoadBalancerNodePorts", true);
        }
    });
}

/// Keeps the address of a Service, or takes a free one.
pub(super) fn service_address(object: &mut Value, live: Option<&Value>, free: impl FnOnce() -> Option<String>) {
    if !object["spec"].is_object() || object["spec"]["type"] == "ExternalName" {
        return;
    }
    if object["spec"].get("clusterIP").is_none_or(|ip| ip == "") {
        let kept = live.and_then(|l| l["spec"]["clusterIP"].as_str()).filter(|ip| !ip.is_empty()).map(str::to_owned);
        if let Some(ip) = kept.or_else(free) {
            object["spec"]["clusterIP"] = ip.into();
        }
    }
    let ip = object["spec"]["clusterIP"].clone();
    if ip.is_string() {
        object["spec"]["clusterIPs"] = json!([ip]);
    }
}

fn secret(object: &mut Value) {
    use base64::Engine as _;
    default(object, "type", "Opaque");
    let Some(Value::Object(texts)) = object.as_object_mut().and_then(|map| map.remove("stringData")) else { return };
    if texts.is_empty() {
        return;
    }
    default(object, "data", json!({}));
    for (key, text) in texts {
        if let Some(text) = text.as_str() {
            object["data"][key] = base64::engine::general_purpose::STANDARD.encode(text).into();
        }
    }
}

fn definition(object: &mut Value) {
    on(object, "spec", |spec| {
        default(spec, "conversion", json!({"strategy": "None"}));
        on(spec, "names", |names| {
            let kind = names["kind"].as_str().unwrap_or_default().to_owned();
            default(names, "singular", kind.to_lowercase());
            default(names, "listKind", format!("{kind}List"));
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_filled_as_the_server_does() {
        let mut object = json!({"metadata": {"name": "a"}, "spec": {"template": {"spec": {"containers": [
            {"name": "a", "image": "registry:5000/a", "ports": [{"containerPort": 80}], "resources": {"limits": {"cpu": "1"}},
             "readinessProbe": {"httpGet": {"port": 80}}},
            {"name": "b", "image": "b:1"},
        ]}}}});
        fill("deployments.apps", &mut object);
        let spec = &object["spec"];
        assert_eq!(spec["replicas"], 1);
        assert_eq!(spec["strategy"]["rollingUpdate"]["maxSurge"], "25%");
        let containers = &spec["template"]["spec"]["containers"];
        assert_eq!(containers[0]["imagePullPolicy"], "Always");
        assert!(containers[0]["resources"].get("requests").is_none(), "only of pods themselves");
        assert_eq!(containers[0]["readinessProbe"]["httpGet"]["scheme"], "HTTP");
        assert_eq!(containers[1]["imagePullPolicy"], "IfNotPresent");
        let again = object.clone();
        fill("deployments.apps", &mut object);
        assert_eq!(object, again, "defaulting twice changes nothing");
    }

    #[test]
    fn secrets_take_texts() {
        let mut secret = json!({"stringData": {"a": "b"}, "data": {"c": "ZA=="}});
        fill("secrets", &mut secret);
        assert_eq!(secret, json!({"type": "Opaque", "data": {"a": "Yg==", "c": "ZA=="}}));
    }
}
