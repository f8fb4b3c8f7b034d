//! How the program is linked: at a fixed address in release builds for Linux. 57,000 addresses are then known when it is linked and need
//! not be written at every start, which would touch 270 pages: a millisecond and 3 MB of each `evenkeel template` (docs/benchmarks.md).
//! Helm's own binary is linked so, too. Libraries and test binaries stay as they are.

#[expect(clippy::disallowed_methods, reason = "cargo speaks to a build script through variables")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |variable: &str, value: &str| std::env::var(variable).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
