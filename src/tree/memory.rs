//! A tree that is held in memory: for tests, generated repositories and unpacked archives.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Entry, EntryKind, Tree, TreeError};

/// Files by path.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    files: BTreeMap<String, Arc<[u8]>>,
}

impl MemoryTree {
    /// Adds or replaces a file.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), Arc::from(bytes.into()));
    }

    /// Takes a file out; true when there was one.
    pub fn remove(&mut self, path: &str) -> bool {
        self.files.remove(path).is_some()
    }
}

impl<P: Into<String>, B: Into<Vec<u8>>, const N: usize> From<[(P, B); N]> for MemoryTree {
    fn from(files: [(P, B); N]) -> Self {
        let mut tree = Self::default();
        for (path, bytes) in files {
            tree.insert(path, bytes);
        }
        tree
    }
}

impl Tree for MemoryTree {
    fn read(&self, path: &str) -> Result<Option<Arc<[u8]>>, TreeError> {
        Ok(self.files.get(path).cloned())
    }

    fn list(&self, path: &str) -> Result<Option<Vec<Entry>>, TreeError> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        for (file, bytes) in self.files.range(prefix.clone()..).take_while(|(file, _)| file.starts_with(&prefix)) {
            let rest = &file[prefix.len()..];
            let entry = match rest.split_once('/') {
                Some((folder, _)) => Entry { name: folder.to_owned(), kind: EntryKind::Folder, size: 0 },
                None => Entry { name: rest.to_owned(), kind: EntryKind::File, size: bytes.len() as u64 },
            };
            entries.insert(entry.name.clone(), entry);
        }
        Ok((!entries.is_empty() || path.is_empty()).then(|| entries.into_values().collect()))
    }
}
