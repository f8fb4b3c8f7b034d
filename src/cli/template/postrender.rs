//! `--post-renderer`: a program of the user's that the manifests go through.
#![expect(clippy::disallowed_methods, reason = "the program is named on the command line and looked for on PATH")]

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use clap::Args;

use crate::cli::files::go_reason;
use crate::functions::clean_path;

/// Which program, and how.
#[derive(Debug, Clone, Default, Args)]
pub struct PostRendererArgs {
    /// A program that the manifests go through: found on PATH, or a path.
    #[arg(long, value_name = "PROGRAM")]
    pub post_renderer: Vec<String>,
    /// An argument of the program (may be given more than once).
    #[arg(long, value_name = "ARGUMENT")]
    pub post_renderer_args: Vec<String>,
}

/// A program that was found.
pub(super) struct PostRenderer<'a> {
    path: String,
    args: &'a [String],
}

impl PostRendererArgs {
    /// The program that was named last.
    ///
    /// # Errors
    /// In helm's words, when one of them is not there.
    pub(super) fn find(&self) -> Result<Option<PostRenderer<'_>>, String> {
        let mut found = None;
        for name in self.post_renderer.iter().filter(|name| !name.is_empty()) {
            let path = look_up(name).map_err(|reason| {
                format!(
                    "invalid argument {name:?} for \"--post-renderer\" flag: unable to find binary at {name}: exec: {name:?}: {reason}"
                )
            })?;
            found = Some(PostRenderer { path, args: &self.post_renderer_args });
        }
        Ok(found)
    }
}

impl PostRenderer<'_> {
    /// What the program makes of the manifests.
    ///
    /// # Errors
    /// In helm's words, with what the program wrote to its standard error.
    pub(super) fn run(&self, manifests: String) -> Result<String, String> {
        let failed = |stderr: &[u8], reason: String| {
            let stderr = String::from_utf8_lossy(stderr);
            format!(
                "error while running post render on files: error while running command {}. error output:\n{stderr}: {reason}",
                self.path
            )
        };
        let start = |error: &std::io::Error| failed(b"", format!("fork/exec {}: {}", self.path, go_reason(error)));
        let mut program = Command::new(&self.path)
            .args(self.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| start(&error))?;
        let stdin = program.stdin.take();
        // A program need not read what it is given.
        let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(manifests.as_bytes())));
        let output = program.wait_with_output().map_err(|error| start(&error))?;
        drop(writer.join());
        if !output.status.success() {
            return Err(failed(&output.stderr, told(output.status)));
        }
        Ok(String::from_utf8(output.stdout)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

/// Go's words for how a program ended.
fn told(status: ExitStatus) -> String {
    let Some(signal) = status.signal() else { return format!("exit status {}", status.code().unwrap_or(-1)) };
    let name = match signal {
        1 => "hangup".to_owned(),
        2 => "interrupt".to_owned(),
        3 => "quit".to_owned(),
        4 => "illegal instruction".to_owned(),
        6 => "aborted".to_owned(),
        7 => "bus error".to_owned(),
        8 => "floating point exception".to_owned(),
        9 => "killed".to_owned(),
        11 => "segmentation fault".to_owned(),
        13 => "broken pipe".to_owned(),
        14 => "alarm clock".to_owned(),
        15 => "terminated".to_owned(),
        other => format!("signal {other}"),
    };
    let dumped = if status.core_dumped() { " (core dumped)" } else { "" };
    format!("signal: {name}{dumped}")
}

/// Go's `exec.LookPath`, made absolute.
fn look_up(name: &str) -> Result<String, String> {
    let here = || std::env::current_dir().map(|path| path.display().to_string()).unwrap_or_default();
    if name.contains('/') {
        runnable(Path::new(name))?;
        return Ok(if name.starts_with('/') { clean_path(name) } else { clean_path(&format!("{}/{name}", here())) });
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    for folder in std::env::split_paths(&folders) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
        let path = folder.join(OsStr::new(name));
        if runnable(&path).is_ok() {
            if !folder.is_absolute() {
                return Err("cannot run executable found relative to current directory".to_owned());
            }
            return Ok(clean_path(&path.display().to_string()));
        }
    }
    Err("executable file not found in $PATH".to_owned())
}

fn runnable(path: &Path) -> Result<(), String> {
    let meta = path.metadata().map_err(|error| format!("stat {}: {}", path.display(), go_reason(&error)))?;
    if meta.is_dir() {
        return Err("is a directory".to_owned());
    }
    if meta.permissions().mode() & 0o111 == 0 {
        return Err("permission denied".to_owned());
    }
    Ok(())
}
