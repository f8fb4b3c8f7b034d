//! Files of secrets, held against SOPS itself: recorded ones, and where SOPS is at hand, generated ones.

mod generated;
mod layers;
mod recorded;

use std::path::PathBuf;

use evenkeel::sops::{KeySource, Keys};

use crate::harness::project;

/// A key of tests/sops: its file.
fn key_file(name: &str) -> PathBuf {
    project().join("tests/sops").join(name)
}

/// Those keys, at hand.
fn keys(names: &[&str]) -> Keys {
    Keys::read(names.iter().map(|name| KeySource {
        name: format!("tests/sops/{name}"),
        text: std::fs::read_to_string(key_file(name)).map_err(|error| error.to_string()),
    }))
}
