//! The daemon: what was looked up is followed, and a change of it is all that it takes.

use std::path::Path;
use std::time::{Duration, Instant};

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::reading::{PASSWORD, change, login};
use super::{Ground, scenarios};
use crate::harness::wait_for;

scenarios!(
    a_change_of_what_is_looked_up_is_seen_at_once,
    news_of_a_lookup_end_a_wait,
    what_looks_up_itself_comes_to_rest,
    a_password_changed_by_hand_is_no_drift,
    what_never_comes_to_rest_is_slowed_down_and_told,
    too_many_lookups_are_read_and_told,
);

/// Says what another ConfigMap says.
const ECHO: &str = r#"
{{- $input := lookup "v1" "ConfigMap" .Release.Namespace "input" }}
apiVersion: v1
kind: ConfigMap
metadata: {name: output}
data: {heard: {{ dig "data" "word" "nothing" $input | quote }}}
"#;

/// Waits until the output says something; how long that took.
async fn heard(ground: &Ground, word: &str) -> Duration {
    let began = Instant::now();
    let says = |map: &k8s_openapi::api::core::v1::ConfigMap| map.data.as_ref().is_some_and(|d| d["heard"] == word);
    wait_for(ground.config_maps(), "output", &format!("to say {word}"), says).await;
    began.elapsed()
}

async fn a_change_of_what_is_looked_up_is_seen_at_once(kubeconfig: &Path) {
    let ground = Ground::new(kubeconfig, ECHO).await;
    ground.commit();
    let daemon = ground.daemon();
    heard(&ground, "nothing").await;
    daemon.until("the release to be well", |r| r["state"] == "synced").await;

    let mut took = Vec::new();
    for word in ["one", "two", "three"] {
        ground.put("input", word).await;
        took.push(heard(&ground, word).await);
    }
    ground.config_maps().delete("input", &DeleteParams::default()).await.unwrap();
    took.push(heard(&ground, "nothing").await);
    ground.put("input", "four").await;
    took.push(heard(&ground, "four").await);
    // The quickest: the machine may be busy with something else.
    assert!(took.iter().min().is_some_and(|least| *least < Duration::from_secs(1)), "{took:?}");
    daemon.until("the release to be well", |r| r["state"] == "synced").await;

    // Nothing to do costs nothing; what does not matter costs one read, and no write.
    daemon.rests().await;
    let (gets, applied) = (daemon.requests_of("get").await, daemon.requests_of("apply").await);
    let change = Patch::Merge(json!({"metadata": {"annotations": {"seen": "yes"}}}));
    ground.config_maps().patch("input", &PatchParams::default(), &change).await.unwrap();
    crate::harness::eventually("the read", Duration::from_secs(30), || async {
        let now = daemon.requests_of("get").await;
        if now > gets { Ok(()) } else { Err(format!("{now} reads")) }
    })
    .await;

    daemon.rests().await;
    assert_eq!(daemon.requests_of("get").await, gets + 1, "one change, one read");
    assert_eq!(daemon.requests_of("apply").await, applied);
}

async fn news_of_a_lookup_end_a_wait(kubeconfig: &Path) {
    let ground = Ground::new(kubeconfig, ECHO).await;
    let never = "{apiVersion: v1, kind: ConfigMap, current: has(metadata.annotations.open)}";
    ground.settings(&format!("timeout: 10m\nhealth: [{never}]\n"));
    ground.commit();
    let daemon = ground.daemon();
    heard(&ground, "nothing").await;
    let waits = |r: &serde_json::Value| r["state"] == "progressing" && r["objects"] == 1;
    daemon.until("the daemon to wait", waits).await;
    ground.put("input", "one").await;
    let took = heard(&ground, "one").await;
    assert!(took < Duration::from_secs(30), "{took:?}");
    daemon.until("the daemon to wait on", waits).await;
}

async fn what_looks_up_itself_comes_to_rest(kubeconfig: &Path) {
    let list = r#"
{{- $names := list }}
{{- range (lookup "v1" "ConfigMap" .Release.Namespace "").items }}
{{- if contains "put" .metadata.name }}{{ $names = append $names .metadata.name }}{{ end }}
{{- end }}
apiVersion: v1
kind: ConfigMap
metadata: {name: output}
data: {heard: {{ $names | sortAlpha | join " " | quote }}}
"#;
    let ground = Ground::new(kubeconfig, list).await;
    ground.commit();
    let daemon = ground.daemon();
    heard(&ground, "output").await;
    ground.put("input", "one").await;
    heard(&ground, "input output").await;
    daemon.until("the release to be well", |r| r["state"] == "synced").await;
    daemon.rests().await;
}

/// Two watches see it, in either order.
async fn a_password_changed_by_hand_is_no_drift(kubeconfig: &Path) {
    let ground = Ground::new(kubeconfig, PASSWORD).await;
    ground.commit();
    let daemon = ground.daemon();
    daemon.until("the release to be well", |r| r["state"] == "synced" && r["objects"] == 1).await;
    daemon.rests().await;
    for password in ["changed by hand", "changed again", "and once more"] {
        change(&ground, &ground.namespace, password).await;
        daemon.rests().await;
        assert_eq!(login(&ground, &ground.namespace).await.0, password);
    }
}

async fn what_never_comes_to_rest_is_slowed_down_and_told(kubeconfig: &Path) {
    let count = r#"
{{- $own := lookup "v1" "ConfigMap" .Release.Namespace "output" }}
apiVersion: v1
kind: ConfigMap
metadata: {name: output}
data: {heard: {{ dig "data" "heard" "0" $own | int | add1 | quote }}}
"#;
    let ground = Ground::new(kubeconfig, count).await;
    ground.commit();
    let daemon = ground.daemon();
    let told = daemon.until("the problem to be told", |r| r["state"] == "failed").await;
    assert!(told["messages"][0].as_str().unwrap().contains("without an end"), "{told}");
    let counted: u32 = ground.config_maps().get("output").await.unwrap().data.unwrap()["heard"].parse().unwrap();
    // The first render, and ten again; what was under way when it was told.
    assert!((10..=12).contains(&counted), "{counted}");
    ground.template(ECHO);
    ground.commit();
    heard(&ground, "nothing").await;
    daemon.until("the problem to be over", |r| r["state"] == "synced" && r["messages"] == json!([])).await;
}

async fn too_many_lookups_are_read_and_told(kubeconfig: &Path) {
    let many = r#"
{{- $found := 0 }}
{{- range $i := until 66 }}
{{- if lookup "v1" "ConfigMap" $.Release.Namespace (printf "in-%02d" $i) }}{{ $found = add1 $found }}{{ end }}
{{- end }}
apiVersion: v1
kind: ConfigMap
metadata: {name: output}
data: {heard: {{ $found | quote }}}
"#;
    let ground = Ground::new(kubeconfig, many).await;
    ground.commit();
    let daemon = ground.daemon();
    heard(&ground, "0").await;
    let told = daemon.until("the limit to be told", |r| r["state"] == "synced" && r["messages"][1].is_string()).await;
    let messages = told["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2, "{told}");
    for (message, name) in messages.iter().zip(["in-64", "in-65"]) {
        let message = message.as_str().unwrap();
        assert!(message.contains(&format!("{}/{name}", ground.namespace)), "{message}");
        assert!(message.contains("at most 64 lookups"), "{message}");
    }
    // What is followed is seen at once, and with it what is not.
    ground.put("in-65", "x").await;
    ground.put("in-00", "x").await;
    heard(&ground, "2").await;
}
