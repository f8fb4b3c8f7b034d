//! Charts in OCI registries (the distribution protocol): logging in, tags, manifests, layers; pulling and pushing as helm does.
//!
//! A client of our own rather than a crate's: answers of every kind have a limit, a password goes to the registry and to the
//! token server that it names over TLS alone, client certificates are possible, and errors are in helm's words.

use std::sync::{Mutex, PoisonError};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LINK, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use super::error::{RemoteError, RemoteErrorKind};
use super::http::{Answer, Http, Tls, is_loopback, send};
use super::{Known, MAX_ARCHIVE, MAX_PROVENANCE};
use crate::chart::repository::{Login, Reference, sha256};

/// Media type of a chart's metadata.
pub(super) const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// Media type of a chart's archive.
pub(super) const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// Media type of a provenance file.
pub(super) const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";
/// Media type of a chart's archive, as it was.
const OLD_CHART: &str = "application/tar+gzip";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Bytes that a manifest, a token or a page of tags may have.
const MAX_DOCUMENT: u64 = 4 << 20;
/// Pages of tags that are read.
const MAX_PAGES: usize = 200;

/// A registry, as one login sees it.
#[derive(Debug)]
pub(super) struct Registry<'a> {
    http: &'a Http,
    tls: &'a Tls,
    reference: Reference,
    login: Option<Login>,
    state: Mutex<State>,
}

#[derive(Debug, Default, Clone)]
struct State {
    /// `http` or `https`, once it is known.
    scheme: Option<&'static str>,
    /// The header that the registry accepted.
    authorization: Option<String>,
}

/// What a manifest says of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// With `sha256:`.
    pub(super) digest: String,
    /// The archive's digest (with `sha256:`) and size.
    pub(super) chart: (String, u64),
    /// The provenance file's.
    pub(super) provenance: Option<(String, u64)>,
}

impl Manifest {
    pub(super) fn known(&self) -> Known {
        Known {
            archive: self.chart.0.trim_start_matches("sha256:").to_owned(),
            manifest: self.digest.clone(),
            provenance: Some(self.provenance.is_some()),
        }
    }
}

/// What is asked for below `/v2/REPOSITORY/`.
struct Asked<'r> {
    method: Method,
    path: String,
    accept: &'r str,
    limit: (u64, &'static str),
    push: bool,
}

impl<'a> Registry<'a> {
    pub(super) fn new(http: &'a Http, tls: &'a Tls, reference: &Reference, login: Option<Login>, plain: bool) -> Self {
        let loopback = host_of(reference.host()).is_some_and(|host| is_loopback(&host));
        let scheme = if plain {
            Some("http")
        } else if loopback {
            None
        } else {
            Some("https")
        };
        let state = Mutex::new(State { scheme, authorization: None });
        Self { http, tls, reference: reference.clone(), login, state }
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether the registry lets this login in (helm: `registry login`).
    pub(super) async fn check_login(&self) -> Result<(), RemoteError> {
        let asked = Asked {
            method: Method::GET,
            path: String::new(),
            accept: "*/*",
            limit: (MAX_DOCUMENT, "registry answer"),
            push: false,
        };
        let answer = self.ask(&asked, "").await?;
        if answer.status.is_success() {
            return Ok(());
        }
        let text = format!("login attempt to {} failed with status: {}", answer.url, answer.status_text());
        Err(RemoteError::new(RemoteErrorKind::Unauthorized, text))
    }

    /// All tags of the repository.
    pub(super) async fn tags(&self) -> Result<Vec<String>, RemoteError> {
        let base = format!("{}/tags/list", self.reference.repository);
        let mut path = base.clone();
        let mut tags = Vec::new();
        for _ in 0..MAX_PAGES {
            let asked = Asked {
                method: Method::GET,
                path,
                accept: "application/json",
                limit: (MAX_DOCUMENT, "registry answer"),
                push: false,
            };
            let answer = self.ask(&asked, "").await?;
            if answer.status == StatusCode::UNAUTHORIZED && self.login.is_none() {
                let text = format!("GET {:?}: credential required for basic auth", answer.url.as_str());
                return Err(RemoteError::new(RemoteErrorKind::Unauthorized, text));
            }
            if !answer.status.is_success() {
                return Err(unexpected(&Method::GET, &answer));
            }
            let page: Value = serde_json::from_slice(&answer.body)
                .map_err(|_| RemoteError::untrusted(format!("{} is no list of tags", answer.url)))?;
            let found = page.get("tags").and_then(Value::as_array).into_iter().flatten();
            tags.extend(found.filter_map(Value::as_str).map(str::to_owned));
            match next_page(&answer) {
                Some(query) => path = format!("{base}?{query}"),
                None => return Ok(tags),
            }
        }
        Err(RemoteError::untrusted(format!(
            "{} has more than {MAX_PAGES} pages of tags (limit: pages)",
            self.reference
        )))
    }

    /// The manifest that the reference names; its digest is checked when the reference has one.
    pub(super) async fn manifest(&self) -> Result<Manifest, RemoteError> {
        let name = if self.reference.digest.is_empty() { &self.reference.tag } else { &self.reference.digest };
        let asked = Asked {
            method: Method::GET,
            path: format!("{}/manifests/{name}", self.reference.repository),
            accept: MANIFEST,
            limit: (MAX_DOCUMENT, "manifest"),
            push: false,
        };
        let answer = self.ask(&asked, "").await.map_err(|error| match error.kind {
            RemoteErrorKind::Unreachable => error.wrap("failed to do request"),
            _ => error,
        })?;
        let text = self.reference.to_string();
        match answer.status {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND => {
                return Err(RemoteError::new(RemoteErrorKind::NotFound, format!("{text}: not found")));
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(denied("pull")),
            _ => return Err(unexpected(&Method::GET, &answer)),
        }
        let digest = format!("sha256:{}", sha256(&answer.body));
        let said = answer.headers.get("docker-content-digest").and_then(|value| value.to_str().ok());
        let wanted = (!self.reference.digest.is_empty()).then_some(self.reference.digest.as_str());
        for other in [wanted, said.filter(|said| said.starts_with("sha256:"))].into_iter().flatten() {
            if other != digest {
                return Err(RemoteError::untrusted(format!(
                    "chart reference digest mismatch: {digest} is not {other} ({text})"
                )));
            }
        }
        read_manifest(&answer.body, digest)
    }

    /// A layer by its digest and size, both checked.
    pub(super) async fn layer(
        &self,
        digest: &str,
        size: u64,
        limit: (u64, &'static str),
    ) -> Result<Vec<u8>, RemoteError> {
        if size > limit.0 {
            return Err(RemoteError::untrusted(format!(
                "{digest} of {} is larger than {} bytes (limit: {})",
                self.reference, limit.0, limit.1
            )));
        }
        let asked = Asked {
            method: Method::GET,
            path: format!("{}/blobs/{digest}", self.reference.repository),
            accept: "*/*",
            limit,
            push: false,
        };
        let answer = self.ask(&asked, "").await?;
        match answer.status {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND => {
                let text = format!("{}: layer {digest} not found", self.reference);
                return Err(RemoteError::new(RemoteErrorKind::NotFound, text));
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(denied("pull")),
            _ => return Err(unexpected(&Method::GET, &answer)),
        }
        let found = format!("sha256:{}", sha256(&answer.body));
        if found != digest || answer.body.len() as u64 != size {
            return Err(RemoteError::untrusted(format!(
                "{}: a layer of digest {digest} was announced, {found} came",
                self.reference
            )));
        }
        Ok(answer.body)
    }

    /// The archive of a chart.
    pub(super) async fn chart(&self, manifest: &Manifest) -> Result<Vec<u8>, RemoteError> {
        self.layer(&manifest.chart.0, manifest.chart.1, (MAX_ARCHIVE, "chart archive")).await
    }

    /// The provenance file of a chart.
    pub(super) async fn provenance(&self, manifest: &Manifest) -> Result<Vec<u8>, RemoteError> {
        match &manifest.provenance {
            Some((digest, size)) => self.layer(digest, *size, (MAX_PROVENANCE, "provenance file")).await,
            None => {
                let text = format!("manifest does not contain a layer with mediatype {PROVENANCE}");
                Err(RemoteError::new(RemoteErrorKind::NotFound, text))
            }
        }
    }

    /// Puts content under its digest, unless it is there.
    pub(super) async fn push_layer(&self, bytes: &[u8]) -> Result<(), RemoteError> {
        let repository = &self.reference.repository;
        let digest = format!("sha256:{}", sha256(bytes));
        let limit = (MAX_DOCUMENT, "registry answer");
        let asked = |method: Method, path: String| Asked { method, path, accept: "*/*", limit, push: true };
        let there = self.ask(&asked(Method::HEAD, format!("{repository}/blobs/{digest}")), "").await?;
        if there.status.is_success() {
            return Ok(());
        }
        let started = self.ask(&asked(Method::POST, format!("{repository}/blobs/uploads/")), "").await?;
        pushed(&Method::POST, &started)?;
        let place = started.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let mut url = place
            .and_then(|place| started.url.join(place).ok())
            .ok_or_else(|| RemoteError::untrusted(format!("{} names no place to upload to", started.url)))?;
        url.query_pairs_mut().append_pair("digest", &digest);
        let answer = self.put(url, "application/octet-stream", bytes).await?;
        pushed(&Method::PUT, &answer)
    }

    /// Puts the manifest under the reference's tag.
    pub(super) async fn push_manifest(&self, text: &str) -> Result<(), RemoteError> {
        let path = format!("{}/manifests/{}", self.reference.repository, self.reference.tag);
        let answer = self.put(self.url(&path)?, MANIFEST, text.as_bytes()).await?;
        pushed(&Method::PUT, &answer)
    }

    async fn put(&self, url: Url, kind: &str, bytes: &[u8]) -> Result<Answer, RemoteError> {
        let mut request = self.http.client(self.tls, &url)?.put(url.clone());
        request = request.header(CONTENT_TYPE, kind).header(CONTENT_LENGTH, bytes.len()).body(bytes.to_vec());
        // An upload may go elsewhere; the password does not.
        if same_origin(&url, &self.url("")?)
            && let Some(authorization) = self.state().authorization
        {
            request = request.header(AUTHORIZATION, authorization);
        }
        send(request, &Method::PUT, &url, (MAX_DOCUMENT, "registry answer")).await
    }

    fn url(&self, path: &str) -> Result<Url, RemoteError> {
        let scheme = self.state().scheme.unwrap_or("https");
        let text = format!("{scheme}://{}/v2/{path}", self.reference.host());
        Url::parse(&text).map_err(|error| RemoteError::invalid(format!("{text:?}: {error}")))
    }

    /// Asks, and once more with what the registry wants to know of us.
    async fn ask(&self, asked: &Asked<'_>, body: &'static str) -> Result<Answer, RemoteError> {
        let first = match self.once(asked, body).await {
            // On this machine a registry may speak plain HTTP: helm tries both, too.
            Err(error) if error.is_retryable() && self.state().scheme.is_none() => {
                self.set(|state| state.scheme = Some("http"));
                self.once(asked, body).await?
            }
            other => other?,
        };
        self.set(|state| state.scheme = state.scheme.or(Some("https")));
        if first.status != StatusCode::UNAUTHORIZED {
            return Ok(first);
        }
        let Some(authorization) = self.authorize(&first, asked.push).await? else { return Ok(first) };
        if self.state().authorization.as_ref() == Some(&authorization) {
            return Ok(first);
        }
        self.set(|state| state.authorization = Some(authorization));
        self.once(asked, body).await
    }

    async fn once(&self, asked: &Asked<'_>, body: &'static str) -> Result<Answer, RemoteError> {
        let url = self.url(&asked.path)?;
        let mut request = self.http.client(self.tls, &url)?.request(asked.method.clone(), url.clone());
        request = request.header(ACCEPT, asked.accept);
        if asked.method == Method::POST {
            request = request.header(CONTENT_LENGTH, body.len()).body(body);
        }
        if let Some(authorization) = self.state().authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        send(request, &asked.method, &url, asked.limit).await
    }

    /// The header that answers a challenge; nothing when we have no answer.
    async fn authorize(&self, refused: &Answer, push: bool) -> Result<Option<String>, RemoteError> {
        let challenges: Vec<Challenge> = refused
            .headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(Challenge::parse)
            .collect();
        let of = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case(scheme));
        if let Some(challenge) = of("bearer") {
            return self.token(challenge, &refused.url, push).await.map(|token| Some(format!("Bearer {token}")));
        }
        match (of("basic"), &self.login) {
            (Some(_), Some(Login::Basic { username, password })) => Ok(Some(basic(username, password))),
            _ => Ok(None),
        }
    }

    /// A token from the server that the registry names.
    async fn token(&self, challenge: &Challenge, asked: &Url, push: bool) -> Result<String, RemoteError> {
        let realm = challenge.get("realm").unwrap_or_default();
        let mut url = Url::parse(realm)
            .map_err(|_| RemoteError::untrusted(format!("{} names no token server", self.reference.registry)))?;
        let service = challenge.get("service").unwrap_or_default();
        let actions = if push { "pull,push" } else { "pull" };
        let scope = challenge
            .get("scope")
            .map_or_else(|| format!("repository:{}:{actions}", self.reference.repository), str::to_owned);
        let local = url.host_str().is_some_and(is_loopback);
        if self.login.is_some() && url.scheme() != "https" && asked.scheme() == "https" && !local {
            let text = format!("{} wants the password sent without encryption, to {url}", self.reference.registry);
            return Err(RemoteError::new(RemoteErrorKind::Unauthorized, text));
        }
        let client = self.http.client(self.tls, &url)?;
        let (request, method) = match &self.login {
            Some(Login::Identity(token)) => {
                let body = form(&[
                    ("grant_type", "refresh_token"),
                    ("service", service),
                    ("client_id", "evenkeel"),
                    ("scope", &scope),
                    ("refresh_token", token),
                ]);
                let kind = "application/x-www-form-urlencoded";
                (client.post(url.clone()).header(CONTENT_TYPE, kind).body(body), Method::POST)
            }
            login => {
                if !service.is_empty() {
                    url.query_pairs_mut().append_pair("service", service);
                }
                url.query_pairs_mut().append_pair("scope", &scope);
                let mut request = client.get(url.clone());
                if let Some(Login::Basic { username, password }) = login {
                    request = request.header(AUTHORIZATION, basic(username, password));
                }
                (request, Method::GET)
            }
        };
        let answer = send(request, &method, &url, (MAX_DOCUMENT, "token")).await?;
        if !answer.status.is_success() {
            return Err(denied(if push { "push" } else { "pull" }));
        }
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        ["token", "access_token"]
            .iter()
            .find_map(|key| value.get(key).and_then(Value::as_str))
            .filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()))
            .map(str::to_owned)
            .ok_or_else(|| RemoteError::untrusted(format!("{} answers without a token", url.host_str().unwrap_or(""))))
    }
}

fn basic(username: &str, password: &str) -> String {
    use base64::Engine as _;
    let pair = format!("{username}:{password}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

fn denied(what: &str) -> RemoteError {
    RemoteError::new(
        RemoteErrorKind::Unauthorized,
        format!(
            "{what} access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials"
        ),
    )
}

fn pushed(method: &Method, answer: &Answer) -> Result<(), RemoteError> {
    match answer.status {
        status if status.is_success() => Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(denied("push")),
        _ => Err(unexpected(method, answer)),
    }
}

/// An answer that nothing is known of: with what the registry says itself.
fn unexpected(method: &Method, answer: &Answer) -> RemoteError {
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let errors: Vec<String> = value
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .take(10)
        .map(|error| {
            let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
            let said: String = text("message").chars().filter(|c| !c.is_control()).take(500).collect();
            format!("{}: {said}", text("code").to_lowercase().replace('_', " "))
        })
        .collect();
    let said = if errors.is_empty() {
        answer.status.canonical_reason().unwrap_or_default().to_owned()
    } else {
        errors.join("; ")
    };
    let kind = match answer.status {
        StatusCode::NOT_FOUND => RemoteErrorKind::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => RemoteErrorKind::Unauthorized,
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => RemoteErrorKind::Unreachable,
        _ => RemoteErrorKind::Untrusted,
    };
    let url = answer.url.as_str();
    RemoteError::new(kind, format!("{method} {url:?}: unexpected status code {}: {said}", answer.status.as_u16()))
}

fn read_manifest(bytes: &[u8], digest: String) -> Result<Manifest, RemoteError> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| RemoteError::untrusted(format!("manifest {digest}: {error}")))?;
    let descriptor = |value: &Value| {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        (text("mediaType"), text("digest"), value.get("size").and_then(Value::as_u64).unwrap_or_default())
    };
    let config = value.get("config").map(descriptor).unwrap_or_default();
    let layers: Vec<_> = value.get("layers").and_then(Value::as_array).into_iter().flatten().map(descriptor).collect();
    if config.0 != CONFIG {
        return Err(RemoteError::untrusted(format!("could not load config with mediatype {CONFIG}")));
    }
    let of = |kinds: &[&str]| {
        layers.iter().rev().find(|layer| kinds.contains(&layer.0.as_str())).map(|layer| (layer.1.clone(), layer.2))
    };
    let chart = of(&[CHART, OLD_CHART])
        .ok_or_else(|| RemoteError::untrusted(format!("manifest does not contain a layer with mediatype {CHART}")))?;
    let provenance = of(&[PROVENANCE]);
    for (layer, _) in [Some(&chart), provenance.as_ref()].into_iter().flatten() {
        let hex = layer.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(RemoteError::untrusted(format!("manifest {digest} has a layer without a SHA-256 digest")));
        }
    }
    Ok(Manifest { digest, chart, provenance })
}

/// The query of the next page of a list (RFC 5988); a page of another host or path is none of ours.
fn next_page(answer: &Answer) -> Option<String> {
    let link = answer.headers.get(LINK)?.to_str().ok()?;
    let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    if !rest.contains("next") {
        return None;
    }
    let next = answer.url.join(address).ok()?;
    (same_origin(&next, &answer.url) && next.path() == answer.url.path())
        .then(|| next.query().unwrap_or_default().to_owned())
        .filter(|query| Some(query.as_str()) != answer.url.query())
}

pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host_str() == b.host_str() && a.port_or_known_default() == b.port_or_known_default()
}

fn host_of(registry: &str) -> Option<String> {
    Url::parse(&format!("https://{registry}/")).ok()?.host_str().map(str::to_owned)
}

/// One way to say who we are, as a server asks for it (RFC 9110, section 11.6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Challenge {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn parse(text: &str) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let word = rest.find(|c: char| c == '=' || c == ',' || c.is_whitespace()).unwrap_or(rest.len());
            let (name, after) = rest.split_at(word);
            if let Some(value) = after.strip_prefix('=') {
                let (value, next) = quoted(value);
                if let Some(challenge) = found.last_mut() {
                    challenge.parameters.push((name.to_owned(), value));
                }
                rest = next;
            } else {
                if !name.is_empty() {
                    found.push(Self { scheme: name.to_owned(), parameters: Vec::new() });
                }
                rest = after;
            }
            rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
            if word == 0 && rest.starts_with('=') {
                break;
            }
        }
        found
    }
}

/// A value with or without quotes, and what follows it.
fn quoted(text: &str) -> (String, &str) {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = inner.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, &inner[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

/// What stands in a form as it is.
const FORM: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Pairs as `application/x-www-form-urlencoded`.
fn form(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| percent_encoding::utf8_percent_encode(text, FORM).to_string();
    pairs.iter().map(|(key, value)| format!("{key}={}", encode(value))).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges() {
        let read = Challenge::parse(
            r#"Bearer realm="https://auth.example.org/token",service="a, b",scope="repository:x:pull,push", Basic realm=x"#,
        );
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].get("Realm"), Some("https://auth.example.org/token"));
        assert_eq!(read[0].get("service"), Some("a, b"));
        assert_eq!(read[0].get("scope"), Some("repository:x:pull,push"));
        assert_eq!((read[1].scheme.as_str(), read[1].get("realm")), ("Basic", Some("x")));
        for odd in ["", "=", "a==b", "Basic", ",,,", "x=\"", "Bearer realm=\"a\\"] {
            let _ = Challenge::parse(odd);
        }
    }

    #[test]
    fn only_charts_are_charts() {
        let layer = |kind: &str| format!(r#"{{"mediaType":"{kind}","digest":"sha256:{}","size":3}}"#, "0".repeat(64));
        let text = |config: &str, layers: &[String]| {
            format!(r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#, layer(config), layers.join(","))
        };
        let read = |text: String| read_manifest(text.as_bytes(), "sha256:x".into()).map_err(|error| error.message);
        let both = read(text(CONFIG, &[layer(CHART), layer(PROVENANCE)])).unwrap();
        assert!(both.provenance.is_some() && both.chart.1 == 3);
        assert!(
            read(text("application/vnd.oci.image.config.v1+json", &[])).unwrap_err().contains("could not load config")
        );
        assert!(read(text(CONFIG, &[layer(PROVENANCE)])).unwrap_err().contains("does not contain a layer"));
        assert!(read("[]".into()).is_err() && read("{".into()).is_err());
    }
}
