//! Tells when a file below a working folder was saved, so that what it means can be shown at once.
//!
//! Every folder is watched by itself, so that `.git` and what Git ignores (build output) cost nothing, and links are not
//! followed. A new folder is watched before the change is told: nothing that is saved into it is missed.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::GitError;

/// A change is told when it was quiet for this long …
const QUIET: Duration = Duration::from_millis(10);
/// … or at the latest this long after the first event.
const LATEST: Duration = Duration::from_millis(50);
/// Paths that a change names at most; beyond, it names none (limit: changed paths).
const PATHS: usize = 1000;
/// Folders that are watched at most (limit: watched folders).
const FOLDERS: usize = 50_000;

/// Something was saved, made, renamed or removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// The paths from the folder's root, with `/`; empty: too many, or not known.
    pub paths: BTreeSet<String>,
}

/// A running watch of a folder; it ends when this is dropped.
#[derive(Debug)]
pub struct FolderWatch {
    root: PathBuf,
    watcher: RecommendedWatcher,
    events: mpsc::UnboundedReceiver<notify::Result<Event>>,
    watched: HashSet<PathBuf>,
    ignore: Ignore,
    /// What was seen and not told yet.
    seen: Seen,
}

/// Watches the folder `root` and all below it.
///
/// # Errors
/// When there is no such folder, or the system has no watches left.
pub fn watch_folder(root: &Path) -> Result<FolderWatch, GitError> {
    let what = || format!("cannot watch {}", root.display());
    let root = root.canonicalize().map_err(|error| GitError::local(what(), &error))?;
    let (send, events) = mpsc::unbounded_channel();
    let watcher = notify::recommended_watcher(move |event| drop(send.send(event)))
        .map_err(|error| GitError::local(what(), &error))?;
    let ignore = Ignore(git2::Repository::discover(&root).ok().map(std::sync::Mutex::new));
    let mut watch =
        FolderWatch { root: root.clone(), watcher, events, watched: HashSet::new(), ignore, seen: Seen::default() };
    watch.add(&root).map_err(|error| GitError::local(what(), &error))?;
    Ok(watch)
}

impl FolderWatch {
    /// The next change, told at most 50 ms after it began. Safe to drop: what was seen by then is told by the next call.
    ///
    /// # Errors
    /// When the system stops telling.
    pub async fn next(&mut self) -> Result<Change, GitError> {
        let stopped = || GitError::local("watching stopped", &"no more events");
        while !self.seen.any {
            let event = self.events.recv().await.ok_or_else(stopped)?;
            self.take(event);
        }
        let latest = Instant::now() + LATEST;
        while Instant::now() < latest {
            let until = latest.min(Instant::now() + QUIET);
            match tokio::time::timeout_at(until, self.events.recv()).await {
                Ok(Some(event)) => self.take(event),
                Ok(None) => return Err(stopped()),
                Err(_) => break,
            }
        }
        let seen = std::mem::take(&mut self.seen);
        let paths = if seen.unknown || seen.paths.len() > PATHS { BTreeSet::new() } else { seen.paths };
        Ok(Change { paths })
    }

    fn take(&mut self, event: notify::Result<Event>) {
        let event = match event {
            Ok(event) => event,
            // Something was lost: look at everything again.
            Err(_) => Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan),
        };
        if event.need_rescan() {
            let root = self.root.clone();
            drop(self.add(&root));
            self.seen.any = true;
            self.seen.unknown = true;
            return;
        }
        let says_nothing = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
            EventKind::Access(_) => true,
            _ => false,
        };
        if says_nothing {
            return;
        }
        for path in event.paths {
            if self.ignore.matches(&self.root, &path) {
                continue;
            }
            if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
                drop(self.add(&path));
            } else {
                // A folder that went may come back under its name: it needs a new watch then.
                self.watched.remove(&path);
            }
            self.seen.any = true;
            match path.strip_prefix(&self.root) {
                Ok(relative) => {
                    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
                    self.seen.paths.insert(parts.join("/"));
                }
                Err(_) => self.seen.unknown = true,
            }
        }
    }

    /// Watches `folder` and all below it that is not watched yet.
    fn add(&mut self, folder: &Path) -> Result<(), notify::Error> {
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            if self.watched.len() >= FOLDERS {
                return Err(notify::Error::generic("more folders than are watched (limit: watched folders)"));
            }
            // Again for one that is watched: it may be another folder of the same name by now.
            self.watcher.watch(&folder, RecursiveMode::NonRecursive)?;
            self.watched.insert(folder.clone());
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !self.ignore.matches(&self.root, &path) {
                    open.push(path);
                }
            }
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Seen {
    any: bool,
    unknown: bool,
    paths: BTreeSet<String>,
}

/// What is not looked at: `.git`, and what the repository around the folder ignores.
struct Ignore(Option<std::sync::Mutex<git2::Repository>>);

impl std::fmt::Debug for Ignore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ignore")
    }
}

impl Ignore {
    fn matches(&self, root: &Path, path: &Path) -> bool {
        let Ok(relative) = path.strip_prefix(root) else { return true };
        if relative.components().any(|part| part.as_os_str() == ".git") {
            return true;
        }
        let Some(repository) = &self.0 else { return false };
        let repository = repository.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        relative.components().next().is_some() && repository.is_path_ignored(path).unwrap_or(false)
    }
}
