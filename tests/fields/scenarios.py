"""What record.py does to a kube-apiserver. Each scenario is one object; each step one write to it."""

APPS, CORE, BATCH, CUSTOM = "apis/apps/v1", "api/v1", "apis/batch/v1", "apis/example.com/v1"


def apply(manager, body, **more):
    return {"do": "apply", "manager": manager, "body": body, **more}


def patch(kind, manager, body, **more):
    return {"do": kind, "manager": manager, "body": body, **more}


def put(manager, change, **more):
    return {"do": "put", "manager": manager, "change": change, **more}


def scale(manager, replicas):
    return patch("merge", manager, {"spec": {"replicas": replicas}}, subresource="scale")


def config_map(data, **metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(containers=None, pod=None, **spec):
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"labels": {"app": "a", "team": "x"}},
        "spec": {
            "replicas": 0, "selector": {"matchLabels": {"app": "a"}},
            "template": {"metadata": {"labels": {"app": "a"}},
                         "spec": {"containers": containers or [{"name": "api", "image": "registry.invalid/a:1"}], **(pod or {})}},
            **spec,
        },
    }


def forget(obj):
    obj["metadata"]["managedFields"] = [{}]


def set_image(image):
    def change(obj):
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return change


RICH = [
    {"name": "api", "image": "registry.invalid/a:1", "args": ["-x"], "ports": [{"containerPort": 80}, {"containerPort": 443, "name": "tls"}],
     "env": [{"name": "A", "value": "1"}, {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
     "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}}, "livenessProbe": {"httpGet": {"path": "/", "port": 80}}},
    {"name": "side", "image": "registry.invalid/b:1"},
]

HPA1 = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}, "maxReplicas": 3}}
HPA2 = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}, "maxReplicas": 4,
                 "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]}}


def widget(spec, **metadata):
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata, "spec": spec}


LAST_APPLIED = '{"apiVersion":"v1","data":{"a":"1","b":"1"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"fields-client-side","namespace":"default"}}\n'

SCENARIOS = {
    "config-map": {"resource": (CORE, "configmaps"), "steps": [
        apply("one", config_map({"a": "1", "b": "1"}, labels={"x": "1"})),
        apply("one", config_map({"a": "1", "b": "1"}, labels={"x": "1"})),
        apply("two", config_map({"a": "1", "c": "1"})),
        apply("three", config_map({"a": "2", "c": "2"}), fails=True),
        apply("three", config_map({"a": "2"}), fails=True),
        apply("three", config_map({"a": "2"}), force=True),
        apply("one", config_map({"b": "1"})),
        apply("two", config_map({})),
        patch("merge", "edit", {"data": {"d": "1", "b": None}}),
        patch("merge", "edit", {"data": {"e": "1"}, "metadata": {"labels": {"y": "1"}}}),
        apply("one", config_map({"d": "1"})),
        apply("one", {"apiVersion": "v1", "kind": "ConfigMap"}),
    ]},
    "deployment": {"resource": (APPS, "deployments"), "steps": [
        apply("evenkeel", deployment(RICH)),
        patch("strategic", "kubectl-edit", {"spec": {"template": {"spec": {"containers": [{"name": "api", "image": "registry.invalid/a:2"}]}}}}),
        patch("json", "kubectl-label", [{"op": "remove", "path": "/metadata/labels/team"}]),
        scale("kubectl", 2),
        scale("kubectl", 1),
        scale("other", 0),
        apply("evenkeel", deployment(RICH), fails=True),
        apply("evenkeel", deployment(RICH), force=True),
        apply("evenkeel", deployment(RICH[:1]), force=True),
        apply("evenkeel", deployment([{**RICH[0], "env": [], "args": None}], {"hostNetwork": False, "nodeSelector": {"a": "1"}}, paused=None)),
        patch("strategic", "kubectl-patch", {"spec": {"template": {"spec": {"nodeSelector": {"b": "1"}, "tolerations": [{"key": "x"}]}}}}),
        apply("evenkeel", deployment(pod={"nodeSelector": {"a": "1"}}), force=True),
        patch("json", "kubectl-edit", [{"op": "remove", "path": "/metadata/labels"}]),
    ]},
    "created": {"resource": (APPS, "deployments"), "steps": [
        {"do": "create", "manager": "kubectl-create", "body": deployment(RICH, {"volumes": [{"name": "v", "emptyDir": {}}]}, strategy={"rollingUpdate": {"maxSurge": 1}})},
        put("kubectl-replace", set_image("registry.invalid/a:9")),
        apply("evenkeel", deployment(RICH), fails=True),
        apply("evenkeel", deployment(RICH), force=True),
        put("kubectl-replace", lambda o: o["spec"]["template"]["spec"].pop("volumes")),
    ]},
    "forgotten": {"resource": (APPS, "deployments"), "steps": [
        apply("evenkeel", deployment(RICH)),
        put("kubectl-replace", forget),
        patch("merge", "kubectl-patch", {"metadata": {"labels": {"z": "1"}}}),
        scale("kubectl", 3),
        apply("evenkeel", deployment(RICH[:1]), force=True),
        apply("evenkeel", deployment(RICH[:1]), force=True),
    ]},
    "service": {"resource": (CORE, "services"), "steps": [
        apply("one", {"apiVersion": "v1", "kind": "Service", "metadata": {"finalizers": ["example.com/a"]},
                      "spec": {"selector": {"a": "1"}, "ports": [{"port": 80}, {"port": 443, "name": "tls", "protocol": "TCP"}]}}, fails=True),
        apply("one", {"apiVersion": "v1", "kind": "Service",
                      "spec": {"selector": {"a": "1"}, "ports": [{"name": "http", "port": 80}, {"port": 443, "name": "tls", "protocol": "TCP"}]}}),
        apply("two", {"apiVersion": "v1", "kind": "Service", "metadata": {"finalizers": ["example.com/a", "example.com/b"]},
                      "spec": {"ports": [{"name": "udp", "port": 80, "protocol": "UDP"}]}}),
        patch("strategic", "edit", {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}}),
        patch("json", "edit", [{"op": "replace", "path": "/spec/selector", "value": {"b": "1"}}]),
        apply("two", {"apiVersion": "v1", "kind": "Service", "metadata": {"finalizers": []}}),
        apply("one", {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 443, "name": "tls"}]}}),
    ]},
    "order": {"resource": (APPS, "deployments"), "steps": [
        apply("one", deployment([{"name": n, "image": "i"} for n in "abc"])),
        apply("two", deployment([{"name": n, "image": "i"} for n in "cxa"])),
        apply("one", deployment([{"name": n, "image": "i"} for n in "zcba"])),
        apply("two", deployment([{"name": n, "image": "i"} for n in "b"])),
    ]},
    "widget": {"resource": (CUSTOM, "widgets"), "crd": "widget", "steps": [
        apply("one", widget({"size": 1, "port": "80", "parts": [{"id": "a", "n": 1}, {"id": "b", "n": 1}], "tags": ["x", "y"],
                             "whole": {"a": 1}, "free": {"a": {"b": [1]}}, "words": ["a"], "ratio": 1.5})),
        apply("two", widget({"parts": [{"id": "b", "m": 1}, {"id": "c", "n": 2}], "tags": ["y", "z"], "free": {"a": {"c": 1}}})),
        apply("three", widget({"whole": {"a": 1, "b": 1}, "words": ["a", "b"], "free": {"a": {"b": [2]}}}), fails=True),
        apply("three", widget({"whole": {"a": 1, "b": 1}, "words": ["a", "b"], "free": {"a": {"b": [2]}}}), force=True),
        apply("one", widget({"size": 1, "parts": [{"id": "a", "n": 1}], "tags": ["x"]})),
        patch("merge", "edit", {"spec": {"size": 2, "port": 80, "ratio": 1}}),
        patch("merge", "controller", {"status": {"phase": "Ready"}, "spec": {"size": 9}}, subresource="status"),
        apply("one", widget({"size": 2, "ratio": 1.0, "parts": [{"id": "a", "n": 1}], "tags": ["x"]})),
        scale("kubectl", 7),
        apply("one", widget({"size": 3, "unknown": 1}), fails=True),
        apply("one", widget({"parts": [{"id": "a"}, {"id": "a"}]}), fails=True),
        apply("one", widget({"parts": [{"n": 1}]}), fails=True),
        apply("one", widget({"size": "x"}), fails=True),
    ]},
    "widget-created": {"resource": (CUSTOM, "widgets"), "crd": "widget", "steps": [
        {"do": "create", "manager": "kubectl-create", "body": widget({"size": 1, "parts": [{"id": "a", "n": 1}], "free": {"a": {}}}, labels={"a": "1"})},
        patch("merge", "edit", {"spec": {"parts": [{"id": "a", "n": 1}, {"id": "b", "n": 1}]}}),
        apply("one", widget({"size": 1})),
        put("kubectl-replace", forget),
        apply("one", widget({"size": 1, "tags": ["a"]})),
    ]},
    "free": {"resource": (CUSTOM, "anythings"), "crd": "anything", "steps": [
        apply("one", {"apiVersion": "example.com/v1", "kind": "Anything", "a": {"b": 1, "c": [1, 2]}, "spec": {"x": {"y": "z"}}}),
        apply("two", {"apiVersion": "example.com/v1", "kind": "Anything", "a": {"d": 1}}),
        patch("merge", "edit", {"a": {"c": [1]}, "e": {"f": {"g": 1}}}),
        apply("one", {"apiVersion": "example.com/v1", "kind": "Anything", "spec": {"x": {}}}),
    ]},
    "status": {"resource": (APPS, "deployments"), "steps": [
        apply("evenkeel", deployment(paused=True)),
        patch("merge", "controller", {"metadata": {"labels": {"l": "1"}, "annotations": {"an": "1"}}, "spec": {"replicas": 5},
                                      "status": {"conditions": [{"type": "X", "status": "True"}], "collisionCount": 4}}, subresource="status"),
        apply("evenkeel", {**deployment(paused=True), "status": {"collisionCount": 9}}),
        apply("agent", {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"labels": {"m": "1"}}, "status": {"collisionCount": 9}}, subresource="status", force=True),
    ]},
    "stateful": {"resource": (APPS, "statefulsets"), "steps": [
        apply("evenkeel", {"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {
            "replicas": 0, "serviceName": "s", "selector": {"matchLabels": {"a": "1"}},
            "template": {"metadata": {"labels": {"a": "1"}}, "spec": {"containers": [{"name": "a", "image": "i", "volumeMounts": [{"name": "d", "mountPath": "/d"}]}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}}]}}),
        scale("kubectl", 0),
        scale("kubectl", 1),
    ]},
    "secret": {"resource": (CORE, "secrets"), "steps": [
        apply("evenkeel", {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "one"}, "data": {"b": "dHdv"}}),
        patch("merge", "edit", {"data": {"a": "MQ=="}}),
        apply("evenkeel", {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "one"}, "data": {"b": "dHdv"}}),
    ]},
    "client-side": {"resource": (CORE, "configmaps"), "steps": [
        {"do": "create", "manager": "kubectl-client-side-apply",
         "body": config_map({"a": "1", "b": "1"}, annotations={"kubectl.kubernetes.io/last-applied-configuration": LAST_APPLIED})},
        patch("merge", "edit", {"data": {"b": "2"}}),
        apply("kubectl", config_map({"a": "2", "b": "3"}), fails=True),
        apply("kubectl", config_map({"a": "2"})),
        apply("evenkeel", config_map({"a": "2"})),
    ]},
    "versions": {"resource": ("apis/autoscaling/v2", "horizontalpodautoscalers"), "steps": [
        apply("one", HPA1, group="apis/autoscaling/v1"),
        apply("one", HPA2),
        patch("merge", "edit", {"spec": {"minReplicas": 2}}, group="apis/autoscaling/v1"),
        apply("one", {**HPA2, "spec": {**HPA2["spec"], "metrics": None}}),
    ]},
    "many-managers": {"resource": (CORE, "configmaps"), "steps": [
        apply("one", config_map({"a": "1"})),
        *[patch("merge", f"m{i:02}", {"data": {f"k{i:02}": "1"}}) for i in range(13)],
    ]},
    "owners": {"resource": (CORE, "configmaps"), "steps": [
        apply("one", config_map({}, ownerReferences=[{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u-1"}], annotations={"a": "<&>"})),
        apply("two", config_map({}, ownerReferences=[{"apiVersion": "v1", "kind": "ConfigMap", "name": "y", "uid": "u-2"}])),
        apply("one", config_map({"k": "v"})),
    ], },
}

LIST_MAP = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"], "items": {
    "type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "n": {"type": "integer"}, "m": {"type": "integer"}}}}


def crd(plural, kind, schema, **version):
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **version}]}}


CRDS = {
    "widget": crd("widgets", "Widget", {"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "size": {"type": "integer"}, "ratio": {"type": "number"},
            "port": {"x-kubernetes-int-or-string": True},
            "parts": LIST_MAP,
            "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "integer"}},
            "words": {"type": "array", "items": {"type": "string"}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "replicas": {"type": "integer", "default": 4},
        }},
        "status": {"type": "object", "properties": {"phase": {"type": "string"}, "replicas": {"type": "integer"}}},
    }}, subresources={"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}}),
    "anything": crd("anythings", "Anything", {"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
}
