//! What a run may cost. No real chart meets the defaults; a hostile one does, and gets an error that names the limit.

/// Limits of one engine, over everything that it executes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Steps: nodes executed, elements ranged over, and what functions charge.
    pub fuel: u64,
    /// Bytes written, over all templates and the texts that nested ones return.
    pub output: u64,
    /// Templates running inside each other.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { fuel: 100_000_000, output: 512 << 20, depth: 100_000 }
    }
}

/// Actions and parentheses inside each other in one template text.
pub(super) const MAX_NESTING: usize = 1_000;

/// Containers inside each other, when a value is printed, compared or converted.
pub(super) const MAX_VALUE_DEPTH: usize = 1_000;

/// Bytes of one text that a function makes.
pub(super) const MAX_TEXT: usize = 32 << 20;

/// Values visited when one value is compared or converted: containers that share their parts can be exponentially large.
pub(super) const MAX_VALUES: usize = 2_000_000;

/// Texts that an engine keeps parsed.
pub(super) const MAX_PARSED_TEXTS: usize = 4_096;
