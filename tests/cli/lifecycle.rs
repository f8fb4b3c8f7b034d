//! A release from its first deploy to its end, by the commands alone, on the sandbox.

use std::time::Duration;

use crate::harness::GitRepository;
pub(super) use crate::harness::Sandbox;

pub(super) const ENVIRONMENT: &str =
    "apiVersion: evenkeel.dev/v1alpha1\nkind: Environment\nnamespace: demo\nprune: {maxDeletions: 100%}\n";
pub(super) const RELEASE: &str = "apiVersion: evenkeel.dev/v1alpha1\nkind: Release\n";

pub(super) fn config_map(name: &str, value: &str) -> String {
    format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: \"{value}\"}}\n")
}

#[test]
fn from_the_first_deploy_to_the_end() {
    let sandbox = Sandbox::start();
    let repository = GitRepository::new();
    repository.write("environments/test/environment.yaml", ENVIRONMENT);
    repository.write("environments/test/app/release.yaml", RELEASE);
    let file = "environments/test/app/manifests/all.yaml";
    let claim = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n";
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n";
    repository.write(file, &(config_map("a", "1") + &config_map("b", "1") + claim + secret));

    let status = sandbox.run(&repository, &["status", "test", "--output", "json"]).expect_code(0).json();
    assert_eq!(status["releases"][0]["state"], "pending");
    let diff = sandbox.run(&repository, &["diff", "test"]).expect_code(1);
    assert!(diff.stdout.contains("+  value: '1'") || diff.stdout.contains("+  value: \"1\""), "{diff}");
    assert!(!diff.stdout.contains("hunter2") && !diff.stdout.contains("aHVudGVyMg"), "{diff}");

    let applied = sandbox.run(&repository, &["apply", "test", "--output", "json"]).expect_code(0);
    assert!(!applied.stdout.contains("aHVudGVyMg"), "{applied}");
    let done = &applied.json()["done"]["app"];
    assert_eq!(done.as_array().unwrap().len(), 4, "{done:#}");
    assert!(done.as_array().unwrap().iter().all(|d| d["action"] == "created"), "{done:#}");

    for command in ["diff", "drift"] {
        sandbox.run(&repository, &[command, "test"]).expect_code(0);
    }
    let again = sandbox.run(&repository, &["apply", "test", "--output", "json"]).expect_code(0).json();
    assert_eq!(again["done"]["app"], serde_json::json!([]), "plan, apply, plan is empty");

    // An update and a removal.
    repository.write(file, &(config_map("a", "2") + claim + secret));
    let plan = sandbox.run(&repository, &["diff", "test", "--output", "json"]).expect_code(1).json();
    let verbs: Vec<_> =
        plan["objects"].as_array().unwrap().iter().map(|o| (o["verb"].clone(), o["object"].clone())).collect();
    assert_eq!(
        verbs,
        [("update".into(), "/ConfigMap/demo/a".into()), ("prune".into(), "/ConfigMap/demo/b".into())],
        "{plan:#}"
    );
    sandbox.run(&repository, &["apply", "test"]).expect_code(0);
    sandbox.run(&repository, &["diff", "test"]).expect_code(0);

    // A move to another folder deletes nothing.
    repository.write("environments/test/moved/release.yaml", RELEASE);
    repository.write("environments/test/moved/manifests/all.yaml", &repository.read(file));
    repository.remove("environments/test/app");
    let moved = sandbox.run(&repository, &["apply", "test", "--output", "json"]).expect_code(0).json();
    assert!(moved["done"]["moved"].as_array().unwrap().iter().all(|d| d["action"] == "configured"), "{moved:#}");
    assert!(!moved.to_string().contains("\"deleted\""), "{moved:#}");
    sandbox.run(&repository, &["diff", "test"]).expect_code(0);

    // The end: all but the claim.
    repository.remove("environments/test/moved");
    let gone = sandbox.run(&repository, &["apply", "test", "--output", "json"]).expect_code(0).json();
    let deleted: Vec<_> =
        gone["done"]["moved"].as_array().unwrap().iter().map(|d| d["object"].as_str().unwrap()).collect();
    assert_eq!(deleted.len(), 2, "{gone:#}");
    assert!(!deleted.iter().any(|d| d.contains("PersistentVolumeClaim")), "{gone:#}");
    let status = sandbox.run(&repository, &["status", "test", "--output", "json"]).expect_code(0).json();
    assert_eq!(status["releases"][0]["objects"], 1, "the claim is remembered: {status:#}");
}

#[test]
fn two_environments_do_not_take_each_others_objects() {
    let sandbox = Sandbox::start();
    let repository = GitRepository::new();
    for name in ["one", "two"] {
        repository.write(&format!("environments/{name}/environment.yaml"), ENVIRONMENT);
        repository.write(&format!("environments/{name}/app/release.yaml"), RELEASE);
        repository.write(&format!("environments/{name}/app/manifests/a.yaml"), &config_map("same", name));
    }
    sandbox.run(&repository, &["apply", "one"]).expect_code(0);
    let refused = sandbox.run(&repository, &["apply", "two"]).expect_code(2);
    assert!(refused.stdout.contains("it belongs to one/app"), "{refused}");
    sandbox.run(&repository, &["diff", "one"]).expect_code(0);
}

#[test]
fn a_saved_file_plans_again() {
    let sandbox = Sandbox::start();
    let repository = GitRepository::new();
    repository.write("environments/test/environment.yaml", ENVIRONMENT);
    repository.write("environments/test/app/release.yaml", RELEASE);
    repository.write("environments/test/app/manifests/a.yaml", &config_map("a", "1"));
    let mut watch = sandbox.command(&repository, &["apply", "test", "--watch"]).start();
    let deadline = Duration::from_secs(20);
    watch.next_line("the first plan", deadline, |line| line.contains("create") && line.contains("ConfigMap demo/a"));
    watch.next_line("its end", deadline, |line| line.contains("waiting for a saved file"));
    repository.write("environments/test/app/manifests/b.yaml", &config_map("b", "1"));
    watch.next_line("the second plan", deadline, |line| line.contains("create") && line.contains("ConfigMap demo/b"));
    watch.next_line("its end", deadline, |line| line.contains("waiting for a saved file"));
    watch.terminate().expect_code(0);
    let status = sandbox.run(&repository, &["status", "test", "--output", "json"]).json();
    assert_eq!(status["releases"][0]["state"], "pending", "watching applies nothing");
}

/// A daemon puts back what is missing: it has to know that somebody takes it away on purpose before the first object goes.
#[tokio::test(flavor = "multi_thread")]
async fn commands_and_a_daemon_at_the_same_release() {
    let sandbox = Sandbox::start();
    let repository = GitRepository::new();
    repository.write("environments/test/environment.yaml", ENVIRONMENT);
    // Of the working folder, as people type it: it is what the daemon's commit is.
    repository.write("environments/test/app/release.yaml", &format!("{RELEASE}chart: charts/maps\n"));
    repository.write("charts/maps/Chart.yaml", "apiVersion: v2\nname: maps\nversion: 0.1.0\n");
    let map = config_map("map-{{ . }}", "{{ $.Values.value }}");
    repository.write("charts/maps/templates/maps.yaml", &format!("{{{{- range until 12 }}}}\n{map}{{{{- end }}}}\n"));
    let file = "environments/test/app/values.yaml";
    let content = |value: &str| format!("value: {value}\n");
    repository.write(file, &content("1"));
    repository.commit("first");
    let mut daemon = sandbox.command(&repository, &["run", "--listen", "127.0.0.1:0", "--poll", "1s"]).start();
    daemon.next_line("the address", Duration::from_secs(60), |line| line.starts_with("serving http://"));
    let maps: kube::Api<k8s_openapi::api::core::v1::ConfigMap> = kube::Api::namespaced(sandbox.client().await, "demo");
    let count = |wanted: usize| {
        let maps = maps.clone();
        crate::harness::eventually("the objects", Duration::from_secs(60), move || {
            let maps = maps.clone();
            async move {
                let list = maps.list(&kube::api::ListParams::default()).await.map_err(|e| e.to_string())?;
                let found =
                    list.items.iter().filter(|m| m.metadata.name.as_deref().unwrap().starts_with("map-")).count();
                if found == wanted { Ok(()) } else { Err(format!("{found}")) }
            }
        })
    };
    count(12).await;
    repository.write(file, &content("2"));
    repository.commit("second");
    crate::harness::wait_for(maps.clone(), "map-11", "the second", |m| m.data.as_ref().unwrap()["value"] == "2").await;
    for _ in 0..3 {
        sandbox.run(&repository, &["rollback", "test/app", "1"]).expect_code(0);
        assert_eq!(maps.get("map-0").await.unwrap().data.unwrap()["value"], "1");
        sandbox.run(&repository, &["apply", "test/app", "--resume"]).expect_code(0);
        assert_eq!(maps.get("map-0").await.unwrap().data.unwrap()["value"], "2");
    }
    for _ in 0..5 {
        sandbox.run(&repository, &["uninstall", "test/app"]).expect_code(0);
        count(0).await;
        // Whatever the daemon had in mind is done by now.
        tokio::time::sleep(Duration::from_millis(700)).await;
        count(0).await;
        sandbox.run(&repository, &["apply", "test/app", "--resume"]).expect_code(0);
        count(12).await;
    }
    daemon.terminate().expect_code(0);
}
