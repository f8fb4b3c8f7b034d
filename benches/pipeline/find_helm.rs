//! Where helm is.

use std::path::PathBuf;

/// helm: `EVENKEEL_HELM`, else on the PATH, else where `.ci/run` installs it.
pub(super) fn helm() -> Option<PathBuf> {
    let named = std::env::var_os("EVENKEEL_HELM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::home_dir().map(|home| home.join(".cache/evenkeel/venv/bin/helm"));
    let mut candidates = named.into_iter().chain(std::env::split_paths(&path).map(|p| p.join("helm"))).chain(installed);
    candidates.find(|helm| helm.is_file())
}
