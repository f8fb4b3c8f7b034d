//! Who we are to a registry: helm's file of logins, then Docker's, each with the credential helpers that it names.
#![expect(clippy::disallowed_methods, reason = "this is the edge where files of logins are read and written")]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Settings;
use super::cache::write;
use super::error::{RemoteError, RemoteErrorKind};
use crate::chart::repository::{Login, Logins};

/// How long a credential helper may take.
const HELPER: Duration = Duration::from_secs(60);
/// The user name with which helpers mark a token.
const TOKEN: &str = "<token>";

/// The login for a host, if there is one.
pub(super) fn find(settings: &Settings, host: &str) -> Result<Option<Login>, RemoteError> {
    for file in [Some(&settings.registry_config), settings.docker_config.as_ref()].into_iter().flatten() {
        let logins = read(file)?;
        let found = match logins.helper(host) {
            Some(helper) => ask(helper, host)?.or_else(|| logins.get(host)),
            None => logins.get(host),
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Keeps a login in helm's file, or with the helper that it names.
pub(super) fn keep(settings: &Settings, host: &str, login: &Login) -> Result<(), RemoteError> {
    let file = &settings.registry_config;
    let mut logins = read(file)?;
    if let Some(helper) = logins.helper(host) {
        let (user, secret) = match login {
            Login::Basic { username, password } => (username.as_str(), password.as_str()),
            Login::Identity(token) => (TOKEN, token.as_str()),
        };
        let entry = json!({"ServerURL": Logins::key_of(host), "Username": user, "Secret": secret});
        return run(helper, "store", &entry.to_string()).and_then(|done| match done {
            Ok(_) => Ok(()),
            Err(said) => {
                Err(RemoteError::storage(format!("error storing credentials - err: exit status 1, out: `{said}`")))
            }
        });
    }
    logins.set(host, login);
    write(file, logins.to_text().as_bytes())
}

/// Forgets a login in helm's file, or with the helper that it names.
pub(super) fn forget(settings: &Settings, host: &str) -> Result<(), RemoteError> {
    let file = &settings.registry_config;
    let mut logins = read(file)?;
    if let Some(helper) = logins.helper(host) {
        run(helper, "erase", Logins::key_of(host))?.ok();
    }
    if logins.helper(host).is_none() && logins.get(host).is_none() {
        return Err(RemoteError::invalid("not logged in"));
    }
    logins.remove(host);
    write(file, logins.to_text().as_bytes())
}

fn read(file: &Path) -> Result<Logins, RemoteError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Logins::parse(&text).map_err(|error| RemoteError::storage(format!("{} {error}", file.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Logins::default()),
        Err(error) => Err(RemoteError::storage(format!("{}: {error}", file.display()))),
    }
}

fn ask(helper: &str, host: &str) -> Result<Option<Login>, RemoteError> {
    let said = match run(helper, "get", Logins::key_of(host))? {
        Ok(said) => said,
        // The protocol's way to say that there is none.
        Err(said) if said.contains("credentials not found") => return Ok(None),
        Err(_) => {
            let message = format!("the credential helper docker-credential-{helper} failed for {host}");
            return Err(RemoteError::new(RemoteErrorKind::Unauthorized, message));
        }
    };
    let entry: Value = serde_json::from_str(&said).unwrap_or_default();
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (username, password) = (text("Username"), text("Secret"));
    Ok(match (username.as_str(), password.as_str()) {
        ("", "") => None,
        (TOKEN, _) => Some(Login::Identity(password)),
        _ => Some(Login::Basic { username, password }),
    })
}

/// Runs `docker-credential-HELPER ACTION` with `input`: what it wrote, as success or failure.
fn run(helper: &str, action: &str, input: &str) -> Result<Result<String, String>, RemoteError> {
    let failed = |what: String| RemoteError::storage(format!("docker-credential-{helper}: {what}"));
    if helper.contains(['/', '\\']) || helper.starts_with('.') {
        return Err(failed("is no name of a credential helper".to_owned()));
    }
    let mut child = Command::new(format!("docker-credential-{helper}"))
        .arg(action)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not listen has closed its end.
        let _ = stdin.write_all(input.as_bytes());
    }
    let (tell, told) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut said = String::new();
            let _ = stdout.take(1 << 20).read_to_string(&mut said);
            let _ = tell.send(said);
        });
    }
    let Ok(said) = told.recv_timeout(HELPER) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed(format!("said nothing within {HELPER:?}")));
    };
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    Ok(if status.success() { Ok(said) } else { Err(said.trim().to_owned()) })
}
