//! Real helm and evenkeel on one release, before, between and after each other, on a real API server.

mod adoption;
mod commands;
mod failures;
mod faults;
mod hooks;
mod record;
mod support;
