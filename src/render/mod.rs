//! A chart and values become manifests, hooks and notes.
