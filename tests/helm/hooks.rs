//! Hooks, as helm runs them: in order, waited for, cleaned up, and never twice for one revision.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;

use super::support::{RELEASE, Stage, lines_of};
use crate::harness::{ControlPlane, Evenkeel, eventually, helm, wait_until_gone};

#[tokio::test(flavor = "multi_thread")]
async fn in_order_once_and_cleaned_up() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let stage = Stage::new(plane);
    stage.hooks(
        "{late: {events: \"pre-install,pre-upgrade\", weight: 3}, early: {events: pre-install, weight: -5, delete: hook-succeeded}, \
         after: {events: post-install, ttl: 0}}",
    );
    let planned = stage.evenkeel(&["diff", &stage.environment, "--output", "json"]).expect_code(1).json();
    let release = &planned["plan"]["releases"][0];
    assert_eq!(release["operation"]["kind"], "install");
    assert_eq!(release["before"][0]["verb"], "hook");
    assert_eq!(
        release["before"][0]["hook"],
        json!({"event": "pre-install", "weight": -5, "delete": ["hook-succeeded"]})
    );

    let applied = stage.apply();
    let ran: Vec<String> =
        lines_of(&applied, "ran").iter().map(|l| l.split_whitespace().nth(1).unwrap().to_owned()).collect();
    let job = |name: &str| format!("{}/{RELEASE}-{name}", stage.namespace);
    assert_eq!(ran, [job("early"), job("late"), job("after")], "{applied}");
    let position = |text: &str| applied.stdout.find(text).unwrap_or_else(|| panic!("{text}: {applied}"));
    assert!(position("ran        Job") < position("created    ConfigMap"), "{applied}");
    assert!(stage.job("early").await.is_none(), "hook-succeeded");
    let late = stage.job("late").await.unwrap();
    assert_eq!(stage.history(), ["1 deployed Install complete"]);
    let status = stage.helm(&["status", RELEASE, "--output", "json"]).fine().json();
    let hooks = status["hooks"].as_array().unwrap();
    let run = |name: &str| hooks.iter().find(|h| h["name"] == format!("{RELEASE}-{name}")).unwrap()["last_run"].clone();
    for name in ["early", "late", "after"] {
        assert_eq!(run(name)["phase"], "Succeeded", "{status}");
    }
    assert_eq!(run("test")["phase"], "", "{status}");

    // Collected, or deleted by somebody: done is done.
    let jobs: Api<k8s_openapi::api::batch::v1::Job> = Api::namespaced(plane.client().await, &stage.namespace);
    wait_until_gone(jobs.clone(), &format!("{RELEASE}-after")).await;
    jobs.delete(&format!("{RELEASE}-late"), &DeleteParams::background()).await.unwrap();
    let again = stage.apply();
    assert!(lines_of(&again, "ran").is_empty(), "{again}");

    // An upgrade runs its own, anew.
    stage.say("one", "two");
    let upgraded = stage.apply();
    let ran = lines_of(&upgraded, "ran");
    assert!(ran.len() == 1 && ran[0].contains("pre-upgrade, weight 3"), "{upgraded}");
    assert_ne!(stage.job("late").await.unwrap().metadata.uid, late.metadata.uid);

    // Before it runs again, the one of before goes.
    let before = stage.job("late").await.unwrap();
    stage.say("two", "three");
    stage.apply();
    assert_ne!(stage.job("late").await.unwrap().metadata.uid, before.metadata.uid);
    assert_eq!(stage.history().last().unwrap(), "3 deployed Upgrade complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_hook_fails_the_release_with_its_reason() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let stage = Stage::new(plane);
    stage.apply();
    stage.repository.replace(&stage.values(), "message: one", "message: two");
    stage.hooks("{good: {events: pre-upgrade, weight: -1}, bad: {events: pre-upgrade, outcome: fail}}");
    let failed = stage.evenkeel(&["apply", &stage.environment]).expect_code(2);
    assert!(
        failed.stdout.contains("the pre-upgrade hook Job") && failed.stdout.contains("exited with code 1"),
        "{failed}"
    );
    assert_eq!(stage.message().await, "one", "nothing of the release is applied");
    let history = stage.history();
    assert_eq!(history[0], "1 deployed Install complete");
    assert!(history[1].starts_with("2 failed Upgrade \"web\" failed: the pre-upgrade hook Job"), "{history:?}");

    // Tried again: what succeeded is not run again, and the history does not grow.
    let again = stage.evenkeel(&["apply", &stage.environment]).expect_code(2);
    assert!(lines_of(&again, "ran").is_empty(), "{again}");
    assert_eq!(stage.history().len(), 2);

    stage.hooks("{good: {events: pre-upgrade}}");
    stage.apply();
    assert_eq!(stage.message().await, "two");
    let history = stage.history();
    assert_eq!(
        (history[0].as_str(), history[2].as_str()),
        ("1 superseded Install complete", "3 deployed Upgrade complete")
    );
}

/// A hook whose pods come nearer takes longer than `timeout`; one where nothing happens does not.
#[tokio::test(flavor = "multi_thread")]
async fn time_runs_only_while_a_hook_stands_still() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let stage = Stage::new(plane);
    let settings = format!("environments/{}/{RELEASE}/release.yaml", stage.environment);
    stage.repository.replace(&settings, "timeout: 1m\n", "timeout: 4s\n");
    // No node takes the pod: what it does is said by hand.
    stage.repository.replace(
        "charts/web/templates/hooks.yaml",
        "      restartPolicy: Never\n      containers:",
        "      restartPolicy: Never\n      schedulerName: nobody\n      containers:",
    );
    stage.hooks("{slow: {events: pre-install}}");
    let pods: Api<Pod> = Api::namespaced(plane.client().await, &stage.namespace);
    let by_job = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={RELEASE}-slow"));
    let apply = Evenkeel::new(["apply", &stage.environment]).repository(&stage.repository).plane(plane);
    let applying = apply.start();
    let name = eventually("the hook's pod", Duration::from_secs(60), || async {
        let found = pods.list(&by_job).await.map_err(|e| e.to_string())?.items;
        found.into_iter().next().and_then(|pod| pod.metadata.name).ok_or_else(|| "no pod".to_owned())
    })
    .await;
    let began = Instant::now();
    for step in 0..5 {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let state = |at: usize| match at.cmp(&step) {
            Ordering::Less => json!({"terminated": {"exitCode": 0}}),
            Ordering::Equal => json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}}),
            Ordering::Greater => json!({"waiting": {"reason": "PodInitializing"}}),
        };
        let one = |at: usize| json!({"name": format!("step-{at}"), "state": state(at), "image": "", "imageID": "", "ready": false, "restartCount": 0});
        let statuses: Vec<_> = (0..5).map(one).collect();
        let change = json!({"status": {"phase": "Pending", "initContainerStatuses": statuses}});
        pods.patch_status(&name, &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
    }
    assert!(began.elapsed() > Duration::from_secs(6), "longer than the timeout");
    let done = json!({"status": {"phase": "Succeeded"}});
    pods.patch_status(&name, &PatchParams::default(), &Patch::Merge(done)).await.unwrap();
    let applied = applying.wait().expect_code(0);
    assert_eq!(lines_of(&applied, "ran").len(), 1, "{applied}");
    assert_eq!(stage.history(), ["1 deployed Install complete"]);

    stage.hooks("{slow: {events: pre-upgrade}}");
    let failed = stage.evenkeel(&["apply", &stage.environment]).expect_code(2);
    assert!(failed.stdout.contains("nothing of it came nearer for 4s"), "{failed}");
}
