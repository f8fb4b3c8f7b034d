//! The sandbox against the real API server: one list of requests, one recorded set of answers, and both must give it.
//!
//! `answers.snap` was recorded from the real control plane (`INSTA_UPDATE=always cargo test --test it
//! sandbox::the_real_server`); without one, the sandbox alone is held against it.

mod kubectl;
mod steps;

use evenkeel::sandbox::{Options, Server};
use http_body_util::BodyExt as _;
use kube::Client;
use serde_json::{Value, json};
use steps::Step;

use crate::harness::{ControlPlane, eventually, unique_name};
use crate::require;

async fn sandbox() -> (Server, Client) {
    let server = Server::start(([127, 0, 0, 1], 0).into(), Options::default()).await.unwrap();
    let client = Client::try_from(kube::Config::new(server.url.parse().unwrap())).unwrap();
    (server, client)
}

/// Sends a request as it is; answers with the code and the JSON (or text) of the answer.
async fn send(client: &Client, step: &Step) -> (u16, Value) {
    let mut request = http::Request::builder()
        .method(step.method)
        .uri(&step.path)
        .header("Accept", step.accept)
        .header("User-Agent", "scenario/1");
    let body = match &step.body {
        Value::Null => Vec::new(),
        body => {
            request = request.header("Content-Type", step.media);
            body.to_string().into_bytes()
        }
    };
    let response = client.send(request.body(body.into()).unwrap()).await.unwrap();
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let value = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
    (code, value)
}

/// Takes away what differs from run to run.
fn normal(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("kind").is_some_and(|kind| kind == "Deployment") && map.contains_key("status") {
                // Its controller may or may not have been there yet.
                map.insert("status".to_owned(), "<status>".into());
                let entries = map.get_mut("metadata").and_then(|m| m.get_mut("managedFields"));
                if let Some(entries) = entries.and_then(Value::as_array_mut) {
                    entries.retain(|entry| entry["subresource"] != "status");
                }
            }
            for (key, inner) in map.iter_mut() {
                let changing = [
                    "uid",
                    "resourceVersion",
                    "time",
                    "creationTimestamp",
                    "deletionTimestamp",
                    "clusterIP",
                    "lastTransitionTime",
                    "lastUpdateTime",
                ];
                if changing.contains(&key.as_str()) && inner.as_str().is_some_and(|text| text != "None") {
                    *inner = format!("<{key}>").into();
                } else if key == "clusterIPs" && inner[0] != "None" {
                    *inner = json!(["<clusterIP>"]);
                } else if key.ends_with("controller-uid") {
                    *inner = "<uid>".into();
                } else if key == "managedFields" {
                    // The order of entries of one second is by time, and so by chance.
                    if let Some(entries) = inner.as_array_mut() {
                        entries.sort_by_key(|e| format!("{}{}{}", e["manager"], e["operation"], e["subresource"]));
                    }
                    normal(inner);
                } else {
                    normal(inner);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(normal),
        _ => {}
    }
}

/// Runs all steps in a namespace of their own; the answers, as text.
async fn answers(client: &Client) -> String {
    let namespace = unique_name("steps");
    let group = format!("{}.example.com", unique_name("g"));
    let create = Step::post("a namespace", "/api/v1/namespaces", json!({"metadata": {"name": namespace}}));
    assert_eq!(send(client, &create).await.0, 201);
    let account = Step::get("its account", &format!("/api/v1/namespaces/{namespace}/serviceaccounts/default"));
    let ready = || async {
        let (code, _) = send(client, &account).await;
        if code == 200 { Ok(()) } else { Err(format!("{code}")) }
    };
    eventually("the namespace's service account", std::time::Duration::from_secs(30), ready).await;
    let identifiers = regex::Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap();
    let mut text = String::new();
    for step in steps::all(&namespace, &group) {
        if let Some(path) = step.wait_for.as_deref() {
            let wait = Step::get("wait", path);
            let served = || async {
                let (code, body) = send(client, &wait).await;
                if code == 200 { Ok(()) } else { Err(body.to_string()) }
            };
            eventually(path, std::time::Duration::from_secs(30), served).await;
        }
        let (code, mut body) = send(client, &step).await;
        normal(&mut body);
        let body = serde_json::to_string_pretty(&body).unwrap();
        let body =
            identifiers.replace_all(&body, "<uid>").replace(&namespace, "<namespace>").replace(&group, "<group>");
        let path = step.path.replace(&namespace, "<namespace>").replace(&group, "<group>");
        text.push_str(&format!("## {}\n{} {path}\n{code} {body}\n\n", step.title, step.method));
    }
    let gone = Step::delete("the namespace", &format!("/api/v1/namespaces/{namespace}"), Value::Null);
    send(client, &gone).await;
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_server_gives_the_recorded_answers() {
    let plane = require!(ControlPlane::shared());
    let answers = answers(&plane.client().await).await;
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("answers", answers);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_gives_the_recorded_answers() {
    let (server, client) = sandbox().await;
    let answers = answers(&client).await;
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("answers", answers);
    });
    server.shutdown().await;
}
