//! A working folder as a tree: what is on disk now, saved or not yet committed.
#![expect(clippy::disallowed_methods, reason = "an IO edge: the working folder is read here")]

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::identity::{Kind, Named, of_bytes, of_folder};
use super::snapshot::too_large;
use super::{FILE_LIMIT, GitError};
use crate::tree::{Entry, EntryKind, Tree, TreeError, join};
use git2::Oid;

/// How deep folders may nest.
const DEPTH: usize = 64;

/// A folder on this machine. Symbolic links below it are not followed, so nothing outside of it is ever read; `.git` is
/// not part of it.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder at `path`.
    ///
    /// # Errors
    /// When there is no such folder.
    pub fn open(path: &Path) -> Result<Self, GitError> {
        let what = || format!("cannot open the folder {}", path.display());
        let root = path.canonicalize().map_err(|error| GitError::local(what(), &error))?;
        if !root.is_dir() {
            return Err(GitError::local(what(), &"not a folder"));
        }
        Ok(Self { root })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// What is at `path`, links on the way not followed; `None` when there is nothing that belongs to the tree.
    fn find(&self, path: &str) -> Result<Option<(PathBuf, Metadata)>, TreeError> {
        let mut at = self.root.clone();
        let mut metadata = fs::symlink_metadata(&at).map_err(|error| failed(path, &error))?;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if part == ".git" || part == "." || part == ".." || part.contains(['\\', '\0']) || !metadata.is_dir() {
                return Ok(None);
            }
            at.push(part);
            metadata = match fs::symlink_metadata(&at) {
                Ok(metadata) => metadata,
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    return Ok(None);
                }
                Err(error) => return Err(failed(path, &error)),
            };
        }
        Ok(Some((at, metadata)))
    }
}

impl Folder {
    /// The id that Git would give the folder `at`, `path` from the root; nothing for one without files. Every file is read, nothing else is
    /// asked: a chart is small, and its digest is wanted by every command.
    fn identity(at: &Path, path: &str, depth: usize) -> Result<Option<Oid>, TreeError> {
        if depth > DEPTH {
            let message = format!("folders nest deeper than {DEPTH} (limit: tree depth)");
            return Err(TreeError { path: path.to_owned(), message });
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(at).map_err(|error| failed(path, &error))? {
            let entry = entry.map_err(|error| failed(path, &error))?;
            // DirEntry::metadata does not follow links.
            let (Ok(name), Ok(metadata)) = (entry.file_name().into_string(), entry.metadata()) else { continue };
            if name == ".git" {
                continue;
            }
            let inner = join(path, &name);
            let (kind, id) = if metadata.is_dir() {
                (Kind::Folder, Self::identity(&entry.path(), &inner, depth + 1)?)
            } else if metadata.is_file() {
                if metadata.len() > FILE_LIMIT {
                    return Err(too_large(&inner, metadata.len()));
                }
                let Ok(bytes) = fs::read(entry.path()) else { continue };
                let kind = if is_program(&metadata) { Kind::Program } else { Kind::File };
                (kind, Some(of_bytes(&inner, &bytes)?))
            } else {
                // Never followed, but its text is part of what Git has.
                let Ok(target) = fs::read_link(entry.path()) else { continue };
                (Kind::Link, Some(of_bytes(&inner, target.to_string_lossy().as_bytes())?))
            };
            names.extend(id.map(|id| Named { name, kind, id }));
        }
        of_folder(path, names)
    }
}

/// Whether its owner may execute it: all of a file's mode that Git keeps.
fn is_program(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        metadata.permissions().mode() & 0o100 != 0
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        false
    }
}

impl Tree for Folder {
    fn read(&self, path: &str) -> Result<Option<Arc<[u8]>>, TreeError> {
        let Some((at, metadata)) = self.find(path)? else { return Ok(None) };
        if !metadata.is_file() {
            return Ok(None);
        }
        if metadata.len() > FILE_LIMIT {
            return Err(too_large(path, metadata.len()));
        }
        match fs::read(&at) {
            Ok(bytes) => Ok(Some(Arc::from(bytes))),
            // Between the look and the read an editor may have renamed it away.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(path, &error)),
        }
    }

    fn list(&self, path: &str) -> Result<Option<Vec<Entry>>, TreeError> {
        let Some((at, metadata)) = self.find(path)? else { return Ok(None) };
        if !metadata.is_dir() {
            return Ok(None);
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(&at).map_err(|error| failed(path, &error))? {
            let entry = entry.map_err(|error| failed(path, &error))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // DirEntry::metadata does not follow links.
            let Ok(metadata) = entry.metadata() else { continue };
            if name == ".git" {
                continue;
            }
            let kind = match () {
                () if metadata.is_file() => EntryKind::File,
                () if metadata.is_dir() => EntryKind::Folder,
                () => EntryKind::Other,
            };
            let size = if metadata.is_file() { metadata.len() } else { 0 };
            entries.push(Entry { name, kind, size });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(entries))
    }

    /// The id of the tree that Git would make of it: every file below it is read.
    fn digest(&self, path: &str) -> Result<Option<String>, TreeError> {
        let Some((at, metadata)) = self.find(path)? else { return Ok(None) };
        if !metadata.is_dir() {
            return Ok(None);
        }
        Ok(Self::identity(&at, path, 0)?.map(|id| id.to_string()))
    }
}

fn failed(path: &str, error: &std::io::Error) -> TreeError {
    TreeError { path: path.to_owned(), message: format!("cannot read: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_files_and_never_leaves_the_folder() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("root");
        fs::create_dir_all(root.join("a/.git")).unwrap();
        fs::write(home.path().join("secret"), "s").unwrap();
        fs::write(root.join("a/b.yaml"), "x: 1").unwrap();
        fs::write(root.join("a/.git/config"), "").unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(home.path().join("secret"), root.join("a/link")).unwrap();
            std::os::unix::fs::symlink(home.path(), root.join("out")).unwrap();
        }
        let folder = Folder::open(&root).unwrap();
        assert_eq!(folder.read("a/b.yaml").unwrap().as_deref(), Some(&b"x: 1"[..]));
        for outside in
            ["a/link", "out/secret", "../secret", "a/../../secret", "a/.git/config", "a/b.yaml/c", "nothing", "a"]
        {
            assert_eq!(folder.read(outside).unwrap(), None, "{outside}");
        }
        let names: Vec<String> = folder.list("a").unwrap().unwrap().into_iter().map(|entry| entry.name).collect();
        #[cfg(unix)]
        assert_eq!(names, ["b.yaml", "link"]);
        assert!(folder.list("out").unwrap().is_none() && folder.list("a/b.yaml").unwrap().is_none());
        assert!(Folder::open(&root.join("nothing")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_has_the_id_that_git_gives_it() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let root = home.path();
        fs::create_dir_all(root.join("chart/a/empty")).unwrap();
        fs::create_dir_all(root.join("chart/a-b")).unwrap();
        for (file, text) in [("a.yaml", "x"), ("a/b.yaml", ""), ("a-b/c", "\0\u{ff}"), ("a.b", "y"), ("run.sh", "#!")] {
            fs::write(root.join("chart").join(file), text).unwrap();
        }
        fs::set_permissions(root.join("chart/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("../elsewhere", root.join("chart/link")).unwrap();
        let repository = git2::Repository::init(root).unwrap();
        let mut index = repository.index().unwrap();
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
        let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
        let folder = Folder::open(root).unwrap();
        let theirs = |path: &str| tree.get_path(Path::new(path)).unwrap().id().to_string();
        for path in ["chart", "chart/a", "chart/a-b"] {
            assert_eq!(folder.digest(path).unwrap(), Some(theirs(path)), "{path}");
        }
        assert_eq!(folder.digest("").unwrap(), Some(tree.id().to_string()));
        assert_eq!(folder.digest("nothing").unwrap(), None);
        fs::write(root.join("chart/a/b.yaml"), "other").unwrap();
        assert_ne!(folder.digest("chart").unwrap(), Some(theirs("chart")));
    }

    #[test]
    fn refuses_a_file_over_the_limit_by_name() {
        let home = tempfile::tempdir().unwrap();
        fs::File::create(home.path().join("big")).unwrap().set_len(FILE_LIMIT + 1).unwrap();
        let error = Folder::open(home.path()).unwrap().read("big").unwrap_err();
        assert!(error.to_string().contains("limit: file size"), "{error}");
    }
}
