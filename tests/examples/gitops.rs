//! What Argo CD's and Flux's manifests say is what evenkeel's environments say, and what they deployed is taken over as it runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evenkeel::environment::{ChartSource, OnDrift, OnFailure};
use evenkeel::manifest::{self, Object};
use evenkeel::values::merge_maps;
use evenkeel::yaml::{Numbers, parse_all, to_json};
use serde_json::{Map, Value, json};

use super::walk::Walk;
use crate::harness::{ControlPlane, Evenkeel, copy_folder, helm, kubectl, project, unique_name};
use crate::require;

/// What a manifest of another tool says of one release in one environment.
#[derive(Debug)]
struct Told {
    /// `argocd` or `flux`.
    tool: &'static str,
    /// What the tool calls it.
    name: String,
    namespace: String,
    release: String,
    chart: String,
    values: Map<String, Value>,
    corrects: bool,
    rolls_back: bool,
    ignored: Vec<String>,
    depends_on: Vec<String>,
}

/// The objects of a file, whatever their kinds.
fn documents(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    parse_all(&text).unwrap().iter().map(|node| node.to_json(Numbers::Exact).unwrap()).collect()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text is missing: {value}")).to_owned()
}

/// What Argo CD does with an Application: value files, then the object, then parameters.
fn application(folder: &Path, template: &Value) -> Told {
    let spec = &template["spec"];
    let source = &spec["source"];
    let options = &source["helm"];
    let mut values = Map::new();
    for file in texts(&options["valueFiles"]) {
        let below = std::fs::read_to_string(folder.join(file.trim_start_matches('/'))).unwrap();
        merge_maps(&mut values, to_json(&below, Numbers::Exact).unwrap().as_object().unwrap());
    }
    if let Value::Object(inline) = &options["valuesObject"] {
        merge_maps(&mut values, inline);
    }
    for parameter in options["parameters"].as_array().into_iter().flatten() {
        let path = text(&parameter["name"]);
        let value = path.split('.').rev().fold(parameter["value"].clone(), |inner, key| json!({key: inner}));
        merge_maps(&mut values, value.as_object().unwrap());
    }
    assert_eq!(source["targetRevision"], "main");
    let automated = &spec["syncPolicy"]["automated"];
    assert_eq!(automated["prune"], true);
    let ignored = spec["ignoreDifferences"].as_array().into_iter().flatten();
    Told {
        tool: "argocd",
        name: text(&template["metadata"]["name"]),
        namespace: text(&spec["destination"]["namespace"]),
        release: text(&options["releaseName"]),
        chart: text(&source["path"]),
        values,
        corrects: automated["selfHeal"] == true,
        rolls_back: false,
        ignored: ignored.flat_map(|rule| texts(&rule["jsonPointers"])).collect(),
        depends_on: Vec::new(),
    }
}

fn argocd(folder: &Path) -> Vec<Told> {
    let mut told = Vec::new();
    for entry in std::fs::read_dir(folder.join("argocd")).unwrap() {
        let path = entry.unwrap().path();
        for document in if path.is_file() { documents(&path) } else { Vec::new() } {
            match document["kind"].as_str().unwrap() {
                "Application" => told.push(application(folder, &document)),
                "ApplicationSet" => {
                    let template = document["spec"]["template"].to_string();
                    for element in document["spec"]["generators"][0]["list"]["elements"].as_array().unwrap() {
                        let filled =
                            element.as_object().unwrap().iter().fold(template.clone(), |text, (key, value)| {
                                text.replace(&format!("{{{{.{key}}}}}"), value.as_str().unwrap())
                            });
                        assert!(!filled.contains("{{"), "{filled}");
                        told.push(application(folder, &serde_json::from_str(&filled).unwrap()));
                    }
                }
                kind => panic!("{}: a {kind}", path.display()),
            }
        }
    }
    told
}

/// What Flux does: each Kustomization's folder, in its namespace; a HelmRelease's `valuesFrom`, then its `values`.
fn flux(folder: &Path) -> Vec<Told> {
    let source = documents(&folder.join("flux/source.yaml")).remove(0);
    assert_eq!((&source["kind"], &source["spec"]["ref"]["branch"]), (&json!("GitRepository"), &json!("main")));
    let mut told = Vec::new();
    for kustomization in documents(&folder.join("flux/kustomizations.yaml")) {
        let spec = &kustomization["spec"];
        assert_eq!((&spec["sourceRef"]["name"], &spec["prune"]), (&source["metadata"]["name"], &json!(true)));
        let path = folder.join(text(&spec["path"]).trim_start_matches("./")).join("releases.yaml");
        let documents = documents(&path);
        for release in documents.iter().filter(|d| d["kind"] == "HelmRelease") {
            let spec_of = &release["spec"];
            let mut values = Map::new();
            for from in spec_of["valuesFrom"].as_array().into_iter().flatten() {
                let named = |d: &&Value| d["kind"] == from["kind"] && d["metadata"]["name"] == from["name"];
                let map = documents.iter().find(named).unwrap();
                let below = to_json(map["data"]["values.yaml"].as_str().unwrap(), Numbers::Exact).unwrap();
                merge_maps(&mut values, below.as_object().unwrap());
            }
            merge_maps(&mut values, spec_of["values"].as_object().unwrap());
            let ignored = spec_of["driftDetection"]["ignore"].as_array().into_iter().flatten();
            let dependencies = spec_of["dependsOn"].as_array().into_iter().flatten();
            told.push(Told {
                tool: "flux",
                name: text(&release["metadata"]["name"]),
                namespace: text(&spec["targetNamespace"]),
                release: text(&spec_of["releaseName"]),
                chart: text(&spec_of["chart"]["spec"]["chart"]).trim_start_matches("./").to_owned(),
                values,
                corrects: spec_of["driftDetection"]["mode"] == "enabled",
                rolls_back: spec_of["upgrade"]["remediation"]["strategy"] == "rollback",
                ignored: ignored.flat_map(|rule| texts(&rule["paths"])).collect(),
                depends_on: dependencies.map(|d| text(&d["name"])).collect(),
            });
        }
    }
    told
}

/// The example with the charts beside it.
fn example() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("repository");
    copy_folder(&project().join("examples/migrate-gitops"), &folder);
    for chart in ["charts/clipper-backend", "charts/clipper-redis"] {
        copy_folder(&project().join(chart), &folder.join(chart));
    }
    (home, folder)
}

/// The objects of a text by their names, hooks left out.
fn objects(text: &str) -> BTreeMap<String, Object> {
    let all = manifest::parse(text, "rendered").unwrap().into_iter();
    all.filter(|o| o.annotation("helm.sh/hook").is_none()).map(|o| (o.id().to_string(), o)).collect()
}

/// What `helm template` makes of what was told.
fn rendered(folder: &Path, told: &Told, helm: &Path) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), Value::Object(told.values.clone()).to_string()).unwrap();
    let mut command = std::process::Command::new(helm);
    command.args(["template", &told.release, &told.chart, "--namespace", &told.namespace, "--no-hooks", "-f"]);
    let output = command.arg(file.path()).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{told:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_manifests_of_argo_cd_and_flux_say_what_the_environments_say() {
    let (_home, folder) = example();
    let tree = evenkeel::git::Folder::open(&folder).unwrap();
    let all: Vec<Told> = argocd(&folder).into_iter().chain(flux(&folder)).collect();
    let mut seen: Vec<String> = all.iter().map(|t| format!("{} {}/{}", t.tool, t.namespace, t.release)).collect();
    seen.sort();
    let of = |tool: &str| {
        ["production/backend", "production/redis", "staging/backend", "staging/redis"]
            .map(|release| format!("{tool} clipper-{release}"))
    };
    assert_eq!(seen, [of("argocd"), of("flux")].concat());
    for told in &all {
        let environment =
            evenkeel::environment::load(&tree, "environments", &told.namespace, &evenkeel::sops::Keys::default())
                .unwrap();
        let release = environment.release(&told.release).unwrap().as_ref().unwrap();
        assert_eq!(release.chart.as_ref().and_then(ChartSource::folder), Some(told.chart.as_str()), "{told:?}");
        assert_eq!((&release.namespace, &release.release_name), (&told.namespace, &told.release), "{told:?}");
        let plain = |values: &Map<String, Value>| serde_json::to_value(values).unwrap().to_string();
        let ours: Map<String, Value> =
            serde_json::from_str(&plain(&release.values.value).replace(".0,", ",").replace(".0}", "}")).unwrap();
        assert_eq!(Value::Object(ours), Value::Object(told.values.clone()), "{told:?}");
        assert_eq!(release.policies.on_drift == OnDrift::Correct, told.corrects, "{told:?}");
        assert!(release.policies.prune.enabled);
        let ignored: Vec<String> = release.policies.ignore.iter().flat_map(|rule| rule.pointers.clone()).collect();
        assert_eq!(ignored, told.ignored, "{told:?}");
        if told.tool == "flux" {
            assert_eq!(release.policies.on_failure == OnFailure::Rollback, told.rolls_back, "{told:?}");
            assert_eq!(release.depends_on, told.depends_on, "{told:?}");
        }
    }

    let helm = require!(helm());
    for told in &all {
        let target = format!("{}/{}", told.namespace, told.release);
        let ours = Evenkeel::new(["render", &target]).folder(&folder).run().expect_code(0).stdout;
        let (ours, theirs) = (objects(&ours), objects(&rendered(&folder, told, &helm)));
        assert!(ours.len() >= 4, "{target}");
        assert_eq!(ours, theirs, "{} {target}", told.tool);
    }
}

#[test]
fn a_migration_from_argo_cd_and_flux_is_as_its_readme_says() {
    let plane = require!(ControlPlane::shared());
    let (helm, kubectl) = (require!(helm()), require!(kubectl()));
    let name = unique_name("gitops");
    let mut walk = Walk::new("migrate-gitops")
        .charts(&["clipper-backend", "clipper-redis"])
        .renamed("clipper-staging", &format!("{name}-s"))
        .renamed("clipper-production", &format!("{name}-p"))
        .program("helm", &helm)
        // Flux's controller is helm under another name, which is what helm writes down as the manager.
        .program("helm-controller", &helm)
        .program("kubectl", &kubectl)
        .variable("KUBECONFIG", plane.kubeconfig().to_str().unwrap());
    let folder = walk.folder();
    for mut told in argocd(&folder) {
        // A namespace that a template makes has its old name yet.
        told.namespace = told.namespace.replace("clipper-staging", &format!("{name}-s"));
        if told.namespace.ends_with("-s") {
            deploy_as_argo_cd(&walk, &told, &helm);
        }
    }
    for told in flux(&folder).iter().filter(|told| told.namespace.ends_with("-p")) {
        deploy_as_flux(&walk, told, &helm);
    }
    for set in ["redis", "backend"] {
        for namespace in [format!("{name}-s"), format!("{name}-p")] {
            let kind = if set == "redis" { "statefulset" } else { "deployment" };
            walk.sh(&format!("kubectl rollout status {kind}/{set} -n {namespace} --timeout 90s"));
        }
    }
    walk.run();
}

/// Server-side apply as `argocd-controller`, with its tracking annotation.
fn deploy_as_argo_cd(walk: &Walk, told: &Told, helm: &Path) {
    let Told { name, namespace, .. } = told;
    walk.sh(&format!("kubectl get namespace {namespace} || kubectl create namespace {namespace}"));
    let mut list = Vec::new();
    for (_, object) in objects(&rendered(&walk.folder(), told, helm)) {
        let mut value = object.value().clone();
        let (group, kind) = (&object.id().group, object.kind());
        let id = format!("{name}:{group}/{kind}:{namespace}/{}", object.name());
        value["metadata"]["namespace"] = json!(namespace);
        value["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = json!(id);
        list.push(value);
    }
    let file = format!("../{name}.json");
    let all = json!({"apiVersion": "v1", "kind": "List", "items": list});
    std::fs::write(walk.folder().join(&file), all.to_string()).unwrap();
    walk.sh(&format!("kubectl apply --server-side --field-manager argocd-controller -f {file}"));
}

/// `helm install` by another name, with the labels that Flux puts on everything.
fn deploy_as_flux(walk: &Walk, told: &Told, helm: &Path) {
    let Told { name, namespace, release, chart, .. } = told;
    let mut labelled = String::new();
    for (_, object) in objects(&rendered(&walk.folder(), told, helm)) {
        let mut value = object.value().clone();
        value["metadata"]["labels"]["helm.toolkit.fluxcd.io/name"] = json!(name);
        value["metadata"]["labels"]["helm.toolkit.fluxcd.io/namespace"] = json!(namespace);
        labelled += &format!("---\n{value}\n");
    }
    let outside = |file: String| walk.folder().join("..").join(file);
    std::fs::write(outside(format!("{name}-labelled.yaml")), labelled).unwrap();
    std::fs::write(outside(format!("{name}-values.json")), Value::Object(told.values.clone()).to_string()).unwrap();
    let script = format!("#!/bin/sh\ncat > /dev/null\nexec cat ../{name}-labelled.yaml\n");
    std::fs::write(outside(format!("{name}-labels")), script).unwrap();
    walk.sh(&format!(
        "chmod +x ../{name}-labels && helm-controller install {release} {chart} -n {namespace} --create-namespace \
         -f ../{name}-values.json --post-renderer ../{name}-labels"
    ));
}
