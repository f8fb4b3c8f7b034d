//! How long to wait after a failure: doubling to a cap, with jitter, and back to nothing at any new input.

use std::time::Duration;

/// Capped exponential backoff. Pure: randomness comes in as an argument.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits `first` after one failure, twice that after two, and never more than `cap`.
    #[must_use]
    pub fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap, failures: 0 }
    }

    /// Forgets all failures: something new came in, or it went well.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The failures in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Notes a failure and says how long to wait; `jitter` in 0..1 spreads the wait over its upper quarter.
    pub fn fail(&mut self, jitter: f64) -> Duration {
        let wait = self.coming(jitter);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// How long the wait after one more failure would be.
    #[must_use]
    pub fn coming(&self, jitter: f64) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(self.failures.min(30)));
        doubled.min(self.cap).mul_f64(0.75 + 0.25 * jitter.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_the_cap_and_resets() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        let waits: Vec<u64> = (0..8).map(|_| backoff.fail(1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.coming(1.0), Duration::from_secs(60));
        assert_eq!(backoff.failures(), 8);
        backoff.reset();
        assert_eq!(backoff.fail(0.0), Duration::from_millis(750));
        for _ in 0..10_000 {
            assert!(backoff.fail(1.0) <= Duration::from_secs(60));
        }
    }
}
