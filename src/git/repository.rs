//! A repository: a bare clone of a remote in a cache folder, or one on this machine that is read in place.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use git2::Oid;
use sha2::{Digest, Sha256};

use super::flight::Flights;
use super::url::masked;
use super::verify::Verified;
use super::{Credentials, GitError, Snapshot};
use crate::diagnostic::nearest;

/// A remote that sends nothing for this long is given up on, unless said otherwise.
const SILENCE: Duration = Duration::from_secs(60);

/// A repository; cheap to clone, all clones share its fetches.
#[derive(Clone)]
pub struct Repository {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    /// The Git folder (of the bare clone, or of the user's repository).
    pub(super) git_dir: PathBuf,
    /// The folder within the repository that is looked at; empty: all of it.
    prefix: String,
    /// How it is shown: never with credentials.
    pub(super) label: String,
    pub(super) origin: Origin,
    pub(super) flights: Flights,
    pub(super) silence: Duration,
    verified: Mutex<Verified>,
}

/// Where new commits come from.
pub(super) enum Origin {
    /// Somebody commits or pushes here; nothing is fetched and nothing is written.
    InPlace,
    /// A remote, by URL.
    Remote { url: String, credentials: Credentials },
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository")
            .field("of", &self.inner.label)
            .field("at", &self.inner.git_dir)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.label)
    }
}

impl Repository {
    /// The repository that holds the folder `path`, read in place. Trees have `path` as their root, also when it is a
    /// folder within the repository.
    ///
    /// # Errors
    /// [`GitError::NotARepository`].
    pub fn open(path: &Path) -> Result<Self, GitError> {
        let missing =
            |message: &str| GitError::NotARepository { path: path.display().to_string(), message: message.to_owned() };
        let root = path.canonicalize().map_err(|error| missing(&error.to_string()))?;
        let found = git2::Repository::discover(&root).map_err(|error| missing(error.message()))?;
        let prefix = match found.workdir().and_then(|workdir| workdir.canonicalize().ok()) {
            Some(workdir) => root.strip_prefix(&workdir).map(slashed).unwrap_or_default(),
            None => String::new(),
        };
        Ok(Self::new(found.path().to_owned(), prefix, path.display().to_string(), Origin::InPlace))
    }

    /// The clone of the remote `url` below the folder `cache`, which is made when it is missing. Nothing is fetched yet.
    ///
    /// # Errors
    /// When the cache folder cannot be written to.
    pub fn cached(url: &str, cache: &Path, credentials: Credentials) -> Result<Self, GitError> {
        let key: String = Sha256::digest(url.as_bytes()).iter().take(10).map(|byte| format!("{byte:02x}")).collect();
        let git_dir = cache.join(key);
        let what = || format!("cannot keep a clone in {}", git_dir.display());
        if git2::Repository::open_bare(&git_dir).is_err() {
            // What is there is no repository: an interrupted start. It holds nothing that the remote does not have.
            if git_dir.exists() {
                fs::remove_dir_all(&git_dir).map_err(|error| GitError::local(what(), &error))?;
            }
            fs::create_dir_all(&git_dir).map_err(|error| GitError::local(what(), &error))?;
            let mut options = git2::RepositoryInitOptions::new();
            options.bare(true).mkpath(true).no_reinit(true).external_template(false);
            git2::Repository::init_opts(&git_dir, &options)
                .map_err(|error| GitError::local(what(), &error.message()))?;
        }
        let label = masked(url);
        Ok(Self::new(git_dir, String::new(), label, Origin::Remote { url: url.to_owned(), credentials }))
    }

    fn new(git_dir: PathBuf, prefix: String, label: String, origin: Origin) -> Self {
        let inner = Inner {
            git_dir,
            prefix,
            label,
            origin,
            flights: Flights::default(),
            silence: SILENCE,
            verified: Mutex::new(Verified::default()),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Gives up on a remote that sends nothing for `silence` (default: 60 s). Only before the first use.
    #[must_use]
    pub fn give_up_after(mut self, silence: Duration) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.silence = silence;
        }
        self
    }

    /// Whether it is read where it is, without fetching.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        matches!(self.inner.origin, Origin::InPlace)
    }

    /// The tree at `revision`: a branch, a tag, a full or short commit id, `HEAD~1` and whatever else `git rev-parse`
    /// takes for a commit.
    ///
    /// # Errors
    /// [`GitError::NoRevision`], with the nearest branch or tag where there is one.
    pub fn snapshot(&self, revision: &str) -> Result<Snapshot, GitError> {
        let store = self.store()?;
        let commit = self.resolve(&store, revision)?;
        Snapshot::new(store, commit, &self.inner.prefix, &self.inner.label)
    }

    /// The last known tip of `branch`, without asking the remote; `None` before the first fetch.
    ///
    /// # Errors
    /// When the store is damaged.
    pub fn tip(&self, branch: &str) -> Result<Option<Snapshot>, GitError> {
        let store = self.store()?;
        let Some(commit) = self.tip_id(&store, branch)? else { return Ok(None) };
        self.verified_snapshot(store, commit).map(Some)
    }

    pub(super) fn store(&self) -> Result<git2::Repository, GitError> {
        git2::Repository::open(&self.inner.git_dir).map_err(|error| GitError::NotARepository {
            path: self.inner.git_dir.display().to_string(),
            message: error.message().to_owned(),
        })
    }

    pub(super) fn tip_id(&self, store: &git2::Repository, branch: &str) -> Result<Option<Oid>, GitError> {
        let reference = store.find_reference(&self.tip_reference(branch));
        match reference.and_then(|reference| reference.peel_to_commit()) {
            Ok(commit) => Ok(Some(commit.id())),
            Err(error) if error.code() == git2::ErrorCode::NotFound && error.class() == git2::ErrorClass::Reference => {
                Ok(None)
            }
            Err(error) => Err(GitError::damaged(&self.inner.label, &error)),
        }
    }

    /// The reference that holds the tip of `branch`.
    pub(super) fn tip_reference(&self, branch: &str) -> String {
        match self.inner.origin {
            Origin::InPlace => format!("refs/heads/{branch}"),
            Origin::Remote { .. } => format!("refs/remotes/origin/{branch}"),
        }
    }

    /// The tree of `commit`, after everything in it was found readable.
    pub(super) fn verified_snapshot(&self, store: git2::Repository, commit: Oid) -> Result<Snapshot, GitError> {
        let mut verified = self.inner.verified.lock().unwrap_or_else(PoisonError::into_inner);
        verified.check(&store, commit).map_err(|error| GitError::damaged(&self.inner.label, &error))?;
        drop(verified);
        Snapshot::new(store, commit, &self.inner.prefix, &self.inner.label)
    }

    fn resolve(&self, store: &git2::Repository, revision: &str) -> Result<Oid, GitError> {
        let found = store
            .revparse_single(revision)
            .or_else(|error| store.revparse_single(&format!("refs/remotes/origin/{revision}")).map_err(|_| error))
            .and_then(|object| object.peel_to_commit().map(|commit| commit.id()));
        found.map_err(|error| {
            let names = names(store);
            let message = match nearest(revision, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => error.message().to_owned(),
            };
            GitError::NoRevision { revision: revision.to_owned(), repository: self.inner.label.clone(), message }
        })
    }
}

/// The short names of all branches and tags.
fn names(store: &git2::Repository) -> Vec<String> {
    let Ok(references) = store.references() else { return Vec::new() };
    references.flatten().filter_map(|reference| reference.shorthand().ok().map(str::to_owned)).collect()
}

fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
