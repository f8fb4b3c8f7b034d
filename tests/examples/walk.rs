//! Walks through the README of an example: a copy of its folder, and every line of its `console` blocks that begins with `$ `, in
//! their order, by a shell.
//!
//! - What stands below a command is what it must print (standard output and error, as a terminal shows them). `…` stands for
//!   whatever differs from run to run; runs of spaces count as one. Where nothing stands, nothing is compared.
//! - `# exit N` behind a command: it ends with N, not 0. `# soon`: it is tried again until it prints what it should.
//! - `&` at the end: it goes on in the background, and the next command comes when it has printed what stands below.
//! - `export NAME=VALUE` holds for all commands that follow.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{copy_folder, project};

/// How long a command may take to print what is shown, where it may take a while.
const SOON: Duration = Duration::from_secs(90);

/// One command of a README.
struct Step {
    command: String,
    /// What it prints; `None`: not shown.
    shown: Option<String>,
    exit: i32,
    soon: bool,
    background: bool,
}

/// A copy of an example, and what its commands find there.
pub(super) struct Walk {
    example: String,
    home: tempfile::TempDir,
    renamed: Vec<(String, String)>,
    variables: BTreeMap<String, String>,
    running: Vec<Child>,
}

impl Drop for Walk {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Walk {
    /// A copy of `examples/NAME` whose commands find evenkeel.
    pub(super) fn new(example: &str) -> Self {
        let home = tempfile::Builder::new().prefix("evenkeel-example-").tempdir().unwrap();
        copy_folder(&project().join("examples").join(example), &home.path().join("repository"));
        std::fs::create_dir(home.path().join("bin")).unwrap();
        let walk = Self {
            example: example.to_owned(),
            home,
            renamed: Vec::new(),
            variables: BTreeMap::new(),
            running: Vec::new(),
        };
        walk.program("evenkeel", Path::new(env!("CARGO_BIN_EXE_evenkeel")))
    }

    /// The copy.
    pub(super) fn folder(&self) -> PathBuf {
        self.home.path().join("repository")
    }

    /// Copies charts of this project beside what the example brings.
    pub(super) fn charts(self, names: &[&str]) -> Self {
        for name in names {
            let chart = format!("charts/{name}");
            copy_folder(&project().join(&chart), &self.folder().join(&chart));
        }
        self
    }

    /// Has the commands find a program.
    pub(super) fn program(self, name: &str, path: &Path) -> Self {
        std::os::unix::fs::symlink(path, self.home.path().join("bin").join(name)).unwrap();
        self
    }

    /// Sets an environment variable for all commands.
    pub(super) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Gives something of the example another name, in files, their names and commands: for clusters that tests share.
    pub(super) fn renamed(mut self, from: &str, to: &str) -> Self {
        fn rename(folder: &Path, from: &str, to: &str) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                let renamed = path.with_file_name(name.replace(from, to));
                std::fs::rename(&path, &renamed).unwrap();
                if renamed.is_dir() {
                    rename(&renamed, from, to);
                } else if let Ok(text) = std::fs::read_to_string(&renamed)
                    && text.contains(from)
                {
                    std::fs::write(&renamed, text.replace(from, to)).unwrap();
                }
            }
        }
        rename(&self.folder(), from, to);
        self.renamed.push((from.to_owned(), to.to_owned()));
        self
    }

    /// What others do beside the walk: a command of a shell, which has to succeed.
    pub(super) fn sh(&self, command: &str) -> String {
        let (code, said) = self.output(command);
        assert_eq!(code, Some(0), "{}: `{command}`: {said}", self.example);
        said
    }

    /// Takes every step of the README.
    ///
    /// # Panics
    /// When a command does not end as it should, or prints something else than the README shows.
    pub(super) fn run(&mut self) -> &mut Self {
        self.run_file("README.md")
    }

    /// Takes every step of another file.
    pub(super) fn run_file(&mut self, file: &str) -> &mut Self {
        let text = std::fs::read_to_string(self.folder().join(file)).unwrap();
        let steps = steps(&text);
        assert!(!steps.is_empty(), "{file} shows no command");
        for mut step in steps {
            step.shown = step.shown.map(|shown| self.own_names(&shown));
            self.take(&step);
        }
        self
    }

    /// A shell in the copy.
    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).current_dir(self.folder()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["EVENKEEL_", "GIT_", "XDG_", "HELM_", "KUBE", "RUST_", "SOPS_"]
                .iter()
                .any(|prefix| text.starts_with(prefix))
            {
                shell.env_remove(&name);
            }
        }
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}:{path}", self.home.path().join("bin").display()));
        shell.env("HOME", self.home.path()).env("TZ", "UTC").env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            shell
                .env(format!("GIT_{who}_NAME"), "evenkeel tests")
                .env(format!("GIT_{who}_EMAIL"), "tests@evenkeel.invalid");
        }
        shell.envs(&self.variables);
        shell
    }

    /// Runs a command and gives back its exit and what it printed, with the example's own names.
    fn output(&self, command: &str) -> (Option<i32>, String) {
        let output = self.shell(&format!("exec 2>&1\n{command}")).output().unwrap();
        (output.status.code(), self.own_names(&String::from_utf8_lossy(&output.stdout)))
    }

    fn own_names(&self, text: &str) -> String {
        self.renamed.iter().fold(text.to_owned(), |text, (from, to)| text.replace(to, from))
    }

    fn take(&mut self, step: &Step) {
        let Step { command, shown, exit, soon, background } = step;
        if let Some((name, value)) = command.strip_prefix("export ").and_then(|export| export.split_once('=')) {
            self.variables.insert(name.to_owned(), value.to_owned());
            return;
        }
        let began = Instant::now();
        if *background {
            let log = self.home.path().join(format!("log-{}", self.running.len()));
            let file = File::create(&log).unwrap();
            let command = format!("exec env {command}");
            let child = self.shell(&command).stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
            self.running.push(child);
            loop {
                let said = self.own_names(&std::fs::read_to_string(&log).unwrap());
                if shown.as_ref().is_none_or(|shown| matches(&format!("{}…", shown.trim_end()), &said)) {
                    return;
                }
                assert!(began.elapsed() < SOON, "{}: `{command}` printed:\n{said}", self.example);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        loop {
            let (code, said) = self.output(command);
            let fits = shown.as_ref().is_none_or(|shown| matches(shown, &said));
            if code == Some(*exit) && fits {
                return;
            }
            assert!(
                *soon && began.elapsed() < SOON,
                "{}: `{command}` ended with {code:?}, not {exit}, or printed something else\n-- printed\n{said}\n-- shown\n{}",
                self.example,
                shown.as_deref().unwrap_or("(nothing)")
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The commands of a text's `console` blocks.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in text.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        let mut lines = block.lines();
        while let Some(line) = lines.next() {
            let Some(command) = line.strip_prefix("$ ") else {
                let step = steps.last_mut().unwrap_or_else(|| panic!("an output without a command: {line}"));
                step.shown = Some(step.shown.take().unwrap_or_default() + line + "\n");
                continue;
            };
            let mut command = command.to_owned();
            while command.ends_with('\\') {
                command.pop();
                command += lines.next().unwrap();
            }
            let (command, comment) = command.split_once(" # ").unwrap_or((&command, ""));
            let exit = comment.strip_prefix("exit ").map_or(0, |exit| exit.parse().unwrap());
            let (command, background) = command.strip_suffix(" &").map_or((command, false), |command| (command, true));
            steps.push(Step { command: command.to_owned(), shown: None, exit, soon: comment == "soon", background });
        }
    }
    steps
}

/// Whether a text is what is shown: the parts between `…`, in order, from the first to the last character.
fn matches(shown: &str, said: &str) -> bool {
    let tidy = |text: &str| {
        let lines = text.trim_end().lines().map(|line| {
            let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
            let indented = line.starts_with(' ');
            if indented { format!(" {words}") } else { words }
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let (shown, said) = (tidy(shown), tidy(said));
    let parts: Vec<&str> = shown.split('…').collect();
    let Some(mut rest) = said.strip_prefix(parts[0]) else { return false };
    let Some((last, middle)) = parts[1..].split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn what_is_shown_is_compared() {
    assert!(matches("a  b\n", "a b"));
    assert!(matches("a …\nb\n", "a 1\nb\n"));
    assert!(matches("…\nb\n", "a\nb\n"));
    assert!(matches("a\n…\nc…", "a\nb\nc d\n"));
    assert!(!matches("a\n", "a\nb\n"));
    assert!(!matches("a\n…\nc\n", "a\nb\n"));
    assert!(!matches("…b", "a"));
    let taken =
        steps("```console\n$ one \\\n  two # exit 3\nout\n$ three &\n```\ntext\n```console\n$ four # soon\n```\n");
    let all: Vec<_> = taken.iter().map(|s| (s.command.as_str(), s.exit, s.soon, s.background)).collect();
    assert_eq!(all, [("one   two", 3, false, false), ("three", 0, false, true), ("four", 0, true, false)]);
    assert_eq!(taken[0].shown.as_deref(), Some("out\n"));
}
