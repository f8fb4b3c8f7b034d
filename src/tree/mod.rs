//! A read-only tree of files by path: what a Git snapshot and a working folder both are. Environments and charts are read
//! through this, so that they know neither Git nor a file system. Paths are relative, with `/`, without `.` or `..`.

mod memory;
mod once;
mod path;

pub use memory::MemoryTree;
pub use once::Once;
pub use path::{PathError, join, normal};

use std::sync::Arc;

/// Why a tree could not be read. Not retryable unless `transient` says so.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{path}: {message}")]
pub struct TreeError {
    /// The path that was asked for.
    pub path: String,
    /// What went wrong, in lower case.
    pub message: String,
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, submodule or anything else: never followed, so that a tree cannot point outside of itself.
    Other,
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, without the folder's path.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its size in bytes (0 for folders, and where it is not known without reading).
    pub size: u64,
}

/// A tree, and when it was made.
pub type Dated = (Arc<dyn Tree>, jiff::Timestamp);

/// A read-only tree of files.
pub trait Tree: Send + Sync {
    /// The bytes of the file at `path`; `None` when there is no regular file.
    ///
    /// # Errors
    /// When the store behind the tree fails, or the file is larger than the tree's limit.
    fn read(&self, path: &str) -> Result<Option<Arc<[u8]>>, TreeError>;

    /// The entries of the folder at `path` (`""` is the root), sorted by name; `None` when there is no folder.
    ///
    /// # Errors
    /// When the store behind the tree fails.
    fn list(&self, path: &str) -> Result<Option<Vec<Entry>>, TreeError>;

    /// A key that changes whenever anything below `path` changes (a Git tree id), when the store has one for free.
    ///
    /// # Errors
    /// When the store behind the tree fails.
    fn digest(&self, _path: &str) -> Result<Option<String>, TreeError> {
        Ok(None)
    }

    /// The same tree at another revision, with that revision's time; `None` when this tree has no history, or not that one.
    ///
    /// # Errors
    /// When the store behind the tree fails.
    fn at_revision(&self, _revision: &str) -> Result<Option<Dated>, TreeError> {
        Ok(None)
    }

    /// Whether a revision is this tree's own or one that it came from; `None` when this tree has no history.
    ///
    /// # Errors
    /// When the store behind the tree fails.
    fn came_from(&self, _revision: &str) -> Result<Option<bool>, TreeError> {
        Ok(None)
    }

    /// Counts the looks for something newer than this tree, by whoever follows its store; `None` where nobody does.
    fn looks(&self) -> Option<u64> {
        None
    }
}

/// All files below `folder`, in order of path, paths relative to `folder`; folders nest at most 64 deep.
///
/// # Errors
/// When the tree cannot be read or nests deeper.
pub fn walk(tree: &dyn Tree, folder: &str) -> Result<Vec<(String, u64)>, TreeError> {
    let mut found = Vec::new();
    descend(tree, folder, "", 0, &mut found)?;
    found.sort();
    Ok(found)
}

const DEPTH: usize = 64;

fn descend(
    tree: &dyn Tree,
    root: &str,
    below: &str,
    depth: usize,
    found: &mut Vec<(String, u64)>,
) -> Result<(), TreeError> {
    let path = join(root, below);
    if depth > DEPTH {
        return Err(TreeError { path, message: format!("folders nest deeper than {DEPTH} (limit: tree depth)") });
    }
    for entry in tree.list(&path)?.unwrap_or_default() {
        let inner = join(below, &entry.name);
        match entry.kind {
            EntryKind::File => found.push((inner, entry.size)),
            EntryKind::Folder => descend(tree, root, &inner, depth + 1, found)?,
            EntryKind::Other => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_in_order_relative_to_the_folder() {
        let tree = MemoryTree::from([("a/z.yaml", "1"), ("a/b/c.yaml", "22"), ("b/x", "")]);
        assert_eq!(walk(&tree, "a").unwrap(), [("b/c.yaml".to_owned(), 2), ("z.yaml".to_owned(), 1)]);
        assert_eq!(walk(&tree, "nothing").unwrap(), []);
    }
}
