//! The functions that templates have: all of helm's, none more, each in the recorded cases of some `functions-*` chart.

use std::collections::BTreeSet;
use std::fs;

use evenkeel::functions::{Surroundings, register};
use evenkeel::template::FunctionTable;

use super::{folder, lines, name};

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

#[test]
fn every_function_is_in_a_case() {
    let mut called = BTreeSet::new();
    for feature in fs::read_dir(folder("")).unwrap().map(|entry| name(&entry.unwrap().path())) {
        if !feature.starts_with("functions-") {
            continue;
        }
        let chart = folder(&feature).join("chart");
        let templates = fs::read_dir(chart.join("templates")).into_iter().flatten().map(|entry| entry.unwrap().path());
        for file in templates.chain([chart.join("expressions.txt"), chart.join(super::ERRORS)]) {
            for line in lines(&file) {
                called.extend(line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(str::to_owned));
            }
        }
    }
    let missing: Vec<String> = helms().into_iter().filter(|name| !called.contains(name)).collect();
    assert!(missing.is_empty(), "in no chart of tests/charts/functions-*: {missing:?}");
}
