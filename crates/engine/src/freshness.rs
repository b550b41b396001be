//! How old the snapshot is that is served, and its end when it gets too old.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::snapshot::Snapshot;
use model::time::{Span, Timestamp};
use tokio::time::Instant;

use crate::Shared;

/// For so many looks in a row nothing has to be heard of the database before the clock on the wall is believed. It may
/// be set forward by days, between two looks that both succeed; the other clock stands still while a machine sleeps.
const MISSED: u32 = 20;

/// When the database was last seen at the state that is served. It outlives the task that publishes: one that fails
/// again and again, or waits for an answer that never comes, makes nothing newer.
#[derive(Debug)]
pub(crate) struct Freshness(Mutex<Moment>);

/// A moment by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    steady: Instant,
    wall: Timestamp,
}

impl Moment {
    /// This one.
    pub(crate) fn now(shared: &Shared) -> Self {
        Self { steady: Instant::now(), wall: shared.options.clock.now() }
    }
}

impl Freshness {
    /// Nothing has been seen yet, and nothing is served.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self(Mutex::new(Moment { steady: Instant::now(), wall: now }))
    }

    fn seen(&self) -> MutexGuard<'_, Moment> {
        // One whole value replaces another: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves `snapshot`, or goes on with the one that is served where it is `None`: the database was asked at the moment
/// `asked`, and this is its state. One that took too long to come is not served; the next look will be newer.
pub(crate) fn serve(shared: &Shared, asked: Moment, snapshot: Option<Arc<Snapshot>>) -> bool {
    let mut seen = shared.freshness.seen();
    if is_stale(shared, asked) {
        return false;
    }
    *seen = asked;
    if let Some(snapshot) = snapshot {
        shared.options.snapshot.store(Some(snapshot));
    }
    true
}

/// Serves another snapshot of the state that is served, unless that has been withdrawn.
pub(crate) fn amend(shared: &Shared, snapshot: Arc<Snapshot>) {
    let seen = shared.freshness.seen();
    if !is_stale(shared, *seen) && shared.options.snapshot.load().is_some() {
        shared.options.snapshot.store(Some(snapshot));
    }
}

/// Withdraws the snapshot when it gets too old, whatever the task that publishes is doing: what was deleted elsewhere
/// must not be served for ever. When a secret may be deleted, no node can still hold it.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        withdraw_if_stale(&shared);
        if !shared.sleep(shared.options.pace.poll).await {
            return;
        }
    }
}

fn withdraw_if_stale(shared: &Shared) {
    let seen = shared.freshness.seen();
    if is_stale(shared, *seen) && shared.options.snapshot.swap(None).is_some() {
        shared.standing.withdraw();
        tracing::error!(since = %seen.wall, "the database was away for longer than max_staleness; nothing is served until it is back");
    }
}

fn is_stale(shared: &Shared, seen: Moment) -> bool {
    let (now, most) = (Moment::now(shared), shared.options.max_staleness);
    let steady = now.steady.saturating_duration_since(seen.steady);
    let slept = steady > shared.options.pace.poll.saturating_mul(MISSED) && Span::between(seen.wall, now.wall) > most;
    slept || steady > Duration::from_millis(u64::try_from(most.as_millis()).unwrap_or(0))
}
