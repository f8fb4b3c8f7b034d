//! Plans as a user meets them: what cannot change is foretold, annotations are heeded, changes wait for an approval, and a
//! release is written as its service account. On the real API server, and on the sandbox where that can judge.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::lifecycle::{RELEASE, Sandbox, config_map};
use crate::harness::{ControlPlane, Evenkeel, GitRepository, Output, eventually, unique_name};

/// An environment of a unique name, its repository, and the cluster that it is for.
struct World {
    repository: GitRepository,
    name: String,
    kubeconfig: std::path::PathBuf,
}

impl World {
    fn new(kubeconfig: &Path, policies: &str) -> Self {
        let name = unique_name("plan");
        let repository = GitRepository::new();
        let environment = format!(
            "apiVersion: evenkeel.dev/v1alpha1\nkind: Environment\nnamespace: {name}\nprune: {{maxDeletions: 100%}}\n{policies}"
        );
        repository.write(&format!("environments/{name}/environment.yaml"), &environment);
        let world = Self { repository, name, kubeconfig: kubeconfig.to_owned() };
        world.release(RELEASE);
        world
    }

    fn release(&self, text: &str) {
        self.repository.write(&format!("environments/{}/app/release.yaml", self.name), text);
    }

    fn manifests(&self, text: &str) {
        self.repository.write(&format!("environments/{}/app/manifests/all.yaml", self.name), text);
    }

    fn run(&self, command: &str, more: &[&str]) -> Output {
        let given = Evenkeel::new([command, &self.name]).args(more);
        given.repository(&self.repository).kubeconfig(&self.kubeconfig).run()
    }

    /// The actions of `diff`, by the name of their object.
    fn action(&self, name: &str) -> Value {
        let document = self.run("diff", &["--output", "json"]).json();
        let releases = document["plan"]["releases"].as_array().unwrap().clone();
        let actions = releases.iter().flat_map(|r| r["apply"].as_array().unwrap().clone());
        let mut found = actions.filter(|a| a["id"].as_str().unwrap().ends_with(&format!("/{name}")));
        found.next().unwrap_or_else(|| panic!("{name} is not in the plan: {document:#}"))
    }
}

fn deployment(label: &str, annotations: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, annotations: {{{annotations}}}}}\nspec:\n  replicas: 0\n  \
         selector: {{matchLabels: {{app: {label}}}}}\n  template:\n    metadata: {{labels: {{app: {label}}}}}\n    \
         spec: {{containers: [{{name: app, image: 'app:1'}}]}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_change_is_refused_by_name_or_made_anew() {
    let plane = crate::require!(ControlPlane::shared());
    let world = World::new(plane.kubeconfig(), "");
    let deployments: Api<k8s_openapi::api::apps::v1::Deployment> = Api::namespaced(plane.client().await, &world.name);
    let maps: Api<ConfigMap> = Api::namespaced(plane.client().await, &world.name);
    world.manifests(&(deployment("a", "") + &config_map("c", "1")));
    world.run("apply", &["--no-wait"]).expect_code(0);
    let uid = deployments.get("web").await.unwrap().metadata.uid;

    world.manifests(&(deployment("b", "") + &config_map("c", "2")));
    let action = world.action("web");
    assert_eq!((&action["verb"], &action["immutable"]), (&json!("refuse"), &json!([".spec.selector"])), "{action:#}");
    let changed: Vec<&str> = action["fields"].as_array().unwrap().iter().filter_map(|f| f["path"].as_str()).collect();
    assert!(changed.contains(&".spec.selector"), "{action:#}");
    let refused = world.run("apply", &["--no-wait"]).expect_code(2);
    for said in [".spec.selector cannot be changed", "evenkeel.dev/apply: recreate"] {
        assert!(refused.stdout.contains(said), "{said}: {refused}");
    }
    assert_eq!(maps.get("c").await.unwrap().data.unwrap()["value"], "1", "nothing of the release is applied");
    let why = Evenkeel::new(["why", &format!("{}/app", world.name)]);
    let why = why.repository(&world.repository).kubeconfig(&world.kubeconfig).run().expect_code(0);
    assert!(why.stdout.contains("refused") && why.stdout.contains("evenkeel.dev/apply: recreate"), "{why}");

    world.manifests(&(deployment("b", "evenkeel.dev/apply: recreate") + &config_map("c", "2")));
    let action = world.action("web");
    assert_eq!((&action["verb"], &action["propagation"]), (&json!("recreate"), &json!("foreground")), "{action:#}");
    assert_eq!(action["uid"].as_str(), uid.as_deref(), "the very object that was looked at is deleted");
    world.run("apply", &["--no-wait"]).expect_code(0);
    let now = deployments.get("web").await.unwrap();
    assert_ne!(now.metadata.uid, uid);
    assert_eq!(now.spec.unwrap().selector.match_labels.unwrap()["app"], "b");
    assert_eq!(maps.get("c").await.unwrap().data.unwrap()["value"], "2");
    world.run("diff", &[]).expect_code(0);

    // What the server would not take anew is not deleted for it.
    let invalid = deployment("c", "evenkeel.dev/apply: recreate").replace("image: 'app:1'", "image: ''");
    world.manifests(&(invalid + &config_map("c", "2")));
    let failed = world.run("apply", &["--no-wait"]).expect_code(2);
    assert!(failed.stdout.contains("image"), "{failed}");
    assert_eq!(deployments.get("web").await.unwrap().metadata.uid, now.metadata.uid, "the old one is still there");
}

/// Annotations, on both.
async fn annotations_are_heeded(kubeconfig: &Path, client: kube::Client) {
    let world = World::new(kubeconfig, "");
    let maps: Api<ConfigMap> = Api::namespaced(client, &world.name);
    let annotated = |name: &str, value: &str, annotation: &str| {
        config_map(name, value)
            .replace(&format!("{{name: {name}}}"), &format!("{{name: {name}, annotations: {{{annotation}}}}}"))
    };
    let all = |value: &str| {
        annotated("missing", value, "evenkeel.dev/apply: ifMissing")
            + &annotated("skipped", value, "evenkeel.dev/apply: skip")
            + &annotated("kept", value, "evenkeel.dev/prune: never")
            + &annotated("ignored", value, "evenkeel.dev/onDrift: ignore")
            + &annotated("alerted", value, "evenkeel.dev/onDrift: alert")
            + &config_map("plain", value)
    };
    world.manifests(&all("1"));
    world.run("apply", &[]).expect_code(0);
    assert!(maps.get_opt("skipped").await.unwrap().is_none(), "what is skipped is not created");
    let value = |name: &'static str| {
        let maps = maps.clone();
        async move { maps.get(name).await.unwrap().data.unwrap()["value"].clone() }
    };

    world.manifests(&all("2"));
    world.run("apply", &[]).expect_code(0);
    assert_eq!((value("missing").await, value("plain").await), ("1".to_owned(), "2".to_owned()));

    for name in ["missing", "ignored", "alerted", "plain"] {
        let patch = json!({"data": {"value": "9"}});
        maps.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    }
    world.run("apply", &[]).expect_code(0);
    assert_eq!(value("plain").await, "2", "put right");
    for name in ["missing", "ignored", "alerted"] {
        assert_eq!(value(name).await, "9", "{name} is left alone");
    }
    let action = world.action("alerted");
    assert_eq!(action["verb"], "alert", "{action:#}");

    world.manifests(&config_map("plain", "2"));
    world.run("apply", &[]).expect_code(0);
    assert!(maps.get_opt("kept").await.unwrap().is_some(), "never pruned");
    assert!(maps.get_opt("missing").await.unwrap().is_none(), "ifMissing is pruned like any other");

    world.manifests(&annotated("plain", "2", "evenkeel.dev/apply: recrate"));
    for command in ["apply", "lint"] {
        let given = Evenkeel::new([command, &world.name]).repository(&world.repository);
        let refused = if command == "lint" { given.run() } else { given.kubeconfig(kubeconfig).run() };
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert_ne!(refused.status.code(), Some(0), "{command}: {refused}");
        assert!(said.contains("did you mean `recreate`?"), "{command}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn annotations_are_heeded_by_the_real_server() {
    let plane = crate::require!(ControlPlane::shared());
    annotations_are_heeded(plane.kubeconfig(), plane.client().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn annotations_are_heeded_on_the_sandbox() {
    let sandbox = Sandbox::start();
    annotations_are_heeded(&sandbox.kubeconfig(), sandbox.client().await).await;
}

/// `onCommit: plan` with the daemon, on both.
async fn changes_wait_for_an_approval(kubeconfig: &Path, client: kube::Client) {
    let world = World::new(kubeconfig, "onCommit: plan\n");
    let maps: Api<ConfigMap> = Api::namespaced(client, &world.name);
    world.manifests(&config_map("c", "1"));
    world.repository.commit("one");
    let mut daemon = Evenkeel::new(["run", "--poll", "1s", "--listen", "127.0.0.1:0", "--environment", &world.name])
        .repository(&world.repository)
        .kubeconfig(kubeconfig)
        .start();
    daemon.next_line("the address", Duration::from_secs(20), |line| line.starts_with("serving http://"));

    let waits = |before: String| {
        let world = &world;
        async move {
            eventually("a plan that waits", Duration::from_secs(60), || async {
                let document = world.run("diff", &["--output", "json"]).json();
                match document["approval"]["digest"].as_str() {
                    Some(digest) if !digest.is_empty() && digest != before => Ok(digest.to_owned()),
                    _ => Err(document.to_string()),
                }
            })
            .await
        }
    };
    let first = waits(String::new()).await;
    let status = world.run("status", &[]).expect_code(0);
    let command = format!("evenkeel approve {} {first}", world.name);
    assert!(status.stdout.contains("pending") && status.stdout.contains(&command), "{status}");
    let why = Evenkeel::new(["why", &format!("{}/app", world.name)]);
    let why = why.repository(&world.repository).kubeconfig(kubeconfig).run().expect_code(0);
    assert!(why.stdout.contains(&command), "{why}");
    let wrong = world.run("approve", &["0123456789abcdef"]).expect_code(2);
    assert!(wrong.stderr.contains(&first), "{wrong}");
    assert!(maps.get_opt("c").await.unwrap().is_none(), "nothing is applied without an approval");

    world.run("approve", &[&first]).expect_code(0);
    let applied = |value: &'static str| {
        let maps = maps.clone();
        async move {
            eventually("what was approved", Duration::from_secs(60), || async {
                let map = maps.get_opt("c").await.unwrap().and_then(|m| m.data).unwrap_or_default();
                if map.get("value").is_some_and(|v| v == value) { Ok(()) } else { Err(format!("{map:?}")) }
            })
            .await;
        }
    };
    applied("1").await;

    // An approval is of one plan: the next change needs its own.
    world.manifests(&config_map("c", "2"));
    world.repository.commit("two");
    let second = waits(first.clone()).await;
    world.run("approve", &[&first]).expect_code(2);
    // What was approved and changed since is not what is applied.
    world.run("approve", &[&second]).expect_code(0);
    applied("2").await;
    eventually("nothing to wait any longer", Duration::from_secs(60), || async {
        let document = world.run("diff", &["--output", "json"]).json();
        if document["approval"].is_null() { Ok(()) } else { Err(document.to_string()) }
    })
    .await;
    world.run("approve", &[&second]).expect_code(2);
    daemon.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_wait_for_an_approval_on_the_real_server() {
    let plane = crate::require!(ControlPlane::shared());
    changes_wait_for_an_approval(plane.kubeconfig(), plane.client().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_wait_for_an_approval_on_the_sandbox() {
    let sandbox = Sandbox::start();
    changes_wait_for_an_approval(&sandbox.kubeconfig(), sandbox.client().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_written_as_its_service_account() {
    let plane = crate::require!(ControlPlane::shared());
    let client = plane.client().await;
    let world = World::new(plane.kubeconfig(), "");
    let name = &world.name;
    let namespace: Namespace =
        serde_json::from_value(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})).unwrap();
    Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &namespace).await.unwrap();
    world.release(&format!("{RELEASE}serviceAccount: deployer\n"));
    world.manifests(&config_map("c", "1"));

    let refused = world.run("apply", &[]).expect_code(2);
    for said in ["cannot patch resource \"configmaps\"", &format!("system:serviceaccount:{name}:deployer"), name] {
        assert!(refused.stdout.contains(said), "{said}: {refused}");
    }
    let role: Role = serde_json::from_value(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "deploy"}, "rules": [{"apiGroups": [""], "resources": ["configmaps"],
        "verbs": ["create", "patch", "delete"]}]}))
    .unwrap();
    let binding: RoleBinding = serde_json::from_value(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "deploy"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deploy"},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": name}]}))
    .unwrap();
    Api::<Role>::namespaced(client.clone(), name).create(&PostParams::default(), &role).await.unwrap();
    Api::<RoleBinding>::namespaced(client.clone(), name).create(&PostParams::default(), &binding).await.unwrap();
    // The authorizer reads roles through a watch.
    eventually("the role to be in force", Duration::from_secs(30), || async {
        let applied = world.run("apply", &[]);
        if applied.status.code() == Some(0) { Ok(()) } else { Err(applied.to_string()) }
    })
    .await;
    // One that left Git is taken away as it was written: without the right to, it stays, and says why.
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), name);
    let less = json!({"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "patch"]}]});
    let roles: Api<Role> = Api::namespaced(client, name);
    roles.patch("deploy", &PatchParams::default(), &Patch::Merge(&less)).await.unwrap();
    world.repository.remove(&format!("environments/{name}/app"));
    world.repository.write(&format!("environments/{name}/other/release.yaml"), RELEASE);
    world.repository.write(&format!("environments/{name}/other/manifests/o.yaml"), &config_map("o", "1"));
    eventually("the right to be gone", Duration::from_secs(30), || async {
        let applied = world.run("apply", &[]);
        let said = applied.stdout.contains("cannot delete resource \"configmaps\"");
        if said { Ok(()) } else { Err(applied.to_string()) }
    })
    .await;
    assert!(maps.get_opt("c").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_written_as_the_service_account_too() {
    let plane = crate::require!(ControlPlane::shared());
    let client = plane.client().await;
    let world = World::new(plane.kubeconfig(), "");
    let name = &world.name;
    let namespace: Namespace =
        serde_json::from_value(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})).unwrap();
    Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &namespace).await.unwrap();
    let hook = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: before\n  annotations: {helm.sh/hook: \"pre-install,pre-delete\"}\n";
    world
        .repository
        .write("charts/app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n")
        .write("charts/app/templates/hook.yaml", hook);
    world.release(&format!("{RELEASE}serviceAccount: deployer\nchart: charts/app\n"));
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), name);

    let refused = world.run("apply", &[]).expect_code(2);
    for said in ["cannot create resource \"configmaps\"", &format!("system:serviceaccount:{name}:deployer")] {
        assert!(refused.stdout.contains(said), "{said}: {refused}");
    }
    assert!(maps.get_opt("before").await.unwrap().is_none());
    let role: Role = serde_json::from_value(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "deploy"}, "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}]}))
    .unwrap();
    let binding: RoleBinding = serde_json::from_value(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "deploy"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deploy"},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": name}]}))
    .unwrap();
    Api::<Role>::namespaced(client.clone(), name).create(&PostParams::default(), &role).await.unwrap();
    Api::<RoleBinding>::namespaced(client.clone(), name).create(&PostParams::default(), &binding).await.unwrap();
    eventually("the role to be in force", Duration::from_secs(30), || async {
        let applied = world.run("apply", &[]);
        if applied.status.code() == Some(0) { Ok(()) } else { Err(applied.to_string()) }
    })
    .await;
    let before = maps.get("before").await.unwrap();

    // The hooks of its end are its own doing, too, when Git no longer says whose: without the right to delete what stands in
    // their place, they do not run.
    world.repository.remove(&format!("environments/{name}/app"));
    let refused = world.run("apply", &[]).expect_code(2);
    assert!(refused.stdout.contains("cannot delete resource \"configmaps\""), "{refused}");
    assert_eq!(maps.get("before").await.unwrap().metadata.uid, before.metadata.uid);
}

/// What Git wants cannot be; what others changed is put right all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_release_is_still_kept_as_it_was() {
    let sandbox = Sandbox::start();
    let world = World::new(&sandbox.kubeconfig(), "");
    let maps: Api<ConfigMap> = Api::namespaced(sandbox.client().await, &world.name);
    world.manifests(&(deployment("a", "") + &config_map("c", "1")));
    world.run("apply", &[]).expect_code(0);
    let edit = json!({"data": {"value": "edited"}});
    maps.patch("c", &PatchParams::default(), &Patch::Merge(&edit)).await.unwrap();
    world.manifests(&(deployment("b", "") + &config_map("c", "1") + &config_map("new", "1")));
    let refused = world.run("apply", &[]).expect_code(2);
    assert!(refused.stdout.contains("cannot be changed"), "{refused}");
    assert_eq!(maps.get("c").await.unwrap().data.unwrap()["value"], "1", "{refused}");
    assert!(maps.get_opt("new").await.unwrap().is_none(), "nothing from Git is applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diff_has_many_forms_and_no_secret() {
    let sandbox = Sandbox::start();
    let world = World::new(&sandbox.kubeconfig(), "");
    let secret = |a: &str, b: &str| {
        format!("---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{a: {a}, b: {b}}}\n")
    };
    world.manifests(&(secret("hunter2", "same") + &config_map("c", "1")));
    world.run("apply", &[]).expect_code(0);
    world.manifests(&(secret("hunter3", "same") + &config_map("c", "2")));
    let unified = world.run("diff", &[]).expect_code(1);
    let marks = |sign: char, key: &str| {
        let line = format!("{sign}  {key}: ");
        unified.stdout.lines().find_map(|l| Some(l.strip_prefix(&line)?.to_owned()))
    };
    let (before, after) = (marks('-', "a"), marks('+', "a"));
    assert!(before.is_some() && after.is_some() && before != after, "{unified}");
    assert!(marks(' ', "b").is_some(), "what is the same looks the same: {unified}");
    let beside = world.run("diff", &["--side-by-side", "--width", "80"]).expect_code(1);
    assert!(
        beside.stdout.lines().any(|l| l.contains("value: '1'") && l.contains('|') && l.contains("value: '2'"))
            || beside
                .stdout
                .lines()
                .any(|l| l.contains("value: \"1\"") && l.contains('|') && l.contains("value: \"2\"")),
        "{beside}"
    );
    assert!(beside.stdout.lines().all(|l| l.chars().count() <= 120), "{beside}");
    let markdown = world.run("diff", &["--output", "markdown"]).expect_code(1);
    assert!(markdown.stdout.contains("```diff") && markdown.stdout.contains("| update | `ConfigMap "), "{markdown}");
    for output in [unified, beside, markdown, world.run("diff", &["--output", "json"])] {
        for value in ["hunter", "aHVudGVy", "c2FtZQ"] {
            assert!(!output.stdout.contains(value), "{value}: {output}");
        }
    }
    let other = world.run("status", &["--output", "markdown"]).expect_code(2);
    assert!(other.stderr.contains("for `diff` alone"), "{other}");
}
