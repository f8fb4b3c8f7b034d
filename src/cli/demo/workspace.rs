//! The demo's repository: the clipper platform as this binary was built with it, in a temporary Git repository.

use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::cli::error::CliError;

/// One platform of those that the project's own repository deploys; the others, and their many charts, stay out of the binary.
static PARTS: [(&str, Dir<'_>); 9] = [
    ("environments/base", include_dir!("$CARGO_MANIFEST_DIR/environments/base")),
    ("environments/clipper-base", include_dir!("$CARGO_MANIFEST_DIR/environments/clipper-base")),
    ("environments/clipper-staging", include_dir!("$CARGO_MANIFEST_DIR/environments/clipper-staging")),
    ("environments/clipper-production", include_dir!("$CARGO_MANIFEST_DIR/environments/clipper-production")),
    ("charts/clipper", include_dir!("$CARGO_MANIFEST_DIR/charts/clipper")),
    ("charts/clipper-backend", include_dir!("$CARGO_MANIFEST_DIR/charts/clipper-backend")),
    ("charts/clipper-frontend", include_dir!("$CARGO_MANIFEST_DIR/charts/clipper-frontend")),
    ("charts/clipper-postgres", include_dir!("$CARGO_MANIFEST_DIR/charts/clipper-postgres")),
    ("charts/clipper-redis", include_dir!("$CARGO_MANIFEST_DIR/charts/clipper-redis")),
];

/// The tag that the demo's commit bumps to.
pub(super) const NEW_TAG: &str = "v1.3.0";
/// The release that the demo removes.
pub(super) const REMOVED: &str = "sessions";

/// A commit that was made.
#[derive(Debug, Clone)]
pub(super) struct Commit {
    pub(super) id: String,
    pub(super) subject: String,
}

/// A temporary folder with a repository in it; removed when dropped.
pub(super) struct Workspace {
    path: PathBuf,
    git: git2::Repository,
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn failed(error: &dyn std::error::Error) -> CliError {
    CliError::internal(format!("the demo's repository: {error}"))
}

impl Workspace {
    pub(super) fn create() -> Result<Self, CliError> {
        let path = std::env::temp_dir().join(format!("evenkeel-demo-{}", uuid::Uuid::new_v4().simple()));
        let repository = path.join("repository");
        for (folder, content) in &PARTS {
            unpack(content, &repository.join(folder)).map_err(|e| failed(&e))?;
        }
        let mut options = git2::RepositoryInitOptions::new();
        options.initial_head("main").external_template(false);
        let git = git2::Repository::init_opts(&repository, &options).map_err(|e| failed(&e))?;
        let workspace = Self { path, git };
        workspace.commit("the clipper platform, in staging and production")?;
        Ok(workspace)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn repository(&self) -> PathBuf {
        self.path.join("repository")
    }

    /// Bumps the image of backend and frontend in every environment.
    pub(super) fn bump_image(&self) -> Result<Commit, CliError> {
        for (environment, old) in [("clipper-base", "v1.2.2"), ("clipper-staging", "v1.3.0-rc.1")] {
            let file = format!("environments/{environment}/clipper/values.yaml");
            let text = self.read(&file)?;
            let new = text.replace(&format!("tag: {old}"), &format!("tag: {NEW_TAG}"));
            if new == text {
                return Err(CliError::internal(format!("{file} does not say `tag: {old}`")));
            }
            self.write(&file, &new)?;
        }
        self.commit(&format!("clipper {NEW_TAG} everywhere"))
    }

    /// Removes a release from staging.
    pub(super) fn remove_release(&self) -> Result<Commit, CliError> {
        let folder = self.repository().join(format!("environments/clipper-staging/{REMOVED}"));
        std::fs::remove_dir_all(folder).map_err(|e| failed(&e))?;
        self.commit(&format!("staging without {REMOVED}"))
    }

    #[expect(clippy::disallowed_methods, reason = "the demo's own temporary folder")]
    fn read(&self, file: &str) -> Result<String, CliError> {
        std::fs::read_to_string(self.repository().join(file)).map_err(|e| failed(&e))
    }

    #[expect(clippy::disallowed_methods, reason = "the demo's own temporary folder")]
    fn write(&self, file: &str, text: &str) -> Result<(), CliError> {
        std::fs::write(self.repository().join(file), text).map_err(|e| failed(&e))
    }

    fn commit(&self, subject: &str) -> Result<Commit, CliError> {
        let made = || -> Result<Commit, git2::Error> {
            let mut index = self.git.index()?;
            index.add_all(["*"], git2::IndexAddOption::DEFAULT, None)?;
            index.update_all(["*"], None)?;
            index.write()?;
            let tree = self.git.find_tree(index.write_tree()?)?;
            let signature = git2::Signature::now("evenkeel demo", "demo@localhost")?;
            let parent = self.git.head().ok().and_then(|h| h.peel_to_commit().ok());
            let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
            let id = self.git.commit(Some("HEAD"), &signature, &signature, subject, &tree, &parents)?;
            Ok(Commit { id: id.to_string(), subject: subject.to_owned() })
        };
        made().map_err(|e| failed(&e))
    }
}

#[expect(clippy::disallowed_methods, reason = "the demo's own temporary folder")]
fn unpack(folder: &Dir<'_>, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for file in folder.files() {
        std::fs::write(to.join(file.path().file_name().unwrap_or_default()), file.contents())?;
    }
    for inner in folder.dirs() {
        unpack(inner, &to.join(inner.path().file_name().unwrap_or_default()))?;
    }
    Ok(())
}
