//! Go's fmt.

use super::value::Value;
use std::fmt;

impl fmt::Display for Value {
    /// Go's `%v`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) | Self::Error(text) => f.write_str(text),
            _ => f.write_str("?"),
        }
    }
}
