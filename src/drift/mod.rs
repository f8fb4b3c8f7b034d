//! Who changed which owned field, and when; desired against live.

mod report;

pub use report::{DriftState, FieldDrift, ObjectDrift, short};
