//! The only module that writes to a cluster.
