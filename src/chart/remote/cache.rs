//! Charts by the digest of their archive, and what was last known of indexes, tags and references, in a folder that several
//! processes may use at once: a file is written beside its place and renamed into it, and what is read is checked.
#![expect(clippy::disallowed_methods, reason = "this is the edge where the cache is read and written")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::error::RemoteError;
use crate::chart::repository::sha256;

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    root: PathBuf,
}

/// What a name (a URL, a tag) stood for when it was last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// The digest of the archive, without `sha256:`.
    pub(super) archive: String,
    /// The digest of the manifest, with `sha256:`, or empty.
    pub(super) manifest: String,
    /// Whether it comes with a provenance file, as far as that is known.
    pub(super) provenance: Option<bool>,
}

impl Cache {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The archive with this digest. A damaged one is removed and not found.
    pub(super) fn archive(&self, digest: &str) -> Option<Vec<u8>> {
        let path = self.archive_path(digest)?;
        let bytes = std::fs::read(&path).ok()?;
        if sha256(&bytes) == plain(digest) {
            return Some(bytes);
        }
        let _ = std::fs::remove_file(&path);
        None
    }

    /// Keeps an archive and gives its digest.
    pub(super) fn keep_archive(&self, bytes: &[u8]) -> Result<String, RemoteError> {
        let digest = sha256(bytes);
        if let Some(path) = self.archive_path(&digest)
            && !path.is_file()
        {
            write(&path, bytes)?;
        }
        Ok(digest)
    }

    /// What a name was last known to stand for.
    pub(super) fn known(&self, name: &str) -> Option<Known> {
        let value: Value = serde_json::from_slice(&std::fs::read(self.named("refs", name, "json")).ok()?).ok()?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        (text("name") == name).then(|| Known {
            archive: text("archive"),
            manifest: text("manifest"),
            provenance: value.get("provenance").and_then(Value::as_bool),
        })
    }

    /// Remembers what a name stands for.
    pub(super) fn remember(&self, name: &str, known: &Known) -> Result<(), RemoteError> {
        let value = json!({
            "name": name, "archive": known.archive, "manifest": known.manifest, "provenance": known.provenance,
        });
        write(&self.named("refs", name, "json"), value.to_string().as_bytes())
    }

    /// The index of a repository as it was last seen, with its validator.
    pub(super) fn index(&self, url: &str) -> Option<(String, Option<String>)> {
        let text = String::from_utf8(std::fs::read(self.named("index", url, "yaml")).ok()?).ok()?;
        // The validator is of one content alone: another process may have written a newer one between the two reads.
        let validator = std::fs::read_to_string(self.named("index", url, "etag")).ok();
        let etag = validator.and_then(|line| {
            let (digest, etag) = line.split_once(' ')?;
            (digest == sha256(text.as_bytes())).then(|| etag.to_owned())
        });
        Some((text, etag))
    }

    /// Keeps an index.
    pub(super) fn keep_index(&self, url: &str, text: &str, etag: Option<&str>) -> Result<(), RemoteError> {
        write(&self.named("index", url, "yaml"), text.as_bytes())?;
        let validator = etag.map(|etag| format!("{} {etag}", sha256(text.as_bytes()))).unwrap_or_default();
        write(&self.named("index", url, "etag"), validator.as_bytes())
    }

    /// The tags of a repository of a registry as they were last seen.
    pub(super) fn tags(&self, repository: &str) -> Option<Vec<String>> {
        serde_json::from_slice(&std::fs::read(self.named("tags", repository, "json")).ok()?).ok()
    }

    /// Keeps tags.
    pub(super) fn keep_tags(&self, repository: &str, tags: &[String]) -> Result<(), RemoteError> {
        write(&self.named("tags", repository, "json"), json!(tags).to_string().as_bytes())
    }

    fn archive_path(&self, digest: &str) -> Option<PathBuf> {
        let digest = plain(digest);
        let good = digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        good.then(|| self.root.join("sha256").join(&digest[..2]).join(&digest))
    }

    /// A file for a name of any form: names (which may hold a password) stay out of file names.
    fn named(&self, kind: &str, name: &str, end: &str) -> PathBuf {
        self.root.join(kind).join(format!("{}.{end}", sha256(name.as_bytes())))
    }
}

fn plain(digest: &str) -> String {
    digest.trim_start_matches("sha256:").to_ascii_lowercase()
}

/// Writes a file as a whole or not at all, readable by its owner alone.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), RemoteError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let failed = |error: std::io::Error| RemoteError::storage(format!("{}: {error}", path.display()));
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let beside = folder.join(format!(".{name}.{}-{number}.tmp", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&beside).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.and_then(|()| std::fs::rename(&beside, path)).map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        failed(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().to_owned());
        let digest = cache.keep_archive(b"chart").unwrap();
        assert_eq!(cache.archive(&format!("sha256:{digest}")).unwrap(), b"chart");
        let path = cache.archive_path(&digest).unwrap();
        std::fs::write(&path, b"other").unwrap();
        assert_eq!(cache.archive(&digest), None);
        assert!(!path.exists());
        for bad in ["", "sha256:../../etc/passwd", "zz"] {
            assert_eq!(cache.archive(bad), None);
        }
    }

    #[test]
    fn names_indexes_and_tags_are_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().to_owned());
        let known = Known { archive: "a".into(), manifest: "sha256:b".into(), provenance: Some(true) };
        cache.remember("https://u:p@h/x", &known).unwrap();
        assert_eq!(cache.known("https://u:p@h/x"), Some(known));
        assert_eq!(cache.known("https://h/x"), None);
        cache.keep_index("u", "text", Some("\"e\"")).unwrap();
        assert_eq!(cache.index("u"), Some(("text".into(), Some("\"e\"".into()))));
        std::fs::write(cache.named("index", "u", "yaml"), "newer").unwrap();
        assert_eq!(cache.index("u"), Some(("newer".into(), None)));
        cache.keep_tags("h/a", &["1.0.0".into()]).unwrap();
        assert_eq!(cache.tags("h/a").unwrap(), ["1.0.0"]);
    }

    #[test]
    fn many_writers_leave_one_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/file");
        std::thread::scope(|scope| {
            for n in 0..8_u8 {
                let path = &path;
                scope.spawn(move || write(path, &vec![n; 100_000]).unwrap());
            }
        });
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() == 100_000 && bytes.iter().all(|b| *b == bytes[0]));
        assert_eq!(std::fs::read_dir(folder.path().join("deep")).unwrap().count(), 1);
    }
}
