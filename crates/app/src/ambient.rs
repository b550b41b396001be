//! The wall clock and the random source of the operating system: the only place that asks for them.

use model::time::{Clock, Entropy, Timestamp};

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    // The linter forbids this call so that every decision about time can be tested; a real process has to ask somebody.
    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> Timestamp {
        let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The cryptographic random source of aws-lc, seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    // The same as above for randomness.
    #[allow(clippy::disallowed_methods)]
    fn fill(&self, out: &mut [u8]) {
        if aws_lc_rs::rand::fill(out).is_err() {
            // Keys made of anything but randomness are worse than no process: nothing could be trusted any more.
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_in_this_century_and_the_entropy_differs() {
        let moment = SystemClock.now();
        assert!(moment > "2026-01-01T00:00:00Z".parse().unwrap(), "{moment}");
        let (mut one, mut two) = ([0_u8; 32], [0_u8; 32]);
        SystemEntropy.fill(&mut one);
        SystemEntropy.fill(&mut two);
        assert_ne!(one, two);
        assert_ne!(one, [0; 32]);
    }
}
