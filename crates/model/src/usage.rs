//! How uses of secrets are counted: shared counters that traffic raises and the engine drains.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::name::{EnvironmentName, RouteName, SecretName};
use crate::time::Timestamp;

/// What an upstream's answer says about the credential that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The upstream took it.
    Accepted,
    /// The upstream called it dead, usually by a 401.
    Rejected,
    /// The upstream knows it but it may not do this (403).
    Refused,
    /// Too many requests (429); says nothing about the credential.
    Throttled,
    /// The upstream failed (5xx, a broken answer); says nothing about the credential.
    Failed,
    /// Bytes were sent and no answer came.
    Unreachable,
}

/// All outcomes, in the order of their counters.
pub const OUTCOMES: [Outcome; 6] =
    [Outcome::Accepted, Outcome::Rejected, Outcome::Refused, Outcome::Throttled, Outcome::Failed, Outcome::Unreachable];

impl Outcome {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Failed => "failed",
            Self::Unreachable => "unreachable",
        }
    }
}

/// Whose uses are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TallyKey {
    /// The secret that was sent.
    pub secret: SecretName,
    /// Through which route.
    pub route: RouteName,
    /// In which environment.
    pub environment: EnvironmentName,
}

/// The counters of one (secret, route, environment). Raised without a lock; memory is bounded by the bindings.
#[derive(Debug, Default)]
pub struct Tally {
    counts: [AtomicU64; OUTCOMES.len()],
    last_used: AtomicI64,
    open: AtomicI64,
}

/// What a tally held when it was drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Uses by outcome, in the order of [`OUTCOMES`].
    pub counts: [u64; OUTCOMES.len()],
    /// The latest use, at or before the moment of draining.
    pub last_used: Option<Timestamp>,
}

impl Drained {
    /// How many uses ended so.
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.counts.get(outcome as usize).copied().unwrap_or(0)
    }
}

impl Tally {
    /// Notes that the value's bytes were handed to a connection at `at`.
    pub fn used(&self, at: Timestamp) {
        self.last_used.fetch_max(at.as_millis(), Ordering::Relaxed);
    }

    /// Counts how such a use ended.
    pub fn ended(&self, outcome: Outcome) {
        if let Some(count) = self.counts.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that a request which carries the value is under way, until [`Tally::closed`].
    pub fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that such a request has ended, its answer or tunnel included.
    pub fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many such requests are under way.
    #[must_use]
    pub fn open(&self) -> u64 {
        u64::try_from(self.open.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Takes what was counted since the last time; `None` where nothing was.
    #[must_use]
    pub fn drain(&self) -> Option<Drained> {
        let counts =
            std::array::from_fn(|index| self.counts.get(index).map_or(0, |count| count.swap(0, Ordering::Relaxed)));
        let last_used = match self.last_used.swap(0, Ordering::Relaxed) {
            0 => None,
            millis => Some(Timestamp::from_millis(millis)),
        };
        (last_used.is_some() || counts.iter().any(|count| *count > 0)).then_some(Drained { counts, last_used })
    }

    /// Gives back what could not be written, so that nothing is lost while the database is away.
    pub fn put_back(&self, drained: Drained) {
        for (count, more) in self.counts.iter().zip(drained.counts) {
            count.fetch_add(more, Ordering::Relaxed);
        }
        if let Some(at) = drained.last_used {
            self.used(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_is_drained_once_and_can_be_put_back() {
        let tally = Tally::default();
        assert_eq!(tally.drain(), None);
        tally.used(Timestamp::from_millis(7));
        tally.used(Timestamp::from_millis(5));
        tally.ended(Outcome::Rejected);
        let drained = tally.drain().unwrap();
        assert_eq!(drained.last_used, Some(Timestamp::from_millis(7)));
        assert_eq!(drained.counts, [0, 1, 0, 0, 0, 0]);
        assert_eq!((drained.of(Outcome::Rejected), drained.of(Outcome::Accepted)), (1, 0));
        assert_eq!(tally.drain(), None);
        tally.put_back(drained);
        assert_eq!(tally.drain(), Some(drained));
    }

    #[test]
    fn what_is_under_way_is_no_count() {
        let tally = Tally::default();
        tally.opened();
        tally.opened();
        tally.closed();
        assert_eq!((tally.open(), tally.drain()), (1, None));
    }
}
