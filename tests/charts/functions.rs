//! The functions that templates have: all of helm's, none more.

use evenkeel::functions::{Surroundings, register};
use evenkeel::template::FunctionTable;

use super::{folder, lines};

/// What helm registers (`tests/charts/oracle`).
fn helms() -> Vec<String> {
    lines(&folder("functions.txt"))
}

#[test]
fn the_functions_are_helms() {
    let mut table = FunctionTable::new();
    register(&mut table, &Surroundings::default());
    assert_eq!(table.names(), helms());
}
