//! `--output-dir`: rendered documents become files, one for each template, as helm lays them out.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::cli::files::{go_error, go_reason, make_folders};
use crate::functions::clean_path;
use crate::render::{Hook, Rendered};

/// The folder of one run.
pub(super) struct OutputFolder<'o> {
    /// As it was given: definitions go there.
    given: String,
    /// The same, or the release's folder in it: all else goes there.
    below: String,
    out: &'o mut dyn Write,
}

impl<'o> OutputFolder<'o> {
    /// `release` is the release's name when it is to be a folder; what is written is told to `out`.
    pub(super) fn new(given: &str, release: Option<&str>, out: &'o mut dyn Write) -> Self {
        let below = release.map_or_else(|| given.to_owned(), |name| clean_path(&format!("{given}/{name}")));
        Self { given: given.to_owned(), below, out }
    }

    /// The manifests, and the definitions when they are wanted. Documents of one template follow each other in its file.
    pub(super) fn manifests(&mut self, rendered: &Rendered, include_crds: bool) -> Result<(), String> {
        let mut written = BTreeSet::new();
        if include_crds {
            let folder = self.given.clone();
            for crd in &rendered.crds {
                let again = !written.insert(crd.source.as_str());
                self.write(&folder, &crd.source, &crd.text(), again)?;
            }
        }
        let folder = self.below.clone();
        for manifest in &rendered.manifests {
            let again = !written.insert(manifest.source.as_str());
            self.write(&folder, &manifest.source, &manifest.text, again)?;
        }
        Ok(())
    }

    /// The hooks: behind what is in their files, from this run or an earlier one.
    pub(super) fn hooks<'h>(&mut self, hooks: impl Iterator<Item = &'h Hook>) -> Result<(), String> {
        let folder = self.below.clone();
        for hook in hooks {
            let there = Path::new(&folder).join(&hook.manifest.source).metadata().is_ok();
            self.write(&folder, &hook.manifest.source, &hook.manifest.text, there)?;
        }
        Ok(())
    }

    fn write(&mut self, folder: &str, name: &str, text: &str, append: bool) -> Result<(), String> {
        let path = format!("{folder}/{name}");
        let parent = clean_path(path.rsplit_once('/').map_or("", |(parent, _)| parent));
        if let Err(error) = std::fs::metadata(&parent)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(go_error("stat", &parent, &error));
        }
        make_folders(Path::new(&parent))?;
        let opened = if append { OpenOptions::new().append(true).open(&path) } else { File::create(&path) };
        let mut file = opened.map_err(|error| go_error("open", &path, &error))?;
        file.write_all(format!("---\n# Source: {name}\n{text}\n").as_bytes())
            .map_err(|error| go_error("write", &path, &error))?;
        writeln!(self.out, "wrote {path}").map_err(|error| go_reason(&error))
    }
}
