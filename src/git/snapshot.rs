//! The files of one commit, read from the object store without a checkout.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use git2::{ObjectType, Oid};

use super::{FILE_LIMIT, GitError, Revision};
use crate::tree::{Dated, Entry, EntryKind, Tree, TreeError};

/// A tree at a revision. It stays readable whatever is fetched, pushed or committed afterwards.
pub struct Snapshot {
    revision: Revision,
    label: String,
    prefix: String,
    /// The tree that is the root; `None` when the folder that is looked at does not exist in this commit.
    root: Option<Oid>,
    repository: Mutex<git2::Repository>,
    folders: Mutex<HashMap<Oid, Arc<Vec<Item>>>>,
    /// The looks for something newer, where the branch is followed.
    looks: OnceLock<Arc<AtomicU64>>,
}

/// One entry of a folder as Git stores it.
#[derive(Debug, Clone)]
struct Item {
    name: String,
    kind: EntryKind,
    id: Oid,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("revision", &self.revision.id).field("of", &self.label).finish_non_exhaustive()
    }
}

impl Snapshot {
    /// The tree of `commit` below `prefix`.
    pub(super) fn new(repository: git2::Repository, commit: Oid, prefix: &str, label: &str) -> Result<Self, GitError> {
        let damaged = |error: git2::Error| GitError::damaged(label, &error);
        let (revision, root) = {
            let commit = repository.find_commit(commit).map_err(damaged)?;
            let tree = commit.tree().map_err(damaged)?;
            let root = if prefix.is_empty() {
                Some(tree.id())
            } else {
                match tree.get_path(std::path::Path::new(prefix)) {
                    Ok(entry) if entry.kind() == Some(ObjectType::Tree) => Some(entry.id()),
                    Ok(_) => None,
                    Err(error) if error.code() == git2::ErrorCode::NotFound => None,
                    Err(error) => return Err(damaged(error)),
                }
            };
            (Revision::of(&commit), root)
        };
        Ok(Self {
            revision,
            label: label.to_owned(),
            prefix: prefix.to_owned(),
            root,
            repository: Mutex::new(repository),
            folders: Mutex::new(HashMap::new()),
            looks: OnceLock::new(),
        })
    }

    /// The commit.
    #[must_use]
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// Has a follower count its looks for something newer.
    pub(super) fn followed(&self, looks: Arc<AtomicU64>) {
        // The first follower stays: a snapshot is published by one.
        let _ = self.looks.set(looks);
    }

    fn store(&self) -> MutexGuard<'_, git2::Repository> {
        self.repository.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(path: &str, error: &git2::Error) -> TreeError {
        TreeError { path: path.to_owned(), message: format!("cannot read from the repository: {}", error.message()) }
    }

    /// The entries of the tree object `id`, sorted by name; decoded once.
    fn folder(&self, id: Oid, path: &str) -> Result<Arc<Vec<Item>>, TreeError> {
        let known = self.folders.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut items: Vec<Item> = {
            let store = self.store();
            let tree = store.find_tree(id).map_err(|error| Self::failed(path, &error))?;
            tree.iter()
                .filter_map(|entry| {
                    // A name that is not UTF-8 cannot be asked for; a chart or environment has none.
                    let name = std::str::from_utf8(entry.name_bytes()).ok()?.to_owned();
                    Some(Item { name, kind: kind(entry.filemode()), id: entry.id() })
                })
                .collect()
        };
        items.sort_by(|a, b| a.name.cmp(&b.name));
        let items = Arc::new(items);
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&items));
        Ok(items)
    }

    /// The entry at `path`; the root is a folder without a name.
    fn item(&self, path: &str) -> Result<Option<Item>, TreeError> {
        let Some(root) = self.root else { return Ok(None) };
        let mut at = Item { name: String::new(), kind: EntryKind::Folder, id: root };
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if at.kind != EntryKind::Folder {
                return Ok(None);
            }
            let items = self.folder(at.id, path)?;
            let Ok(index) = items.binary_search_by(|item| item.name.as_str().cmp(part)) else { return Ok(None) };
            at = items[index].clone();
        }
        Ok(Some(at))
    }
}

/// What a file mode is: links and submodules are never followed.
fn kind(mode: i32) -> EntryKind {
    match mode & 0o170_000 {
        0o040_000 => EntryKind::Folder,
        0o100_000 => EntryKind::File,
        _ => EntryKind::Other,
    }
}

impl Tree for Snapshot {
    fn read(&self, path: &str) -> Result<Option<Arc<[u8]>>, TreeError> {
        let Some(item) = self.item(path)? else { return Ok(None) };
        if item.kind != EntryKind::File {
            return Ok(None);
        }
        let store = self.store();
        let odb = store.odb().map_err(|error| Self::failed(path, &error))?;
        let (size, _) = odb.read_header(item.id).map_err(|error| Self::failed(path, &error))?;
        if size as u64 > FILE_LIMIT {
            return Err(too_large(path, size as u64));
        }
        let object = odb.read(item.id).map_err(|error| Self::failed(path, &error))?;
        Ok(Some(Arc::from(object.data())))
    }

    fn list(&self, path: &str) -> Result<Option<Vec<Entry>>, TreeError> {
        let Some(item) = self.item(path)? else { return Ok(path.is_empty().then(Vec::new)) };
        if item.kind != EntryKind::Folder {
            return Ok(None);
        }
        let items = self.folder(item.id, path)?;
        Ok(Some(items.iter().map(|item| Entry { name: item.name.clone(), kind: item.kind, size: 0 }).collect()))
    }

    fn digest(&self, path: &str) -> Result<Option<String>, TreeError> {
        Ok(self.item(path)?.map(|item| item.id.to_string()))
    }

    fn at_revision(&self, revision: &str) -> Result<Option<Dated>, TreeError> {
        let Ok(commit) = Oid::from_str(revision) else { return Ok(None) };
        let path = self.store().path().to_owned();
        let store = git2::Repository::open(path).map_err(|error| Self::failed("", &error))?;
        if store.find_commit(commit).is_err() {
            return Ok(None);
        }
        let failed = |error: GitError| TreeError { path: revision.to_owned(), message: error.to_string() };
        let snapshot = Self::new(store, commit, &self.prefix, &self.label).map_err(failed)?;
        let time = snapshot.revision.time;
        Ok(Some((Arc::new(snapshot), time)))
    }

    fn came_from(&self, revision: &str) -> Result<Option<bool>, TreeError> {
        let (Ok(own), Ok(other)) = (Oid::from_str(&self.revision.id), Oid::from_str(revision)) else { return Ok(None) };
        let path = self.store().path().to_owned();
        // Opened anew: what was fetched since is known to it.
        let store = git2::Repository::open(path).map_err(|error| Self::failed("", &error))?;
        if own == other {
            return Ok(Some(true));
        }
        if store.find_commit(other).is_err() {
            return Ok(Some(false));
        }
        store.graph_descendant_of(own, other).map(Some).map_err(|error| Self::failed("", &error))
    }

    fn looks(&self) -> Option<u64> {
        self.looks.get().map(|looks| looks.load(Ordering::SeqCst))
    }
}

/// The refusal of a file over the limit.
pub(super) fn too_large(path: &str, size: u64) -> TreeError {
    TreeError {
        path: path.to_owned(),
        message: format!("{size} bytes are more than the {FILE_LIMIT} that are read (limit: file size)"),
    }
}
