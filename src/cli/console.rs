//! Standard output and error: colour only on a terminal, progress only there, and never a panic on a closed pipe.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;

use anstream::ColorChoice;

use super::args::{Color, Output};
use super::error::CliError;
use crate::report::{BAD, DIM, paint};

/// Where a command's results go.
#[derive(Debug)]
pub(super) struct Console {
    output: Output,
    /// Whether a progress line stands on the terminal.
    progress: Mutex<bool>,
    terminal: bool,
}

impl Console {
    /// A console for a choice of output and colour.
    #[must_use]
    pub(super) fn new(output: Output, color: Color) -> Self {
        match color {
            Color::Auto => {}
            Color::Always => ColorChoice::Always.write_global(),
            Color::Never => ColorChoice::Never.write_global(),
        }
        Self { output, progress: Mutex::new(false), terminal: std::io::stderr().is_terminal() }
    }

    /// Whether results are JSON.
    #[must_use]
    pub(super) fn json(&self) -> bool {
        self.output == Output::Json
    }

    /// Whether results are Markdown.
    #[must_use]
    pub(super) fn markdown(&self) -> bool {
        self.output == Output::Markdown
    }

    /// Standard output without styles: bytes as they are.
    pub(super) fn raw(&self) -> impl std::io::Write + use<> {
        std::io::BufWriter::new(std::io::stdout())
    }

    /// Prints text for people; a newline is added when there is none.
    pub(super) fn text(&self, text: &str) {
        self.clear();
        let mut out = anstream::stdout().lock();
        let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        // A reader that has seen enough closes the pipe: that is no error of ours.
        let _ = write!(out, "{text}{end}");
        let _ = out.flush();
    }

    /// Prints a JSON document.
    pub(super) fn value(&self, value: &serde_json::Value) {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}");
        let _ = out.flush();
    }

    /// Shows what is under way, on a terminal alone; replaced by the next line.
    pub(super) fn progress(&self, text: &str) {
        if !self.terminal || self.json() {
            return;
        }
        let mut shown = self.progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut err = anstream::stderr().lock();
        let line: String = text.chars().filter(|c| !c.is_control()).take(100).collect();
        let _ = write!(err, "\r\x1b[2K{}", paint(DIM, line));
        let _ = err.flush();
        *shown = true;
    }

    /// Takes the progress line away.
    pub(super) fn clear(&self) {
        let mut shown = self.progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *shown {
            let mut err = anstream::stderr().lock();
            let _ = write!(err, "\r\x1b[2K");
            let _ = err.flush();
            *shown = false;
        }
    }

    /// A line on standard error for people.
    pub(super) fn note(&self, text: &str) {
        self.clear();
        let mut err = anstream::stderr().lock();
        let _ = writeln!(err, "{text}");
    }

    /// Prints the failure of a whole command: a JSON document on standard output when results are JSON, text on standard
    /// error.
    pub(super) fn error(&self, error: &CliError) {
        self.clear();
        if self.json() {
            self.value(&serde_json::json!({"error": error.json()}));
        }
        self.tell(error);
    }

    /// Prints what is wrong with parts of a result on standard error (the result's document names it, too) and returns the
    /// exit code: 2, or `fine` when nothing is wrong.
    pub(super) fn finish(&self, errors: &[CliError], fine: u8) -> u8 {
        errors.iter().for_each(|error| self.tell(error));
        if errors.is_empty() { fine } else { 2 }
    }

    fn tell(&self, error: &CliError) {
        self.note(&format!("{} {error}", paint(BAD, "error:")));
    }
}

/// The `errors` of a result's document.
#[must_use]
pub(super) fn errors_json(errors: &[CliError]) -> serde_json::Value {
    errors.iter().map(CliError::json).collect()
}
