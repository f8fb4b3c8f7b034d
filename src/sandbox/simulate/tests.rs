//! Controllers over the store alone: no server, no waiting.
