//! Who changed which owned field, and when; desired against live.
//!
//! Turns *a desired object and the live one* into *the fields that differ, each with the manager that wrote it*. `reconcile/`
//! calls it for drift, `cli/` for `diff`. What differs only by defaulting or by spelling (quantities, numbers, null and
//! emptiness, a Secret's `stringData`) is no difference. It never reads a cluster or a clock, and never lets a Secret's
//! value out.

mod attribute;
mod builtin;
mod compare;
mod equal;
mod ignore;
mod loops;
mod object;
mod place;
mod quantity;
mod secret;
mod summary;
mod text;

pub use builtin::{BUILT_IN, BuiltIn, When};
pub use compare::{Comparison, Input, View, compare};
pub use ignore::{LetBe, keep};
pub use loops::{Loop, LoopDetector};
pub use object::{FieldDrift, ObjectDrift, State, UNKNOWN_MANAGER};
pub use quantity::Quantity;
pub use secret::{CHANGED, as_stored};
pub use summary::short;
pub use text::{Compared, unified};

use crate::manifest::Applied;

/// Whether an object has to be read to know if it drifted: `mark` and `uid` are what a metadata-only watch last said of it,
/// `mark` `None` when our entry is gone. While both are those of the last apply, nobody took a field from us.
#[must_use]
pub fn needs_read(mark: Option<&str>, uid: &str, applied: &Applied) -> bool {
    uid != applied.uid || mark.is_none_or(|mark| mark != applied.mark)
}

#[cfg(test)]
mod tests;
