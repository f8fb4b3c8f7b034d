//! `--group`: the releases of some groups alone, as people install a part of a platform.

use super::lifecycle::{Sandbox, config_map};
use crate::harness::{Evenkeel, GitRepository};

fn project() -> GitRepository {
    let repository = GitRepository::new();
    repository.write(
        "environments/dev/environment.yaml",
        "apiVersion: evenkeel.dev/v1alpha1\nkind: Environment\nnamespace: dev\norder: [infrastructure, control-plane, app-plane]\n",
    );
    let releases = [
        ("temporal", "infrastructure"),
        ("tenants", "control-plane"),
        ("admin", "control-plane"),
        ("portal", "app-plane"),
        ("loose", ""),
    ];
    for (name, group) in releases {
        let group = if group.is_empty() { String::new() } else { format!("group: {group}\n") };
        let release = format!("apiVersion: evenkeel.dev/v1alpha1\nkind: Release\n{group}");
        repository.write(&format!("environments/dev/{name}/release.yaml"), &release);
        repository.write(&format!("environments/dev/{name}/manifests/all.yaml"), &config_map(name, "1"));
    }
    repository
}

#[test]
fn one_group_is_installed_and_the_others_are_left_alone() {
    let sandbox = Sandbox::start();
    let repository = project();
    let applied = sandbox
        .run(&repository, &["apply", "dev", "--group", "control-plane", "--output", "json"])
        .expect_code(0)
        .json();
    let done: Vec<&String> = applied["done"].as_object().unwrap().keys().collect();
    assert_eq!(done, ["admin", "tenants"], "{applied:#}");
    let status: Vec<&str> =
        applied["status"]["releases"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(status, ["admin", "tenants"], "{applied:#}");

    // What is there is not seen again, and what is not is told for its own group alone.
    sandbox.run(&repository, &["diff", "dev", "--group", "control-plane"]).expect_code(0);
    let diff = sandbox
        .run(&repository, &["diff", "dev", "--group", "infrastructure", "--group", "app-plane", "--output", "json"])
        .expect_code(1)
        .json();
    let releases: Vec<&str> =
        diff["objects"].as_array().unwrap().iter().map(|o| o["release"].as_str().unwrap()).collect();
    assert_eq!(releases, ["temporal", "portal"], "in the environment's order: {diff:#}");
    let rendered =
        Evenkeel::new(["render", "dev", "--group", "app-plane"]).repository(&repository).run().expect_code(0);
    assert_eq!(rendered.stdout.matches("kind: ConfigMap").count(), 1, "{rendered}");

    // The rest, the release without a group included.
    let rest = sandbox.run(&repository, &["apply", "dev", "--output", "json"]).expect_code(0).json();
    let done = rest["done"].as_object().unwrap();
    let changed: Vec<&String> = done.iter().filter(|(_, v)| v != &&serde_json::json!([])).map(|(k, _)| k).collect();
    assert_eq!(changed, ["loose", "portal", "temporal"], "{rest:#}");
}

#[test]
fn a_group_that_is_not_there_is_named() {
    let repository = project();
    let told = |arguments: &[&str]| {
        Evenkeel::new(arguments).repository(&repository).run().expect_code(2).stderr.replace('\n', " ")
    };
    let error = told(&["render", "dev", "--group", "controlplane"]);
    assert!(error.contains("environment `dev` has no group `controlplane`"), "{error}");
    assert!(error.contains("did you mean `control-plane`?"), "{error}");
    let error = told(&["render", "dev/admin", "--group", "control-plane"]);
    assert!(error.contains("`--group` is about an environment, not about one release"), "{error}");
}
