//! The wall clock and the random source of the operating system: the only place that asks for them.

use std::time::Instant;

use model::time::{Clock, Entropy, Span, Timestamp};

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

/// The operating system's clock, as long as it does not run ahead of what has really passed since this was made: what
/// has to last for two days must not be over because somebody set the date. Where the machine slept, it lags behind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SteadyClock {
    start: Timestamp,
    since: Instant,
}

/// How far the operating system's clock may be corrected forwards.
const CORRECTION: Span = Span::from_secs(30);

impl SteadyClock {
    /// Trusts the clock as it stands now.
    pub(crate) fn new() -> Self {
        Self { start: SystemClock.now(), since: Instant::now() }
    }

    fn at(self, wall: Timestamp) -> Timestamp {
        let passed = Span::from_millis(i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX));
        wall.min(self.start.plus(passed).plus(CORRECTION))
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        self.at(SystemClock.now())
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
    fn a_clock_that_is_set_forward_does_not_carry_the_steady_one_along() {
        let (steady, now) = (SteadyClock::new(), SystemClock.now());
        let moved = steady.at(now.plus(Span::from_days(2)));
        assert!(moved < now.plus(Span::from_secs(60)), "{moved}");
        let before = now.minus(Span::from_days(2));
        assert_eq!(steady.at(before), before, "backwards, everything just takes longer");
    }

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
