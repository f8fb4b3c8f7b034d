//! Quiet: controllers, an autoscaler, restarts and rescheduling go on for a while, and nothing is told, nothing written.

use std::path::Path;
use std::time::{Duration, Instant};

use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

use super::support::{World, lines};

/// How long by default; `EVENKEEL_SOAK_SECONDS` for longer (`just soak`).
const SECONDS: u64 = 20;

fn workload(kind: &str, name: &str) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": "example.org/a:1",
                "resources": {"requests": {"cpu": "0.1", "memory": "1024Ki"}}}]}}}});
    if kind != "DaemonSet" {
        object["spec"]["replicas"] = json!(1);
    }
    if kind == "StatefulSet" {
        object["spec"]["serviceName"] = json!(name);
    }
    object
}

pub(super) async fn controllers_autoscalers_and_restarts_are_no_drift(kubeconfig: &Path) {
    let seconds = std::env::var("EVENKEEL_SOAK_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(SECONDS);
    let world = World::new(kubeconfig).await;
    let hpa = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "scaled"},
        "spec": {"minReplicas": 2, "maxReplicas": 6, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "scaled"},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]}});
    let job = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "minutely"},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "c", "image": "example.org/a:1"}]}}}}}});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "plain"},
        "spec": {"selector": {"app": "plain"}, "ports": [{"port": 80, "targetPort": 80}]}});
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "plain"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "plain"}}}});
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": format!("sum-{}", world.namespace)}, "rules": [],
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"sum-of": world.namespace}}]}});
    let part = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": format!("part-{}", world.namespace), "labels": {"sum-of": world.namespace}},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]});
    world.objects(&[
        workload("Deployment", "plain"),
        workload("Deployment", "scaled"),
        workload("StatefulSet", "ordered"),
        workload("DaemonSet", "everywhere"),
        hpa,
        job,
        service,
        budget,
        role,
        part,
    ]);
    let revision = world.settings("strict: true\n");
    let daemon = world.daemon();
    daemon.synced(&revision).await;
    let writes = ["apply", "create", "update", "patch", "delete", "dry_run"];
    let before = daemon.requests(&writes).await;
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut round = 0u32;
    let mut least = 2;
    while Instant::now() < end {
        round += 1;
        // The autoscaler scales by itself: what it may do is changed by a friend, and changed back by us: not drift of the workload.
        least = if least == 2 { 4 } else { 2 };
        let restarted = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": format!("{round}")}}}}});
        for (kind, name) in [("Deployment", "plain"), ("StatefulSet", "ordered"), ("DaemonSet", "everywhere")] {
            world.merge(("apps/v1", kind, name), "kubectl-rollout", restarted.clone()).await;
        }
        world.scale(("apps/v1", "Deployment", "scaled"), "vpa", least).await;
        for pod in world.api("v1", "Pod").list(&ListParams::default()).await.unwrap().items.iter().take(2) {
            let name = pod.metadata.name.clone().unwrap();
            let _ = world.api("v1", "Pod").delete(&name, &DeleteParams::background()).await;
        }
        let pause = Instant::now() + Duration::from_secs(4);
        while Instant::now() < pause {
            let status = daemon.status().await.unwrap();
            assert_eq!(lines(&status), [""; 0], "round {round}");
            assert!(status["state"] == "synced" || status["state"] == "progressing", "{status}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    assert_eq!(daemon.requests(&writes).await, before, "nothing was written in {seconds} s");
    let drifts = daemon.metric("evenkeel_alerts_total{kind=\"drift").await;
    assert_eq!(drifts, [""; 0], "nor told");
    // The sum of roles is Kubernetes' own, and an autoscaled workload is scaled.
    let scaled = world.live("apps/v1", "Deployment", "scaled").await;
    assert_eq!(scaled["spec"]["replicas"], least);
}
