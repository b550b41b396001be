//! Room for new connections: where a worker is full, those that have been idle the longest are ended.
//!
//! Whoever only holds connections open, or sends a head a byte at a time, must not keep out everybody else. A
//! connection with a request under way is never ended for it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a connection is idle before it can be ended to make room: whoever has just come, or has just been
/// answered, is about to send something.
const JUST_NOW: Duration = Duration::from_secs(1);

/// What part of all connections is ended at once, so that a flood does not have us look through all for each.
const SHARE: usize = 16;

/// The connections of one worker.
#[derive(Debug)]
pub(super) struct Seats {
    start: Instant,
    taken: Vec<Weak<Seat>>,
}

/// One connection's place.
#[derive(Debug)]
pub(super) struct Seat {
    start: Instant,
    /// Requests under way.
    requests: AtomicUsize,
    /// Milliseconds from `start` to the moment since which there is none.
    idle_since: AtomicU64,
    leave: Notify,
}

/// A request under way, or whatever else must not be disturbed.
#[derive(Debug)]
pub(crate) struct Engaged(Arc<Seat>);

impl Seats {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), taken: Vec::new() }
    }

    /// A place for a new connection.
    pub(super) fn take(&mut self) -> Arc<Seat> {
        // Those that are gone are swept out where the list would have to grow.
        if self.taken.len() == self.taken.capacity() {
            self.taken.retain(|seat| seat.strong_count() > 0);
        }
        let (requests, leave) = (AtomicUsize::new(0), Notify::new());
        let seat = Arc::new(Seat { start: self.start, requests, idle_since: AtomicU64::new(0), leave });
        seat.rest();
        self.taken.push(Arc::downgrade(&seat));
        seat
    }

    /// Asks those that have been idle the longest to leave: one in [`SHARE`], and at least one. Whether somebody was.
    pub(super) fn make_room(&mut self) -> bool {
        self.make_room_at(millis(self.start))
    }

    fn make_room_at(&mut self, now: u64) -> bool {
        self.taken.retain(|seat| seat.strong_count() > 0);
        let long_ago = now.saturating_sub(u64::try_from(JUST_NOW.as_millis()).unwrap_or(u64::MAX));
        let mut idle: Vec<(u64, Arc<Seat>)> = self.taken.iter().filter_map(Weak::upgrade).filter_map(idle).collect();
        idle.retain(|(since, _)| *since < long_ago);
        idle.sort_unstable_by_key(|(since, _)| *since);
        let count = (self.taken.len() / SHARE).max(1);
        for (_, seat) in idle.iter().take(count) {
            // Asked once: another one is asked while it takes its time.
            seat.idle_since.store(u64::MAX, Ordering::Release);
            // Kept until it is waited for.
            seat.leave.notify_one();
        }
        !idle.is_empty()
    }
}

fn idle(seat: Arc<Seat>) -> Option<(u64, Arc<Seat>)> {
    let since = seat.idle_since.load(Ordering::Acquire);
    seat.is_free().then_some((since, seat))
}

fn millis(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Seat {
    /// Keeps the place for as long as what is returned lives.
    pub(super) fn engage(self: &Arc<Self>) -> Engaged {
        self.requests.fetch_add(1, Ordering::AcqRel);
        Engaged(Arc::clone(self))
    }

    /// Waits until the place is wanted for somebody else.
    pub(super) async fn wanted(&self) {
        loop {
            self.leave.notified().await;
            // A request may have come since it was asked.
            if self.is_free() {
                return;
            }
        }
    }

    /// Whether nothing is under way.
    pub(super) fn is_free(&self) -> bool {
        self.requests.load(Ordering::Acquire) == 0
    }

    fn rest(&self) {
        self.idle_since.store(millis(self.start), Ordering::Release);
    }
}

impl Drop for Engaged {
    fn drop(&mut self) {
        self.0.rest();
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// As if it had been idle since then.
    fn idle_since(seat: &Seat, millis: u64) {
        seat.idle_since.store(millis, Ordering::Release);
    }

    fn is_wanted(seat: &Seat) -> bool {
        seat.wanted().now_or_never().is_some()
    }

    #[test]
    fn the_longest_idle_go_first_and_the_engaged_never() {
        let mut seats = Seats::new();
        let (first, second, third) = (seats.take(), seats.take(), seats.take());
        let engaged = first.engage();
        for (seat, since) in [(&first, 0), (&second, 1_000), (&third, 2_000)] {
            idle_since(seat, since);
        }
        assert!(!seats.make_room_at(1_500), "the others have just come");
        assert!(seats.make_room_at(10_000));
        assert_eq!([&first, &second, &third].map(|seat| is_wanted(seat)), [false, true, false]);
        drop(second);
        assert!(seats.make_room_at(10_000));
        assert_eq!([&first, &third].map(|seat| is_wanted(seat)), [false, true]);
        drop((engaged, third));
        idle_since(&first, 9_500);
        assert!(!seats.make_room_at(10_000), "it was answered just now");
        assert!(seats.make_room_at(11_000) && is_wanted(&first));
    }

    #[test]
    fn whoever_is_engaged_meanwhile_stays() {
        let mut seats = Seats::new();
        let seat = seats.take();
        idle_since(&seat, 0);
        assert!(seats.make_room_at(10_000));
        let engaged = seat.engage();
        assert!(!is_wanted(&seat));
        drop(engaged);
        assert!(!is_wanted(&seat), "it was asked once, and that is over");
        idle_since(&seat, 0);
        assert!(seats.make_room_at(10_000) && is_wanted(&seat));
    }

    #[test]
    fn a_share_goes_at_once_and_those_that_are_gone_are_forgotten() {
        let mut seats = Seats::new();
        let mut open: Vec<_> = (0..256).map(|_| seats.take()).collect();
        open.iter().for_each(|seat| idle_since(seat, 0));
        assert!(seats.make_room_at(10_000));
        assert_eq!(open.iter().filter(|seat| is_wanted(seat)).count(), 16);
        open.truncate(10);
        seats.make_room_at(10_000);
        assert_eq!(seats.taken.len(), 10);
    }
}
