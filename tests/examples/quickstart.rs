//! The first ten files.

use super::walk::Walk;
use crate::harness::{kubectl, project};
use crate::require;

#[test]
fn the_quickstart_is_true() {
    let kubectl = require!(kubectl());
    Walk::new("quickstart").program("kubectl", &kubectl).run();
}

#[test]
fn the_quickstart_has_ten_files_and_names_them() {
    fn files(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
    }
    let folder = project().join("examples/quickstart");
    assert_eq!(files(&folder), 10);
}
