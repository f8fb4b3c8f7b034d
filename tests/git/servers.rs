//! Servers on loopback that speak Git's own protocols, by Git's own programs.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use base64::Engine;

use crate::harness::requirement::Missing;

/// Whether the system has Git with this program.
pub(super) fn git_program(name: &str) -> Result<PathBuf, Missing> {
    let missing = || Missing(format!("git {name} (install git)"));
    let output = Command::new("git").arg("--exec-path").output().map_err(|_| missing())?;
    let path = Path::new(String::from_utf8_lossy(&output.stdout).trim()).join(format!("git-{name}"));
    if path.exists() { Ok(path) } else { Err(missing()) }
}

/// `git daemon` for all repositories below a folder; it ends when this goes out of scope.
pub(super) struct Daemon {
    child: Child,
    pub(super) port: u16,
}

impl Daemon {
    pub(super) fn start(base: &Path) -> Result<Self, Missing> {
        let program = git_program("daemon")?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program)
            .args(["--reuseaddr", "--export-all", "--listen=127.0.0.1"])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", base.display()))
            .arg(base)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = Self { child, port };
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "git daemon does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP server that hands requests to `git http-backend`.
#[derive(Clone)]
struct Bridge {
    backend: PathBuf,
    base: PathBuf,
    /// `user:password` that is asked for.
    credentials: Option<String>,
}

/// Serves all repositories below `base` over HTTP; the address. It ends with the runtime.
pub(super) async fn http(base: &Path, credentials: Option<&str>) -> Result<SocketAddr, Missing> {
    let backend = git_program("http-backend")?;
    let bridge = Bridge { backend, base: base.to_owned(), credentials: credentials.map(str::to_owned) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().fallback(serve).with_state(bridge);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn serve(State(bridge): State<Bridge>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let header =
        |name: header::HeaderName| parts.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    if let Some(credentials) = &bridge.credentials {
        let expected = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(credentials));
        if header(header::AUTHORIZATION) != expected {
            let response = Response::builder().status(StatusCode::UNAUTHORIZED);
            return response.header(header::WWW_AUTHENTICATE, "Basic realm=\"git\"").body(Body::empty()).unwrap();
        }
    }
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().unwrap_or("").to_owned());
    let (kind, encoding) = (header(header::CONTENT_TYPE), header(header::CONTENT_ENCODING));
    let method = parts.method.to_string();
    let output = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(&bridge.backend)
            .env("GIT_PROJECT_ROOT", &bridge.base)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REQUEST_METHOD", method)
            .env("PATH_INFO", path)
            .env("QUERY_STRING", query)
            .env("CONTENT_TYPE", kind)
            .env("HTTP_CONTENT_ENCODING", encoding)
            .env("CONTENT_LENGTH", body.len().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&body).unwrap();
        child.wait_with_output().unwrap().stdout
    });
    answer(&output.await.unwrap())
}

/// A CGI program's output as a response.
fn answer(output: &[u8]) -> Response<Body> {
    let end = output.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(output.len());
    let mut response = Response::builder();
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        response = match name {
            "Status" => response.status(value[..3].parse::<u16>().unwrap()),
            _ => response.header(name, value),
        };
    }
    let body = output.get(end + 4..).unwrap_or_default();
    response.body(Body::from(Bytes::copy_from_slice(body))).unwrap()
}
