//! Queue, backoff, follow, shutdown.
