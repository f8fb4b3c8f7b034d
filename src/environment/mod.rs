//! Environments and releases: their files, discovery and layers.
