//! Charts: metadata, loader, dependencies, capabilities and files.
