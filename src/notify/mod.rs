//! Alerts to the outside.
