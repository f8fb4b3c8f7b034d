//! The custom kinds that the systems use, as far as an API server needs them: name, group, version and scope, and any content. The
//! operators behind them are the clusters' own (Prometheus', KEDA, External Secrets, cert-manager).

use std::path::Path;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use super::support::client;
use crate::given;
use crate::harness::{eventually, others_charts, wait};

/// Group, version, kind and plural of each; all of them live in namespaces.
const KINDS: [(&str, &str, &str, &str); 5] = [
    ("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
    ("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
    ("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects"),
    ("external-secrets.io", "v1", "ExternalSecret", "externalsecrets"),
    ("cert-manager.io", "v1", "Certificate", "certificates"),
];

fn definition((group, version, kind, plural): (&str, &str, &str, &str)) -> Value {
    let any = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List")},
            "versions": [{"name": version, "served": true, "storage": true, "schema": any, "subresources": {"status": {}}}],
        },
    })
}

/// Has a cluster know the kinds; several may ask at once.
pub(super) async fn install(kubeconfig: &Path) {
    let client = client(kubeconfig).await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for kind in KINDS {
        let name = format!("{}.{}", kind.3, kind.0);
        let by = PatchParams::apply("operators").force();
        definitions.patch(&name, &by, &Patch::Apply(definition(kind))).await.unwrap();
    }
    for (group, version, _, plural) in KINDS {
        eventually(&format!("{plural}.{group} to be served"), wait::DEADLINE, || async {
            let path = format!("/apis/{group}/{version}/{plural}?limit=1");
            let request = http::Request::get(path).body(Vec::new()).unwrap();
            client.request_text(request).await.map_err(|e| e.to_string())
        })
        .await;
    }
}

/// The definitions that the operators' own charts bring.
fn originals(folder: &Path) -> Vec<Value> {
    let mut found = Vec::new();
    for file in [
        "prometheus-community__helm-charts/kube-prometheus-stack/charts/crds/crds/crd-servicemonitors.yaml",
        "prometheus-community__helm-charts/kube-prometheus-stack/charts/crds/crds/crd-prometheusrules.yaml",
        "kedacore__charts/keda/templates/crds/crd-scaledobjects.yaml",
        "wiremind__wiremind-helm-charts/external-secrets-crds/templates/externalsecret.yaml",
        "wiremind__wiremind-helm-charts/cert-manager-crds/templates/certificates.yaml",
    ] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        // Some are templates: what is asked of them stands in plain lines.
        let plain: Vec<&str> = text.lines().filter(|line| !line.contains("{{")).collect();
        found.push(evenkeel::yaml::to_json(&plain.join("\n"), evenkeel::yaml::Numbers::Exact).unwrap());
    }
    found
}

#[test]
fn the_kinds_are_the_operators_own() {
    let originals = originals(&given!(others_charts()));
    for kind in KINDS {
        let ours = definition(kind);
        let name = &ours["metadata"]["name"];
        let original = originals.iter().find(|o| o["metadata"]["name"] == *name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(ours["spec"]["group"], original["spec"]["group"], "{name}");
        assert_eq!(ours["spec"]["scope"], original["spec"]["scope"], "{name}");
        for key in ["kind", "plural", "singular", "listKind"] {
            assert_eq!(ours["spec"]["names"][key], original["spec"]["names"][key], "{name}: {key}");
        }
        let versions = original["spec"]["versions"].as_array().unwrap();
        let served = versions.iter().any(|v| v["name"] == ours["spec"]["versions"][0]["name"] && v["served"] == true);
        assert!(served, "{name} does not serve {}", kind.1);
    }
}
