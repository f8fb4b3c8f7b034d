//! Charts from elsewhere: a static repository over HTTP that real helm filled, a real registry, and what comes of both in files,
//! in `evenkeel template` and in environments.

mod archive;
mod clipper;
mod dependency;
mod http;
mod lock;
mod oci;
mod package;
pub(crate) mod support;
mod token;
