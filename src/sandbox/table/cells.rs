//! The cells of built-in kinds, as kube-apiserver prints them.

use jiff::Timestamp;
use serde_json::Value;

use super::{Cell, Column, column, number, text, wide};

const NONE: &str = "<none>";

/// A span of seconds as kubectl shows ages: `3s`, `5m30s`, `4h`, `2d3h`.
fn human(seconds: i64) -> String {
    let pair = |big: i64, unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{small_unit}") }
    };
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        s if s < 0 => "0s".to_owned(),
        s if s < 120 => format!("{s}s"),
        s if minutes < 10 => pair(minutes, "m", s % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => pair(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 192 => pair(hours / 24, "d", hours % 24, "h"),
        _ if hours < 24 * 365 * 2 => format!("{}d", hours / 24),
        _ if hours < 24 * 365 * 8 => pair(hours / 24 / 365, "y", (hours / 24) % 365, "d"),
        _ => format!("{}y", hours / 24 / 365),
    }
}

/// The age of a time.
pub(super) fn age(time: Option<&str>, now: Timestamp) -> String {
    match time.and_then(|t| t.parse::<Timestamp>().ok()) {
        Some(time) => human(now.duration_since(time).as_secs()),
        None => "<unknown>".to_owned(),
    }
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn str_or<'a>(value: &'a Value, other: &'a str) -> &'a str {
    value.as_str().filter(|s| !s.is_empty()).unwrap_or(other)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn joined(value: &Value, separator: &str) -> String {
    list(value).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(separator)
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// `a=b,c=d`, or `<none>`.
fn labels(value: &Value) -> String {
    let pairs: Vec<String> = value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    if pairs.is_empty() { NONE.to_owned() } else { pairs.join(",") }
}

fn selector(value: &Value) -> String {
    let mut parts: Vec<String> = Vec::new();
    let plain = labels(&value["matchLabels"]);
    if plain != NONE {
        parts.push(plain);
    }
    for expression in list(&value["matchExpressions"]) {
        let key = str_or(&expression["key"], "");
        let values = joined(&expression["values"], ",");
        parts.push(match expression["operator"].as_str() {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("Exists") => key.to_owned(),
            _ => format!("!{key}"),
        });
    }
    if parts.is_empty() { NONE.to_owned() } else { parts.join(",") }
}

fn template(object: &Value) -> &Value {
    &object["spec"]["template"]["spec"]
}

fn containers(object: &Value, _: Timestamp) -> Value {
    list(&template(object)["containers"]).iter().map(|c| str_or(&c["name"], "")).collect::<Vec<_>>().join(",").into()
}

fn images(object: &Value, _: Timestamp) -> Value {
    list(&template(object)["containers"]).iter().map(|c| str_or(&c["image"], "")).collect::<Vec<_>>().join(",").into()
}

fn spec_selector(object: &Value, _: Timestamp) -> Value {
    selector(&object["spec"]["selector"]).into()
}

fn pod_status(pod: &Value) -> String {
    let mut reason = str_or(&pod["status"]["reason"], str_or(&pod["status"]["phase"], "Unknown")).to_owned();
    for status in list(&pod["status"]["containerStatuses"]).iter().rev() {
        let state = &status["state"];
        if let Some(waiting) = state["waiting"]["reason"].as_str().filter(|r| !r.is_empty()) {
            reason = waiting.to_owned();
        } else if let Some(terminated) = state["terminated"]["reason"].as_str().filter(|r| !r.is_empty()) {
            reason = terminated.to_owned();
        }
    }
    if pod["metadata"].get("deletionTimestamp").is_some() { "Terminating".to_owned() } else { reason }
}

fn access_modes(modes: &Value) -> String {
    let short: Vec<&str> = list(modes)
        .iter()
        .filter_map(Value::as_str)
        .map(|mode| match mode {
            "ReadWriteOnce" => "RWO",
            "ReadOnlyMany" => "ROX",
            "ReadWriteMany" => "RWX",
            "ReadWriteOncePod" => "RWOP",
            other => other,
        })
        .collect();
    short.join(",")
}

fn ports(service: &Value) -> String {
    let all: Vec<String> = list(&service["spec"]["ports"])
        .iter()
        .map(|port| {
            let protocol = str_or(&port["protocol"], "TCP");
            match int(&port["nodePort"]) {
                0 => format!("{}/{protocol}", int(&port["port"])),
                node => format!("{}:{node}/{protocol}", int(&port["port"])),
            }
        })
        .collect();
    if all.is_empty() { NONE.to_owned() } else { all.join(",") }
}

fn external_ip(service: &Value) -> String {
    let own = joined(&service["spec"]["externalIPs"], ",");
    match service["spec"]["type"].as_str() {
        Some("ExternalName") => str_or(&service["spec"]["externalName"], "").to_owned(),
        Some("LoadBalancer") if own.is_empty() => {
            let given: Vec<&str> = list(&service["status"]["loadBalancer"]["ingress"])
                .iter()
                .map(|i| str_or(&i["ip"], str_or(&i["hostname"], "")))
                .collect();
            if given.is_empty() { "<pending>".to_owned() } else { given.join(",") }
        }
        _ if own.is_empty() => NONE.to_owned(),
        _ => own,
    }
}

fn hosts(ingress: &Value) -> String {
    let hosts: Vec<&str> = list(&ingress["spec"]["rules"]).iter().filter_map(|r| r["host"].as_str()).collect();
    if hosts.is_empty() { "*".to_owned() } else { hosts.join(",") }
}

fn job_status(job: &Value) -> &'static str {
    let has =
        |kind: &str| list(&job["status"]["conditions"]).iter().any(|c| c["type"] == kind && c["status"] == "True");
    match () {
        () if has("Complete") => "Complete",
        () if has("Failed") => "Failed",
        () if job["metadata"].get("deletionTimestamp").is_some() => "Terminating",
        () if has("Suspended") => "Suspended",
        () if has("FailureTarget") => "FailureTarget",
        () if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

fn completions(job: &Value) -> String {
    let succeeded = int(&job["status"]["succeeded"]);
    match (job["spec"]["completions"].as_i64(), int(&job["spec"]["parallelism"])) {
        (Some(wanted), _) => format!("{succeeded}/{wanted}"),
        (None, parallel) if parallel > 1 => format!("{succeeded}/1 of {parallel}"),
        (None, _) => format!("{succeeded}/1"),
    }
}

fn duration(job: &Value, now: Timestamp) -> String {
    let time = |key: &str| job["status"][key].as_str().and_then(|t| t.parse::<Timestamp>().ok());
    match time("startTime") {
        Some(start) => human(time("completionTime").unwrap_or(now).duration_since(start).as_secs()),
        None => String::new(),
    }
}

fn roles(node: &Value) -> String {
    let prefix = "node-role.kubernetes.io/";
    let roles: Vec<&str> = node["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, _)| key.strip_prefix(prefix))
        .filter(|r| !r.is_empty())
        .collect();
    if roles.is_empty() { NONE.to_owned() } else { roles.join(",") }
}

fn node_status(node: &Value) -> String {
    let ready = list(&node["status"]["conditions"]).iter().find(|c| c["type"] == "Ready");
    let mut status = match ready {
        Some(condition) if condition["status"] == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if node["spec"]["unschedulable"] == true {
        status.push_str(",SchedulingDisabled");
    }
    status
}

fn metrics(hpa: &Value) -> String {
    let current = |index: usize, kind: &str| hpa["status"]["currentMetrics"][index][kind]["current"].clone();
    let specs = list(&hpa["spec"]["metrics"]);
    let all: Vec<String> = specs
        .iter()
        .enumerate()
        .map(|(index, spec)| {
            let kind = match spec["type"].as_str() {
                Some("External") => "external",
                Some("Pods") => "pods",
                Some("Object") => "object",
                Some("ContainerResource") => "containerResource",
                _ => "resource",
            };
            let (target, now) = (&spec[kind]["target"], current(index, kind));
            let value = if let Some(percent) = target["averageUtilization"].as_i64() {
                let now = now["averageUtilization"].as_i64().map_or("<unknown>".to_owned(), |n| format!("{n}%"));
                format!("{now}/{percent}%")
            } else {
                let field = if target["averageValue"].is_null() { "value" } else { "averageValue" };
                format!("{}/{}", str_or(&now[field], "<unknown>"), scalar(&target[field]))
            };
            match spec[kind]["name"].as_str() {
                Some(name) => format!("{name}: {value}"),
                None => value,
            }
        })
        .collect();
    match all.len() {
        0 => NONE.to_owned(),
        1 | 2 => all.join(", "),
        more => format!("{} + {} more...", all[..2].join(", "), more - 2),
    }
}

fn event_times(event: &Value) -> (Option<&str>, Option<&str>) {
    let text = |key: &str| event[key].as_str();
    let first = text("firstTimestamp").or_else(|| text("eventTime"));
    (first, event["series"]["lastObservedTime"].as_str().or_else(|| text("lastTimestamp")).or(first))
}

fn subjects(binding: &Value, kind: &str) -> String {
    let names: Vec<String> = list(&binding["subjects"])
        .iter()
        .filter(|s| s["kind"] == kind)
        .map(|s| {
            let name = str_or(&s["name"], "");
            if kind == "ServiceAccount" { format!("{}/{name}", str_or(&s["namespace"], "")) } else { name.to_owned() }
        })
        .collect();
    names.join(", ")
}

const NAME: Column = column("Name", Cell::Name);
const AGE: Column = column("Age", Cell::Age);

/// The columns of a kind by its table.
pub(super) fn columns(table: &str) -> Vec<Column> {
    let name_wide = Column { wide: true, ..NAME };
    let workload = || vec![wide("Containers", containers), wide("Images", images), wide("Selector", spec_selector)];
    let mut all = match table {
        "pods" => vec![
            NAME,
            text("Ready", |o, _| {
                let ready = list(&o["status"]["containerStatuses"]).iter().filter(|c| c["ready"] == true).count();
                format!("{ready}/{}", list(&o["spec"]["containers"]).len()).into()
            }),
            text("Status", |o, _| pod_status(o).into()),
            text("Restarts", |o, _| {
                let all = list(&o["status"]["containerStatuses"]).iter().map(|c| int(&c["restartCount"])).sum::<i64>();
                all.to_string().into()
            }),
            AGE,
            wide("IP", |o, _| str_or(&o["status"]["podIP"], NONE).into()),
            wide("Node", |o, _| str_or(&o["spec"]["nodeName"], NONE).into()),
            wide("Nominated Node", |o, _| str_or(&o["status"]["nominatedNodeName"], NONE).into()),
            wide("Readiness Gates", |o, _| match list(&o["spec"]["readinessGates"]).len() {
                0 => NONE.into(),
                gates => format!("0/{gates}").into(),
            }),
        ],
        "deployments.apps" => vec![
            NAME,
            text("Ready", |o, _| {
                format!("{}/{}", int(&o["status"]["readyReplicas"]), int(&o["spec"]["replicas"])).into()
            }),
            number("Up-to-date", |o, _| int(&o["status"]["updatedReplicas"]).into()),
            number("Available", |o, _| int(&o["status"]["availableReplicas"]).into()),
            AGE,
        ],
        "replicasets.apps" | "replicationcontrollers" => vec![
            NAME,
            number("Desired", |o, _| int(&o["spec"]["replicas"]).into()),
            number("Current", |o, _| int(&o["status"]["replicas"]).into()),
            number("Ready", |o, _| int(&o["status"]["readyReplicas"]).into()),
            AGE,
        ],
        "statefulsets.apps" => vec![
            NAME,
            text("Ready", |o, _| {
                format!("{}/{}", int(&o["status"]["readyReplicas"]), int(&o["spec"]["replicas"])).into()
            }),
            AGE,
            wide("Containers", containers),
            wide("Images", images),
        ],
        "daemonsets.apps" => vec![
            NAME,
            number("Desired", |o, _| int(&o["status"]["desiredNumberScheduled"]).into()),
            number("Current", |o, _| int(&o["status"]["currentNumberScheduled"]).into()),
            number("Ready", |o, _| int(&o["status"]["numberReady"]).into()),
            number("Up-to-date", |o, _| int(&o["status"]["updatedNumberScheduled"]).into()),
            number("Available", |o, _| int(&o["status"]["numberAvailable"]).into()),
            text("Node Selector", |o, _| labels(&template(o)["nodeSelector"]).into()),
            AGE,
        ],
        "jobs.batch" => vec![
            NAME,
            text("Status", |o, _| job_status(o).into()),
            text("Completions", |o, _| completions(o).into()),
            text("Duration", |o, now| duration(o, now).into()),
            AGE,
        ],
        "cronjobs.batch" => vec![
            NAME,
            text("Schedule", |o, _| o["spec"]["schedule"].clone()),
            text("Timezone", |o, _| str_or(&o["spec"]["timeZone"], NONE).into()),
            text("Suspend", |o, _| if o["spec"]["suspend"] == true { "True" } else { "False" }.into()),
            number("Active", |o, _| list(&o["status"]["active"]).len().into()),
            text("Last Schedule", |o, now| match o["status"]["lastScheduleTime"].as_str() {
                Some(time) => age(Some(time), now).into(),
                None => NONE.into(),
            }),
            AGE,
        ],
        "services" => vec![
            NAME,
            text("Type", |o, _| o["spec"]["type"].clone()),
            text("Cluster-IP", |o, _| str_or(&o["spec"]["clusterIP"], NONE).into()),
            text("External-IP", |o, _| external_ip(o).into()),
            text("Port(s)", |o, _| ports(o).into()),
            AGE,
            wide("Selector", |o, _| labels(&o["spec"]["selector"]).into()),
        ],
        "ingresses.networking.k8s.io" => vec![
            NAME,
            text("Class", |o, _| str_or(&o["spec"]["ingressClassName"], NONE).into()),
            text("Hosts", |o, _| hosts(o).into()),
            text("Address", |o, _| {
                let all = list(&o["status"]["loadBalancer"]["ingress"]);
                all.iter().map(|i| str_or(&i["ip"], str_or(&i["hostname"], ""))).collect::<Vec<_>>().join(",").into()
            }),
            text("Ports", |o, _| if list(&o["spec"]["tls"]).is_empty() { "80" } else { "80, 443" }.into()),
            AGE,
        ],
        "namespaces" => vec![NAME, text("Status", |o, _| o["status"]["phase"].clone()), AGE],
        "nodes" => vec![
            NAME,
            text("Status", |o, _| node_status(o).into()),
            text("Roles", |o, _| roles(o).into()),
            AGE,
            text("Version", |o, _| o["status"]["nodeInfo"]["kubeletVersion"].clone()),
        ],
        "configmaps" => vec![
            NAME,
            number("Data", |o, _| {
                let count = |key: &str| o[key].as_object().map_or(0, serde_json::Map::len);
                (count("data") + count("binaryData")).into()
            }),
            AGE,
        ],
        "secrets" => vec![
            NAME,
            text("Type", |o, _| o["type"].clone()),
            number("Data", |o, _| o["data"].as_object().map_or(0, serde_json::Map::len).into()),
            AGE,
        ],
        "persistentvolumeclaims" => vec![
            NAME,
            text("Status", |o, _| {
                let gone = o["metadata"].get("deletionTimestamp").is_some();
                if gone { "Terminating".into() } else { o["status"]["phase"].clone() }
            }),
            text("Volume", |o, _| str_or(&o["spec"]["volumeName"], "").into()),
            text("Capacity", |o, _| scalar(&o["status"]["capacity"]["storage"]).into()),
            text("Access Modes", |o, _| access_modes(&o["status"]["accessModes"]).into()),
            text("StorageClass", |o, _| str_or(&o["spec"]["storageClassName"], "").into()),
            text("VolumeAttributesClass", |o, _| str_or(&o["spec"]["volumeAttributesClassName"], "<unset>").into()),
            AGE,
            wide("VolumeMode", |o, _| str_or(&o["spec"]["volumeMode"], "<unset>").into()),
        ],
        "persistentvolumes" => vec![
            NAME,
            text("Capacity", |o, _| scalar(&o["spec"]["capacity"]["storage"]).into()),
            text("Access Modes", |o, _| access_modes(&o["spec"]["accessModes"]).into()),
            text("Reclaim Policy", |o, _| o["spec"]["persistentVolumeReclaimPolicy"].clone()),
            text("Status", |o, _| o["status"]["phase"].clone()),
            text("Claim", |o, _| match &o["spec"]["claimRef"] {
                Value::Null => "".into(),
                claim => format!("{}/{}", str_or(&claim["namespace"], ""), str_or(&claim["name"], "")).into(),
            }),
            text("StorageClass", |o, _| str_or(&o["spec"]["storageClassName"], "").into()),
            text("VolumeAttributesClass", |o, _| str_or(&o["spec"]["volumeAttributesClassName"], "<unset>").into()),
            text("Reason", |o, _| str_or(&o["status"]["reason"], "").into()),
            AGE,
        ],
        "horizontalpodautoscalers.autoscaling" => vec![
            NAME,
            text("Reference", |o, _| {
                let target = &o["spec"]["scaleTargetRef"];
                format!("{}/{}", str_or(&target["kind"], ""), str_or(&target["name"], "")).into()
            }),
            text("Targets", |o, _| metrics(o).into()),
            text("MinPods", |o, _| {
                o["spec"]["minReplicas"].as_i64().map_or("<unset>".into(), |n| n.to_string().into())
            }),
            number("MaxPods", |o, _| int(&o["spec"]["maxReplicas"]).into()),
            number("Replicas", |o, _| int(&o["status"]["currentReplicas"]).into()),
            AGE,
        ],
        "poddisruptionbudgets.policy" => vec![
            NAME,
            text("Min Available", |o, _| match &o["spec"]["minAvailable"] {
                Value::Null => "N/A".into(),
                value => scalar(value).into(),
            }),
            text("Max Unavailable", |o, _| match &o["spec"]["maxUnavailable"] {
                Value::Null => "N/A".into(),
                value => scalar(value).into(),
            }),
            number("Allowed Disruptions", |o, _| int(&o["status"]["disruptionsAllowed"]).into()),
            AGE,
        ],
        "networkpolicies.networking.k8s.io" => {
            vec![NAME, text("Pod-Selector", |o, _| selector(&o["spec"]["podSelector"]).into()), AGE]
        }
        "storageclasses.storage.k8s.io" => vec![
            NAME,
            text("Provisioner", |o, _| o["provisioner"].clone()),
            text("ReclaimPolicy", |o, _| o["reclaimPolicy"].clone()),
            text("VolumeBindingMode", |o, _| o["volumeBindingMode"].clone()),
            text("AllowVolumeExpansion", |o, _| o["allowVolumeExpansion"].as_bool().unwrap_or(false).into()),
            AGE,
        ],
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => vec![
            NAME,
            text("Role", |o, _| {
                format!("{}/{}", str_or(&o["roleRef"]["kind"], ""), str_or(&o["roleRef"]["name"], "")).into()
            }),
            AGE,
            wide("Users", |o, _| subjects(o, "User").into()),
            wide("Groups", |o, _| subjects(o, "Group").into()),
            wide("ServiceAccounts", |o, _| subjects(o, "ServiceAccount").into()),
        ],
        "leases.coordination.k8s.io" => {
            vec![NAME, text("Holder", |o, _| str_or(&o["spec"]["holderIdentity"], "").into()), AGE]
        }
        "events" => vec![
            text("Last Seen", |o, now| age(event_times(o).1, now).into()),
            text("Type", |o, _| o["type"].clone()),
            text("Reason", |o, _| o["reason"].clone()),
            text("Object", |o, _| {
                let about = &o["involvedObject"];
                format!("{}/{}", str_or(&about["kind"], "").to_lowercase(), str_or(&about["name"], "")).into()
            }),
            wide("Subobject", |o, _| str_or(&o["involvedObject"]["fieldPath"], "").into()),
            wide("Source", |o, _| str_or(&o["source"]["component"], str_or(&o["reportingComponent"], "")).into()),
            text("Message", |o, _| str_or(&o["message"], "").trim().into()),
            wide("First Seen", |o, now| age(event_times(o).0, now).into()),
            wide("Count", |o, _| int(&o["count"]).max(1).to_string().into()),
            name_wide,
        ],
        "priorityclasses.scheduling.k8s.io" => vec![
            NAME,
            number("Value", |o, _| int(&o["value"]).into()),
            text("Global-Default", |o, _| o["globalDefault"].as_bool().unwrap_or(false).into()),
            AGE,
            text("PreemptionPolicy", |o, _| o["preemptionPolicy"].clone()),
        ],
        "controllerrevisions.apps" => vec![
            NAME,
            text("Controller", |o, _| {
                let owner = list(&o["metadata"]["ownerReferences"]).iter().find(|r| r["controller"] == true);
                let owner = owner.map(|r| {
                    let group = str_or(&r["apiVersion"], "").split_once('/').map_or("", |(g, _)| g);
                    format!("{}.{group}/{}", str_or(&r["kind"], "").to_lowercase(), str_or(&r["name"], ""))
                });
                owner.unwrap_or_else(|| NONE.to_owned()).into()
            }),
            number("Revision", |o, _| int(&o["revision"]).into()),
            AGE,
        ],
        "ingressclasses.networking.k8s.io" => vec![
            NAME,
            text("Controller", |o, _| o["spec"]["controller"].clone()),
            text("Parameters", |o, _| match &o["spec"]["parameters"] {
                Value::Null => NONE.into(),
                p => format!("{}/{}", str_or(&p["kind"], ""), str_or(&p["name"], "")).into(),
            }),
            AGE,
        ],
        "serviceaccounts" | "endpoints" | "resourcequotas" | "limitranges" => vec![NAME, AGE],
        _ => vec![NAME, column("Created At", Cell::Created)],
    };
    let with_workload =
        ["deployments.apps", "replicasets.apps", "daemonsets.apps", "jobs.batch", "replicationcontrollers"];
    if with_workload.contains(&table) {
        all.extend(workload());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_as_kubectl_shows_them() {
        for (seconds, shown) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (330, "5m30s"),
            (3600, "60m"),
            (4 * 3600 + 60, "4h1m"),
            (30 * 3600, "30h"),
            (50 * 3600, "2d2h"),
            (20 * 86400, "20d"),
        ] {
            assert_eq!(human(seconds), shown);
        }
    }

    #[test]
    fn no_cell_minds_an_empty_object() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        for table in crate::sandbox::resources::Registry::recorded().all().map(|r| r.table()) {
            for column in columns(&table) {
                if let Cell::Make(make) = column.cell {
                    make(&serde_json::json!({}), now);
                }
            }
        }
    }
}
