//! The charts themselves: helm's lint, helm's bytes, READMEs.
