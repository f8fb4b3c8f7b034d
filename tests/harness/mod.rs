//! What the integration tests stand on: a real control plane, real helm and kubectl, Git repositories, the evenkeel
//! binary, and waiting without sleeping.
//!
//! A test that needs something that a machine may lack asks for it through [`require!`](crate::require): where it is
//! missing, the test says so by name and ends; with `EVENKEEL_REQUIRE_ALL=1` (CI) it fails instead. For example:
//!
//! ```text
//! #[tokio::test(flavor = "multi_thread")]
//! async fn a_scaled_deployment_is_drift() {
//!     let plane = require!(ControlPlane::shared());        // one for the whole run, started by whoever asks first
//!     let namespace = unique_name("drift");                // tests run beside each other: never share one
//!     let repository = GitRepository::new();
//!     repository.copy("environments", "environments");     // from the root of this project
//!     let revision = repository.commit("first");
//!     let applied = Evenkeel::new(["apply", "production"]).repository(&repository).plane(plane).run();
//!     assert!(applied.status.success(), "{applied}");
//!     let deployments = Api::namespaced(plane.client().await, &namespace);
//!     wait_for(deployments, "backend", "two replicas", |d: &Deployment| …).await;
//! }
//! ```

#![allow(dead_code, reason = "what a part of the tests does not use yet is there for the next one")]

mod api_server;
pub(crate) mod registry;
pub(crate) mod control_plane;
pub(crate) mod daemon;
pub(crate) mod evenkeel;
pub(crate) mod git_repository;
pub(crate) mod proxy;
pub(crate) mod requirement;
pub(crate) mod sandbox;
pub(crate) mod wait;

#[cfg(test)]
mod tests;

pub(crate) use api_server::ApiServer;
pub(crate) use control_plane::ControlPlane;
pub(crate) use daemon::Daemon;
pub(crate) use evenkeel::{Evenkeel, Output, Process};
pub(crate) use git_repository::GitRepository;
pub(crate) use proxy::{Exchange, Fate, Proxy};
pub(crate) use registry::Registry;
pub(crate) use requirement::{helm, kubectl, others_charts};
pub(crate) use sandbox::Sandbox;
pub(crate) use wait::{eventually, wait_for, wait_until_gone};

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The root of this project.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A name that no other test, and no other run against the same cluster, uses: `PREFIX-xxxxx-N`. Fit for namespaces,
/// releases and environments; PREFIX should be short (the whole must stay under 63 characters).
pub(crate) fn unique_name(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let run = (since.as_secs() ^ u64::from(std::process::id()) << 20) & 0xff_ffff;
    format!("{prefix}-{run:06x}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Copies a folder with all that it holds, links as links; folders on the way to `to` are made.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())) {
        let entry = entry.unwrap();
        let target: PathBuf = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_folder(&entry.path(), &target);
        } else if kind.is_symlink() {
            #[cfg(unix)]
            std::os::unix::fs::symlink(std::fs::read_link(entry.path()).unwrap(), &target).unwrap();
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
