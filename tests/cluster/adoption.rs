//! Objects that kubectl made, taken over: what leaves Git then leaves the object, and what others set stays theirs.

use std::path::Path;
use std::process::{Command, Stdio};

use evenkeel::manifest::Object;
use serde_json::{Value, json};

use super::{Bench, config_map, deployment, words};
use crate::harness::kubectl;

/// Runs kubectl in the bench's namespace.
fn run(program: &Path, kubeconfig: &Path, bench: &Bench, line: &str, input: &str) {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(program)
        .args(line.split_whitespace())
        .arg("--namespace")
        .arg(&bench.namespace)
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "kubectl {line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn managers(live: &Object) -> Vec<String> {
    let entries = live.value().pointer("/metadata/managedFields").and_then(Value::as_array).unwrap();
    let of = |e: &Value| format!("{} {}", e["manager"].as_str().unwrap(), e["operation"].as_str().unwrap());
    entries.iter().map(of).collect()
}

pub(crate) async fn what_kubectl_wrote_is_taken_over_whole(kubeconfig: &Path) {
    let kubectl = crate::require!(kubectl());
    let bench = Bench::with_namespace(kubeconfig).await;
    let ways: &[&[&str]] = &[
        &["create -f -"],
        &["create --save-config -f -"],
        &["apply -f -"],
        &["apply --server-side -f -"],
        &["apply -f -", "apply --server-side -f -"],
        &["create -f -", "apply -f -"],
        &["create -f -", "replace -f -"],
    ];
    for (number, way) in ways.iter().enumerate() {
        let name = format!("way-{number}");
        for (step, line) in way.iter().enumerate() {
            let mut theirs = config_map(&name, "theirs");
            theirs.value_mut()["data"][format!("old-{step}")] = json!("left Git");
            theirs.set_label("left", "git");
            let text = theirs.value().to_string();
            let (kubectl, line) = (kubectl.clone(), (*line).to_owned());
            tokio::task::block_in_place(|| run(&kubectl, kubeconfig, &bench, &line, &text));
        }
        let ours = config_map(&name, "ours");
        let adopted = bench.settle(&name, Some(vec![ours.clone()])).await;
        assert_eq!(words(&adopted), [format!("configured {name}")]);
        let live = bench.live(&bench.id("/ConfigMap", &name)).await.unwrap();
        assert_eq!(live.value()["data"], json!({"a": "ours"}), "{way:?}");
        assert_eq!(managers(&live), ["evenkeel Apply"], "{way:?}");
        let labels = live.value()["metadata"]["labels"].as_object().unwrap();
        assert!(!labels.contains_key("left"), "{way:?}: {labels:?}");
        let annotations = live.value()["metadata"]["annotations"].as_object().unwrap();
        assert_eq!(annotations.keys().collect::<Vec<_>>(), ["evenkeel.dev/owner"], "{way:?}");
        assert!(words(&bench.settle(&name, Some(vec![ours])).await).is_empty());
    }
}

pub(crate) async fn what_others_set_stays_theirs(kubeconfig: &Path) {
    let kubectl = crate::require!(kubectl());
    let bench = Bench::with_namespace(kubeconfig).await;
    let theirs = deployment("backend", 1).value().to_string();
    let lines = [
        ("create -f -", theirs),
        ("scale deployment/backend --replicas=3", String::new()),
        ("label deployment/backend team=a", String::new()),
        (
            "apply --server-side --field-manager=mesh -f -",
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "backend"}, "spec": {"template": {
                "metadata": {"annotations": {"mesh": "on"}}, "spec": {"containers": [{"name": "proxy", "image": "proxy:1"}]}}}})
            .to_string(),
        ),
    ];
    for (line, input) in lines {
        tokio::task::block_in_place(|| run(&kubectl, kubeconfig, &bench, line, &input));
    }
    let mut ours = deployment("backend", 1);
    ours.value_mut()["spec"].as_object_mut().unwrap().remove("replicas");
    let adopted = bench.settle("a", Some(vec![ours.clone()])).await;
    assert_eq!(words(&adopted), ["configured backend"]);
    let live = bench.live(&bench.id("apps/Deployment", "backend")).await.unwrap();
    assert_eq!(live.value()["spec"]["replicas"], 3, "whoever scales it");
    assert_eq!(live.value()["metadata"]["labels"]["team"], "a");
    assert_eq!(live.value()["spec"]["template"]["metadata"]["annotations"], json!({"mesh": "on"}));
    let containers = live.value()["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 2, "{containers:?}");
    let of: Vec<String> = managers(&live).into_iter().filter(|m| !m.starts_with("kube-controller")).collect();
    for manager in ["evenkeel Apply", "kubectl Update", "kubectl-label Update", "mesh Apply"] {
        assert!(of.iter().any(|m| m == manager), "{of:?}");
    }
    assert!(!of.iter().any(|m| m.starts_with("kubectl-create")), "{of:?}");
    assert!(words(&bench.settle("a", Some(vec![ours])).await).is_empty());
}
