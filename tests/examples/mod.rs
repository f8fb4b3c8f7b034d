//! The worked examples of `examples/`: each is a repository whose README is walked through, command by command, and must say
//! what the README shows.

mod clusters;
mod gitops;
mod migrate;
mod quickstart;
mod secrets;
mod walk;
