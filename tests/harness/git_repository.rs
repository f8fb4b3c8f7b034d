//! A Git repository in a temporary folder, with commits that are the same in every run.

use std::path::{Path, PathBuf};

use git2::{IndexAddOption, Oid, Repository, ResetType, Signature, Time};

use super::{copy_folder, project};

/// A repository with a working folder and a branch `main`; removed when it goes out of scope.
pub(crate) struct GitRepository {
    folder: tempfile::TempDir,
    repository: Repository,
}

impl GitRepository {
    /// An empty repository: no commit yet.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("evenkeel-git-").tempdir().unwrap();
        let mut options = git2::RepositoryInitOptions::new();
        let repository = Repository::init_opts(folder.path(), options.initial_head("main")).unwrap();
        Self { folder, repository }
    }

    /// The working folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What `git clone` would be given: a `file://` URL.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Writes a file of the working folder, with the folders on its way.
    pub(crate) fn write(&self, path: &str, text: &str) -> &Self {
        let file = self.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        self
    }

    /// The text of a file of the working folder.
    pub(crate) fn read(&self, path: &str) -> String {
        let file = self.path().join(path);
        std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    }

    /// Replaces every `from` in a file.
    ///
    /// # Panics
    /// When there is none: a test that changes nothing proves nothing.
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) -> &Self {
        let text = self.read(path);
        assert!(text.contains(from), "{path} does not contain {from:?}:\n{text}");
        self.write(path, &text.replace(from, to))
    }

    /// Removes a file, or a folder with all that it holds.
    pub(crate) fn remove(&self, path: &str) -> &Self {
        let target = self.path().join(path);
        let removed = if target.is_dir() { std::fs::remove_dir_all(&target) } else { std::fs::remove_file(&target) };
        removed.unwrap_or_else(|e| panic!("{}: {e}", target.display()));
        self
    }

    /// Copies a folder of this project (`environments`, `tests/charts/x`) to a folder of the repository.
    pub(crate) fn copy(&self, from: &str, to: &str) -> &Self {
        copy_folder(&project().join(from), &self.path().join(to));
        self
    }

    /// Commits everything that the working folder holds, and returns the commit's id.
    ///
    /// Author and time are fixed (2026-01-01, a minute later for each commit), so that the same content has the same id.
    pub(crate) fn commit(&self, message: &str) -> String {
        let parent = self.repository.head().ok().map(|head| head.peel_to_commit().unwrap());
        let seconds = parent.as_ref().map_or(1_767_225_600, |commit| commit.time().seconds() + 60);
        let author = Signature::new("evenkeel tests", "tests@evenkeel.invalid", &Time::new(seconds, 0)).unwrap();
        let mut index = self.repository.index().unwrap();
        index.add_all(["*"], IndexAddOption::FORCE, None).unwrap();
        index.update_all(["*"], None).unwrap();
        index.write().unwrap();
        let tree = self.repository.find_tree(index.write_tree().unwrap()).unwrap();
        let parents: Vec<_> = parent.iter().collect();
        let id = self.repository.commit(Some("HEAD"), &author, &author, message, &tree, &parents).unwrap();
        id.to_string()
    }

    /// Moves `main` and the working folder to a commit, as `git reset --hard` does: what follows rewrites history.
    pub(crate) fn reset(&self, revision: &str) -> &Self {
        let object = self.repository.find_object(Oid::from_str(revision).unwrap(), None).unwrap();
        self.repository.reset(&object, ResetType::Hard, None).unwrap();
        self
    }

    /// A bare clone, for tests in which the repository itself is remote and pushed to.
    pub(crate) fn clone_bare(&self, to: &Path) -> PathBuf {
        git2::build::RepoBuilder::new().bare(true).clone(&self.url(), to).unwrap();
        to.to_owned()
    }
}
