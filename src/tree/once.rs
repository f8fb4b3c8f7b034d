//! A tree that is read once: whoever looks a second time sees what was there at the first, and no disk is asked again. For one command
//! over a working folder, whose charts and layers are read for many releases. What it has read it keeps; it does not outlive its look.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Dated, Entry, Tree, TreeError};

/// What was read of another tree.
pub struct Once {
    inner: Arc<dyn Tree>,
    files: Known<Arc<[u8]>>,
    folders: Known<Vec<Entry>>,
    digests: Known<String>,
}

/// Answers by path, `None` where nothing was there.
type Known<T> = Mutex<HashMap<String, Option<T>>>;

impl Once {
    /// Over another tree.
    #[must_use]
    pub fn new(inner: Arc<dyn Tree>) -> Self {
        Self { inner, files: Mutex::default(), folders: Mutex::default(), digests: Mutex::default() }
    }
}

/// What is known of a path, else what `ask` says. A failure is not kept.
fn known<T: Clone>(
    known: &Known<T>,
    path: &str,
    ask: impl FnOnce() -> Result<Option<T>, TreeError>,
) -> Result<Option<T>, TreeError> {
    let locked = || known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = locked().get(path) {
        return Ok(found.clone());
    }
    let found = ask()?;
    locked().insert(path.to_owned(), found.clone());
    Ok(found)
}

impl Tree for Once {
    fn read(&self, path: &str) -> Result<Option<Arc<[u8]>>, TreeError> {
        known(&self.files, path, || self.inner.read(path))
    }

    fn list(&self, path: &str) -> Result<Option<Vec<Entry>>, TreeError> {
        known(&self.folders, path, || self.inner.list(path))
    }

    fn digest(&self, path: &str) -> Result<Option<String>, TreeError> {
        known(&self.digests, path, || self.inner.digest(path))
    }

    fn at_revision(&self, revision: &str) -> Result<Option<Dated>, TreeError> {
        self.inner.at_revision(revision)
    }

    fn came_from(&self, revision: &str) -> Result<Option<bool>, TreeError> {
        self.inner.came_from(revision)
    }

    fn looks(&self) -> Option<u64> {
        self.inner.looks()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::MemoryTree;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Counted(MemoryTree, AtomicUsize);

    impl Tree for Counted {
        fn read(&self, path: &str) -> Result<Option<Arc<[u8]>>, TreeError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.read(path)
        }

        fn list(&self, path: &str) -> Result<Option<Vec<Entry>>, TreeError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.list(path)
        }
    }

    #[test]
    fn nothing_is_asked_twice() {
        let counted = Arc::new(Counted(MemoryTree::from([("a/b", "text")]), AtomicUsize::default()));
        let once = Once::new(Arc::clone(&counted) as Arc<dyn Tree>);
        for _ in 0..3 {
            assert_eq!(once.read("a/b").unwrap().as_deref(), Some(&b"text"[..]));
            assert_eq!(once.read("nothing").unwrap(), None);
            assert_eq!(once.list("a").unwrap().unwrap().len(), 1);
        }
        assert_eq!(counted.1.load(Ordering::Relaxed), 3);
    }
}
