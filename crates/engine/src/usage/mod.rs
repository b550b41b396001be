//! The counters that traffic raises: one for each (secret, route, environment), shared with the snapshots.

pub(crate) mod flush;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::name::SecretName;
use model::snapshot::{TrialCounts, TrialDrained, TrialKey};
use model::usage::{Drained, Tally, TallyKey};

/// All counters in use. Memory is bounded by the bindings, also while the database is away: a counter counts, it does
/// not queue. Traffic never comes here; it holds the counters through its snapshot.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    tallies: Mutex<HashMap<TallyKey, Arc<Tally>>>,
    trials: Mutex<HashMap<TrialKey, Arc<TrialCounts>>>,
    /// The secrets of which it is told how many requests are under way.
    watched: Mutex<BTreeSet<SecretName>>,
}

impl Registry {
    /// The counter of `key`; the same one for the old and the new snapshot.
    pub(crate) fn tally(&self, key: TallyKey) -> Arc<Tally> {
        Arc::clone(self.tallies().entry(key).or_default())
    }

    /// The counter of a route and environment in a rotation; the same one for the old and the new snapshot.
    pub(crate) fn trial(&self, key: TrialKey) -> Arc<TrialCounts> {
        Arc::clone(lock(&self.trials).entry(key).or_default())
    }

    /// Says which secrets it is told of how many requests are under way.
    pub(crate) fn watch(&self, secrets: BTreeSet<SecretName>) {
        *lock(&self.watched) = secrets;
    }

    /// How many requests, streams and tunnels are under way that carry one of the watched secrets.
    pub(crate) fn open(&self) -> Vec<(SecretName, u64)> {
        let watched = lock(&self.watched).clone();
        if watched.is_empty() {
            return Vec::new();
        }
        let mut open = BTreeMap::new();
        for (key, tally) in self.tallies().iter().filter(|(key, _)| watched.contains(&key.secret)) {
            *open.entry(key.secret.clone()).or_insert(0_u64) += tally.open();
        }
        open.into_iter().collect()
    }

    /// Takes what was counted in rotations, and forgets counters that nobody holds any longer. What cannot be written is
    /// to be given back.
    pub(crate) fn drain_trials(&self) -> Vec<(TrialKey, TrialDrained)> {
        let mut rows = Vec::new();
        lock(&self.trials).retain(|key, counts| {
            let alone = Arc::get_mut(counts).is_some();
            let drained = counts.drain();
            rows.extend(drained.map(|drained| (key.clone(), drained)));
            drained.is_some() || !alone
        });
        rows
    }

    /// Takes everything that was counted, and forgets counters that no snapshot and no request holds any longer.
    pub(crate) fn drain(&self) -> Pending<'_> {
        let mut rows = Vec::new();
        self.tallies().retain(|key, tally| {
            // Asked first, and with `get_mut`: whoever let go of it did so before, so that nothing is counted after.
            let alone = Arc::get_mut(tally).is_some();
            let drained = tally.drain();
            rows.extend(drained.map(|drained| (key.clone(), drained)));
            drained.is_some() || !alone
        });
        Pending { registry: self, rows }
    }

    fn tallies(&self) -> MutexGuard<'_, HashMap<TallyKey, Arc<Tally>>> {
        lock(&self.tallies)
    }
}

fn lock<T>(place: &Mutex<T>) -> MutexGuard<'_, T> {
    // Entries are put in and taken out whole: a panic elsewhere leaves nothing half done.
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What traffic counts, for a process that hands over or takes over.
#[derive(Debug, Clone)]
pub struct Counts(pub(crate) Arc<Registry>);

impl Counts {
    /// Takes everything that was counted and is not written.
    #[must_use]
    pub fn take(&self) -> Pending<'_> {
        self.0.drain()
    }

    /// Takes what was counted in rotations and is not written. What does not reach anybody is to be given back.
    #[must_use]
    pub fn take_trials(&self) -> Vec<(TrialKey, TrialDrained)> {
        self.0.drain_trials()
    }

    /// Counts what another process has counted in rotations.
    pub fn add_trials(&self, rows: impl IntoIterator<Item = (TrialKey, TrialDrained)>) {
        for (key, drained) in rows {
            self.0.trial(key).put_back(drained);
        }
    }

    /// Counts what another process has counted.
    pub fn add(&self, rows: impl IntoIterator<Item = (TallyKey, Drained)>) {
        for (key, drained) in rows {
            self.0.tally(key).put_back(drained);
        }
    }
}

/// What was counted and is not written yet. Dropped, whether by an error or a panic, the rest goes back to be counted
/// again: nothing is lost while the database is away.
#[derive(Debug)]
pub struct Pending<'a> {
    registry: &'a Registry,
    rows: Vec<(TallyKey, Drained)>,
}

impl Pending<'_> {
    /// At most so many of the rest; empty where nothing is left.
    #[must_use]
    pub fn next(&self, most: usize) -> &[(TallyKey, Drained)] {
        self.rows.get(self.rows.len().saturating_sub(most)..).unwrap_or_default()
    }

    /// So many of them are in safe hands: those that [`Pending::next`] showed.
    pub fn settle(&mut self, count: usize) {
        self.rows.truncate(self.rows.len().saturating_sub(count));
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        for (key, drained) in self.rows.drain(..) {
            self.registry.tally(key).put_back(drained);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::time::Timestamp;
    use model::usage::Outcome;

    use super::*;

    fn key(route: &str) -> TallyKey {
        TallyKey {
            secret: "s".parse().unwrap(),
            route: route.parse().unwrap(),
            environment: "production".parse().unwrap(),
        }
    }

    #[test]
    fn what_is_not_written_goes_back() {
        let registry = Registry::default();
        let tally = registry.tally(key("r"));
        tally.used(Timestamp::from_millis(5));
        tally.ended(Outcome::Accepted);
        let mut pending = registry.drain();
        assert_eq!(pending.rows.len(), 1);
        // Counted while the first count was on its way.
        tally.ended(Outcome::Accepted);
        drop(pending);
        pending = registry.drain();
        assert_eq!(pending.rows[0].1.counts[0], 2);
        assert_eq!(pending.rows[0].1.last_used, Some(Timestamp::from_millis(5)));
        pending.rows.clear();
        drop(pending);
        assert!(registry.drain().rows.is_empty());
    }

    #[test]
    fn a_counter_is_forgotten_when_nobody_holds_it_and_it_is_written() {
        let registry = Registry::default();
        let (held, left) = (registry.tally(key("held")), registry.tally(key("left")));
        left.ended(Outcome::Failed);
        drop(left);
        drop(registry.drain());
        assert_eq!(registry.tallies().len(), 2, "it still has a count to write");
        registry.drain().rows.clear();
        registry.drain().rows.clear();
        assert_eq!(registry.tallies().keys().cloned().collect::<Vec<_>>(), [key("held")]);
        assert!(Arc::ptr_eq(&held, &registry.tally(key("held"))));
    }
}
