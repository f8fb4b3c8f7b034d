//! The modules that are fuzzed, out of the crate's own files: those that turn text into something without any IO, and
//! that hostile text reaches first. (`chart` is here for its versions alone.)
#![allow(missing_docs, dead_code, unreachable_pub, unused_imports, reason = "modules without their neighbours")]

extern crate self as evenkeel;

#[path = "../../src/diagnostic/mod.rs"]
pub mod diagnostic;
#[path = "../../src/go/mod.rs"]
pub mod go;
#[path = "../../src/yaml/mod.rs"]
pub mod yaml;
#[path = "../../src/manifest/mod.rs"]
pub mod manifest;
#[path = "../../src/values/mod.rs"]
pub mod values;
#[path = "."]
pub mod chart {
    #[path = "../../src/chart/version.rs"]
    pub mod version;
}
#[path = "../../src/template/mod.rs"]
pub mod template;
#[path = "../../src/functions/mod.rs"]
pub mod functions;

/// What a line that was found once is called with, in the targets and in the tests that replay it.
pub mod targets;
