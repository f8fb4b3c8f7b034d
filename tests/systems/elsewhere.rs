//! For the systems whose charts come from elsewhere, and for tests beside the stories: copies of environments, repositories' indexes.

use std::collections::BTreeMap;
use std::path::Path;

use evenkeel::chart::repository::sha256;
use serde_json::{Value, json};

use super::support::age_key;
use crate::harness::{Evenkeel, GitRepository, Output, copy_folder, helm, unique_name};
use crate::remote::support::Home;

/// Another environment like one of the repository's, in a namespace of its own: other tests deploy that one beside this.
pub(super) fn like(environment: &str, repository: &GitRepository) -> String {
    let name = unique_name(environment);
    let to = format!("environments/{name}");
    copy_folder(&repository.path().join("environments").join(environment), &repository.path().join(&to));
    let namespace = format!("namespace: {environment}\n");
    repository.replace(&format!("{to}/environment.yaml"), &namespace, &format!("namespace: {name}\n"));
    repository.commit(&format!("{name}, like {environment}"));
    name
}

/// Makes the index of a folder of packed charts: helm where it is there, else the same facts written down here.
pub(super) fn index(home: &Home, folder: &Path) {
    if let Ok(helm) = helm() {
        home.helm_ok(&helm, &["repo", "index", folder.to_str().unwrap()]);
        return;
    }
    let mut entries: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let shown = home.run(["chart", "show", "chart", path.to_str().unwrap()]).expect_code(0);
        let mut chart = evenkeel::yaml::to_json(&shown.stdout, evenkeel::yaml::Numbers::Exact).unwrap();
        chart["digest"] = json!(sha256(&std::fs::read(&path).unwrap()));
        chart["urls"] = json!([path.file_name().unwrap().to_str().unwrap()]);
        entries.entry(chart["name"].as_str().unwrap().to_owned()).or_default().push(chart);
    }
    let index = json!({"apiVersion": "v1", "entries": entries, "generated": "2026-01-01T00:00:00Z"});
    std::fs::write(folder.join("index.yaml"), index.to_string()).unwrap();
}

/// The command line over a repository, without a cluster.
pub(super) fn offline(arguments: &[&str], repository: &GitRepository) -> Output {
    Evenkeel::new(arguments).env("SOPS_AGE_KEY_FILE", age_key()).repository(repository).run()
}

/// A runtime for a test that also holds what has one of its own.
pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// How many objects an apply wrote, over all its releases.
pub(super) fn wrote(applied: &Output) -> usize {
    let done = applied.json()["done"].clone();
    done.as_object().unwrap().values().map(|objects| objects.as_array().unwrap().len()).sum()
}
