//! The Go program that renders as helm does (`oracle/`): built once, asked over a pipe.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use base64::Engine as _;

use super::case::{Answer, Case};
use crate::harness::project;
use crate::harness::requirement::{Missing, all_required, go};

/// The built program. Where everything is required it is built now; else only `build.sh` builds it.
pub(super) fn program() -> Result<PathBuf, Missing> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let build = |argument: &[&str]| {
            let output = Command::new(project().join("tests/parity/oracle/build.sh")).args(argument).output().ok()?;
            let path = String::from_utf8(output.stdout).ok()?;
            output.status.success().then(|| PathBuf::from(path.trim()))
        };
        build(&["--path"]).or_else(|| if all_required() { go().ok().and_then(|_| build(&[])) } else { None })
    });
    found.clone().ok_or_else(|| Missing("the oracle (run tests/parity/oracle/build.sh; it needs Go)".into()))
}

/// A running oracle; it ends when its input does.
pub(super) struct Oracle {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    pub(super) fn start(program: &PathBuf) -> Self {
        // A case may ask for more memory than there is.
        let mut process = Command::new("sh")
            .args(["-c", "ulimit -v 4000000; exec \"$0\""])
            .arg(program)
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Self { process, input, output }
    }

    /// What helm says to a case; `None` where it takes helm itself down (the oracle starts again).
    pub(super) fn answer(&mut self, case: &Case) -> Option<Answer> {
        let mut line = serde_json::to_vec(&case.json()).unwrap();
        line.push(b'\n');
        let mut answer = String::new();
        let asked = self.input.write_all(&line).and_then(|()| self.output.read_line(&mut answer));
        if !asked.is_ok_and(|read| read > 0) {
            let _ = self.process.wait();
            *self = Self::start(&program().unwrap());
            return None;
        }
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let bytes = |key: &str| {
            let text = answer[key].as_str()?;
            Some(base64::engine::general_purpose::STANDARD.decode(text).unwrap())
        };
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Some(match bytes("err") {
            Some(error) => Err(text(error)),
            None => Ok(bytes("out").map(text).unwrap_or_default()),
        })
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
