//! YAML as Go reads and writes it, with positions.
