//! A packed chart (`.tgz`) becomes the list of its files. Bytes in, files out: what would leave the chart's folder, is too large or is a
//! link is refused or left out, as helm does.

use std::io::Read;
use std::sync::Arc;

use super::ChartFile;

/// Bytes that one file of an archive may have (helm: `MaxDecompressedFileSize`).
pub const MAX_FILE: u64 = 5 << 20;
/// Bytes that all files of an archive may have together (helm: `MaxDecompressedChartSize`).
pub const MAX_CHART: u64 = 100 << 20;

/// Bytes that an archive may have unpacked, with what a tar says around its files.
const MAX_TAR: u64 = 2 * MAX_CHART;

/// Unpacks an archive; the first folder of every path is dropped.
///
/// # Errors
/// With helm's message.
pub fn unpack(bytes: &[u8]) -> Result<Vec<ChartFile>, String> {
    let unzipped = flate2::read::MultiGzDecoder::new(bytes).take(MAX_TAR);
    let mut archive = tar::Archive::new(unzipped);
    let mut files = Vec::new();
    let mut remaining = MAX_CHART;
    for entry in archive.entries().map_err(text)? {
        let entry = entry.map_err(text)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let inner = inner_path(&name)?;
        let size = entry.size();
        // Helm puts an empty file in a link's place; nobody means that.
        if !kind.is_file() && !kind.is_contiguous() && !kind.is_gnu_sparse() {
            return Err(format!("chart illegally contains a link or a device: {name:?}"));
        }
        if size > remaining {
            return Err(too_large());
        }
        if size > MAX_FILE {
            return Err(format!("decompressed chart file {name:?} is larger than the maximum file size {MAX_FILE}"));
        }
        let mut data = Vec::new();
        entry.take(remaining).read_to_end(&mut data).map_err(text)?;
        remaining -= data.len() as u64;
        if (data.len() as u64) < size {
            return Err("unexpected EOF".to_owned());
        }
        if remaining == 0 {
            return Err(too_large());
        }
        files.push(ChartFile::new(inner, without_mark(&data)));
    }
    if files.is_empty() { Err("no files in chart archive".to_owned()) } else { Ok(files) }
}

fn too_large() -> String {
    format!("decompressed chart is larger than the maximum file size {MAX_CHART}")
}

/// Go's words.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn text(error: std::io::Error) -> String {
    let text = error.to_string();
    if error.kind() == std::io::ErrorKind::UnexpectedEof || text.contains("failed to read entire block") {
        "unexpected EOF".to_owned()
    } else if text.contains("invalid gzip header") {
        "gzip: invalid header".to_owned()
    } else if text.contains("corrupt gzip stream") {
        "gzip: invalid checksum".to_owned()
    } else if text.contains("corrupt deflate stream") || text.contains("deflate decompression error") {
        "flate: corrupt input".to_owned()
    } else {
        "archive/tar: invalid tar header".to_owned()
    }
}

/// Helm's look at a file that is meant to be a packed chart, before anything of it is read.
///
/// # Errors
/// With helm's message.
pub fn ensure(name: &str, bytes: &[u8]) -> Result<(), String> {
    if bytes.starts_with(&[0x1f, 0x8b, 0x08]) {
        return Ok(());
    }
    if name.ends_with(".yml") || name.ends_with(".yaml") {
        return Err(format!("file '{name}' seems to be a YAML file, but expected a gzipped archive"));
    }
    Err(format!("file '{name}' does not appear to be a gzipped archive; got '{}'", sniffed(bytes)))
}

/// What Go takes a content for, as far as people confuse it with archives (https://mimesniff.spec.whatwg.org/).
fn sniffed(bytes: &[u8]) -> &'static str {
    // Go looks at 512 bytes, zeros where the file has ended.
    let start = &bytes[..bytes.len().min(512)];
    let trimmed = start.trim_ascii_start();
    let tags =
        ["<!DOCTYPE HTML", "<HTML", "<HEAD", "<SCRIPT", "<BODY", "<TITLE", "<H1", "<DIV", "<TABLE", "<A", "<P", "<!--"];
    let html = tags.iter().any(|tag| {
        trimmed.len() > tag.len()
            && trimmed[..tag.len()].eq_ignore_ascii_case(tag.as_bytes())
            && matches!(trimmed[tag.len()], b' ' | b'>')
    });
    let binary = |b: &u8| matches!(b, 0..=8 | 11 | 14..=26 | 28..=31);
    if html {
        "text/html; charset=utf-8"
    } else if trimmed.starts_with(b"<?xml") {
        "text/xml; charset=utf-8"
    } else if start.starts_with(b"PK\x03\x04") {
        "application/zip"
    } else if start.starts_with(b"%PDF-") {
        "application/pdf"
    } else if bytes.len() < 512 || start.iter().any(binary) {
        "application/octet-stream"
    } else {
        "text/plain; charset=utf-8"
    }
}

/// A file's bytes without the byte order mark.
pub(super) fn without_mark(bytes: &[u8]) -> Arc<[u8]> {
    Arc::from(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

fn inner_path(name: &str) -> Result<String, String> {
    // Archives made on Windows may hold backslashes.
    let delimiter = if name.contains('\\') { '\\' } else { '/' };
    let (first, rest) = name.split_once(delimiter).unwrap_or((name, ""));
    let rest = rest.replace(delimiter, "/");
    if rest.starts_with('/') {
        return Err("chart illegally contains absolute paths".to_owned());
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return Err("chart illegally references parent directory".to_owned()),
            ".." => {}
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Err(format!("chart illegally contains content outside the base directory: {name:?}"));
    }
    let inner = parts.join("/");
    if inner.starts_with("..") {
        return Err("chart illegally references parent directory".to_owned());
    }
    if matches!(inner.as_bytes(), [drive, b':', b'/', ..] if drive.is_ascii_alphabetic()) {
        return Err("chart contains illegally named files".to_owned());
    }
    if first == "Chart.yaml" {
        return Err("chart yaml not in base directory".to_owned());
    }
    Ok(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut raw = Vec::new();
        for (name, data) in files {
            let mut header = tar::Header::new_gnu();
            // Written by hand: the builder would refuse what hostile archives hold.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(data.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            raw.extend_from_slice(header.as_bytes());
            raw.extend_from_slice(data);
            raw.resize(raw.len().div_ceil(512) * 512, 0);
        }
        raw.resize(raw.len() + 1024, 0);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&raw).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn drops_the_first_folder_and_the_mark() {
        let files = unpack(&packed(&[("a/Chart.yaml", b"\xef\xbb\xbfname: a"), ("a/templates/./x", b"y")])).unwrap();
        assert_eq!(files[0].name, "Chart.yaml");
        assert_eq!(&*files[0].data, b"name: a");
        assert_eq!(files[1].name, "templates/x");
    }

    #[test]
    fn refuses_what_leaves_the_chart_or_is_too_large() {
        let large = vec![0; MAX_FILE as usize + 1];
        for (name, data, message) in [
            ("a/../../etc/passwd", &b"x"[..], "parent directory"),
            ("a//etc/passwd", b"x", "absolute paths"),
            ("a", b"x", "outside the base directory"),
            ("Chart.yaml/x", b"x", "not in base directory"),
            ("a\\c:\\x", b"x", "illegally named"),
            ("a/big", &large, "larger than the maximum file size"),
        ] {
            let error = unpack(&packed(&[(name, data)])).unwrap_err();
            assert!(error.contains(message), "{name}: {error}");
        }
        assert!(unpack(b"nonsense").is_err());
        assert_eq!(unpack(&packed(&[])).unwrap_err(), "no files in chart archive");
    }
}
