//! An approval lets one thing happen once. The daemon is killed when everything is done and the approval is about to be taken away:
//! it is no approval of the same changes at another time.

use kube::api::Api;
use serde_json::json;

use super::support::{Fleet, Sailor};
use crate::harness::{ControlPlane, Evenkeel, Fate, Proxy, wait_until_gone};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_once_is_not_approved_for_ever() {
    let plane = crate::require!(ControlPlane::shared());
    let fleet = Fleet::new(plane.kubeconfig()).await;
    let proxy = Proxy::start(plane.kubeconfig()).await;
    let file = format!("environments/{}/environment.yaml", fleet.environment);
    fleet.repository.replace(&file, "namespace:", "onCommit: plan\nnamespace:");
    let evenkeel = |arguments: &[&str]| {
        let command = Evenkeel::new(arguments).repository(&fleet.repository).kubeconfig(plane.kubeconfig());
        command.run().expect_code(0)
    };
    let commit = |value: &str| {
        fleet.release("bow", &json!({"maps": {"a": value}}));
        fleet.repository.commit(value)
    };
    commit("one");
    evenkeel(&["apply", &fleet.environment, "--rev", "main"]);

    let two = commit("two");
    let approval = format!("approval.{}", fleet.environment);
    let last = approval.clone();
    proxy.judge(move |request| match request.method == "DELETE" && request.name == last {
        true => Fate::Death { reached: false },
        false => Fate::Pass,
    });
    let sailor = Sailor::start(&fleet, proxy.kubeconfig());
    proxy.victim(sailor.id());
    let command = format!("evenkeel approve {} ", fleet.environment);
    let status =
        sailor.until("to wait", |s| s["state"] == "pending" && s["revision"] == two.as_str()).await.to_string();
    let digest: String = status.split(&command).nth(1).unwrap().chars().take_while(char::is_ascii_hexdigit).collect();
    evenkeel(&["approve", &fleet.environment, &digest, "--rev", "main"]);
    sailor.dead().await;
    fleet.assert_whole("killed after the last change").await;

    proxy.judge(|_| Fate::Pass);
    let sailor = Sailor::start(&fleet, proxy.kubeconfig());
    sailor.synced(&two).await;
    let maps: Api<k8s_openapi::api::core::v1::ConfigMap> = Api::namespaced(fleet.client.clone(), "evenkeel-system");
    wait_until_gone(maps, &approval).await;

    // Somebody goes elsewhere by hand; the way back is the same change as before, and is asked for again.
    commit("three");
    evenkeel(&["apply", &fleet.environment, "--rev", "main"]);
    let again = commit("two");
    let waits = |s: &serde_json::Value| s["state"] == "pending" && s["revision"] == again.as_str();
    let status = sailor.until("to wait again", waits).await.to_string();
    assert!(status.contains(&format!("{command}{digest}")), "the same change: {status}");
    sailor.stop();
}
