//! One request over HTTP with its limits: time, size, redirects, who is told the password.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, ETAG, HeaderMap, IF_NONE_MATCH};
use reqwest::{Certificate, Client, Identity, Method, StatusCode, Url};

use super::error::{RemoteError, RemoteErrorKind};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(15);
/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a request may take as a whole.
const TOTAL: Duration = Duration::from_secs(300);
/// How many redirects are followed (Go's limit).
const REDIRECTS: usize = 10;

/// Which certificates are trusted and shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tls {
    /// A client certificate in PEM, with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// Its key in PEM (PKCS #8).
    pub key_file: Option<PathBuf>,
    /// The authorities that are trusted instead of the machine's, in PEM.
    pub ca_file: Option<PathBuf>,
    /// Whether certificates are not checked.
    pub insecure: bool,
}

/// A user and a password.
pub(super) type Basic<'a> = Option<(&'a str, &'a str)>;

/// A request without a body.
#[derive(Debug)]
pub(super) struct Get<'a> {
    pub(super) url: &'a Url,
    pub(super) basic: Basic<'a>,
    pub(super) accept: &'a str,
    /// The validator of what we have already.
    pub(super) etag: Option<&'a str>,
    /// The most bytes that the answer may have, and the name of that limit.
    pub(super) limit: (u64, &'static str),
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Where it came from in the end.
    pub(super) url: Url,
}

impl Answer {
    pub(super) fn etag(&self) -> Option<String> {
        self.headers.get(ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    /// As Go prints a status: `404 Not Found`.
    pub(super) fn status_text(&self) -> String {
        format!("{} {}", self.status.as_u16(), self.status.canonical_reason().unwrap_or_default()).trim_end().to_owned()
    }
}

/// Clients by what they trust, made when they are needed.
#[derive(Debug, Default)]
pub(super) struct Http {
    clients: Mutex<BTreeMap<(Tls, bool), Client>>,
}

impl Http {
    /// The client for a URL: this machine is never asked through a proxy.
    pub(super) fn client(&self, tls: &Tls, url: &Url) -> Result<Client, RemoteError> {
        let direct = url.host_str().is_some_and(is_loopback);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&(tls.clone(), direct)) {
            return Ok(client.clone());
        }
        let client = build(tls, direct)?;
        clients.insert((tls.clone(), direct), client.clone());
        Ok(client)
    }

    /// Asks. The password goes to the URL's host alone; a redirect to another host goes without it.
    pub(super) async fn get(&self, tls: &Tls, get: &Get<'_>) -> Result<Answer, RemoteError> {
        let mut request = self.client(tls, get.url)?.get(get.url.clone()).header(ACCEPT, get.accept);
        if let Some((user, password)) = get.basic {
            request = request.basic_auth(user, Some(password));
        }
        if let Some(etag) = get.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        send(request, &Method::GET, get.url, get.limit).await
    }
}

/// Sends a request and reads its answer up to a limit.
pub(super) async fn send(
    request: reqwest::RequestBuilder,
    method: &Method,
    url: &Url,
    limit: (u64, &'static str),
) -> Result<Answer, RemoteError> {
    let work = async {
        let mut response = request.send().await.map_err(|error| failed(method, url, &error))?;
        let (status, headers, found) = (response.status(), response.headers().clone(), response.url().clone());
        let too_large =
            || RemoteError::untrusted(format!("{url} is larger than {} bytes (limit: {})", limit.0, limit.1));
        if *method != Method::HEAD && response.content_length().is_some_and(|length| length > limit.0) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(method, url, &error))? {
            if (body.len() + chunk.len()) as u64 > limit.0 {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body, url: found })
    };
    match tokio::time::timeout(TOTAL, work).await {
        Ok(answer) => answer,
        Err(_) => Err(RemoteError::new(
            RemoteErrorKind::Unreachable,
            format!("{} {:?}: no whole answer within {TOTAL:?}", verb(method), url.as_str()),
        )),
    }
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn build(tls: &Tls, direct: bool) -> Result<Client, RemoteError> {
    let mut builder = Client::builder()
        .user_agent(concat!("evenkeel/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .redirect(reqwest::redirect::Policy::limited(REDIRECTS))
        .referer(false);
    if direct {
        builder = builder.no_proxy();
    }
    let config = |message: String| RemoteError::invalid(format!("can't create TLS config for client: {message}"));
    if let (Some(cert), Some(key)) = (&tls.cert_file, &tls.key_file) {
        let pair = || format!("can't load key pair from cert {} and key {}", cert.display(), key.display());
        let read = |path: &Path| read(path).map_err(|error| config(format!("{}: {error}", pair())));
        let identity = Identity::from_pkcs8_pem(&read(cert)?, &read(key)?)
            .map_err(|error| config(format!("{}: {}", pair(), cause(&error))))?;
        builder = builder.identity(identity);
    }
    if let Some(file) = &tls.ca_file {
        let bytes = read(file).map_err(|_| config(format!("can't read CA file: {}", file.display())))?;
        let bad = || config(format!("failed to append certificates from file: {}", file.display()));
        let authorities = Certificate::from_pem_bundle(&bytes).map_err(|_| bad())?;
        if authorities.is_empty() {
            return Err(bad());
        }
        builder = builder.tls_certs_only(authorities);
    }
    if tls.insecure {
        builder = builder.tls_danger_accept_invalid_certs(true).tls_danger_accept_invalid_hostnames(true);
    }
    builder.build().map_err(|error| config(cause(&error)))
}

#[expect(clippy::disallowed_methods, reason = "certificates are named on the command line and read here")]
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    std::fs::read(path)
}

/// Go's words for a request that failed: the method, the URL, the last cause.
fn failed(method: &Method, url: &Url, error: &reqwest::Error) -> RemoteError {
    let reason = if error.is_redirect() {
        format!("stopped after {REDIRECTS} redirects")
    } else if error.is_body() || error.is_decode() {
        "unexpected EOF".to_owned()
    } else {
        let text = cause(error);
        let address = || {
            let host = url.host_str().unwrap_or_default();
            url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
        };
        if text.contains("Connection refused") {
            format!("dial tcp {}: connect: connection refused", address())
        } else if error.is_timeout() {
            format!("dial tcp {}: i/o timeout", address())
        } else {
            text
        }
    };
    RemoteError::new(RemoteErrorKind::Unreachable, format!("{} {:?}: {reason}", verb(method), url.as_str()))
}

/// Go's spelling: `Get`, `Head`.
fn verb(method: &Method) -> String {
    let name = method.as_str();
    format!("{}{}", &name[..1], name[1..].to_ascii_lowercase())
}

/// The last cause of an error: what happened, without what was tried.
fn cause(error: &dyn std::error::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_told_from_others() {
        for host in ["localhost", "127.0.0.1", "127.8.8.8", "[::1]", "a.localhost"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example.org", "128.0.0.1", "example.org", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
