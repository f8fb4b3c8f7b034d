//! Texts out of a tree, and the names of the files that make environments and releases.

use super::Diagnostics;
use crate::diagnostic::Diagnostic;
use crate::tree::{Entry, EntryKind, Tree, join};

/// What makes a folder an environment.
pub(super) const ENVIRONMENT: &str = "environment.yaml";
/// What declares a release in a layer.
pub(super) const RELEASE: &str = "release.yaml";
/// A layer's values of a release.
pub(super) const VALUES: &str = "values.yaml";
/// A layer's encrypted values of a release, over all layers' plain ones.
pub(super) const SECRETS: &str = "secrets.sops.yaml";
/// Plain objects beside the chart.
pub(super) const MANIFESTS: &str = "manifests";
/// The files of a release's folder that have a meaning.
const KNOWN: [&str; 5] = [RELEASE, VALUES, "patches.yaml", SECRETS, "release.lock"];

/// The text of a file; `None` when there is none.
pub(super) fn text(tree: &dyn Tree, path: &str) -> Result<Option<String>, Diagnostic> {
    let bytes = tree.read(path).map_err(|error| Diagnostic::new(path, error.message))?;
    bytes
        .map(|bytes| {
            String::from_utf8(bytes.to_vec()).map_err(|error| {
                let line = bytes[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
                Diagnostic::new(path, format!("line {line} is not UTF-8"))
            })
        })
        .transpose()
}

/// The entries of a folder; nothing where there is none.
pub(super) fn entries(tree: &dyn Tree, path: &str) -> Result<Vec<Entry>, Diagnostic> {
    tree.list(path)
        .map(Option::unwrap_or_default)
        .map_err(|error| Diagnostic::new(if error.path.is_empty() { path } else { &error.path }, error.message))
}

/// The names of all environments below `root` (the abstract and the broken too), sorted: every folder that holds an
/// `environment.yaml`.
///
/// # Errors
/// When the tree cannot be read, or has no folder `root`.
pub fn discover(tree: &dyn Tree, root: &str) -> Result<Vec<String>, Diagnostics> {
    let Some(folders) = tree.list(root)? else {
        return Err(Diagnostic::new(root, "there is no such folder of environments").into());
    };
    let mut found = Vec::new();
    for folder in folders.into_iter().filter(|entry| entry.kind == EntryKind::Folder) {
        let files = entries(tree, &join(root, &folder.name))?;
        if files.iter().any(|file| file.name == ENVIRONMENT && file.kind == EntryKind::File) {
            found.push(folder.name);
        }
    }
    Ok(found)
}

/// Whether a file's name is one of YAML or JSON.
pub(super) fn is_yaml(name: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end))
}

/// A YAML file in a release's folder that has no meaning there: likely a typo of one that has.
pub(super) fn stray(folder: &str, entry: &Entry) -> Option<Diagnostic> {
    let name = entry.name.as_str();
    (entry.kind == EntryKind::File && is_yaml(name) && !KNOWN.contains(&name)).then(|| {
        Diagnostic::new(join(folder, name), "this file has no meaning in a release's folder").suggest(name, KNOWN)
    })
}
