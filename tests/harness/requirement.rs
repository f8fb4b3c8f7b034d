//! What a machine may lack: finding it, and saying that a test was skipped for it.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::control_plane;

/// Something that a test needs is not on this machine. Reads like "helm (set EVENKEEL_HELM, or …)".
#[derive(Debug, Clone)]
pub(crate) struct Missing(pub(crate) String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `require!(helm())`: what the expression found, or the end of the test, which then counts as skipped.
///
/// The expression is a `Result<T, Missing>`. Where it is missing, the test's name and what it lacks go to the real standard
/// error (past the test runner's capture) as one line, `SKIPPED name: what`, and the test returns. With
/// `EVENKEEL_REQUIRE_ALL=1` the test fails instead.
#[macro_export]
macro_rules! require {
    ($needed:expr) => {
        match $needed {
            Ok(found) => found,
            Err(missing) => {
                $crate::harness::requirement::skip(&missing, concat!(module_path!(), ":", line!()));
                return;
            }
        }
    };
}

/// Reports the running test as skipped; `place` names it where the runner's thread does not.
///
/// # Panics
/// When `EVENKEEL_REQUIRE_ALL=1`: there, everything must be present.
pub(crate) fn skip(missing: &Missing, place: &str) {
    let thread = std::thread::current();
    let name = thread.name().filter(|name| *name != "main").unwrap_or(place);
    assert!(!all_required(), "{name} needs what is missing: {missing}");
    tell(missing, place);
}

/// Like [`require!`](crate::require), for what this project can neither hold nor install: a skip is named, and never a failure.
#[macro_export]
macro_rules! given {
    ($needed:expr) => {
        match $needed {
            Ok(found) => found,
            Err(missing) => {
                $crate::harness::requirement::tell(&missing, concat!(module_path!(), ":", line!()));
                return;
            }
        }
    };
}

/// Names the running test as skipped.
pub(crate) fn tell(missing: &Missing, place: &str) {
    let thread = std::thread::current();
    let name = thread.name().filter(|name| *name != "main").unwrap_or(place);
    // `eprintln!` would be captured and shown for failed tests only.
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {missing}");
}

/// A folder of other people's charts, `OWNER__REPOSITORY/PATH` each, that is not part of this project: `EVENKEEL_OTHERS_CHARTS`.
pub(crate) fn others_charts() -> Result<PathBuf, Missing> {
    named("EVENKEEL_OTHERS_CHARTS").ok_or_else(|| {
        Missing("kube-prometheus-stack and KEDA (EVENKEEL_OTHERS_CHARTS names a folder of public charts)".into())
    })
}

/// Whether `EVENKEEL_REQUIRE_ALL=1` is set: nothing may be skipped.
pub(crate) fn all_required() -> bool {
    std::env::var_os("EVENKEEL_REQUIRE_ALL").is_some_and(|value| value == "1")
}

/// The real helm: `EVENKEEL_HELM`, else the one on PATH, else the one that `.ci/run` installs.
pub(crate) fn helm() -> Result<PathBuf, Missing> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let installed = cache().join("venv/bin/helm");
        named("EVENKEEL_HELM").or_else(|| on_path("helm")).or_else(|| installed.is_file().then_some(installed))
    });
    found.clone().ok_or_else(|| Missing("helm (set EVENKEEL_HELM, or have it on PATH)".into()))
}

/// A real kubectl: `EVENKEEL_KUBECTL`, else the one of the control plane that the tests run on, else the one on PATH.
pub(crate) fn kubectl() -> Result<PathBuf, Missing> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        named("EVENKEEL_KUBECTL")
            .or_else(|| Some(control_plane::binaries().ok()?.join("kubectl")).filter(|path| path.is_file()))
            .or_else(|| on_path("kubectl"))
    });
    found.clone().ok_or_else(|| Missing("kubectl (set EVENKEEL_KUBECTL, or have it on PATH)".into()))
}

/// Debian's docker-registry: `EVENKEEL_DOCKER_REGISTRY`, else the one that `.ci/run` unpacks, else the one on PATH.
pub(crate) fn docker_registry() -> Result<PathBuf, Missing> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let unpacked = cache().join("docker-registry/usr/bin/docker-registry");
        let on_path = || {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).map(|folder| folder.join("docker-registry")).find(|file| is_program(file))
        };
        named("EVENKEEL_DOCKER_REGISTRY").or_else(|| is_program(&unpacked).then_some(unpacked)).or_else(on_path)
    });
    found.clone().ok_or_else(|| Missing("docker-registry (set EVENKEEL_DOCKER_REGISTRY, or have it on PATH)".into()))
}

/// The real SOPS: `EVENKEEL_SOPS`, else the one on PATH, else the one that `.ci/run` builds.
pub(crate) fn sops() -> Result<PathBuf, Missing> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let built = cache().join("sops/sops");
        // Not asked for its version: it would look for a newer one in the network.
        let on_path = || {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).map(|folder| folder.join("sops")).find(|file| is_program(file))
        };
        named("EVENKEEL_SOPS").or_else(on_path).or_else(|| is_program(&built).then_some(built))
    });
    found.clone().ok_or_else(|| Missing("sops (set EVENKEEL_SOPS, or have it on PATH)".into()))
}

/// Go, for tests that have an oracle written in it.
pub(crate) fn go() -> Result<PathBuf, Missing> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(|| on_path("go")).clone().ok_or_else(|| Missing("go (have it on PATH)".into()))
}

/// The path that a variable holds, unless it is empty.
pub(crate) fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Where things that outlive a build are kept: the same folder as in `.ci/run`.
pub(crate) fn cache() -> PathBuf {
    let base = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
    base.unwrap_or_else(std::env::temp_dir).join("evenkeel")
}

/// The program of this name that actually runs: a shim of a version manager that has nothing to run is none.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| is_program(file))?;
    let version = if program == "kubectl" { vec!["version", "--client"] } else { vec!["version"] };
    Command::new(&found).args(version).output().is_ok_and(|output| output.status.success()).then_some(found)
}

fn is_program(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    path.is_file()
}
