//! A mutating webhook that rewrites what we apply: what it makes of an object is no difference, and no drift.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Api;
use kube::api::{DeleteParams, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};
use serde_json::{Value, json};

use super::support::{World, lines};

/// A webhook on loopback that puts every image behind a mirror. Its certificate.
fn mirror() -> (u16, Vec<u8>) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "127.0.0.1").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    let address = SubjectAlternativeName::new().ip("127.0.0.1").build(&certificate.x509v3_context(None, None)).unwrap();
    certificate.append_extension(address).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    let certificate = certificate.build();
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    let acceptor = Arc::new(acceptor.build());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let acceptor = Arc::clone(&acceptor);
            std::thread::spawn(move || answer(&acceptor, connection));
        }
    });
    (port, certificate.to_pem().unwrap())
}

/// Answers the reviews of one connection until it ends.
fn answer(acceptor: &SslAcceptor, connection: TcpStream) {
    let Ok(stream) = acceptor.accept(connection) else { return };
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if !matches!(stream.read_line(&mut line), Ok(1..)) {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        let review: Value = serde_json::from_slice(&body).unwrap();
        let answer =
            json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": reviewed(&review)});
        let answer = answer.to_string();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", answer.len());
        if stream.get_mut().write_all(format!("{head}{answer}").as_bytes()).is_err() {
            return;
        }
    }
}

fn reviewed(review: &Value) -> Value {
    let containers = review.pointer("/request/object/spec/template/spec/containers").and_then(Value::as_array);
    let mut patch = Vec::new();
    for (index, container) in containers.into_iter().flatten().enumerate() {
        let image = container["image"].as_str().unwrap_or_default();
        if let Some(rest) = image.strip_prefix("example.org/") {
            let path = format!("/spec/template/spec/containers/{index}/image");
            patch.push(json!({"op": "replace", "path": path, "value": format!("mirror.example.org/{rest}")}));
        }
    }
    json!({"uid": review["request"]["uid"], "allowed": true, "patchType": "JSONPatch",
        "patch": STANDARD.encode(Value::Array(patch).to_string())})
}

fn deployment(image: &str, replicas: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "api"}},
            "template": {"metadata": {"labels": {"app": "api"}}, "spec": {"terminationGracePeriodSeconds": 0,
                "containers": [{"name": "api", "image": image}]}}}})
}

pub(super) async fn what_admission_makes_of_an_object_is_no_difference(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    let (port, certificate) = mirror();
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
    ));
    let webhooks: Api<DynamicObject> = Api::all_with(world.cluster.client(), &resource);
    let name = format!("mirror-{}", world.namespace);
    let webhook = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name}, "webhooks": [{
            "name": "mirror.example.org", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"url": format!("https://127.0.0.1:{port}/"), "caBundle": STANDARD.encode(certificate)},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}},
            "rules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]}]}]});
    webhooks.create(&PostParams::default(), &serde_json::from_value(webhook).unwrap()).await.unwrap();

    world.objects(&[deployment("example.org/api:1", 1)]);
    let revision = world.settings("onDrift: alert\n");
    let daemon = world.daemon();
    let live = async || world.live("apps/v1", "Deployment", "api").await;
    crate::harness::eventually("the webhook to be in force", super::support::STEP, || async {
        daemon.synced(&revision).await;
        match &live().await["spec"]["template"]["spec"]["containers"][0]["image"] {
            image if image == "mirror.example.org/api:1" => Ok(()),
            // It was not known yet when the object was made.
            image => {
                let at = ("apps/v1", "Deployment", "api");
                world.merge(at, "somebody", json!({"metadata": {"annotations": {"again": "1"}}})).await;
                Err(image.to_string())
            }
        }
    })
    .await;
    world.run("drift", &[]).expect_code(0);
    world.run("diff", &[]).expect_code(0);

    // Somebody changes another field: that one is told, and the image is not.
    world.scale(("apps/v1", "Deployment", "api"), "kubectl", 2).await;
    let status = daemon.until("the drift to be told", |s| !lines(s).is_empty()).await;
    assert_eq!(lines(&status), ["Deployment/api .spec.replicas 1 → 2 by kubectl Update/scale"]);
    let drift = world.run("drift", &["--output", "json"]).expect_code(1).json();
    assert_eq!(lines(&json!({"drift": drift["objects"]})), lines(&status));

    // Nor is it part of what a commit changes.
    world.objects(&[deployment("example.org/api:1", 3)]);
    world.settings("onDrift: alert\nonCommit: plan\n");
    let diff = world.run("diff", &[]).expect_code(1).stdout;
    assert!(diff.contains("+  replicas: 3") && !diff.contains("image: mirror"), "{diff}");
    let plan = world.run("diff", &["--output", "json"]).json();
    let fields: Vec<&Value> = plan["plan"]["releases"][0]["apply"][0]["fields"].as_array().unwrap().iter().collect();
    assert_eq!(fields.iter().map(|f| f["path"].as_str().unwrap()).collect::<Vec<_>>(), [".spec.replicas"]);
    // What Git changes of it is shown as what becomes of it.
    world.objects(&[deployment("example.org/api:2", 3)]);
    world.settings("onDrift: alert\nonCommit: plan\n");
    let diff = world.run("diff", &[]).expect_code(1).stdout;
    assert!(diff.contains("image: mirror.example.org/api:1") && diff.contains("api:2"), "{diff}");
    webhooks.delete(&name, &DeleteParams::default()).await.unwrap();
}
