//! A key over everything that a release's manifests depend on, so that nothing is rendered twice.

use sha2::{Digest, Sha256};

use super::files;
use crate::diagnostic::Diagnostic;
use crate::tree::{Tree, join, normal, walk};
use crate::yaml;

/// Charts that a chart may pull in by `file://`, and these in turn (limit: chart dependencies).
const CHARTS: usize = 256;

/// Collects parts, each with its length, so that no two lists of parts give the same digest.
#[derive(Default)]
pub(super) struct Digester(Sha256);

impl Digester {
    pub(super) fn part(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    pub(super) fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The content of the chart at `path` and of the charts in the repository that it depends on (`file://`).
pub(super) fn chart(tree: &dyn Tree, path: &str, digester: &mut Digester) -> Result<(), Diagnostic> {
    let mut open = vec![path.to_owned()];
    let mut seen: Vec<String> = Vec::new();
    while let Some(chart) = open.pop() {
        if seen.contains(&chart) {
            continue;
        }
        if seen.len() >= CHARTS {
            return Err(Diagnostic::new(
                path,
                format!("depends on more than {CHARTS} charts (limit: chart dependencies)"),
            ));
        }
        digester.part(&chart);
        folder(tree, &chart, digester)?;
        for file in ["Chart.yaml", "requirements.yaml"] {
            if let Some(text) = files::text(tree, &join(&chart, file))? {
                open.extend(beside(&chart, &text));
            }
        }
        seen.push(chart);
    }
    Ok(())
}

/// The content of one file.
pub(super) fn file(tree: &dyn Tree, path: &str, digester: &mut Digester) -> Result<(), Diagnostic> {
    let bytes = tree.read(path).map_err(|error| Diagnostic::new(path, error.message))?;
    digester.part(path);
    digester.part(bytes.unwrap_or_default());
    Ok(())
}

/// The folder's content: by the tree's own key where it has one, else file by file.
fn folder(tree: &dyn Tree, path: &str, digester: &mut Digester) -> Result<(), Diagnostic> {
    let failed = |error: crate::tree::TreeError| Diagnostic::new(path, error.message);
    if let Some(key) = tree.digest(path).map_err(failed)? {
        digester.part(key);
        return Ok(());
    }
    for (file, _) in walk(tree, path).map_err(failed)? {
        digester.part(&file);
        digester.part(tree.read(&join(path, &file)).map_err(failed)?.unwrap_or_default());
    }
    Ok(())
}

/// The charts that a Chart.yaml names by `repository: file://…`. What cannot be read is for the chart's loader to report.
fn beside(chart: &str, text: &str) -> Vec<String> {
    let Ok(Some(node)) = yaml::parse_lenient(text) else { return Vec::new() };
    let dependencies = node.get("dependencies").map(yaml::Node::items).unwrap_or_default();
    dependencies
        .iter()
        .filter_map(|dependency| dependency.get("repository")?.as_str()?.strip_prefix("file://"))
        .filter_map(|path| normal(&join(chart, path)).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::MemoryTree;

    #[test]
    fn a_chart_beside_it_counts_and_circles_end() {
        let tree = |leaf: &str| {
            MemoryTree::from([
                ("charts/a/Chart.yaml", "dependencies: [{name: b, repository: file://../b}]"),
                (
                    "charts/b/Chart.yaml",
                    "dependencies: [{name: a, repository: file://../a}, {name: x, repository: file:///etc}]",
                ),
                ("charts/b/templates/x.yaml", leaf),
            ])
        };
        let digest = |leaf: &str| {
            let mut digester = Digester::default();
            chart(&tree(leaf), "charts/a", &mut digester).unwrap();
            digester.finish()
        };
        assert_eq!(digest("x"), digest("x"));
        assert_ne!(digest("x"), digest("y"));
    }
}
