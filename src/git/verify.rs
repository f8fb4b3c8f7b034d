//! Checks that a commit can be read before it comes into force: a damaged store must not replace the last good revision.

use std::collections::HashSet;

use git2::{ObjectType, Odb, Oid, Repository};

use super::FILE_LIMIT;

/// Files whose content is read by a check in one pass; the existence of the others is checked (limit: verified files).
const CONTENTS: usize = 20_000;

/// Folders nest at most this deep (limit: tree depth).
const DEPTH: usize = 128;

/// What was found whole before: a check visits only what is new since.
#[derive(Debug, Default)]
pub(super) struct Verified(HashSet<Oid>);

impl Verified {
    /// Walks everything below the tree of `commit`. On success only what this commit holds is remembered.
    pub(super) fn check(&mut self, repository: &Repository, commit: Oid) -> Result<(), git2::Error> {
        let tree = repository.find_commit(commit)?.tree_id();
        let odb = repository.odb()?;
        let mut pass = Pass { repository, odb: &odb, before: &self.0, seen: HashSet::new(), contents: 0 };
        pass.tree(tree, 0)?;
        self.0 = pass.seen;
        Ok(())
    }
}

struct Pass<'a> {
    repository: &'a Repository,
    odb: &'a Odb<'a>,
    before: &'a HashSet<Oid>,
    seen: HashSet<Oid>,
    contents: usize,
}

impl Pass<'_> {
    fn tree(&mut self, id: Oid, depth: usize) -> Result<(), git2::Error> {
        if depth > DEPTH {
            return Err(git2::Error::from_str("folders nest too deep (limit: tree depth)"));
        }
        if !self.seen.insert(id) {
            return Ok(());
        }
        for entry in &self.repository.find_tree(id)? {
            match entry.kind() {
                Some(ObjectType::Tree) => self.tree(entry.id(), depth + 1)?,
                Some(ObjectType::Blob) => self.blob(entry.id())?,
                // A submodule's commit lies in another repository.
                _ => {}
            }
        }
        Ok(())
    }

    fn blob(&mut self, id: Oid) -> Result<(), git2::Error> {
        if !self.seen.insert(id) || self.before.contains(&id) {
            return Ok(());
        }
        let (size, _) = self.odb.read_header(id)?;
        if self.contents < CONTENTS && size as u64 <= FILE_LIMIT {
            self.contents += 1;
            self.odb.read(id)?;
        }
        Ok(())
    }
}
