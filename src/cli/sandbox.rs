//! `evenkeel sandbox`: an in-memory Kubernetes API on loopback, until Ctrl-C or SIGTERM.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::console::Console;
use super::error::CliError;
use super::{Outcome, interruption};
use crate::sandbox::{CONTEXT, Options, Server};

/// Arguments of `evenkeel sandbox`.
#[derive(Debug, clap::Args)]
pub struct SandboxArgs {
    /// Where to listen; port 0 takes any free port. Nothing is authenticated: keep it on loopback.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Write a kubeconfig here once it serves. A file that is not a sandbox's is never overwritten.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// How long pods take to become ready, and Jobs to complete.
    #[arg(long, value_name = "DURATION", default_value = "150ms", value_parser = humantime::parse_duration)]
    pub settle: Duration,
}

pub(super) async fn run(args: SandboxArgs, console: &Console) -> Outcome {
    let cancel = interruption();
    if !args.listen.ip().is_loopback() {
        tracing::warn!(listen = %args.listen, "anybody who reaches this address may do anything in the sandbox");
    }
    if let Some(file) = &args.kubeconfig {
        clear(file)?;
    }
    let server = Server::start(args.listen, Options { settle: args.settle })
        .await
        .map_err(|e| CliError::user(format!("cannot listen on {}: {e}", args.listen)))?;
    if let Some(file) = &args.kubeconfig {
        write(file, &server.kubeconfig())
            .map_err(|e| CliError::user(format!("cannot write {}: {e}", file.display())))?;
    }
    if console.json() {
        let file = args.kubeconfig.as_ref().map(|f| f.display().to_string());
        console.value(&serde_json::json!({"url": server.url, "kubeconfig": file}));
    } else {
        let file = args.kubeconfig.as_ref().map(|f| format!("; export KUBECONFIG={}", f.display()));
        console.text(&format!("serving {}{}", server.url, file.unwrap_or_default()));
    }
    cancel.cancelled().await;
    server.shutdown().await;
    Ok(0)
}

/// Removes what an earlier sandbox left, so that whoever waits for the file waits for this one.
#[expect(clippy::disallowed_methods, reason = "the command line names this file")]
fn clear(file: &Path) -> Result<(), CliError> {
    match std::fs::read_to_string(file) {
        Ok(text) if text.is_empty() || text.contains(CONTEXT) => {
            std::fs::remove_file(file).map_err(|e| CliError::user(format!("cannot replace {}: {e}", file.display())))
        }
        Ok(_) => Err(CliError::user(format!("{} exists and is not a sandbox's kubeconfig", file.display()))
            .hint("name a file that does not exist")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(CliError::user(format!("cannot read {}: {error}", file.display()))),
    }
}

/// Writes beside the file and renames, so that it is never seen half written.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let partial = file.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)
        .and_then(|mut out| out.write_all(text.as_bytes()).and_then(|()| out.sync_all()))
        .and_then(|()| std::fs::rename(&partial, file));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&partial);
    }
    written
}
