//! The stand-in's record at one moment, to be compared with an earlier one.

use crate::demo::provider::{Provider, Tallies, Tally};

/// The record at one moment.
#[derive(Clone)]
pub(super) struct Figures(Tallies);

impl Figures {
    /// The record now.
    pub(super) fn of(provider: &Provider) -> Self {
        Self(provider.tallies())
    }

    /// What came since, in an environment with a key.
    pub(super) fn since(&self, earlier: &Self, environment: &str, key: &str) -> Tally {
        let at =
            |tallies: &Tallies| tallies.get(&(environment.to_owned(), key.to_owned())).copied().unwrap_or_default();
        at(&self.0).less(at(&earlier.0))
    }

    /// What came since in an environment, whatever the key.
    pub(super) fn all_since(&self, earlier: &Self, environment: &str) -> Tally {
        let sum = |tallies: &Tallies| {
            let here = tallies.iter().filter(|((name, _), _)| name == environment);
            here.fold(Tally::default(), |sum, (_, tally)| sum.plus(*tally))
        };
        sum(&self.0).less(sum(&earlier.0))
    }

    /// What came with a key from the beginning, wherever.
    pub(super) fn with(&self, key: &str) -> Tally {
        let of_key = self.0.iter().filter(|((_, name), _)| name == key);
        of_key.fold(Tally::default(), |sum, (_, tally)| sum.plus(*tally))
    }

    /// A line for each environment and key.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|((environment, key), tally)| {
            let Tally { taken, refused, hopeless } = tally;
            let refused = if *refused > 0 { format!(", {refused} refused") } else { String::new() };
            format!("{environment:<12} {key:<18} {taken:>6} taken, {hopeless} answered 401 whatever the key{refused}")
        })
    }
}

impl Tally {
    /// All requests that say something about their key.
    pub(super) fn all(self) -> u64 {
        self.taken.saturating_add(self.refused)
    }

    fn plus(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    fn less(self, other: Self) -> Self {
        self.with(other, u64::saturating_sub)
    }

    fn with(self, other: Self, each: fn(u64, u64) -> u64) -> Self {
        Self {
            taken: each(self.taken, other.taken),
            refused: each(self.refused, other.refused),
            hopeless: each(self.hopeless, other.hopeless),
        }
    }
}
