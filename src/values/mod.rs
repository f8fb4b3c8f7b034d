//! Values: merge as Helm coalesces, the `--set` syntax, provenance.
