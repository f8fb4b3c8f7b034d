//! Repositories, fetch, revisions and snapshots of a tree (IO: git2, notify).
