//! The one integration test binary. Each part is a folder under `tests/` with a `mod.rs`, declared here; a forgotten one,
//! or a forgotten file in one, fails.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests read files and variables, and fail by panicking"
)]

mod charts;
mod cli;
mod clipper;
mod cluster;
mod drift;
mod examples;
mod faults;
mod fields;
mod git;
mod harness;
mod health;
mod helm;
mod histories;
mod lookup;
mod moves;
mod parity;
mod remote;
mod render;
mod sandbox;
mod sops;
mod systems;

/// Rust files that no `mod` line names are never compiled: their tests would pass by not being there.
#[test]
fn no_file_is_forgotten() {
    fn check(folder: &std::path::Path, declared_in: &std::path::Path) {
        let declarations = std::fs::read_to_string(declared_in).unwrap();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let module = path.file_stem().unwrap().to_str().unwrap();
            let inner = path.join("mod.rs");
            let is_module = inner.is_file() || path.extension().is_some_and(|extension| extension == "rs");
            if !is_module || ["mod", "it", "layering"].contains(&module) {
                continue;
            }
            let declared = declarations.lines().any(|line| line.trim_end().ends_with(&format!("mod {module};")));
            assert!(declared, "{} has no line `mod {module};`", declared_in.display());
            if inner.is_file() {
                check(&path, &inner);
            }
        }
    }
    let tests = harness::project().join("tests");
    check(&tests, &tests.join("it.rs"));
}
