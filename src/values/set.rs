//! `--set` and its sisters.
