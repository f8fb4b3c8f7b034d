//! The one integration test binary. Each part is a folder under `tests/`; a forgotten file fails here.
