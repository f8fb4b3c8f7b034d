//! The daemon against a real API server, and what a bare client and kubectl take for the same objects in the same run:
//! `just bench-live`. What each line means, and what was measured: docs/benchmarks.md.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark reads files and variables, fails by panicking, and prints what it measured"
)]

#[path = "../tests/harness/mod.rs"]
#[allow(unused_imports, unused_macros, reason = "the tests use more of it")]
mod harness;
#[path = "live/mod.rs"]
#[allow(dead_code, reason = "the test that keeps it from rotting uses more of it")]
mod live;

use harness::ControlPlane;
use live::Sizes;

fn main() {
    // `cargo test --benches` runs this file, too.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let plane = match ControlPlane::shared() {
        Ok(plane) => plane,
        Err(missing) => return println!("not measured: {missing}"),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let figures = runtime.block_on(live::measure(plane, &Sizes::from_environment()));
    println!("{figures}");
    println!("{}", figures.json());
}
