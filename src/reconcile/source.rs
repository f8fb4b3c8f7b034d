//! Where the desired state is read from.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::charts::Charts;
use crate::sops::Keys;
use crate::tree::Tree;

/// A tree at a revision. Cheap to clone.
#[derive(Clone)]
pub struct Source {
    /// The files.
    pub tree: Arc<dyn Tree>,
    /// The revision: a commit's id, or `working folder`.
    pub revision: String,
    /// The commit's time: what `now` is in templates. The time of reading for a working folder.
    pub time: Timestamp,
    /// Where charts come from that are not among the files.
    pub charts: Charts,
    /// What opens its files of secrets.
    pub keys: Keys,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("revision", &self.revision).finish_non_exhaustive()
    }
}

/// What a working folder is called where a commit's id would stand.
pub const WORKING_FOLDER: &str = "working folder";
