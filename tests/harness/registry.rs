//! A real registry on loopback, with basic authentication, for as long as it is held.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::requirement::{Missing, docker_registry};

/// Debian's docker-registry, on a port of its own; one user (`user`, unless it was started for another), password
/// [`Registry::PASSWORD`].
pub(crate) struct Registry {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Registry {
    /// The password of its user.
    pub(crate) const PASSWORD: &str = "s3cret-w0rd";

    /// Starts one for `user`.
    pub(crate) fn start() -> Result<Self, Missing> {
        Self::start_for("user")
    }

    /// Starts one for a user of this name.
    pub(crate) fn start_for(user: &str) -> Result<Self, Missing> {
        let program = docker_registry()?;
        let folder = tempfile::Builder::new().prefix("evenkeel-registry-").tempdir().unwrap();
        let at = folder.path().display();
        let hash = bcrypt::hash(Self::PASSWORD, 5).unwrap();
        std::fs::write(folder.path().join("htpasswd"), format!("{user}:{hash}\n")).unwrap();
        let config = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {at}/data}}, delete: {{enabled: true}}}}\n\
             http: {{addr: '127.0.0.1:0'}}\nauth: {{htpasswd: {{realm: test, path: {at}/htpasswd}}}}\n"
        );
        std::fs::write(folder.path().join("config.yml"), config).unwrap();
        let mut child = Command::new(program)
            .args(["serve", "config.yml"])
            .current_dir(folder.path())
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("docker-registry ended: {said}")).unwrap();
            if let Some((_, rest)) = line.split_once("listening on ") {
                break rest.split(['"', ',', ' ']).next().unwrap().to_owned();
            }
            said.push_str(&line);
        };
        // It would block once the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, address, _folder: folder })
    }

    /// As `127.0.0.1:12345`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
