//! Whatever dies or breaks on the way, evenkeel comes to rest where Git wants it. `docs/design/0006-faults.md` says what is
//! guaranteed; here it is held, with the real binary against the real API server.

mod approval;
mod crash;
mod errors;
mod server;
mod split;
mod support;
