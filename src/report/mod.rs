//! What people and programs read: plans, drift and status as text and as JSON. Pure: returns text with ANSI styles, which
//! the command line strips where it does not write to a terminal; never prints.

mod markdown;
mod plan;
mod status;
mod style;
mod why;

pub use markdown::plan_markdown;
pub use plan::{plan_json, plan_text};
pub use status::{EnvironmentStatus, ReleaseState, ReleaseStatus, status_text};
pub use style::{BAD, DIM, GOOD, NAME, WARN, paint};
pub use why::{Awaited, Why, remedies, why_text};
