//! The evenkeel binary as a user runs it: to its end, or in the background.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use super::{ControlPlane, GitRepository};

/// How long a command may take before it is killed and its test fails.
const DEADLINE: Duration = Duration::from_secs(120);

/// A command line of evenkeel, to be [`run`](Evenkeel::run) or [`start`](Evenkeel::start)ed.
///
/// Its surroundings are the same on every machine: no KUBECONFIG, no Git configuration, no colour, an empty home folder, no
/// EVENKEEL_ variables, standard input empty.
pub(crate) struct Evenkeel {
    command: Command,
    home: tempfile::TempDir,
    input: Option<Vec<u8>>,
}

impl Evenkeel {
    /// `Evenkeel::new(["apply", "production"])`.
    pub(crate) fn new<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        let home = tempfile::Builder::new().prefix("evenkeel-home-").tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        command.args(arguments);
        for (name, _) in std::env::vars_os() {
            let name_text = name.to_string_lossy();
            let known = ["KUBECONFIG", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_LOG", "RUST_BACKTRACE"];
            if known.contains(&&*name_text)
                || ["EVENKEEL_", "GIT_", "XDG_", "HELM_", "SOPS_"].iter().any(|p| name_text.starts_with(p))
            {
                command.env_remove(&name);
            }
        }
        command.env("HOME", home.path()).env("GIT_CONFIG_NOSYSTEM", "1").env("TZ", "UTC");
        Self { command, home, input: None }
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Adds `--repo PATH` of the repository's working folder.
    pub(crate) fn repository(self, repository: &GitRepository) -> Self {
        self.arg("--repo").arg(repository.path())
    }

    /// Adds `--kubeconfig FILE` of the control plane.
    pub(crate) fn plane(self, plane: &ControlPlane) -> Self {
        self.kubeconfig(plane.kubeconfig())
    }

    /// Adds `--kubeconfig FILE`.
    pub(crate) fn kubeconfig(self, file: &Path) -> Self {
        self.arg("--kubeconfig").arg(file)
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// Runs it in this folder (default: the one that the tests run in, the root of the project).
    pub(crate) fn folder(mut self, path: &Path) -> Self {
        self.command.current_dir(path);
        self
    }

    /// What it reads from standard input.
    pub(crate) fn input(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.input = Some(text.into());
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it is not at its end after two minutes; it is killed then.
    pub(crate) fn run(self) -> Output {
        self.start().wait()
    }

    /// Starts it in the background; it is killed when the result goes out of scope.
    pub(crate) fn start(mut self) -> Process {
        let started = Instant::now();
        let shown = format!("{:?}", self.command.get_args().collect::<Vec<_>>());
        self.command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if let (Some(input), Some(mut stdin)) = (self.input.take(), child.stdin.take()) {
            // A thread, since a command may write before it has read everything; it may also end before it does.
            std::thread::spawn(move || stdin.write_all(&input));
        }
        let said = Arc::new(Said::default());
        let (ended, both_ended) = mpsc::channel();
        listen(child.stdout.take().unwrap(), Stream::Out, &said, ended.clone());
        listen(child.stderr.take().unwrap(), Stream::Err, &said, ended);
        Process { child, shown, said, both_ended, seen: 0, started, _home: self.home }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

/// What a process has written so far, in order of arrival.
#[derive(Default)]
struct Said {
    state: Mutex<SaidState>,
    more: Condvar,
}

#[derive(Default)]
struct SaidState {
    lines: Vec<(Stream, Vec<u8>)>,
    open: usize,
}

fn listen(pipe: impl Read + Send + 'static, stream: Stream, said: &Arc<Said>, ended: mpsc::Sender<()>) {
    said.state.lock().unwrap().open += 1;
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        loop {
            let mut line = Vec::new();
            let read = reader.read_until(b'\n', &mut line);
            let mut state = said.state.lock().unwrap();
            if matches!(read, Ok(0) | Err(_)) {
                state.open -= 1;
                said.more.notify_all();
                let _ = ended.send(());
                return;
            }
            state.lines.push((stream, line));
            said.more.notify_all();
        }
    });
}

/// evenkeel in the background.
pub(crate) struct Process {
    child: Child,
    shown: String,
    said: Arc<Said>,
    both_ended: mpsc::Receiver<()>,
    seen: usize,
    started: Instant,
    _home: tempfile::TempDir,
}

impl Process {
    /// Waits for a line of standard output or standard error that `matches`, after the one that the last call returned, and
    /// returns it without its newline. `what` says in the panic what was waited for.
    ///
    /// # Panics
    /// When it ended without such a line, or after `deadline`: with everything that it wrote.
    pub(crate) fn next_line(&mut self, what: &str, deadline: Duration, matches: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + deadline;
        let mut state = self.said.state.lock().unwrap();
        loop {
            while let Some((_, line)) = state.lines.get(self.seen) {
                self.seen += 1;
                let line = String::from_utf8_lossy(line);
                let line = line.trim_end_matches(['\n', '\r']);
                if matches(line) {
                    return line.to_owned();
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            if state.open == 0 || left.is_zero() {
                let how = if state.open == 0 { "ended" } else { "went on" };
                let all: String = state.lines.iter().map(|(_, line)| String::from_utf8_lossy(line)).collect();
                drop(state);
                panic!("waited {deadline:?} for {what}; evenkeel {} {how} without it and wrote:\n{all}", self.shown);
            }
            state = self.said.more.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Everything that it wrote so far.
    pub(crate) fn said(&self) -> String {
        let state = self.said.state.lock().unwrap();
        state.lines.iter().map(|(_, line)| String::from_utf8_lossy(line)).collect()
    }

    /// The process's id, for signals of one's own.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM, as Kubernetes does, and waits for the end.
    pub(crate) fn terminate(self) -> Output {
        let sent = Command::new("sh").args(["-c", "kill -TERM $0", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "evenkeel {} was not running any more", self.shown);
        self.wait()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// After two minutes; it is killed then.
    pub(crate) fn wait(mut self) -> Output {
        let end = Instant::now() + DEADLINE;
        // Both pipes end with the process (or with the last of its children, of which it has none).
        for _ in 0..2 {
            if self.both_ended.recv_timeout(end.saturating_duration_since(Instant::now())).is_err() {
                let _ = self.child.kill();
                let output = self.output();
                panic!("evenkeel was not at its end after {DEADLINE:?}: {output}");
            }
        }
        self.output()
    }

    fn output(&mut self) -> Output {
        let status = self.child.wait().unwrap();
        let state = self.said.state.lock().unwrap();
        let of = |stream: Stream| {
            let bytes: Vec<u8> =
                state.lines.iter().filter(|(from, _)| *from == stream).flat_map(|(_, line)| line.clone()).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (stdout, stderr) = (of(Stream::Out), of(Stream::Err));
        Output { command: self.shown.clone(), status, stdout, stderr, took: self.started.elapsed() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a finished command left. Displays as everything that a failed assertion should show.
pub(crate) struct Output {
    command: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// From start to end.
    pub(crate) took: Duration,
}

impl Output {
    /// Itself, if the exit code is this one.
    ///
    /// # Panics
    /// Otherwise, with all output.
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("standard output is not JSON ({e}): {self}"))
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Output { command, status, stdout, stderr, took } = self;
        write!(f, "evenkeel {command} ended with {status} after {took:?}\n-- stdout\n{stdout}\n-- stderr\n{stderr}")
    }
}
