//! Files of secrets from the command line: what is decrypted goes to the cluster, and is printed nowhere.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use super::lifecycle::{ENVIRONMENT, RELEASE, Sandbox};
use crate::harness::{ControlPlane, Evenkeel, GitRepository, Output, eventually, project, unique_name, wait_for};
use crate::require;

/// A release with secrets, and one without beside it.
struct World {
    sandbox: Sandbox,
    repository: GitRepository,
}

const VALUES: &str = "environments/test/keeper/values.yaml";
const SECRETS: &str = "environments/test/keeper/secrets.sops.yaml";
/// Parts of what was encrypted, as they could be written.
const WORDS: &[&str] = &[
    "hunter2",
    "hunter3",
    "aHVudGVy", // in base64
    "471147",
    "471148",
    "bm90IGEga2V5IGF0IGFsbA",
    "YW5vdGhlciBrZXk",
    "AGE-SECRET-KEY-",
];

impl World {
    fn new() -> Self {
        let repository = GitRepository::new();
        repository.copy("tests/sops/chart", "charts/keeper");
        repository.write("environments/test/environment.yaml", ENVIRONMENT);
        repository.write("environments/test/keeper/release.yaml", &format!("{RELEASE}chart: charts/keeper\n"));
        repository.write("environments/test/other/release.yaml", RELEASE);
        repository.write("environments/test/other/manifests/a.yaml", &super::lifecycle::config_map("other", "1"));
        let world = Self { sandbox: Sandbox::start(), repository };
        world.mode("plain");
        world.secrets("first");
        world
    }

    /// Takes another recorded file of secrets.
    fn secrets(&self, name: &str) {
        let file = project().join(format!("tests/sops/recorded/release-{name}.sops.yaml"));
        self.repository.write(SECRETS, &std::fs::read_to_string(file).unwrap());
    }

    fn mode(&self, mode: &str) {
        self.repository.write(VALUES, &format!("mode: {mode}\n"));
    }

    fn command(&self, arguments: &[&str]) -> Evenkeel {
        // Without a cluster, for those that take none.
        let local = ["render", "lint", "explain"].contains(&arguments[0]);
        let command = if local {
            Evenkeel::new(arguments).repository(&self.repository)
        } else {
            self.sandbox.command(&self.repository, arguments)
        };
        command.env("SOPS_AGE_KEY_FILE", project().join("tests/sops/age.key"))
    }

    /// Runs a command, and makes sure that it tells nothing.
    fn run(&self, arguments: &[&str], code: i32) -> Output {
        discreet(self.command(arguments).run().expect_code(code))
    }
}

fn discreet(output: Output) -> Output {
    for word in WORDS {
        assert!(!output.stdout.contains(word) && !output.stderr.contains(word), "{word} is told: {output}");
    }
    output
}

#[test]
fn what_is_rendered_and_explained_is_masked() {
    let world = World::new();
    let rendered = world.run(&["render", "test/keeper"], 0);
    insta::assert_snapshot!(rendered.stdout, @r#"
    ---
    # Release: keeper
    apiVersion: v1
    kind: Secret
    metadata:
      name: keeper
    stringData:
      password: <secret>
      tls.key: <secret>
    ---
    # Release: keeper
    apiVersion: v1
    data:
      json: '{"host":"db","password":"<secret>","pin":<secret>,"user":"app"}'
      pin: <secret>
      plain: <secret>
      settings.ini: |
        [database]
        host = db
        password = <secret>
        user = app
      tls.key: <secret>
      url: postgres://app:<secret>@db/app
    kind: ConfigMap
    metadata:
      annotations:
        example.org/digest: <secret>
      name: keeper
    ---
    # Release: keeper
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: keeper
    spec:
      selector:
        matchLabels:
          app: keeper
      template:
        metadata:
          labels:
            app: keeper
        spec:
          containers:
          - args:
            - --password
            - <secret>
            env:
            - name: PASSWORD
              value: <secret>
            - name: PIN
              value: <secret>
            image: registry.example.org/app:1.0
            name: app
    "#);
    let explained = world.run(&["explain", "test/keeper"], 0);
    insta::assert_snapshot!(explained.stdout, @r#"
    database.password = "<secret>"  (test: environments/test/keeper/secrets.sops.yaml:2:5)
        over ""  (chart keeper: charts/keeper/values.yaml:1:33)
    database.pin = "<secret>"  (test: environments/test/keeper/secrets.sops.yaml:3:5)
        over 0  (chart keeper: charts/keeper/values.yaml:1:47)
    mode = "plain"  (test: environments/test/keeper/values.yaml:1:1)
        over "plain"  (chart keeper: charts/keeper/values.yaml:3:1)
    tls.key = "<secret>"  (test: environments/test/keeper/secrets.sops.yaml:5:5)
        over ""  (chart keeper: charts/keeper/values.yaml:2:7)
    "#);
    for output in ["json", "text"] {
        world.run(&["render", "test", "--output", output], 0);
        world.run(&["explain", "test/keeper", "--all", "--output", output], 0);
        world.run(&["lint", "test", "--output", output], 0);
    }
}

#[test]
fn mistakes_are_told_without_what_was_encrypted() {
    let world = World::new();
    for (mode, words) in [
        ("fail", "no server takes <secret>"),
        ("broken", "YAML parse error"),
        ("nil", "can't evaluate field first in type interface {}"),
        ("hunter2 of the schema", "mode"),
    ] {
        world.mode(mode);
        for command in
            [&["lint", "test"][..], &["lint", "test", "--output", "json"], &["render", "test"], &["diff", "test"]]
        {
            let code = if command[0] == "lint" { 1 } else { 2 };
            let output = if mode.starts_with("hunter2") {
                // What stands in the clear is no secret.
                world.command(command).run().expect_code(code)
            } else {
                world.run(command, code)
            };
            assert!(format!("{output}").contains(words), "{output}");
        }
    }
    // Keys that nobody reads are named, without their lines.
    world.mode("plain");
    let file = project().join("tests/sops/recorded/nested.sops.yaml");
    world.repository.write(SECRETS, &std::fs::read_to_string(file).unwrap());
    let found = world.run(&["lint", "test"], 1);
    assert!(found.stdout.contains(&format!("{SECRETS}:1:1: no template of the chart reads `a`")), "{found}");
    assert!(!found.stdout.contains("ENC["), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_quotes_is_masked() {
    let plane = require!(ControlPlane::api_server());
    let (namespace, environment) = (plane.new_namespace("secrets").await, unique_name("secrets"));
    let repository = GitRepository::new();
    repository.copy("tests/sops/chart", "charts/keeper");
    let folder = format!("environments/{environment}");
    repository.write(&format!("{folder}/environment.yaml"), &ENVIRONMENT.replace("demo", &namespace));
    repository.write(&format!("{folder}/keeper/release.yaml"), &format!("{RELEASE}chart: charts/keeper\n"));
    repository.write(&format!("{folder}/keeper/values.yaml"), "mode: label\n");
    let file = project().join("tests/sops/recorded/release-first.sops.yaml");
    repository.write(&format!("{folder}/keeper/secrets.sops.yaml"), &std::fs::read_to_string(file).unwrap());
    for output in ["text", "json"] {
        let command = Evenkeel::new(["apply", &environment, "--output", output]).repository(&repository).plane(plane);
        let key = project().join("tests/sops/age.key");
        let refused = discreet(command.env("SOPS_AGE_KEY_FILE", key).run().expect_code(2)).to_string();
        assert!(refused.contains("metadata.labels: Invalid value") && refused.contains("<secret>"), "{refused}");
    }
}

#[test]
fn without_the_key_it_is_said_who_has_it() {
    let world = World::new();
    let run = |arguments: &[&str]| Evenkeel::new(arguments).repository(&world.repository).run();
    for (command, code) in [("lint", 1), ("render", 2)] {
        let output = run(&[command, "test"]).expect_code(code).to_string();
        assert!(output.contains(&format!("{SECRETS}:6:1: no age key at hand opens this file")), "{output}");
        assert!(
            output.contains("encrypted for age1535ek9a2fmakgd9uymc3glpmsgf8434swpg5xzn5f2rl0ma5eskqm6yq2u"),
            "{output}"
        );
        assert!(output.contains("looked in SOPS_AGE_KEY_FILE: not set"), "{output}");
        assert!(output.contains(".config/sops/age/keys.txt: there is no such file"), "{output}");
    }
    let key = std::fs::read_to_string(project().join("tests/sops/age.key")).unwrap();
    let with = |name: &str, value: &str| {
        let command = Evenkeel::new(["render", "test"]).repository(&world.repository);
        command.env(name, value).run()
    };
    with("SOPS_AGE_KEY", &key).expect_code(0);
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("sops/age")).unwrap();
    std::fs::write(folder.path().join("sops/age/keys.txt"), &key).unwrap();
    with("XDG_CONFIG_HOME", folder.path().to_str().unwrap()).expect_code(0);
    let wrong = with("SOPS_AGE_KEY", "AGE-SECRET-KEY-1WRONG").expect_code(2).to_string();
    assert!(wrong.contains("looked in SOPS_AGE_KEY: no age identity in line 1"), "{wrong}");
    assert!(!wrong.contains("1WRONG"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_and_compared_is_masked() {
    let world = World::new();
    let secrets: Api<Secret> = Api::namespaced(world.sandbox.client().await, "demo");
    let words: Api<ConfigMap> = Api::namespaced(world.sandbox.client().await, "demo");
    let password =
        async || String::from_utf8(secrets.get("keeper").await.unwrap().data.unwrap()["password"].0.clone()).unwrap();
    let done = |output: &Output| output.json()["done"]["keeper"].as_array().unwrap().len();

    world.run(&["diff", "test"], 1);
    world.run(&["diff", "test", "--side-by-side"], 1);
    assert_eq!(done(&world.run(&["apply", "test", "--output", "json"], 0)), 3);
    assert_eq!(password().await, "hunter2 & \"more\"");
    assert_eq!(words.get("keeper").await.unwrap().data.unwrap()["plain"], "hunter2 & \"more\"");

    // Encrypted anew, they are the same.
    world.secrets("again");
    world.run(&["diff", "test"], 0);
    assert_eq!(done(&world.run(&["apply", "test", "--output", "json"], 0)), 0);
    let history = world.run(&["history", "test/keeper", "--output", "json"], 0).json();
    assert_eq!(history["revisions"].as_array().map(Vec::len), Some(1), "{history:#}");

    // What stood there before is not told, either.
    world.secrets("second");
    let diff = world.run(&["diff", "test"], 1);
    let marks = regex::Regex::new("<secret [0-9a-f]{8}>").unwrap();
    let (_, shown) = diff.stdout.split_once("update ConfigMap").unwrap();
    assert_eq!(marks.find_iter(&diff.stdout).count(), 4, "{diff}");
    insta::assert_snapshot!(shown, @r#"
     demo/keeper (release keeper) it changed in Git
    --- live/ConfigMap demo/keeper
    +++ desired/ConfigMap demo/keeper
    @@ -1,20 +1,20 @@
     apiVersion: v1
     data:
    -  json: '<secret: changed>'
    -  pin: '<secret: changed>'
    -  plain: '<secret: changed>'
    +  json: '{"host":"db","password":"<secret>","pin":<secret>,"user":"app"}'
    +  pin: <secret>
    +  plain: <secret>
       settings.ini: |
         [database]
         host = db
    -    <secret: changed>
    +    password = <secret>
         user = app
    -  tls.key: '<secret: changed>'
    -  url: '<secret: changed>'
    +  tls.key: <secret>
    +  url: postgres://app:<secret>@db/app
     kind: ConfigMap
     metadata:
       annotations:
         evenkeel.dev/owner: /ConfigMap/demo/keeper@test/keeper
    -    example.org/digest: '<secret: changed>'
    +    example.org/digest: <secret>
       labels:
         evenkeel.dev/environment: test
         evenkeel.dev/release: keeper
    update Deployment demo/keeper (release keeper) it changed in Git
    --- live/Deployment demo/keeper
    +++ desired/Deployment demo/keeper
    @@ -20,11 +20,11 @@
           containers:
           - args:
             - --password
    -        - '<secret: changed>'
    +        - <secret>
             env:
             - name: PASSWORD
    -          value: '<secret: changed>'
    +          value: <secret>
             - name: PIN
    -          value: '<secret: changed>'
    +          value: <secret>
             image: registry.example.org/app:1.0
             name: app
    "#);
    for output in [&["--output", "json"][..], &["--output", "markdown"], &["--side-by-side"]] {
        world.run(&[&["diff", "test"], output].concat(), 1);
    }
    world.run(&["apply", "test"], 0);
    assert_eq!(password().await, "hunter3 & \"more\"");

    // Others change it, and put it elsewhere.
    let patch = json!({"data": {"plain": "hunter2 again", "other": "hunter3 & \"more\"",
        "url": "postgres://app:hunter4@db/app"}});
    words.patch("keeper", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    for arguments in [&["drift", "test"][..], &["drift", "test", "--output", "json"]] {
        let drift = world.run(arguments, 1).to_string();
        assert!(drift.contains("plain") && !drift.contains("hunter4"), "{drift}");
    }
    for arguments in
        [&["diff", "test"][..], &["status", "test"], &["why", "test/keeper"], &["status", "test", "--output", "json"]]
    {
        let output = discreet(world.command(arguments).run()).to_string();
        assert!(!output.contains("hunter4"), "{output}");
    }
    discreet(world.command(&["apply", "test"]).run());
    // What goes is masked while its values are known.
    world.mode("none");
    world.run(&["diff", "test"], 1);
    world.run(&["apply", "test"], 0);
    // What was encrypted then is masked, too.
    world.run(&["rollback", "test/keeper", "1"], 0);
    assert_eq!(words.get("keeper").await.unwrap().data.unwrap()["plain"], "hunter2 & \"more\"");
    let patch = json!({"data": {"plain": "hunter4"}});
    words.patch("keeper", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    let drift = world.run(&["drift", "test"], 1).to_string();
    assert!(drift.contains("<secret> → <secret: changed>"), "{drift}");
    world.run(&["diff", "test"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_decrypts_and_says_nothing() {
    let world = World::new();
    world.repository.commit("first");
    let secrets: Api<Secret> = Api::namespaced(world.sandbox.client().await, "demo");
    let has = |wanted: &'static str| {
        move |secret: &Secret| {
            secret.data.as_ref().is_some_and(|data| data["password"].0.starts_with(wanted.as_bytes()))
        }
    };
    let mut daemon = world.command(&["run", "--poll", "200ms", "--listen", "127.0.0.1:0", "-v"]).start();
    let line = daemon.next_line("the address", Duration::from_secs(20), |line| line.starts_with("serving http://"));
    let url = line.trim_start_matches("serving ").to_owned();
    wait_for(secrets.clone(), "keeper", "the first password", has("hunter2")).await;
    world.secrets("second");
    world.repository.commit("second");
    wait_for(secrets.clone(), "keeper", "the second password", has("hunter3")).await;
    // A file that nobody can read breaks its release alone.
    world.repository.replace(SECRETS, "type:int", "type:str");
    world.repository.replace(SECRETS, "lastmodified: \"20", "lastmodified: \"19");
    world.repository.replace("environments/test/other/manifests/a.yaml", "\"1\"", "\"2\"");
    world.repository.commit("third");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = eventually("the release to be broken", Duration::from_secs(30), || async {
        let text = client.get(format!("{url}/api/v1/environments/test")).send().await.unwrap().text().await.unwrap();
        if text.contains("was changed since SOPS wrote it") { Ok(text) } else { Err(text) }
    })
    .await;
    let other: Api<ConfigMap> = Api::namespaced(world.sandbox.client().await, "demo");
    wait_for(other, "other", "its neighbour", |map: &ConfigMap| {
        map.data.as_ref().is_some_and(|data| data["value"] == "2")
    })
    .await;
    assert!(has("hunter3")(&secrets.get("keeper").await.unwrap()), "and leaves what is there");
    let said = discreet(daemon.terminate());
    for word in WORDS {
        assert!(!status.contains(word), "{word} is told: {status}\n{said}");
    }
}
