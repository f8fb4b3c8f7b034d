//! Registries that send their clients to a token server, as public ones do, and their layers to another host.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use evenkeel::chart::repository::sha256;

use super::support::{Home, Repository, write};
use crate::harness::helm;
use crate::require;

const BASIC: &str = "Basic dXNlcjpzM2NyZXQtdzByZA==";

struct Served {
    address: String,
    /// Path to content, below `/v2/`.
    content: BTreeMap<String, Vec<u8>>,
    /// Where layers are.
    layers: String,
    asked: Mutex<Vec<String>>,
}

async fn answer(State(served): State<Arc<Served>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let said = parts.headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let path = parts.uri.path().to_owned();
    if path == "/token" {
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        let form = String::from_utf8(body.to_vec()).unwrap();
        served.asked.lock().unwrap().push(format!("{} {query}{form}", parts.method));
        let exchange = parts.method == Method::POST && form.contains("refresh_token=identity-token");
        return if said.as_deref() == Some(BASIC) {
            r#"{"token": "good.token"}"#.into_response()
        } else if exchange {
            r#"{"access_token": "good.token"}"#.into_response()
        } else {
            StatusCode::UNAUTHORIZED.into_response()
        };
    }
    if said.as_deref() != Some("Bearer good.token") {
        let challenge = format!(
            r#"Bearer realm="http://{}/token",service="registry.example.org",scope="repository:charts/web:pull""#,
            served.address
        );
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
    }
    let Some(name) = path.strip_prefix("/v2/") else { return StatusCode::NOT_FOUND.into_response() };
    if let Some((_, digest)) = name.split_once("/blobs/") {
        let to = format!("{}/{}", served.layers, digest.trim_start_matches("sha256:"));
        return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response();
    }
    if name == "charts/web/tags/list" && query.is_empty() {
        let next = r#"</v2/charts/web/tags/list?last=0.1.0&n=1>; rel="next""#;
        return ([(header::LINK, next)], r#"{"tags": ["0.1.0"]}"#).into_response();
    }
    match served.content.get(name) {
        Some(bytes) => bytes.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[test]
fn tokens_are_fetched_for_logins_and_layers_come_from_other_hosts_without_them() {
    let helm = require!(helm());
    let home = Home::new();
    let archive = std::fs::read(home.packed(&helm, "web", "1.0.0")).unwrap();
    let layers = home.folder("layers");
    std::fs::write(layers.join(sha256(&archive)), &archive).unwrap();
    let elsewhere = Repository::serve(&layers);
    let manifest = |size: usize| {
        format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"sha256:{}","size":2}},"layers":[{{"mediaType":"application/vnd.cncf.helm.chart.content.v1.tar+gzip","digest":"sha256:{}","size":{size}}}]}}"#,
            sha256(b"{}"),
            sha256(&archive)
        )
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = Arc::new(Served {
        address: address.clone(),
        content: BTreeMap::from([
            ("charts/web/tags/list".to_owned(), br#"{"tags": ["1.0.0", "latest"]}"#.to_vec()),
            ("charts/web/manifests/1.0.0".to_owned(), manifest(archive.len()).into_bytes()),
            ("charts/web/manifests/2.0.0".to_owned(), manifest(archive.len() + 1).into_bytes()),
            ("charts/web/manifests/3.0.0".to_owned(), manifest(200 << 20).into_bytes()),
            ("charts/web/manifests/4.0.0".to_owned(), vec![b' '; 5 << 20]),
        ]),
        layers: elsewhere.url(),
        asked: Mutex::default(),
    });
    let router = Router::new().fallback(answer).with_state(Arc::clone(&served));
    runtime.spawn(async move { axum::serve(listener, router).await });
    let chart = format!("oci://{address}/charts/web");
    let fresh = |name: &str, extra: &[&str]| {
        let arguments = [&["-vv", "chart", "show", "chart", &chart], extra].concat();
        home.evenkeel(arguments).env("XDG_CACHE_HOME", home.folder(name)).run()
    };

    // The newest of two pages of tags.
    let login = ["--username", "user", "--password", "s3cret-w0rd"];
    let shown = fresh("one", &login).expect_code(0);
    assert!(shown.stdout.contains("version: 1.0.0"), "{shown}");
    assert_eq!(
        served.asked.lock().unwrap().split_off(0)[0],
        "GET service=registry.example.org&scope=repository%3Acharts%2Fweb%3Apull"
    );
    let came = elsewhere.came();
    assert!(came.len() == 1 && came[0].authorization.is_none(), "{came:?}");

    // An identity token is exchanged.
    let config = format!(r#"{{"auths": {{"{address}": {{"identitytoken": "identity-token"}}}}}}"#);
    write(&home.path().join(".config/helm/registry/config.json"), &config);
    fresh("two", &["--version", "1.0.0"]).expect_code(0);
    let asked = served.asked.lock().unwrap().split_off(0);
    assert!(asked[0].starts_with("POST grant_type=refresh_token"), "{asked:?}");

    // A wrong password, and what a registry may not claim or send.
    let wrong = fresh("three", &["--version", "1.0.0", "--username", "user", "--password", "not-the-w0rd"]);
    let wrong = wrong.expect_code(1);
    assert!(wrong.stderr.contains("pull access denied") && !wrong.stderr.contains("not-the-w0rd"), "{wrong}");
    for (version, message) in [
        ("2.0.0", "was announced"),
        ("3.0.0", "(limit: chart archive)"),
        ("4.0.0", "(limit: manifest)"),
        ("5.0.0", "/charts/web:5.0.0: not found"),
    ] {
        let refused = fresh("four", &["--version", version]).expect_code(1);
        assert!(refused.stderr.contains(message) && !refused.stderr.contains("good.token"), "{version}: {refused}");
    }
}
