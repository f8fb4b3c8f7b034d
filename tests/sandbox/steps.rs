//! The requests: each is sent as it is, in this order.

use serde_json::{Value, json};

const JSON: &str = "application/json";

/// One request.
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) media: &'static str,
    pub(super) accept: &'static str,
    pub(super) body: Value,
    /// A path that has to answer 200 before this step.
    pub(super) wait_for: Option<String>,
}

impl Step {
    fn new(title: &'static str, method: &'static str, path: &str, body: Value) -> Self {
        Self { title, method, path: path.to_owned(), media: JSON, accept: JSON, body, wait_for: None }
    }

    pub(super) fn get(title: &'static str, path: &str) -> Self {
        Self::new(title, "GET", path, Value::Null)
    }

    pub(super) fn post(title: &'static str, path: &str, body: Value) -> Self {
        Self::new(title, "POST", path, body)
    }

    pub(super) fn delete(title: &'static str, path: &str, body: Value) -> Self {
        Self::new(title, "DELETE", path, body)
    }

    fn put(title: &'static str, path: &str, body: Value) -> Self {
        Self::new(title, "PUT", path, body)
    }

    fn patch(title: &'static str, media: &'static str, path: &str, body: Value) -> Self {
        Self { media, ..Self::new(title, "PATCH", path, body) }
    }

    fn apply(title: &'static str, path: &str, body: Value) -> Self {
        Self::patch(title, "application/apply-patch+yaml", path, body)
    }

    fn merge(title: &'static str, path: &str, body: Value) -> Self {
        Self::patch(title, "application/merge-patch+json", path, body)
    }

    fn accepting(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }

    fn after(self, path: &str) -> Self {
        Self { wait_for: Some(path.to_owned()), ..self }
    }
}

fn map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"step": "x"}}, "data": data})
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 0, "paused": true, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
                "containers": [{
                    "name": "web", "image": "web:1", "ports": [{"containerPort": 80}],
                    "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}},
                    "readinessProbe": {"httpGet": {"port": 80}},
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "conf", "mountPath": "/conf"}],
                }],
                "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "conf", "configMap": {"name": "conf"}}],
            }},
        },
    })
}

/// All steps, in a namespace and with a group for custom resources.
pub(super) fn all(namespace: &str, group: &str) -> Vec<Step> {
    let core = format!("/api/v1/namespaces/{namespace}");
    let apps = format!("/apis/apps/v1/namespaces/{namespace}");
    let maps = format!("{core}/configmaps");
    let by = |path: &str, query: &str| format!("{path}?{query}");
    let one = format!("{maps}/one");
    let web = format!("{apps}/deployments/web");
    let mut steps = vec![
        Step::post("create", &maps, map("one", &json!({"a": "1"}))),
        Step::post("create what is there", &maps, map("one", &json!({}))),
        Step::post("create without a name", &maps, json!({"data": {}})),
        Step::post("create with a bad name", &maps, map("A_b", &json!({}))),
        Step::post(
            "create another kind",
            &maps,
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}),
        ),
        Step::post(
            "create where nothing is",
            "/api/v1/namespaces/no-such-namespace/configmaps",
            map("one", &json!({})),
        ),
        Step::get("get what is not there", &format!("{maps}/none")),
        Step::get("an unknown resource", &format!("{core}/gadgets")),
        Step::get("an unknown group", "/apis/none.example.com/v1/things"),
        Step::put("a stale update", &one, {
            let mut stale = map("one", &json!({"a": "2"}));
            stale["metadata"]["resourceVersion"] = "1".into();
            stale
        }),
        Step::put("an update", &by(&one, "fieldManager=putter"), map("one", &json!({"a": "2"}))),
        Step::merge("a merge patch", &by(&one, "fieldManager=merger"), json!({"data": {"b": "1", "a": null}})),
        Step::patch(
            "a JSON patch",
            "application/json-patch+json",
            &by(&one, "fieldManager=patcher"),
            json!([{"op": "add", "path": "/data/c", "value": "1"}]),
        ),
        Step::patch("a patch of an unknown kind", "application/x-patch", &one, json!({})),
        Step::apply("apply without a manager", &one, map("one", &json!({"b": "9"}))),
        Step::apply("apply with a conflict", &by(&one, "fieldManager=applier"), map("one", &json!({"b": "9"}))),
        Step::apply("apply by force", &by(&one, "fieldManager=applier&force=true"), map("one", &json!({"b": "9"}))),
        Step::apply("apply the same again", &by(&one, "fieldManager=applier"), map("one", &json!({"b": "9"}))),
        Step::apply("apply dry", &by(&one, "fieldManager=applier&dryRun=All"), map("one", &json!({"b": "8"}))),
        Step::apply("apply less", &by(&one, "fieldManager=applier"), map("one", &json!({}))),
        Step::apply(
            "apply something new",
            &by(&format!("{maps}/two"), "fieldManager=applier"),
            map("two", &json!({"x": "y"})),
        ),
        Step::apply("apply an unknown field", &by(&format!("{maps}/three"), "fieldManager=applier"), {
            let mut unknown = map("three", &json!({}));
            unknown["datum"] = "x".into();
            unknown
        }),
        Step::post("strictly, an unknown field", &by(&maps, "fieldValidation=Strict"), {
            let mut unknown = map("three", &json!({}));
            unknown["datum"] = "x".into();
            unknown
        }),
        Step::get("a selected list", &by(&maps, "labelSelector=step%3Dx")),
        Step::get("a page", &by(&maps, "labelSelector=step%3Dx&fieldSelector=metadata.name%3Dtwo")),
        Step::get("an unknown field selector", &by(&maps, "fieldSelector=data.x%3D1")),
        Step::get("a list as metadata", &by(&maps, "labelSelector=step%3Dx"))
            .accepting("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"),
        Step::get("an object as metadata", &one)
            .accepting("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"),
        Step::delete("delete another", &one, json!({"preconditions": {"uid": "nobody"}})),
        Step::delete("delete", &one, Value::Null),
        Step::delete("delete what is gone", &one, Value::Null),
        Step::post("create with a finalizer", &maps, {
            let mut held = map("held", &json!({}));
            held["metadata"]["finalizers"] = json!(["example.com/hold"]);
            held
        }),
        Step::delete("delete what is held", &format!("{maps}/held"), Value::Null),
        Step::merge("let it go", &format!("{maps}/held"), json!({"metadata": {"finalizers": null}})),
        Step::get("and it is gone", &format!("{maps}/held")),
        Step::post(
            "a secret of texts",
            &format!("{core}/secrets"),
            json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"},
            }),
        ),
        Step::post(
            "a headless service",
            &format!("{core}/services"),
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": "headless"},
                "spec": {"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 80}]},
            }),
        ),
        Step::post(
            "a service",
            &format!("{core}/services"),
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
            }),
        ),
    ];
    steps.extend([
        Step::post("a deployment", &format!("{apps}/deployments"), deployment()),
        Step::post("a deployment that selects nothing", &format!("{apps}/deployments"), {
            let mut wrong = deployment();
            wrong["metadata"]["name"] = "wrong".into();
            wrong["spec"]["selector"]["matchLabels"]["app"] = "other".into();
            wrong
        }),
        Step::patch(
            "a strategic patch",
            "application/strategic-merge-patch+json",
            &by(&web, "fieldManager=kubectl-patch&dryRun=All"),
            json!({"spec": {"template": {"spec": {
                "containers": [{"name": "web", "env": [{"name": "A", "value": "1"}]}, {"name": "side", "image": "side:1"}],
                "volumes": [{"name": "tmp", "$patch": "delete"}],
            }}}}),
        ),
        Step::patch(
            "a strategic patch that merges",
            "application/strategic-merge-patch+json",
            &by(&web, "fieldManager=kubectl-patch&dryRun=All"),
            json!({"spec": {"template": {"spec": {
                "containers": [{"name": "web", "env": [{"name": "A", "value": "1"}]}, {"name": "side", "image": "side:1"}],
            }}}}),
        ),
        Step::get("a scale", &format!("{web}/scale")),
        Step::merge("a patched scale", &by(&format!("{web}/scale"), "fieldManager=scaler"), json!({"spec": {"replicas": 0}})),
        Step::post("a stateful set", &by(&format!("{apps}/statefulsets"), "dryRun=All"), json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"},
            "spec": {
                "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
                "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "db@sha256:aa"}]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                    "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
                }}],
            },
        })),
        Step::post("a job", &by(&format!("/apis/batch/v1/namespaces/{namespace}/jobs"), "dryRun=All"), json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"},
            "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]}}},
        })),
        Step::post("a cron job", &by(&format!("/apis/batch/v1/namespaces/{namespace}/cronjobs"), "dryRun=All"), json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "often"},
            "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": {
                "restartPolicy": "OnFailure", "containers": [{"name": "a", "image": "a:latest"}],
            }}}}},
        })),
        Step::post("an ingress", &by(&format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses"), "dryRun=All"), json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "in"},
            "spec": {"rules": [{"host": "a.example.com", "http": {"paths": [
                {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}},
            ]}}]},
        })),
        Step::post("an autoscaler", &by(&format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"), "dryRun=All"), json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 3},
        })),
        Step::post("a network policy", &by(&format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"), "dryRun=All"), json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny"},
            "spec": {"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]},
        })),
        Step::post("a disruption budget", &by(&format!("/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"), "dryRun=All"), json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        })),
    ]);
    let gadgets = format!("/apis/{group}/v1/namespaces/{namespace}/gadgets");
    let gadget = |spec: Value| {
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "Gadget", "metadata": {"name": "a"}, "spec": spec,
        })
    };
    steps.extend([
        Step::post("a definition", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("gadgets.{group}")},
            "spec": {
                "group": group, "scope": "Namespaced", "names": {"plural": "gadgets", "kind": "Gadget"},
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                        "spec": {"type": "object", "required": ["size"], "properties": {
                            "size": {"type": "integer"}, "color": {"type": "string", "default": "red"},
                        }},
                        "status": {"type": "object", "properties": {"size": {"type": "integer"}}},
                    }}},
                }],
            },
        })),
        Step::post("a custom resource", &gadgets, gadget(json!({"size": 1, "unknown": true}))).after(&gadgets),
        Step::post("an invalid one", &gadgets, gadget(json!({"size": 1, "color": 5}))),
        Step::post("an incomplete one", &gadgets, gadget(json!({}))),
        Step::merge("its spec", &by(&format!("{gadgets}/a"), "fieldManager=m"), json!({"spec": {"size": 2}, "status": {"size": 9}})),
        Step::merge("its status", &by(&format!("{gadgets}/a/status"), "fieldManager=s"), json!({"spec": {"size": 7}, "status": {"size": 2}})),
        Step::apply("applied", &by(&format!("{gadgets}/a"), "fieldManager=applier&force=true"), gadget(json!({"size": 3}))),
        Step::merge("its scale", &by(&format!("{gadgets}/a/scale"), "fieldManager=scaler"), json!({"spec": {"replicas": 4}})),
        Step::get("after all that", &format!("{gadgets}/a")),
        Step::get("all of them", &gadgets),
        Step::delete("the definition goes", &format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.{group}"), Value::Null),
    ]);
    steps
}
