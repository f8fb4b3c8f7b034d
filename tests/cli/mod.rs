//! The command line as a user meets it, on the sandbox: what it prints, how it fails, what it leaves.

mod demo;
mod docs;
mod chart_docs;
mod errors;
mod flags;
mod groups;
mod interrupt;
mod json;
mod lifecycle;
mod lint;
mod plan;
mod read;
mod rendered;
mod secrets;
mod validate;
