//! What a run may cost. No real chart meets the defaults; a hostile one does, and gets an error that names the limit.

/// Limits of one execution.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Steps: nodes executed, elements ranged over, and what functions charge.
    pub fuel: u64,
    /// Bytes written, over all nested templates.
    pub output: usize,
    /// Templates running inside each other.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { fuel: 200_000_000, output: 512 << 20, depth: 20_000 }
    }
}

/// Containers inside each other, when a value is printed, compared or converted.
pub(super) const MAX_VALUE_DEPTH: usize = 1_000;
