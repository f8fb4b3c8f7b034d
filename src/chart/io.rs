//! Charts from a disk: the one file of this module that does IO. A folder is read as helm reads it, links are followed.
#![expect(clippy::disallowed_methods, reason = "this is the edge where charts are read from folders and archives")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::error::ChartError;
use super::ignore::Ignore;
use super::{Chart, ChartFile, archive};

/// Folders inside of a chart.
const DEPTH: usize = 64;

/// Reads the chart at `path`: a folder or a `.tgz`. Dependencies with a `file://` repository that `charts/` does not hold are
/// read from beside the chart.
///
/// # Errors
/// When the path cannot be read, with helm's message, or the chart is wrong, with its place.
pub fn load(path: &Path) -> Result<Chart, ChartError> {
    let shown = path.display().to_string();
    let meta = fs::metadata(path).map_err(|_| ChartError::of(&shown, format!("path {shown:?} not found")))?;
    if meta.is_dir() {
        return folder(path, 0);
    }
    if meta.len() > archive::MAX_CHART {
        let message = format!("chart archive is larger than the maximum size {}", archive::MAX_CHART);
        return Err(ChartError::of(&shown, message));
    }
    let bytes = fs::read(path).map_err(|error| ChartError::of(&shown, error.to_string()))?;
    archive::ensure(&shown, &bytes).map_err(|message| ChartError::of(&shown, message))?;
    Chart::load_archive(&shown, &bytes)
}

/// Reads the chart in a folder with what is in its own `charts/` and nothing from beside it, as helm does.
///
/// # Errors
/// As [`load`].
pub fn load_alone(path: &Path) -> Result<Chart, ChartError> {
    let shown = path.display().to_string();
    let ignore = match fs::read(path.join(".helmignore")) {
        Ok(bytes) => Ignore::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|error| ChartError::of(&format!("{shown}/.helmignore"), error.message))?,
        Err(_) => Ignore::none(),
    };
    let mut files = Vec::new();
    let mut walk = Walk {
        root: path,
        ignore: &ignore,
        above: BTreeSet::new(),
        files: &mut files,
        links: Vec::new(),
        buffer: Vec::new(),
    };
    walk.folder("")?;
    let links = walk.links;
    let mut chart = Chart::from_files(files, &shown)?;
    chart.warnings.splice(..0, links);
    Ok(chart)
}

fn folder(path: &Path, depth: usize) -> Result<Chart, ChartError> {
    let mut chart = load_alone(path)?;
    let wanted: Vec<_> = chart.metadata.dependencies.iter().flatten().cloned().collect();
    for dependency in wanted {
        let Some(relative) = dependency.repository.strip_prefix("file://") else { continue };
        let sibling = path.join(relative);
        let held = chart.dependencies.iter().any(|held| held.metadata.name == dependency.name);
        if held || depth >= DEPTH || !sibling.join("Chart.yaml").is_file() {
            continue;
        }
        let mut held = folder(&sibling, depth + 1)?;
        held.set_full_path(&chart.full_path);
        chart.dependencies.push(held);
    }
    Ok(chart)
}

/// Collects the files of a folder.
struct Walk<'w> {
    root: &'w Path,
    ignore: &'w Ignore,
    /// The folders that lead here (device and number), so that a link to one of them ends in an error rather than in a loop.
    above: BTreeSet<(u64, u64)>,
    files: &'w mut Vec<ChartFile>,
    /// Helm's lines about links.
    links: Vec<String>,
    /// For one file after the other.
    buffer: Vec<u8>,
}

impl Walk<'_> {
    /// The files below a folder, in the order of their names.
    fn folder(&mut self, below: &str) -> Result<(), ChartError> {
        let path = self.root.join(below);
        let failed = |error: std::io::Error| ChartError::of(&path.display().to_string(), error.to_string());
        let meta = fs::metadata(&path).map_err(failed)?;
        let real = (meta.dev(), meta.ino());
        if self.above.len() > DEPTH || !self.above.insert(real) {
            let message = format!("folders nest deeper than {DEPTH} or in a circle (limit: chart folder depth)");
            return Err(ChartError::of(&path.display().to_string(), message));
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            names.push((entry.file_name(), entry.file_type().map_err(failed)?));
        }
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, listed) in names {
            let inner = crate::tree::join(below, &name.to_string_lossy());
            let full = path.join(&name);
            let mut found = listed;
            if listed.is_symlink() {
                let meta = fs::metadata(&full).map_err(|error| {
                    ChartError::of(
                        &full.display().to_string(),
                        format!("error evaluating symlink {}: {error}", full.display()),
                    )
                })?;
                found = meta.file_type();
                self.note_link(&full);
            }
            if self.ignore.ignores(&inner, found.is_dir()) {
                continue;
            }
            if found.is_dir() {
                self.folder(&inner)?;
                continue;
            }
            if !found.is_file() {
                let message =
                    format!("cannot load irregular file {} as it has file mode type bits set", full.display());
                return Err(ChartError::of(&full.display().to_string(), message));
            }
            self.buffer.clear();
            let read = fs::File::open(&full)
                .and_then(|file| file.take(archive::MAX_FILE + 1).read_to_end(&mut self.buffer))
                .map_err(|error| ChartError::of(&full.display().to_string(), error.to_string()))?;
            if read as u64 > archive::MAX_FILE {
                let message = format!(
                    "chart file {:?} is larger than the maximum file size {}",
                    name.to_string_lossy(),
                    archive::MAX_FILE
                );
                return Err(ChartError::of(&full.display().to_string(), message));
            }
            self.files.push(ChartFile::new(inner, archive::without_mark(&self.buffer)));
        }
        self.above.remove(&real);
        Ok(())
    }

    fn note_link(&mut self, path: &Path) {
        // As it is written, from the root of the disk.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let resolved = path.canonicalize().unwrap_or_default();
        self.links.push(format!(
            "walk.go:75: found symbolic link in path: {} resolves to {}. Contents of linked file included and used",
            absolute.display(),
            resolved.display()
        ));
    }
}
