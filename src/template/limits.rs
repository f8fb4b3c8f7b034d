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

impl Limits {
    /// Sets the limit of this name (`fuel`, `output`, `depth`); false if there is none.
    pub fn set(&mut self, name: &str, value: u64) -> bool {
        match name {
            "fuel" => self.fuel = value,
            "output" => self.output = value,
            "depth" => self.depth = usize::try_from(value).unwrap_or(usize::MAX),
            _ => return false,
        }
        true
    }

    /// The name of the limit that an error's message tells of, if it is one of these.
    pub fn named_in(message: &str) -> Option<&'static str> {
        [("limit reached: fuel", "fuel"), ("limit reached: output", "output"), ("maximum template depth", "depth")]
            .into_iter()
            .find(|(text, _)| message.contains(text))
            .map(|(_, name)| name)
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
