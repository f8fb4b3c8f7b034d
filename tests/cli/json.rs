//! With `--output json`, standard output is one document, whatever goes wrong, and the exit code says whether something did.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::lifecycle::{ENVIRONMENT, RELEASE, Sandbox, config_map};
use crate::harness::{Evenkeel, GitRepository, wait_for};

fn repository(environment: &str) -> GitRepository {
    let repository = GitRepository::new();
    repository.write("environments/test/environment.yaml", environment);
    repository.write("environments/test/app/release.yaml", RELEASE);
    repository
}

/// Output::json reads the whole of standard output: a second document fails it.
fn messages(document: &Value) -> Vec<&str> {
    document["errors"].as_array().unwrap().iter().map(|e| e["message"].as_str().unwrap()).collect()
}

#[test]
fn a_broken_release_is_part_of_the_one_document() {
    let sandbox = Sandbox::start();
    let repository = repository(ENVIRONMENT);
    repository.write("environments/test/app/manifests/a.yaml", &config_map("a", "1"));
    // render knows no cluster.
    let run = |command: &str| match command {
        "render" => Evenkeel::new([command, "test", "--output", "json"]).repository(&repository).run(),
        _ => sandbox.run(&repository, &[command, "test", "--output", "json"]),
    };
    for (command, code) in [("render", 0), ("diff", 1), ("drift", 0), ("apply", 0)] {
        let output = run(command).expect_code(code);
        assert_eq!(output.json()["errors"], json!([]), "{command}: {output}");
    }
    repository.write("environments/test/broken/release.yaml", RELEASE);
    repository.write("environments/test/broken/manifests/a.yaml", "kind: [\n");
    for command in ["render", "diff", "drift", "apply"] {
        let output = run(command).expect_code(2);
        let document = output.json();
        let errors = messages(&document);
        assert_eq!(errors.len(), 1, "{command}: {output}");
        assert!(errors[0].starts_with("test/broken"), "{command}: {output}");
        assert!(errors[0].contains("environments/test/broken/manifests/a.yaml"), "{command}: {output}");
        assert_eq!(document["errors"][0]["kind"], "user");
        assert!(output.stderr.contains(errors[0].lines().next().unwrap()), "{command}: {output}");
    }
    // What fails as a whole is one document, too.
    let output = sandbox.run(&repository, &["apply", "tset", "--output", "json"]).expect_code(2);
    assert_eq!(output.json()["error"]["hint"], "did you mean `test`?", "{output}");
}

#[test]
fn refused_deletions_fail_an_apply() {
    let sandbox = Sandbox::start();
    let limited = ENVIRONMENT.replace("100%", "1");
    let repository = repository(&limited);
    let file = "environments/test/app/manifests/all.yaml";
    let all: String = ["a", "b", "c"].iter().map(|name| config_map(name, "1")).collect();
    repository.write(file, &all);
    repository.write("environments/test/other/release.yaml", RELEASE);
    repository.write("environments/test/other/manifests/o.yaml", &config_map("o", "1"));
    sandbox.run(&repository, &["apply", "test"]).expect_code(0);

    repository.write(file, &config_map("a", "1"));
    let finding = "nothing is deleted: 2 deletions exceed prune.maxDeletions (1)";
    let text = sandbox.run(&repository, &["apply", "test"]).expect_code(2);
    assert!(text.stderr.contains(finding), "{text}");
    let document = sandbox.run(&repository, &["apply", "test", "--output", "json"]).expect_code(2).json();
    assert!(messages(&document)[0].contains(finding), "{document:#}");
    assert_eq!(document["done"]["app"], json!([]), "{document:#}");
    // A release that has no part in it is not failed by it.
    sandbox.run(&repository, &["apply", "test/other"]).expect_code(0);
    sandbox.run(&repository, &["apply", "test/app"]).expect_code(2);

    repository.write(file, "# nothing\n");
    let text = sandbox.run(&repository, &["apply", "test"]).expect_code(2);
    assert!(text.stderr.contains("test/app: it renders no object at all"), "{text}");

    repository.write("environments/test/environment.yaml", ENVIRONMENT).write(file, &config_map("a", "1"));
    sandbox.run(&repository, &["apply", "test"]).expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_apply_is_one_document() {
    let sandbox = Sandbox::start();
    let repository = repository(ENVIRONMENT);
    let all: String = (0..1500).map(|i| config_map(&format!("c{i}"), "1")).collect();
    repository.write("environments/test/app/manifests/all.yaml", &all);
    let maps: Api<ConfigMap> = Api::namespaced(sandbox.client().await, "demo");
    let apply = sandbox.command(&repository, &["apply", "test", "--output", "json"]).start();
    wait_for(maps, "c0", "to be there", |_| true).await;
    let stopped = apply.terminate().expect_code(2);
    let document = stopped.json();
    assert!(messages(&document).iter().any(|m| m.starts_with("interrupted;")), "{document:#}");
    let done = document["done"]["app"].as_array().unwrap().len();
    assert!(done > 0 && done < 1500, "{done} objects: the signal came at the wrong time to prove anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn ignored_drift_is_listed_by_drift_alone() {
    let sandbox = Sandbox::start();
    let repository = repository(&format!("{ENVIRONMENT}onDrift: ignore\n"));
    repository.write("environments/test/app/manifests/a.yaml", &config_map("a", "1"));
    sandbox.run(&repository, &["apply", "test"]).expect_code(0);
    let maps: Api<ConfigMap> = Api::namespaced(sandbox.client().await, "demo");
    let patch = json!({"data": {"value": "2"}});
    maps.patch("a", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();

    let drift = sandbox.run(&repository, &["drift", "test", "--output", "json"]).expect_code(1).json();
    assert_eq!(drift["objects"][0]["fields"][0]["path"], ".data.value", "{drift:#}");
    let diff = sandbox.run(&repository, &["diff", "test", "--output", "json"]).expect_code(0).json();
    assert_eq!(diff["objects"], json!([]), "{diff:#}");
    sandbox.run(&repository, &["apply", "test"]).expect_code(0);
    let map = maps.get("a").await.unwrap();
    assert_eq!(map.data.unwrap()["value"], "2", "ignored is not corrected");
}
