//! Actions in order, prune policy, danger checks.
