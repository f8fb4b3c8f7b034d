//! `history`, `rollback`, `uninstall` and `test`, seen by helm.

use std::sync::Arc;

use evenkeel::cluster::{Cluster, ConnectOptions};
use evenkeel::git::Folder;
use evenkeel::reconcile::{Asked, Charts, PassOptions, Reconciler, Source};
use evenkeel::sops::Keys;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::support::{RELEASE, Stage, lines_of};
use crate::harness::{ControlPlane, helm};

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_stays_until_a_commit_changes_the_release() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let stage = Stage::new(plane);
    stage.hooks("{back: {events: post-rollback}}");
    stage.apply();
    stage.say("one", "bad");
    stage.apply();
    assert_eq!(stage.message().await, "bad");

    let back = stage.evenkeel(&["rollback", &stage.target()]).expect_code(0);
    assert_eq!(stage.message().await, "one");
    assert!(lines_of(&back, "ran").iter().any(|l| l.contains("post-rollback")), "{back}");
    assert_eq!(stage.history().last().unwrap(), "3 deployed Rollback to 1");
    let shown = stage.evenkeel(&["history", &stage.target(), "--output", "json"]).expect_code(0).json();
    let helms = stage.helm(&["history", RELEASE, "--output", "json"]).fine().json();
    for (ours, helms) in shown["revisions"].as_array().unwrap().iter().zip(helms.as_array().unwrap()) {
        for key in ["revision", "status", "chart", "app_version", "description"] {
            assert_eq!(ours[key], helms[key], "{key}");
        }
    }
    assert_eq!(shown["held"]["version"], 3);

    // The bad commit is not applied again, and drift is corrected to what was gone back to.
    let quiet = stage.apply();
    assert!(quiet.stdout.contains("rolled back to revision 3"), "{quiet}");
    assert_eq!(stage.message().await, "one");
    stage.helm(&["upgrade", RELEASE, "charts/web", "--set", "message=helm"]).fine();
    stage.apply();
    assert_eq!(stage.message().await, "one");
    // A commit that does not concern the release changes nothing.
    stage.repository.write("README.md", "other");
    stage.repository.commit("other");
    stage.apply();
    assert_eq!(stage.message().await, "one");
    // Somebody insists.
    stage.evenkeel(&["apply", &stage.target(), "--resume"]).expect_code(0);
    assert_eq!(stage.message().await, "bad");
    stage.evenkeel(&["rollback", &stage.target(), "1"]).expect_code(0);
    assert_eq!(stage.message().await, "one");
    stage.say("bad", "good");
    stage.apply();
    assert_eq!(stage.message().await, "good");
    let unknown = stage.evenkeel(&["rollback", &stage.target(), "99"]).expect_code(2);
    assert!(unknown.stderr.contains("release has no 99 version"), "{unknown}");
}

/// A daemon carries on with a rollback that a command began, and may be first at it.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_somebody_else_has_done_is_not_done_again() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let stage = Stage::new(plane);
    stage.apply();
    stage.say("one", "bad");
    stage.apply();
    let kubeconfig = Some(plane.kubeconfig().to_owned());
    let cluster = Cluster::connect(ConnectOptions { kubeconfig, ..ConnectOptions::default() }).await.unwrap();
    let source = Source {
        tree: Arc::new(Folder::open(stage.repository.path()).unwrap()),
        revision: "main".to_owned(),
        time: jiff::Timestamp::UNIX_EPOCH,
        charts: Charts::default(),
        keys: Keys::default(),
    };
    let mut command = Reconciler::new(cluster, &stage.environment, "environments", None).insistent();
    let back = Asked::Rollback { version: None, revision: "main".to_owned(), planned: String::new() };
    command.ask(RELEASE, back);
    command.prepare().await.unwrap();
    let look = command.look(&source).await.unwrap();
    assert!(look.plan.releases[0].operation.is_some());

    stage.evenkeel(&["rollback", &stage.target()]).expect_code(0);
    let options = PassOptions {
        apply: true,
        wait: true,
        cancel: CancellationToken::new(),
        stop_waiting: CancellationToken::new(),
        retry_after: None,
    };
    let outcomes = command.execute(&look, &options, &|_| {}).await;
    assert!(outcomes[RELEASE].is_overtaken(), "{outcomes:?}");
    // The one before the last is another one by now; what was meant is not.
    let look = command.look(&source).await.unwrap();
    assert!(look.plan.is_empty(), "{:#?}", look.plan);
    let outcomes = command.execute(&look, &options, &|_| {}).await;
    assert!(outcomes[RELEASE].errors.is_empty(), "{outcomes:?}");
    assert_eq!(stage.message().await, "one");
    assert_eq!(stage.history().last().unwrap(), "3 deployed Rollback to 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn uninstalled_by_name_or_by_leaving_git() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let stage = Stage::new(plane);
    stage.repository.write(
        "charts/web/templates/kept.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: kept\n  annotations: {helm.sh/resource-policy: keep}\n",
    );
    stage.hooks("{before: {events: pre-delete}, after: {events: post-delete, delete: hook-succeeded}}");
    stage.apply();
    let gone = stage.evenkeel(&["uninstall", &stage.target(), "--keep-history"]).expect_code(0);
    let ran = lines_of(&gone, "ran");
    assert!(ran.len() == 2 && ran[0].contains("pre-delete") && ran[1].contains("post-delete"), "{gone}");
    let maps: kube::Api<k8s_openapi::api::core::v1::ConfigMap> =
        kube::Api::namespaced(plane.client().await, &stage.namespace);
    assert!(maps.get_opt("web-config").await.unwrap().is_none());
    assert!(maps.get_opt("kept").await.unwrap().is_some());
    let listed = stage.helm(&["list", "--uninstalled", "--output", "json"]).fine().json();
    assert_eq!(listed[0]["status"], "uninstalled");

    // It stays away until a commit changes it; then it is installed again, and counts on.
    stage.apply();
    assert!(maps.get_opt("web-config").await.unwrap().is_none());
    stage.say("one", "two");
    stage.apply();
    assert_eq!(stage.message().await, "two");
    let history = stage.history();
    assert_eq!(history, ["1 uninstalled Uninstallation complete", "2 deployed Install complete"]);

    // Without a history left.
    stage.evenkeel(&["uninstall", &stage.target()]).expect_code(0);
    assert_eq!(stage.helm(&["list", "--all", "--output", "json"]).fine().json(), json!([]));
    stage.say("two", "three");
    stage.apply();

    // It leaves Git: its hooks run, and the history goes.
    let file = format!("environments/{}/environment.yaml", stage.environment);
    let text = stage.repository.read(&file);
    stage.repository.write(&file, &format!("{text}prune: {{maxDeletions: 100%}}\n"));
    stage.repository.remove(&format!("environments/{}/{RELEASE}", stage.environment));
    stage.repository.commit("left");
    let left = stage.apply();
    assert_eq!(lines_of(&left, "ran").len(), 2, "{left}");
    assert!(maps.get_opt("web-config").await.unwrap().is_none());
    assert_eq!(stage.helm(&["list", "--all", "--output", "json"]).fine().json(), json!([]));
    let again = stage.apply();
    assert!(lines_of(&again, "ran").is_empty(), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_pass_or_fail_and_helm_sees_it() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let stage = Stage::new(plane);
    stage.apply();
    let passed = stage.evenkeel(&["test", &stage.target(), "--output", "json"]).expect_code(0).json();
    assert_eq!(
        passed["tests"],
        json!([{"name": "web-test", "object": format!("/Pod/{}/web-test", stage.namespace),
        "passed": true, "reason": null}])
    );
    let status = stage.helm(&["status", RELEASE]).fine().stdout;
    assert!(status.contains("TEST SUITE:     web-test") && status.contains("Succeeded"), "{status}");
    stage.helm(&["test", RELEASE]).fine();
    let values = stage.repository.read(&stage.values());
    stage.repository.write(&stage.values(), &format!("testOutcome: fail\n{values}"));
    stage.repository.commit("fails");
    stage.apply();
    let failed = stage.evenkeel(&["test", &stage.target()]).expect_code(1);
    assert!(failed.stdout.contains("exited with code 1"), "{failed}");
    let status = stage.helm(&["status", RELEASE]).fine().stdout;
    assert!(status.contains("Failed"), "{status}");
    assert_eq!(stage.history().len(), 2, "a test is no revision");
}
