//! Every Secret that an environment names is made by somebody: by one of its releases, by an operator for one of its objects, or, as a
//! README says, by whoever owns the cluster.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel::chart::io;
use evenkeel::environment::load;
use evenkeel::git::Folder;
use evenkeel::manifest::Object;
use evenkeel::render::{RenderOptions, objects_in, render};
use evenkeel::sops::{KeySource, Keys};
use serde_json::Value;

use super::support::age_key;
use crate::harness::project;

/// A Secret that is named: by what (`Kind/name`), and the key, where one is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    pub(super) by: String,
    pub(super) namespace: String,
    pub(super) secret: String,
    pub(super) key: Option<String>,
}

/// The Secrets that an object's pods cannot do without, and those of its certificates.
pub(super) fn named(object: &Value, namespace: &str) -> Vec<Named> {
    let mut found = Vec::new();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let by = format!("{}/{}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or(namespace).to_owned();
    // A pod, what has a template of one, and what has a template of that.
    let templates = ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];
    let mut all: Vec<(Option<String>, Option<String>)> = Vec::new();
    for pod in templates.iter().filter_map(|path| object.pointer(path)).filter(|pod| pod["containers"].is_array()) {
        for container in each(&pod["containers"]).chain(each(&pod["initContainers"])) {
            for variable in each(&container["env"]) {
                all.extend(needed(&variable["valueFrom"]["secretKeyRef"]).map(|r| (text(&r["name"]), text(&r["key"]))));
            }
            all.extend(
                each(&container["envFrom"]).filter_map(|f| Some((text(&needed(&f["secretRef"])?["name"]), None))),
            );
        }
        for volume in each(&pod["volumes"]) {
            let projected = each(&volume["projected"]["sources"]).filter_map(|source| needed(&source["secret"]));
            for secret in needed(&volume["secret"]).into_iter().chain(projected) {
                let name = text(&secret["secretName"]).or_else(|| text(&secret["name"]));
                all.push((name.clone(), None));
                all.extend(each(&secret["items"]).map(|item| (name.clone(), text(&item["key"]))));
            }
        }
        all.extend(each(&pod["imagePullSecrets"]).map(|pull| (text(&pull["name"]), None)));
    }
    if by.starts_with("ServiceAccount/") {
        all.extend(each(&object["imagePullSecrets"]).map(|pull| (text(&pull["name"]), None)));
    }
    let issued = object["metadata"]["annotations"].as_object().is_some_and(|annotations| {
        ["cert-manager.io/cluster-issuer", "cert-manager.io/issuer"].iter().any(|key| annotations.contains_key(*key))
    });
    if by.starts_with("Ingress/") && !issued {
        all.extend(each(&object["spec"]["tls"]).map(|tls| (text(&tls["secretName"]), None)));
    }
    for (secret, key) in all {
        let secret = secret.unwrap_or_else(|| panic!("{by} names a Secret without a name"));
        found.push(Named { by: by.clone(), namespace: namespace.clone(), secret, key });
    }
    found
}

/// What is there and may not be missing.
fn needed(reference: &Value) -> Option<&Value> {
    (reference.is_object() && reference["optional"] != true).then_some(reference)
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// The Secrets that come of an object, with their keys; none: any.
fn made(object: &Value) -> Vec<(String, Option<BTreeSet<String>>)> {
    let name = |value: &Value| value.as_str().map(str::to_owned);
    let keys = |map: &Value| map.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    match object["kind"].as_str().unwrap() {
        "Secret" => {
            let all = keys(&object["data"]).into_iter().chain(keys(&object["stringData"])).collect();
            vec![(name(&object["metadata"]["name"]).unwrap(), Some(all))]
        }
        "ExternalSecret" => {
            let target = name(&object["spec"]["target"]["name"]).or_else(|| name(&object["metadata"]["name"])).unwrap();
            let all = each(&object["spec"]["data"]).filter_map(|data| name(&data["secretKey"])).collect();
            vec![(target, object["spec"]["dataFrom"].is_null().then_some(all))]
        }
        "Certificate" => {
            let all = ["tls.crt", "tls.key", "ca.crt"].map(str::to_owned).into();
            vec![(name(&object["spec"]["secretName"]).unwrap(), Some(all))]
        }
        _ => Vec::new(),
    }
}

/// The environments that are deployed.
fn environments() -> Vec<String> {
    let entries = std::fs::read_dir(project().join("environments")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|n| deployed(n)).collect();
    names.sort();
    names
}

fn deployed(name: &str) -> bool {
    let file = project().join("environments").join(name).join("environment.yaml");
    std::fs::read_to_string(file).is_ok_and(|text| !text.contains("abstract: true"))
}

/// The keys that open what is encrypted here.
fn keys() -> Keys {
    let text = std::fs::read_to_string(age_key()).map_err(|error| error.to_string());
    Keys::read([KeySource { name: "the tests' key".to_owned(), text }])
}

/// All objects of an environment, with their release's namespace and chart; of the charts that are in this repository.
fn objects(name: &str) -> Vec<(String, String, Object)> {
    let folder = Folder::open(project()).unwrap();
    let environment = load(&folder, "environments", name, &keys()).unwrap_or_else(|e| panic!("{name}: {e:?}"));
    let mut found = Vec::new();
    for release in environment.staged() {
        let release = release.as_ref().unwrap_or_else(|broken| panic!("{name}: {broken:?}"));
        let Some(chart) = release.chart.as_ref().and_then(|chart| chart.folder()) else {
            let remote = release.chart.as_ref().is_none_or(|chart| chart.remote().is_some());
            assert!(remote, "{name}/{}: its chart is not looked into", release.name);
            continue;
        };
        let options = RenderOptions {
            release_name: release.release_name.clone(),
            namespace: release.namespace.clone(),
            ..RenderOptions::default()
        };
        let loaded = io::load(&project().join(chart)).unwrap();
        let rendered = render(&loaded, &release.values.value, &options).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        let of_chart = rendered.objects().unwrap().into_iter().map(|(_, object)| object);
        let of_files = release.manifests.iter().flat_map(|file| objects_in(&file.text, &file.path).unwrap());
        found.extend(of_chart.chain(of_files).map(|object| (release.namespace.clone(), chart.to_owned(), object)));
    }
    found
}

/// Whether a README in this environment's reach names a Secret, as code.
fn documented(environment: &str, charts: &BTreeSet<String>, secret: &str) -> bool {
    let system = environment.rsplit_once('-').unwrap().0;
    let readmes = charts.iter().cloned().chain([format!("environments/{system}-base")]);
    let texts = readmes.map(|f| std::fs::read_to_string(project().join(f).join("README.md")).unwrap_or_default());
    texts.into_iter().any(|text| text.contains(&format!("`{secret}`")))
}

#[test]
fn every_secret_that_is_named_is_made_or_said_to_be_needed() {
    let (mut count, mut outside) = (0, BTreeMap::new());
    for environment in environments() {
        let objects = objects(&environment);
        let charts: BTreeSet<String> = objects.iter().map(|(_, chart, _)| chart.clone()).collect();
        let mut there: BTreeMap<(String, String), Option<BTreeSet<String>>> = BTreeMap::new();
        for (namespace, _, object) in &objects {
            let namespace = object.value()["metadata"]["namespace"].as_str().unwrap_or(namespace);
            there.extend(made(object.value()).into_iter().map(|(name, keys)| ((namespace.to_owned(), name), keys)));
        }
        let mut used = BTreeSet::new();
        for named in objects.iter().flat_map(|(namespace, _, object)| named(object.value(), namespace)) {
            count += 1;
            let Named { by, namespace, secret, key } = named;
            used.insert((namespace.clone(), secret.clone()));
            match there.get(&(namespace, secret.clone())) {
                Some(Some(keys)) => {
                    let fine = key.as_ref().is_none_or(|key| keys.contains(key));
                    assert!(fine, "{environment}: {by} names {secret}[{key:?}], which has {keys:?}");
                }
                Some(None) => {}
                None => {
                    let said = documented(&environment, &charts, &secret);
                    assert!(
                        said,
                        "{environment}: {by} names the Secret {secret}, which nobody makes and no README names"
                    );
                    outside.entry(environment.clone()).or_insert_with(BTreeSet::new).insert(secret);
                }
            }
        }
        // What a release `secrets` makes is there for somebody.
        let idle: Vec<_> = there.keys().filter(|made| !used.contains(*made)).collect();
        let of_others = |(namespace, name): &(String, String)| {
            (namespace.as_str(), name.as_str()) == ("monitoring", "grafana-admin")
        };
        assert!(idle.iter().all(|made| of_others(made)), "{environment}: nobody names {idle:?}");
    }
    assert!(count > 200, "only {count} references were found");
    // What has to exist before, all of it.
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let membrane = names(&["integration-app-api-tls", "integration-app-console-tls", "integration-app-ui-tls"]);
    let expected: BTreeMap<String, BTreeSet<String>> = [
        ("ai-agent-connector-production", names(&["api-tls"])),
        ("ai-agent-connector-staging", names(&["api-tls"])),
        ("clipper-development", names(&["clipper-tls"])),
        (
            "clipper-production",
            names(&["backend-secrets", "clipper-tls", "grafana-admin-secret", "postgres-secrets", "redis-secrets"]),
        ),
        ("clipper-staging", names(&["clipper-tls"])),
        ("membrane-development", membrane.clone()),
        ("membrane-production", membrane.clone()),
        ("membrane-staging", membrane),
    ]
    .map(|(name, secrets)| (name.to_owned(), secrets))
    .into();
    assert_eq!(outside, expected);
}

#[test]
fn the_remote_backends_of_exadeploy_read_what_the_release_secrets_makes() {
    let of = |environment: &str| {
        let objects = objects(environment);
        let repository =
            objects.iter().find(|(.., o)| o.id().name == "exadeploy-module-repository" && o.kind() == "Deployment");
        let (namespace, _, deployment) = repository.unwrap();
        let named: BTreeSet<String> = named(deployment.value(), namespace)
            .into_iter()
            .filter_map(|named| Some(format!("{}[{}]", named.secret, named.key?)))
            .collect();
        named.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(of("exadeploy-development"), [""; 0]);
    let s3 = ["aws-access-key[access_key]", "aws-access-key[secret_key]", "postgres-password[postgres_password]"];
    assert_eq!(of("exadeploy-staging"), s3);
    let gcs = ["gcs-gcp-credentials[gcp-credentials.json]", "postgres-password[postgres_password]"];
    assert_eq!(of("exadeploy-production"), gcs);
}
