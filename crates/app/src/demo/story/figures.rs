//! The stand-in's record at one moment, to be compared with an earlier one.

use crate::demo::provider::{Counts, Provider};

/// The record at one moment.
pub(super) struct Figures(Counts);

impl Figures {
    /// The record now.
    pub(super) fn of(provider: &Provider) -> Self {
        Self(provider.counts())
    }

    /// How many requests came since, in an environment with a key.
    pub(super) fn since(&self, earlier: &Self, environment: &str, key: &str) -> u64 {
        let at = |counts: &Counts| counts.get(&(environment.to_owned(), key.to_owned())).copied().unwrap_or_default();
        at(&self.0).saturating_sub(at(&earlier.0))
    }

    /// How many requests came since, in an environment, whatever the key.
    pub(super) fn total_since(&self, earlier: &Self, environment: &str) -> u64 {
        let sum = |counts: &Counts| -> u64 {
            counts.iter().filter(|((name, _), _)| name == environment).map(|(_, count)| *count).sum()
        };
        sum(&self.0).saturating_sub(sum(&earlier.0))
    }
}
