//! Paths and errors of files as Go writes them: helm's messages show them.

use std::io;
use std::path::Path;

/// Go's text of a failure: `open values.yaml: no such file or directory`.
pub(super) fn go_error(what: &str, path: &str, error: &io::Error) -> String {
    format!("{what} {path}: {}", go_reason(error))
}

/// The operating system's words without Rust's number, as Go writes them.
pub(super) fn go_reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Go's `os.MkdirAll`, with the message of the step that failed.
pub(super) fn make_folders(path: &Path) -> Result<(), String> {
    let shown = path.display().to_string();
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => return Ok(()),
        Ok(_) => return Err(format!("mkdir {shown}: not a directory")),
        Err(_) => {}
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_folders(parent)?;
    }
    match std::fs::create_dir(path) {
        Err(error) if !path.is_dir() => Err(go_error("mkdir", &shown, &error)),
        _ => Ok(()),
    }
}
