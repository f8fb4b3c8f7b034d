//! The five systems of `environments/` and `charts/`, deployed from Git: each from its first deploy to its end, and all of them at once.
//! On the real API server with controllers and fake nodes, and on the sandbox.

mod ai_agent_connector;
mod all;
mod ananta;
mod charts;
mod clipper;
mod elsewhere;
mod exadeploy;
mod membrane;
mod operators;
mod secrets;
mod story;
pub(crate) mod support;
