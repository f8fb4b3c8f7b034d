//! PEM as Go's `encoding/pem` reads and writes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::encoding::decode64;

/// A block of this type.
pub(super) fn write(kind: &str, bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let mut out = format!("-----BEGIN {kind}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    out.push_str(&format!("-----END {kind}-----\n"));
    out
}

/// The first block that is one: its type and bytes. Text before it and headers in it are skipped.
pub(super) fn read(text: &str) -> Option<(&str, Vec<u8>)> {
    let mut rest = text;
    loop {
        let start = begin(rest)?;
        let body = &rest[start..];
        let line = body.lines().next().unwrap_or_default();
        rest = &body[line.len()..];
        if let Some(kind) = line.trim_end().strip_suffix("-----")
            && let Some(bytes) = contents(rest, kind)
        {
            return Some((kind, bytes));
        }
    }
}

/// Behind the next `-----BEGIN ` that starts a line.
fn begin(text: &str) -> Option<usize> {
    const BEGIN: &str = "-----BEGIN ";
    if text.starts_with(BEGIN) {
        return Some(BEGIN.len());
    }
    text.find("\n-----BEGIN ").map(|at| at + 1 + BEGIN.len())
}

fn contents(text: &str, kind: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix('\r').unwrap_or(text).strip_prefix('\n')?;
    let mut body = text;
    // Headers have a colon; a blank line may end them.
    while let Some((line, rest)) = body.split_once('\n') {
        if !line.contains(':') {
            break;
        }
        body = rest;
    }
    let end = if body.starts_with("-----END ") { 0 } else { body.find("\n-----END ")? + 1 };
    let closing = body[end..].strip_prefix("-----END ")?.strip_prefix(kind)?.strip_prefix("-----")?;
    if !closing.lines().next().unwrap_or_default().trim().is_empty() {
        return None;
    }
    let base64: Vec<u8> = body[..end].bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    decode64(&base64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found() {
        let bytes: Vec<u8> = (0..100).collect();
        let block = write("CERTIFICATE", &bytes);
        assert_eq!(block.lines().nth(1).unwrap().len(), 64);
        for text in [
            block.clone(),
            format!("noise\n{block}more"),
            block.replace('\n', "\r\n"),
            block.replacen('\n', "\nKey: value\n\n", 1),
            format!("-----BEGIN X-----\nno end\n{block}"),
        ] {
            assert_eq!(read(&text), Some(("CERTIFICATE", bytes.clone())), "{text}");
        }
        for text in
            ["", "-----BEGIN A-----", "x-----BEGIN A-----\n-----END A-----", "-----BEGIN A-----\n!\n-----END A-----\n"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
